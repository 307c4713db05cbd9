"""Metrics of pairs and triplets: how well similarities of what belongs together stand out from those that do not."""

from __future__ import annotations

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
    if positive.ndim != 1 or len(positive) != len(negative):
        raise ValueError(
            f"triplet_accuracy wants one positive for each row of negatives, got shapes {positive.shape} and "
            f"{negative.shape}"
        )
    counted = ~np.isnan(negative)
    if not counted.any():
        raise ValueError("triplet_accuracy needs at least one negative, got none")
    right = positive.reshape(-1, *([1] * (negative.ndim - 1))) > negative
    return float(right[counted].mean())


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


def clip_score(images: Array, texts: Array, weight: float = 2.5) -> float:
    """CLIPScore (Hessel et al. 2021, eq. 1): ``weight * max(cos(image, text), 0)``, averaged over n pairs; 0 to weight.

    ``images`` and ``texts``: (n, d) embeddings of one CLIP model, row i of both a pair, of any length but zero. The
    paper's weight is 2.5; torchmetrics reports percent (100) and clips the mean, not each pair.

    >>> clip_score(np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [0.0, -3.0]]))
    1.25
    """
    images, texts = np.asarray(images), np.asarray(texts)
    if images.ndim != 2 or images.shape != texts.shape:
        raise ValueError(
            f"clip_score wants embeddings of pairs, (n, d) both, got shapes {images.shape} and {texts.shape}"
        )
    if not len(images):
        raise ValueError("clip_score needs at least one pair, got none")
    blocks = range(0, len(images), 4096)  # in double precision no more than these rows
    products = [[(a * b).sum(1), np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)]
                for a, b in ((m[at : at + 4096].astype(float) for m in (images, texts)) for at in blocks)]  # fmt: skip
    dots, lengths = np.concatenate(products, axis=1)
    if not (lengths > 0).all():
        raise ValueError(f"clip_score: the embeddings of pair {int(np.argmin(lengths > 0))} hold NaN or are zero")
    return float((weight * np.maximum(dots / lengths, 0)).mean())
