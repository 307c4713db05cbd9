"""The batches of an epoch: which paintings, which of their variants, which views, in an order drawn from the seed.

Everything is drawn for the whole epoch at once. Rows are then gathered from the memory-mapped cache one batch ahead, in
a thread: numpy lets go of the interpreter while it copies, and the next batch is there when the step is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from torch import Tensor

from artsim_dataset.schema import seed_from
from artsim_dataset.train.config import TrainConfig
from artsim_dataset.train.holdout import TRAIN, VALIDATION
from artsim_dataset.train.objective import Relations
from artsim_dataset.train.samples import Samples

T = TypeVar("T")
VALIDATION_BLOCK = 2048
"""Validation paintings compared with each other; of more, blocks of a drawn order. Memory stays flat."""


@dataclass(frozen=True)
class Batch:
    """``embeddings`` (2 or 4, n, inputs): originals, variants, captions of both; and who may be whose negative."""

    embeddings: Tensor
    relations: Relations


def batches(samples: Samples, epoch: int, config: TrainConfig) -> Iterator[Batch]:
    """Every painting trained on once, in seeded order, with a seeded variant and seeded views."""
    draw = np.random.default_rng(seed_from("epoch", epoch, config.seed))
    order = draw.permutation(samples.of(TRAIN))
    rows = samples.row(order, draw.integers(2**31, size=len(order)))
    views = draw.integers(samples.original.shape[1], size=(2, len(order)))
    blocks = np.array_split(np.arange(len(order)), max(1, round(len(order) / config.batch_size)))
    return ahead(_batch(samples, order[at], rows[at], views[0, at], views[1, at]) for at in blocks)


def validation_batches(samples: Samples, config: TrainConfig) -> Iterator[Batch]:
    """The same batches for every epoch: the originals as they are against their variants in every view.

    With more than 2048 paintings each is seen in one view, in blocks of 2048.
    """
    draw = np.random.default_rng(seed_from("validation", config.seed))
    order, views = draw.permutation(samples.of(VALIDATION)), samples.original.shape[1]
    passes = range(views) if len(order) <= VALIDATION_BLOCK else range(1)
    blocks = np.array_split(np.arange(len(order)), -(-len(order) // VALIDATION_BLOCK))

    def of(at: np.ndarray, view: int) -> Batch:
        seen = (view + at) % views if len(passes) < views else np.full(len(at), view)
        return _batch(samples, order[at], samples.row(order[at], seen), np.zeros_like(seen), seen)

    return ahead(of(at, view) for view in passes for at in blocks)


def _batch(
    samples: Samples, paintings: np.ndarray, rows: np.ndarray, original: np.ndarray, variant: np.ndarray
) -> Batch:
    positions = [samples.original[paintings, original], samples.variant[rows, variant]]
    if samples.caption is not None and samples.generated_caption is not None:
        positions += [samples.caption[paintings], samples.generated_caption[rows]]
    relations = Relations.of(samples.labels.same(paintings), samples.labels.genre[paintings])
    return Batch(samples.load(np.stack(positions)), relations)


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, each one made in a thread while the one before is in use."""
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        end = object()
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield item  # type: ignore[misc]
