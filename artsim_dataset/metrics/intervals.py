"""Confidence intervals by bootstrap."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from artsim_dataset.metrics.pairs import Array


def bootstrap_ci(
    statistic: Callable[[Array], float], groups: Array, seed: int, rounds: int = 1000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of ``statistic(row indices)`` when whole groups (paintings) are drawn with replacement.

    Pairs that reuse a painting are not independent, so rows are never drawn alone. ``groups``: one label per row.

    >>> bootstrap_ci(lambda rows: float(len(rows)), np.array(["a", "b"]), seed=0, rounds=10)
    (2.0, 2.0)
    """
    if not len(groups):
        raise ValueError("bootstrap_ci needs at least one row, got none")
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
