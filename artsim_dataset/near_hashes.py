"""Pairs of 64-bit perceptual hashes that differ in few bits, whatever way their pictures are turned or mirrored.

The hash is the sign pattern of the 8x8 lowest DCT coefficients. Mirroring a picture changes the sign of every odd
column, turning it upside down that of every odd row, and transposing it transposes them; so the eight forms of a hash
follow from its bits. (Signs are taken against the median, which is near zero: forms are off by 3 of 64 bits.)

The search is exact and not quadratic. Split by the parity of row and column, the bits fall into four parts of 16 that
a mirror either keeps or complements. If two hashes differ in at most 8 bits in all, then one part differs in at most 2
or another of the three in at most 1; so it is enough to look those few neighbours up in a table for each part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

DISTANCE = 8
"""Bits. Re-encoded, brightened or grey copies differ in at most 4; different paintings, of 1,009, in 10 or more in any
form."""

_BITS = np.arange(64).reshape(8, 8)
_ODD_ROW, _ODD_COLUMN = _BITS // 8 % 2 == 1, _BITS % 2 == 1
_PARTS = [_BITS[(row == _ODD_ROW) & (column == _ODD_COLUMN)] for row in (True, False) for column in (True, False)]
_REACH = (2, 1, 1, 1)
"""Bits by which a part may differ; 3 + 2 + 2 + 2 is more than DISTANCE, so that one part is always within reach."""
_CHUNK = 1 << 22


def near_duplicates(phashes: Sequence[str]) -> np.ndarray:
    """Pairs of hashes that differ in at most DISTANCE bits in one of the eight forms.

    Args:
        phashes: 16 hexadecimal digits each.

    Returns:
        int64, shape (n, 2), first < second, sorted: every near pair of different hashes, and equal hashes as a chain
        (each with the next one), so that a thousand blank pages are no half million pairs.
    """
    hashes = np.array([int(text, 16) for text in phashes], np.uint64)
    unique, firsts, members = np.unique(hashes, return_index=True, return_inverse=True)
    found = [np.empty((0, 2), np.int64), _chains(members)]
    bits = _unpack(unique)
    tables = [_Table(bits, part) for part in _PARTS]
    for form in (bits, bits.transpose(0, 2, 1)):
        flat, turned = form.reshape(-1, 64), _pack(form)
        for part, table, reach in zip(_PARTS, tables, _REACH, strict=True):
            keys = _keys(flat[:, part])
            for change in _changes(reach):
                for rows, others in table.look_up(keys ^ change):
                    near = (rows < others) & (_distance(turned[rows], unique[others]) <= DISTANCE)
                    found.append(firsts[np.stack([rows[near], others[near]], axis=1)])
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _chains(members: np.ndarray) -> np.ndarray:
    """Each element with the next one of the same number."""
    order = np.argsort(members, kind="stable")
    same = members[order[:-1]] == members[order[1:]]
    return np.stack([order[:-1][same], order[1:][same]], axis=1)


def _unpack(hashes: np.ndarray) -> np.ndarray:
    return np.unpackbits(hashes.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1).reshape(-1, 8, 8)


def _pack(bits: np.ndarray) -> np.ndarray:
    packed = np.ascontiguousarray(np.packbits(bits.reshape(-1, 64), axis=1))
    return packed.view(">u8").astype(np.uint64).ravel()


def _keys(bits: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.packbits(bits, axis=1)).view(">u2").astype(np.uint16).ravel()


def _changes(reach: int) -> list[np.uint16]:
    """All 16-bit numbers with at most ``reach`` ones."""
    return [np.uint16(sum(1 << b for b in places)) for n in range(reach + 1) for places in combinations(range(16), n)]


def _distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Differing bits, the least over the four mirrorings."""
    different = first ^ second
    flips = (np.zeros((8, 8), bool), _ODD_ROW, _ODD_COLUMN, _ODD_ROW ^ _ODD_COLUMN)
    return np.min([np.bitwise_count(different ^ _pack(flip.astype(np.uint8)[None])) for flip in flips], axis=0)


class _Table:
    """16-bit part -> rows that have it. A part and its complement are one key: a mirror may change all its bits."""

    def __init__(self, bits: np.ndarray, part: np.ndarray) -> None:
        keys = self._canonical(_keys(bits.reshape(-1, 64)[:, part]))
        self.order = np.argsort(keys, kind="stable")
        self.starts = np.searchsorted(keys[self.order], np.arange((1 << 15) + 1))

    @staticmethod
    def _canonical(keys: np.ndarray) -> np.ndarray:
        return np.where(keys >> 15, ~keys, keys)

    def look_up(self, keys: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(row of the query, row of the table) for each match, in chunks that fit in memory."""
        keys = self._canonical(keys)
        start = self.starts[keys]
        count = self.starts[keys.astype(np.int64) + 1] - start
        ends = np.cumsum(count)
        low = 0
        while low < len(keys):
            done = ends[low - 1] if low else 0
            high = max(low + 1, int(np.searchsorted(ends, done + _CHUNK, side="right")))
            rows = np.repeat(np.arange(low, high), count[low:high])
            place = np.arange(len(rows)) - np.repeat(ends[low:high] - count[low:high] - done, count[low:high])
            yield rows, self.order[start[rows] + place]
            low = high
