"""Pairs of 64-bit perceptual hashes that differ in few bits, whatever way their pictures are turned or mirrored.

The hash is the sign pattern of the 8x8 lowest DCT coefficients. Mirroring a picture changes the sign of every odd
column, turning it upside down that of every odd row, and transposing it transposes them; so the eight forms of a hash
follow from its bits. (Signs are taken against the median, which is near zero: forms are off by 3 of 64 bits.)

The search is exact and far from quadratic. The bits are dealt into m blocks; if two hashes differ in at most 8 bits,
then m - 8 of the blocks are equal. So for each choice of m - 8 blocks (495 for m = 12) the hashes are sorted by the
bits of those blocks, and only neighbours with equal bits are compared (Norouzi, Punjani and Fleet, "Fast Exact Search
in Hamming Space with Multi-Index Hashing", 2012, with more blocks instead of more look-ups). The more hashes, the
more blocks are used, so that few strangers share a key.

The eight forms cost three bits of the key and no more: every block is a set of places that transposing maps onto itself
and holds a pair of places, one of which only a mirror changes and the other only an upset. A hash is brought into the
form in which the first such pair is 00 and the key the smaller of two; near hashes are then near in that form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, groupby
from math import comb

import numpy as np

DISTANCE = 8
"""Bits. Re-encoded, brightened or grey copies differ in at most 4; different paintings, of 1,009, in 10 or more in any
form."""

_BITS = np.arange(64).reshape(8, 8)
_ODD_ROW, _ODD_COLUMN = _BITS // 8 % 2 == 1, _BITS % 2 == 1
_CHUNK = 1 << 15
"""Hashes that are compared at a time: they stay in the processor's cache."""
_SORT = 24
"""What sorting by a key costs for each hash, in comparisons of two hashes. Measured."""


def near_duplicates(phashes: Sequence[str] | np.ndarray) -> np.ndarray:
    """Pairs of hashes that differ in at most DISTANCE bits in one of the eight forms.

    Args:
        phashes: 16 hexadecimal digits each, or the numbers, uint64, shape (n,).

    Returns:
        int64, shape (n, 2), first < second, sorted: every near pair of different hashes, and equal hashes as a chain
        (each with the next one), so that a thousand blank pages are no half million pairs.

    Time grows like n ** 1.4 and memory by about 100 bytes a hash (`benchmarks/scale.py`).
    """
    hashes = numbers(phashes)
    unique, firsts, members = np.unique(hashes, return_index=True, return_inverse=True)
    found = [_chains(members)]
    del members, hashes
    for pairs in _near(unique):
        found.append(firsts[pairs])
    return _distinct(np.sort(np.concatenate(found), axis=1))


def numbers(phashes: Sequence[str] | np.ndarray) -> np.ndarray:
    """Hashes in hexadecimal as uint64.

    >>> numbers(["00000000000000ff"])
    array([255], dtype=uint64)
    """
    if isinstance(phashes, np.ndarray) and phashes.dtype == np.uint64:
        return phashes
    return np.fromiter((int(text, 16) for text in phashes), np.uint64, len(phashes))


