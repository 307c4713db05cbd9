"""Makes the variants. Every image is checked before it is kept, and says in its row how it was made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from artsim_dataset.images import UndecodableImage, content, encode, size_of
from artsim_dataset.schema import BOX_COLUMNS
from artsim_dataset.triplets import Ring
from builder.checks import map_generated, provenance_columns
from builder.models import ImageGenerator, ImageTask, Made, Pixels
from builder.stage import Lane, Reject, Result, Row, Run


@dataclass(frozen=True)
class GenerateStage:
    """painting and prompt -> variant, letterboxed as the painting is.

    Args:
        open_generator: opens the model; called once in each worker.
        model_settings: what identifies the model and its options; part of the fingerprint.
        quality: of the JPEG.
        seed: the build seed; decides which painting lends its style.
        lane: where it runs.
        styled: whether the generator takes the style of another painting.
    """

    open_generator: Callable[[], AbstractContextManager[ImageGenerator]]
    model_settings: Mapping[str, Any]
    quality: int
    seed: int
    lane: Lane = "cpu"
    styled: bool = False

    name: ClassVar[str] = "generate"
    version: ClassVar[int] = 2
    reads: ClassVar[tuple[str, ...]] = ("image", *BOX_COLUMNS, "level", "seed", "prompt_compressed", "style_vector")
    adds: ClassVar[pa.Schema] = pa.schema(
        [("generated", pa.binary()), ("generator", pa.string()), ("provenance", pa.string())]
    )

    @property
    def plan_reads(self) -> tuple[str, ...]:
        return ("painting_id", "genre", "style_vector") if self.styled else ()

    def settings(self) -> Mapping[str, Any]:
        return {**self.model_settings, "quality": self.quality, "seed": self.seed}

    def plan(self, rows: pa.Table) -> pa.Table:
        """Gives each variant the style of a painting of another genre: columns ``style_of`` and ``style``."""
        lenders = choose_styles(
            rows["id"].to_pylist(), rows["painting_id"].to_pylist(), rows["genre"].to_pylist(), self.seed
        )
        styles = dict(zip(rows["painting_id"].to_pylist(), rows["style_vector"].to_pylist(), strict=True))
        table = {"id": rows["id"], "style_of": lenders, "style": [styles[lender] for lender in lenders]}
        return pa.table(table)

    @contextmanager
    def open(self) -> Iterator[Run]:
        with self.open_generator() as generator:
            yield lambda rows: map_generated(generator, rows, _task, self._finish)

    def _finish(self, row: Row, made: Made) -> Result:
        styled = {"style_of": row["style_of"]} if self.styled else {}
        image = encode(_letterbox(made.pixels, row), self.quality)
        return {"generated": image, **provenance_columns(row, made, **styled)}


def choose_styles(ids: Sequence[str], paintings: Sequence[str], genres: Sequence[str], seed: int) -> list[str]:
    """For each variant, the id of a painting of another genre whose style it takes.

    Paintings stand on a ring at the hash of their id; a variant takes the first of another genre after the hash of
    its own id. One painting more or less changes the few variants beside it, and no others. With a single genre, the
    first other painting is taken.

    Args:
        ids, paintings, genres: of each variant, in step.
    """
    genre_of = dict(zip(paintings, genres, strict=True))
    ring = Ring(genre_of, "style")
    several = len(set(genre_of.values())) > 1
    chosen = []
    for variant, painting, genre in zip(ids, paintings, genres, strict=True):

        def other(candidate: str, painting: str = painting, genre: str = genre) -> bool:
            return genre_of[candidate] != genre if several else candidate != painting

        chosen.append(ring.first(variant, seed, accept=other) or painting)
    return chosen


def _task(row: Row) -> ImageTask | Reject:
    try:
        image = content(row["image"], *(row[side] for side in BOX_COLUMNS))
    except UndecodableImage as error:
        return Reject("undecodable", str(error))
    style = row.get("style")
    return ImageTask(
        id=row["id"],
        image=image,
        prompt=row["prompt_compressed"],
        level=row["level"],
        seed=row["seed"],
        style=None if style is None else np.frombuffer(style, np.float32),
        own_style=np.frombuffer(row["style_vector"], np.float32),
    )


def _letterbox(variant: Pixels, row: Row) -> Pixels:
    """The variant where the painting is: on black, in a frame of the same size."""
    width, height = size_of(row["image"])
    frame = np.zeros((height, width, 3), np.uint8)
    left, top, right, bottom = (row[side] for side in BOX_COLUMNS)
    frame[top:bottom, left:right] = variant
    return frame
