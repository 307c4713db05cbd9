from __future__ import annotations

import numpy as np
import pytest

from artsim_dataset import metrics


def test_bootstrap_draws_whole_paintings() -> None:
    values = np.array([1.0, 0.0, 1.0, 1.0])
    groups = np.array(["a", "b", "a", "a"])
    drawn: list[float] = []

    def share(rows: np.ndarray) -> float:
        times = np.bincount(rows, minlength=4)
        assert times[0] == times[2] == times[3] and times[0] + times[1] == 2
        drawn.append(values[rows].mean())
        return drawn[-1]

    low, high = metrics.bootstrap_ci(share, groups, seed=3, rounds=200)
    assert (low, high) == (0.0, 1.0)
    assert set(np.round(drawn, 6)) == {0.0, 0.75, 1.0}
    assert metrics.bootstrap_ci(share, groups, seed=3, rounds=200) == (low, high)


def test_a_bootstrap_interval_is_about_that_of_the_normal_theory() -> None:
    values = np.random.default_rng(0).normal(size=400)
    low, high = metrics.bootstrap_ci(lambda rows: float(values[rows].mean()), np.arange(400), seed=1)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)
    narrow = metrics.bootstrap_ci(lambda rows: float(values[rows].mean()), np.arange(400), seed=1, level=0.5)
    assert low < narrow[0] < values.mean() < narrow[1] < high


def test_a_bootstrap_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        metrics.bootstrap_ci(lambda rows: 0.0, np.array([]), seed=1)
