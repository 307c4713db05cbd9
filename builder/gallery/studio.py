"""The studio: everything that is at hand when one picture is painted, and the hand that paints it.

A hand belongs to an artist, not to a picture: its bias of hue and warmth, its length and width of stroke, and its
favourite pigments are the same in every work, which is what lets "style" mean something in this gallery.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from artsim_dataset.schema import seed_from
from builder.gallery.colour import Colour, Palette, hue_turned, mix, rgb, saturated
from builder.gallery.layin import Ground, Look, coverage, lay_in
from builder.gallery.shapes import Frame, Shapes

Array = np.ndarray


@dataclass(frozen=True)
class Hand:
    """An artist's constants. Multipliers are around 1, angles in radians."""

    hue: float
    saturation: float
    warmth: float
    stroke: float
    length: float
    slant: float
    favourites: tuple[int, ...]

    @staticmethod
    def of(artist: str) -> Hand:
        rng = np.random.default_rng(seed_from("hand", artist))
        return Hand(
            hue=float(rng.normal(0, 0.1)),
            saturation=float(rng.uniform(0.82, 1.18)),
            warmth=float(rng.uniform(-0.08, 0.1)),
            stroke=float(rng.uniform(0.75, 1.35)),
            length=float(rng.uniform(0.75, 1.4)),
            slant=float(rng.uniform(-0.5, 0.5)),
            favourites=tuple(int(k) for k in rng.permutation(8)),
        )

    def mixes(self, palette: Palette) -> Palette:
        """The palette as this artist mixes it."""
        warm = rgb("f0a050") if self.warmth > 0 else rgb("5080c0")

        def bent(colour: Colour) -> Colour:
            return mix(hue_turned(saturated(colour, self.saturation), self.hue), warm, abs(self.warmth)).astype(
                np.float32
            )

        return {role: bent(colour) for role, colour in palette.items()}


@dataclass(frozen=True, eq=False)
class Studio:
    """One picture in the making: its format, palette, hand and generator. ``px`` is pixels per frame unit."""

    frame: Frame
    height: int
    width: int
    palette: Palette
    hand: Hand
    rng: np.random.Generator

    @property
    def px(self) -> float:
        return min(self.height / self.frame.h, self.width / self.frame.w)

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    def pigment(self, k: int) -> Colour:
        """The artist's k-th favourite of the genre's eight pigments ``p0``..``p7``."""
        return self.palette[f"p{self.hand.favourites[k % 8]}"]

    def cover(self, *parts: Array, soft: float = 0.0) -> Array:
        """How much polygons cover of each pixel of the picture, (h, w, 1)."""
        return coverage(parts, self.px, (0, 0, self.width, self.height), soft)[..., None]

    def lay(self, shapes: Shapes, look: Look) -> Ground:
        """The underpainting of a scene in this format and palette."""
        return lay_in(shapes, self.frame, self.height, self.width, self.palette, look)

    def filled(self, colour: Colour) -> Array:
        """A picture of one colour, (h, w, 3)."""
        image = np.empty((self.height, self.width, 3), dtype=np.float32)
        image[:] = colour
        return image

    def primed(self, role: str) -> Array:
        """A canvas covered in one colour."""
        return self.filled(self.palette[role])
