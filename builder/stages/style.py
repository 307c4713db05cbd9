"""Measures the style vector of each painting: what `lite` paints with, and what near-duplicates are looked up by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from artsim_dataset import style_network
from artsim_dataset.images import content_image
from builder.stage import Lane, Result, Row, Run


@dataclass(frozen=True)
class StyleStage:
    """image -> 100 float32 numbers, as bytes."""

    name: ClassVar[str] = "style"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("image", "content_left", "content_top", "content_right", "content_bottom")
    adds: ClassVar[pa.Schema] = pa.schema([("style_vector", pa.binary(4 * style_network.STYLE_DIM))])
    plan_reads: ClassVar[tuple[str, ...]] = ()
    lane: ClassVar[Lane] = "cpu"

    def settings(self) -> Mapping[str, Any]:
        return {"network": style_network.SHA256["predict"]}

    def plan(self, rows: pa.Table) -> None:
        return None

    @contextmanager
    def open(self) -> Iterator[Run]:
        style_network.session("predict")

        def run(rows: Iterable[Row]) -> Iterator[Result]:
            for row in rows:
                box = (row["content_left"], row["content_top"], row["content_right"], row["content_bottom"])
                vectors = style_network.style_vectors([content_image(row["image"], *box)])
                yield {"style_vector": vectors[0].tobytes()}

        yield run
        style_network.session.cache_clear()
