from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from artsim_dataset import metrics

patient = settings(max_examples=50, deadline=None)

scores = st.lists(st.integers(-5, 5), min_size=1, max_size=20).map(lambda x: np.array(x) / 5)


def test_triplet_ties_are_wrong_and_nan_is_no_negative() -> None:
    positive = np.array([0.5, 0.5, np.nan])
    negative = np.array([[0.5, 0.4, np.nan], [0.6, 0.1, 0.2], [0.1, 0.2, np.nan]])
    assert metrics.triplet_accuracy(positive, negative) == pytest.approx(3 / 7)
    with pytest.raises(ValueError, match="at least one negative"):
        metrics.triplet_accuracy(positive, np.full((3, 1), np.nan))


def test_triplets_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="one positive for each row"):
        metrics.triplet_accuracy(np.ones(3), np.zeros(1))
    with pytest.raises(ValueError, match="at least one negative"):
        metrics.triplet_accuracy(np.array([]), np.array([]))


@patient
@given(scores, scores)
def test_roc_auc_and_average_precision_agree_with_sklearn(positive: np.ndarray, negative: np.ndarray) -> None:
    labels = np.r_[np.ones(len(positive)), np.zeros(len(negative))]
    both = np.r_[positive, negative]
    assert metrics.roc_auc(positive, negative) == pytest.approx(roc_auc_score(labels, both))
    assert metrics.average_precision(positive, negative) == pytest.approx(average_precision_score(labels, both))


@patient
@given(scores, scores, st.sampled_from([0.0, 0.01, 0.3, 1.0]))
def test_tpr_at_fpr_is_the_best_threshold_allowed(positive: np.ndarray, negative: np.ndarray, limit: float) -> None:
    thresholds = [*np.r_[positive, negative], np.inf]
    allowed = [(positive >= t).mean() for t in thresholds if (negative >= t).mean() <= limit]
    assert metrics.tpr_at_fpr(positive, negative, limit) == pytest.approx(max(allowed))


@patient
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


@patient
@given(scores, scores, st.randoms(use_true_random=False))
def test_pair_metrics_do_not_change_with_order_or_under_a_rising_map(
    positive: np.ndarray, negative: np.ndarray, random: Random
) -> None:
    mixed = np.array(random.sample(positive.tolist(), len(positive)))
    for metric in (metrics.roc_auc, metrics.average_precision, metrics.eer, metrics.tpr_at_fpr):
        assert metric(np.exp(mixed) * 3, np.exp(negative[::-1]) * 3) == pytest.approx(metric(positive, negative))


def test_clip_score_is_the_formula_of_the_paper() -> None:
    draw = np.random.default_rng(4)
    images, texts = draw.normal(size=(2, 20, 5)) * 7
    expected = [
        2.5 * max(0.0, sum(a * b for a, b in zip(x, y, strict=True)) / (sum(x**2) ** 0.5 * sum(y**2) ** 0.5))
        for x, y in zip(images, texts, strict=True)
    ]
    assert metrics.clip_score(images, texts) == pytest.approx(np.mean(expected))
    assert metrics.clip_score(images, images * 3) == pytest.approx(2.5)
    assert metrics.clip_score(images, -images) == 0


@pytest.mark.parametrize(
    ("images", "texts", "message"),
    [
        (np.ones((2, 3)), np.ones((3, 3)), "got shapes"),
        (np.ones((0, 3)), np.ones((0, 3)), "at least one pair"),
        (np.array([[1.0], [0.0]]), np.ones((2, 1)), "pair 1"),
        (np.array([[1.0], [np.nan]]), np.ones((2, 1)), "pair 1"),
    ],
)
def test_clip_score_refuses_what_has_no_cosine(images: np.ndarray, texts: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.clip_score(images, texts)
