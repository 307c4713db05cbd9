"""Where a cosine stands among those of known pairs: alone it says nothing, since every model has its own scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

POINTS = 201
"""Quantiles that are kept of a distribution: half a percent apart."""


@dataclass(frozen=True)
class Known:
    """Cosines of known pairs, as ascending quantiles from the 0th to the 100th: what a model keeps of its evaluation.

    ``positive``: a painting and its variant. ``negative``: a painting and one of another genre. ``pairs``: how many
    of each were measured; ``of``: on what.
    """

    positive: np.ndarray
    negative: np.ndarray
    pairs: tuple[int, int]
    of: str

    @classmethod
    def measured(cls, positives: np.ndarray, negatives: np.ndarray, of: str) -> Known:
        """From cosines of any number, at least one each. Raises ValueError when there are none."""
        if not len(positives) or not len(negatives):
            raise ValueError(
                f"needs cosines of both kinds, got {len(positives)} positive and {len(negatives)} negative"
            )
        at = np.linspace(0, 1, POINTS)
        return cls(np.quantile(positives, at), np.quantile(negatives, at), (len(positives), len(negatives)), of)

    def to_json(self) -> dict[str, Any]:
        rounded = {kind: [round(float(v), 5) for v in getattr(self, kind)] for kind in ("positive", "negative")}
        return rounded | {"pairs": list(self.pairs), "of": self.of}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Known:
        first, second = value["pairs"]
        return cls(np.array(value["positive"]), np.array(value["negative"]), (first, second), value["of"])

    def standing(self, similarity: float) -> Standing:
        """Shares of known pairs on either side of a cosine, each to half a percent."""
        return Standing(
            similarity, _share_below(self.positive, similarity), 1 - _share_below(self.negative, similarity)
        )


@dataclass(frozen=True)
class Standing:
    """``positives_below``: share of paintings and their variants that are less alike than this; ``negatives_above``:
    share of pairs of strangers that are as much alike as this, or more."""

    similarity: float
    positives_below: float
    negatives_above: float

    @property
    def verdict(self) -> str:
        """In words, by the two error rates that a threshold at this cosine would have.

        >>> Standing(0.9, 0.6, 0.0).verdict, Standing(0.1, 0.0, 0.5).verdict
        ('as alike as a painting and its variant', 'no more alike than strangers are')
        """
        likely, strange = self.positives_below >= 0.05, self.negatives_above >= 0.05
        if likely and not strange:
            return "as alike as a painting and its variant"
        if likely:
            return "undecided: the model confuses such pairs"
        if strange:
            return "no more alike than strangers are"
        return "more alike than strangers, less than a painting and its variant"


def _share_below(quantiles: np.ndarray, value: float) -> float:
    """The share of a distribution below a value, from its quantiles; interpolated, 0 and 1 outside."""
    shares = np.linspace(0, 1, len(quantiles))
    low = np.searchsorted(quantiles, value, "left")
    if low == 0 or low == len(quantiles):
        return float(low > 0)
    # Equal quantiles are one step: what lies below their value ends where they begin.
    start, end = quantiles[low - 1], quantiles[low]
    return float(shares[low - 1] + (shares[low] - shares[low - 1]) * (value - start) / (end - start))
