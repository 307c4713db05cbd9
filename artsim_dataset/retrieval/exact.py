"""Exact retrieval at scale: who are the k nearest of a large database, in an order that is a rule and not an accident.

The rule is (score descending, database index ascending), score being the inner product in fp32. faiss does the search;
its own order among equal scores is that of a heap, and which of several equal scores make it into the first k is left
to chance as well. Here equal scores are put in order, and a tie at the cut is decided by looking at the whole row.

Work goes in blocks of queries; nothing is kept of a block but what the caller keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from artsim_dataset.errors import ConfigError, MissingExtra
from artsim_dataset.metrics import Array

QUERIES_AT_ONCE = 4096
ROWS_AT_ONCE = 64
"""Rows of the whole database that a tie at the cut needs: 64 x 81,444 scores are 21 MB."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Found:
    """The first k of the database for a block of queries, best first.

    ``start``: the first query of the block. ``index``: (queries, k), int64. ``score``: (queries, k), float32.
    """

    start: int
    index: Array
    score: Array


def search(queries: Array, database: Array, k: int, progress: Progress | None = None) -> Iterator[Found]:
    """The k items of the largest inner product for each query, block by block in the order of the queries.

    ``queries`` (n, d) and ``database`` (m, d), any float type, searched in fp32; unit vectors make the score a cosine.
    With k > m all m are ranked. Raises ConfigError for empty or mismatched inputs and for numbers that are not finite,
    MissingExtra without faiss.
    """
    queries, database = checked(queries, database, k)
    k = min(k, len(database))
    nearest = _faiss_search(database, min(k + 1, len(database)))
    for start in range(0, len(queries), QUERIES_AT_ONCE):
        block = queries[start : start + QUERIES_AT_ONCE]
        score, index = nearest(block)
        _order_ties(score, index)
        if score.shape[1] > k:
            _decide_cut(block, database, score, index, k)
        yield Found(start, index[:, :k], score[:, :k])
        if progress:
            progress("search", start + len(block), len(queries))


def checked(queries: Array, database: Array, k: int) -> tuple[Array, Array]:
    """Both in fp32 and in one piece; the errors of :func:`search`."""
    queries, database = _vectors(queries, "queries"), _vectors(database, "database")
    if queries.shape[1] != database.shape[1]:
        raise ConfigError(f"queries have {queries.shape[1]} dimensions and the database {database.shape[1]}")
    if k < 1:
        raise ConfigError(f"k counts ranks from 1, got {k}")
    return queries, database


def _vectors(vectors: Array, name: str) -> Array:
    vectors = np.ascontiguousarray(vectors, np.float32)
    if vectors.ndim != 2 or not vectors.size:
        raise ConfigError(f"the {name} are embeddings, (n, d), and not empty; got shape {vectors.shape}")
    if not np.isfinite(vectors.sum(1, dtype=np.float64)).all():
        row = int(np.argmin(np.isfinite(vectors).all(1)))
        raise ConfigError(f"the {name} hold a number that is not finite in row {row}")
    return vectors


def _faiss_search(database: Array, k: int) -> Callable[[Array], tuple[Array, Array]]:
    """``block -> (scores, indices)`` of the k largest inner products; the database is not copied."""
    try:
        import faiss
    except ImportError as error:
        raise MissingExtra("exact retrieval", "train") from error

    def nearest(block: Array) -> tuple[Array, Array]:
        found: Any = faiss.knn(block, database, k, metric=faiss.METRIC_INNER_PRODUCT)
        return found

    return nearest


def _order_ties(score: Array, index: Array) -> None:
    """Puts indices of equal scores in ascending order, in place. The rows are sorted by score already."""
    tied = np.flatnonzero((score[:, 1:] == score[:, :-1]).any(1))
    if len(tied):
        run = np.zeros((len(tied), score.shape[1]), np.int64)
        run[:, 1:] = np.cumsum(score[tied, 1:] != score[tied, :-1], axis=1)
        # One integer for (run of equal scores, index) sorts several times faster than two keys.
        index[tied] = np.sort((run << 32) | index[tied], axis=1) & 0xFFFFFFFF


def _decide_cut(queries: Array, database: Array, score: Array, index: Array, k: int) -> None:
    """Ranks again, in place, the rows whose k-th and next score are equal: the lowest indices stay."""
    open_rows = np.flatnonzero(score[:, k - 1] == score[:, k])
    for at in range(0, len(open_rows), ROWS_AT_ONCE):
        rows = open_rows[at : at + ROWS_AT_ONCE]
        for row, every in zip(rows, queries[rows] @ database.T, strict=True):
            cut = np.partition(every, len(every) - k)[len(every) - k]
            above = np.flatnonzero(every > cut)
            first = np.concatenate([above, np.flatnonzero(every == cut)[: k - len(above)]])
            first = first[np.lexsort((first, -every[first]))]
            index[row, :k], score[row, :k] = first, every[first]
