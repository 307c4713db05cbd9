"""Files as they come from the world: kinds of odd but good images, and kinds of broken ones, made in memory.

GOOD maps a name to (bytes, what Pillow makes of it as upright RGB, how far the mean pixel may differ).
BAD maps a name to (bytes, the reason it must be rejected for).
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pyvips
from PIL import Image, ImageCms, ImageOps


def painting(width: int = 300, height: int = 200, seed: int = 0) -> Image.Image:
    """A smooth coloured picture without symmetry, so that a wrong turn or a swapped channel shows."""
    rng = np.random.default_rng(seed)
    small = rng.integers(20, 236, (5, 7, 3), dtype=np.uint8)
    small[0, 0], small[-1, -1], small[0, -1] = (250, 20, 20), (20, 250, 20), (20, 20, 250)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def save(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims a size: signature, IHDR, a little IDAT, IEND."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def with_orientation(image: Image.Image, turn: int, kind: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = turn
    return save(image, kind, exif=exif.tobytes())


def swapped_profile() -> bytes:
    """An RGB profile whose red and green primaries are exchanged: a viewer that ignores it shows wrong colours."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swap = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}
    count = struct.unpack(">I", profile[128:132])[0]
    tags = [profile[132 + 12 * i : 144 + 12 * i] for i in range(count)]
    return profile[:132] + b"".join(swap.get(tag[:4], tag[:4]) + tag[4:] for tag in tags) + profile[132 + 12 * count :]


def _seen_through(image: Image.Image, profile: bytes) -> Image.Image:
    source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    seen = ImageCms.profileToProfile(image, source, target, renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC)
    assert seen is not None
    return seen


def _vips(image: Image.Image, space: str, suffix: str, **options: Any) -> bytes:
    start = pyvips.Image.new_from_array(np.asarray(image)).copy(interpretation="srgb")
    return bytes(start.colourspace(space).write_to_buffer(suffix, **options))


def _half_transparent() -> Image.Image:
    """The left half fully transparent, over a loud colour that must not show."""
    pixels = np.dstack([np.asarray(painting()), np.full((200, 300), 255, np.uint8)])
    pixels[:, :150] = (255, 0, 255, 0)
    return Image.fromarray(pixels)


