"""Which paintings are trained on, which choose the best epoch, which are kept for the test. No group is ever cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from artsim_dataset.errors import ConfigError
from artsim_dataset.model import PUBLISHED
from artsim_dataset.schema import seed_from
from artsim_dataset.splits import Scheme, assign_splits

SCHEMES: tuple[str, ...] = (PUBLISHED, "80/20", "40/60", "artist-disjoint")
TRAIN, VALIDATION, TEST = "train", "validation", "test"


def divide(
    scheme: str,
    ids: Sequence[str],
    groups: Sequence[str],
    genres: Sequence[str],
    artists: Sequence[str],
    validation_share: float,
    seed: int,
) -> np.ndarray:
    """``train``, ``validation`` or ``test`` for each painting, (n,).

    | scheme | paintings given | trained on | chooses the epoch | kept for the test |
    |---|---|---|---|---|
    | published | of the train split | the rest | ``validation_share``, other artists | the data set's test split |
    | 80/20, 40/60 | all | 80, 40 % | all others, as in S2 | none: S2 reports its validation part |
    | artist-disjoint | all | the rest | ``validation_share`` of 80 %, other artists | 20 %, other artists |

    No group of near-duplicates is on two sides in any of them, and no artist either where "other artists" is said
    (unless there is one artist only). ConfigError when there is one group only.
    """
    columns = [np.array(column, object) for column in (ids, groups, genres, artists)]
    part = np.full(len(ids), TRAIN, object)
    if scheme != PUBLISHED:
        share = 0.4 if scheme == "40/60" else 0.8
        kind: Scheme = "artist-disjoint" if scheme == "artist-disjoint" else "random"
        sides = assign_splits(ids, groups, genres, artists, kind, share, seed)
        part[np.array(sides) == "test"] = TEST if scheme == "artist-disjoint" else VALIDATION
    if scheme in (PUBLISHED, "artist-disjoint"):
        rest = np.flatnonzero(part == TRAIN)
        ids_, groups_, _, artists_ = (column[rest].tolist() for column in columns)
        linked = components(artists_, groups_)
        if len(set(linked.tolist())) < 2:  # artists and groups tie all together: then groups alone are kept whole
            linked = components(groups_)
        if len(set(linked.tolist())) < 2:
            raise ConfigError(
                "all paintings to train on are near-duplicates of each other: none is left to validate on"
            )
        part[rest[holdout(ids_, linked, validation_share, seed)]] = VALIDATION
    return part


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
