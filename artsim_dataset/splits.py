"""Groups of near-duplicates, and splits that never cut one. Pure functions on numpy arrays.

Two copies of a painting on both sides of a split let a model remember instead of see. Copies are found in two ways:
near perceptual hashes, confirmed by the thumbnails (`near_hashes`), and thumbnails that fit on a part of each other
(`crop_match`). What is found is joined with union-find.

Splits are decided by hash order, so they depend on names and not on the order of rows; when paintings are added, what
was split before moves only where a genre's quota does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from artsim_dataset import crop_match
from artsim_dataset.blocks import give_back
from artsim_dataset.errors import ConfigError
from artsim_dataset.near_hashes import near_duplicates, numbers
from artsim_dataset.schema import seed_from

Scheme = Literal["random", "artist-disjoint"]
Strings: TypeAlias = Sequence[str] | pa.Array
SCHEMES: tuple[Scheme, ...] = ("random", "artist-disjoint")
_STREAM = 1 << 15
"""Rows that are Python objects at a time."""


def group_paintings(
    ids: Sequence[str], phashes: Sequence[str], thumbs: np.ndarray, style_vectors: np.ndarray | None = None
) -> list[str]:
    """The group of each painting: the smallest id among its near-duplicates, itself included.

    Args:
        ids: of the paintings, all different.
        phashes: 16 hexadecimal digits each, as `artsim_dataset.fingerprint.phash` makes them.
        thumbs: uint8, shape (paintings, 1024) or (paintings, 32, 32): the content in grey, squashed to a square.
        style_vectors: shape (paintings, dims); finds a few more of the tightest crops.

    Raises:
        ValueError: the arguments do not have one entry for each id.

    Up to 4,096 paintings are all compared with each other, of more those that an index finds near: seconds for a
    thousand, an estimated ten minutes of one core for 81,444. Hashes take n^1.3; the index compares every painting
    with every cell, of which there are more with more paintings, and so is not for millions yet (docs/leaks.md).
    """
    count = len(ids)
    if not len(phashes) == len(thumbs) == count or (style_vectors is not None and len(style_vectors) != count):
        raise ValueError(f"{count} ids, but {len(phashes)} hashes and {len(thumbs)} thumbnails, or vectors that differ")
    if len(set(ids)) != count:
        raise ValueError("two paintings have the same id")
    if count < 2:
        return list(ids)
    names = pa.array(ids, pa.large_string())
    order = pc.sort_indices(names).to_numpy().astype(np.int64)
    rank = np.empty(count, np.int64)
    rank[order] = np.arange(count)
    smallest = components(count, rank[copies(numbers(phashes), np.asarray(thumbs), style_vectors)])
    return list(names.take(pa.array(order[smallest[rank]])).to_pylist())


def copies(hashes: np.ndarray, thumbs: np.ndarray, style_vectors: np.ndarray | None = None) -> np.ndarray:
    """The pairs of paintings that are one: the array core of :func:`group_paintings`.

    Args:
        hashes: uint64, shape (paintings,).
        thumbs: uint8, shape (paintings, 1024) or (paintings, 32, 32); may be memory-mapped.
        style_vectors: shape (paintings, dims).

    Returns:
        int64, shape (n, 2): numbers of paintings; a pair may be there twice.
    """
    squares = thumbs.reshape(len(hashes), crop_match.THUMB, crop_match.THUMB)
    hashed = near_duplicates(hashes)
    hashed = hashed[crop_match.alike(squares, hashed)]
    cut = crop_match.candidates(squares, style_vectors)
    give_back()
    cut = cut[crop_match.scores(squares, cut) >= crop_match.SAME]
    return np.concatenate([hashed, cut])


def join(names: Sequence[str], pairs: Iterable[tuple[str, str]]) -> list[str]:
    """The smallest name that each name is connected with, through any number of pairs.

    >>> join(["a", "b", "c", "d"], [("d", "b"), ("b", "c")])
    ['a', 'b', 'b', 'b']
    """
    ordered = sorted(set(names))
    number = {name: place for place, name in enumerate(ordered)}
    links = np.array([(number[a], number[b]) for a, b in pairs], np.int64).reshape(-1, 2)
    smallest = components(len(ordered), links)
    return [ordered[smallest[number[name]]] for name in names]


def components(count: int, pairs: np.ndarray) -> np.ndarray:
    """The smallest number that each number below ``count`` is connected with: int64, shape (count,).

    Args:
        count: of the things that may be connected.
        pairs: of their numbers, int64, shape (n, 2).

    In each round the larger root of every pair is hung below the smaller, then all look up to their roots (Shiloach and
    Vishkin 1982). That halves the parts at least, so there are few rounds, whatever the length of the chains.

    >>> components(4, np.array([[3, 1], [1, 2]])).tolist()
    [0, 1, 1, 1]
    """
    root = np.arange(count)
    while True:
        ends = root[pairs]
        apart = ends[:, 0] != ends[:, 1]
        if not apart.any():
            return root
        pairs = pairs[apart]
        np.minimum.at(root, ends[apart].max(axis=1), ends[apart].min(axis=1))
        while not np.array_equal(root, above := root[root]):
            root = above


def assign_splits(
    ids: Strings,
    groups: Strings,
    genres: Strings,
    artists: Strings,
    scheme: Scheme = "random",
    train_share: float = 0.8,
    seed: int = 0,
) -> list[str]:
    """``train`` or ``test`` for each painting; a group is never cut.

    Units (groups, or with ``artist-disjoint`` everything connected by artists and groups) are taken in the order of a
    hash of their name. One goes to train if that brings the genres it touches, and with half the weight the whole,
    nearer to their quotas. So with groups of one painting no genre is further than 0.75 paintings from its quota.
    Both splits get something whenever there are two units.

    Args:
        ids: of the paintings.
        groups: as :func:`group_paintings` gives them.
        genres: of the paintings.
        artists: of the paintings; '' is nobody, and connects nothing.
        scheme: ``random`` or ``artist-disjoint``.
        train_share: quota of train, between 0 and 1; 0.8 for 80/20, 0.4 for 40/60.
        seed: another seed, another split.

    Raises:
        ConfigError: an unknown scheme, or a share that is not between 0 and 1.
        ValueError: the arguments differ in length.
    """
    if scheme not in SCHEMES:
        raise ConfigError(f"unknown split scheme '{scheme}'; there are: {', '.join(SCHEMES)}")
    if not 0 < train_share < 1:
        raise ConfigError(f"the share of train must lie between 0 and 1, not {train_share}")
    if not len(ids) == len(groups) == len(genres) == len(artists):
        raise ValueError(f"{len(ids)} ids, {len(groups)} groups, {len(genres)} genres, {len(artists)} artists")
    group, group_names = codes(groups)
    if scheme == "random":
        unit, names = group, group_names
    else:
        unit, names = connected(group, group_names, artists)
    train = in_train(unit, names, codes(genres)[0], train_share, seed)
    return np.array(["test", "train"], object)[train.astype(np.int64)].tolist()


def codes(values: Strings) -> tuple[np.ndarray, pa.Array]:
    """The number of each value, int64, and the different values, numbered in the order in which they come.

    >>> numbers, names = codes(["b", "a", "b"])
    >>> numbers.tolist(), names.to_pylist()
    ([0, 1, 0], ['b', 'a'])
    """
    array = values.cast(pa.large_string()) if isinstance(values, pa.Array) else pa.array(values, pa.large_string())
    encoded = array.dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary


def hashes_of(names: pa.Array, *before: object, after: Sequence[object] = ()) -> np.ndarray:
    """``seed_from(*before, name, *after)`` of each name, int64; the names become Python strings a few at a time."""
    chunks = (names.slice(start, _STREAM).to_pylist() for start in range(0, len(names), _STREAM))
    seeds = (seed_from(*before, name, *after) for chunk in chunks for name in chunk)
    return np.fromiter(seeds, np.int64, len(names))


def connected(group: np.ndarray, names: pa.Array, artists: Strings) -> tuple[np.ndarray, pa.Array]:
    """What hangs together by groups and artists: the unit of each painting, and the units' names. A unit is named by
    its first artist where it has one, since an artist stays the same when paintings are added."""
    artist, artist_names = codes(artists)
    order = pc.sort_indices(artist_names).to_numpy().astype(np.int64)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    known = pc.not_equal(artist_names, "").to_numpy(zero_copy_only=False)[artist]
    links = np.stack([rank[artist[known]], len(order) + group[known]], axis=1)
    smallest = components(len(order) + len(names), np.unique(links, axis=0))
    units, unit = np.unique(smallest[len(order) + group], return_inverse=True)
    of_artists = _joined("artist", artist_names.take(pa.array(order)))
    of_groups = _joined("group", names)
    return unit, pa.concat_arrays([of_artists, of_groups]).take(pa.array(units))


def _joined(word: str, names: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(*(pa.scalar(word, pa.large_string()), names, pa.scalar(" ", pa.large_string())))


def in_train(unit: np.ndarray, names: pa.Array, genre: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Whether each painting goes to train, bool: the array core of :func:`assign_splits`.

    Args:
        unit: number of what goes to one split together, of each painting, int64.
        names: of the units; their hashes are the order in which they are taken.
        genre: number of the genre of each painting, int64.
        share: quota of train.
        seed: of the hashes.
    """
    count = len(names)
    order = hashes_of(names, "split", after=(seed,))
    if len(np.unique(order)) < count:  # equal hashes: never yet
        order = np.unique(
            np.stack([order, pc.rank(names).to_numpy().astype(np.int64)], 1), axis=0, return_inverse=True
        )[1]
    place = np.empty(count, np.int64)
    place[np.argsort(order, kind="stable")] = np.arange(count)
    # How many of each genre each unit has: units by their hashes, in each the genres as they come.
    pair, first, size = np.unique(
        place[unit] * (genre.max(initial=0) + 1) + genre, return_index=True, return_counts=True
    )
    entry = np.lexsort((first, place[unit[first]]))
    chosen = _fill(place[unit[first[entry]]], genre[first[entry]], size[entry], count, share)
    return chosen[place[unit]]


