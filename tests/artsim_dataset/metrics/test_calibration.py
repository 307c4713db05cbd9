from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import binary_calibration_error

from artsim_dataset import metrics

patient = settings(max_examples=50, deadline=None)

predictions = st.lists(st.tuples(st.integers(0, 64), st.booleans()), min_size=1, max_size=30)


def _naive(confidence: list[float], correct: list[bool], bins: int) -> float:
    total = 0.0
    for b in range(bins):
        low, high = b / bins, (b + 1) / bins
        inside = [i for i, c in enumerate(confidence) if low <= c < high or (b == bins - 1 and c == 1)]
        if inside:
            accuracy = sum(correct[i] for i in inside) / len(inside)
            total += len(inside) * abs(accuracy - sum(confidence[i] for i in inside) / len(inside))
    return total / len(confidence)


@patient
@given(predictions, st.sampled_from([1, 2, 4, 8, 16]))
def test_ece_is_the_weighted_gap_of_each_bin(given_predictions: list[tuple[int, bool]], bins: int) -> None:
    # 64ths and powers of two: the edges of bins are hit exactly.
    confidence, correct = [c / 64 for c, _ in given_predictions], [right for _, right in given_predictions]
    got = metrics.ece(np.array(confidence), np.array(correct), bins)
    assert got == pytest.approx(_naive(confidence, correct, bins))
    if max(confidence) < 1:
        theirs = binary_calibration_error(torch.tensor(confidence), torch.tensor(correct).long(), n_bins=bins)
        assert got == pytest.approx(float(theirs), abs=1e-6)


def test_ece_of_known_predictions() -> None:
    assert metrics.ece(np.array([1.0, 1.0, 0.0]), np.array([True, True, False])) == 0
    assert metrics.ece(np.array([1.0, 0.0]), np.array([False, True])) == 1


@pytest.mark.parametrize(
    ("confidence", "correct", "bins", "message"),
    [
        ([], [], 15, "at least one prediction"),
        ([0.5], [True, False], 15, "one length"),
        ([1.5], [True], 15, "between 0 and 1"),
        ([np.nan], [True], 15, "between 0 and 1"),
        ([0.5], [True], 0, "at least one bin"),
    ],
)
def test_ece_refuses_what_is_no_probability(
    confidence: list[float], correct: list[bool], bins: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.ece(np.array(confidence), np.array(correct), bins)
