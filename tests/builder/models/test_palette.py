import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.models.measure import oklab
from builder.models.palette import NAMES, accent, main_colours, name, named_shares


def lab(code: str) -> np.ndarray:
    return oklab(np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.uint8))


def test_every_colour_of_the_table_has_its_own_name() -> None:
    assert {key: name(lab(code)) for key, code in NAMES.items()} == {key: key for key in NAMES}


@pytest.mark.parametrize(
    ("hue", "family"),
    [
        (0, {"red", "crimson", "deep red"}),
        (30, {"orange", "amber"}),
        (52, {"yellow", "gold"}),
        (120, {"green", "bright green", "emerald"}),
        (180, {"teal", "turquoise"}),
        (220, {"blue", "bright blue"}),
        (285, {"purple"}),
        (315, {"magenta"}),
    ],
)
def test_saturated_hues_get_a_name_of_their_family(hue: int, family: set[str]) -> None:
    rgb = np.array([round(255 * part) for part in colorsys.hsv_to_rgb(hue / 360, 0.85, 0.8)], dtype=np.uint8)
    assert name(oklab(rgb)) in family


@given(st.integers(0, 255))
def test_greys_get_no_hue(level: int) -> None:
    neutral = {"black", "charcoal", "dark grey", "grey", "silver grey", "pale grey", "white"}
    assert name(oklab(np.full(3, level, dtype=np.uint8))) in neutral


def test_shares_of_clusters_with_one_name_are_added() -> None:
    colours = np.stack([lab("#2c56a8"), lab("#cb2a27"), lab("#2d57a9")])
    assert named_shares(colours, np.array([0.4, 0.35, 0.25])) == [("blue", 0.65), ("red", 0.35)]


def test_the_second_colour_is_one_that_differs_from_the_first() -> None:
    colours = np.stack([lab(NAMES[key]) for key in ("umber", "grey brown", "sky blue")])
    chosen = main_colours(colours, np.array([0.5, 0.27, 0.23]), 2)
    assert [key for key, _ in chosen] == ["umber", "sky blue"]


def test_an_accent_is_vivid_small_and_not_yet_named() -> None:
    colours = np.stack([lab(NAMES[key]) for key in ("grey", "taupe", "red", "blue")])
    shares = np.array([0.6, 0.25, 0.1, 0.05])
    assert accent(colours, shares, ["grey"]) == "red"
    assert accent(colours, shares, ["grey", "red"]) == "blue"
    assert accent(colours[:2], shares[:2], []) == ""
    assert accent(colours, np.array([0.3, 0.2, 0.3, 0.2]), []) == ""
    assert accent(colours, np.array([0.6, 0.39, 0.005, 0.005]), []) == ""
