"""Captions of the variants, by the captioner of the paintings, from their pixels alone.

Decision: the genre is not told. A variant's genre is the very thing that was changed, so a caption that repeated the
painting's would claim what nobody measured; and a genre word shared by anchor and positive, but never by a negative of
another genre, would give every text triplet away.
"""

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
class RecaptionStage:
    """``generated`` -> ``generated_caption``. ``open_model`` must be picklable: workers open their own."""

    open_model: Callable[[], AbstractContextManager[Captioner]]
    model_settings: Mapping[str, Any]
    lane: Lane = "cpu"

    name: ClassVar[str] = "recaption"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("generated", *BOX_COLUMNS)
    adds: ClassVar[pa.Schema] = pa.schema([pa.field("generated_caption", pa.string())])
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
    def ask(items: Sequence[np.ndarray]) -> list[str | Reject]:
        return model.caption(items, [""] * len(items))

    return map_rows(rows, _decoded, ask, lambda row, caption: {"generated_caption": caption}, model.batch)


def _decoded(row: Row) -> np.ndarray | Reject:
    try:
        return content(row["generated"], *(row[side] for side in BOX_COLUMNS))
    except UndecodableImage as error:
        return Reject("undecodable", str(error))
