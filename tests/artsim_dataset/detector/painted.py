"""Tools for the tests of detectors: folders that are data sets of `real_vs_ai`, with variants that can be told."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import yaml
from datasets import Dataset
from PIL import Image

from artsim_dataset.features import FEATURES
from artsim_dataset.schema import METADATA_COLUMNS, seed_from

SIDE = 96


class RoughEncoder:
    """Mean colour, and how strongly neighbours differ at two distances, as 9 numbers. Counts its work."""

    name, revision, dim = "rough", "1", 9

    def __init__(self) -> None:
        self.encoded = 0

    def encode(self, images: Sequence[Image.Image]) -> np.ndarray:
        self.encoded += len(images)
        return np.stack([self._one(image) for image in images]).astype(np.float32)

    def _one(self, image: Image.Image) -> np.ndarray:
        pixels = np.asarray(image, np.float32)
        steps = [np.sqrt(np.square(pixels[apart:] - pixels[:-apart]).mean((0, 1))) / 4 for apart in (1, 4)]
        return np.concatenate([pixels.mean((0, 1)) / 128, *steps])


def painting(name: str) -> Image.Image:
    """Large soft patches of its own."""
    draw = np.random.default_rng(seed_from(name))
    patches = Image.fromarray(draw.integers(0, 256, (5, 5, 3)).astype(np.uint8))
    return patches.resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def variant(image: Image.Image, generator: str, name: str) -> Image.Image:
    """`noise` adds grain, `steps` posterises; any other generator leaves the painting as it is."""
    pixels = np.asarray(image, np.float32)
    if generator == "noise":
        pixels = pixels + np.random.default_rng(seed_from(name)).normal(0, 25, pixels.shape)
    if generator == "steps":
        pixels = np.round(pixels / 96) * 96
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    return data.getvalue()


def write_dataset(
    folder: Path,
    generators: Sequence[str],
    paintings: int = 24,
    tested: int = 8,
    quality: Mapping[str, int] | None = None,
    groups: Mapping[int, str] | None = None,
    start: int = 0,
) -> Path:
    """A data set as `load_artsim` reads it: `real_vs_ai` and `metadata`, with a variant by each generator.

    Args:
        paintings, tested: how many, and how many of them (the last ones) are on the test side.
        quality: of the JPEGs of a generator ('' for originals); 90 by default.
        groups: of paintings by number, where not their own.
        start: number of the first painting: data sets of the same numbers have the same paintings.
    """
    quality, groups = quality or {}, groups or {}
    rows: dict[tuple[str, str], list[dict[str, object]]] = {}
    for number in range(start, start + paintings):
        split = "test" if number >= start + paintings - tested else "train"
        id_ = f"Cubism/artist-{number // 2}_work-{number}"
        original = painting(id_)
        pictures = [("", id_, original)]
        for index, generator in enumerate(generators):
            pictures.append((generator, f"{id_}-{index}", variant(original, generator, f"{id_}-{index}")))
        for generator, picture_id, image in pictures:
            stored = {"bytes": jpeg(image, quality.get(generator, 90)), "path": None}
            cells = {"image": stored, "label": int(generator != ""), "generator": generator, "id": picture_id}
            rows.setdefault(("real_vs_ai", split), []).append(cells)
            if generator:
                facts = {"id": picture_id, "artist": f"artist-{number // 2}", "group": groups.get(number, id_)}
                blank = {c: 0 if c.startswith(("content", "prompt_tokens", "seed")) else "" for c in METADATA_COLUMNS}
                rows.setdefault(("metadata", split), []).append({**blank, **facts})
    for (config, split), cells_ in rows.items():
        (folder / config).mkdir(parents=True, exist_ok=True)
        Dataset.from_list(cells_, features=FEATURES[config]).to_parquet(folder / config / f"{split}.parquet")
    configs = [
        {"config_name": config, "description": str(folder),
         "data_files": [{"split": split, "path": f"{config}/{split}*"} for known, split in rows if known == config]}
        for config in ("real_vs_ai", "metadata")
    ]  # fmt: skip
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': configs})}---\n", encoding="utf-8")
    (folder / "build.json").write_text("{}", encoding="utf-8")
    return folder
