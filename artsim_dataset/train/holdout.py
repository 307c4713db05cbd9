"""A validation part carved from the train split, so that no artist and no group of near-duplicates is on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from artsim_dataset.schema import seed_from


def components(*labels: Sequence[str]) -> np.ndarray:
    """Joins items that share any label (union-find); an empty label is shared with nobody. Shape (n,), one name a part.

    >>> components(["ann", "bob", "bob", ""], ["g1", "g2", "g1", "g3"]).tolist()
    [0, 0, 0, 3]
    """
    parent = np.arange(len(labels[0]))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = int(parent[item])
        return item

    for column in labels:
        first: dict[str, int] = {}
        for item, label in enumerate(column):
            if label:
                a, b = root(first.setdefault(label, item)), root(item)
                parent[max(a, b)] = min(a, b)
    return np.array([root(item) for item in range(len(parent))])


def holdout(ids: Sequence[str], part: np.ndarray, share: float, seed: int) -> np.ndarray:
    """True for the paintings held out: whole parts in seeded order, until ``share`` of all paintings is reached.

    A part too big for what is left to take is passed over, so one prolific artist cannot eat the training set. At least
    one painting is held out and at least one kept; when one part holds everything, single paintings are drawn.
    """
    if len(set(part.tolist())) < 2:
        part = np.arange(len(ids))
    parts, sizes = np.unique(part, return_counts=True)
    names = [min(ids[i] for i in np.flatnonzero(part == p).tolist()) for p in parts]
    wanted = max(1, round(share * len(ids)))
    order = sorted(range(len(names)), key=lambda p: seed_from("holdout", names[p], seed))
    held: set[int] = set()
    taken = 0
    for p in order:
        if taken + sizes[p] <= wanted:
            held.add(int(parts[p]))
            taken += int(sizes[p])
    if not held:
        held.add(int(parts[min(order, key=lambda p: int(sizes[p]))]))
    return np.isin(part, list(held))
