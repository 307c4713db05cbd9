"""Where a cosine stands among known pairs, against a count of all pairs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artsim_dataset.standing import POINTS, Known

draw = np.random.default_rng(7)
POSITIVE, NEGATIVE = draw.normal(0.7, 0.1, 900), draw.normal(0.1, 0.15, 5000)
KNOWN = Known.measured(POSITIVE, NEGATIVE, "test of paintings")


@given(st.floats(-1, 1))
def test_shares_are_those_of_a_count_to_half_a_percent(similarity: float) -> None:
    standing = KNOWN.standing(similarity)
    assert standing.positives_below == pytest.approx((similarity > POSITIVE).mean(), abs=1 / (POINTS - 1))
    assert standing.negatives_above == pytest.approx((similarity <= NEGATIVE).mean(), abs=1 / (POINTS - 1))


def test_model_that_gives_one_cosine_for_everything_is_no_witness() -> None:
    blind = Known.measured(np.full(9, 0.5), np.full(9, 0.5), "nothing")
    standing = blind.standing(0.5)
    assert (standing.positives_below, standing.negatives_above) == (0, 1)
    assert standing.verdict == "no more alike than strangers are"


@pytest.mark.parametrize(
    ("similarity", "verdict"),
    [(0.75, "as alike as a painting and its variant"), (0.1, "no more alike than strangers are"),
     (0.45, "more alike than strangers, less than a painting and its variant")],
)  # fmt: skip
def test_verdict_follows_the_distributions(similarity: float, verdict: str) -> None:
    assert KNOWN.standing(similarity).verdict == verdict


def test_overlapping_distributions_are_undecided() -> None:
    confused = Known.measured(NEGATIVE + 0.05, NEGATIVE, "a poor model")
    assert "undecided" in confused.standing(0.1).verdict


def test_what_is_kept_in_a_file_is_what_was_measured() -> None:
    again = Known.from_json(json.loads(json.dumps(KNOWN.to_json())))
    assert again.pairs == (900, 5000) and again.of == "test of paintings"
    for similarity in np.linspace(-0.3, 1, 40):
        ours, theirs = KNOWN.standing(similarity), again.standing(similarity)
        assert ours.positives_below == pytest.approx(theirs.positives_below, abs=1e-3)


def test_without_pairs_nothing_is_known() -> None:
    with pytest.raises(ValueError, match="0 negative"):
        Known.measured(POSITIVE, np.array([]), "")
