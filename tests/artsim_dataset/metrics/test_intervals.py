from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    # A third of the draws has none that counts: they say nothing of a mean that can only be 1.
    one = metrics.mean_intervals({"one": np.array([1.0, *[np.nan] * 9])}, seed=1, rounds=200)
    assert one == {"one": (1.0, 1.0)}
    with pytest.raises(ValueError, match="at least one value"):
        metrics.mean_intervals({"a": np.array([])}, seed=1)


@given(st.integers(1, 300), st.data())
def test_wilson_holds_the_share_that_was_seen_and_stays_between_none_and_all(n: int, data: st.DataObject) -> None:
    share = data.draw(st.integers(0, n)) / n
    low, high = metrics.wilson(share, n)
    assert 0 <= low <= share <= high <= 1 and low < high
    assert (low == 0) == (share == 0) and (high == 1) == (share == 1)


def test_wilson_agrees_with_scipy() -> None:
    from scipy.stats import binomtest

    for hits, n in ((0, 3), (2, 2), (7, 9), (150, 1310)):
        expected = binomtest(hits, n).proportion_ci(0.95, method="wilson")
        assert metrics.wilson(hits / n, n) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(("share", "n"), [(0.5, 0), (-0.1, 3), (1.1, 3)])
def test_wilson_refuses_what_is_no_share(share: float, n: int) -> None:
    with pytest.raises(ValueError, match="needs a share from 0 to 1"):
        metrics.wilson(share, n)
