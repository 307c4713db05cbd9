"""Makes the variants. Every image is checked before it is kept, and says in its row how it was made."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from artsim_dataset.triplets import Ring
from builder.batches import map_rows
from builder.images import content, decode, encode
from builder.models import ImageGenerator, ImageTask, Pixels
from builder.stage import Reject, Result, Row, Run

BOX = ("content_left", "content_top", "content_right", "content_bottom")

Made = tuple[Pixels, Mapping[str, Any]]
"""A variant and how it was made."""


@dataclass(frozen=True)
class GenerateStage:
    """painting and prompt -> variant, letterboxed as the painting is.

    Args:
        open_generator: opens the model; called once in each worker.
        model_settings: what identifies the model and its options; part of the fingerprint.
        quality: of the JPEG.
        seed: the build seed; decides which painting lends its style.
        batch: images given to the generator at once.
    """

    open_generator: Callable[[], AbstractContextManager[ImageGenerator]]
    model_settings: Mapping[str, Any]
    quality: int
    seed: int
    batch: int = 1

    name: ClassVar[str] = "generate"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("image", *BOX, "level", "seed", "prompt_compressed", "style_vector")
    adds: ClassVar[pa.Schema] = pa.schema(
        [("generated", pa.binary()), ("generator", pa.string()), ("provenance", pa.string())]
    )
    plan_reads: ClassVar[tuple[str, ...]] = ("painting_id", "genre", "style_vector")

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

            def run(rows: Iterable[Row]) -> Iterator[Result]:
                return map_rows(rows, _task, lambda tasks: _checked(generator, tasks), self._finish, self.batch)

            yield run

    def _finish(self, row: Row, made: Made) -> Result:
        pixels, provenance = made
        facts = {**provenance, "style_of": row["style_of"], "seed": row["seed"], "watermarked": False}
        return {
            "generated": encode(_letterbox(pixels, row), self.quality),
            "generator": facts["generator"],
            "provenance": json.dumps(facts, sort_keys=True, ensure_ascii=False),
        }


def _checked(generator: ImageGenerator, tasks: Sequence[ImageTask]) -> list[Made | Reject]:
    """What the generator made, each image beside its provenance, or a reject for an image with a fault."""
    answers: list[Made | Reject] = []
    for task, made in zip(tasks, generator.generate(tasks), strict=True):
        problem = made if isinstance(made, Reject) else fault(made, task.image)
        answers.append(problem or (made, generator.provenance(task)))  # type: ignore[arg-type]
    return answers


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


def fault(variant: Pixels, painting: Pixels) -> Reject | None:
    """What is wrong with a generated image, if anything: another size, all black, one colour, or the painting itself.

    Limits are in grey levels of 255, wide enough for JPEG noise.
    """
    if variant.shape != painting.shape:
        return Reject("wrong_size", f"the variant is {variant.shape[1::-1]}, the painting {painting.shape[1::-1]}")
    spread = float(variant.std())
    if variant.max() < 8:
        return Reject("black", "the variant is all black")
    if spread < 1:
        return Reject("constant", "the variant is of one colour")
    if float(np.abs(variant.astype(np.int16) - painting).mean()) < 0.5:
        return Reject("identical", "the variant is the painting itself")
    return None


def _task(row: Row) -> ImageTask:
    return ImageTask(
        image=content(row["image"], *(row[side] for side in BOX)),
        prompt=row["prompt_compressed"],
        level=row["level"],
        seed=row["seed"],
        style=np.frombuffer(row["style"], np.float32),
        own_style=np.frombuffer(row["style_vector"], np.float32),
    )


def _letterbox(variant: Pixels, row: Row) -> Pixels:
    """The variant where the painting is: on black, in a frame of the same size."""
    frame = np.zeros_like(decode(row["image"]))
    left, top, right, bottom = (row[side] for side in BOX)
    frame[top:bottom, left:right] = variant
    return frame
