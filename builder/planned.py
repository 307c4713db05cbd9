"""What a stage's plan gives to rows, by shard: in Arrow, so that all rows of a build are never Python objects at once.

A plan looks at light columns of all rows (`Stage.plan`). What it answers is kept as one table in the order of the
shards, and becomes rows of Python where a shard is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from artsim_dataset.errors import StageError
from builder.shards import StageFolder, read_rows
from builder.stage import Row, Stage

AT_ONCE = 4096
"""Values of a column that are Python objects at one time."""


class Planned(Mapping[str, dict[str, Row]]):
    """Shard -> id -> the columns that the plan gives this row; made when asked for.

    Args:
        table: ``id`` and the planned columns, ordered by shard.
        shards: all shards.
        starts: where each begins in the table, and the end of the last: len(shards) + 1 numbers.
    """

    def __init__(self, table: pa.Table | None, shards: Sequence[str], starts: Sequence[int]) -> None:
        self._table = table
        self._place = {shard: (starts[n], starts[n + 1]) for n, shard in enumerate(shards) if table is not None}

    def table(self, shard: str) -> pa.Table | None:
        """The rows of one shard, with no other's data behind them: it is sent to a worker. None without any."""
        start, end = self._place.get(shard, (0, 0))
        return None if self._table is None or start == end else self._table.take(np.arange(start, end))

    def __getitem__(self, shard: str) -> dict[str, Row]:
        if shard not in self._place:
            raise KeyError(shard)
        return by_id(self.table(shard))

    def __iter__(self) -> Iterator[str]:
        return iter(self._place)

    def __len__(self) -> int:
        return len(self._place)


def by_id(table: pa.Table | None) -> dict[str, Row]:
    """The rows of a table by their ids."""
    return {} if table is None else {row["id"]: row for row in table.to_pylist()}


def plan_rows(stage: Stage, upstream: Sequence[StageFolder], shards: Sequence[str]) -> Planned:
    """Asks the stage for its plan over all rows of ``shards``, read one shard after the other.

    Raises StageError when the plan names a row that is not there.
    """
    if not stage.plan_reads:
        return Planned(None, shards, ())
    tables = []
    for shard in shards:
        rows = read_rows(upstream, shard, stage.plan_reads)
        tables.append(pa.Table.from_pylist([{"id": r["id"], **{c: r[c] for c in stage.plan_reads}} for r in rows]))
    shard_of = np.repeat(np.arange(len(shards)), [table.num_rows for table in tables])
    if not len(shard_of):
        return Planned(None, shards, ())
    light = pa.concat_tables([table for table in tables if table.num_rows])
    plan = stage.plan(light)
    if plan is None:
        return Planned(None, shards, ())
    row = pc.index_in(plan["id"], value_set=light["id"].combine_chunks())
    if row.null_count:
        raise StageError(stage.name, "-", f"its plan names {row.null_count} rows that are not there")
    number = shard_of[row.to_numpy()]
    ordered = plan.take(np.argsort(number, kind="stable")).combine_chunks()
    return Planned(ordered, shards, np.searchsorted(np.sort(number), np.arange(len(shards) + 1)).tolist())


def values(column: pa.ChunkedArray | pa.Array) -> Iterator[str]:
    """The values of a column one by one, a few thousand Python objects at a time."""
    for start in range(0, len(column), AT_ONCE):
        yield from column.slice(start, AT_ONCE).to_pylist()


def ranks(texts: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """The place of each text in their order, (n,) int64: what breaks ties of hashes."""
    order = pc.sort_indices(texts).to_numpy()
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place
