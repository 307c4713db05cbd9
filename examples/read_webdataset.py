"""Train from tars: read an export with webdataset, shuffled, decoded and batched by worker processes.

    artsim export my-dataset --format webdataset --config triplets --out my-tars
    python examples/read_webdataset.py my-tars

Tars are read from first to last, which disks and object stores like best; in exchange the order is only shuffled
twice over: tars among each other, and samples within a buffer. Each worker reads tars of its own, so there should be
no fewer tars than workers.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import torch
import webdataset as wds
from PIL import Image

SIDE = 224


def tensors(sample: tuple[str, Image.Image, Image.Image, Image.Image, dict[str, Any]]) -> dict[str, Any]:
    """A sample as a model wants it. The key of a sample is the variant's id, percent-encoded where a reader of tars
    would trip over it; the JSON has the columns that are no images, among them the id as it is."""
    key, *images, texts = sample
    assert unquote(key) == texts["positive_id"]
    resized = [np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for image in images]
    pixels = [torch.from_numpy(array.copy()).permute(2, 0, 1).float() / 255 for array in resized]
    return {"id": texts["positive_id"], **dict(zip(("anchor", "positive", "negative"), pixels, strict=True))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="what 'artsim export --format webdataset --config triplets' wrote")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    urls = [str(path) for path in sorted(options.folder.glob("train-*.tar"))]
    samples = (
        wds.WebDataset(urls, shardshuffle=len(urls), seed=0)
        .shuffle(1000)
        .decode("pil")
        .to_tuple("__key__", "anchor.jpg", "positive.jpg", "negative.jpg", "json")
        .map(tensors)
    )
    loader = torch.utils.data.DataLoader(samples, batch_size=options.batch, num_workers=options.workers)
    seen: set[str] = set()
    for batch in loader:
        seen.update(batch["id"])
        print(f"{len(batch['id'])} triplets of shape {tuple(batch['anchor'].shape)}")
    print(f"{len(seen)} different triplets in all")


if __name__ == "__main__":
    main()
