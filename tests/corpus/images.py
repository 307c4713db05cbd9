"""Broken and odd image files, by kind: each a maker of bytes and what must become of it.

`GOOD` means a row of the data set; anything else is the reason in rejected.csv.
"""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyvips
from PIL import Image

from tests.builder import odd_images
from tests.builder.odd_images import painting, save, with_orientation

GOOD = "good"


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name, the ending it is given, its bytes, and the outcome: GOOD or a reason. A painting of one
    colour is taken, and its variant, of one colour too, is refused."""

    name: str
    suffix: str
    make: Callable[[], bytes]
    outcome: str


def kinds() -> list[Kind]:
    """All kinds of image files, those of the letterbox's own tests included."""
    known = [Kind(name, _suffix(name), partial(bytes, data), GOOD) for name, (data, *_) in odd_images.GOOD.items()]
    bad = [Kind(name, _suffix(name), partial(bytes, data), why) for name, (data, why) in odd_images.BAD.items()]
    return [*known, *bad, *_turned(), *_more()]


def _suffix(name: str) -> str:
    """Mostly the right ending; often enough the wrong one, since the ending must not matter."""
    kind = name.split()[0]
    return f".{kind}" if kind in ("jpeg", "png", "gif", "webp", "tiff", "bmp") else ".jpg"


def _turned() -> Iterator[Kind]:
    for turn in range(1, 9):
        yield Kind(f"orientation {turn}", ".jpg", partial(with_orientation, painting(90, 60, turn), turn), GOOD)


def _more() -> list[Kind]:
    return [
        Kind("jpeg arithmetic coding", ".jpg", lambda: ARITHMETIC, GOOD),
        Kind("jpeg with bad rationals in its exif", ".jpg", bad_rationals, GOOD),
        Kind("jpeg with exif that ends early", ".jpg", broken_exif, GOOD),
        Kind("jpeg of ten thousand markers", ".jpg", many_markers, GOOD),
        Kind("png with a bomb in its text", ".png", text_bomb, GOOD),
        Kind("png with a bomb for a profile", ".png", profile_bomb, GOOD),
        Kind("png whose checksum is wrong", ".png", wrong_checksum, "truncated"),
        Kind("png interlaced, 49 megapixels", ".png", interlaced, "constant"),
        Kind("gif of 300 frames", ".gif", many_frames, "constant"),
        Kind("tiff whose directories go round", ".tif", tiff_loop, GOOD),
        Kind("tiff bomb", ".tif", tiff_bomb, "too_large"),
        Kind("avif bomb", ".jpg", avif_bomb, "too_large"),
        Kind("gif bomb", ".gif", gif_bomb, "too_large"),
        Kind("webp with nothing in it", ".webp", lambda: b"RIFF\x0c\0\0\0WEBPVP8 \0\0\0\0", "truncated"),
        Kind("zip called jpg", ".jpg", lambda: b"PK\x03\x04" + bytes(400), "unreadable"),
        Kind("script called png", ".png", lambda: b"#!/bin/sh\ntouch /tmp/owned\n", "unreadable"),
        Kind("postscript called jpg", ".jpg", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(w) file\n", "unreadable"),
        Kind(
            "imagemagick's mvg", ".jpg", lambda: b"push graphic-context\nimage over 0,0 0,0 '/etc/passwd'", "unreadable"
        ),
        Kind("svg that reads a file", ".png", svg_reader, "unreadable"),
        Kind("black", ".png", lambda: save(Image.new("RGB", (64, 64)), "PNG"), "constant"),
        Kind("one colour, 16 bits of alpha, all clear", ".png", all_clear, "constant"),
        Kind("near duplicate one", ".jpg", lambda: save(painting(200, 150, 77), "JPEG", quality=95), GOOD),
        Kind("near duplicate two", ".jpg", lambda: save(painting(200, 150, 77), "JPEG", quality=60), GOOD),
        Kind("exact duplicate one", ".jpg", lambda: save(painting(120, 90, 78), "JPEG"), GOOD),
        Kind("exact duplicate two", ".jpg", lambda: save(painting(120, 90, 78), "JPEG"), GOOD),
    ]


# --- makers -----------------------------------------------------------------------------------------------------

# 48 x 40 pixels of odd_images.painting, coded arithmetically (SOF9) by libjpeg-turbo 2.1: Pillow cannot write that.
ARITHMETIC = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqm"
    "x5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKT/yQARCAAoADAD"
    "ASIAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD80ezUcJfVBdvIdmOL3MxnG5HrjNerAZ4Ab2eaIdrO84SY4OEL5f3lhLrg6rvU9OaF"
    "a9oOM/4BG9lLqyt4DW3YMoqWyR9HqDdhUSts0zHK+RPuppW8eQVFNwh9zQCfO+dVUGsNzu4EV6ZwhUu0P+lHWfNH/CDSjz1uNCadLHi/6MWk3btO"
    "9IW1SfnWfH6qme2/0cDEONI42PwsHjebjh1U9b5iboavVP6dd9T7uXCbOoIQ/X/Kyjfl+qz1elNqtfKMwpGq+dCcUa1QP3Fh+9fR7xTnGwrOL6aK"
    "LiD7q22+sP/Z"
)


