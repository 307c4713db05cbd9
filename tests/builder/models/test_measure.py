import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from builder.models.measure import clusters, grid_means, measure, mirror_correlation, oklab, shrink


def flat(red: int, green: int, blue: int, height: int = 60, width: int = 80) -> np.ndarray:
    return np.full((height, width, 3), (red, green, blue), dtype=np.uint8)


def blobs(seed: int = 0, height: int = 120, width: int = 150) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 255, (6, 7, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [  # from the table of reference values in Ottosson's article, through sRGB
        ((255, 255, 255), (1.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (0.6280, 0.2249, 0.1258)),
        ((0, 255, 0), (0.8664, -0.2339, 0.1795)),
        ((0, 0, 255), (0.4520, -0.0325, -0.3115)),
    ],
)
def test_oklab_of_known_colours(rgb: tuple[int, int, int], lab: tuple[float, float, float]) -> None:
    assert oklab(np.array(rgb, dtype=np.uint8)) == pytest.approx(lab, abs=2e-4)


def test_two_flat_halves_give_two_clusters_with_their_shares() -> None:
    picture = flat(200, 30, 30)
    picture[:, 60:] = (20, 40, 160)
    found = measure(picture)
    assert found.shares[:2] == pytest.approx([0.75, 0.25], abs=0.03)
    assert found.colours[0] == pytest.approx(oklab(np.array((200, 30, 30), dtype=np.uint8)), abs=0.02)
    assert found.colours[1] == pytest.approx(oklab(np.array((20, 40, 160), dtype=np.uint8)), abs=0.02)


def test_clusters_are_a_fixed_point_of_assigning_and_averaging() -> None:
    rng = np.random.default_rng(3)
    lab = np.concatenate([rng.normal(centre, 0.01, (100, 3)) for centre in ((0.2, 0, 0), (0.5, 0.1, 0), (0.8, 0, 0.1))])
    centres, shares = clusters(lab, 3)
    nearest = np.array([min(range(3), key=lambda k: float(((point - centres[k]) ** 2).sum())) for point in lab])
    for number in range(3):
        assert centres[number] == pytest.approx(lab[nearest == number].mean(axis=0))
        assert shares[number] == pytest.approx((nearest == number).mean())


def test_a_small_vivid_accent_has_a_cluster_of_its_own() -> None:
    picture = np.asarray(Image.fromarray(blobs()).convert("L").convert("RGB")).copy()
    picture[50:68, 60:80] = (230, 20, 20)
    found = measure(picture)
    red = oklab(np.array((230, 20, 20), dtype=np.uint8))
    assert min(np.linalg.norm(colour - red) for colour in found.colours) < 0.05


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.integers(1, 90), st.integers(1, 90))
def test_measurements_are_finite_and_shares_sum_to_one_for_any_size(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    found = measure(rng.integers(0, 255, (height, width, 3), dtype=np.uint8, endpoint=True))
    assert found.shares.sum() == pytest.approx(1) and (np.diff(found.shares) <= 0).all()
    assert found.detail.sum() == pytest.approx(1)
    numbers = [found.lightness, found.contrast, found.busyness, found.grain, found.sharpness, found.upright]
    assert np.isfinite([*numbers, found.symmetry, *found.light.ravel()]).all()
    assert -1 <= found.upright <= 1 and -1 - 1e-9 <= found.symmetry <= 1 + 1e-9
    assert found.aspect == width / height


def test_a_mirrored_picture_has_mirrored_grids_and_else_the_same_measurements() -> None:
    picture = blobs(1, 96, 144)
    found, mirrored = measure(picture), measure(picture[:, ::-1].copy())
    assert mirrored.light == pytest.approx(found.light[:, ::-1], abs=1e-3)
    assert mirrored.detail == pytest.approx(found.detail[:, ::-1], abs=1e-3)
    for name in ("lightness", "contrast", "busyness", "grain", "sharpness", "upright", "symmetry"):
        assert getattr(mirrored, name) == pytest.approx(getattr(found, name), abs=1e-3)


def test_a_quarter_turn_swaps_upright_and_level() -> None:
    stripes = np.zeros((90, 90, 3), dtype=np.uint8)
    stripes[:, ::6] = stripes[:, 1::6] = stripes[:, 2::6] = 255
    assert measure(stripes).upright > 0.9
    assert measure(np.rot90(stripes).copy()).upright < -0.9


def test_texture_all_over_raises_the_grain_and_a_few_edges_do_not() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (120, 120, 3), dtype=np.uint8)
    edges = flat(20, 20, 20, 120, 120)
    edges[:, 60:] = 240
    assert measure(noise).grain > 0.3
    assert measure(edges).grain == pytest.approx(0)
    assert measure(edges).sharpness > 0


def test_grid_means_average_each_cell_and_are_symmetric() -> None:
    values = np.arange(8 * 10, dtype=float).reshape(8, 10)
    grid = grid_means(values)
    assert grid[0, 0] == values[:2, :3].mean()
    assert grid[1, 1] == values[2:6, 3:7].mean()
    assert grid[2, 2] == values[6:, 7:].mean()
    assert grid_means(values[:, ::-1]) == pytest.approx(grid[:, ::-1])
    assert grid_means(np.ones((1, 2))).tolist() == np.ones((3, 3)).tolist()


def test_mirror_correlation_is_that_of_numpy() -> None:
    values = np.random.default_rng(2).normal(size=(9, 12))
    expected = np.corrcoef(values.ravel(), values[:, ::-1].ravel())[0, 1]
    assert mirror_correlation(values) == pytest.approx(expected)
    assert mirror_correlation(values + values[:, ::-1]) == pytest.approx(1)
    assert mirror_correlation(np.ones((4, 4))) == 0


def test_pictures_are_never_enlarged() -> None:
    assert shrink(Image.new("RGB", (30, 20)), 56).size == (30, 20)
    assert shrink(Image.new("RGB", (300, 1)), 100).size == (100, 1)
