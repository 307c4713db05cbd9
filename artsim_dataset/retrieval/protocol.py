"""The retrieval protocol of CSD (arXiv 2404.01292, section 5) on embeddings and labels.

Queries and database are different images; an item is relevant when it has the query's label (the artist, in the paper).
Queries whose label no item of the database has are dropped, not counted as misses, as in the released code. Nothing is
excluded from a ranking, and the order is (score descending, index ascending) in fp32, where theirs is fp16 and without
a rule for ties. Their three metrics stand beside the textbook ones, under names that cannot be mixed up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from artsim_dataset.errors import ConfigError
from artsim_dataset.metrics import Array, mean_intervals
from artsim_dataset.metrics.ranking import per_query
from artsim_dataset.retrieval.exact import Progress
from artsim_dataset.retrieval.hits import ranked_hits
from artsim_dataset.schema import seed_from

KS: tuple[int, ...] = (1, 10, 100)
BOOTSTRAP_ROUNDS = 1000


class Unanswerable(ConfigError):
    """No query has a relevant item to find, and another to tell it from."""


@dataclass(frozen=True)
class Retrieval:
    """How well queries found items of their own label.

    Attributes:
        queries: how many were answered.
        dropped: how many were not: their label is unknown, is in no item they could find, or is in all of them.
        database: items with a known label.
        classes: labels among the queries that were answered.
        chance: what precision a random ranking has, the mean share of relevant items.
        numbers: ``csd_map@k``, ``map@k``, ``recall@k``, ``mrr@k`` (over queries that hit within k, as CSD's) and
            ``mrr_all@k`` (the textbook's: a miss counts 0), see `metrics`.
        ci: 95 % bootstrap intervals over queries, by the same names.
    """

    queries: int
    dropped: int
    database: int
    classes: int
    chance: float
    numbers: Mapping[str, float]
    ci: Mapping[str, tuple[float, float]]

    def to_json(self) -> dict[str, Any]:
        return {
            **self.numbers,
            "ci95": {name: list(interval) for name, interval in self.ci.items()},
            "queries": self.queries,
            "dropped": self.dropped,
            "database": self.database,
            "classes": self.classes,
            "chance": self.chance,
        }


@dataclass(frozen=True)
class Side:
    """Queries or database: unit vectors (n, d), a label each ("" is unknown), and optionally a pool each.

    A query ranks the items of its own pool only; with the genre as pool, an artist is told from others of the genre.
    """

    vectors: Array
    labels: Array
    pools: Array | None = None

    def at(self, rows: Array) -> Side:
        return Side(self.vectors[rows], self.labels[rows], None if self.pools is None else self.pools[rows])


def retrieve(
    queries: Side, database: Side, ks: Sequence[int] = KS, seed: int = 42, progress: Progress | None = None
) -> Retrieval:
    """Answers all queries. ``seed`` draws the bootstrap.

    A pool with fewer items than k is ranked to its end. Raises Unanswerable when no query can be answered.

    >>> vectors = np.eye(3)
    >>> database = Side(vectors[[0, 0, 1]], np.array(["monet", "degas", "degas"]))
    >>> found = retrieve(Side(vectors[[0, 1, 2]], np.array(["degas", "degas", "cassatt"])), database, ks=(1, 2))
    >>> found.queries, found.dropped, found.numbers["recall@1"], found.numbers["recall@2"]
    (2, 1, 0.5, 1.0)
    """
    if (queries.pools is None) != (database.pools is None):
        raise ConfigError("either both the queries and the database have pools, or neither has")
    asked = len(queries.labels)
    queries, database = (side.at(np.flatnonzero(np.asarray(side.labels) != "")) for side in (queries, database))
    values: list[dict[str, Array]] = []
    relevant_share: list[Array] = []
    labels: list[Array] = []
    for theirs, ours in _pools(queries, database):
        known, counts = np.unique(ours.labels, return_counts=True)
        theirs = theirs.at(np.flatnonzero(np.isin(theirs.labels, known[counts < len(ours.labels)])))
        if not len(theirs.labels):
            continue
        hits, relevant = ranked_hits(theirs.vectors, ours.vectors, theirs.labels, ours.labels, max(ks), progress)
        values.append({f"{name}@{k}": column for k in ks for name, column in per_query(hits, k, relevant).items()})
        relevant_share.append(relevant / len(ours.labels))
        labels.append(theirs.labels)
    if not values:
        raise Unanswerable("no query can be answered: no label of theirs is in the database, or nothing else is")
    joined = {name: np.concatenate([one[name] for one in values]) for name in values[0]}
    answered = np.concatenate(labels)
    numbers = {name: _mean(column) for name, column in joined.items()}
    intervals = mean_intervals(joined, seed_from("retrieval", seed), BOOTSTRAP_ROUNDS)
    return Retrieval(
        len(answered),
        asked - len(answered),
        len(database.labels),
        len(np.unique(answered)),
        float(np.concatenate(relevant_share).mean()),
        numbers,
        intervals,
    )


def _mean(values: Array) -> float:
    """NaN is what does not count; where nothing counts (no query hit), the number is 0 as in `metrics`."""
    counted = values[~np.isnan(values)]
    return float(counted.mean()) if len(counted) else 0.0


def _pools(queries: Side, database: Side) -> list[tuple[Side, Side]]:
    """Queries and items pool by pool; pools with only one of them are left out."""
    if queries.pools is None or database.pools is None:
        return [(queries, database)] if len(queries.labels) and len(database.labels) else []
    names = np.intersect1d(queries.pools, database.pools)
    return [
        (queries.at(np.flatnonzero(queries.pools == name)), database.at(np.flatnonzero(database.pools == name)))
        for name in names
        if name != ""
    ]
