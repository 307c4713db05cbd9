from __future__ import annotations

from collections import Counter
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageOps

import artsim_dataset.splits
from artsim_dataset.errors import ConfigError
from artsim_dataset.letterbox import letterbox
from artsim_dataset.splits import SCHEMES, assign_splits, components, group_paintings, join
from tests.artsim_dataset import naive_assembling
from tests.artsim_dataset.test_crop_match import COPIES, painting
from tests.builder.odd_images import save

# --- groups ----------------------------------------------------------------------------------------------------


def measured(images: list) -> tuple[list[str], np.ndarray]:  # type: ignore[type-arg]
    done = [letterbox(save(image, "JPEG", quality=85), 256) for image in images]
    return [d.phash for d in done], np.stack([np.frombuffer(d.thumb, np.uint8) for d in done])


def test_every_kind_of_copy_joins_its_painting_and_strangers_stay_alone() -> None:
    originals = [painting(seed) for seed in range(24)]
    kinds = [*COPIES.values(), lambda i: i.rotate(90, expand=True), ImageOps.flip]
    copies = [kind(originals[number]) for number, kind in enumerate(kinds)]
    ids = [f"b{n:02d}" for n in range(24)] + [f"copy{n:02d}" for n in range(len(copies))]
    groups = group_paintings(ids, *measured(originals + copies))
    assert groups[:24] == ids[:24]
    assert groups[24:] == ids[: len(copies)]


def test_a_group_is_named_by_its_smallest_id_whatever_the_order_of_rows() -> None:
    images = [painting(1), painting(2), painting(1), painting(3), painting(1)]
    hashes, thumbs = measured(images)
    assert group_paintings(["z", "b", "m", "d", "c"], hashes, thumbs) == ["c", "b", "c", "d", "c"]
    order = [3, 0, 4, 2, 1]
    shuffled = group_paintings([["z", "b", "m", "d", "c"][i] for i in order], [hashes[i] for i in order], thumbs[order])
    assert shuffled == ["d", "c", "c", "c", "b"]


def test_equal_hashes_of_different_pictures_do_not_join_them() -> None:
    _, thumbs = measured([painting(1), painting(2)])
    assert group_paintings(["a", "b"], ["0f0f0f0f0f0f0f0f"] * 2, thumbs) == ["a", "b"]


def test_no_painting_and_one_painting_are_groups_too() -> None:
    assert group_paintings([], [], np.zeros((0, 1024), np.uint8)) == []
    assert group_paintings(["a"], ["0" * 16], np.zeros((1, 1024), np.uint8)) == ["a"]


def test_arguments_that_do_not_fit_are_refused() -> None:
    thumbs = np.zeros((2, 1024), np.uint8)
    with pytest.raises(ValueError, match="2 ids, but 1 hashes"):
        group_paintings(["a", "b"], ["0" * 16], thumbs)
    with pytest.raises(ValueError, match="vectors"):
        group_paintings(["a", "b"], ["0" * 16] * 2, thumbs, np.zeros((3, 100)))
    with pytest.raises(ValueError, match="same id"):
        group_paintings(["a", "a"], ["0" * 16] * 2, thumbs)


names = st.integers(0, 30).map(lambda number: f"n{number:02d}")


@given(st.lists(st.tuples(names, names), max_size=40))
def test_join_is_the_transitive_closure_of_its_pairs(pairs: list[tuple[str, str]]) -> None:
    everything = [f"n{number:02d}" for number in range(31)]
    reach = {name: {name} for name in everything}
    for _ in everything:
        for a, b in pairs:
            reach[a] |= reach[b]
            reach[b] |= reach[a]
    assert join(everything, pairs) == [min(reach[name]) for name in everything]


# --- splits ----------------------------------------------------------------------------------------------------


@st.composite
def collections(draw: st.DrawFn) -> tuple[list[str], list[str], list[str], list[str]]:
    """(ids, groups, genres, artists) with groups of one to four paintings, now and then across genres and artists."""
    ids, groups, genres, artists = [], [], [], []
    for number in range(draw(st.integers(1, 60))):
        genre, artist = draw(st.sampled_from("ABCD")), draw(st.sampled_from(["", *"pqrstuvwxyz"]))
        for copy in range(draw(st.sampled_from([1, 1, 1, 1, 2, 4]))):
            ids.append(f"{number:03d}{copy}")
            groups.append(f"{number:03d}0")
            stray = draw(st.integers(0, 9)) == 0
            genres.append("E" if stray else genre)
            artists.append("z" if stray else artist)
    return ids, groups, genres, artists


shares = st.sampled_from([0.8, 0.4, 0.5, 0.9])


@settings(deadline=None)
@given(collections(), st.sampled_from(SCHEMES), shares, st.integers(0, 99))
def test_a_group_is_never_cut_and_both_splits_get_something(rows: tuple, scheme: str, share: float, seed: int) -> None:
    ids, groups, genres, artists = rows
    splits = assign_splits(ids, groups, genres, artists, scheme, share, seed)  # type: ignore[arg-type]
    assert len(splits) == len(ids) and set(splits) <= {"train", "test"}
    units = set(zip(groups, splits, strict=True))
    assert len(units) == len(set(groups))
    if scheme == "random" and len(set(groups)) > 1:
        assert set(splits) == {"train", "test"}


