"""Retrieval metrics on a hits matrix: row i says which of query i's ranked candidates are relevant, best first.

The names are kept apart because peers mix them up: ``map_at_k`` is the textbook number; what the CSD paper calls mAP is
another number and has another name here, ``csd_map_at_k`` (arXiv 2404.01292 and its released code). CSD's ``mrr_at_k``
drops queries without a hit; ``mrr`` is the textbook number, where they count 0.

Every metric is the mean of one value for each query, and :func:`per_query` gives these, for bootstrap intervals. All
work in blocks of queries: 16,000 queries with 1,000 ranks need 16 MB for the hits and little more.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from artsim_dataset.metrics.pairs import Array

BLOCK = 1024


def ranks(scores: Array, target: Array) -> Array:
    """0-based rank of column ``target[i]`` in row i of ``scores`` (queries x candidates), shape (queries,).

    Sorted by score descending, then index ascending. A target whose score is NaN is last.

    >>> ranks(np.array([[0.2, 0.7, 0.7], [0.5, 0.5, 0.1]]), np.array([2, 0]))
    array([1, 0])
    """
    scores, target = np.asarray(scores), np.asarray(target)
    own = scores[np.arange(len(scores)), target][:, None]
    before = np.arange(scores.shape[1])[None] < target[:, None]
    rank = ((scores > own) | ((scores == own) & before)).sum(1)
    return np.where(np.isnan(own[:, 0]), scores.shape[1] - 1, rank)


def hits(scores: Array, relevant: Array) -> Array:
    """The relevance matrix put in ranked order: score descending, then index ascending. Shape kept, bool.

    For a large database see :func:`artsim_dataset.retrieval.ranked_hits`, which never holds all scores.

    >>> hits(np.array([[0.1, 0.9, 0.9]]), np.array([[True, False, True]])).astype(int)
    array([[0, 1, 1]])
    """
    scores, relevant = np.asarray(scores), np.asarray(relevant, bool)
    if scores.shape != relevant.shape:
        raise ValueError(f"hits wants a score of every candidate, got shapes {scores.shape} and {relevant.shape}")
    falling = -scores if scores.dtype.kind in "fi" else -scores.astype(float)  # bytes have no minus, bools neither
    return np.take_along_axis(relevant, np.argsort(falling, axis=1, kind="stable"), axis=1)


def target_hits(rank: Array, depth: int) -> Array:
    """The hits of queries with one relevant item each, from their 0-based :func:`ranks`: shape (queries, depth), bool.

    >>> target_hits(np.array([0, 3, 1]), 2).astype(int).tolist()
    [[1, 0], [0, 0], [0, 1]]
    """
    _from_one(depth)
    return np.asarray(rank)[:, None] == np.arange(depth)


def recall_at_k(hit: Array, k: int) -> float:
    """Share of queries with at least one hit among the first k (CSD's Recall@k; elsewhere "hit rate").

    ``hit``: ranked relevance, (queries, depth). All metrics here raise ValueError when there is no query, no rank, or
    a k below 1; with k beyond the depth they see the depth.

    >>> recall_at_k(np.array([[0, 1, 0], [0, 0, 1]]), 2)
    0.5
    """
    return _mean(_found, hit, k)


def precision_at_k(hit: Array, k: int) -> float:
    """Share of hits among the first k, averaged over queries. Fewer candidates than k are missing, not left out.

    >>> precision_at_k(np.array([[0, 1, 0], [1, 1, 1]]), 2)
    0.75
    """
    return _mean(lambda top: top.sum(1) / k, hit, k)


def map_at_k(hit: Array, k: int, relevant: Array | None = None) -> float:
    """Textbook mAP@k: precision at each hit, summed, divided by min(k, R); a query without relevant items counts 0.

    ``hit``: ranked relevance, (queries, depth). ``relevant``: (queries,), R of each query in the whole database; by
    default the hits in its row, which is right only when the row ranks the whole database. Raises ValueError when a row
    has more hits than relevant items.

    >>> H = np.array([[1, 0, 1, 1, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
    >>> [round(map_at_k(H, k, np.array([3, 2, 4, 5])), 6) for k in (1, 3, 5)]
    [0.5, 0.451389, 0.563889]
    """
    return float((_summed_precision(hit, k) / np.maximum(np.minimum(_totals(hit, relevant), k), 1)).mean())


def csd_map_at_k(hit: Array, k: int) -> float:
    """What CSD reports as mAP@k: precision at *every* rank 1..k, averaged, hits or not (arXiv 2404.01292, section 5).

    Not an average precision: it equals ``mean_j cumsum(hits)/j`` and is not comparable with :func:`map_at_k`.
    As in their code a query without a hit counts 0; unlike it, k never exceeds the depth of ``hit``.

    >>> H = np.array([[1, 0, 1, 1, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
    >>> [csd_map_at_k(H, 1), csd_map_at_k(np.array([[0, 1]]), 2)]
    [0.5, 0.25]
    """
    return _mean(_mean_precision, hit, k)


def mrr_at_k(hit: Array, k: int) -> float:
    """CSD's MRR@k: 1 / rank of the first hit within k, averaged *only over the queries that hit* within k.

    A query that misses makes it no worse, so it means little without :func:`recall_at_k` beside it; their product is
    the textbook number, which :func:`mrr` gives from ranks. 0 when no query hits (their code crashes).

    >>> H = np.array([[1, 0, 1, 1, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
    >>> [round(mrr_at_k(H, k), 6) for k in (1, 3, 5)]
    [1.0, 0.833333, 0.833333]
    """
    value = _blockwise(_reciprocal_rank, hit, k)
    return float(value[value > 0].mean()) if value.any() else 0.0


def mrr(rank: Array, k: int | None = None) -> float:
    """Textbook mean reciprocal rank, from 0-based :func:`ranks`, over all queries; a target beyond ``k`` counts 0.

    >>> mrr(np.array([0, 1, 3])), mrr(np.array([0, 1, 3]), k=2)
    (0.5833333333333334, 0.5)
    """
    rank = np.asarray(rank)
    if not len(rank):
        raise ValueError("mrr needs at least one rank, got none")
    value = 1.0 / (rank + 1.0)
    return float(value.mean() if k is None else np.where(rank < k, value, 0.0).mean())


def map_at_r(hit: Array, relevant: Array | None = None) -> float:
    """MAP@R (Musgrave et al. 2020): precision at each hit within the first R ranks, summed, divided by R.

    R is a query's number of relevant items, as in :func:`map_at_k`; ``hit`` must be as deep as the largest R.

    >>> round(map_at_r(np.array([[1, 0, 1, 0], [0, 1, 0, 0]]), np.array([2, 1])), 6)
    0.25
    """
    total = _totals(hit, relevant)
    within = _within(hit, total)
    return float((_summed_precision(within, within.shape[1]) / np.maximum(total, 1)).mean())


def r_precision(hit: Array, relevant: Array | None = None) -> float:
    """Share of hits among a query's first R ranks, R as in :func:`map_at_r`.

    >>> r_precision(np.array([[1, 0, 1, 0], [0, 1, 0, 0]]), np.array([2, 1]))
    0.25
    """
    total = _totals(hit, relevant)
    return float((np.count_nonzero(_within(hit, total), axis=1) / np.maximum(total, 1)).mean())


def per_query(hit: Array, k: int, relevant: Array) -> dict[str, Array]:
    """The values that the metrics at k average, (queries,) each, by the name of the result.

    ``mrr`` is NaN for a query without a hit, since CSD leaves it out; ``mrr_all`` is 0 there, the textbook number.

    >>> values = per_query(np.array([[0, 1], [0, 0]]), 2, np.array([1, 3]))
    >>> {name: value.tolist() for name, value in values.items()}  # doctest: +NORMALIZE_WHITESPACE
    {'csd_map': [0.25, 0.0], 'map': [0.5, 0.0], 'recall': [1.0, 0.0], 'mrr': [0.5, nan], 'mrr_all': [0.5, 0.0]}
    """
    first = _blockwise(_reciprocal_rank, hit, k)
    return {
        "csd_map": _blockwise(_mean_precision, hit, k),
        "map": _summed_precision(hit, k) / np.maximum(np.minimum(_totals(hit, relevant), k), 1),
        "recall": _blockwise(_found, hit, k).astype(float),
        "mrr": np.where(first > 0, first, np.nan),
        "mrr_all": first,
    }


def _found(top: Array) -> Array:
    return top.max(1)


def _mean_precision(top: Array) -> Array:
    return (np.cumsum(top, 1) / np.arange(1, top.shape[1] + 1)).mean(1)


def _reciprocal_rank(top: Array) -> Array:
    return np.where(top.any(1), 1.0 / (top.argmax(1) + 1), 0.0)


def _summed_precision(hit: Array, k: int) -> Array:
    """Precision at each hit within k, summed: (queries,). The i-th hit of a query, at rank r, has precision i / r."""
    _from_one(k)
    top = _checked(hit)[:, :k]
    query, rank = np.nonzero(top)
    count = np.bincount(query, minlength=len(top))
    ith = np.arange(len(query)) - np.repeat(np.cumsum(count) - count, count)
    return np.bincount(query, weights=(ith + 1) / (rank + 1), minlength=len(top))


def _mean(values: Callable[[Array], Array], hit: Array, k: int) -> float:
    return float(_blockwise(values, hit, k).mean())


def _blockwise(values: Callable[[Array], Array], hit: Array, k: int) -> Array:
    """``values`` of the first k ranks, block by block of queries: (queries,)."""
    _from_one(k)
    top = _checked(hit)[:, :k]
    return np.concatenate([values(top[at : at + BLOCK]) for at in range(0, len(top), BLOCK)])


def _checked(hit: Array) -> Array:
    hit = np.asarray(hit, bool)
    if hit.ndim != 2:
        raise ValueError(f"hits are a matrix, queries x ranks, got shape {hit.shape}")
    if not hit.shape[0]:
        raise ValueError("the hits matrix is empty: no queries")
    if not hit.shape[1]:
        raise ValueError("the hits matrix is empty: no ranks, the database has no items")
    return hit


def _totals(hit: Array, relevant: Array | None) -> Array:
    found = np.count_nonzero(_checked(hit), axis=1)
    if relevant is None:
        return found
    total = np.asarray(relevant)
    if total.shape != found.shape:
        raise ValueError(f"relevant has one number for each query: {len(found)} queries, got shape {total.shape}")
    if (found > total).any():
        row = int(np.argmax(found > total))
        raise ValueError(f"query {row} has {found[row]} hits but only {total[row]} relevant items")
    return total


def _within(hit: Array, total: Array) -> Array:
    """The hits within each query's first R ranks."""
    hit = _checked(hit)
    if total.max() > hit.shape[1]:
        raise ValueError(f"a query has {total.max()} relevant items, and the hits are only {hit.shape[1]} ranks deep")
    return hit & (np.arange(hit.shape[1]) < total[:, None])


def _from_one(k: int) -> None:
    if k < 1:
        raise ValueError(f"k counts ranks from 1, got {k}")
