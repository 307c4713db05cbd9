"""Splits and triplets as they were before they counted in arrays: rows in loops, the second implementation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from artsim_dataset.schema import Triplet, seed_from
from artsim_dataset.triplets import Ring, Work


def join(names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[str]:
    parent = {name: name for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = name = parent[parent[name]]
        return name

    for pair in pairs:
        first, second = sorted((root(pair[0]), root(pair[1])))
        parent[second] = first
    return [root(name) for name in names]


def splits(
    groups: Sequence[str], genres: Sequence[str], artists: Sequence[str], scheme: str, share: float, seed: int
) -> list[str]:
    names = list(groups)
    if scheme == "artist-disjoint":
        nodes = sorted({f"group {group}" for group in groups} | {f"artist {artist}" for artist in artists if artist})
        pairs = [(f"group {g}", f"artist {a}") for g, a in zip(groups, artists, strict=True) if a]
        root = dict(zip(nodes, join(nodes, pairs), strict=True))
        names = [root[f"group {group}"] for group in groups]
    units: dict[str, Counter[str]] = {}
    for name, genre in zip(names, genres, strict=True):
        units.setdefault(name, Counter())[genre] += 1
    order = sorted(units, key=lambda name: (seed_from("split", name, seed), name))
    quota: dict[str, float] = {}
    for name in order:
        for genre, count in units[name].items():
            quota[genre] = quota.get(genre, 0) + share * count
    missing, in_all = dict(quota), sum(quota.values())
    train: set[str] = set()
    for name in order:
        size = units[name].total()
        change = sum(abs(missing[genre] - count) - abs(missing[genre]) for genre, count in units[name].items())
        change += 0.5 * (abs(in_all - size) - abs(in_all))
        if change <= 0:
            train.add(name)
            in_all -= size
            for genre, count in units[name].items():
                missing[genre] -= count
    if len(order) > 1 and len(train) in (0, len(order)):
        train ^= {min(reversed(order), key=lambda name: units[name].total())}
    return ["train" if name in train else "test" for name in names]


def sampled(
    variants: Sequence[tuple[str, str]], paintings: dict[str, Work], seed: int
) -> tuple[list[Triplet], list[str]]:
    rings = {
        split: Ring([id_ for id_, work in paintings.items() if work.split == split], "negative")
        for split in {work.split for work in paintings.values()}
    }
    triplets, missing = [], []
    for variant, painting in variants:
        own = paintings[painting]

        def other(candidate: str, own: Work = own) -> bool:
            return paintings[candidate].genre != own.genre and paintings[candidate].group != own.group

        negative = rings[own.split].first(variant, seed, accept=other)
        if negative is None:
            missing.append(variant)
        else:
            triplets.append(Triplet(painting, variant, negative))
    return triplets, missing


def mined(
    variants: Sequence[tuple[str, str]], paintings: dict[str, Work], embeddings: dict[str, np.ndarray]
) -> tuple[list[Triplet], list[str]]:
    centre = np.mean(list(embeddings.values()), axis=0) if embeddings else 0.0
    pools: dict[tuple[str, str], list[str]] = {}
    for painting, work in sorted(paintings.items()):
        pools.setdefault((work.split, work.genre), []).append(painting)
    nearest: dict[str, str | None] = {}
    for ids in pools.values():
        vectors = np.stack([embeddings[i] - centre for i in ids]).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-12
        scores = vectors @ vectors.T
        for row, id_ in enumerate(ids):
            scores[row, [paintings[i].group == paintings[id_].group for i in ids]] = -np.inf
            best = int(scores[row].argmax())
            nearest[id_] = ids[best] if scores[row, best] > -np.inf else None
    found = [(painting, variant, nearest[painting]) for variant, painting in variants]
    return [Triplet(p, v, n) for p, v, n in found if n is not None], [v for _, v, n in found if n is None]
