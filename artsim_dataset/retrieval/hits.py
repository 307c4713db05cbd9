"""From embeddings and labels to the hits matrix that `metrics` works on, in the order of :mod:`exact`.

Two ways to the same matrix. Where k is a small part of the database, faiss finds the first k. Where it is not, that is
dear, and which item stands at which rank is not even asked, only where the relevant ones stand: the scores of a query
are then sorted without their indices, which vector units do well, and those of the relevant items are looked up.
"""

from __future__ import annotations

import numpy as np

from artsim_dataset.errors import ConfigError
from artsim_dataset.metrics import Array
from artsim_dataset.retrieval.exact import Progress, checked, search

DEEP = 8
"""Sorting is the cheaper way from k = an eighth of the database on (measured at 10,000; at 81,444 with k = 1,000 faiss
needs a third of the processor time)."""

SCORES_AT_ONCE = 42_000_000
"""168 MB, some 500 queries against 81,444 items. Small blocks are slow: BLAS packs the database again for each."""


def ranked_hits(
    queries: Array,
    database: Array,
    query_labels: Array,
    database_labels: Array,
    k: int,
    progress: Progress | None = None,
) -> tuple[Array, Array]:
    """The hits matrix and R: (queries, min(k, m)) bool, and (queries,) relevant items in the whole database.

    Embeddings as for :func:`search`. Labels are integers or names, (n,) and (m,); an item is relevant when it has the
    query's label. Nothing is excluded: a query that is itself in the database finds itself. Raises ConfigError when
    labels and embeddings differ in number, and as :func:`search` does.

    >>> database = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.6]])
    >>> hits, relevant = ranked_hits(np.eye(2), database, np.array(["a", "b"]), np.array(["a", "b", "a"]), 2)
    >>> hits.tolist(), relevant.tolist()
    ([[True, True], [True, False]], [2, 1])
    """
    for labels, vectors, name in ((query_labels, queries, "queries"), (database_labels, database, "database")):
        if np.shape(labels) != (len(vectors),):
            raise ConfigError(f"{name}: {len(vectors)} embeddings and labels of shape {np.shape(labels)}")
    queries, database = checked(queries, database, k)
    _, codes = np.unique(np.concatenate([query_labels, database_labels]), return_inverse=True)
    wanted, known = codes[: len(queries)].astype(np.int32), codes[len(queries) :].astype(np.int32)
    relevant = np.bincount(known, minlength=int(codes.max()) + 1)[wanted]
    hits = np.zeros((len(queries), min(k, len(database))), bool)
    if k * DEEP < len(database):
        for found in search(queries, database, k, progress):
            rows = slice(found.start, found.start + len(found.index))
            hits[rows] = known[found.index] == wanted[rows, None]
    else:
        _by_sorting(queries, database, wanted, known, hits, progress)
    return hits, relevant


def _by_sorting(
    queries: Array, database: Array, wanted: Array, known: Array, hits: Array, progress: Progress | None
) -> None:
    """Fills ``hits`` from the ranks of the relevant items alone."""
    order = np.argsort(known, kind="stable")
    first = np.searchsorted(known[order], np.arange(max(known.max(), wanted.max()) + 2))
    at_once = max(1, SCORES_AT_ONCE // len(database))
    for start in range(0, len(queries), at_once):
        block = slice(start, start + at_once)
        for row, scores in enumerate(queries[block] @ database.T, start):
            rank = _ranks_of(order[first[wanted[row]] : first[wanted[row] + 1]], scores)
            hits[row, rank[rank < hits.shape[1]]] = True
        if progress:
            progress("search", min(start + at_once, len(queries)), len(queries))


def _ranks_of(items: Array, scores: Array) -> Array:
    """0-based ranks of ``items`` when all ``scores`` (m,) are sorted by (score descending, index ascending).

    Where one of the items ties, the whole row is sorted by the rule.
    """
    own, ordered = scores[items], np.sort(scores)
    above = np.searchsorted(ordered, own, side="right")
    if (above - np.searchsorted(ordered, own, side="left") > 1).any():
        rank = np.empty(len(scores), np.int64)
        rank[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
        return rank[items]
    return len(scores) - above
