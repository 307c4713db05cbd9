"""Contrastive losses as pure functions of tensors. They know nothing of data sets, encoders, heads or devices.

All take cosine *similarities* (larger = closer) or unit vectors and a temperature tau; smaller is better.
"""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional

TAU_FLOOR = 0.01
CSD_VARIANTS: tuple[str, ...] = ("paper", "released")
"""The forms of CSD's loss: as printed, and as in the code that was released (:func:`csd_loss`)."""


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
    own = target[:, None] == torch.arange(len(candidates), device=target.device)
    logits = logits.masked_fill_(excluded & ~own, float("-inf"))
    return functional.cross_entropy(logits, target)


def shared(*labels: tuple[Tensor, Tensor]) -> Tensor:
    """The mask of :func:`infonce`: True where query i and candidate j share any label (painting, group or artist).

    Each argument is a pair of integer label vectors, (n,) of the queries and (m,) of the candidates; a negative label
    means "unknown" and is never shared.

    >>> shared((torch.tensor([0, -1]), torch.tensor([0, -1, 1]))).tolist()
    [[True, False, False], [False, False, False]]
    """
    masks = ((mine[:, None] == theirs[None]).logical_and_(mine[:, None] >= 0) for mine, theirs in labels)
    return reduce(Tensor.logical_or_, masks)


def label_contrast(vectors: Tensor, labels: Tensor, tau: float, variant: str = "paper") -> Tensor:
    """The label part of CSD's loss (arXiv 2404.01292, eq. 1): images that share a label attract each other.

    ``vectors`` (n, d): unit vectors, one view of each image. ``labels`` (n, classes): 1 where an image has a label,
    several allowed. For each image i the mean over its partners j of
    ``-log(exp(s_ij/tau) / sum_{k != i} exp(s_ik/tau))``; images without a partner add 0 and are counted in the mean
    over images; times tau (the released code's
    temperature / base temperature), so that the size of the gradient does not depend on tau.

    ``variant``: ``"paper"`` has a pair count once if it shares any label; ``"released"`` weighs it by the *number* of
    labels it shares, as the released code does.
    """
    shared_labels = labels.to(vectors.dtype) @ labels.to(vectors.dtype).T
    weight = shared_labels if _released(variant) else (shared_labels > 0).to(vectors.dtype)
    return _weighted_contrast(vectors, weight, tau, 0.0)


def view_contrast(first: Tensor, second: Tensor, tau: float, variant: str = "paper") -> Tensor:
    """The self-supervised part of CSD's loss: SimCLR (Chen et al. 2020, eq. 1) over two views of each image.

    ``first`` and ``second``: (n, d) unit vectors, row i of both of one image. Each of the 2n views has one partner, and
    all others are negatives, whatever their labels. Times tau, as in :func:`label_contrast`. ``"released"`` adds 1e-6
    inside the logarithm, as the released code does.
    """
    n = len(first)
    other = torch.arange(2 * n, device=first.device).roll(n)
    weight = functional.one_hot(other, 2 * n).to(first.dtype)
    return _weighted_contrast(torch.cat([first, second]), weight, tau, 1e-6 if _released(variant) else 0.0)


def csd_loss(
    first: Tensor, second: Tensor, labels: Tensor, tau: float = 0.1, self_weight: float = 0.2, variant: str = "paper"
) -> Tensor:
    """CSD's loss of two views (n, d) of n images with ``labels`` (n, classes): ``L_label + self_weight * L_self``.

    Both forms look at the labels through the first view only. ``"paper"``: as above. ``"released"``: the same ratio at
    the scale of the released code, ``L_label / self_weight + L_self`` (5 and 1), with its pair weights.
    """
    by_label = label_contrast(first, labels, tau, variant)
    by_view = view_contrast(first, second, tau, variant)
    return by_label / self_weight + by_view if _released(variant) else by_label + self_weight * by_view


def _weighted_contrast(vectors: Tensor, weight: Tensor, tau: float, inside_log: float) -> Tensor:
    """Mean over rows of the weighted mean over partners of -log softmax without the row itself, times tau."""
    if len(vectors) < 2:
        raise ValueError(f"a contrast needs at least two images, got {len(vectors)}")
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    weight = weight.masked_fill(itself, 0.0)
    logits = (vectors @ vectors.T / tau).masked_fill(itself, float("-inf"))
    top = logits.amax(1, keepdim=True).detach()
    log_sum = ((logits - top).exp().sum(1, keepdim=True) + inside_log * (-top).exp()).log() + top
    log_share = (logits - log_sum).masked_fill(itself, 0.0)
    return -((weight * log_share).sum(1) / (weight.sum(1) + 1e-6)).mean() * tau


def _released(variant: str) -> bool:
    if variant not in CSD_VARIANTS:
        raise ValueError(f"no form '{variant}' of CSD's loss; forms are: {', '.join(CSD_VARIANTS)}")
    return variant == "released"
