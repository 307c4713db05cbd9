"""Is a probability of 0.8 right eight times out of ten?"""

from __future__ import annotations

import numpy as np

from artsim_dataset.metrics.pairs import Array


def ece(confidence: Array, correct: Array, bins: int = 15) -> float:
    """Expected calibration error (Guo et al. 2017, eq. 3): |share correct - mean confidence|, weighted by bin size.

    ``confidence``: (n,) in [0, 1]; ``correct``: (n,) bool. For a detector both of its reliability: the probability
    that an image is AI-made, and whether it is. Bins have equal width and hold [low, high), the last one 1 as well
    (torchmetrics the same, but counts exactly 1 as a bin of its own). 0 is calibrated, 1 as wrong as can be.

    >>> round(ece(np.array([0.9, 0.9, 0.9, 0.2]), np.array([True, True, False, False]), bins=10), 6)
    0.225
    """
    confidence, correct = np.asarray(confidence, float), np.asarray(correct, bool)
    if confidence.ndim != 1 or confidence.shape != correct.shape:
        raise ValueError(f"ece wants two vectors of one length, got shapes {confidence.shape} and {correct.shape}")
    if not len(confidence):
        raise ValueError("ece needs at least one prediction, got none")
    if bins < 1:
        raise ValueError(f"ece needs at least one bin, got {bins}")
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise ValueError("ece wants confidences between 0 and 1")
    edges = np.linspace(0, 1, bins + 1)
    member = np.minimum(np.searchsorted(edges, confidence, side="right") - 1, bins - 1)
    gap = np.bincount(member, weights=correct - confidence, minlength=bins)
    return float(np.abs(gap).sum() / len(confidence))
