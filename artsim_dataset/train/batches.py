"""The batches of an epoch: which paintings, which of their variants, which views, in an order drawn from the seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from artsim_dataset.schema import seed_from
from artsim_dataset.train.config import TrainConfig
from artsim_dataset.train.samples import Samples


@dataclass(frozen=True)
class Batch:
    """One view of the original and of a variant of each painting, (n, inputs); ``same``: no negatives."""

    original: Tensor
    variant: Tensor
    same: Tensor
    genre: Tensor


def batches(samples: Samples, epoch: int, config: TrainConfig) -> Iterator[Batch]:
    """Every painting trained on once, in seeded order, with a seeded variant and seeded views."""
    draw = np.random.default_rng(seed_from("epoch", epoch, config.seed))
    order = draw.permutation(np.flatnonzero(~samples.held_out))
    views = samples.original.shape[1]
    for batch in np.array_split(order, max(1, round(len(order) / config.batch_size))):
        rows = np.array([draw.choice(samples.rows_of[p]) for p in batch])
        original = samples.original[batch, draw.integers(views, size=len(batch))]
        variant = samples.variant[rows, draw.integers(views, size=len(batch))]
        yield Batch(samples.load(original), samples.load(variant), samples.same(batch), samples.genre[batch])
