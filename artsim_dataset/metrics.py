"""Similarity metrics as pure numpy functions: arrays in, numbers out; nothing of data sets, models or files.

Two rules hold everywhere, because peers leave them open and results then depend on the sorting library:
*larger means more similar*, and *ties never help*: a triplet tie is wrong, and a ranking sorts by (score
descending, index ascending). ``map_at_k`` is the textbook number; what the CSD paper calls mAP is another
number and has another name here, ``csd_map_at_k`` (arXiv 2404.01292, its released code; see each docstring).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Array = np.ndarray


def triplet_accuracy(positive: Array, negative: Array) -> float:
    """Share of triplets with ``sim(anchor, positive) > sim(anchor, negative)``, strictly: a tie is wrong.

    ``positive``: shape (n,). ``negative``: shape (n,), or (n, m) for m negatives of each anchor; NaN marks a
    pair that is no negative. NaN in ``positive`` counts as wrong, so a broken model cannot score.

    >>> triplet_accuracy(np.array([0.9, 0.5, 0.5]), np.array([0.1, 0.5, 0.6]))
    0.3333333333333333
    """
    positive, negative = np.asarray(positive, float), np.asarray(negative, float)
    counted = ~np.isnan(negative)
    if not counted.any():
        raise ValueError("triplet_accuracy needs at least one negative")
    right = positive.reshape(-1, *([1] * (negative.ndim - 1))) > negative
    return float(right[counted].mean())


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


def target_hits(rank: Array, depth: int) -> Array:
    """The hits of queries with one relevant item each, from their 0-based :func:`ranks`: shape (queries, depth), bool.

    >>> target_hits(np.array([0, 3, 1]), 2).astype(int).tolist()
    [[1, 0], [0, 0], [0, 1]]
    """
    _positive_k(depth)
    return np.asarray(rank)[:, None] == np.arange(depth)


def mrr(rank: Array, k: int | None = None) -> float:
    """Mean reciprocal rank from 0-based ranks; a target beyond ``k`` counts 0.

    >>> mrr(np.array([0, 1, 3])), mrr(np.array([0, 1, 3]), k=2)
    (0.5833333333333334, 0.5)
    """
    rank = np.asarray(rank)
    value = 1.0 / (rank + 1.0)
    return float(value.mean() if k is None else np.where(rank < k, value, 0.0).mean())


def hits(scores: Array, relevant: Array) -> Array:
    """The relevance matrix put in ranked order: score descending, then index ascending. Shape kept, bool.

    >>> hits(np.array([[0.1, 0.9, 0.9]]), np.array([[True, False, True]])).astype(int)
    array([[0, 1, 1]])
    """
    order = np.argsort(-np.asarray(scores), axis=1, kind="stable")
    return np.take_along_axis(np.asarray(relevant, bool), order, axis=1)


def recall_at_k(hit: Array, k: int) -> float:
    """Share of queries with at least one hit among the first k (CSD's Recall@k). ``hit``: ranked, (queries, depth).

    >>> recall_at_k(np.array([[0, 1, 0], [0, 0, 1]]), 2)
    0.5
    """
    _positive_k(k)
    return float(np.asarray(hit, bool)[:, :k].any(1).mean())


def _precisions(hit: Array, k: int) -> tuple[Array, Array]:
    _positive_k(k)
    top = np.asarray(hit, bool)[:, :k]
    return top, np.cumsum(top, 1) / np.arange(1, top.shape[1] + 1)


def map_at_k(hit: Array, k: int, relevant: Array | None = None) -> float:
    """Textbook mAP@k: precision at each hit, summed, divided by min(k, R); queries without relevant items count 0.

    ``hit``: ranked relevance, (queries, depth). ``relevant``: R of each query; by default the hits in ``hit``.

    >>> H = np.array([[1, 0, 1, 1, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
    >>> [round(map_at_k(H, k, np.array([3, 2, 4, 5])), 6) for k in (1, 3, 5)]
    [0.5, 0.451389, 0.563889]
    """
    top, precision = _precisions(hit, k)
    total = np.asarray(hit, bool).sum(1) if relevant is None else np.asarray(relevant)
    return float(((precision * top).sum(1) / np.maximum(np.minimum(total, k), 1)).mean())


def csd_map_at_k(hit: Array, k: int) -> float:
    """What CSD reports as mAP@k: precision at *every* rank 1..k, averaged, hits or not (arXiv 2404.01292, section 5).

    Not an average precision: it equals ``mean_j cumsum(hits)/j`` and is not comparable with :func:`map_at_k`.
    As in their code a query without a hit counts 0; unlike it, k never exceeds the depth of ``hit``.

    >>> H = np.array([[1, 0, 1, 1, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
    >>> [csd_map_at_k(H, 1), csd_map_at_k(np.array([[0, 1]]), 2)]
    [0.5, 0.25]
    """
    _, precision = _precisions(hit, k)
    return float(precision.mean(1).mean())


def csd_mrr_at_k(hit: Array, k: int) -> float:
    """CSD's MRR@k: averaged only over the queries that hit within k (0 when none does; theirs crashes).

    >>> H = np.array([[1, 0, 1, 1, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
    >>> [round(csd_mrr_at_k(H, k), 6) for k in (1, 3, 5)]
    [1.0, 0.833333, 0.833333]
    """
    top, _ = _precisions(hit, k)
    found = top[top.any(1)]
    return float((1.0 / (found.argmax(1) + 1)).mean()) if len(found) else 0.0


def map_at_r(hit: Array, relevant: Array | None = None) -> float:
    """MAP@R (Musgrave et al. 2020): AP over the first R ranks divided by R, R being the query's relevant items.

    >>> round(map_at_r(np.array([[1, 0, 1, 0], [0, 1, 0, 0]]), np.array([2, 1])), 6)
    0.25
    """
    hit = np.asarray(hit, bool)
    total = hit.sum(1) if relevant is None else np.asarray(relevant)
    within = np.arange(hit.shape[1])[None] < total[:, None]
    top, precision = _precisions(hit & within, hit.shape[1])
    return float(((precision * top).sum(1) / np.maximum(total, 1)).mean())


def roc_curve(positive: Array, negative: Array) -> tuple[Array, Array, Array]:
    """ROC of telling positive pairs from negative ones: (false positive rates, true positive rates, thresholds).

    One point for each distinct score, from (0, 0) at +inf to (1, 1); ``score >= threshold`` says "same painting".

    >>> fpr, tpr, at = roc_curve(np.array([0.9, 0.4]), np.array([0.5, 0.1]))
    >>> fpr.tolist(), tpr.tolist()
    ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0])
    """
    thresholds, tp, fp = _counts(positive, negative)
    fpr = np.concatenate([[0.0], fp / fp[-1]])
    tpr = np.concatenate([[0.0], tp / tp[-1]])
    return fpr, tpr, np.concatenate([[np.inf], thresholds])


def _counts(positive: Array, negative: Array) -> tuple[Array, Array, Array]:
    """Distinct scores descending, with the true and false positives at each."""
    positive, negative = np.ravel(positive).astype(float), np.ravel(negative).astype(float)
    if not (len(positive) and len(negative)):
        raise ValueError(f"a ROC needs both kinds of pairs, got {len(positive)} positive and {len(negative)} negative")
    if np.isnan(positive).any() or np.isnan(negative).any():
        raise ValueError("a similarity is NaN: the embeddings hold NaN or zero vectors")
    scores = np.concatenate([positive, negative])
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    tp = np.cumsum(order < len(positive))[last]
    return scores[order][last], tp, last + 1 - tp


def roc_auc(positive: Array, negative: Array) -> float:
    """Area under the ROC = P(positive > negative) + P(tie) / 2.

    >>> roc_auc(np.array([0.9, 0.4]), np.array([0.5, 0.1])), roc_auc(np.array([0.5]), np.array([0.5]))
    (0.75, 0.5)
    """
    fpr, tpr, _ = roc_curve(positive, negative)
    return float(np.trapezoid(tpr, fpr))


def average_precision(positive: Array, negative: Array) -> float:
    """Average precision over pairs: sum over distinct scores of (recall gained) x precision, without interpolation.

    >>> round(average_precision(np.array([0.9, 0.4]), np.array([0.5, 0.1])), 6)
    0.833333
    """
    _, tp, fp = _counts(positive, negative)
    return float((np.diff(np.concatenate([[0], tp])) / tp[-1] * (tp / (tp + fp))).sum())


def eer(positive: Array, negative: Array) -> float:
    """Equal error rate: where misses equal false alarms, interpolated linearly on the ROC.

    >>> eer(np.array([0.9, 0.4]), np.array([0.5, 0.1]))
    0.5
    """
    fpr, tpr, _ = roc_curve(positive, negative)
    gap = fpr - (1 - tpr)
    at = int(np.argmax(gap >= 0))
    if at == 0 or gap[at] == gap[at - 1]:
        return float(fpr[at])
    share = -gap[at - 1] / (gap[at] - gap[at - 1])
    return float(fpr[at - 1] + share * (fpr[at] - fpr[at - 1]))


def tpr_at_fpr(positive: Array, negative: Array, fpr: float = 0.01) -> float:
    """Largest true positive rate among thresholds whose false positive rate is at most ``fpr`` (no interpolation).

    >>> tpr_at_fpr(np.array([0.9, 0.4]), np.array([0.5, 0.1]), 0.01)
    0.5
    """
    rates, found, _ = roc_curve(positive, negative)
    return float(found[rates <= fpr].max())


def bootstrap_ci(
    statistic: Callable[[Array], float], groups: Array, seed: int, rounds: int = 1000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of ``statistic(row indices)`` when whole groups (paintings) are drawn with replacement.

    Pairs that reuse a painting are not independent, so rows are never drawn alone. ``groups``: one label per row.

    >>> bootstrap_ci(lambda rows: float(len(rows)), np.array(["a", "b"]), seed=0, rounds=10)
    (2.0, 2.0)
    """
    _, member, size = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    order = np.argsort(member, kind="stable")
    start = np.cumsum(size) - size
    draw = np.random.default_rng(seed)
    values = []
    for _ in range(rounds):
        drawn = draw.integers(len(size), size=len(size))
        # The rows of group g are order[start[g] : start[g] + size[g]]; this strings those slices together.
        shift = np.repeat(start[drawn] - (np.cumsum(size[drawn]) - size[drawn]), size[drawn])
        values.append(statistic(order[shift + np.arange(len(shift))]))
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _positive_k(k: int) -> None:
    if k < 1:
        raise ValueError(f"k counts ranks from 1, got {k}")