def _fill(unit: np.ndarray, genre: np.ndarray, size: np.ndarray, count: int, share: float) -> np.ndarray:
    """Which of ``count`` units go to train, bool, from how many of each genre they have, in the order of units."""
    quota: dict[int, float] = {}
    for _, parts in _units(unit, genre, size):
        for kind, paintings in parts:
            quota[kind] = quota.get(kind, 0) + share * paintings
    missing, missing_in_all = dict(quota), sum(quota.values())
    train = np.zeros(count, bool)
    for number, parts in _units(unit, genre, size):
        total = sum(paintings for _, paintings in parts)
        change = sum(abs(missing[kind] - paintings) - abs(missing[kind]) for kind, paintings in parts)
        change += 0.5 * (abs(missing_in_all - total) - abs(missing_in_all))
        if change <= 0:
            train[number] = True
            missing_in_all -= total
            for kind, paintings in parts:
                missing[kind] -= paintings
    if count > 1 and train.sum() in (0, count):
        totals = np.bincount(unit, size, count)
        last = count - 1 - int(np.argmin(totals[::-1]))
        train[last] = not train[last]
    return train


def _units(unit: np.ndarray, genre: np.ndarray, size: np.ndarray) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Each unit with its (genre, paintings), as Python numbers, a few at a time: ten million would be gigabytes."""
    bounds = np.flatnonzero(np.diff(unit, prepend=-1))
    for start in range(0, len(bounds), _STREAM):
        low = bounds[start]
        high = bounds[start + _STREAM] if start + _STREAM < len(bounds) else len(unit)
        parts = zip(genre[low:high].tolist(), size[low:high].tolist(), strict=True)
        rows = zip(unit[low:high].tolist(), parts, strict=True)
        for number, group in groupby(rows, key=itemgetter(0)):
            yield number, [part for _, part in group]
