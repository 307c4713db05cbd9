"""An encoder of images and texts that needs no weights, aligned about as CLIP is: a text lies near what it names, with
noise, and all texts lie apart from all images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from datasets import Dataset

from artsim_dataset.schema import painting_id_of, seed_from
from tests.artsim_dataset.learning import BOX, PixelEncoder, painting, pairs_dataset

GAP, NOISE = 0.3, 0.2


class TwoSidedEncoder(PixelEncoder):
    """The last word of a text names a painting. Counts the texts it encodes."""

    name = "two-sided"

    def __init__(self) -> None:
        super().__init__()
        self.texts = 0

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        self.texts += len(texts)
        return np.stack([self._text(text) for text in texts]).astype(np.float32)

    def _text(self, text: str) -> np.ndarray:
        noise = np.random.default_rng(seed_from("text", text)).normal(size=self.dim)
        return self._one(painting(text.split()[-1]).crop(BOX)) + GAP + NOISE * noise


def captioned(paintings: int, variants: int = 1, artists: int | None = None) -> Dataset:
    """`pairs` whose captions name the painting, in other words for its variants."""
    plain = pairs_dataset(paintings, variants, artists)
    named = [painting_id_of(id_) for id_ in plain["id"]]
    columns = {"caption": "a painting of", "generated_caption": "an image like"}
    for column, words in columns.items():
        feature = plain.features[column]
        texts = [f"{words} {name}" for name in named]
        plain = plain.remove_columns(column).add_column(column, texts, feature=feature)
    return plain
