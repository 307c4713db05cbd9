"""Read `triplets` with a plain PyTorch DataLoader: from the cache, or streaming from the Hub while it trains.

    python examples/pytorch_dataloader.py user/artsim
    python examples/pytorch_dataloader.py user/artsim --streaming --workers 2

Without --streaming the split is fetched once and rows are drawn in any order: a full shuffle. The DataLoader asks for
a whole batch of rows at once, which `datasets` answers a tenth faster than row by row. With --streaming nothing is
kept on disk; the order of the files is shuffled and rows are drawn from a buffer, and each worker reads files of its
own, so more workers than files help nothing.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from datasets import Dataset, IterableDataset, load_dataset
from PIL import Image
from torch.utils.data import DataLoader

IMAGES = ("anchor", "positive", "negative")
SIDE = 224


def pixels(image: Image.Image) -> torch.Tensor:
    """(3, 224, 224) bytes: floats would be four times as much to hand over, so they are made on the GPU.

    Images of a data set have many shapes and no bars: squashing keeps all of each.
    """
    array = np.array(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    return torch.from_numpy(array).permute(2, 0, 1)


def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Runs in the workers, as the decoding before it does."""
    batch: dict[str, Any] = {name: torch.stack([pixels(row[name]) for row in rows]) for name in IMAGES}
    return batch | {"anchor_id": [row["anchor_id"] for row in rows], "level": [row["level"] for row in rows]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="Hub id, or a folder that 'artsim build' made")
    parser.add_argument("--streaming", action="store_true")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--workers", type=int, default=0)
    options = parser.parse_args()

    rows: Dataset | IterableDataset
    rows = load_dataset(options.dataset, "triplets", split="train", streaming=options.streaming)
    rows = rows.select_columns([*IMAGES, "anchor_id", "level"])
    if isinstance(rows, IterableDataset):
        rows = rows.shuffle(seed=0, buffer_size=1000)
        loader = DataLoader(rows, options.batch, collate_fn=collate, num_workers=options.workers)
    else:
        draw = torch.Generator().manual_seed(0)
        loader = DataLoader(
            rows, options.batch, shuffle=True, generator=draw, collate_fn=collate, num_workers=options.workers
        )
    for epoch in range(options.epochs):
        if isinstance(rows, IterableDataset):
            rows.set_epoch(epoch)  # another order in each epoch
        started, seen, first = time.perf_counter(), 0, ""
        for batch in loader:
            seen += len(batch["level"])  # here: model(batch["anchor"].to("cuda").float() / 255, ...)
            first = first or batch["anchor_id"][0]
        rate = 3 * seen / (time.perf_counter() - started)
        shape = tuple(batch["anchor"].shape)
        print(f"epoch {epoch}: {seen} triplets, {rate:.0f} images/s, last batch {shape}, first anchor {first}")


if __name__ == "__main__":
    main()
