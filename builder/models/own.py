"""A generator of the user's own (``generate.kind=own``): a class named in the settings, held to the protocol.

Its answers are checked before they go on, so that a mistake in it is told in its author's words (size, type, count)
and not as an error somewhere in the pipeline.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

import numpy as np

from artsim_dataset.errors import ConfigError
from artsim_dataset.own_code import construct, load_class
from builder.models import ImageGenerator, ImageTask, Made
from builder.stage import Lane, Reject

MEMBERS = ("batch", "settings", "generate", "careful")
LANES: tuple[Lane, ...] = ("cpu", "gpu", "api")


def own_settings(reference: str, options: Mapping[str, Any]) -> tuple[dict[str, Any], Lane]:
    """What identifies the generator (its class and its own ``settings()``), and where it runs (its ``lane``, or cpu).

    Raises ConfigError when there is no such class, or it does not say who it is.
    """
    found = load_class(reference, MEMBERS)
    settings = construct(reference, found, options).settings()
    lane = getattr(found, "lane", "cpu")
    if lane not in LANES:
        raise ConfigError(f"the lane of {reference} is {lane!r}; lanes are: {', '.join(LANES)}")
    if not isinstance(settings, dict) or not isinstance(settings.get("generator"), str):
        raise ConfigError(f"settings() of {reference} must return a dict whose 'generator' is the generator's name")
    try:
        json.dumps(settings)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"settings() of {reference} must hold plain JSON values: {error}") from error
    # The card names a stage's maker by its model.
    return {"kind": "own", "object": shown_reference(reference), "model": settings["generator"], **settings}, lane


def shown_reference(reference: str) -> str:
    """The reference without the folder that a file lies in, which is this machine's own business.

    >>> shown_reference("~/code/my_generator.py:Posterize"), shown_reference("my_package.art:Posterize")
    ('my_generator.py:Posterize', 'my_package.art:Posterize')
    """
    where, _, name = reference.rpartition(":")
    return f"{Path(where).name if where.endswith('.py') else where}:{name}"


@contextmanager
def open_own(reference: str, options: Mapping[str, Any]) -> Iterator[ImageGenerator]:
    """Makes the generator in a worker. One that is a context manager is entered, and left at the end."""
    made = construct(reference, load_class(reference, MEMBERS), options)
    context: AbstractContextManager[Any] = made if isinstance(made, AbstractContextManager) else nullcontext(made)
    with context as generator:
        yield _Held(reference, generator)


class _Held:
    """Implements ``ImageGenerator`` by another's work, checked."""

    def __init__(self, reference: str, generator: Any) -> None:
        self._reference, self._generator = reference, generator
        self.batch = int(generator.batch)

    def generate(self, tasks: Sequence[ImageTask]) -> list[Made | Reject]:
        answers = list(self._generator.generate(tasks))
        if len(answers) != len(tasks):
            raise ConfigError(f"{self._reference} answered {len(answers)} images for {len(tasks)} tasks")
        return [self._checked(answer) for answer in answers]

    def careful(self, task: ImageTask) -> Made | Reject | None:
        answer = self._generator.careful(task)
        return None if answer is None else self._checked(answer)

    def _checked(self, answer: object) -> Made | Reject:
        if isinstance(answer, Reject):
            return answer
        if not isinstance(answer, Made):
            raise ConfigError(f"{self._reference} answered a {type(answer).__name__}, not Made or Reject")
        pixels = cast(object, answer.pixels)
        if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            what = f"{pixels.dtype} {pixels.shape}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
            raise ConfigError(f"pixels of {self._reference} must be uint8 of shape (height, width, 3), not {what}")
        if "generator" not in answer.provenance:
            raise ConfigError(f"provenance of {self._reference} must name the 'generator'; pass on settings()")
        return answer
