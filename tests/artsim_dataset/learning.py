"""Tools for the tests of the learning side: a small painted data set, and an encoder that needs no weights."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from datasets import Dataset
from PIL import Image, ImageOps

from artsim_dataset.features import FEATURES
from artsim_dataset.schema import PAIR_COLUMNS, seed_from

GENRES = ("Baroque", "Cubism", "Rococo")
BOX = (0, 8, 64, 56)


class PixelEncoder:
    """Averages over a 4 x 4 grid, the same of the mirror image, and the mean colour: 51 numbers. Counts its work."""

    name, revision, dim = "pixels", "1", 51

    def __init__(self) -> None:
        self.encoded = 0

    def encode(self, images: Sequence[Image.Image]) -> np.ndarray:
        self.encoded += len(images)
        return np.stack([self._one(image) for image in images]).astype(np.float32)

    def _one(self, image: Image.Image) -> np.ndarray:
        grid = np.asarray(image.resize((4, 4), Image.Resampling.BOX), np.float32) / 255
        return np.concatenate([(grid + grid[:, ::-1]).ravel(), grid.mean((0, 1))])


def png(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def painting(name: str) -> Image.Image:
    """48 x 64 content with large patches of its own, between black bars: 64 x 64."""
    draw = np.random.default_rng(seed_from(name))
    patches = Image.fromarray(draw.integers(0, 256, (4, 4, 3), np.uint8).astype(np.uint8))
    canvas = Image.new("RGB", (64, 64))
    canvas.paste(patches.resize((64, 48), Image.Resampling.BICUBIC), BOX[:2])
    return canvas


def variant(image: Image.Image, name: str) -> Image.Image:
    """The painting in other colours: channels rolled or inverted, with noise."""
    draw = np.random.default_rng(seed_from(name))
    content = ImageOps.posterize(image.crop(BOX), 5)
    pixels = np.asarray(content, np.float32) * draw.uniform(0.6, 1.0, 3) + draw.normal(0, 6, (48, 64, 3))
    canvas = Image.new("RGB", image.size)
    canvas.paste(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), BOX[:2])
    return canvas


def pairs_dataset(paintings: int, variants: int = 1, artists: int | None = None) -> Dataset:
    """A `pairs` split of so many paintings, in rotating genres, by so many artists (each his own by default)."""
    rows = []
    for p in range(paintings):
        artist = f"artist-{p % (artists or paintings)}"
        painting_id = f"{GENRES[p % len(GENRES)]}/{artist}_work-{p}"
        original = painting(painting_id)
        for k in range(variants):
            row: dict[str, object] = dict.fromkeys(PAIR_COLUMNS, "")
            row |= {"id": f"{painting_id}-{k}", "genre": GENRES[p % len(GENRES)], "artist": artist,
                    "title": f"work-{p}",
                    "level": "moderate" if (p + k) % 5 == 0 else "radical", "group": painting_id,
                    "prompt_tokens": 0, "seed": 1,
                    **dict(zip(("content_left", "content_top", "content_right", "content_bottom"), BOX, strict=True)),
                    "original": {"bytes": png(original), "path": None},
                    "generated": {"bytes": png(variant(original, f"{painting_id}-{k}")), "path": None}}  # fmt: skip
            rows.append(row)
    return Dataset.from_list(rows, features=FEATURES["pairs"])
