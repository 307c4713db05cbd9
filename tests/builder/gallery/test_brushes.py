"""The brushes and the geometry below the pictures, against naive second implementations."""

from __future__ import annotations

import numpy as np
import pytest

from builder.gallery.brushes import dots, noise, packed, region_edges, scatter, strokes, unpacked, warped
from builder.gallery.colour import NATURAL, hue_turned, luma, toned
from builder.gallery.cubism import split
from builder.gallery.layin import Look, lay_in, put
from builder.gallery.shapes import Frame, box, everything, mass, seen_from, sketch

GREY = np.full((40, 60, 3), 0.5, dtype=np.float32)


def test_packing_colours_and_unpacking_them_loses_less_than_one_step() -> None:
    image = np.random.default_rng(1).random((20, 30, 3), dtype=np.float32)
    assert np.abs(unpacked(packed(image)) - image).max() <= 1 / 255


def test_a_dot_covers_the_disc_around_its_centre_and_nothing_else() -> None:
    image = dots(GREY, np.array([[20.0, 10.0]]), np.array([[1.0, 0.0, 0.0]]), 4)
    y, x = np.mgrid[:40, :60]
    inside = (x - 20) ** 2 + (y - 10) ** 2 <= 16.3
    assert (image[inside] == (1, 0, 0)).all()
    assert np.abs(image[~inside] - 0.5).max() < 1 / 255


def test_later_dots_lie_over_earlier_ones() -> None:
    spots = np.array([[20.0, 10.0], [20.0, 10.0]])
    image = dots(GREY, spots, np.array([[1.0, 0, 0], [0, 0, 1.0]]), 2)
    assert image[10, 20].tolist() == [0, 0, 1]


@pytest.mark.parametrize(("angle", "wider"), [(0.0, True), (np.pi / 2, False)])
def test_a_stroke_runs_along_its_angle(angle: float, wider: bool) -> None:
    rng = np.random.default_rng(3)
    image = strokes(rng, GREY, np.array([[30.0, 20.0]]), np.array([angle]), np.ones((1, 3)), 20, 4)
    y, x = np.nonzero(np.abs(image[..., 0] - 0.5) > 0.1)
    assert bool(np.ptp(x) > np.ptp(y)) is wider and len(x) > 20


def test_strokes_over_the_edge_do_not_come_back_on_the_other_side() -> None:
    rng = np.random.default_rng(4)
    image = strokes(rng, GREY, np.array([[0.0, 20.0]]), np.zeros(1), np.ones((1, 3)), 20, 4)
    assert np.abs(image[:, 30:] - 0.5).max() < 1 / 255


def test_noise_is_centred_and_the_same_at_two_sizes() -> None:
    small, large = (noise(np.random.default_rng(5), shape, 3) for shape in ((50, 80), (100, 160)))
    assert abs(large.mean()) < 0.1 and 0.8 < large.std() < 1.2
    assert np.corrcoef(small.ravel(), large[::2, ::2].ravel())[0, 1] > 0.95


def test_a_brush_takes_the_same_from_the_generator_at_every_size() -> None:
    after = []
    for side in (30, 90):
        rng = np.random.default_rng(6)
        scatter(rng, (side, side), 5)
        noise(rng, (side, side), 4)
        after.append(rng.random())
    assert after[0] == after[1]


def test_warping_fetches_from_the_offset_and_clamps_at_the_edges() -> None:
    image = np.arange(12.0).reshape(3, 4)
    assert warped(image, 1, 0).tolist() == [[1, 2, 3, 3], [5, 6, 7, 7], [9, 10, 11, 11]]


def test_edges_are_found_between_regions_only() -> None:
    region = np.zeros((20, 20), dtype=int)
    region[:, 10:] = 1
    edge = region_edges(region, 1)
    assert edge[:, 10].min() > 0.3 and edge[:, :8].max() == 0 and edge[:, 13:].max() == 0


def test_turning_the_hue_once_around_changes_nothing_and_grey_has_none() -> None:
    colour = np.array([0.4, 0.5, 0.6], dtype=np.float32)
    assert hue_turned(colour, 2 * np.pi) == pytest.approx(colour, abs=1e-5)
    assert hue_turned(np.full(3, 0.5), 1.0) == pytest.approx([0.5] * 3, abs=1e-6)
    assert luma(toned(colour, 0.3)) > luma(colour) > luma(toned(colour, -0.3))


def test_the_front_shape_hides_the_one_behind_and_is_its_region() -> None:
    frame = Frame(1.5, 1.0)
    shapes = [mass("sky", everything(frame)), mass("accent", box(0, 0, 0.75, 1))]
    ground = lay_in(shapes, frame, 40, 60, NATURAL, Look())
    assert ground.rgb[20, 10] == pytest.approx(NATURAL["accent"], abs=1 / 255)
    assert ground.rgb[20, 50] == pytest.approx(NATURAL["sky"], abs=1 / 255)
    assert (ground.region[20, 10], ground.region[20, 50]) == (2, 1)


def test_a_shape_without_parts_paints_nothing() -> None:
    frame = Frame(1.5, 1.0)
    with_it, without = (
        lay_in([mass("sky", everything(frame)), *more], frame, 40, 60, NATURAL, Look(outline=0.01))
        for more in ([mass("linen")], [])
    )
    assert (with_it.rgb == without.rgb).all()


def test_a_polygon_outside_the_picture_paints_nothing() -> None:
    image = GREY.copy()
    put(image, 40, np.ones(3), box(2, 2, 3, 3))
    assert (image == GREY).all()


def test_the_easel_never_stands_so_far_that_the_canvas_stays_bare() -> None:
    frame = Frame(1.25, 1.0)
    for seed in range(50):
        (sky,) = seen_from([mass("sky", everything(frame))], frame, np.random.default_rng(seed))
        low, high = sky.parts[0].min(axis=0), sky.parts[0].max(axis=0)
        assert (low <= 0).all() and high[0] >= frame.w and high[1] >= frame.h


def test_a_plane_cut_in_two_keeps_its_area() -> None:
    def area(p: np.ndarray) -> float:
        x, y = p.T
        return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)

    rng = np.random.default_rng(7)
    for angle in np.linspace(0, 3, 20):
        halves = [h for h in split(rng, box(0, 0, 2, 1), angle) if len(h) > 2]
        assert sum(area(h) for h in halves) == pytest.approx(2)


def test_a_sketch_is_scaled_and_placed() -> None:
    assert sketch("0,0 1,-2", 5, 5, 10, 1).tolist() == [[5, 5], [15, 3]]
