"""One temperature that makes a detector's probabilities mean what they say, on images like those it was fitted on."""

from __future__ import annotations

import math

import numpy as np

from artsim_dataset.detector.model import sigmoid

TEMPERATURES = (0.1, 20.0)


def fit_temperature(logits: np.ndarray, is_ai: np.ndarray) -> float:
    """The temperature (Guo et al. 2017) that makes ``sigmoid(logits / temperature)`` most likely, both classes equal.

    Targets are Platt's: (n + 1) / (n + 2) and 1 / (n + 2) instead of 1 and 0, n being the images of a class. Without
    either class there is nothing to fit: 1.

    >>> confident = np.array([8.0, 8.0, -8.0, 8.0, -8.0, -8.0])
    >>> fit_temperature(confident, np.array([1, 1, 0, 0, 1, 0], bool)) > 5
    True
    """
    from scipy.optimize import minimize_scalar

    ai, original = int(is_ai.sum()), int((~is_ai).sum())
    if not ai or not original:
        return 1.0
    target = np.where(is_ai, (ai + 1) / (ai + 2), 1 / (original + 2))
    weight = np.where(is_ai, 0.5 / ai, 0.5 / original)

    def loss(log_temperature: float) -> float:
        probability = np.clip(sigmoid(logits / math.exp(log_temperature)), 1e-12, 1 - 1e-12)
        return -float((weight * (target * np.log(probability) + (1 - target) * np.log1p(-probability))).sum())

    low, high = (math.log(limit) for limit in TEMPERATURES)
    return math.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x)
