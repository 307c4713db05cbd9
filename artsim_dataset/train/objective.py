"""What siamese training minimises, as a function of unit vectors and labels."""

from __future__ import annotations

import torch
from torch import Tensor

from artsim_dataset.losses import infonce, triplet_infonce


def pair_loss(original: Tensor, variant: Tensor, same: Tensor, genre: Tensor, tau: float | Tensor) -> Tensor:
    """The training loss of n (original, variant) pairs: unit vectors (n, d), ``same`` (n, n) bool, ``genre`` (n,).

    S2's triplet term with the hardest original of another genre in the batch (anchors that have none are left out),
    plus InfoNCE from the original to all variants and all other originals, plus InfoNCE from the variant to all
    originals. Other originals are candidates because at test time negatives are originals, not variants.
    """
    n = len(original)
    target, other = torch.arange(n), torch.eye(n, dtype=torch.bool)
    forward = infonce(original, torch.cat([variant, original]), target, torch.cat([same, same | other], 1), tau)
    backward = infonce(variant, original, target, same, tau)
    barred = same | other | (genre[:, None] == genre[None])
    hardest = (original @ original.T).masked_fill(barred, -2.0).max(1).values
    usable = hardest > -2.0
    positive = (original * variant).sum(1)
    triplet = triplet_infonce(positive[usable], hardest[usable], tau) if usable.any() else positive.sum() * 0
    return triplet + forward + backward
