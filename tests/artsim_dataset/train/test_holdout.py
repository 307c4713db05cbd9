from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from artsim_dataset.train.holdout import components, holdout

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
