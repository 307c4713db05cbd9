"""Captions of the paintings: one sentence each, from the pixels inside the content box and the genre."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from artsim_dataset.images import UndecodableImage, content
from artsim_dataset.schema import BOX_COLUMNS
from builder.batches import map_rows
from builder.models import Captioner
from builder.stage import Lane, Reject, Result, Row, Run


@dataclass(frozen=True)
class CaptionStage:
    """``image`` and ``genre`` -> ``caption``. ``open_model`` must be picklable: workers open their own."""

    open_model: Callable[[], AbstractContextManager[Captioner]]
    model_settings: Mapping[str, Any]
    lane: Lane = "cpu"

    name: ClassVar[str] = "caption"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("image", *BOX_COLUMNS, "genre")
    adds: ClassVar[pa.Schema] = pa.schema([pa.field("caption", pa.string())])
    plan_reads: ClassVar[tuple[str, ...]] = ()

    def settings(self) -> Mapping[str, Any]:
        return {"model": dict(self.model_settings)}

    def plan(self, rows: pa.Table) -> pa.Table | None:
        return None

    @contextmanager
    def open(self) -> Iterator[Run]:
        """Opens the captioner for as long as rows are mapped."""
        with self.open_model() as model:
            yield lambda rows: _caption(model, rows)


def _caption(model: Captioner, rows: Iterable[Row]) -> Iterator[Result]:
    def ask(items: Sequence[tuple[np.ndarray, str]]) -> list[str | Reject]:
        return model.caption([pixels for pixels, _ in items], [genre for _, genre in items])

    return map_rows(rows, _decoded, ask, lambda row, caption: {"caption": caption}, model.batch)


def _decoded(row: Row) -> tuple[np.ndarray, str] | Reject:
    try:
        return content(row["image"], *(row[side] for side in BOX_COLUMNS)), row["genre"]
    except UndecodableImage as error:
        return Reject("undecodable", str(error))
