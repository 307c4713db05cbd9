"""An encoder of the user's own, ``python:FILE.py:Class``: a class that is held to the protocol.

Embeddings are kept by name and revision, so the name is the reference that it was asked for by, and the class says its
revision: change that whenever the code would give other numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from artsim_dataset.encoders import Encoder
from artsim_dataset.errors import ConfigError
from artsim_dataset.own_code import construct, load_class

PREFIX = "python:"
MEMBERS = ("encode",)


def open_own(name: str) -> Encoder:
    """The encoder that ``python:REFERENCE`` names, made without arguments.

    Raises ConfigError when there is no such class, or it does not say its ``revision`` (a text) and ``dim``.
    """
    reference = name.removeprefix(PREFIX)
    made = construct(reference, load_class(reference, MEMBERS), {})
    revision, dim = getattr(made, "revision", None), getattr(made, "dim", None)
    if not isinstance(revision, str) or not revision or not isinstance(dim, int) or dim < 1:
        raise ConfigError(f"the encoder {reference} needs a revision (a text) and a dim (an integer of at least 1)")
    return OwnTextEncoder(name, made) if hasattr(made, "encode_text") else OwnEncoder(name, made)


class OwnEncoder:
    """Implements :class:`artsim_dataset.encoders.Encoder` by another's work, checked."""

    def __init__(self, name: str, made: Any) -> None:
        self.name, self.revision, self.dim = name, str(made.revision), int(made.dim)
        self.backend = str(getattr(made, "backend", "pil"))
        self.batch = int(getattr(made, "batch", 32))
        self._made = made

    def encode(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Embeddings, shape (n, dim), float32. ConfigError when the class answers with another shape."""
        return self._checked(self._made.encode(images), len(images))

    def _checked(self, vectors: Any, count: int) -> np.ndarray:
        array = np.asarray(vectors, np.float32)
        if array.shape != (count, self.dim):
            raise ConfigError(f"{self.name} answered shape {array.shape} for {count} inputs of {self.dim} numbers each")
        return array


class OwnTextEncoder(OwnEncoder):
    """The same for a class that takes texts too."""

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Embeddings of texts, shape (n, dim), float32."""
        return self._checked(self._made.encode_text(texts), len(texts))
