"""The seams between stages and models. A stage receives one of these and never knows which it got.

Every method takes a batch and returns one result for each item, in order. An item that cannot be done is
answered with a :class:`builder.stage.Reject` in its place; an exception means that the model itself broke.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from artsim_dataset.schema import Level, Painting
from builder.stage import Reject

Pixels = np.ndarray
"""An image: uint8, shape (height, width, 3), RGB."""


@dataclass(frozen=True)
class PromptTask:
    """What a prompt is written from. ``change`` is the kind of radical change ('' for moderate)."""

    painting: Painting
    caption: str
    level: Level | Literal[""]
    change: str
    seed: int


@dataclass(frozen=True)
class ImageTask:
    """What a variant is made from. ``image`` is the painting without its letterbox bars; a text-to-image generator
    gets none."""

    id: str
    image: Pixels | None
    prompt: str
    level: Level | Literal[""]
    seed: int
    style: np.ndarray | None = None
    own_style: np.ndarray | None = None


@dataclass(frozen=True)
class Made:
    """A variant, and all that is needed to make it again. ``provenance`` holds plain JSON values."""

    pixels: Pixels
    provenance: Mapping[str, Any]


class Captioner(Protocol):
    """image -> one sentence that says what it shows. ``batch``: how many it takes at once."""

    @property
    def batch(self) -> int: ...

    def caption(self, images: Sequence[Pixels], genres: Sequence[str]) -> list[str | Reject]: ...


class PromptWriter(Protocol):
    """facts about a painting -> the complete prompt, at most 75 words, naming neither artist nor title."""

    @property
    def batch(self) -> int: ...

    def write(self, tasks: Sequence[PromptTask]) -> list[str | Reject]: ...


class Compressor(Protocol):
    """prompt -> a prompt of at most 75 CLIP tokens."""

    @property
    def batch(self) -> int: ...

    def count(self, text: str) -> int: ...

    def compress(self, prompts: Sequence[str]) -> list[str | Reject]: ...


class ImageGenerator(Protocol):
    """image and prompt -> variant of the same height and width.

    ``careful`` asks for the most robust way there is, after an image had a fault: the VAE in full precision. A
    generator that knows no other way answers None.
    """

    @property
    def batch(self) -> int: ...

    def generate(self, tasks: Sequence[ImageTask]) -> list[Made | Reject]: ...

    def careful(self, task: ImageTask) -> Made | Reject | None: ...
