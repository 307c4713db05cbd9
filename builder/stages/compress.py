"""Prompts that fit CLIP: the complete one stays, the compressed one is added, both are counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from builder.batches import map_rows
from builder.models import Compressor
from builder.stage import Lane, Result, Row, Run


@dataclass(frozen=True)
class CompressStage:
    """``prompt_complete`` -> ``prompt_compressed`` and the token counts of both (CLIP, without begin and end marks)."""

    open_model: Callable[[], AbstractContextManager[Compressor]]
    model_settings: Mapping[str, Any]
    lane: Lane = "cpu"

    name: ClassVar[str] = "compress"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("prompt_complete",)
    adds: ClassVar[pa.Schema] = pa.schema(
        [
            pa.field("prompt_compressed", pa.string()),
            pa.field("prompt_tokens", pa.int32()),
            pa.field("prompt_complete_tokens", pa.int32()),
        ]
    )
    plan_reads: ClassVar[tuple[str, ...]] = ()

    def settings(self) -> Mapping[str, Any]:
        return {"model": dict(self.model_settings)}

    def plan(self, rows: pa.Table) -> pa.Table | None:
        return None

    @contextmanager
    def open(self) -> Iterator[Run]:
        """Opens the compressor for as long as rows are mapped."""
        with self.open_model() as model:
            yield lambda rows: _compress(model, rows)


def _compress(model: Compressor, rows: Iterable[Row]) -> Iterator[Result]:
    def finish(row: Row, compressed: str) -> Row:
        return {
            "prompt_compressed": compressed,
            "prompt_tokens": model.count(compressed),
            "prompt_complete_tokens": model.count(row["prompt_complete"]),
        }

    return map_rows(rows, lambda row: str(row["prompt_complete"]), model.compress, finish, model.batch)
