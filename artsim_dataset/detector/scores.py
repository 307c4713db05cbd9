"""The numbers of a detector: 'ai' is the positive class, a probability of 0.5 or more says 'ai'.

Definitions are scikit-learn's; they are written out from the counts because an interval needs them 400 times, and
scikit-learn's checks of its arguments take 10 ms each time. Intervals draw whole paintings, since an original and its
variants are not independent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from artsim_dataset.errors import ConfigError
from artsim_dataset.metrics import bootstrap_ci, ece, roc_auc
from artsim_dataset.schema import seed_from

NUMBERS = ("accuracy", "precision", "recall", "f1", "roc_auc", "ece")
THRESHOLD = 0.5
ROUNDS = 400


@dataclass(frozen=True)
class Confusion:
    """Counts of images: ``caught`` AI called ai, ``missed`` AI called original, ``accused`` originals called ai,
    ``cleared`` originals called original. A ratio of nothing is 0, as with scikit-learn's ``zero_division=0``.

    >>> one = Confusion(caught=6, missed=2, accused=1, cleared=7)
    >>> one.accuracy, one.recall, round(one.precision, 4), one.f1
    (0.8125, 0.75, 0.8571, 0.8)
    """

    caught: int
    missed: int
    accused: int
    cleared: int

    @property
    def accuracy(self) -> float:
        return _ratio(self.caught + self.cleared, self.caught + self.missed + self.accused + self.cleared)

    @property
    def precision(self) -> float:
        return _ratio(self.caught, self.caught + self.accused)

    @property
    def recall(self) -> float:
        return _ratio(self.caught, self.caught + self.missed)

    @property
    def f1(self) -> float:
        return _ratio(2 * self.caught, 2 * self.caught + self.missed + self.accused)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


@dataclass(frozen=True)
class DetectorScores:
    """``numbers`` by name (``NUMBERS``), 95 % intervals over paintings, and the counts behind them."""

    numbers: Mapping[str, float]
    ci: Mapping[str, tuple[float, float]]
    confusion: Confusion

    def to_json(self) -> dict[str, Any]:
        """Plain numbers at the top, intervals under ``ci95``, counts under ``confusion``."""
        return {
            **self.numbers,
            "ci95": {name: list(interval) for name, interval in self.ci.items()},
            "confusion": vars(self.confusion),
        }


def score(
    probability: np.ndarray, is_ai: np.ndarray, paintings: np.ndarray, seed: int = 42, rounds: int = ROUNDS
) -> DetectorScores:
    """Scores probabilities of 'ai', shape (n,), against what the images are, with intervals from ``rounds`` draws.

    Raises:
        ConfigError: only one class is there: nothing can be told from anything.
    """
    probability, is_ai = np.asarray(probability, float), np.asarray(is_ai, bool)
    if is_ai.all() or not is_ai.any():
        raise ConfigError(f"scoring a detector needs originals and AI variants, got {len(is_ai)} of one kind")

    def numbers(rows: np.ndarray) -> np.ndarray:
        return np.array(list(_numbers(probability[rows], is_ai[rows]).values()))

    return DetectorScores(
        _numbers(probability, is_ai), _intervals(numbers, paintings, seed, rounds), confusion(probability, is_ai)
    )


def confusion(probability: np.ndarray, is_ai: np.ndarray) -> Confusion:
    """Counts at the threshold. Both arguments: shape (n,), probabilities of 'ai' and what the images are."""
    called = probability >= THRESHOLD
    counts = (called & is_ai, ~called & is_ai, called & ~is_ai, ~called & ~is_ai)
    return Confusion(*(int(count.sum()) for count in counts))


def _numbers(probability: np.ndarray, is_ai: np.ndarray) -> dict[str, float]:
    counts = confusion(probability, is_ai)
    both = is_ai.any() and not is_ai.all()
    auc = roc_auc(probability[is_ai], probability[~is_ai]) if both else float("nan")
    values = (counts.accuracy, counts.precision, counts.recall, counts.f1, auc, ece(probability, is_ai))
    return dict(zip(NUMBERS, values, strict=True))


def _intervals(numbers: Any, paintings: np.ndarray, seed: int, rounds: int) -> dict[str, tuple[float, float]]:
    """All numbers from the same draws. A draw of one class only has no ROC-AUC and is left out of its interval; when
    every draw is, nothing is known: 0 to 1."""
    drawn: list[np.ndarray] = []

    def collect(rows: np.ndarray) -> float:
        drawn.append(numbers(rows))
        return 0.0

    bootstrap_ci(collect, paintings, seed_from("scores", seed), rounds)
    intervals = {}
    for name, values in zip(NUMBERS, np.stack(drawn).T, strict=True):
        known = values[~np.isnan(values)]
        low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (0.0, 1.0)
        intervals[name] = (float(low), float(high))
    return intervals
