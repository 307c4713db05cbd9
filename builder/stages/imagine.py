"""Makes images from prompts alone: there is no painting to start from, and no letterbox to keep."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from builder.batches import map_rows
from builder.checks import generate_checked
from builder.images import encode
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

            def run(rows: Iterable[Row]) -> Iterator[Result]:
                return map_rows(
                    rows, _task, lambda tasks: generate_checked(generator, tasks), self._finish, generator.batch
                )

            yield run

    def _finish(self, row: Row, made: Made) -> Result:
        facts = {"seed": row["seed"], "watermarked": False, **made.provenance}
        return {
            "image": encode(made.pixels, self.quality),
            "generator": facts["generator"],
            "provenance": json.dumps(facts, sort_keys=True, ensure_ascii=False),
        }


def _task(row: Row) -> ImageTask:
    return ImageTask(row["id"], None, row["prompt_compressed"], "", row["seed"])
