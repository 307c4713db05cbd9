from __future__ import annotations

import io
from pathlib import Path

import imagehash
import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from artsim_dataset.fingerprint import THUMB_SIDE
from artsim_dataset.images import encode
from artsim_dataset.letterbox import REASONS, BadImage, content_pixels, fit, letterbox
from tests.builder.odd_images import BAD, GOOD, painting, png_header, save, with_orientation

SHARED = Path(__file__).parents[3] / "shared" / "data" / "paintings"


def naive(image: Image.Image, size: int) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """S1's letterbox in Pillow."""
    ratio = min(size / image.width, size / image.height)
    width, height = int(image.width * ratio), int(image.height * ratio)
    left, top = (size - width) // 2, (size - height) // 2
    frame = Image.new("RGB", (size, size))
    frame.paste(image.resize((width, height), Image.Resampling.LANCZOS), (left, top))
    return frame, (left, top, left + width, top + height)


def psnr(ours: np.ndarray, theirs: np.ndarray) -> float:
    error = float(np.mean((ours.astype(np.float64) - theirs.astype(np.float64)) ** 2))
    return 10 * np.log10(255**2 / error) if error else 99.0


def decoded(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))


# --- geometry --------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(32, 400), st.integers(32, 400), st.sampled_from([101, 128, 256]), st.integers(0, 3))
def test_letterbox_is_that_of_a_naive_pillow_version(width: int, height: int, size: int, seed: int) -> None:
    image = painting(width, height, seed)
    frame, box = naive(image, size)
    done = letterbox(save(image, "PNG"), size)
    assert (done.box, done.width, done.height) == (box, width, height)
    content, _, _ = content_pixels(save(image, "PNG"), size)
    assert psnr(content, np.asarray(frame.crop(box))) > 45
    assert decoded(done.jpeg).shape == (size, size, 3)


def test_bars_are_black_and_content_fills_the_box() -> None:
    done = letterbox(save(Image.new("RGB", (400, 200), "white"), "PNG"), 256)
    assert done.box == (0, 64, 256, 192)
    pixels = decoded(done.jpeg)
    assert pixels[:56].max() == 0 and pixels[200:].max() == 0
    assert pixels[64:192].min() > 245


def test_small_paintings_are_enlarged_exactly_as_pillow_does() -> None:
    image = painting(100, 80)
    content, _, _ = content_pixels(save(image, "PNG"), 768)
    assert np.array_equal(content, np.asarray(image.resize((768, 614), Image.Resampling.LANCZOS)))


def test_a_side_is_cut_to_whole_pixels_not_rounded() -> None:
    assert fit(1000, 667, 768) == (768, 512)
    assert fit(768, 500, 768) == (768, 500)
    assert 667 * 0.768 > 512.2 and fit(1000, 666, 768) == (768, 511)


def test_output_is_the_jpeg_of_s1() -> None:
    data = with_orientation(painting(), 3)
    jpeg = letterbox(data, 256).jpeg
    image = Image.open(io.BytesIO(jpeg))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (256, 256))
    assert not image.getexif() and not {"icc_profile", "exif", "comment", "progressive"} & set(image.info)
    frame = np.zeros((256, 256, 3), np.uint8)
    content, _, _ = content_pixels(data, 256)
    frame[43:213] = content
    assert jpeg == encode(frame, 95) == save(Image.fromarray(frame), "JPEG", quality=95)


def test_quality_reaches_the_file() -> None:
    data = save(painting(), "PNG")
    assert len(letterbox(data, 256, 50).jpeg) < len(letterbox(data, 256, 95).jpeg)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_every_exif_orientation_is_undone_as_pillow_does(turn: int, kind: str) -> None:
    data = with_orientation(painting(300, 200), turn, kind)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    for size in (100, 300, 400):
        content, width, height = content_pixels(data, size)
        frame, box = naive(upright, size)
        assert (width, height) == upright.size
        assert psnr(content, np.asarray(frame.crop(box))) > 45


def test_pixels_of_real_paintings_are_those_of_pillow() -> None:
    files = sorted(SHARED.rglob("*.jpg"))[::60]
    if not files:
        pytest.skip("needs ../shared/data/paintings")
    values = []
    for file in files:
        with Image.open(file) as opened:
            image = opened.convert("RGB")
        for size in (256, 500):
            content, _, _ = content_pixels(file.read_bytes(), size)
            frame, box = naive(image, size)
            values.append(psnr(content, np.asarray(frame.crop(box))))
    assert min(values) >= 45 and np.mean(values) >= 50


