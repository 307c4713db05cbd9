"""The space of embeddings, against definitions written out in loops, and on spaces whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim_dataset.model import unit
from artsim_dataset.structure import Structure, _best, chance, flat_map, genre_similarity, structure


def space(seed: int, paintings: int = 24, genres: int = 3, spread: float = 1.0) -> dict[str, object]:
    """Paintings around the centres of their genres, two variants each near their painting."""
    draw = np.random.default_rng(seed)
    genre = np.arange(paintings) % genres
    originals = unit(3 * np.eye(genres, 8)[genre] + spread * draw.normal(size=(paintings, 8)))
    painting = np.repeat(np.arange(paintings), 2)
    return {
        "originals": originals,
        "variants": unit(originals[painting] + 0.05 * draw.normal(size=(2 * paintings, 8))),
        "painting": painting,
        "genres": [f"g{g}" for g in genre],
        "artists": [f"a{p // 4}" if p % 5 else "" for p in range(paintings)],
        "groups": [f"p{p - p % 2 if p < 6 else p}" for p in range(paintings)],  # three pairs of near-duplicates
    }


def measured(**world: object) -> Structure:
    return structure(**world, seed=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(3))
def test_numbers_are_those_of_the_definitions(seed: int) -> None:
    world = space(seed, spread=2.0)
    found = measured(**world)
    originals, variants, genres = world["originals"], world["variants"], world["genres"]
    artists, groups, painting = world["artists"], world["groups"], world["painting"]
    count = len(genres)

    def neighbours(query: np.ndarray, own: int) -> list[int]:
        others = [p for p in range(count) if groups[p] != groups[own]]
        return sorted(others, key=lambda p: (-float(query @ originals[p]), p))[:10]

    near = [neighbours(originals[p], p) for p in range(count)]
    same = [genres[q] == genres[p] for p in range(count) for q in near[p]]
    assert found.neighbours["same_genre"] == pytest.approx(np.mean(same))
    artist = [artists[q] == artists[p] != "" for p in range(count) for q in near[p]]
    assert found.neighbours["same_artist"] == pytest.approx(np.mean(artist))
    kept = [len(set(near[p]) & set(neighbours(variants[row], p))) / 10 for row, p in enumerate(painting)]
    assert found.neighbours["kept"] == pytest.approx(np.mean(kept))
    for a, one in enumerate(found.genres):
        firsts = [genres[near[p][0]] for p in range(count) if genres[p] == one]
        for b, other in enumerate(found.genres):
            assert found.confusion[a, b] == pytest.approx(firsts.count(other) / len(firsts))
            cosines = [originals[p] @ originals[q] for p in range(count) for q in range(count)
                       if p != q and genres[p] == one and genres[q] == other]  # fmt: skip
            assert found.similarity[a, b] == pytest.approx(np.mean(cosines))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 9), st.integers(1, 40), st.integers(0, 99))
def test_the_best_are_those_of_a_stable_sort(rows: int, columns: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    scores = draw.integers(0, 6, (rows, columns)).astype(np.float32)  # many ties
    scores[draw.random((rows, columns)) < 0.3] = -np.inf
    k = int(draw.integers(1, columns + 1))
    assert _best(scores, k).tolist() == np.argsort(-scores, axis=1, kind="stable")[:, :k].tolist()


def test_genres_that_lie_apart_are_found_and_blind_spaces_are_at_chance() -> None:
    apart, blind = measured(**space(5, 60, spread=0.05)), measured(**space(5, 60, spread=300.0))
    assert apart.kmeans["nmi"] == apart.kmeans["ari"] == apart.kmeans["purity"] == pytest.approx(1)
    assert apart.neighbours["same_genre"] == 1 and np.allclose(apart.confusion, np.eye(3))
    assert apart.kmeans["silhouette"] > 0.9 and abs(blind.kmeans["silhouette"]) < 0.1
    assert blind.neighbours["same_genre"] == pytest.approx(blind.neighbours["same_genre_chance"], abs=0.08)


def test_near_duplicates_are_nobodys_neighbours() -> None:
    world = space(2)
    originals = world["originals"].copy()  # type: ignore[union-attr]
    originals[1] = originals[0]
    genres = [*world["genres"]]  # type: ignore[misc]
    found = measured(**world | {"originals": originals, "groups": ["same", "same", *world["groups"][2:]]})  # type: ignore[index]
    assert genres[0] != genres[1] and found.confusion[0, 1] == measured(**space(2)).confusion[0, 1]


def test_genre_of_one_painting_has_no_similarity_with_itself() -> None:
    world = space(3) | {"genres": ["alone"] + ["g0", "g1"] * 11 + ["g1"]}
    found = measured(**world)
    assert np.isnan(found.similarity[0, 0]) and not np.isnan(found.similarity[1:, 1:]).any()
    assert found.to_json()["similarity"][0][0] is None


@given(st.lists(st.sampled_from("abcd"), min_size=2, max_size=12))
@settings(max_examples=50, deadline=None)
def test_chance_is_the_share_of_blind_neighbours(labels: list[str]) -> None:
    pairs = [a == b for i, a in enumerate(labels) for j, b in enumerate(labels) if i != j]
    assert chance(np.array(labels)) == pytest.approx(np.mean(pairs))


def test_similarity_of_genres_needs_no_unit_vectors() -> None:
    vectors, genre = np.random.default_rng(0).normal(size=(5, 3)), np.array([0, 1, 0, 1, 1])
    expected = np.mean([vectors[a] @ vectors[b] for a in (1, 3, 4) for b in (1, 3, 4) if a != b])
    assert genre_similarity(vectors, genre, 2)[1, 1] == pytest.approx(expected)


def test_map_keeps_neighbours_and_is_the_same_again() -> None:
    vectors = space(4, 30, spread=0.05)["originals"]
    places = flat_map(vectors, seed=3)  # type: ignore[arg-type]
    distance = np.linalg.norm(places[:, None] - places[None], axis=2) + 9 * np.eye(30)
    assert (distance.argmin(1) % 3 == np.arange(30) % 3).all()
    assert places.min() == 0 and places.max() == pytest.approx(1)
    assert np.array_equal(places, flat_map(vectors, seed=3))  # type: ignore[arg-type]


@pytest.mark.parametrize(("paintings", "genres"), [(2, 2), (6, 1)])
def test_too_little_is_said(paintings: int, genres: int) -> None:
    with pytest.raises(ValueError, match="three paintings and two genres"):
        measured(**space(0, paintings, genres))


def test_three_paintings_are_enough() -> None:
    found = measured(**space(0, 3, 2) | {"groups": ["a", "b", "c"]})
    assert found.neighbours["k"] == 2 and flat_map(space(0, 3)["originals"], 0).shape == (3, 2)  # type: ignore[arg-type]
