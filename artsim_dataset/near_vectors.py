"""The nearest of millions of short vectors, without comparing all with all: an inverted file of k-means cells.

Jegou, Douze and Schmid, "Product quantization for nearest neighbor search" (2011), section IV, without the product
quantiser: the vectors that are looked for are sorted into cells of about CELL, and each that looks sees PROBES cells.
`faiss.IndexIVFFlat` does the same in float32. This one needs numpy alone, so that every installation of artsim groups
alike, and it counts in whole numbers: all coordinates are integers of at most SCALE, all sums stay below 2**24, where
float32 is exact. So neither the processor, nor BLAS and its threads, nor the size of a block changes an answer.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SCALE = 127
CELL = 256
"""Vectors in a cell on average."""
PROBES = 16
"""Cells that are looked into. Measured in `crop_match` and docs/leaks.md."""

_LEARN = 32
"""Vectors that each cell is learned from."""
_ROUNDS = 6
_BLOCK = 1024
"""Items whose keys are compared at a time."""
_TILE = 1 << 20
"""Products of vectors and centres in memory at a time."""
_HITS = 1 << 18
"""Found ones that wait to be put among the best. Sorting them takes 80 bytes each."""
_KEY = float(1 << 28)
"""Score and key as one float64, score * _KEY - key: exact, since scores have 15 bits."""
_NONE = -(2.0**50)
"""Less than any."""

Keys = Callable[[int, int], np.ndarray]


def whole_numbers(unit: np.ndarray) -> np.ndarray:
    """Vectors of length one or zero as integers, int8, the same shape; their products are cosines * SCALE**2."""
    return np.rint(unit * SCALE).astype(np.int8)


def nearest(queries: np.ndarray, keys: Keys, top: int, probes: int = PROBES) -> tuple[np.ndarray, np.ndarray]:
    """The ``top`` others that any view of each item is nearest to, by the highest product with any of their keys.

    Args:
        queries: int8, shape (views, n, dims), from :func:`whole_numbers`.
        keys: gives the keys of the items from its first argument to its second: int8, shape (items, keys, dims).
        top: how many others.
        probes: how many cells each key is compared with.

    Returns:
        (items, others), both int64 of one length, the item's best other first. Of equally near ones the first in
        order counts. An item with whom no key shares a cell has none.

    Time grows with n * (number of cells) + n * probes * CELL, memory with 2 * n * top * 8 bytes.
    """
    views, count, dims = queries.shape
    if count < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    cells = _Cells(queries.reshape(-1, dims), top)
    start = 0
    while start < count:  # small blocks first, so that soon only what is better than good enough is looked at
        end = min(count, start + min(_BLOCK, max(4, start // 8)))
        cells.compare(keys(start, end), start, count, probes)
        start = end
    found = np.empty((len(cells.order), top))
    found[cells.order] = cells.best.T
    del cells
    parts = []
    for start in range(0, count, _BLOCK):
        of_views = [view[start : start + _BLOCK] for view in np.split(found, views)]
        items, others = _decode(np.concatenate(of_views, axis=1), top)
        parts.append((items + start, others))
    items, others = (np.concatenate(part) for part in zip(*parts, strict=True))
    return items, others


def _learn(vectors: np.ndarray, count: int) -> np.ndarray:
    """Centres of cells by k-means (Lloyd 1982) on the first vectors, spherical: float32, integers of length SCALE."""
    step = max(1, len(vectors) // (count * _LEARN))
    sample = vectors[::step][: count * _LEARN].astype(np.float32)
    centres = sample[:: max(1, len(sample) // count)][:count]
    for _ in range(_ROUNDS):
        near = _closest(sample, centres, 1)[:, 0]
        order = np.argsort(near, kind="stable")
        used, starts = np.unique(near[order], return_index=True)
        sums = np.add.reduceat(sample[order].astype(np.int64), starts, axis=0).astype(np.float64)
        length = np.maximum(np.sqrt((sums * sums).sum(axis=1, keepdims=True)), 1e-9)
        centres = centres.copy()
        centres[used] = np.rint(sums / length * SCALE)
    return centres


def _closest(vectors: np.ndarray, centres: np.ndarray, probes: int) -> np.ndarray:
    """The cells of each vector, (n, probes), int32: the nearest centres, the first of equals."""
    probes = min(probes, len(centres))
    found = np.empty((len(vectors), probes), np.int32)
    block = max(1, _TILE // len(centres))
    for start in range(0, len(vectors), block):
        product = vectors[start : start + block].astype(np.float32) @ centres.T
        if probes == 1:
            found[start : start + block, 0] = product.argmax(axis=1)
            continue
        ranked = product.astype(np.float64) - np.arange(len(centres)) / len(centres)  # ties: the first centre
        found[start : start + block] = np.argpartition(-ranked, probes - 1, axis=1)[:, :probes]
    return found


class _Cells:
    """The queries sorted into cells, and the best keys found so far for each."""

    def __init__(self, queries: np.ndarray, top: int) -> None:
        self.centres = _learn(queries, max(1, round(len(queries) / CELL)))
        cell = _closest(queries, self.centres, 1)[:, 0]
        self.order = np.argsort(cell, kind="stable")
        self.bounds = np.searchsorted(cell[self.order], np.arange(len(self.centres) + 1))
        self.queries = queries[self.order]
        self.best = np.full((top, len(queries)), _NONE)

    def compare(self, keys: np.ndarray, first: int, count: int, probes: int) -> None:
        """Improves the best by ``keys``, (items, keys, dims), of the items from ``first`` on, of ``count`` in all."""
        flat = keys.reshape(-1, keys.shape[2])
        cells = _closest(flat, self.centres, probes)
        seen = np.argsort(cells, axis=None, kind="stable")
        bounds = np.searchsorted(cells.ravel()[seen], np.arange(len(self.centres) + 1))
        seen //= cells.shape[1]
        floor = np.ceil(self.best[-1] / _KEY).astype(np.float32)
        hits: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        held = 0
        for cell in range(len(self.centres)):
            low, high = self.bounds[cell : cell + 2]
            rows = seen[bounds[cell] : bounds[cell + 1]]
            product = flat[rows].astype(np.float32) @ self.queries[low:high].astype(np.float32).T
            found = np.flatnonzero(product > floor[low:high])
            if len(found):
                row, column = np.divmod(found, high - low)
                hits.append((column + low, first + rows[row] // keys.shape[1], product.ravel()[found]))
                held += len(found)
            if held > _HITS:  # a query is in one cell: none is taken twice
                self._take(hits, count)
                hits, held = [], 0
        self._take(hits, count)

    def _take(self, hits: list[tuple[np.ndarray, np.ndarray, np.ndarray]], count: int) -> None:
        """Puts what was found (query, item, score) among the best: each item once, and no query itself."""
        if not hits:
            return
        query, item, score = (np.concatenate(part) for part in zip(*hits, strict=True))
        other = self.order[query] % count != item
        query, item, score = query[other], item[other], score[other]
        order = np.lexsort((-score, item, query))
        query, item, score = query[order], item[order], score[order]
        once = np.diff(query, prepend=-1).astype(bool) | np.diff(item, prepend=-1).astype(bool)
        ranked = score[once].astype(np.float64) * _KEY - item[once]
        query = query[once]
        order = np.lexsort((-ranked, query))
        query, ranked = query[order], ranked[order]
        firsts = np.flatnonzero(np.diff(query, prepend=-1))
        place = np.arange(len(query)) - np.repeat(firsts, np.diff(firsts, append=len(query)))
        top = len(self.best)
        new = np.full((top, len(firsts)), _NONE)
        new[place[place < top], np.searchsorted(query[firsts], query[place < top])] = ranked[place < top]
        both = np.concatenate([self.best[:, query[firsts]], new])
        self.best[:, query[firsts]] = -np.sort(-both, axis=0)[:top]


def _decode(ranked: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """From the ranked others of all views of each item, (items, views * top), its ``top`` different others."""
    ranked = -np.sort(-ranked, axis=1)
    others = np.where(ranked > _NONE, np.ceil(ranked / _KEY) * _KEY - ranked, -1).astype(np.int64)
    for place in range(1, others.shape[1]):
        again = (others[:, :place] == others[:, place : place + 1]).any(axis=1)
        others[again, place] = -1
    kept = others >= 0
    kept &= np.cumsum(kept, axis=1) <= top
    items, places = np.nonzero(kept)
    return items, others[items, places]
