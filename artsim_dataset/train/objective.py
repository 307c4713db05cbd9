"""What siamese training minimises and what it reports, as functions of unit vectors and labels.

A *term* compares anchors (n, d) with their positives (n, d); row j of its pool (n, d) is a negative of every anchor
that it is not barred from. With captions there are four: image, text, and the two across (S2's weights: 1, 0.3, and
0.3 on the mean of the two).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from artsim_dataset.losses import infonce, triplet_infonce
from artsim_dataset.train.network import Fusion

WEIGHTS: Mapping[str, float] = {"image": 1.0, "text": 0.3, "i2t": 0.15, "t2i": 0.15}

ROWS = 256
"""Whose negatives are looked for at a time."""


@dataclass(frozen=True)
class Term:
    """Unit vectors, (n, d) each. Row i of ``positive`` belongs to row i of ``anchor`` and ``pool``."""

    anchor: Tensor
    positive: Tensor
    pool: Tensor


@dataclass(frozen=True)
class Relations:
    """Who may be whose negative. ``same`` (n, n) is True where two rows must not be each other's negatives, ``barred``
    (n, n) also where they are of one genre, as no triplet's negative is. ``negative`` (n,) is the row drawn as each
    anchor's negative, -1 where the batch has none."""

    same: Tensor
    barred: Tensor
    negative: Tensor

    @classmethod
    def of(cls, same: Tensor, genre: Tensor) -> Relations:
        itself = torch.eye(len(same), dtype=torch.bool, device=same.device)
        barred = (genre[:, None] == genre[None]).logical_or_(same).logical_or_(itself)
        return cls(same, barred, following(barred))


def following(barred: Tensor) -> Tensor:
    """For each row the first row after it, going round, that is not barred; -1 where all are. Shape (n,).

    Rows come in a drawn order, so this is a uniform draw from the rows that qualify.

    >>> following(torch.tensor([[True, True, False], [False, True, True], [True, True, True]])).tolist()
    [2, 0, -1]
    """
    n, every = len(barred), torch.arange(len(barred), device=barred.device)
    found = torch.empty_like(every)
    for row in every.split(ROWS):
        free = ~barred[row].gather(1, (row[:, None] + every + 1) % n)
        step = free.byte().argmax(1)
        found[row] = torch.where(free.any(1), (row + 1 + step) % n, -1)
    return found


def terms(vectors: Tensor) -> dict[str, Term]:
    """The terms of a batch: ``vectors`` (2, n, d) are originals and variants, (4, n, d) also their captions."""
    original, variant = vectors[:2]
    found = {"image": Term(original, variant, original)}
    if len(vectors) == 4:
        caption, generated = vectors[2:]
        found["text"] = Term(caption, generated, caption)
        found["i2t"] = Term(original, generated, caption)
        found["t2i"] = Term(caption, variant, original)
    return found


def fused(vectors: Tensor, fusion: Fusion) -> Term:
    """Image and caption as one vector. Cut off from the head: the fusion learns from S2's head and does not bend it."""
    original, variant, caption, generated = vectors.detach()
    anchor = fusion(original, caption)
    return Term(anchor, fusion(variant, generated), anchor)


def objective(found: Mapping[str, Term], relations: Relations, tau: float | Tensor, loss: str) -> Tensor:
    """The weighted sum of the terms' losses: ``batch`` or ``triplet``, see TrainConfig. A scalar."""
    parts = [WEIGHTS[name] * term_loss(term, relations, tau, loss) for name, term in found.items()]
    return torch.stack(parts).sum()


def term_loss(term: Term, relations: Relations, tau: float | Tensor, loss: str) -> Tensor:
    if loss == "triplet":
        return triplet_loss(term, relations.negative, tau)
    return pair_loss(term, relations, tau)


def pair_loss(term: Term, relations: Relations, tau: float | Tensor) -> Tensor:
    """S2's triplet term with the hardest row of the pool that is of another genre (anchors that have none are left
    out), plus InfoNCE from the anchor to all positives and the pool, plus InfoNCE from the positive to all anchors.

    The pool counts because at test time negatives are originals, not variants.
    """
    anchor, positive, pool, same = term.anchor, term.positive, term.pool, relations.same
    target = torch.arange(len(anchor), device=anchor.device)
    other = torch.eye(len(anchor), dtype=torch.bool, device=anchor.device)
    forward = infonce(anchor, torch.cat([positive, pool]), target, torch.cat([same, same | other], 1), tau)
    backward = infonce(positive, anchor, target, same, tau)
    hardest = (anchor @ pool.T).masked_fill(relations.barred, -2.0).max(1).values
    usable = hardest > -2.0
    similarity = (anchor * positive).sum(1)
    triplet = triplet_infonce(similarity[usable], hardest[usable], tau) if usable.any() else similarity.sum() * 0
    return triplet + forward + backward


def triplet_loss(term: Term, negative: Tensor, tau: float | Tensor) -> Tensor:
    """S2's loss: one drawn negative for each anchor; anchors that have none are left out. A scalar."""
    near, far = _similarities(term, negative)
    return triplet_infonce(near, far, tau) if len(near) else (term.anchor * term.positive).sum() * 0


@torch.no_grad()
def measures(found: Mapping[str, Term], relations: Relations, tau: float | Tensor) -> dict[str, float]:
    """S2's metrics of a batch: accuracy (a tie is wrong) and loss of the triplets with the drawn negative, for every
    term; ``cross`` is the mean of the two across. Empty when no anchor has a negative."""
    numbers: dict[str, float] = {}
    for name, term in found.items():
        near, far = _similarities(term, relations.negative)
        if not len(near):
            return {}
        accuracy = "triplet_accuracy" if name == "image" else f"{name}_accuracy"
        numbers[accuracy] = (near > far).float().mean().item()
        numbers[f"{name}_loss"] = triplet_infonce(near, far, tau).item()
    if "i2t" in found:
        for kind in ("accuracy", "loss"):
            numbers[f"cross_{kind}"] = (numbers[f"i2t_{kind}"] + numbers[f"t2i_{kind}"]) / 2
    return numbers


def _similarities(term: Term, negative: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines of the anchors that have a negative: with their positive, and with it."""
    usable = negative >= 0
    anchor = term.anchor[usable]
    return (anchor * term.positive[usable]).sum(1), (anchor * term.pool[negative[usable]]).sum(1)
