"""What a siamese run trains on: where each view of each image lies in the cache, and what each painting is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor

from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import PairRows, Progress, Wanted, embed
from artsim_dataset.encoders.text import text_encoder
from artsim_dataset.errors import ConfigError
from artsim_dataset.losses import shared
from artsim_dataset.train.captions import embed_texts
from artsim_dataset.train.config import TrainConfig
from artsim_dataset.train.holdout import TEST, TRAIN, VALIDATION, divide
from artsim_dataset.views import FULL, View, augmentation

MIN_PAINTINGS = 4


@dataclass(frozen=True)
class Labels:
    """What decides who may be whose negative, one entry a painting: integers, -1 unknown (shared with nobody).

    ``barred`` are the columns that two images must not share to be negatives (painting, artist, group, and the genre
    when it is masked); ``genre`` is what a triplet's negative differs in.
    """

    barred: tuple[Tensor, ...]
    genre: Tensor

    def same(self, paintings: np.ndarray) -> Tensor:
        """True where two of these paintings must not be each other's negatives, (n, n)."""
        return shared(*((column[paintings], column[paintings]) for column in self.barred))


@dataclass(frozen=True)
class Samples:
    """Cache positions of every view and caption, and what each painting is.

    ``original`` (paintings, views) and ``variant`` (rows, views), ``caption`` (paintings,) and ``generated_caption``
    (rows,), both None without captions; ``rows`` are the rows in the order of their paintings, ``first``
    (paintings + 1,) where each painting's begin in it; ``part`` of each painting is train, validation or test.
    """

    ids: np.ndarray
    part: np.ndarray
    labels: Labels
    original: np.ndarray
    variant: np.ndarray
    rows: np.ndarray
    first: np.ndarray
    caption: np.ndarray | None
    generated_caption: np.ndarray | None
    cache: EmbeddingCache

    def load(self, positions: np.ndarray) -> Tensor:
        """Embeddings at positions of any shape: (*shape, inputs)."""
        return torch.from_numpy(self.cache.take(positions.ravel())).reshape(*positions.shape, -1)

    def of(self, part: str) -> np.ndarray:
        """The paintings of a part, ascending."""
        return np.flatnonzero(self.part == part)

    def rows_of(self, painting: int) -> np.ndarray:
        return self.rows[self.first[painting] : self.first[painting + 1]]

    def row(self, paintings: np.ndarray, which: np.ndarray) -> np.ndarray:
        """The ``which``-th row (modulo how many it has) of each painting, (n,)."""
        count = self.first[paintings + 1] - self.first[paintings]
        return self.rows[self.first[paintings] + which % count]

    def digest(self) -> str:
        """Names what is trained on: ids, parts, labels, and the content of every image and caption."""
        hashed = hashlib.sha256("\x1f".join([*self.ids, *self.part]).encode())
        for column in (*self.labels.barred, self.labels.genre):
            hashed.update(column.numpy().tobytes())
        hashed.update(self.rows.tobytes() + self.first.tobytes())
        for positions in (self.original, self.variant, self.caption, self.generated_caption):
            if positions is not None:
                hashed.update(self.cache.keys(positions[positions >= 0]))
        return hashed.hexdigest()


def embed_samples(
    dataset: Dataset, encoder: Encoder, config: TrainConfig, cache: EmbeddingCache, progress: Progress | None
) -> Samples:
    """Embeds all views (and captions) that the cache has not, and divides the paintings.

    Raises ConfigError for too few paintings, and for captions that are missing or that the encoder cannot take.
    """
    rows = PairRows(dataset)
    count = len(rows.painting_ids)
    if count < MIN_PAINTINGS:
        raise ConfigError(f"training needs at least {MIN_PAINTINGS} paintings in the train split, got {count}")
    genres, artists, groups = (c[rows.first_row] for c in (rows.genres, rows.artists, rows.groups))
    part = divide(config.split, rows.painting_ids.tolist(), groups.tolist(), genres.tolist(), artists.tolist(),
                  config.validation_share, config.seed)  # fmt: skip
    if not {TRAIN, VALIDATION} <= set(part):
        raise ConfigError(f"the split '{config.split}' leaves nothing to train on or to validate on: use another split")
    texts = _captions(dataset, rows, part, encoder) if config.captions else None
    original, variant = _embed_views(rows, part, encoder, config, cache, progress)
    codes = [_codes(labels) for labels in (artists, groups, genres)]
    barred = (torch.arange(count), *(codes if config.mask_genre else codes[:2]))
    captions = [_embed_captions(column, encoder, cache, progress) for column in texts] if texts else [None, None]
    return Samples(
        rows.painting_ids, part, Labels(barred, codes[2]), original, variant,
        np.argsort(rows.painting, kind="stable"), np.concatenate([[0], np.cumsum(np.bincount(rows.painting))]),
        captions[0], captions[1], cache,
    )  # fmt: skip


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

    def wanted(row: int, column: str, image_id: str) -> list[Wanted]:
        augmented = [augmentation(image_id, index, config.seed) for index in range(config.views)]
        seen: list[View] = [FULL, *augmented]
        return [Wanted(row, column, view) for view in seen]

    paintings = np.flatnonzero(part != TEST)
    variants = np.flatnonzero(part[rows.painting] != TEST)
    asked = [want for p in paintings for want in wanted(int(rows.first_row[p]), "original", rows.painting_ids[p])]
    asked += [want for row in variants for want in wanted(int(row), "generated", rows.ids[row])]
    found = embed(rows, asked, encoder, cache, progress).reshape(-1, views)
    original = np.full((len(rows.painting_ids), views), -1, np.int64)
    variant = np.full((len(rows), views), -1, np.int64)
    original[paintings], variant[variants] = found[: len(paintings)], found[len(paintings) :]
    return original, variant


def _captions(
    dataset: Dataset, rows: PairRows, part: np.ndarray, encoder: Encoder
) -> tuple[dict[int, str], dict[int, str]]:
    """The caption of each painting and of each variant that is not kept for the test, by painting and by row.

    ConfigError when one is missing, or the encoder cannot read them.
    """
    text_encoder(encoder)
    kept = np.flatnonzero(part[rows.painting] != TEST).tolist()
    columns: list[dict[int, str]] = []
    for name in ("caption", "generated_caption"):
        column: list[str | None] = list(dataset[name])
        texts = {row: (column[row] or "").strip() for row in kept}
        empty = [row for row, text in texts.items() if not text]
        if empty:
            raise ConfigError(
                f"training with captions needs one in every row, and {len(empty)} of {len(texts)} have no {name}, "
                f"'{rows.ids[empty[0]]}' first: build with a preset that captions, or train without captions"
            )
        columns.append(texts)
    return {int(rows.painting[row]): columns[0][row] for row in reversed(kept)}, columns[1]


def _embed_captions(
    texts: dict[int, str], encoder: Encoder, cache: EmbeddingCache, progress: Progress | None
) -> np.ndarray:
    """Positions by painting or by row, -1 where there is none."""
    positions = np.full(1 + max(texts), -1, np.int64)
    positions[list(texts)] = embed_texts(list(texts.values()), encoder, cache, progress)
    return positions


def _codes(labels: np.ndarray) -> Tensor:
    """Integers for names, -1 for the empty one."""
    names, codes = np.unique(labels.astype(str), return_inverse=True)
    return torch.from_numpy(np.where(names[codes] == "", -1, codes))
