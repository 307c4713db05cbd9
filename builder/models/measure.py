"""What can be said of a picture by measuring it: palette, light, composition, texture. Numbers only, no words.

Everything is measured on small copies (256 px for form, 48 px for colour), so that a caption costs a few
milliseconds and does not depend on the size of the scan. Lightness and colour distances are taken in Oklab
(B. Ottosson, "A perceptual color space for image processing", 2020), where equal steps look about equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

FORM_SIDE = 256
COLOUR_SIDE = 48
CLUSTERS = 8
_ROUNDS = 6

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_CODES = np.arange(256) / 255.0
_LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4)


@dataclass(frozen=True)
class Measurements:
    """A picture in numbers.

    ``colours``: (clusters, 3) Oklab, ``shares``: (clusters,), largest first, summing to 1.
    ``lightness``: mean of Oklab L, 0 (black) to 1 (white); ``contrast``: its standard deviation.
    ``light`` and ``detail``: 3x3 grids, rows from the top: mean lightness, and share of all edges (sum 1).
    ``aspect``: width / height. ``busyness``: mean edge strength. ``grain``: median fine structure: high where the
    whole surface is worked, near 0 where it is flat between few sharp edges. ``sharpness``: mean fine structure.
    ``upright``: mean of vertical edges less horizontal ones over their sum, -1 (bands) to 1 (columns).
    ``symmetry``: correlation of the lightness with its mirror image, -1 to 1; 0 for a flat picture.
    """

    colours: np.ndarray
    shares: np.ndarray
    lightness: float
    contrast: float
    light: np.ndarray
    detail: np.ndarray
    aspect: float
    busyness: float
    grain: float
    sharpness: float
    upright: float
    symmetry: float


def measure(pixels: np.ndarray) -> Measurements:
    """Measures uint8 RGB pixels of shape (height, width, 3)."""
    height, width = pixels.shape[:2]
    picture = Image.fromarray(pixels)
    form = shrink(picture, FORM_SIDE)
    lab = oklab(np.asarray(shrink(form, COLOUR_SIDE)))
    colours, shares = clusters(lab.reshape(-1, 3))
    lightness = lab[..., 0]
    edges = _Edges.of(np.asarray(form.convert("L"), dtype=np.float32) / 255)
    return Measurements(
        colours=colours,
        shares=shares,
        lightness=float(lightness.mean()),
        contrast=float(lightness.std()),
        light=grid_means(lightness),
        detail=_shares(grid_means(edges.strength)),
        aspect=width / height,
        busyness=float(edges.strength.mean()),
        grain=float(np.median(edges.fine)),
        sharpness=float(edges.fine.mean()),
        upright=edges.upright,
        symmetry=mirror_correlation(lightness),
    )


def shrink(picture: Image.Image, side: int) -> Image.Image:
    """The picture with its longest side at most ``side`` pixels, each the mean of what it covers."""
    scale = side / max(picture.size)
    if scale >= 1:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.BOX, reducing_gap=1.0)  # whole factors first: three times as fast


def oklab(rgb: np.ndarray) -> np.ndarray:
    """sRGB codes (..., 3) uint8 -> Oklab (..., 3): lightness 0 to 1, green-red and blue-yellow about -0.4 to 0.4."""
    return np.cbrt(_LINEAR[rgb] @ _TO_LMS.T) @ _TO_LAB.T


def clusters(lab: np.ndarray, number: int = CLUSTERS) -> tuple[np.ndarray, np.ndarray]:
    """k-means of colours (n, 3) -> centres (at most ``number``, 3) and their shares, largest first.

    Deterministic: the first centre is the mean, each next one the colour farthest from all before, so that a
    small vivid accent gets a centre of its own. Empty clusters are dropped.
    """
    columns = np.ascontiguousarray(lab.T)

    def distances(centre: np.ndarray) -> np.ndarray:
        x, y, z = columns - centre[:, None]
        return np.asarray(x * x + y * y + z * z)

    centres = lab.mean(axis=0, keepdims=True)
    distance = distances(centres[0])
    while len(centres) < number and distance.max() > 1e-6:
        centres = np.vstack([centres, lab[distance.argmax()]])
        np.minimum(distance, distances(centres[-1]), out=distance)
    double, one_hot = 2 * lab, np.eye(len(centres))
    scores, members = np.empty((2, len(lab), len(centres)))  # for all rounds: fresh pages cost more than the sums
    for _ in range(_ROUNDS):
        np.matmul(double, centres.T, out=scores)
        np.subtract((centres**2).sum(axis=1), scores, out=scores)
        nearest = scores.argmin(axis=1)
        np.take(one_hot, nearest, axis=0, out=members, mode="clip")
        sizes = np.bincount(nearest, minlength=len(centres)).astype(np.float64)
        centres = np.where(sizes[:, None] > 0, members.T @ lab / np.maximum(sizes, 1)[:, None], centres)
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] > 0]
    return centres[order], sizes[order] / sizes.sum()


def grid_means(values: np.ndarray) -> np.ndarray:
    """The means of a (height, width) array over a 3x3 grid. A side under 3 pixels repeats its nearest cell."""

    def cuts(length: int) -> list[slice]:
        third = max(1, length // 3)  # the outer two are equal, so that a mirrored picture gives a mirrored grid
        return [
            slice(0, third),
            slice(min(third, length - 1), max(third + 1, length - third)),
            slice(length - third, length),
        ]

    rows, columns = cuts(values.shape[0]), cuts(values.shape[1])
    return np.array([[values[row, column].mean() for column in columns] for row in rows])


def mirror_correlation(values: np.ndarray) -> float:
    """Correlation of a (height, width) array with its left-right mirror image; 0 when there is nothing to compare."""
    centred = values - values.mean()
    power = float((centred**2).mean())
    return float((centred * centred[:, ::-1]).mean()) / power if power > 1e-5 else 0.0


def _shares(grid: np.ndarray) -> np.ndarray:
    total = grid.sum()
    return grid / total if total > 1e-6 else np.full(grid.shape, 1 / grid.size)


@dataclass(frozen=True)
class _Edges:
    """Edges of a lightness picture: their strength and the finest structure, per pixel, and their direction."""

    strength: np.ndarray
    fine: np.ndarray
    upright: float

    @staticmethod
    def of(grey: np.ndarray) -> _Edges:
        padded = np.pad(grey, 1, mode="edge")
        across = np.abs(padded[1:-1, 2:] - padded[1:-1, :-2])
        down = np.abs(padded[2:, 1:-1] - padded[:-2, 1:-1])
        around = padded[1:-1, 2:] + padded[1:-1, :-2] + padded[2:, 1:-1] + padded[:-2, 1:-1]
        total = float(across.sum() + down.sum())
        upright = float(across.sum() - down.sum()) / total if total > 1e-3 else 0.0
        return _Edges(across + down, np.abs(around - 4 * grey), upright)
