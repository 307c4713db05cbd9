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


def test_intervals_of_many_means_are_those_of_each_alone() -> None:
    draw = np.random.default_rng(2)
    values = {"a": draw.normal(size=300), "b": draw.random(300)}
    values["b"][::3] = np.nan
    found = metrics.mean_intervals(values, seed=1, rounds=2000)
    for name, column in values.items():
        alone = metrics.bootstrap_ci(lambda rows, c=column: float(np.nanmean(c[rows])), np.arange(300), seed=7)  # type: ignore[misc]
        assert found[name] == pytest.approx(alone, abs=0.02)
    assert metrics.mean_intervals({"none": np.full(3, np.nan)}, seed=1, rounds=10) == {"none": (0.0, 0.0)}
    with pytest.raises(ValueError, match="at least one value"):
        metrics.mean_intervals({"a": np.array([])}, seed=1)
