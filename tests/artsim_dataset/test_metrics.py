from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from artsim_dataset import metrics

HITS = np.array([[1, 0, 1, 1, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
RELEVANT = np.array([3, 2, 4, 5])
scores = st.lists(st.integers(-5, 5), min_size=1, max_size=20).map(lambda x: np.array(x) / 5)
matrices = st.integers(1, 6).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 3), min_size=width, max_size=width), min_size=1, max_size=5)
)


@pytest.mark.parametrize(
    ("k", "recall", "csd", "textbook", "mrr"),
    [(1, 0.5, 0.5, 0.5, 1.0), (3, 0.75, 0.5, 0.451389, 0.833333), (5, 0.75, 0.5, 0.563889, 0.833333)],
)
def test_golden_vectors_of_the_csd_protocol(k: int, recall: float, csd: float, textbook: float, mrr: float) -> None:
    # facts.md 4.3, computed there with the released code. csd_map at 3 and 5 are checked against the naive form below.
    assert metrics.recall_at_k(HITS, k) == recall
    assert metrics.map_at_k(HITS, k, RELEVANT) == pytest.approx(textbook, abs=1e-6)
    assert metrics.csd_mrr_at_k(HITS, k) == pytest.approx(mrr, abs=1e-6)
    assert metrics.csd_map_at_k(HITS, k) == pytest.approx(_naive_csd_map(HITS, k), abs=1e-12)
    if k == 1:
        assert metrics.csd_map_at_k(HITS, k) == csd


def _naive_csd_map(hit: np.ndarray, k: int) -> float:
    per_query = []
    for row in hit:
        precisions = [sum(row[:j]) / j for j in range(1, min(k, len(row)) + 1)]
        per_query.append(sum(precisions) / len(precisions) if any(row[:k]) else 0.0)
    return sum(per_query) / len(per_query)


def test_csd_map_is_not_average_precision() -> None:
    late = np.array([[0, 0, 1]])
    assert metrics.csd_map_at_k(late, 3) == pytest.approx(1 / 9)
    assert metrics.map_at_k(late, 3) == pytest.approx(1 / 3)


def test_map_at_k_divides_by_the_smaller_of_k_and_relevant() -> None:
    assert metrics.map_at_k(np.array([[1, 0]]), 2, np.array([10])) == pytest.approx(0.5)
    assert metrics.map_at_k(np.array([[1, 0]]), 2, np.array([1])) == pytest.approx(1.0)


def test_map_at_r_looks_no_further_than_r() -> None:
    assert metrics.map_at_r(np.array([[0, 1, 1]]), np.array([1])) == 0.0
    assert metrics.map_at_r(np.array([[1, 1, 0]]), np.array([2])) == 1.0


def test_csd_mrr_without_any_hit_is_zero() -> None:
    assert metrics.csd_mrr_at_k(np.zeros((2, 3)), 2) == 0.0


def test_triplet_ties_are_wrong_and_nan_is_no_negative() -> None:
    positive = np.array([0.5, 0.5, np.nan])
    negative = np.array([[0.5, 0.4, np.nan], [0.6, 0.1, 0.2], [0.1, 0.2, np.nan]])
    assert metrics.triplet_accuracy(positive, negative) == pytest.approx(3 / 7)
    with pytest.raises(ValueError, match="at least one negative"):
        metrics.triplet_accuracy(positive, np.full((3, 1), np.nan))


@given(matrices)
def test_ranks_agree_with_a_stable_sort_and_with_hits(rows: list[list[int]]) -> None:
    values = np.array(rows, float)
    target = np.arange(len(values)) % values.shape[1]
    expected = [
        sorted(range(values.shape[1]), key=lambda j: (-row[j], j)).index(t)
        for row, t in zip(values, target, strict=True)
    ]
    assert metrics.ranks(values, target).tolist() == expected
    relevant = np.arange(values.shape[1])[None] == target[:, None]
    assert metrics.hits(values, relevant).argmax(1).tolist() == expected


def test_a_target_without_a_score_is_last() -> None:
    assert metrics.ranks(np.array([[np.nan, 0.1, 0.2]]), np.array([0])).tolist() == [2]


@given(scores, scores)
def test_roc_auc_and_average_precision_agree_with_sklearn(positive: np.ndarray, negative: np.ndarray) -> None:
    labels = np.r_[np.ones(len(positive)), np.zeros(len(negative))]
    both = np.r_[positive, negative]
    assert metrics.roc_auc(positive, negative) == pytest.approx(roc_auc_score(labels, both))
    assert metrics.average_precision(positive, negative) == pytest.approx(average_precision_score(labels, both))


@given(scores, scores, st.sampled_from([0.0, 0.01, 0.3, 1.0]))
def test_tpr_at_fpr_is_the_best_threshold_allowed(positive: np.ndarray, negative: np.ndarray, limit: float) -> None:
    thresholds = [*np.r_[positive, negative], np.inf]
    allowed = [(positive >= t).mean() for t in thresholds if (negative >= t).mean() <= limit]
    assert metrics.tpr_at_fpr(positive, negative, limit) == pytest.approx(max(allowed))


@given(scores, scores)
def test_roc_starts_at_nothing_ends_at_everything_and_never_falls(positive: np.ndarray, negative: np.ndarray) -> None:
    fpr, tpr, thresholds = metrics.roc_curve(positive, negative)
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    assert (np.diff(fpr) >= 0).all() and (np.diff(tpr) >= 0).all() and (np.diff(thresholds) < 0).all()


def test_eer_of_known_scores() -> None:
    assert metrics.eer(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == 0.0
    assert metrics.eer(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 1.0
    assert metrics.eer(np.array([1.0]), np.array([1.0])) == pytest.approx(0.5)
    # thresholds 4, 3, 2, 1: (fpr, miss) = (0, 2/3), (1/3, 2/3), (1/3, 1/3)
    assert metrics.eer(np.array([4.0, 2.0, 1.0]), np.array([3.0, 0.5, 0.0])) == pytest.approx(1 / 3)


def test_pairs_of_one_kind_or_with_nan_are_refused() -> None:
    with pytest.raises(ValueError, match="both kinds"):
        metrics.roc_auc(np.array([1.0]), np.array([]))
    with pytest.raises(ValueError, match="NaN"):
        metrics.roc_auc(np.array([np.nan]), np.array([1.0]))


def test_recall_and_mrr_count_ranks_from_zero() -> None:
    rank = np.array([0, 1, 4])
    assert metrics.recall_at_k(metrics.target_hits(rank, 2), 1) == pytest.approx(1 / 3)
    assert metrics.recall_at_k(metrics.target_hits(rank, 2), 2) == pytest.approx(2 / 3)
    assert metrics.mrr(rank) == pytest.approx((1 + 1 / 2 + 1 / 5) / 3)
    assert metrics.mrr(rank, k=2) == pytest.approx((1 + 1 / 2) / 3)
    with pytest.raises(ValueError, match="from 1"):
        metrics.recall_at_k(metrics.target_hits(rank, 2), 0)


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
