"""What every generated image must pass, and the second chance of one that does not.

A NaN from a half-precision VAE, a black frame from an overflow, a pipeline that hands its input back: each would enter
the data set as a variant and teach a model nonsense.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from builder.batches import map_rows
from builder.models import ImageGenerator, ImageTask, Made, Pixels
from builder.stage import Reject, Result, Row

_FINAL = frozenset(["safety_checker", "content_policy", "refused_by_server", "wrong_size"])
"""Reasons that another way of decoding would not cure, or must not get around."""

logger = logging.getLogger(__name__)


def map_generated(
    generator: ImageGenerator,
    rows: Iterable[Row],
    task: Callable[[Row], ImageTask | Reject],
    finish: Callable[[Row, Made], Result],
) -> Iterator[Result]:
    """One result for each row, through the generator and the checks, in the generator's batches."""
    return map_rows(rows, task, lambda tasks: generate_checked(generator, tasks), finish, generator.batch)


def provenance_columns(row: Row, made: Made, **more: Any) -> Row:
    """``generator`` and ``provenance``, the latter as JSON with the row's seed in it."""
    facts = {"seed": row["seed"], "watermarked": False, **made.provenance, **more}
    return {"generator": facts["generator"], "provenance": json.dumps(facts, sort_keys=True, ensure_ascii=False)}


def generate_checked(generator: ImageGenerator, tasks: Sequence[ImageTask]) -> list[Made | Reject]:
    """What the generator made of each task, checked; an image with a fault is made once more, carefully."""
    return [_checked(generator, task, made) for task, made in zip(tasks, generator.generate(tasks), strict=True)]


def _checked(generator: ImageGenerator, task: ImageTask, made: Made | Reject) -> Made | Reject:
    first = problem(task, made)
    if first is None or first.reason in _FINAL:
        return first or made
    again = generator.careful(task)
    if again is None:
        return first
    second = problem(task, again)
    logger.info("%s: %s (%s)", task.id, first.message, "made again with care" if second is None else "and so again")
    return second or again


def problem(task: ImageTask, made: Made | Reject) -> Reject | None:
    """The reject that an answer is or deserves."""
    return made if isinstance(made, Reject) else fault(made.pixels, task.image)


def fault(variant: Pixels, painting: Pixels | None = None) -> Reject | None:
    """What is wrong with a generated image, if anything: another size, all black, one colour, or the painting itself.

    Limits are in grey levels of 255, wide enough for JPEG noise. Every eighth line decides where it can: what these
    lines add to a sum of all is never negative, so when they alone pass the limit, the whole does. That is next to
    always, and an eighth of the work; the few others are counted in full.
    """
    if painting is not None and variant.shape != painting.shape:
        return Reject("wrong_size", f"the variant is {variant.shape[1::-1]}, the painting {painting.shape[1::-1]}")
    some = variant[::_LINES]
    share = some.size / variant.size
    if some.max() < 8 and variant.max() < 8:
        return Reject("black", "the variant is all black")
    if share * _variance(some) < 1.01 and _variance(variant) < 1:
        return Reject("constant", "the variant is of one colour")
    if painting is not None:
        apart = share * _difference(some, painting[::_LINES])
        if apart < 0.51 and _difference(variant, painting) < 0.5:
            return Reject("identical", "the variant is the painting itself")
    return None


_LINES = 8


def _variance(image: Pixels) -> float:
    """That of the band that varies most. One of all bands together would be large in a picture of one bright colour."""
    return max(float(image[..., band].var()) for band in range(3))


def _difference(one: Pixels, other: Pixels) -> float:
    """Mean absolute difference in grey levels."""
    return float(np.abs(one.astype(np.int16) - other).mean())
