"""The text side of an encoder, for those that have one: captions as a second modality need it."""

from __future__ import annotations

from artsim_dataset.encoders import Encoder, TextEncoder
from artsim_dataset.errors import ConfigError


def text_encoder(encoder: Encoder) -> TextEncoder:
    """The encoder itself, when it has a text side; ConfigError names one that has when it has not."""
    if not isinstance(encoder, TextEncoder):
        raise ConfigError(
            f"the encoder '{encoder.name}' takes no texts; take one that does, such as openai/clip-vit-base-patch32"
        )
    return encoder
