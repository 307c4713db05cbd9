from __future__ import annotations

import imagehash
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from artsim_dataset.fingerprint import THUMB_SIDE, phash, thumbnail
from tests.builder.odd_images import painting


@settings(max_examples=40, deadline=None)
@given(st.integers(8, 300), st.integers(8, 300), st.integers(0, 2**31))
def test_phash_is_that_of_the_imagehash_package(width: int, height: int, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    for grey in (Image.fromarray(noise), painting(width, height, seed).convert("L")):
        assert phash(grey) == str(imagehash.phash(grey))


def test_phash_of_a_flat_picture_does_not_depend_on_the_last_decimal() -> None:
    assert {phash(Image.new("L", (60, 40), level)) for level in (1, 100, 255)} == {"8000000000000000"}
    assert phash(Image.new("L", (60, 40), 0)) == "0000000000000000"


def test_thumbnail_holds_means_row_by_row() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (THUMB_SIDE * 4, THUMB_SIDE * 2), dtype=np.uint8)
    means = pixels.reshape(THUMB_SIDE, 4, THUMB_SIDE, 2).mean((1, 3))
    found = np.frombuffer(thumbnail(Image.fromarray(pixels)), np.uint8).reshape(THUMB_SIDE, THUMB_SIDE)
    assert np.abs(found - means).max() <= 1
