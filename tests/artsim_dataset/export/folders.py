"""Small data set folders with the files that an export reads, written by the build's own writers."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from artsim_dataset.features import FEATURES
from artsim_dataset.schema import painting_id_of
from builder.tables import SplitWriter, write_csv
from builder.write import image_names

SIDE = 96
BOX = (12, 0, 84, 96)
"""A painting of 72 x 96 pixels between two bars."""

VARIANTS = {
    "train": ["Cubism/juan-gris_guitar-0", "Cubism/juan-gris_guitar-1", "Pop_Art/ann-onym_soup-0"],
    "test": ["Ukiyo_e/hokusai_wave-0"],
}


def picture(seed: int, box: tuple[int, int, int, int] = BOX) -> bytes:
    """Soft noise between black bars, as the build stores it."""
    left, top, right, bottom = box
    noise = np.random.default_rng(seed).integers(60, 256, (12, 12, 3), dtype=np.uint8)
    content = Image.fromarray(noise).resize((right - left, bottom - top), Image.Resampling.BICUBIC)
    canvas = Image.new("RGB", (SIDE, SIDE))
    canvas.paste(content, (left, top))
    buffer = io.BytesIO()
    canvas.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def row(variant: str, number: int) -> dict[str, Any]:
    painting = painting_id_of(variant)
    original, generated = (name.rpartition("/")[2] for name in image_names(painting, variant))
    values: dict[str, Any] = dict.fromkeys(FEATURES["pairs"])
    values |= {"id": variant, "genre": painting.partition("/")[0]}
    values |= dict(zip(("content_left", "content_top", "content_right", "content_bottom"), BOX, strict=True))
    values["original"] = {"bytes": picture(sum(painting.encode())), "path": original}
    values["generated"] = {"bytes": picture(1000 + number), "path": generated}
    return values


def make(folder: Path, variants: dict[str, list[str]], digest: str = "0123") -> Path:
    """A data set folder with `pairs`, its two tables, and what names it in build.json."""
    names = []
    for split, ids in variants.items():
        with SplitWriter(folder / "pairs", split, FEATURES["pairs"]) as writer:
            for number, variant in enumerate(ids):
                writer.write(row(variant, number))
                names.append(image_names(painting_id_of(variant), variant))
    write_csv(folder / "data.csv", ("generated_image", "prompt"), [(name[1], "p") for name in names])
    header = ("original_image", "prompt_complete", "prompt_compressed", "generated_image")
    write_csv(folder / "metadata.csv", header, [(name[0], "p", "p", name[1]) for name in names])
    (folder / "build.json").write_text(json.dumps({"digest": digest}))
    return folder
