"""Makes the small pictures of triplets and real_vs_ai: content only, longest side 256 by default.

Paintings and variants pass through one and the same decode, resize and encode, so that no detector can tell them
apart by their format ("Fake or JPEG?", arXiv 2403.17608).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from artsim_dataset.images import shrink
from artsim_dataset.schema import BOX_COLUMNS
from builder.stage import Lane, Result, Row, Run


@dataclass(frozen=True)
class CropStage:
    """image, generated -> original_small, generated_small."""

    size: int
    quality: int

    name: ClassVar[str] = "crop"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("image", "generated", *BOX_COLUMNS)
    adds: ClassVar[pa.Schema] = pa.schema([("original_small", pa.binary()), ("generated_small", pa.binary())])
    plan_reads: ClassVar[tuple[str, ...]] = ()
    lane: ClassVar[Lane] = "cpu"

    def settings(self) -> Mapping[str, Any]:
        return {"size": self.size, "quality": self.quality}

    def plan(self, rows: pa.Table) -> None:
        return None

    @contextmanager
    def open(self) -> Iterator[Run]:
        def run(rows: Iterable[Row]) -> Iterator[Result]:
            for row in rows:
                box = [row[side] for side in BOX_COLUMNS]
                yield {
                    "original_small": shrink(row["image"], box, self.size, self.quality),
                    "generated_small": shrink(row["generated"], box, self.size, self.quality),
                }

        yield run
