"""Confidence intervals: by bootstrap, and Wilson's for shares of few, which a bootstrap cannot judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from statistics import NormalDist

import numpy as np

from artsim_dataset.metrics.pairs import Array


def bootstrap_ci(
    statistic: Callable[[Array], float], groups: Array, seed: int, rounds: int = 1000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of ``statistic(row indices)`` when whole groups (paintings) are drawn with replacement.

    Pairs that reuse a painting are not independent, so rows are never drawn alone. ``groups``: one label per row. A
    round whose statistic is NaN, since nothing that counts was drawn, is left out.

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
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def mean_intervals(
    values: Mapping[str, Array], seed: int, rounds: int = 1000, level: float = 0.95
) -> dict[str, tuple[float, float]]:
    """Percentile intervals of many means over the same n independent units, at the cost of one.

    ``values``: a vector (n,) for each name. NaN is a unit that does not count for that name; a round that draws no unit
    that counts is left out of that name's interval, which is 0 to 0 when no unit counts at all. The same draws serve
    all names, so that differences of names can be judged too.

    >>> mean_intervals({"all": np.ones(5), "half": np.array([1.0, np.nan, 1.0, np.nan, 1.0])}, seed=0, rounds=50)
    {'all': (1.0, 1.0), 'half': (1.0, 1.0)}
    """
    table = np.stack([np.asarray(column, float) for column in values.values()], axis=1)
    if not len(table):
        raise ValueError("mean_intervals needs at least one value, got none")
    counted = (~np.isnan(table)).astype(float)
    filled = np.nan_to_num(table)
    draw = np.random.default_rng(seed)
    means = np.zeros((rounds, table.shape[1]))
    for number in range(rounds):
        times = np.bincount(draw.integers(len(table), size=len(table)), minlength=len(table)).astype(float)
        drawn = times @ counted
        means[number] = np.where(drawn > 0, (times @ filled) / np.maximum(drawn, 1), np.nan)
    means[:, ~counted.any(axis=0)] = 0.0
    low, high = np.nanquantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return {name: (float(a), float(b)) for name, a, b in zip(values, low, high, strict=True)}


def wilson(share: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a ``share`` (0 to 1) of ``n`` independent units (Wilson 1927, equation 4).

    Two of two say little, and it says so; a bootstrap of them would have no width.

    >>> tuple(round(end, 3) for end in wilson(1.0, 2))
    (0.342, 1.0)
    """
    if n < 1 or not 0 <= share <= 1:
        raise ValueError(f"wilson needs a share from 0 to 1 of at least one unit, got {share} of {n}")
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre, width = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    # None and all of n are ends of their intervals exactly, which rounding would miss.
    return 0.0 if share == 0 else (centre - width) / whole, 1.0 if share == 1 else (centre + width) / whole
