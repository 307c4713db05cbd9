"""Which paintings are trained on, which choose the best epoch, which are kept for the test. No group is ever cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.dtypes import StringDType

from artsim_dataset import splits
from artsim_dataset.errors import ConfigError
from artsim_dataset.model import PUBLISHED
from artsim_dataset.schema import seed_from
from artsim_dataset.splits import Scheme, assign_splits

SCHEMES: tuple[str, ...] = (PUBLISHED, "80/20", "40/60", "artist-disjoint")
TRAIN, VALIDATION, TEST = "train", "validation", "test"
LEAST = 2
"""Parts on each side, where there are enough: images of one artist are nobody's negatives, and tell nothing."""
Texts: TypeAlias = Sequence[str] | np.ndarray


def divide(
    scheme: str,
    ids: Texts,
    groups: Texts,
    genres: Texts,
    artists: Texts,
    validation_share: float,
    seed: int,
) -> np.ndarray:
    """``train``, ``validation`` or ``test`` for each painting, (n,).

    | scheme | paintings given | trained on | chooses the epoch | kept for the test |
    |---|---|---|---|---|
    | published | of the train split | the rest | ``validation_share``, other artists | the data set's test split |
    | 80/20, 40/60 | all | 80, 40 % | all others, as in S2 | none: S2 reports its validation part |
    | artist-disjoint | all | the rest | ``validation_share`` of 80 %, other artists | 20 %, other artists |

    No group of near-duplicates is on two sides in any of them, and no artist either where "other artists" is said,
    unless there are fewer than four: two to train on and two to validate on, or neither side has a negative.
    ConfigError when there is one group only.
    """
    columns = [_texts(column) for column in (ids, groups, genres, artists)]
    part = np.full(len(ids), TRAIN, object)
    if scheme != PUBLISHED:
        share = 0.4 if scheme == "40/60" else 0.8
        kind: Scheme = "artist-disjoint" if scheme == "artist-disjoint" else "random"
        names, near, styles, painters = (pa.array(iter(column), pa.large_string()) for column in columns)
        sides = assign_splits(names, near, styles, painters, kind, share, seed)
        part[np.array(sides) == "test"] = TEST if scheme == "artist-disjoint" else VALIDATION
    if scheme in (PUBLISHED, "artist-disjoint"):
        rest = np.flatnonzero(part == TRAIN)
        ids_, groups_, _, artists_ = (column[rest] for column in columns)
        linked = components(artists_, groups_)
        if len(np.unique(linked)) < 2 * LEAST:  # too few artists for both sides: then groups alone are kept whole
            linked = components(groups_)
        if len(np.unique(linked)) < 2:
            raise ConfigError(
                "all paintings to train on are near-duplicates of each other: none is left to validate on"
            )
        part[rest[holdout(ids_, linked, validation_share, seed, LEAST)]] = VALIDATION
    return part


def components(*labels: Texts) -> np.ndarray:
    """Joins items that share any label; an empty label is shared with nobody. Shape (n,), one name a part.

    >>> components(["ann", "bob", "bob", ""], ["g1", "g2", "g1", "g3"]).tolist()
    [0, 0, 0, 3]
    """
    links = []
    for column in labels:
        names, first, label = np.unique(_texts(column), return_index=True, return_inverse=True)
        known = np.flatnonzero((names != "")[label])
        links.append(np.stack([known, first[label[known]]], axis=1))
    return splits.components(len(labels[0]), np.concatenate(links))


def holdout(ids: Texts, part: np.ndarray, share: float, seed: int, least: int = 1) -> np.ndarray:
    """True for the paintings held out: whole parts in seeded order, until ``share`` of all paintings is reached.

    A part too big for what is left to take is passed over, so one prolific artist cannot eat the training set. At least
    ``least`` parts are held out and as many kept (one, when there are too few); when one part holds everything, single
    paintings are drawn.
    """
    if len(np.unique(part)) < 2:
        part = np.arange(len(ids))
    names = np.argsort(_texts(ids), kind="stable")
    parts, first, sizes = np.unique(part[names], return_index=True, return_counts=True)
    # A part is named by its smallest id.
    drawn = np.fromiter((seed_from("holdout", ids[at], seed) for at in names[first]), np.int64, len(parts))
    order = np.argsort(drawn, kind="stable")
    wanted = max(1, round(share * len(ids)))
    held = np.zeros(len(parts), bool)
    least = least if len(parts) >= 2 * least else 1
    taken, may = 0, len(parts) - least
    for p in order:
        if taken + sizes[p] <= wanted and may:
            held[p] = True
            taken, may = taken + sizes[p], may - 1
    while held.sum() < least:
        free = order[~held[order]]
        held[free[np.argmin(sizes[free])]] = True
    return np.isin(part, parts[held])


def _texts(column: Texts) -> np.ndarray:
    """As NumPy holds texts: no Python object each."""
    return np.asarray(column, StringDType())
