from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artsim_dataset.errors import ConfigError
from artsim_dataset.train.holdout import SCHEMES, components, divide, holdout

names = st.sampled_from(["", "a", "b", "c", "d"])
paintings = st.lists(st.tuples(names, st.sampled_from("uvwxyz")), min_size=2, max_size=30)


@given(paintings)
def test_components_join_exactly_what_a_chain_of_shared_labels_joins(rows: list[tuple[str, str]]) -> None:
    part = components([a for a, _ in rows], [g for _, g in rows])
    reach = np.array(
        [[i == j or (a and a == b) or g == h for j, (b, h) in enumerate(rows)] for i, (a, g) in enumerate(rows)]
    )
    for _ in rows:
        reach = reach | ((reach.astype(int) @ reach.astype(int)) > 0)
    assert (reach == (part[:, None] == part[None])).all()


@given(paintings, st.integers(0, 5), st.sampled_from([0.05, 0.1, 0.3]))
def test_no_part_is_on_both_sides_and_neither_side_is_empty(
    rows: list[tuple[str, str]], seed: int, share: float
) -> None:
    ids = [f"painting-{i}" for i in range(len(rows))]
    part = components([a for a, _ in rows], [g for _, g in rows])
    held = holdout(ids, part, share, seed)
    assert held.any() and not held.all()
    if len(set(part.tolist())) > 1:
        assert not set(part[held]) & set(part[~held])
    assert (held == holdout(ids, part, share, seed)).all()


def test_about_the_share_is_held_out_and_a_prolific_artist_is_passed_over() -> None:
    artists = ["prolific"] * 50 + [f"artist-{i}" for i in range(50)]
    ids = [f"p{i}" for i in range(100)]
    for seed in range(5):
        held = holdout(ids, components(artists), 0.1, seed)
        assert held.sum() == 10 and not held[:50].any()
    assert len({tuple(holdout(ids, components(artists), 0.1, seed)) for seed in range(5)}) == 5


def test_both_sides_have_two_parts_where_there_are_four() -> None:
    for artists in (["a"] * 5 + ["b"] * 5 + ["c"] * 5 + ["d"] * 5, ["a"] * 90 + ["b"] * 3 + ["c"] * 3 + ["d"] * 3):
        for seed in range(5):
            part = components(artists)
            held = holdout([f"p{i}" for i in range(len(artists))], part, 0.1, seed, least=2)
            assert len(set(part[held])) >= 2 and len(set(part[~held])) >= 2


def test_of_fewer_than_four_artists_each_may_be_on_both_sides() -> None:
    ids, artists = [f"p{i}" for i in range(60)], ["a", "b", "c"] * 20
    part = divide("published", ids, ids, ["Cubism"] * 60, artists, 0.1, 42)
    assert all(len(set(np.array(artists)[part == side])) >= 2 for side in ("train", "validation"))


@pytest.mark.parametrize("scheme", SCHEMES)
@given(rows=paintings, seed=st.integers(0, 5))
def test_no_scheme_cuts_a_group_and_the_artist_disjoint_one_no_artist(
    scheme: str, rows: list[tuple[str, str]], seed: int
) -> None:
    ids = [f"painting-{i}" for i in range(len(rows))]
    artists, groups = [a for a, _ in rows], [g for _, g in rows]
    try:
        part = divide(scheme, ids, groups, ["Cubism"] * len(rows), artists, 0.2, seed)
    except ConfigError as error:
        assert "near-duplicates of each other" in str(error)
        return
    assert all(len(set(part[np.array(groups) == group])) == 1 for group in set(groups))
    if scheme == "artist-disjoint":
        test = {artist for artist, side in zip(artists, part, strict=True) if artist and side == "test"}
        assert not test & {artist for artist, side in zip(artists, part, strict=True) if side != "test"}


def test_paintings_that_are_all_one_group_leave_nothing_to_validate_on() -> None:
    with pytest.raises(ConfigError, match="all paintings to train on are near-duplicates of each other"):
        divide("published", ["a", "b"], ["g", "g"], ["Cubism"] * 2, ["", ""], 0.1, 42)


@pytest.mark.parametrize(
    ("scheme", "shares"),
    [
        ("published", (0.9, 0.1, 0.0)),
        ("80/20", (0.8, 0.2, 0.0)),
        ("40/60", (0.4, 0.6, 0.0)),
        ("artist-disjoint", (0.72, 0.08, 0.2)),
    ],
)
def test_each_scheme_has_the_shares_it_says(scheme: str, shares: tuple[float, float, float]) -> None:
    ids = [f"p{i}" for i in range(500)]
    genres = [f"genre-{i % 5}" for i in range(500)]
    artists = [f"artist-{i // 2}" for i in range(500)]
    part = divide(scheme, ids, ids, genres, artists, 0.1, 42)
    got = [(part == name).mean() for name in ("train", "validation", "test")]
    assert got == pytest.approx(shares, abs=0.01)
    assert (part == divide(scheme, ids, ids, genres, artists, 0.1, 42)).all()
    assert (part != divide(scheme, ids, ids, genres, artists, 0.1, 43)).any()
