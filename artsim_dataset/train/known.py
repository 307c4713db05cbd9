"""Cosines of the pairs that a model was validated on, kept in its folder: `artsim compare` sets others against them."""

from __future__ import annotations

import numpy as np
import torch

from artsim_dataset.schema import seed_from
from artsim_dataset.standing import Known
from artsim_dataset.train.network import Network
from artsim_dataset.train.samples import Samples

BLOCK = 512
MAX_PAINTINGS = 2048


@torch.no_grad()
def known_pairs(network: Network, samples: Samples, paintings: np.ndarray, seed: int, of: str) -> Known | None:
    """Cosines of these paintings, as they are, with their variants and with paintings of other genres.

    Of more than 2,048 paintings a seeded choice is taken. None when there is no pair of one of the two kinds.
    """
    if len(paintings) > MAX_PAINTINGS:
        draw = np.random.default_rng(seed_from("known pairs", seed))
        paintings = np.sort(draw.choice(paintings, MAX_PAINTINGS, replace=False))
    network.eval()
    rows = [samples.rows_of(painting) for painting in paintings]
    originals = _projected(network, samples, samples.original[paintings, 0])
    variants = _projected(network, samples, samples.variant[np.concatenate(rows), 0]) if rows else originals
    positives = (originals[np.repeat(np.arange(len(rows)), [len(row) for row in rows])] * variants).sum(1)
    genre = samples.labels.genre.numpy()[paintings]
    negatives = (originals @ originals.T)[np.triu(genre[:, None] != genre[None])]
    if not len(positives) or not len(negatives):
        return None
    return Known.measured(positives, negatives, of)


def _projected(network: Network, samples: Samples, positions: np.ndarray) -> np.ndarray:
    blocks = [positions[at : at + BLOCK] for at in range(0, len(positions), BLOCK)]
    return torch.cat([network.head(samples.load(block)) for block in blocks]).numpy()
