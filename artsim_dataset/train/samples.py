"""What a siamese run on cached embeddings trains on: where each view of each image and each caption lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor

from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import Looks, PairRows, Progress, embed_all
from artsim_dataset.encoders.text import text_encoder
from artsim_dataset.train.captions import embed_texts
from artsim_dataset.train.config import TrainConfig
from artsim_dataset.train.holdout import TEST
from artsim_dataset.train.paintings import Paintings, read_captions, read_paintings
from artsim_dataset.views import FULL, View, augmentation

BLOCK = 4096


@dataclass(frozen=True)
class Samples(Paintings):
    """Cache positions of every view and caption, -1 for what is kept for the test.

    ``original`` (paintings, views) and ``variant`` (rows, views), ``caption`` (paintings,) and ``generated_caption``
    (rows,), both None without captions.
    """

    original: np.ndarray
    variant: np.ndarray
    caption: np.ndarray | None
    generated_caption: np.ndarray | None
    cache: EmbeddingCache

    def load(self, positions: np.ndarray) -> Tensor:
        """Embeddings at positions of any shape: (*shape, inputs)."""
        return torch.from_numpy(self.cache.take(positions.ravel())).reshape(*positions.shape, -1)

    def digest(self) -> str:
        """Names what is trained on: the paintings, and the content of every image and caption."""
        hashed = self.hashed()
        for positions in (self.original, self.variant, self.caption, self.generated_caption):
            if positions is not None:
                known = positions[positions >= 0]
                for at in range(0, len(known), BLOCK):
                    hashed.update(self.cache.keys(known[at : at + BLOCK]))
        return hashed.hexdigest()


def embed_samples(
    dataset: Dataset, encoder: Encoder, config: TrainConfig, cache: EmbeddingCache, progress: Progress | None
) -> Samples:
    """Embeds all views (and captions) that the cache has not, and divides the paintings.

    Raises ConfigError for too few paintings, and for captions that are missing or that the encoder cannot take.
    """
    rows = PairRows(dataset)
    paintings = read_paintings(rows, config)
    texts = None
    if config.captions:
        text_encoder(encoder)
        texts = read_captions(dataset, rows, paintings.part)
    original, variant = _embed_views(rows, paintings.part, encoder, config, cache, progress)
    captions = [_embed_captions(column, encoder, cache, progress) for column in texts] if texts else [None, None]
    return Samples(**vars(paintings), original=original, variant=variant, caption=captions[0],
                   generated_caption=captions[1], cache=cache)  # fmt: skip


def _embed_views(
    rows: PairRows,
    part: np.ndarray,
    encoder: Encoder,
    config: TrainConfig,
    cache: EmbeddingCache,
    progress: Progress | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of all views of the paintings and of the variants. What is kept for the test is not looked at: its
    positions are -1."""
    views = 1 + config.views

    def seen(image_id: str) -> list[View]:
        return [FULL, *(augmentation(image_id, index, config.seed) for index in range(config.views))]

    paintings = np.flatnonzero(part != TEST)
    variants = np.flatnonzero(part[rows.painting] != TEST)
    looks = [
        Looks(rows.first_row[paintings], "original", lambda row: seen(rows.painting_ids[rows.painting[row]]), views),
        Looks(variants, "generated", lambda row: seen(rows.ids[row]), views),
    ]
    found = embed_all(rows, looks, encoder, cache, progress)
    original = np.full((len(rows.painting_ids), views), -1, np.int64)
    variant = np.full((len(rows), views), -1, np.int64)
    original[paintings], variant[variants] = found
    return original, variant


def _embed_captions(
    texts: dict[int, str], encoder: Encoder, cache: EmbeddingCache, progress: Progress | None
) -> np.ndarray:
    """Positions by painting or by row, -1 where there is none."""
    positions = np.full(1 + max(texts), -1, np.int64)
    positions[list(texts)] = embed_texts(list(texts.values()), encoder, cache, progress)
    return positions
