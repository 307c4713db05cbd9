from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from artsim_dataset import plots

DRAW = np.random.default_rng(7)
POSITIVE, NEGATIVE = DRAW.normal(0.7, 0.1, 50).clip(-1, 1), DRAW.normal(0.0, 0.2, 900).clip(-1, 1)


def drawn() -> list[str]:
    axis = plots.Axis.of([POSITIVE, NEGATIVE])
    curves = [plots.Curve(kind, POSITIVE - shift, NEGATIVE) for kind, shift in (("as_is", 0.0), ("perturbed", 0.3))]
    return [plots.histogram("a", POSITIVE, NEGATIVE, axis, "A < B & C"), plots.roc("b", curves, "ROC")]


def test_plots_are_well_formed_and_have_no_colour_of_their_own() -> None:
    for svg in drawn():
        root = ElementTree.fromstring(svg)
        assert root.get("role") == "img" and root.get("viewBox")
        assert "#0" not in re.sub(r"(url\(|href=\")#", "", svg), "a placeholder was left"
        assert "<style" not in svg, "a style inside an inline SVG would rule the whole page"
        assert "var(--positive)" in svg
    assert ElementTree.fromstring(drawn()[0]).get("aria-label") == "A < B & C"


def test_ids_are_used_and_unique_across_plots() -> None:
    ids = [i for svg in drawn() for i in re.findall(r' id="([^"]+)"', svg)]
    used = {i for svg in drawn() for i in re.findall(r"(?:url\(|href=\")#([^)\"]+)", svg)}
    assert len(ids) == len(set(ids)) and set(ids) == used


def test_all_bars_of_a_histogram_add_up_to_one() -> None:
    axis = plots.Axis.of([POSITIVE, NEGATIVE])
    for sample in (POSITIVE, NEGATIVE):
        share = plots._shares(sample, axis.edges)
        assert np.isclose(share.sum(), 1) and share.max() <= axis.top
    assert axis.edges[0] <= NEGATIVE.min() and axis.edges[-1] >= POSITIVE.max()


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_the_axis_holds_every_similarity(values: list[float]) -> None:
    axis = plots.Axis.of([np.array(values)])
    assert np.isclose(plots._shares(np.array(values), axis.edges).sum(), 1)


def test_the_drawn_curve_never_claims_more_than_was_found() -> None:
    fpr, tpr, _ = plots.roc_curve(POSITIVE - 0.4, NEGATIVE)
    seen, found = plots._steps(fpr, tpr, 1e-3)
    assert seen[0] == 1e-3 and np.isclose(seen[-1], 1) and found[-1] == 1
    for rate, share in zip(seen, found, strict=True):
        assert share == max(t for f, t in zip(fpr, tpr, strict=True) if f <= rate)


def test_a_rate_right_at_the_start_of_the_axis_counts() -> None:
    seen, found = plots._steps(np.array([0, 1e-3, 1]), np.array([0, 0.5, 1]), 1e-3)
    assert seen.tolist() == [1e-3, 1] and found.tolist() == [0.5, 1]
