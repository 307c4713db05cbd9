"""Makes the small pictures of triplets and real_vs_ai: content only, longest side 256 by default.

Paintings and variants pass through one and the same decode, resize and encode, so that no detector can tell them
apart by their format ("Fake or JPEG?", arXiv 2403.17608).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from PIL import Image

from builder.images import content, encode
from builder.stage import Lane, Result, Row, Run

BOX = ("content_left", "content_top", "content_right", "content_bottom")


@dataclass(frozen=True)
class CropStage:
    """image, generated -> original_small, generated_small."""

    size: int
    quality: int

    name: ClassVar[str] = "crop"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("image", "generated", *BOX)
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
                box = [row[side] for side in BOX]
                yield {
                    "original_small": self._small(row["image"], box),
                    "generated_small": self._small(row["generated"], box),
                }

        yield run

    def _small(self, jpeg: bytes, box: list[int]) -> bytes:
        picture = Image.fromarray(content(jpeg, *box))
        scale = self.size / max(picture.size)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        return encode(np.asarray(picture.resize(size, Image.Resampling.LANCZOS)), self.quality)
