"""Trains with a checkpoint after every epoch and says each on stdout: a process for tests to kill.

python -m tests.artsim_dataset.train.killed FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.train.config import TrainConfig, TrainResult
from artsim_dataset.train.siamese import train_siamese
from tests.artsim_dataset.train.two_sided import TwoSidedEncoder, captioned

CONFIG = TrainConfig(
    head="transformer", dim=16, views=1, epochs=8, batch_size=8, learning_rate=1e-3, captions=True, patience=8
)


def run(folder: Path) -> TrainResult:
    encoder = TwoSidedEncoder()
    cache = EmbeddingCache(encoder, folder / "cache")
    return train_siamese(captioned(24, variants=2), encoder, CONFIG, folder / "model", said, cache)


def said(what: str, done: int, total: int) -> None:
    print(what, done, flush=True)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