def _distinct(pairs: np.ndarray) -> np.ndarray:
    """Sorted, each once. Faster than np.unique over rows."""
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    new = np.ones(len(pairs), bool)
    new[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    return pairs[new]


def _chains(members: np.ndarray) -> np.ndarray:
    """Each element with the next one of the same number."""
    order = np.argsort(members, kind="stable")
    same = members[order[:-1]] == members[order[1:]]
    return np.stack([order[:-1][same], order[1:][same]], axis=1)


# --- blocks ----------------------------------------------------------------------------------------------------


def _blocks(count: int) -> list[list[int]]:
    """The 64 places dealt into ``count`` blocks of equal size, nearly. Each starts with (even row, odd column) and its
    transpose, and is its own transpose."""
    pairs = [(row, column) for row in range(8) for column in range(row + 1, 8)]
    mixed = [(r, c) if r % 2 == 0 else (c, r) for r, c in pairs if (r + c) % 2]
    orbits = [[8 * r + c, 8 * c + r] for r, c in [*mixed, *(pair for pair in pairs if sum(pair) % 2 == 0)]]
    orbits += [[9 * place] for place in range(8)]
    blocks: list[list[int]] = [[] for _ in range(count)]
    for orbit in orbits:
        min(blocks, key=len).extend(orbit)
    return blocks


def _how_many_blocks(count: int) -> int:
    """The number of blocks with which ``count`` hashes are searched fastest."""

    def cost(blocks: int) -> float:
        equal = blocks - DISTANCE
        return comb(blocks, equal) * (_SORT + count / 2 ** (64 * equal / blocks - 3))

    return min(range(DISTANCE + 1, DISTANCE + 6), key=cost)


# --- search ----------------------------------------------------------------------------------------------------


def _near(unique: np.ndarray) -> Iterator[np.ndarray]:
    """Pairs of near hashes, both forms of each, some more than once, int64 (n, 2). ``unique``: different hashes."""
    blocks = _blocks(_how_many_blocks(len(unique)))
    straight, turned = _arrange(unique, blocks)
    ends = np.cumsum([0, *map(len, blocks)])
    masks = [_ones(start, end) for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]
    flips = [_arrange(_pack(flip.astype(np.uint8)[None]), blocks)[0][0] for flip in (_ODD_COLUMN, _ODD_ROW)]
    chosen = combinations(range(len(blocks)), len(blocks) - DISTANCE)
    for first, choices in groupby(chosen, key=lambda choice: choice[0]):
        at = 63 - int(ends[first])  # of the pair of places that tells a mirrored hash
        forms = []
        for hashes in (straight, turned):
            form = hashes.copy()
            for place, flip in zip((at, at - 1), flips, strict=True):
                form ^= (hashes >> np.uint64(place) & np.uint64(1)) * flip
            forms.append(form)
        for choice in choices:
            mask = np.bitwise_or.reduce([masks[block] for block in choice])
            yield from _sharing(forms[0], forms[1], mask)


def _sharing(straight: np.ndarray, turned: np.ndarray, mask: np.uint64) -> Iterator[np.ndarray]:
    """Near pairs among the hashes with equal bits under the mask, in that of their two forms where those are fewer."""
    one, other = straight & mask, turned & mask
    both = np.flatnonzero(one == other)
    form = np.where(other < one, turned, straight)
    key = np.minimum(one, other)
    form, key = np.concatenate([form, turned[both]]), np.concatenate([key, key[both]])
    # The key's bits above, scattered by a multiplication (strangers may meet, equals always do), the row's below.
    width = np.uint64(max(1, len(key).bit_length()))
    low = (np.uint64(1) << width) - np.uint64(1)
    key *= np.uint64(0x9E3779B97F4A7C15)
    key &= ~low
    key |= np.arange(len(key), dtype=np.uint64)
    key.sort()
    rows = (key & low).astype(np.int64)
    form = form[rows]
    key >>= width
    for start in range(0, len(key) - 1, _CHUNK):
        for first, second in _neighbours(key, form, start, min(start + _CHUNK, len(key) - 1)):
            pairs = rows[np.stack([first, second], axis=1)]
            beyond = pairs >= len(straight)
            pairs[beyond] = both[pairs[beyond] - len(straight)]
            yield pairs[pairs[:, 0] != pairs[:, 1]]


def _neighbours(key: np.ndarray, form: np.ndarray, start: int, end: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Places (i, i + step), i from start to end, of equal keys and near hashes, for all steps that there are."""
    step = 1
    while True:
        last = min(end, len(key) - step)
        same = key[start:last] == key[start + step : last + step]
        if not same.any():
            return
        near = np.bitwise_count(form[start:last] ^ form[start + step : last + step]) <= DISTANCE
        near &= same
        if near.any():
            first = np.flatnonzero(near) + start
            yield first, first + step
        step += 1


# --- bits ------------------------------------------------------------------------------------------------------


def _arrange(hashes: np.ndarray, blocks: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """The hashes and their transposes, the bits in the order of the blocks."""
    order = np.array([place for block in blocks for place in block])
    result = np.empty((2, len(hashes)), np.uint64)
    for start in range(0, len(hashes), _CHUNK):
        bits = _unpack(hashes[start : start + _CHUNK])
        for row, form in zip(result, (bits, bits.transpose(0, 2, 1)), strict=True):
            row[start : start + _CHUNK] = _pack(form.reshape(-1, 64)[:, order])
    return result[0], result[1]


def _ones(start: int, end: int) -> np.uint64:
    """A number whose bits ``start`` to ``end``, counted from the most significant, are one."""
    return np.uint64((1 << (64 - start)) - (1 << (64 - end)))


def _unpack(hashes: np.ndarray) -> np.ndarray:
    return np.unpackbits(hashes.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1).reshape(-1, 8, 8)


def _pack(bits: np.ndarray) -> np.ndarray:
    packed = np.ascontiguousarray(np.packbits(bits.reshape(-1, 64), axis=1))
    return packed.view(">u8").astype(np.uint64).ravel()
