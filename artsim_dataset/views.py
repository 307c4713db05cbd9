"""Views of an image: the content without its bars, a perturbed crop, a training augmentation. PIL only.

A :class:`View` is data (fractions, flags, factors), not pixels: it says in a few numbers what is looked at, so that
it can name an entry of the embedding cache and be shown in a report. Training and evaluation draw their views from
here and from nowhere else. Views are drawn by identity (image id, index, seed): the same everywhere, in any order.

Decision: image-to-image generation keeps the layout, so a pixel-aligned feature scores perfectly on variants as they
are and understands nothing. The perturbed view takes that away: a crop of 75 to 95 % of each side, mirrored half of
the time.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, replace
from random import Random

from PIL import Image, ImageOps

from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import seed_from

Box = tuple[int, int, int, int]

PERTURBED_SIDE = (0.75, 0.95)
AUGMENTED_SIDE = (0.70, 1.00)
CSD_AREA = (0.08, 1.0)
CSD_ASPECT = (3 / 4, 4 / 3)
CSD_TRIES = 10
COLOUR_RANGE = 0.3
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True, slots=True)
class View:
    """What part of the content is seen, and how. ``left, top, width, height`` are shares of the content's sides
    (0 to 1); ``mirrored`` swaps left and right, ``flipped`` top and bottom; ``brightness, contrast, saturation`` are
    factors, 1 = unchanged."""

    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0
    mirrored: bool = False
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    flipped: bool = False

    def apply(self, image: Image.Image) -> Image.Image:
        """The view of ``image`` (already cropped to its content): a new RGB image, at least one pixel a side."""
        w, h = image.size
        cw, ch = max(1, round(w * self.width)), max(1, round(h * self.height))
        left, top = min(w - cw, round(w * self.left)), min(h - ch, round(h * self.top))
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        seen = rgb.crop((left, top, left + cw, top + ch))
        if self.mirrored:
            seen = ImageOps.mirror(seen)
        if self.flipped:
            seen = ImageOps.flip(seen)
        if (self.brightness, self.contrast, self.saturation) != (1.0, 1.0, 1.0):
            seen = seen.convert("RGB", self._colour_matrix())
        return seen

    def _colour_matrix(self) -> tuple[float, ...]:
        """Brightness, then contrast around middle grey, then saturation around luma (ITU-R 601), as one 3 x 4 matrix:
        one pass over the pixels instead of three."""
        gain, offset = self.brightness * self.contrast, 127.5 * (1 - self.contrast)
        rows = (
            [gain * ((1 - self.saturation) * w + self.saturation * (i == j)) for j, w in enumerate(LUMA)]
            for i in range(3)
        )
        return tuple(value for row in rows for value in (*row, offset))

    @property
    def key(self) -> str:
        """Text that is equal for equal views and different for different ones: part of a cache key."""
        values = astuple(self)
        # Views that are not flipped have the keys they had before there was a flip: caches stay good.
        return " ".join(repr(value) for value in (values if self.flipped else values[:-1]))


FULL = View()
MIRROR = View(mirrored=True)


def perturbation(variant_id: str, seed: int) -> View:
    """The perturbed view of design section 7: 75 to 95 % of each side at a random place, mirrored half of the time.

    >>> perturbation("Cubism/juan-gris_guitar-0", 42) == perturbation("Cubism/juan-gris_guitar-0", 42)
    True
    """
    draw = Random(seed_from(variant_id, "perturb", seed))
    return _crop(draw, PERTURBED_SIDE)


def augmentation(image_id: str, index: int, seed: int) -> View:
    """The ``index``-th training view of an image: 70 to 100 % of each side, mirrored half of the time, colours changed.

    Wider than the perturbation on purpose, and drawn under another name: training never sees the evaluation's crops.
    """
    draw = Random(seed_from(image_id, "augment", index, seed))
    crop = _crop(draw, AUGMENTED_SIDE)
    brightness, contrast, saturation = (math.exp(_between(draw, (-COLOUR_RANGE, COLOUR_RANGE))) for _ in range(3))
    return replace(crop, brightness=brightness, contrast=contrast, saturation=saturation)


def csd_view(image_id: str, index: int, seed: int, aspect: float) -> View:
    """The ``index``-th training view of CSD (arXiv 2404.01292, released code) of an image of that width / height.

    Their random resized crop with torchvision's defaults (8 to 100 % of the area, 3:4 to 4:3; after ten crops that do
    not fit, the largest one in the middle), mirrored half of the time, upside down three times in ten. Their rotation
    is by 0 degrees: the angle is drawn once, at import, and comes out 0. The encoder resizes.
    """
    draw = Random(seed_from(image_id, "csd", index, seed))
    for _ in range(CSD_TRIES):
        area = _between(draw, CSD_AREA)
        ratio = math.exp(_between(draw, (math.log(CSD_ASPECT[0]), math.log(CSD_ASPECT[1]))))
        width, height = math.sqrt(area * ratio / aspect), math.sqrt(area / ratio * aspect)
        if width <= 1 and height <= 1:
            left, top = draw.random() * (1 - width), draw.random() * (1 - height)
            break
    else:
        ratio = min(max(aspect, CSD_ASPECT[0]), CSD_ASPECT[1])
        width, height = min(1.0, ratio / aspect), min(1.0, aspect / ratio)
        left, top = (1 - width) / 2, (1 - height) / 2
    mirrored, flipped = draw.random() < 0.5, draw.random() < 0.3
    return View(left, top, width, height, mirrored, flipped=flipped)


def perturb(image: Image.Image, variant_id: str, seed: int) -> Image.Image:
    """The perturbed view of a variant's content: a pure function of the pixels, the variant id and the seed."""
    return perturbation(variant_id, seed).apply(image)


def crop_content(image: Image.Image, box: Box) -> Image.Image:
    """The image without its letterbox bars. ``box`` is (left, top, right, bottom) in pixels, right and bottom outside.

    Raises ConfigError for a box that is empty or not inside the image.
    """
    left, top, right, bottom = box
    if not (0 <= left < right <= image.width and 0 <= top < bottom <= image.height):
        raise ConfigError(
            f"the content box {box} is not inside the image of {image.width}x{image.height} pixels: "
            "columns content_left, content_top, content_right, content_bottom must describe the letterboxed image"
        )
    return image if box == (0, 0, *image.size) else image.crop(box)


def _crop(draw: Random, side: tuple[float, float]) -> View:
    width, height = _between(draw, side), _between(draw, side)
    left, top = draw.random() * (1 - width), draw.random() * (1 - height)
    return View(left, top, width, height, mirrored=draw.random() < 0.5)


def _between(draw: Random, limits: tuple[float, float]) -> float:
    low, high = limits
    return low + (high - low) * draw.random()
