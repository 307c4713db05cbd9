"""Contrastive losses as pure functions of tensors. They know nothing of data sets, encoders, heads or devices.

All take cosine *similarities* (larger = closer) or unit vectors and a temperature tau; smaller is better.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

TAU_FLOOR = 0.01


def triplet_infonce(positive: Tensor, negative: Tensor, tau: float | Tensor) -> Tensor:
    """S2's loss, averaged: ``-log(exp(s_pos/tau) / (exp(s_pos/tau) + exp(s_neg/tau)))``.

    ``positive``: cosine of anchor and variant, shape (n,). ``negative``: cosine of anchor and negative, (n,) or (n, m);
    with m negatives every (anchor, negative) pair is one term, as in S2, not one sum over m. Computed as
    softplus((s_neg - s_pos) / tau), which cannot overflow. Returns a scalar >= 0; log 2 where both are equal.
    """
    positive = positive.reshape(-1, *([1] * (negative.ndim - 1)))
    return functional.softplus((negative - positive) / tau).mean()


def infonce(queries: Tensor, candidates: Tensor, target: Tensor, excluded: Tensor, tau: float | Tensor) -> Tensor:
    """In-batch InfoNCE with masked false negatives (van den Oord et al. 2018, eq. 4).

    ``queries`` (n, d) and ``candidates`` (m, d) are unit vectors; ``target`` (n,) is the index of each query's
    positive; ``excluded`` (n, m) is True for candidates that must not count as negatives: other images of the query's
    painting, group or artist. The positive itself always counts, whatever the mask says. Mean of -log softmax, >= 0.
    """
    logits = queries @ candidates.T / tau
    own = functional.one_hot(target, len(candidates)).bool()
    logits = logits.masked_fill(excluded & ~own, float("-inf"))
    return functional.cross_entropy(logits, target)


def shared(*labels: tuple[Tensor, Tensor]) -> Tensor:
    """The mask of :func:`infonce`: True where query i and candidate j share any label (painting, group or artist).

    Each argument is a pair of integer label vectors, (n,) of the queries and (m,) of the candidates; a negative label
    means "unknown" and is never shared.

    >>> shared((torch.tensor([0, -1]), torch.tensor([0, -1, 1]))).tolist()
    [[True, False, False], [False, False, False]]
    """
    masks = [(mine[:, None] == theirs[None]) & (mine[:, None] >= 0) for mine, theirs in labels]
    return torch.stack(masks).any(0)
