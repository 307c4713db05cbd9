"""Training examples: rows under recipes, as the inputs of a network.

Embeddings are computed once and gathered; pixels are prepared again in every epoch under new recipes, so that memory
does not grow with the data set. View 0 is the recipe that detectors are used with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from artsim_dataset.detector.model import pixels
from artsim_dataset.detector.pipeline import SIDE, USED, Recipe, draw_recipe
from artsim_dataset.detector.rows import DetectorRows
from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import Progress

PATCH = 128


class Examples(Protocol):
    """Batches of inputs: ``epoch`` 0 is view 0 of every row; other epochs draw views."""

    def batches(self, rows: np.ndarray, epoch: int, size: int) -> Iterator[tuple[np.ndarray, Tensor]]: ...


class EmbeddedExamples:
    """Embeddings of view 0 and of ``views`` drawn recipes of each row, from the cache."""

    def __init__(
        self,
        rows: DetectorRows,
        used: np.ndarray,
        encoder: Encoder,
        cache: EmbeddingCache,
        views: int,
        seed: int,
        progress: Progress | None = None,
    ) -> None:
        wanted = [
            (int(row), recipe)
            for row in used
            for recipe in (USED, *(draw_recipe(rows.paintings[row], view, seed) for view in range(views)))
        ]
        self._positions = np.zeros((len(rows), 1 + views), np.int64)
        self._positions[used] = rows.embed(wanted, encoder, cache, progress).reshape(-1, 1 + views)
        self._paintings = np.unique(rows.paintings.astype(str), return_inverse=True)[1]
        self._cache, self._seed = cache, seed

    def all_views(self, rows: np.ndarray) -> Tensor:
        """Embeddings of every view of rows, (rows x views, dim)."""
        return torch.from_numpy(self._cache.take(self._positions[rows].ravel()))

    def batches(self, rows: np.ndarray, epoch: int, size: int) -> Iterator[tuple[np.ndarray, Tensor]]:
        # A painting and its variants are seen under the same recipe in the same epoch.
        draw = np.random.default_rng([self._seed % 2**32, epoch])
        view = draw.integers(self._positions.shape[1], size=self._paintings.max() + 1)[self._paintings]
        if not epoch:
            view = np.zeros_like(view)
        for batch in _split(rows, size):
            yield batch, torch.from_numpy(self._cache.take(self._positions[batch, view[batch]]))


class PixelExamples:
    """uint8 pixels of rows, prepared while the last batch is used: (n, 3, SIDE, SIDE) in view 0; a training batch sees
    one square of ``PATCH`` pixels, at another place in each: a third of the time, and a pooled map minds no size."""

    def __init__(self, rows: DetectorRows, seed: int) -> None:
        self._rows, self._seed = rows, seed

    def batches(self, rows: np.ndarray, epoch: int, size: int) -> Iterator[tuple[np.ndarray, Tensor]]:
        def recipe(row: int) -> Recipe:
            return draw_recipe(self._rows.paintings[row], epoch, self._seed) if epoch else USED

        place = np.random.default_rng([self._seed % 2**32, epoch])
        prepared = self._rows.prepared([(int(row), recipe(row)) for row in rows], size)
        for batch, images in zip(_split(rows, size), prepared, strict=True):
            whole = torch.from_numpy(pixels(images))
            if not epoch:
                yield batch, whole
                continue
            top, left = place.integers(SIDE - PATCH + 1, size=2)
            yield batch, whole[:, :, top : top + PATCH, left : left + PATCH]


def _split(rows: np.ndarray, size: int) -> Sequence[np.ndarray]:
    return [rows[at : at + size] for at in range(0, len(rows), size)]