@settings(deadline=None)
@given(collections(), shares, st.integers(0, 99))
def test_an_artist_is_never_on_both_sides_when_artists_are_disjoint(rows: tuple, share: float, seed: int) -> None:
    ids, groups, genres, artists = rows
    splits = assign_splits(ids, groups, genres, artists, "artist-disjoint", share, seed)
    sides = {(artist, split) for artist, split in zip(artists, splits, strict=True) if artist}
    assert len(sides) == len({artist for artist, _ in sides})
    parts = len(set(join(sorted({*groups, *artists} - {""}), [p for p in zip(groups, artists, strict=True) if p[1]])))
    assert (set(splits) == {"train", "test"}) == (parts > 1)


@given(st.lists(st.integers(0, 40), min_size=2, max_size=6), shares, st.integers(0, 99))
def test_without_copies_each_genre_is_within_a_painting_of_its_quota(sizes: list[int], share: float, seed: int) -> None:
    genres = [f"g{number}" for number, size in enumerate(sizes) for _ in range(size)]
    if len(genres) < 10:
        return
    ids = [f"{number}" for number in range(len(genres))]
    splits = assign_splits(ids, ids, genres, [""] * len(ids), "random", share, seed)
    train = Counter(genre for genre, split in zip(genres, splits, strict=True) if split == "train")
    for genre, size in Counter(genres).items():
        assert abs(train[genre] - share * size) <= 0.75 + 1e-9
    # Rounding in one genre is made good in another, as far as the bound above allows.
    assert abs(train.total() - share * len(ids)) <= max(1, 0.5 * len(set(genres)))


@settings(max_examples=60, deadline=None)
@given(collections(), st.sampled_from(SCHEMES), shares, st.integers(0, 99), st.integers(1, 7))
def test_splits_are_those_of_the_loop_over_rows(rows: tuple, scheme: str, share: float, seed: int, few: int) -> None:
    ids, groups, genres, artists = rows
    expected = naive_assembling.splits(groups, genres, artists, scheme, share, seed)
    assert assign_splits(ids, groups, genres, artists, scheme, share, seed) == expected  # type: ignore[arg-type]
    with mock.patch.object(artsim_dataset.splits, "_STREAM", few):
        arrow = [pa.array(column, pa.string()) for column in rows]
        assert assign_splits(*arrow, scheme, share, seed) == expected  # type: ignore[arg-type]


def test_a_chain_of_a_hundred_thousand_is_one_component() -> None:
    order = np.random.default_rng(0).permutation(100_000)
    links = np.stack([order[:-1], order[1:]], axis=1)
    assert not components(100_000, links).any()
    assert components(100_001, links)[-1] == 100_000


def test_many_tiny_genres_still_give_a_test_split_of_the_right_size() -> None:
    genres = [f"g{number // 2}" for number in range(54)]
    ids = [f"{number}" for number in range(54)]
    splits = assign_splits(ids, ids, genres, [""] * 54)
    assert 9 <= splits.count("test") <= 13


def test_large_groups_are_weighed_by_their_paintings() -> None:
    groups = [f"{n // 10}" if n < 300 else f"single{n}" for n in range(400)]
    ids = [f"{n}" for n in range(400)]
    for share in (0.8, 0.4):
        splits = assign_splits(ids, groups, ["A"] * 400, [""] * 400, train_share=share)
        assert abs(splits.count("train") - share * 400) <= 1


@settings(max_examples=60)
@given(st.integers(0, 99), st.integers(1, 30))
def test_added_rows_move_few_of_those_that_were_there(seed: int, added: int) -> None:
    genres = [f"g{number % 9}" for number in range(400 + added)]
    ids = [f"{seed}-{number}" for number in range(400 + added)]
    old = assign_splits(ids[:400], ids[:400], genres[:400], [""] * 400, seed=seed)
    new = assign_splits(ids, ids, genres, [""] * len(ids), seed=seed)
    assert sum(a != b for a, b in zip(old, new, strict=False)) <= added + 9


def test_the_order_of_rows_does_not_matter_but_the_seed_does() -> None:
    ids = [f"{number}" for number in range(200)]
    genres = [f"g{number % 5}" for number in range(200)]
    first = dict(zip(ids, assign_splits(ids, ids, genres, ids), strict=True))
    back = dict(zip(ids[::-1], assign_splits(ids[::-1], ids[::-1], genres[::-1], ids[::-1]), strict=True))
    other = dict(zip(ids, assign_splits(ids, ids, genres, ids, seed=1), strict=True))
    assert first == back != other
    moved = sum(first[i] != other[i] for i in ids)
    assert 40 <= moved <= 90  # 2 * 0.8 * 0.2 of 200 when independent


def test_a_known_split_stays_as_it_is() -> None:
    """Published splits must not change with a release."""
    ids = [f"Cubism/{letter}" for letter in "abcdefghijklmnopqrst"]
    splits = assign_splits(ids, ids, ["Cubism"] * 20, ["x"] * 20, seed=42)
    assert "".join(name[-1] for name, split in zip(ids, splits, strict=True) if split == "test") == "fgls"


def test_a_single_group_goes_to_train_and_nothing_to_nothing() -> None:
    assert assign_splits(["a", "b"], ["a", "a"], ["A", "B"], ["", ""]) == ["train", "train"]
    assert assign_splits([], [], [], []) == []


def test_unknown_schemes_and_impossible_shares_are_refused() -> None:
    with pytest.raises(ConfigError, match="'sorted'.*random, artist-disjoint"):
        assign_splits(["a"], ["a"], ["A"], [""], scheme="sorted")  # type: ignore[arg-type]
    for share in (0, 1, -0.5, 80):
        with pytest.raises(ConfigError, match="between 0 and 1"):
            assign_splits(["a"], ["a"], ["A"], [""], train_share=share)
    with pytest.raises(ValueError, match="2 ids, 1 groups"):
        assign_splits(["a", "b"], ["a"], ["A"], [""])
