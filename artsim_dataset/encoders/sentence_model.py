"""Any SentenceTransformer that takes images as an encoder: one of the Hub's, or one that artsim trained.

A model of artsim's is read by :func:`artsim_dataset.model.load_model`, so that nobody has to trust remote code. Of all
others only those that need no code of their own are opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from artsim_dataset.encoders import Encoder
from artsim_dataset.errors import ConfigError, MissingExtra
from artsim_dataset.weights import Weights, loading


def open_sentence_model(name: str, weights: Weights, modules: Path) -> Encoder:
    """The encoder of a SentenceTransformer; ``modules`` is its modules.json on this disk."""
    from artsim_dataset.encoders.hub import file_of
    from artsim_dataset.model import ENCODER_FILE

    if file_of(weights, ENCODER_FILE):
        return TrainedEncoder(name, weights)
    try:
        model = _opened(weights)
    except ImportError as error:
        raise MissingExtra(f"the encoder {weights.name}", "train") from error
    if "image" not in model.modalities:
        takes = ", ".join(str(modality) for modality in model.modalities)
        raise ConfigError(f"the SentenceTransformer {weights.name} takes {takes} and no images")
    both = "text" in model.modalities
    return (SentenceTwoTowerEncoder if both else SentenceImageEncoder)(name, weights.revision, model)


def _opened(weights: Weights) -> Any:
    from sentence_transformers import SentenceTransformer

    with loading(weights.name):
        return SentenceTransformer(weights.place, revision=weights.commit)


class TrainedEncoder:
    """A model that artsim trained: unit vectors. Implements :class:`artsim_dataset.encoders.Encoder`."""

    def __init__(self, name: str, weights: Weights) -> None:
        from artsim_dataset.model import load_model

        self.name, self.revision = name, weights.revision
        self._model = load_model(_folder(weights))
        self.backend = getattr(self._model.encoder, "backend", "pil")
        self.batch = getattr(self._model.encoder, "batch", 32)
        self.dim = self.encode([Image.new("RGB", (64, 64), (128, 128, 128))]).shape[1]

    def encode(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Unit vectors of images, shape (n, dim), float32."""
        return self._model.encode(images) if images else np.empty((0, self.dim), np.float32)


def _folder(weights: Weights) -> Path:
    if weights.folder:
        return Path(weights.folder)
    from huggingface_hub import snapshot_download

    with loading(weights.name):
        return Path(snapshot_download(weights.name, revision=weights.revision))


class SentenceImageEncoder:
    """Implements :class:`artsim_dataset.encoders.Encoder` with a SentenceTransformer.

    On a CPU images go through one by one, so that none depends on those beside it. Which image processor it takes is
    its own choice; ``backend`` says which one that was.
    """

    def __init__(self, name: str, revision: str, model: Any) -> None:
        self.name, self.revision = name, revision
        self._model = model.eval()
        self.batch = 8 if model.device.type == "cpu" else 64
        processor = getattr(getattr(model[0], "processor", None), "image_processor", None)
        precision = str(next(model.parameters()).dtype).removeprefix("torch.")
        self.backend = f"{getattr(processor, 'backend', 'pil')}-{precision}"
        self.dim = 0
        self.dim = self.encode([Image.new("RGB", (64, 64), (128, 128, 128))]).shape[1]

    def encode(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Embeddings of images, shape (n, dim), float32; of unit length when the model ends in a Normalize module."""
        return self._encode([image if image.mode == "RGB" else image.convert("RGB") for image in images])

    def _encode(self, items: Sequence[Any]) -> np.ndarray:
        if not items:
            return np.empty((0, self.dim), np.float32)
        size = 1 if self._model.device.type == "cpu" else self.batch
        vectors = self._model.encode(list(items), batch_size=size, show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(vectors, np.float32)


class SentenceTwoTowerEncoder(SentenceImageEncoder):
    """One that takes texts as well. Implements :class:`artsim_dataset.encoders.TextEncoder`."""

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Embeddings of texts, shape (n, dim), float32."""
        return self._encode(texts)