def _on_white(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def _good() -> dict[str, tuple[bytes, Image.Image, float]]:
    plain, grey = painting(), painting().convert("L")
    clear, later = _half_transparent(), painting(seed=9)
    palette = plain.quantize(64)
    palette_clear = palette.copy()
    palette_clear.info["transparency"] = palette.getpixel((0, 0))
    sixteen = np.asarray(grey, np.uint16) * 257
    profile = swapped_profile()

    def lossy(data: bytes) -> tuple[bytes, Image.Image, float]:
        """Decoded as Pillow decodes it."""
        return data, ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"), 1.0

    return {
        "jpeg": lossy(save(plain, "JPEG")),
        "jpeg 4:4:4": lossy(save(plain, "JPEG", subsampling=0)),
        "jpeg progressive": lossy(save(plain, "JPEG", progressive=True)),
        "jpeg grey": lossy(save(grey, "JPEG")),
        "jpeg with a comment and much metadata": lossy(save(plain, "JPEG", comment=b"x" * 60_000, dpi=(300, 300))),
        "jpeg with bytes after its end": lossy(save(plain, "JPEG") + b"\0" * 500),
        "jpeg with nonsense for an orientation": lossy(with_orientation(plain, 77)),
        "jpeg cmyk": (save(plain.convert("CMYK"), "JPEG", quality=95), plain, 25.0),
        "jpeg with a profile": (
            save(plain, "JPEG", quality=100, subsampling=0, icc_profile=profile),
            _seen_through(plain, profile),
            2.0,
        ),
        "jpeg with a broken profile": lossy(save(plain, "JPEG", icc_profile=b"not a profile" * 20)),
        "jpeg called png": lossy(save(plain, "JPEG")),
        "png": (save(plain, "PNG"), plain, 0.0),
        "png interlaced": (_vips(plain, "srgb", ".png", interlace=True), plain, 0.0),
        "png 16-bit grey": (save(Image.fromarray(sixteen), "PNG"), grey.convert("RGB"), 0.6),
        "png 16-bit rgb": (_vips(plain, "rgb16", ".png"), plain, 0.6),
        "png with alpha": (save(clear, "PNG"), _on_white(clear), 0.6),
        "png grey with alpha": (save(clear.convert("LA"), "PNG"), _on_white(clear.convert("LA")), 0.6),
        "png 16-bit with alpha": (_vips_alpha16(clear), _on_white(clear), 0.6),
        "png palette": (save(palette, "PNG"), palette.convert("RGB"), 0.0),
        "png palette with transparency": (save(palette_clear, "PNG"), _on_white(palette_clear), 0.6),
        "png one bit": (save(plain.convert("1"), "PNG"), plain.convert("1").convert("RGB"), 0.0),
        "png with an orientation": (with_orientation(plain, 6, "PNG"), plain.transpose(Image.Transpose.ROTATE_270), 0),
        "gif palette": (save(palette, "GIF"), palette.convert("RGB"), 0.0),
        "gif animated": (save(palette, "GIF", save_all=True, append_images=[later]), palette.convert("RGB"), 1.0),
        "webp": lossy(save(plain, "WEBP")),
        "webp lossless with alpha": (save(clear, "WEBP", lossless=True, exact=True), _on_white(clear), 0.6),
        "webp animated": (
            save(plain, "WEBP", save_all=True, append_images=[later], lossless=True),
            plain,
            0.0,
        ),
        "tiff": (save(plain, "TIFF"), plain, 0.0),
        "tiff lzw, two pages": (
            save(plain, "TIFF", compression="tiff_lzw", save_all=True, append_images=[later]),
            plain,
            0.0,
        ),
        "tiff cmyk": (save(plain.convert("CMYK"), "TIFF"), plain, 25.0),
        "tiff lab": (_vips(plain, "lab", ".tif"), plain, 1.0),
        "bmp": (save(plain, "BMP"), plain, 0.0),
        "avif": (_vips(plain, "srgb", ".avif", lossless=True), plain, 1.0),
    }


def _vips_alpha16(image: Image.Image) -> bytes:
    start = pyvips.Image.new_from_array(np.asarray(image)).copy(interpretation="srgb")
    return bytes(start.colourspace("rgb16").write_to_buffer(".png"))


def _bad() -> dict[str, tuple[bytes, str]]:
    big = painting(600, 500)

    def cut(data: bytes) -> bytes:
        return data[: len(data) * 6 // 10]

    flat = Image.new("RGB", (10, 10))
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="400" height="400"><rect width="400" height="400"/></svg>'
    floats = pyvips.Image.black(60, 60).cast("float").copy(interpretation="b-w")
    return {
        "zero bytes": (b"", "empty"),
        "html": (b"<!DOCTYPE html><html><body>404 not found</body></html>" * 20, "unreadable"),
        "text": (b"this is not an image\n" * 100, "unreadable"),
        "random bytes": (bytes(np.random.default_rng(1).integers(0, 256, 5000, dtype=np.uint8)), "unreadable"),
        "only zeros": (bytes(5000), "unreadable"),
        "svg": (svg, "unreadable"),
        "pdf": (b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n", "unreadable"),
        "csv of numbers": (b"1,2,3\n4,5,6\n" * 100, "unreadable"),
        "netpbm": (b"P6 64 64 255\n" + bytes(64 * 64 * 3), "unreadable"),
        "jpeg, only its start mark": (b"\xff\xd8\xff\xe0", "truncated"),
        "png, only its signature": (b"\x89PNG\r\n\x1a\n", "truncated"),
        "tiff of floats": (bytes(floats.write_to_buffer(".tif")), "unreadable"),
        "jpeg cut short": (cut(save(big, "JPEG")), "truncated"),
        "jpeg progressive cut short": (cut(save(big, "JPEG", progressive=True)), "truncated"),
        "jpeg without its last bytes": (save(big, "JPEG")[:-200], "truncated"),
        "png cut short": (cut(save(big, "PNG")), "truncated"),
        "webp cut short": (cut(save(big, "WEBP")), "truncated"),
        "gif cut short": (cut(save(big.quantize(64), "GIF")), "truncated"),
        "tiff cut short": (cut(save(big, "TIFF")), "truncated"),
        "bmp cut short": (cut(save(big, "BMP")), "truncated"),
        "png bomb": (png_header(60_000, 60_000), "too_large"),
        "bmp bomb": (_claim(save(flat, "BMP"), 60_000), "too_large"),
        "one pixel": (save(Image.new("RGB", (1, 1)), "PNG"), "too_small"),
        "icon": (save(Image.new("RGB", (31, 64)), "PNG"), "too_small"),
        "thread": (save(Image.new("RGB", (30_000, 10)), "PNG"), "too_small"),
        "ribbon": (save(Image.new("RGB", (12_000, 40)), "PNG"), "too_small"),
    }


def _claim(bmp: bytes, side: int) -> bytes:
    return bmp[:18] + struct.pack("<ii", side, side) + bmp[26:]


GOOD = _good()
BAD = _bad()
