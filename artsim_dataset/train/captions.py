"""Captions as embeddings: encoded once, kept in the store of the encoder's images, addressed by the text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import Progress
from artsim_dataset.encoders.text import text_encoder

TEXTS_AT_ONCE = 256


def text_key(text: str) -> bytes:
    """32 bytes that name the embedding of a text."""
    return hashlib.sha256(b"text|" + text.encode()).digest()


def embed_texts(
    texts: Sequence[str], encoder: Encoder, cache: EmbeddingCache, progress: Progress | None = None
) -> np.ndarray:
    """Positions in ``cache`` of the embeddings of ``texts``, (n,), after encoding those it did not have.

    Written to the cache as it goes on: an interrupted run goes on where it was. ConfigError when the encoder has no
    text side.
    """
    encode = text_encoder(encoder).encode_text
    keys = [text_key(text) for text in texts]
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in cache}
    for at in range(0, len(missing), TEXTS_AT_ONCE):
        block = dict(list(missing.items())[at : at + TEXTS_AT_ONCE])
        cache.add(dict(zip(block, encode(list(block.values())), strict=True)))
        if progress:
            progress("captions", at + len(block), len(missing))
    return cache.positions(keys)
