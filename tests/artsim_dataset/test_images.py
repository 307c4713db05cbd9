import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from artsim_dataset.errors import ConfigError
from artsim_dataset.images import UndecodableImage, content, decode, encode, open_image


def picture(height: int = 40, width: int = 56) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 255 // height, columns * 255 // width, (rows + columns) % 256], axis=2).astype(np.uint8)


def test_what_was_encoded_comes_back_nearly_as_it_was() -> None:
    pixels = picture()
    difference = np.abs(decode(encode(pixels)).astype(int) - pixels)
    assert difference.mean() < 3


def test_the_same_pixels_give_the_same_bytes_in_baseline_420_without_metadata() -> None:
    jpeg = encode(picture())
    assert jpeg == encode(picture().copy())
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.format == "JPEG"
        assert image.layer[0][1:3] == (2, 2)  # luma sampled twice as densely as chroma, both ways
        assert "exif" not in image.info and "icc_profile" not in image.info
        assert "progressive" not in image.info


def test_quality_changes_the_bytes() -> None:
    assert len(encode(picture(), quality=30)) < len(encode(picture(), quality=95))


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 20), st.integers(1, 20))
def test_content_is_the_slice_of_the_decoded_image(left: int, top: int, width: int, height: int) -> None:
    right, bottom = min(56, left + width), min(40, top + height)
    jpeg = encode(picture())
    inside = content(jpeg, left, top, right, bottom)
    assert np.array_equal(inside, decode(jpeg)[top:bottom, left:right])
    assert inside.flags.c_contiguous and inside.flags.writeable


@pytest.mark.parametrize("box", [(0, 0, 57, 40), (0, 0, 56, 41), (-1, 0, 5, 5), (5, 0, 5, 5), (0, 9, 5, 3)])
def test_a_box_that_is_empty_or_leaves_the_image_is_refused(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(UndecodableImage, match="not inside 56 x 40"):
        content(encode(picture()), *box)


@pytest.mark.parametrize("jpeg", [b"", b"no image at all", encode(picture())[:400]])
def test_bytes_that_are_no_whole_image_are_refused(jpeg: bytes) -> None:
    with pytest.raises(UndecodableImage, match=f"{len(jpeg)} bytes cannot be decoded"):
        decode(jpeg)


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGBA", "P", "1"])
def test_every_mode_is_decoded_to_rgb(mode: str) -> None:
    buffer = io.BytesIO()
    Image.fromarray(picture()).convert(mode).save(buffer, "TIFF")
    assert decode(buffer.getvalue()).shape == (40, 56, 3)


@pytest.mark.parametrize("pixels", [picture().astype(np.float32), picture()[..., 0], picture()[..., :2]])
def test_only_bytes_in_rgb_are_encoded(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="encode needs uint8"):
        encode(pixels)


@pytest.mark.parametrize("name", ["grey.png", "grey.tif"])
def test_a_grey_picture_of_16_bits_is_opened_as_that_of_8_bits(name: str, tmp_path: Path) -> None:
    grey = picture()[..., 0]
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / name)
    assert np.array_equal(np.asarray(open_image(tmp_path / name)), np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_a_picture_of_more_than_16_bits_is_refused(kind: type, tmp_path: Path) -> None:
    Image.fromarray(picture()[..., 0].astype(kind)).save(tmp_path / "wide.tif")
    with pytest.raises(ConfigError, match="save it with 8 or 16 bits"):
        open_image(tmp_path / "wide.tif")
