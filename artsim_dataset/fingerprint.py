"""What a painting is known again by: its perceptual hash, and a thumbnail in grey.

Copies of a painting are found by them (`near_hashes.py`, `crop_match.py`), which is why they never cross a split.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

THUMB_SIDE = 32
"""Pixels on each side of a thumbnail."""


def in_grey(content: Image.Image) -> Image.Image:
    """Luma (ITU-R 601) of the content, averaged down to 128 pixels or more on the shorter side.

    Both measures start from it. Averaging first changes 0.5 bits of the hash on average and saves 2 ms of 29.
    """
    return content.reduce(max(1, min(content.size) // 128)).convert("L")


def thumbnail(grey: Image.Image) -> bytes:
    """THUMB_SIDE x THUMB_SIDE grey values, row by row; each is the mean of its part of the picture."""
    return grey.resize((THUMB_SIDE, THUMB_SIDE), Image.Resampling.BOX).tobytes()


def phash(grey: Image.Image) -> str:
    """64-bit perceptual hash of a grey picture as 16 hexadecimal digits, the most significant bit first.

    The definition is that of `imagehash.phash`, so that values can be compared: Lanczos to 32x32, the 8x8 lowest
    frequencies of the DCT-II, each bit tells whether a coefficient is above their median. Rounded before they are
    compared, so that a flat picture has one hash and not the noise of the last decimal.
    """
    small = np.asarray(grey.resize((32, 32), Image.Resampling.LANCZOS), np.float64)
    low = np.round(_COSINES @ small @ _COSINES.T, 6)
    bits = (low > np.median(low)).ravel()
    return np.packbits(bits).tobytes().hex()


_COSINES = np.array([[2 * math.cos(math.pi * k * (2 * n + 1) / 64) for n in range(32)] for k in range(8)])
