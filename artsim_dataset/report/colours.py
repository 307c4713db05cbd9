"""The colours of a genre: a palette of what a sample of its pictures shows, by area."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

SIDE = 24
"""Pixels of each side that a picture is averaged to, so that all count alike."""
COLOURS = 7
LIGHTNESS = np.array([0.2126, 0.7152, 0.0722])
"""How much red, green and blue add to how light a colour looks (Rec. 709)."""


def tile(picture: Image.Image) -> np.ndarray:
    """The picture in few pixels, (24, 24, 3) of uint8: enough for its colours."""
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX))


def palette(tiles: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    """The colours of some pictures with their share of the area, 0 to 1, the lightest first.

    Median cut, refined by k-means (Heckbert 1982; both are Pillow's).

    >>> palette([np.full((24, 24, 3), 255, np.uint8)])
    [{'colour': '#ffffff', 'share': 1.0}]
    """
    pixels = Image.fromarray(np.concatenate(list(tiles)))
    reduced = pixels.quantize(COLOURS, Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE)
    table = np.asarray(reduced.getpalette(), np.uint8).reshape(-1, 3)
    counted = np.bincount(np.asarray(reduced).ravel(), minlength=len(table))
    found = [(table[at], float(n / counted.sum())) for at, n in enumerate(counted) if n]
    found.sort(key=lambda item: -float(item[0] @ LIGHTNESS))
    return [{"colour": "#{:02x}{:02x}{:02x}".format(*colour), "share": round(share, 4)} for colour, share in found]
