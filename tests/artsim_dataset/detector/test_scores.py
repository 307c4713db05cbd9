from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from artsim_dataset.detector.scores import Confusion, score
from artsim_dataset.errors import ConfigError


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0]), st.booleans()), min_size=2, max_size=40))
def test_numbers_are_those_of_scikit_learn(rows: list[tuple[float, bool]]) -> None:
    probability, is_ai = np.array([p for p, _ in rows]), np.array([ai for _, ai in rows])
    if is_ai.all() or not is_ai.any():
        is_ai[0] = not is_ai[0]
    found = score(probability, is_ai, np.arange(len(rows)), rounds=2)
    called = probability >= 0.5
    precision, recall, f1, _ = sklearn_metrics.precision_recall_fscore_support(
        is_ai, called, average="binary", zero_division=0
    )
    expected = {
        "accuracy": sklearn_metrics.accuracy_score(is_ai, called), "precision": precision, "recall": recall, "f1": f1,
        "roc_auc": sklearn_metrics.roc_auc_score(is_ai, probability),
    }  # fmt: skip
    for name, value in expected.items():
        assert found.numbers[name] == pytest.approx(value), name
    counts = sklearn_metrics.confusion_matrix(is_ai, called, labels=[False, True])
    assert [found.confusion.cleared, found.confusion.accused] == counts[0].tolist()
    assert [found.confusion.missed, found.confusion.caught] == counts[1].tolist()


def test_nothing_called_ai_has_precision_zero_and_no_division() -> None:
    none = Confusion(caught=0, missed=3, accused=0, cleared=3)
    assert (none.precision, none.recall, none.f1, none.accuracy) == (0, 0, 0, 0.5)


def test_intervals_draw_whole_paintings() -> None:
    """Two hundred copies of two paintings know no more than two."""
    probability, is_ai = np.tile([0.9, 0.1, 0.2, 0.3], 100), np.tile([True, False, True, False], 100)
    few = score(probability, is_ai, np.tile([0, 0, 1, 1], 100))
    many = score(probability, is_ai, np.arange(400))
    assert few.numbers == many.numbers and few.numbers["accuracy"] == 0.75
    assert few.ci["accuracy"] == (0.5, 1.0)
    low, high = many.ci["accuracy"]
    assert 0.7 < low < 0.75 < high < 0.8


def test_the_same_seed_gives_the_same_intervals() -> None:
    draw = np.random.default_rng(1)
    args = (draw.random(40), np.arange(40) % 2 == 0, np.arange(40) // 2)
    assert score(*args, seed=1) == score(*args, seed=1) != score(*args, seed=2)


def test_one_kind_of_image_cannot_be_scored() -> None:
    with pytest.raises(ConfigError, match="originals and AI variants, got 3 of one kind"):
        score(np.ones(3), np.ones(3, bool), np.arange(3))
