"""Colour: what each role looks like, and how a genre, a mood and an artist bend it.

All colours are float RGB in 0..1 (gamma-encoded, as painters mix them by eye). A genre gives only the roles in which
it differs from NATURAL; a mood repaints the light of the day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Colour = np.ndarray
Palette = dict[str, Colour]


def rgb(code: str) -> Colour:
    """``"d04020"`` as three floats."""
    return np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)], dtype=np.float32) / 255


def palette(text: str) -> Palette:
    """``"sky 9fb6c8 sea 3a6a80"`` as a palette."""
    words = text.split()
    return {role: rgb(code) for role, code in zip(words[::2], words[1::2], strict=True)}


NATURAL = palette("""
    sky 7fa6c9 low d8dfd8 cloud f2efe6 sun fff0b8 far 8fa3b4 mid 6f8a6c ground 8f9a55 earth b59a6c
    leaf 4c6b35 leaf2 7d9447 trunk 57402c water 6f98ad deep 2f566b wall d9c8a6 wall2 b89a74 roof a4553a stone a39b8c
    skin e2b48f hair 4a3222 cloth 7c2f2f cloth2 2f4b74 linen efe8d8 accent c0392b gold d0a548 wood 7b5230
    dark 231c18 backdrop 4d4438 fruit d98a2b fruit2 b33a30 flower e6c65a flower2 d77a8c glass 49685a paper ece2c6
    line 1c1714
""")

MOODS: dict[str, Palette] = {
    "": {},
    "at dawn": palette("sky a9b6d0 low f6cfa6 cloud f3d8c8 sun ffd9a0 water a7aebd deep 5c6c86 far 9aa0b8"),
    "at noon": palette("sky 6ea6d8 low cfe2ea cloud ffffff sun fff7d0"),
    "at dusk": palette("sky 54659a low f0a060 cloud c98a80 sun ffc060 water 8a7a90 deep 39426a far 6d6a8c"),
    "by moonlight": palette("sky 16264a low 3d5a7c cloud 4e6482 sun f4f0d0 water 2c4a68 deep 101f38 far 2b3d5c"),
    "in a storm": palette("sky 39424c low 8b9088 cloud 5a626a sun d8d2b0 water 4c6266 deep 22343c far 56646c"),
    "in winter": palette("sky a8b4b8 low dfe0da ground e6e8e6 mid c9d0d0 earth cfc8ba leaf 5a6258 roof d8dcdc"),
    "in autumn": palette("leaf b5652a leaf2 d99a3a ground b08b45 mid a5824a sky 9ab0bc"),
}


def luma(colour: np.ndarray) -> np.ndarray:
    """Perceived lightness of (..., 3) colours (Rec. 601 weights)."""
    return colour @ np.array([0.299, 0.587, 0.114], dtype=np.float32)


def mix(a: np.ndarray, b: np.ndarray, amount: float | np.floating | np.ndarray) -> np.ndarray:
    return a + (b - a) * amount


def toned(colour: np.ndarray, tone: np.ndarray | np.floating | float) -> np.ndarray:
    """Lightens towards white by positive tones, darkens towards black by negative ones."""
    up, down = np.maximum(tone, 0), np.minimum(tone, 0)
    return colour * (1 + down) + (1 - colour) * up


def saturated(colour: np.ndarray, amount: float) -> np.ndarray:
    grey = luma(colour)[..., None]
    return np.clip(grey + (colour - grey) * amount, 0, 1)


def hue_turned(colour: np.ndarray, angle: float) -> np.ndarray:
    """Turns the hue by ``angle`` radians around the grey axis."""
    c, s, k = np.cos(angle), np.sin(angle), (1 - np.cos(angle)) / 3
    r = np.sqrt(1 / 3) * s
    spin = np.array([[c + k, k - r, k + r], [k + r, c + k, k - r], [k - r, k + r, c + k]], dtype=np.float32)
    return np.clip(colour @ spin.T, 0, 1)


@dataclass(frozen=True)
class Grade:
    """The overall bend of a palette: saturation, contrast around middle grey, and a tint mixed in."""

    saturation: float = 1.0
    contrast: float = 1.0
    tint: str = "808080"
    amount: float = 0.0
    lift: float = 0.0

    def __call__(self, colour: np.ndarray) -> np.ndarray:
        colour = saturated(colour, self.saturation)
        colour = mix(colour, rgb(self.tint), self.amount)
        return np.clip((colour - 0.5) * self.contrast + 0.5 + self.lift, 0, 1).astype(np.float32)
