"""Any painting file to the one form that the build works on: 768x768 JPEG, the letterbox of S1.

Here and not in the builder, since whoever has the paintings joins them to a data set that was published without them,
pixel for pixel (`originals.py`).

libvips decodes and scales down (streamed, so a 200-megapixel scan needs little memory), Pillow scales up and encodes.
The letterbox is S1's: ratio = min(size / width, size / height), `int()` of both sides, Lanczos, centred on black, JPEG
with 4:2:0 chroma. No shrink-on-load: it would be twice as fast on large scans, but its pixels differ visibly from
Pillow's (46 dB on average where the plain path has 57 dB).

All of it is pure: the same bytes give the same answer. A file that cannot be used raises :class:`BadImage`.
"""

from __future__ import annotations

import ctypes
import io
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyvips
from PIL import Image, UnidentifiedImageError

from artsim_dataset.errors import ArtsimError
from artsim_dataset.fingerprint import in_grey, phash, thumbnail

MIN_SIDE = 32
"""Pixels on the shorter side below which a file is an icon, not a painting."""

MIN_CONTENT_SIDE = 8
"""Pixels on the shorter side of the letterboxed content: one cell of a diffusion model's latent image."""

MAX_PIXELS = 250_000_000
"""About 15,800 pixels square: above all of WikiArt. A decoder that cannot stream needs up to 10 bytes for each
(interlaced 16-bit PNG 8.7, lossless WebP 8.4, progressive JPEG 4, one huge TIFF tile 9.5; measured at 25 million)."""

_DEAR = {"heifload_buffer": 4}
"""Loader -> what part of the limit it is given: AVIF needs 15 bytes for each pixel, and one kilobyte can hold all."""

_LOADERS = frozenset(f"{name}load_buffer" for name in ("jpeg", "png", "webp", "tiff", "gif", "heif"))
_KINDS = "JPEG, PNG, WebP, TIFF, GIF, HEIF, AVIF or BMP"
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*")
_DAMAGED = "the file is cut short or damaged"
_WIDE_SPACES = frozenset(("lab", "labs", "labq", "scrgb", "xyz"))

# Only loaders that are fuzzed and fit for files of strangers. A gain map (uhdr) would give linear light: the plain
# JPEG below it is meant.
pyvips.block_untrusted_set(True)
pyvips.operation_block_set("VipsForeignLoadUhdr", True)
# No operation is ever repeated on the same image, and the build runs a process on each core.
pyvips.cache_set_max(0)
pyvips.concurrency_set(1)


def _keep_freed_memory() -> None:
    """Lets glibc keep the buffers of one painting for the next: mapping them anew each time costs 9 % of the whole."""
    trim_threshold, mmap_threshold = -1, -3  # their numbers in <malloc.h>
    with suppress(AttributeError, OSError, TypeError):  # another C library
        libc = ctypes.CDLL(None)
        libc.mallopt(trim_threshold, 128 << 20)
        libc.mallopt(mmap_threshold, 32 << 20)


_keep_freed_memory()