# --- odd and broken files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOOD)
def test_odd_images_come_out_as_they_look(name: str) -> None:
    data, expected, tolerance = GOOD[name]
    content, width, height = content_pixels(data, max(expected.size))
    assert (width, height) == expected.size and content.shape == (height, width, 3) and content.dtype == np.uint8
    assert np.abs(content.astype(float) - np.asarray(expected)).mean() <= tolerance


@pytest.mark.parametrize("name", GOOD)
def test_odd_images_scaled_down_look_like_themselves(name: str) -> None:
    data, expected, tolerance = GOOD[name]
    content, _, _ = content_pixels(data, 100)
    frame, box = naive(expected, 100)
    assert np.abs(content.astype(float) - np.asarray(frame.crop(box))).mean() <= tolerance + 1.0


@pytest.mark.parametrize("name", BAD)
def test_broken_files_are_rejected_with_a_reason_and_a_sentence(name: str) -> None:
    data, reason = BAD[name]
    with pytest.raises(BadImage) as caught:
        letterbox(data)
    assert caught.value.reason == reason in REASONS
    assert "\n" not in str(caught.value) and len(str(caught.value)) > 20


def test_pixel_limit_is_exact_and_checked_before_decoding() -> None:
    data = save(painting(300, 200), "PNG")
    assert letterbox(data, 64, max_pixels=60_000).width == 300
    with pytest.raises(BadImage, match="300 x 200 pixels, over the limit of 0.059999 megapixels") as caught:
        letterbox(data, 64, max_pixels=59_999)
    assert caught.value.reason == "too_large"
    with pytest.raises(BadImage) as caught:  # its pixels are missing: found out only when it is decoded
        letterbox(png_header(600, 600), 64)
    assert caught.value.reason == "truncated"


def test_every_cut_of_a_jpeg_is_noticed() -> None:
    whole = save(painting(), "JPEG")
    for kept in range(0, len(whole) - 2, 97):
        with pytest.raises(BadImage) as caught:
            letterbox(whole[:kept], 64)
        assert caught.value.reason in ("empty", "unreadable", "truncated")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.integers(0, 2**31), st.integers(1, 40))
def test_damaged_bytes_never_give_anything_but_a_picture_or_a_reject(name: str, seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(GOOD[name][0])
    for place in rng.integers(0, len(data), count):
        data[place] = rng.integers(256)
    try:
        done = letterbox(bytes(data), 64)
    except BadImage as error:
        assert error.reason in REASONS
    else:
        assert decoded(done.jpeg).shape == (64, 64, 3)


def test_the_same_bytes_give_the_same_answer() -> None:
    data = GOOD["jpeg with a profile"][0]
    assert letterbox(data, 256) == letterbox(data, 256)


# --- measures --------------------------------------------------------------------------------------------------


def test_measures_are_of_the_content_without_bars() -> None:
    square = painting(400, 400)
    wide = square.resize((400, 130), Image.Resampling.LANCZOS)
    done = [letterbox(save(image, "PNG"), 256) for image in (square, wide)]
    first, second = (np.frombuffer(d.thumb, np.uint8).astype(int) for d in done)
    assert len(done[0].thumb) == THUMB_SIDE**2
    assert np.abs(first - second).mean() < 2
    assert distance(done[0].phash, done[1].phash) <= 4
    assert distance(done[0].phash, str(imagehash.phash(square))) <= 4


def distance(a: str, b: str) -> int:
    return (int(a, 16) ^ int(b, 16)).bit_count()


def test_hash_of_real_paintings_is_close_to_that_of_the_original_file() -> None:
    files = sorted(SHARED.rglob("*.jpg"))[::40]
    if not files:
        pytest.skip("needs ../shared/data/paintings")
    assert max(distance(letterbox(f.read_bytes()).phash, str(imagehash.phash(Image.open(f)))) for f in files) <= 4


def test_formats_that_are_not_safe_are_blocked_before_their_loader_runs() -> None:
    with pytest.raises(pyvips.Error, match="not in a known format"):
        pyvips.Image.new_from_buffer(BAD["svg"][0], "")
