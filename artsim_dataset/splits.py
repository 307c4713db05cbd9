"""Leak-free splits: near-duplicates form a group, a group is never cut, genres keep their shares. NumPy only.

Two ways to find near-duplicates, joined by union-find: perceptual hashes within eight bits, in all eight mirrored and
rotated forms; and thumbnails of which one fits on a part of the other (`crop_match`), for crops, frames and recoloured
copies, which a hash misses. Every choice is made by a hash of the group's name, so that one painting more or less
moves few others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from artsim_dataset import crop_match
from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import seed_from

MAX_DISTANCE = 8
"""Bits by which hashes of near-duplicates may differ; no two of 523 different paintings are as close."""

_BANDS = 9
"""One more than MAX_DISTANCE: of nine bands at least one is equal (pigeonhole)."""


def group_paintings(
    ids: Sequence[str], phashes: Sequence[str], thumbs: np.ndarray, style_vectors: np.ndarray | None = None
) -> list[str]:
    """The group of each painting: the smallest id among its near-duplicates, itself when it has none.

    Args:
        ids: painting ids.
        phashes: 16 hexadecimal digits each.
        thumbs: grey thumbnails, uint8, shape (n, THUMB * THUMB).
        style_vectors: shape (n, 100); they hardly change when a picture is cropped, and so propose pairs to check.
    """
    pairs = [near_duplicates(phashes)]
    if len(ids) > 1:
        small = np.asarray(thumbs, np.uint8).reshape(len(ids), crop_match.THUMB, crop_match.THUMB)
        looked = crop_match.candidates(small, style_vectors)
        pairs.append(looked[crop_match.scores(small, looked) >= crop_match.SAME])
    return join(ids, np.concatenate(pairs))


def near_duplicates(phashes: Sequence[str], distance: int = MAX_DISTANCE) -> np.ndarray:
    """Pairs of hashes within ``distance`` bits, in any mirrored or rotated form: shape (n, 2), first < second."""
    bits = np.array([int(text, 16) for text in phashes], np.uint64)
    found = [np.empty((0, 2), np.int64)]
    for form in dihedral_forms(bits):
        found += [_within(form, bits, band, distance) for band in range(_BANDS)]
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def dihedral_forms(bits: np.ndarray) -> list[np.ndarray]:
    """The hashes that the eight mirrored and rotated pictures would have, to within a few bits.

    Mirroring turns the sign of every odd frequency of the cosine transform, transposing swaps its axes; a bit says
    whether a coefficient is above the median, which lies near zero.
    """
    squares = np.unpackbits(bits.astype(">u8").view(np.uint8)).reshape(-1, 8, 8)
    odd = np.arange(8) % 2
    forms = []
    for across in (0, 1):
        for down in (0, 1):
            turned = squares ^ (across * odd[None, None, :] + down * odd[None, :, None]).astype(np.uint8) % 2
            for square in (turned, turned.transpose(0, 2, 1)):
                packed = np.packbits(np.ascontiguousarray(square).reshape(-1, 64), axis=1)
                forms.append(packed.view(">u8").ravel().astype(np.uint64))
    return forms


def _within(queries: np.ndarray, keys: np.ndarray, band: int, distance: int) -> np.ndarray:
    """Pairs (query, key), query != key, whose bits of this band are equal and whose others differ little."""
    low, high = 64 * band // _BANDS, 64 * (band + 1) // _BANDS
    mask = np.uint64(((1 << (high - low)) - 1) << low)
    order = np.argsort(keys & mask, kind="stable")
    ranked = (keys & mask)[order]
    start = np.searchsorted(ranked, queries & mask, "left")
    count = np.searchsorted(ranked, queries & mask, "right") - start
    pairs = [np.empty((0, 2), np.int64)]
    block = max(1, 20_000_000 // max(1, int(count.max(initial=1))))
    for first in range(0, len(queries), block):
        number = count[first : first + block]
        query = np.repeat(np.arange(first, first + len(number)), number)
        offset = np.arange(len(query)) - np.repeat(np.cumsum(number) - number, number)
        key = order[np.repeat(start[first : first + block], number) + offset]
        near = (np.bitwise_count(queries[query] ^ keys[key]) <= distance) & (query != key)
        pairs.append(np.stack([query[near], key[near]], axis=1))
    return np.concatenate(pairs)


def join(ids: Sequence[str], pairs: np.ndarray) -> list[str]:
    """Union-find: the smallest id of each connected component.

    >>> join(["c", "b", "a", "d"], np.array([[0, 1], [1, 2]]))
    ['a', 'a', 'a', 'd']
    """
    parent = list(range(len(ids)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for a, b in pairs.tolist():
        one, other = root(a), root(b)
        if one != other:
            small, large = sorted((one, other), key=lambda node: ids[node])
            parent[large] = small
    return [ids[root(node)] for node in range(len(ids))]


def assign_splits(
    ids: Sequence[str],
    groups: Sequence[str],
    genres: Sequence[str],
    artists: Sequence[str],
    scheme: str = "random",
    train_share: float = 0.8,
    seed: int = 0,
) -> list[str]:
    """'train' or 'test' for each painting.

    Args:
        ids, groups, genres, artists: of each painting, in step; an empty artist is nobody's.
        scheme: 'random' keeps groups whole, 'artist-disjoint' keeps groups and all works of an artist whole.
        train_share: share of paintings to train on, in each genre as nearly as whole groups allow.
        seed: other seeds give other splits.

    Raises:
        ConfigError: unknown scheme, or fewer than two parts to divide.
    """
    if scheme not in ("random", "artist-disjoint"):
        raise ConfigError(f"no split scheme '{scheme}'; schemes are: random, artist-disjoint")
    parts = list(groups) if scheme == "random" else _whole_artists(ids, groups, artists)
    members = Counter(parts)
    if len(members) < 2:
        raise ConfigError("all paintings are near-duplicates or by one artist, so that they cannot be split")
    strata: dict[str, set[str]] = defaultdict(set)
    for part, genre in zip(parts, _main_genres(parts, genres), strict=True):
        strata[genre].add(part)
    test: set[str] = set()
    owed = 0.0  # what small genres could not give is asked of the next, so that the whole keeps its share
    for genre in sorted(strata, key=lambda name: seed_from("genre", name, seed)):
        ranked = sorted(strata[genre], key=lambda part: (seed_from("split", part, seed), part))
        owed += (1 - train_share) * sum(members[part] for part in ranked)
        for part in ranked:
            if members[part] <= owed + members[part] / 2:
                test.add(part)
                owed -= members[part]
    ordered = sorted(members, key=lambda part: (seed_from("split", part, seed), part))
    if not test:
        test = {ordered[0]}
    elif len(test) == len(members):
        test.discard(ordered[-1])
    return ["test" if part in test else "train" for part in parts]


def _whole_artists(ids: Sequence[str], groups: Sequence[str], artists: Sequence[str]) -> list[str]:
    """Components of paintings that share a group or an artist, named by their smallest id."""
    first: dict[tuple[str, str], int] = {}
    pairs = []
    for number, labels in enumerate(zip(groups, artists, strict=True)):
        for kind, label in zip(("group", "artist"), labels, strict=True):
            if label:
                pairs.append((first.setdefault((kind, label), number), number))
    return join(ids, np.array(pairs, np.int64).reshape(-1, 2))


def _main_genres(parts: Sequence[str], genres: Iterable[str]) -> list[str]:
    """The commonest genre of each part; a part may hold several, as when one scan is filed twice."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for part, genre in zip(parts, genres, strict=True):
        counts[part][genre] += 1
    main = {part: min(counter, key=lambda name: (-counter[name], name)) for part, counter in counts.items()}
    return [main[part] for part in parts]