class BadImage(ArtsimError, ValueError):
    """A file that cannot become a painting. ``reason`` is one of REASONS; the text does not name the file."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


REASONS = ("empty", "unreadable", "truncated", "too_large", "too_small")


@dataclass(frozen=True)
class Letterboxed:
    """A painting in the common form.

    ``box`` is (left, top, right, bottom), pixel edges in the square frame, right and bottom exclusive. ``width`` and
    ``height`` are the original's, upright. ``phash`` and ``thumb`` are as in `fingerprint.py`, of the content.
    """

    jpeg: bytes
    box: tuple[int, int, int, int]
    phash: str
    thumb: bytes
    width: int
    height: int


def letterbox(
    data: bytes, size: int = 768, quality: int = 95, max_pixels: int = MAX_PIXELS, crop: bool = False
) -> Letterboxed:
    """Decodes a painting, puts it upright in sRGB on a black square, and measures it.

    Args:
        data: the file: JPEG, PNG, WebP, TIFF, GIF, HEIF, AVIF or BMP; the first frame counts.
        size: side of the square in pixels.
        quality: JPEG quality, 1 to 100.
        max_pixels: width times height above which the file is not decoded.
        crop: fill the square with the middle of the painting instead, as S4 does; there are no bars then.

    Raises:
        BadImage: with a reason out of REASONS.
    """
    pixels, width, height = content_pixels(data, size, max_pixels, crop)
    content = Image.fromarray(pixels)
    left, top = (size - content.width) // 2, (size - content.height) // 2
    frame = Image.new("RGB", (size, size))
    frame.paste(content, (left, top))
    box = left, top, left + content.width, top + content.height
    grey = in_grey(content)
    return Letterboxed(_encode(frame, quality), box, phash(grey), thumbnail(grey), width, height)


def _encode(frame: Image.Image, quality: int) -> bytes:
    """The same bytes as `artsim_dataset.images.encode`, without its way through an array (1 ms of 29)."""
    buffer = io.BytesIO()
    frame.save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    return buffer.getvalue()


def content_pixels(
    data: bytes, size: int, max_pixels: int = MAX_PIXELS, crop: bool = False
) -> tuple[np.ndarray, int, int]:
    """The painting (or the square in its middle) scaled to fit, without bars, and its original upright size.

    The array is uint8, shape (height, width, 3), RGB. Raises BadImage.
    """
    image = _open(data, max_pixels)
    turn = _orientation(image)
    width, height = (image.height, image.width) if turn >= 5 else (image.width, image.height)
    if crop:
        side = min(width, height)
        image = image.crop((image.width - side) // 2, (image.height - side) // 2, side, side)
    fitted = fit(side, side, size) if crop else fit(width, height, size)
    try:
        pixels = _scale_down(image, *(fitted[::-1] if turn >= 5 else fitted))
    except pyvips.Error as error:
        raise BadImage("truncated", f"its pixels cannot all be decoded: {_DAMAGED} ({_first_line(error)})") from None
    pixels = _upright(pixels, turn)
    if pixels.shape[:2] != fitted[::-1]:
        pixels = np.asarray(Image.fromarray(pixels).resize(fitted, Image.Resampling.LANCZOS))
    return pixels, width, height


def fit(width: int, height: int, size: int) -> tuple[int, int]:
    """Width and height of the content in the square, both cut to whole pixels as S1 does. Raises BadImage('too_small').

    >>> fit(1000, 700, 768), fit(100, 50, 768)
    ((768, 537), (768, 384))
    """
    ratio = min(size / width, size / height)
    fitted = int(width * ratio), int(height * ratio)
    if min(width, height) < MIN_SIDE:
        raise BadImage("too_small", f"it has {width} x {height} pixels; a painting needs {MIN_SIDE} on each side")
    if min(fitted) < MIN_CONTENT_SIDE:
        raise BadImage(
            "too_small",
            f"its {width} x {height} pixels would be {fitted[0]} x {fitted[1]} in a square of {size}; "
            f"{MIN_CONTENT_SIDE} on each side are needed, so crop it to a less extreme shape",
        )
    return fitted


# --- decoding --------------------------------------------------------------------------------------------------


def _open(data: bytes, max_pixels: int) -> Any:
    """The image, header read, pixels not yet decoded; its size is within the limit."""
    if not data:
        raise BadImage("empty", "the file is empty (0 bytes)")
    if data[:2] == b"BM":
        return _open_bmp(data, max_pixels)
    try:
        image = pyvips.Image.new_from_buffer(data, "", access="sequential", fail_on="error")
    except pyvips.Error as error:
        raise _unopened(data, error) from None
    if image.get("vips-loader") not in _LOADERS:
        raise BadImage("unreadable", f"it is not a {_KINDS} file but was read by {image.get('vips-loader')}")
    _check_size(image.width, image.height, max_pixels // _DEAR.get(image.get("vips-loader"), 1))
    wide = image.format in ("short", "float") and image.interpretation in _WIDE_SPACES
    if not wide and image.format not in ("uchar", "ushort"):
        raise BadImage(
            "unreadable", f"its {image.format} {image.interpretation} pixels are no picture; save it with 8 or 16 bits"
        )
    if image.interpretation == "multiband":
        raise BadImage("unreadable", f"its {image.bands} channels are neither grey, RGB, CMYK nor LAB")
    return image


def _unopened(data: bytes, error: Exception) -> BadImage:
    start = bytes(data[:512])
    if start.startswith(_SIGNATURES) or start[8:12] == b"WEBP":
        return BadImage("truncated", f"its header cannot be read: {_DAMAGED} ({_first_line(error)})")
    page = start.lstrip().lower().startswith((b"<!doctype", b"<html"))
    hint = "it looks like a web page" if page else _first_line(error)
    return BadImage("unreadable", f"it is not a readable {_KINDS} file ({hint})")


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise BadImage(
            "too_large",
            f"it has {width} x {height} pixels, over the limit of {max_pixels / 1e6:g} megapixels; "
            "scale it down, or raise preprocess.max_megapixels",
        )


def _open_bmp(data: bytes, max_pixels: int) -> Any:
    """libvips has no BMP loader."""
    try:
        with Image.open(io.BytesIO(data), formats=["BMP"]) as image:
            _check_size(*image.size, max_pixels)
            return pyvips.Image.new_from_array(np.asarray(image.convert("RGB"))).copy(interpretation="srgb")
    except Image.DecompressionBombError:
        raise BadImage("too_large", "its header claims more pixels than any painting has") from None
    except (UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise BadImage("unreadable", f"it is not a readable {_KINDS} file ({error})") from None
    except OSError as error:
        raise BadImage("truncated", f"its pixels cannot all be decoded: {error}") from None


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


# --- pixels ----------------------------------------------------------------------------------------------------


def _scale_down(image: Any, width: int, height: int) -> np.ndarray:
    """sRGB pixels, scaled to width x height if that is smaller; otherwise as they are."""
    if image.hasalpha():
        # Colour under full transparency is arbitrary and would bleed into its neighbours when scaled: flatten first.
        image = _to_srgb(image).flatten(background=255)
    if width < image.width:
        image = image.resize(width / image.width, vscale=height / image.height, kernel="lanczos3")
    return np.asarray(_to_srgb(image).numpy())


def _to_srgb(image: Any) -> Any:
    """8-bit sRGB. An embedded profile is honoured; CMYK without one is taken for standard offset print."""
    if image.get_typeof("icc-profile-data"):
        # A broken profile, or one for another number of channels, is ignored, as most viewers do.
        with suppress(pyvips.Error):
            image = image.icc_transform("srgb", embedded=True)
        image = image.copy()
        image.remove("icc-profile-data")
    if image.interpretation != "srgb" or image.format != "uchar":
        image = image.colourspace("srgb")
    return image


def _orientation(image: Any) -> int:
    """EXIF orientation, 1 to 8; 1 where there is none or nonsense."""
    turn = image.get("orientation") if image.get_typeof("orientation") else 1
    return turn if 1 <= turn <= 8 else 1


def _upright(pixels: np.ndarray, turn: int) -> np.ndarray:
    """Undoes an EXIF orientation. Done on the small picture: scaling and turning commute, and a stream cannot turn."""
    if turn >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if turn in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if turn in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
