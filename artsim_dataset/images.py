"""Opens one picture that a person named: upright, RGB, without transparency, or a sentence that says what is wrong."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image, ImageOps

from artsim_dataset.errors import ConfigError

MAX_PIXELS = 250_000_000


def open_image(path: str | Path) -> Image.Image:
    """The picture as it is meant to be seen: EXIF orientation applied, transparency laid on white, RGB.

    Raises:
        ConfigError: no such file, no image, truncated, or more than 250 megapixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is checked below
            with Image.open(path) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise ConfigError(f"{path} has {opened.width} x {opened.height} pixels; scale it down first")
                picture = ImageOps.exif_transpose(opened)
                if "A" in picture.getbands() or "transparency" in picture.info:
                    layer = picture.convert("RGBA")
                    picture = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
                return picture.convert("RGB")
    except FileNotFoundError as error:
        raise ConfigError(f"there is no image {path}") from error
    except (OSError, SyntaxError, ValueError, ZeroDivisionError, Image.DecompressionBombError) as error:
        raise ConfigError(f"{path} cannot be read as an image: {error}") from error
