"""Groups of near-duplicates, and splits that never cut one. Pure functions on numpy arrays.

Two copies of a painting on both sides of a split let a model remember instead of see. Copies are found in two ways:
near perceptual hashes, confirmed by the thumbnails (`near_hashes`), and thumbnails that fit on a part of each other
(`crop_match`). What is found is joined with union-find.

Splits are decided by hash order, so they depend on names and not on the order of rows; when paintings are added, what
was split before moves only where a genre's quota does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from artsim_dataset import crop_match
from artsim_dataset.errors import ConfigError
from artsim_dataset.near_hashes import near_duplicates
from artsim_dataset.schema import seed_from

Scheme = Literal["random", "artist-disjoint"]
SCHEMES: tuple[Scheme, ...] = ("random", "artist-disjoint")


def group_paintings(
    ids: Sequence[str], phashes: Sequence[str], thumbs: np.ndarray, style_vectors: np.ndarray | None = None
) -> list[str]:
    """The group of each painting: the smallest id among its near-duplicates, itself included.

    Args:
        ids: of the paintings, all different.
        phashes: 16 hexadecimal digits each, as `artsim_dataset.letterbox.phash` makes them.
        thumbs: uint8, shape (paintings, 1024) or (paintings, 32, 32): the content in grey, squashed to a square.
        style_vectors: shape (paintings, dims); finds a few more of the tightest crops.

    Raises:
        ValueError: the arguments do not have one entry for each id.

    Up to 4,096 paintings are all compared with each other, of more those that an index finds near: seconds for a
    thousand, about ten minutes of one core for 81,444, growing with n log n (docs/leaks.md).
    """
    count = len(ids)
    if not len(phashes) == len(thumbs) == count or (style_vectors is not None and len(style_vectors) != count):
        raise ValueError(f"{count} ids, but {len(phashes)} hashes and {len(thumbs)} thumbnails, or vectors that differ")
    if len(set(ids)) != count:
        raise ValueError("two paintings have the same id")
    if count < 2:
        return list(ids)
    squares = np.asarray(thumbs).reshape(count, crop_match.THUMB, crop_match.THUMB)
    hashed = near_duplicates(phashes)
    hashed = hashed[crop_match.alike(squares, hashed)]
    cut = crop_match.candidates(squares, style_vectors)
    cut = cut[crop_match.scores(squares, cut) >= crop_match.SAME]
    return join(ids, [(ids[a], ids[b]) for a, b in np.concatenate([hashed, cut]).tolist()])


def join(names: Sequence[str], pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Union-find: the smallest name that each name is connected with, through any number of pairs.

    >>> join(["a", "b", "c", "d"], [("d", "b"), ("b", "c")])
    ['a', 'b', 'b', 'b']
    """
    parent = {name: name for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = name = parent[parent[name]]
        return name

    for pair in pairs:
        first, second = sorted((root(pair[0]), root(pair[1])))
        parent[second] = first
    return [root(name) for name in names]


@dataclass
class _Unit:
    """Paintings that go to one split together: a group, or all that hangs together by artists and groups."""

    order: int
    name: str
    genres: Counter[str] = field(default_factory=Counter)


def assign_splits(
    ids: Sequence[str],
    groups: Sequence[str],
    genres: Sequence[str],
    artists: Sequence[str],
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
    names = list(groups) if scheme == "random" else _connected(groups, artists)
    units: dict[str, _Unit] = {}
    for name, genre in zip(names, genres, strict=True):
        unit = units.setdefault(name, _Unit(seed_from("split", name, seed), name))
        unit.genres[genre] += 1
    train = _fill(sorted(units.values(), key=lambda unit: (unit.order, unit.name)), train_share)
    return ["train" if name in train else "test" for name in names]


def _connected(groups: Sequence[str], artists: Sequence[str]) -> list[str]:
    """The name of what hangs together by groups and artists: by its first artist where it has one, since an artist
    stays the same when paintings are added."""
    nodes = sorted({f"group {group}" for group in groups} | {f"artist {artist}" for artist in artists if artist})
    pairs = [(f"group {group}", f"artist {artist}") for group, artist in zip(groups, artists, strict=True) if artist]
    root = dict(zip(nodes, join(nodes, pairs), strict=True))
    return [root[f"group {group}"] for group in groups]


def _fill(units: Sequence[_Unit], share: float) -> set[str]:
    """The names of the units that go to train."""
    quota: dict[str, float] = {}
    for unit in units:
        for genre, count in unit.genres.items():
            quota[genre] = quota.get(genre, 0) + share * count
    missing, missing_in_all = dict(quota), sum(quota.values())
    train: set[str] = set()
    for unit in units:
        size = unit.genres.total()
        change = sum(abs(missing[genre] - count) - abs(missing[genre]) for genre, count in unit.genres.items())
        change += 0.5 * (abs(missing_in_all - size) - abs(missing_in_all))
        if change <= 0:
            train.add(unit.name)
            missing_in_all -= size
            for genre, count in unit.genres.items():
                missing[genre] -= count
    if len(units) > 1 and len(train) in (0, len(units)):
        smallest = min(reversed(units), key=lambda unit: unit.genres.total())
        train ^= {smallest.name}
    return train
