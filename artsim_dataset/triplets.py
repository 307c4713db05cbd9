"""Triplets from variants: which painting of another genre is the negative, and which of the same genre is hardest.

Only ids are handled here. Every choice is made on a hash ring, so one painting more or less changes the choices
beside it and no others, and the same seed gives the same triplets on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from artsim_dataset.schema import Triplet, seed_from


class Ring:
    """Ids placed on a circle at their hashes (consistent hashing, Karger et al. 1997).

    >>> ring = Ring(["a", "b", "c"], "example")
    >>> ring.first("anything", accept=lambda id: id == "b")
    'b'
    >>> ring.first("anything", accept=lambda id: False) is None
    True
    """

    def __init__(self, ids: Iterable[str], salt: str) -> None:
        self._salt = salt
        placed = sorted((seed_from(salt, id_), id_) for id_ in set(ids))
        self._places = np.array([place for place, _ in placed], dtype=np.int64)
        self._ids = [id_ for _, id_ in placed]

    def first(self, *identity: object, accept: Callable[[str], bool]) -> str | None:
        """The first acceptable id after the hash of ``identity``, going round once; None when there is none."""
        start = int(np.searchsorted(self._places, seed_from(self._salt, *identity)))
        for step in range(len(self._ids)):
            candidate = self._ids[(start + step) % len(self._ids)]
            if accept(candidate):
                return candidate
        return None


@dataclass(frozen=True)
class Work:
    """What a triplet needs to know of one painting."""

    genre: str
    split: str
    group: str


def sample_triplets(
    variants: Sequence[tuple[str, str]], paintings: dict[str, Work], seed: int
) -> tuple[list[Triplet], list[str]]:
    """One triplet for each variant: its painting, itself, and a painting of another genre in the same split.

    Args:
        variants: (variant id, painting id) in the order wanted.
        paintings: facts by painting id.
        seed: the build seed.

    Returns:
        The triplets, and the ids of variants for which the split has no painting of another genre.
    """
    by_split: dict[str, list[str]] = {}
    for painting, work in paintings.items():
        by_split.setdefault(work.split, []).append(painting)
    rings = {split: Ring(ids, "negative") for split, ids in by_split.items()}

    triplets, missing = [], []
    for variant, painting in variants:
        own = paintings[painting]

        def other(candidate: str, own: Work = own) -> bool:
            work = paintings[candidate]
            return work.genre != own.genre and work.group != own.group

        negative = rings[own.split].first(variant, seed, accept=other)
        if negative is None:
            missing.append(variant)
        else:
            triplets.append(Triplet(painting, variant, negative))
    return triplets, missing


def mine_triplets(
    variants: Sequence[tuple[str, str]], paintings: dict[str, Work], embeddings: dict[str, np.ndarray]
) -> tuple[list[Triplet], list[str]]:
    """As :func:`sample_triplets`, but the negative is the most similar painting of the anchor's own genre.

    Args:
        variants: (variant id, painting id) in the order wanted.
        paintings: facts by painting id.
        embeddings: painting id -> vector (d,); compared by cosine after the mean of all is taken off.

    Returns:
        The triplets, and the variants whose genre has no painting of another group in the split.
    """
    centre = np.mean(list(embeddings.values()), axis=0) if embeddings else 0.0
    pools: dict[tuple[str, str], list[str]] = {}
    for painting, work in sorted(paintings.items()):
        pools.setdefault((work.split, work.genre), []).append(painting)
    nearest: dict[str, str | None] = {}
    for ids in pools.values():
        vectors = np.stack([embeddings[i] - centre for i in ids]).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-12
        groups = np.unique([paintings[i].group for i in ids], return_inverse=True)[1]
        nearest.update(zip(ids, _nearest(ids, vectors, groups), strict=True))

    triplets, missing = [], []
    for variant, painting in variants:
        negative = nearest[painting]
        if negative is None:
            missing.append(variant)
        else:
            triplets.append(Triplet(painting, variant, negative))
    return triplets, missing


def _nearest(ids: list[str], vectors: np.ndarray, groups: np.ndarray, block: int = 1024) -> list[str | None]:
    """For each row, the id of the most similar row of another group. Ties go to the smaller id."""
    found: list[str | None] = []
    for start in range(0, len(ids), block):
        scores = vectors[start : start + block] @ vectors.T
        scores[groups[start : start + block, None] == groups[None, :]] = -np.inf
        best = scores.argmax(axis=1)
        found += [ids[b] if scores[row, b] > -np.inf else None for row, b in enumerate(best)]
    return found
