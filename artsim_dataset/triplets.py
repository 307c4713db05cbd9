"""Triplets from variants: which painting of another genre is the negative, and which of the same genre is hardest.

Only ids are handled here. Every choice is made on a hash ring, so one painting more or less changes the choices
beside it and no others, and the same seed gives the same triplets on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from artsim_dataset.schema import Triplet, seed_from
from artsim_dataset.splits import codes, hashes_of


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
    pool = Pool.of(paintings)
    number = pool.numbers(painting for _, painting in variants)
    negative = sample(pa.array([variant for variant, _ in variants], pa.large_string()), number, pool, seed)
    return _named(variants, pool, negative)


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
    pool = Pool.of(paintings)
    vectors = np.stack(list(embeddings.values())) if embeddings else np.empty((0, 1))
    row = {painting: place for place, painting in enumerate(embeddings)}
    order = np.array([row[id_] for id_ in paintings], np.int64)
    nearest = mine(pool, vectors, order)
    return _named(variants, pool, nearest[pool.numbers(painting for _, painting in variants)])


def _named(variants: Sequence[tuple[str, str]], pool: Pool, negative: np.ndarray) -> tuple[list[Triplet], list[str]]:
    names = pool.ids.to_pylist()
    triplets, missing = [], []
    for (variant, painting), other in zip(variants, negative.tolist(), strict=True):
        if other < 0:
            missing.append(variant)
        else:
            triplets.append(Triplet(painting, variant, names[other]))
    return triplets, missing


# --- the array core --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pool:
    """What triplets need of all paintings, by their numbers: ``ids`` (all different), and of each the number of its
    split, genre and group, int64."""

    ids: pa.Array
    split: np.ndarray
    genre: np.ndarray
    group: np.ndarray

    @staticmethod
    def of(paintings: dict[str, Work]) -> Pool:
        works = paintings.values()
        columns = ([w.split for w in works], [w.genre for w in works], [w.group for w in works])
        return Pool(pa.array(list(paintings), pa.large_string()), *(codes(column)[0] for column in columns))

    def numbers(self, ids: Iterable[str]) -> np.ndarray:
        """The number of each painting id, int64."""
        found = pc.index_in(pa.array(list(ids), pa.large_string()), self.ids)
        return found.to_numpy(zero_copy_only=False).astype(np.int64)


def sample(variants: pa.Array, painting: np.ndarray, pool: Pool, seed: int) -> np.ndarray:
    """The negative of each variant: the array core of :func:`sample_triplets`.

    Args:
        variants: ids, strings.
        painting: number of the painting of each, int64.
        pool: the paintings.
        seed: the build seed.

    Returns:
        int64: the number of the negative, -1 where the split has none.
    """
    places = hashes_of(pool.ids, "negative")
    wanted = hashes_of(variants, "negative", after=(seed,))
    negative = np.full(len(variants), -1, np.int64)
    for split in np.unique(pool.split):
        ring = np.flatnonzero(pool.split == split)
        ring = ring[np.argsort(places[ring], kind="stable")]
        asking = np.flatnonzero(pool.split[painting] == split)
        start = np.searchsorted(places[ring], wanted[asking])
        own = painting[asking]
        negative[asking] = _first_other(ring, pool.genre, pool.group, own, start)
    return negative


def _first_other(
    ring: np.ndarray, genre: np.ndarray, group: np.ndarray, own: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """The first painting of another genre and group than ``own`` from place ``start`` of the ring on, once round; -1
    when there is none. Who stands before a run of its own genre or group jumps over all of it."""
    jumps = [(label, _run(label[ring])) for label in (genre, group)]
    found = np.full(len(own), -1, np.int64)
    walking, gone = np.arange(len(own)), np.zeros(len(own), np.int64)
    while len(walking):
        place = (start[walking] + gone[walking]) % len(ring)
        step = np.zeros(len(walking), np.int64)
        for label, run in jumps:
            same = label[ring[place]] == label[own[walking]]
            step = np.maximum(step, np.where(same, run[place], 0))
        there = step == 0
        found[walking[there]] = ring[place[there]]
        walking, step = walking[~there], step[~there]
        gone[walking] += step
        walking = walking[gone[walking] < len(ring)]
    return found


def _run(labels: np.ndarray) -> np.ndarray:
    """From each place of a ring, the steps to the next one with another label; the whole ring when there is none."""
    count = len(labels)
    changes = np.flatnonzero(labels != np.roll(labels, 1))
    if not len(changes):
        return np.full(count, count)
    place = np.arange(count)
    after = np.searchsorted(changes, place, side="right")
    return np.append(changes, changes[0] + count)[after] - place


def mine(pool: Pool, vectors: np.ndarray, row: np.ndarray | None = None) -> np.ndarray:
    """The hard negative of each painting, int64, -1 where there is none: the array core of :func:`mine_triplets`.

    Args:
        pool: the paintings.
        vectors: shape (paintings, d); may be memory-mapped.
        row: the row of ``vectors`` of each painting, when they are in another order.

    Every painting of a genre and split is compared with every other, up to 16 MB of scores at a time. So memory
    is bounded by the vectors of one genre, and time is quadratic in it: a minute for WikiArt's largest (13,060), hours
    for one of a million, which is then better cut into several.
    """
    row = np.arange(len(pool.ids)) if row is None else row
    centre = np.mean(vectors, axis=0) if len(vectors) else 0.0
    order = pc.sort_indices(pool.ids).to_numpy().astype(np.int64)
    pools = np.unique(np.stack([pool.split, pool.genre], axis=1), axis=0, return_inverse=True)[1].ravel()
    members = order[np.argsort(pools[order], kind="stable")]
    nearest = np.full(len(pool.ids), -1, np.int64)
    for same in np.split(members, np.flatnonzero(np.diff(pools[members])) + 1):
        unit = (vectors[row[same]] - centre).astype(np.float32)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True) + 1e-12
        block = min(1024, max(64, (1 << 22) // max(1, len(same))))
        best = _nearest(unit, pool.group[same], block)
        nearest[same] = np.where(best >= 0, same[best], -1)
    return nearest


def _nearest(vectors: np.ndarray, groups: np.ndarray, block: int) -> np.ndarray:
    """For each row, the most similar row of another group, the first of equals; -1 when there is none."""
    found = np.full(len(vectors), -1, np.int64)
    for start in range(0, len(vectors), block):
        scores = vectors[start : start + block] @ vectors.T
        scores[groups[start : start + block, None] == groups[None, :]] = -np.inf
        best = scores.argmax(axis=1)
        known = scores[np.arange(len(best)), best] > -np.inf
        found[start : start + block][known] = best[known]
    return found
