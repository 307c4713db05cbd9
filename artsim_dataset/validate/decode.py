"""Looks at one image: whether it decodes, what its file carries, how it was encoded, and roughly what it shows."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from artsim_dataset.fingerprint import in_grey, phash

LOOK = 8
"""Side of the look in pixels that is kept of each picture: enough to tell whether a small one is of the same."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")
"""What is decoded, to say what it is instead of a JPEG. Not all that Pillow knows: some formats run other programs."""

BAR_MARGIN, BAR_LEVEL = 16, 24
"""A JPEG block with content and bars in it has neither pure: pixels from the edge, and the level allowed in bars."""

MIN_CONTRAST = 4.0
"""Deviation in grey levels of 255 below which the noise of JPEG may decide what the bits of a hash are."""

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Measured:
    """What is seen in one image. ``fault``: why it does not decode; ``oddities``: what a plain JPEG has not; ``phash``:
    of its content, where asked for and where there is enough contrast for JPEG to leave it as it was."""

    fault: str = ""
    oddities: tuple[str, ...] = ()
    size: tuple[int, int] = (0, 0)
    encoding: tuple[Any, ...] = ()
    look: bytes = b""
    bars: int = 0
    flat: str = ""
    phash: str = ""


def measure(data: bytes | None, box: Box | None, hashed: bool = False) -> Measured:
    """Decodes one image; ``box`` is its content, all of it when None. ``hashed``: its perceptual hash too."""
    if not data:
        return Measured(fault="there are no bytes")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            odd = tuple(oddities(image, data))
            encoding = encoding_of(image)
            image.load()
            pixels = image if image.mode == "RGB" else image.convert("RGB")
    except Exception as error:  # what a decoder raises on bytes of strangers is not to be foreseen
        return Measured(fault=f"cannot be decoded: {str(error) or type(error).__name__}")
    inside = box is not None and box[0] < box[2] <= pixels.width and box[1] < box[3] <= pixels.height and min(box) >= 0
    seen = box if inside else None
    look = pixels.resize((LOOK, LOOK), Image.Resampling.BOX, box=seen).tobytes()
    # A flat picture has a flat look; the look of any other spares a second way through all its pixels.
    flat = all(max(look[band::3]) - min(look[band::3]) < 16 for band in range(3))
    fault = _flat(pixels.crop(_inner(seen or (0, 0, *pixels.size)))) if flat else ""
    hash_ = _hash(pixels.crop(seen) if seen else pixels) if hashed else ""
    return Measured("", odd, pixels.size, encoding, look, _bars(pixels, seen), fault, hash_)


def oddities(image: Image.Image, data: bytes) -> Iterator[str]:
    """What a plain RGB JPEG without metadata has not: any of it on one class alone would be a shortcut."""
    if image.format != "JPEG":
        yield f"is a {image.format}, not a JPEG"
        return
    if image.mode != "RGB":
        yield f"has mode {image.mode}, not RGB"
    for marker, _ in getattr(image, "applist", ()):
        if marker != "APP0":
            yield f"carries metadata ({'EXIF or XMP' if marker == 'APP1' else marker})"
            return
    if image.info.get("comment"):
        yield "carries a comment"
    if not data.endswith(b"\xff\xd9"):
        yield "has bytes behind its end"


def encoding_of(image: Image.Image) -> tuple[Any, ...]:
    """What an encoder decides: format, quantisation tables, chroma subsampling, progressive or not."""
    tables = {number: tuple(table) for number, table in getattr(image, "quantization", {}).items()}
    layers = tuple(layer[:3] for layer in getattr(image, "layer", ()))
    return image.format, tuple(sorted(tables.items())), layers, bool(image.info.get("progressive"))


def _bars(pixels: Image.Image, box: Box | None) -> int:
    """The brightest level out of the content, away from its edge."""
    if box is None:
        return 0
    left, top, right, bottom = box
    width, height = pixels.size
    bars = (
        (0, 0, left - BAR_MARGIN, height), (right + BAR_MARGIN, 0, width, height),
        (0, 0, width, top - BAR_MARGIN), (0, bottom + BAR_MARGIN, width, height),
    )  # fmt: skip
    levels = [pixels.crop(bar).getextrema() for bar in bars if bar[0] < bar[2] and bar[1] < bar[3]]
    return max((int(high) for bands in levels for _, high in bands), default=0)  # type: ignore[misc]


def _inner(box: Box) -> Box:
    """The box without its edges, where it is large enough: JPEG blocks that reach into the bars ring."""
    across, down = (BAR_MARGIN if side > 2 * BAR_MARGIN else 0 for side in (box[2] - box[0], box[3] - box[1]))
    return box[0] + across, box[1] + down, box[2] - across, box[3] - down


def _flat(pixels: Image.Image) -> str:
    extrema: Any = pixels.getextrema()
    if all(high < 8 for _, high in extrema):
        return "is all black"
    return "is of one colour" if all(high - low < 4 for low, high in extrema) else ""


def _hash(content: Image.Image) -> str:
    grey = in_grey(content)
    return phash(grey) if np.asarray(grey).std() >= MIN_CONTRAST else ""


def bits_apart(one: str, other: str) -> int:
    """Bits in which two hashes differ.

    >>> bits_apart("00000000000000ff", "000000000000000f")
    4
    """
    return (int(one, 16) ^ int(other, 16)).bit_count()


def difference(one: bytes, other: bytes) -> float:
    """Mean difference of two looks, in grey levels of 255."""
    first, second = (np.frombuffer(look, np.uint8).astype(np.int16) for look in (one, other))
    return float(np.abs(first - second).mean())
