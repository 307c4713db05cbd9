"""Makes images from prompts alone: there is no painting to start from, and no letterbox to keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from artsim_dataset.images import encode
from builder.checks import map_generated, provenance_columns
from builder.models import ImageGenerator, ImageTask, Made
from builder.stage import Lane, Result, Row, Run


@dataclass(frozen=True)
class ImagineStage:
    """prompt and seed -> ``image``. Arguments as of GenerateStage."""

    open_generator: Callable[[], AbstractContextManager[ImageGenerator]]
    model_settings: Mapping[str, Any]
    quality: int
    lane: Lane = "cpu"

    name: ClassVar[str] = "imagine"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("seed", "prompt_compressed")
    adds: ClassVar[pa.Schema] = pa.schema(
        [("image", pa.binary()), ("generator", pa.string()), ("provenance", pa.string())]
    )
    plan_reads: ClassVar[tuple[str, ...]] = ()

    def settings(self) -> Mapping[str, Any]:
        return {**self.model_settings, "quality": self.quality}

    def plan(self, rows: pa.Table) -> pa.Table | None:
        return None

    @contextmanager
    def open(self) -> Iterator[Run]:
        """Opens the generator for as long as rows are mapped."""
        with self.open_generator() as generator:
            yield lambda rows: map_generated(generator, rows, _task, self._finish)

    def _finish(self, row: Row, made: Made) -> Result:
        return {"image": encode(made.pixels, self.quality), **provenance_columns(row, made)}


def _task(row: Row) -> ImageTask:
    return ImageTask(row["id"], None, row["prompt_compressed"], "", row["seed"])