def _with_app1(body: bytes) -> bytes:
    jpeg = save(painting(90, 60, 5), "JPEG")
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def bad_rationals() -> bytes:
    """EXIF with a resolution of 1/0 and an exposure of 0/0, as cameras and scanners really write them."""
    entries = struct.pack("<HHII", 0x011A, 5, 1, 50) + struct.pack("<HHII", 0x829A, 5, 1, 58)
    tiff = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 2) + entries + bytes(4)
    return _with_app1(b"Exif\0\0" + tiff.ljust(50, b"\0") + struct.pack("<IIII", 1, 0, 0, 0))


def broken_exif() -> bytes:
    """A directory that promises 60,000 entries and has none."""
    return _with_app1(b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 60_000))


def many_markers() -> bytes:
    jpeg = save(painting(90, 60, 6), "JPEG")
    return jpeg[:2] + b"\xff\xfe\0\x03x" * 10_000 + jpeg[2:]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def text_bomb() -> bytes:
    """A compressed text of 200 MB after the header."""
    png = save(painting(90, 60, 7), "PNG")
    return png[:33] + _chunk(b"zTXt", b"Comment\0\0" + _zeros(200)) + png[33:]


def profile_bomb() -> bytes:
    """A colour profile of 200 MB."""
    png = save(painting(90, 60, 8), "PNG")
    return png[:33] + _chunk(b"iCCP", b"icc\0\0" + _zeros(200)) + png[33:]


def _zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(megabytes)), packer.flush()])


def wrong_checksum() -> bytes:
    png = bytearray(save(painting(200, 150, 3), "PNG"))
    png[len(png) // 2] ^= 0xFF
    return bytes(png)


def interlaced() -> bytes:
    """All of it must be decoded before its first row is known: 147 MB of pixels in 80 KB."""
    image = pyvips.Image.black(7000, 7000, bands=3).copy(interpretation="srgb")
    return bytes(image.write_to_buffer(".png", interlace=True))


def many_frames() -> bytes:
    frames = [Image.new("P", (64, 48), number % 256) for number in range(300)]
    return save(frames[7], "GIF", save_all=True, append_images=frames)


def tiff_loop() -> bytes:
    """The first directory names itself as the next: a reader of all pages would never end."""
    data = bytearray(save(painting(64, 48, 2), "TIFF"))
    first = struct.unpack("<I", data[4:8])[0]
    count = struct.unpack("<H", data[first : first + 2])[0]
    data[first + 2 + 12 * count : first + 6 + 12 * count] = struct.pack("<I", first)
    return bytes(data)


def tiff_bomb() -> bytes:
    """A TIFF of 60,000 x 60,000 in one strip that is not there."""
    tags = [(256, 4, 60_000), (257, 4, 60_000), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1)]
    tags += [(278, 4, 60_000), (279, 4, 0xFFFF_FFF0)]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + body + bytes(4)


def gif_bomb() -> bytes:
    gif = bytearray(save(Image.new("P", (40, 40), 3), "GIF"))
    gif[6:10] = struct.pack("<HH", 65_000, 65_000)
    place = gif.index(b"\x2c", 13 + 3)
    gif[place + 5 : place + 9] = struct.pack("<HH", 65_000, 65_000)
    return bytes(gif)


def avif_bomb() -> bytes:
    """64 megapixels in a few kilobytes: a gigabyte to decode."""
    image = pyvips.Image.black(8000, 8000, bands=3).copy(interpretation="srgb")
    return bytes(image.write_to_buffer(".avif", effort=0))


def svg_reader() -> bytes:
    return (
        b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        b'<svg xmlns="http://www.w3.org/2000/svg" width="90" height="90"><text>&x;</text></svg>'
    )


def all_clear() -> bytes:
    pixels = np.zeros((60, 80, 4), np.uint16)
    image = pyvips.Image.new_from_array(pixels).copy(interpretation="rgb16")
    buffer = io.BytesIO(image.write_to_buffer(".png"))
    return buffer.getvalue()
