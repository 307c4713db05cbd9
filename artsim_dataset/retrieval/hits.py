"""From embeddings and labels to the hits matrix that `metrics` works on, in the order of :mod:`exact`.

Which item stands at which rank is not asked here, only where the relevant ones stand. So the scores of a query are
sorted without their indices, which vector units do several times faster than any selection of the first 1,000, and
the relevant items' scores are looked up in them: their ranks in the whole database, at the price of one sort.
"""

from __future__ import annotations

import numpy as np

from artsim_dataset.errors import ConfigError
from artsim_dataset.metrics import Array
from artsim_dataset.retrieval.exact import Progress, checked

QUERIES_AT_ONCE = 512
"""A block of scores of 81,444 items is 167 MB. Small blocks are slow: BLAS packs the database again for each."""


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
    order = np.argsort(known, kind="stable")
    first = np.searchsorted(known[order], np.arange(int(codes.max()) + 2))
    for start in range(0, len(queries), QUERIES_AT_ONCE):
        block = slice(start, start + QUERIES_AT_ONCE)
        for row, scores in enumerate(queries[block] @ database.T, start):
            rank = _ranks_of(order[first[wanted[row]] : first[wanted[row] + 1]], scores)
            hits[row, rank[rank < hits.shape[1]]] = True
        if progress:
            progress("search", min(start + QUERIES_AT_ONCE, len(queries)), len(queries))
    return hits, relevant


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
