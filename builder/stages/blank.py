"""A step that a preset leaves out: its columns are there and empty, so that every data set has the same columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from builder.stage import Lane, Result, Row, Run


@dataclass(frozen=True)
class BlankStage:
    """Adds ``columns``: the empty text, or zero tokens, in every row.

    Args:
        name: of the stage that is left out.
        columns: texts that stay empty.
        counts: numbers that stay 0.
    """

    name: str
    columns: tuple[str, ...]
    counts: tuple[str, ...] = ()

    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ()
    plan_reads: ClassVar[tuple[str, ...]] = ()
    lane: ClassVar[Lane] = "cpu"

    @property
    def adds(self) -> pa.Schema:
        texts = [pa.field(name, pa.string()) for name in self.columns]
        return pa.schema([*texts, *(pa.field(name, pa.int32()) for name in self.counts)])

    def settings(self) -> Mapping[str, Any]:
        return {"model": "none"}

    def plan(self, rows: pa.Table) -> pa.Table | None:
        return None

    @contextmanager
    def open(self) -> Iterator[Run]:
        """Nothing to load."""

        def run(rows: Iterable[Row]) -> Iterator[Result]:
            for _ in rows:
                yield {**dict.fromkeys(self.columns, ""), **dict.fromkeys(self.counts, 0)}

        yield run
