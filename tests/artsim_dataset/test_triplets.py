from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim_dataset.schema import variant_id
from artsim_dataset.triplets import Ring, Work, mine_triplets, sample_triplets
from tests.artsim_dataset import naive_assembling

works = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=4),
    st.builds(Work, st.sampled_from(["Cubism", "Rococo"]), st.sampled_from(["train", "test"]), st.sampled_from("xyz")),
    max_size=20,
)


def pairs(paintings: dict[str, Work]) -> list[tuple[str, str]]:
    return [(variant_id(painting, k), painting) for painting in paintings for k in range(2)]


@given(works)
def test_negative_is_of_another_genre_and_group_and_of_the_same_split(paintings: dict[str, Work]) -> None:
    triplets, missing = sample_triplets(pairs(paintings), paintings, seed=1)
    assert len(triplets) + len(missing) == len(pairs(paintings))
    for triplet in triplets:
        anchor, negative = paintings[triplet.anchor_id], paintings[triplet.negative_id]
        assert triplet.positive_id.startswith(triplet.anchor_id + "-")
        assert anchor.split == negative.split
        assert anchor.genre != negative.genre and anchor.group != negative.group


@given(works)
def test_variant_is_without_a_negative_only_when_there_is_none(paintings: dict[str, Work]) -> None:
    _, missing = sample_triplets(pairs(paintings), paintings, seed=1)
    for painting in {variant.rpartition("-")[0] for variant in missing}:
        own = paintings[painting]
        assert not [
            w for w in paintings.values() if w.split == own.split and w.genre != own.genre and w.group != own.group
        ]


@settings(max_examples=60, deadline=None)
@given(works, st.integers(0, 9))
def test_triplets_are_those_of_the_loop_over_rows(paintings: dict[str, Work], seed: int) -> None:
    asked = pairs(paintings)
    assert sample_triplets(asked, paintings, seed) == naive_assembling.sampled(asked, paintings, seed)
    vectors = {id_: np.random.default_rng([seed, *id_.encode()]).normal(size=5) for id_ in sorted(paintings)[::-1]}
    assert mine_triplets(asked, paintings, vectors) == naive_assembling.mined(asked, paintings, vectors)


def test_one_painting_of_another_genre_is_found_round_the_whole_ring() -> None:
    paintings = {f"p{k}": Work("Cubism", "train", f"p{k // 7}") for k in range(400)}
    paintings |= {"far": Work("Rococo", "train", "far"), "kin": Work("Rococo", "train", "p3")}
    triplets, missing = sample_triplets(pairs(paintings), paintings, seed=3)
    assert not missing and {t.negative_id for t in triplets if paintings[t.anchor_id].group == "p3"} >= {"far"}
    assert (triplets, missing) == naive_assembling.sampled(pairs(paintings), paintings, 3)


def test_one_more_painting_changes_few_negatives() -> None:
    paintings = {f"p{k}": Work(f"g{k % 3}", "train", f"p{k}") for k in range(300)}
    before, _ = sample_triplets(pairs(paintings), paintings, seed=1)
    more = paintings | {"new": Work("g9", "train", "new")}
    after, _ = sample_triplets(pairs(paintings), more, seed=1)
    changed = [a for b, a in zip(before, after, strict=True) if a != b]
    assert len(changed) < 30
    assert all(triplet.negative_id == "new" for triplet in changed)


def test_seed_changes_the_negatives_and_nothing_else() -> None:
    paintings = {f"p{k}": Work(f"g{k % 3}", "train", f"p{k}") for k in range(60)}
    one, _ = sample_triplets(pairs(paintings), paintings, seed=1)
    two, _ = sample_triplets(pairs(paintings), paintings, seed=2)
    assert [(t.anchor_id, t.positive_id) for t in one] == [(t.anchor_id, t.positive_id) for t in two]
    assert sum(a.negative_id != b.negative_id for a, b in zip(one, two, strict=True)) > 90


def test_negatives_are_spread_over_the_collection() -> None:
    paintings = {f"p{k}": Work(f"g{k % 3}", "train", f"p{k}") for k in range(300)}
    triplets, _ = sample_triplets(pairs(paintings), paintings, seed=1)
    assert len({t.negative_id for t in triplets}) > 150


@settings(max_examples=30)
@given(works, st.integers(0, 1000))
def test_hard_negative_is_the_most_similar_of_the_own_genre(paintings: dict[str, Work], seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = {painting: rng.normal(size=5) for painting in paintings}
    triplets, missing = mine_triplets(pairs(paintings), paintings, vectors)
    assert len(triplets) + len(missing) == len(pairs(paintings))
    centre = np.mean(list(vectors.values()), axis=0) if vectors else 0

    def similarity(a: str, b: str) -> float:
        x, y = vectors[a] - centre, vectors[b] - centre
        return float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y) + 1e-12))

    for triplet in triplets:
        own = paintings[triplet.anchor_id]
        allowed = [
            p for p, w in paintings.items() if w.split == own.split and w.genre == own.genre and w.group != own.group
        ]
        assert triplet.negative_id in allowed
        best = max(similarity(triplet.anchor_id, p) for p in allowed)
        assert similarity(triplet.anchor_id, triplet.negative_id) >= best - 1e-5


def test_ring_goes_round() -> None:
    ring = Ring(["a", "b"], "salt")
    assert {ring.first(k, accept=lambda i: True) for k in range(50)} == {"a", "b"}
    assert ring.first("x", accept=lambda i: i == "a") == "a"
