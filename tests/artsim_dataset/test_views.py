from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from artsim_dataset.errors import ConfigError
from artsim_dataset.views import FULL, MIRROR, View, augmentation, crop_content, csd_view, perturb, perturbation

ids = st.text(min_size=1, max_size=20)


def picture(width: int = 40, height: int = 30) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8))


@given(ids, st.integers(0, 100))
def test_a_perturbed_view_shows_75_to_95_percent_of_each_side_inside_the_content(name: str, seed: int) -> None:
    view = perturbation(name, seed)
    assert 0.75 <= view.width <= 0.95 and 0.75 <= view.height <= 0.95
    assert view.left >= 0 and view.top >= 0 and view.left + view.width <= 1 and view.top + view.height <= 1
    assert (view.brightness, view.contrast, view.saturation) == (1, 1, 1)
    assert view == perturbation(name, seed)


def test_perturbed_views_use_the_whole_range_and_mirror_half_of_the_time() -> None:
    views = [perturbation(f"Cubism/a_b-{i}", 42) for i in range(2000)]
    widths, places = [v.width for v in views], [v.left / (1 - v.width) for v in views]
    assert min(widths) < 0.76 and max(widths) > 0.94 and np.mean(widths) == pytest.approx(0.85, abs=0.005)
    assert min(places) < 0.02 and max(places) > 0.98 and np.mean(places) == pytest.approx(0.5, abs=0.03)
    assert np.mean([v.mirrored for v in views]) == pytest.approx(0.5, abs=0.04)
    assert np.corrcoef(widths, [v.height for v in views])[0, 1] == pytest.approx(0, abs=0.08)


def test_perturbation_depends_on_variant_and_seed_and_nothing_else() -> None:
    one = perturb(picture(), "a-0", 1)
    assert one.tobytes() == perturb(picture(), "a-0", 1).tobytes()
    assert perturbation("a-0", 1) != perturbation("a-0", 2) != perturbation("a-1", 2)


def test_training_never_sees_the_crops_of_the_evaluation() -> None:
    tested = {(v.left, v.top) for v in (perturbation(f"a-{i}", 42) for i in range(50))}
    trained = {(v.left, v.top) for v in (augmentation(f"a-{i}", k, 42) for i in range(50) for k in range(3))}
    assert not tested & trained


@given(ids, st.integers(0, 9))
def test_an_augmentation_crops_wider_and_changes_colours(name: str, index: int) -> None:
    view = augmentation(name, index, 7)
    assert 0.7 <= view.width <= 1 and 0.7 <= view.height <= 1
    assert all(0.74 <= factor <= 1.35 and factor != 1 for factor in (view.brightness, view.contrast, view.saturation))
    assert view != augmentation(name, index + 1, 7)


def test_the_pixels_of_a_view_are_those_named_by_its_fractions() -> None:
    view = View(0.25, 0.1, 0.5, 0.8, mirrored=True)
    assert view.apply(picture()).tobytes() == ImageOps.mirror(picture().crop((10, 3, 30, 27))).tobytes()
    assert FULL.apply(picture()).tobytes() == picture().tobytes()
    assert MIRROR.apply(MIRROR.apply(picture())).tobytes() == picture().tobytes()


def test_colour_factors_change_colours() -> None:
    grey = View(saturation=0.0).apply(picture())
    assert len({tuple(p[:1]) == tuple(p[1:2]) == tuple(p[2:]) for p in np.asarray(grey).reshape(-1, 3)}) == 1
    assert np.asarray(View(brightness=0.5).apply(picture())).mean() < np.asarray(picture()).mean() * 0.6
    assert np.asarray(View(contrast=0.5).apply(picture())).std() < np.asarray(picture()).std() * 0.6


@given(st.integers(1, 5), st.integers(1, 5), ids)
def test_a_view_of_a_tiny_image_is_never_empty(width: int, height: int, name: str) -> None:
    seen = perturbation(name, 0).apply(picture(width, height))
    assert seen.width >= 1 and seen.height >= 1


@given(
    st.builds(View, left=st.floats(0, 1), mirrored=st.booleans()),
    st.builds(View, left=st.floats(0, 1), mirrored=st.booleans()),
)
def test_keys_are_equal_for_equal_views_only(a: View, b: View) -> None:
    assert (a.key == b.key) == (a == b)


def test_bars_are_cropped_and_a_wrong_box_is_named() -> None:
    assert crop_content(picture(), (5, 0, 35, 30)).size == (30, 30)
    assert crop_content(picture(), (0, 0, 40, 30)).size == (40, 30)
    for box in ((0, 0, 41, 30), (5, 0, 5, 30), (-1, 0, 5, 30)):
        with pytest.raises(ConfigError, match="content_left"):
            crop_content(picture(), box)


@given(ids, st.integers(0, 9), st.floats(0.2, 5))
def test_a_view_of_csd_is_a_crop_of_at_least_8_percent_and_of_moderate_shape(
    name: str, index: int, aspect: float
) -> None:
    view = csd_view(name, index, 7, aspect)
    assert view.left >= 0 and view.top >= 0
    assert view.left + view.width <= 1 + 1e-9 and view.top + view.height <= 1 + 1e-9
    assert view.width * view.height >= 0.08 - 1e-9
    assert 0.75 - 1e-9 <= view.width * aspect / view.height <= 4 / 3 + 1e-9
    assert view == csd_view(name, index, 7, aspect)
    # A long picture leaves little room: two views of it may be the same, five are not.
    assert len({csd_view(name, index + n, 7, aspect) for n in range(5)}) > 1


def test_views_of_csd_have_the_shares_of_their_code() -> None:
    views = [csd_view(f"a-{i}", 0, 1, 1.0) for i in range(2000)]
    assert np.mean([v.mirrored for v in views]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([v.flipped for v in views]) == pytest.approx(0.3, abs=0.04)
    areas = [v.width * v.height for v in views]
    assert min(areas) < 0.1 and max(areas) > 0.95 and 0.45 < np.mean(areas) < 0.54


def test_where_no_crop_fits_the_largest_one_in_the_middle_is_taken() -> None:
    views = [csd_view("a", i, 1, 30.0) for i in range(20)]
    assert all(v.height == 1 and v.width == pytest.approx(4 / 3 / 30) for v in views)
    assert all(v.left == pytest.approx((1 - v.width) / 2) for v in views)


def test_upside_down_is_another_view_and_what_is_not_keeps_its_old_key() -> None:
    flipped = View(flipped=True)
    assert flipped.apply(picture()).tobytes() == ImageOps.flip(picture()).tobytes()
    assert FULL.key == "0.0 0.0 1.0 1.0 False 1.0 1.0 1.0" != flipped.key
