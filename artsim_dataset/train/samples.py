"""What a siamese run trains on: where each view of each image lies in the cache, and what each painting is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import PairRows, Progress, Wanted, embed
from artsim_dataset.errors import ConfigError
from artsim_dataset.losses import shared
from artsim_dataset.train.config import TrainConfig
from artsim_dataset.train.holdout import components, holdout
from artsim_dataset.views import FULL, View, augmentation

MIN_PAINTINGS = 4


@dataclass(frozen=True)
class Samples:
    """Cache positions of every view, and labels, of the train split.

    ``original`` (paintings, views); ``variant`` (rows, views); ``rows_of``: rows of each painting; ``labels``:
    painting, artist, group of each painting as integers, -1 unknown; ``genre`` as integers.
    """

    original: np.ndarray
    variant: np.ndarray
    rows_of: list[np.ndarray]
    labels: list[Tensor]
    genre: Tensor
    held_out: np.ndarray
    cache: EmbeddingCache

    def load(self, positions: np.ndarray) -> Tensor:
        return torch.from_numpy(self.cache.take(positions.ravel())).reshape(*positions.shape, -1)

    def same(self, paintings: np.ndarray) -> Tensor:
        """True where two of these paintings must not be each other's negatives, (n, n)."""
        return shared(*((labels[paintings], labels[paintings]) for labels in self.labels))


def embed_samples(
    rows: PairRows, encoder: Encoder, config: TrainConfig, cache: EmbeddingCache, progress: Progress | None
) -> Samples:
    count = len(rows.painting_ids)
    if count < MIN_PAINTINGS:
        raise ConfigError(f"training needs at least {MIN_PAINTINGS} paintings in the train split, got {count}")

    def views(image_id: str) -> list[View]:
        return [FULL, *(augmentation(image_id, index, config.seed) for index in range(config.views))]

    originals = [Wanted(int(row), "original", v) for row, id_ in zip(rows.first_row, rows.painting_ids, strict=True)
                 for v in views(id_)]  # fmt: skip
    variants = [Wanted(row, "generated", v) for row, id_ in enumerate(rows.ids) for v in views(id_)]
    positions = embed(rows, originals + variants, encoder, cache, progress).reshape(-1, 1 + config.views)
    artists, groups = rows.artists[rows.first_row], rows.groups[rows.first_row]
    part = components(artists.tolist(), groups.tolist())
    return Samples(
        positions[:count],
        positions[count:],
        [np.flatnonzero(rows.painting == p) for p in range(count)],
        [torch.arange(count), _codes(artists), _codes(groups)],
        _codes(rows.genres[rows.first_row]),
        holdout(rows.painting_ids.tolist(), part, config.validation_share, config.seed),
        cache,
    )


def _codes(labels: np.ndarray) -> Tensor:
    """Integers for names, -1 for the empty one."""
    names, codes = np.unique(labels.astype(str), return_inverse=True)
    return torch.from_numpy(np.where(names[codes] == "", -1, codes))
