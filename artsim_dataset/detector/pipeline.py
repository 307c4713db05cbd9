"""One format for both classes: the same decode, square, detail, size and JPEG, and no metadata.

The classic failure of detectors is that they learn the file and not the picture: originals are JPEGs of many sizes,
generated images PNGs of one size ("Fake or JPEG?", arXiv 2403.17608, measured 11 points of it). Here every image goes
through a :class:`Recipe` before anything looks at it. Recipes are drawn by the *painting's* id, so a painting and its
variants get not only the same distribution but the same draw: what is left of the format carries no information.

What this cannot do: compression or scaling that an image went through *before* leaves traces in its pixels. See
docs/detector.md for how much of them a detector still finds.
"""

from __future__ import annotations

import io
from dataclasses import astuple, dataclass
from random import Random

from PIL import Image, ImageOps

from artsim_dataset.schema import seed_from

SIDE = 192
"""Pixels a side of what detectors look at. The pictures of `real_vs_ai` are 256 px long, so their shorter side is
about this: more would be interpolation."""
SHARE = (0.7, 1.0)
DETAIL = (128, SIDE)
QUALITY = (60, 95)
SUBSAMPLING = ("4:4:4", "4:2:2", "4:2:0")


@dataclass(frozen=True)
class Recipe:
    """How an image becomes a ``SIDE`` x ``SIDE`` JPEG. The default is the one that detectors are used with.

    A square of ``share`` (0 to 1) of the shorter side is cut out; ``left`` and ``top`` (0 to 1) divide the room that is
    left. It is scaled to ``detail`` pixels a side, which ends all differences of resolution above that, then to
    ``SIDE``, mirrored or not, and written as JPEG with ``quality`` (1 to 100) and chroma ``subsampling``.
    """

    left: float = 0.5
    top: float = 0.5
    share: float = 1.0
    detail: int = SIDE
    mirrored: bool = False
    quality: int = 90
    subsampling: str = "4:2:0"

    def encode(self, image: Image.Image) -> bytes:
        """The image in the one format: JPEG bytes without metadata, whatever ``image.info`` holds."""
        side = max(1, round(min(image.size) * self.share))
        left, top = round((image.width - side) * self.left), round((image.height - side) * self.top)
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        square = rgb.crop((left, top, left + side, top + side))
        for pixels in (self.detail, SIDE):
            if square.width != pixels:
                square = square.resize((pixels, pixels), Image.Resampling.BICUBIC)
        if self.mirrored:
            square = ImageOps.mirror(square)
        data = io.BytesIO()
        # Pillow would otherwise pass on a comment or a profile that the image was opened with.
        square.info = {}
        square.save(data, "JPEG", quality=self.quality, subsampling=self.subsampling)
        return data.getvalue()

    def apply(self, image: Image.Image) -> Image.Image:
        """What a detector sees: the image in the one format, decoded again. RGB, ``SIDE`` x ``SIDE``."""
        with Image.open(io.BytesIO(self.encode(image))) as decoded:
            return decoded.convert("RGB")

    @property
    def key(self) -> str:
        """Text that is equal for equal recipes and different for different ones: part of a cache key."""
        return f"recipe {SIDE} " + " ".join(repr(value) for value in astuple(self))


USED = Recipe()
"""The recipe of evaluation and use: the whole centre square."""


def draw_recipe(painting_id: str, index: int, seed: int) -> Recipe:
    """The ``index``-th training recipe of a painting and of all its variants.

    >>> draw_recipe("Cubism/juan-gris_guitar", 0, 42) == draw_recipe("Cubism/juan-gris_guitar", 0, 42)
    True
    """
    draw = Random(seed_from(painting_id, "detector", index, seed))
    return Recipe(
        left=draw.random(),
        top=draw.random(),
        share=draw.uniform(*SHARE),
        detail=draw.randint(*DETAIL),
        mirrored=draw.random() < 0.5,
        quality=draw.randint(*QUALITY),
        subsampling=draw.choice(SUBSAMPLING),
    )
