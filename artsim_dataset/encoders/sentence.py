"""Our modules of a SentenceTransformer, so that models trained here are used like any other: the encoder as the first
one, and the transformer head of S2. Dense and Normalize are their own.

Images are encoded where sentence-transformers prepares inputs, since our encoders take PIL images. Nothing here is
trained: what is trained end to end is made of their modules alone (`train.end_to_end`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save_file
from sentence_transformers.base.modality import is_image_url_or_path
from sentence_transformers.base.modules.input_module import InputModule
from sentence_transformers.base.modules.module import Module

from artsim_dataset.encoders import Encoder, TextEncoder, get_encoder_of
from artsim_dataset.encoders.text import text_encoder
from artsim_dataset.errors import ConfigError
from artsim_dataset.model import ENCODER_FILE, check_revision
from artsim_dataset.train.transformer_head import TransformerHead, TransformerLayer


class EncoderModule(InputModule):
    """Wraps an :class:`Encoder`. Takes PIL images, paths of images, or uint8 arrays (height, width, 3); and texts, when
    the encoder does."""

    config_file_name = ENCODER_FILE
    config_keys = ["encoder", "revision", "dim"]

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self._encoder = encoder
        self.encoder, self.revision, self.dim = encoder.name, encoder.revision, encoder.dim

    @property
    def modalities(self) -> list[Any]:
        return ["text", "image"] if isinstance(self._encoder, TextEncoder) else ["image"]

    def preprocess(self, inputs: Sequence[Any], prompt: str | None = None, **kwargs: Any) -> dict[str, torch.Tensor]:
        vectors = np.empty((len(inputs), self.dim), np.float32)
        is_text = np.array([self._is_text(item) for item in inputs], bool)
        if is_text.any():
            texts = [(prompt or "") + item for item, text in zip(inputs, is_text, strict=True) if text]
            vectors[is_text] = text_encoder(self._encoder).encode_text(texts)
        if not is_text.all():
            images = [_image(item) for item, text in zip(inputs, is_text, strict=True) if not text]
            vectors[~is_text] = self._encoder.encode(images)
        return {"sentence_embedding": torch.from_numpy(vectors)}

    def _is_text(self, item: Any) -> bool:
        """A string is a text for an encoder that takes texts, unless it names an image that is there."""
        two_sided = isinstance(self._encoder, TextEncoder)
        return two_sided and isinstance(item, str) and not is_image_url_or_path(item)

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return features

    def get_embedding_dimension(self) -> int:
        return self.dim

    def save(self, output_path: str, *args: Any, safe_serialization: bool = True, **kwargs: Any) -> None:
        self.save_config(output_path)

    @classmethod
    def load(
        cls,
        model_name_or_path: str,
        subfolder: str = "",
        token: bool | str | None = None,
        cache_folder: str | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        init_defaults: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> EncoderModule:
        config = cls.load_config(
            model_name_or_path,
            subfolder=subfolder,
            token=token,
            cache_folder=cache_folder,
            revision=revision,
            local_files_only=local_files_only,
        )
        encoder = get_encoder_of(model_name_or_path, config["encoder"], config["revision"])
        check_revision(encoder, config["revision"], model_name_or_path)
        return cls(encoder)


class TransformerHeadModule(Module):
    """The transformer head of S2 as a module: unit vectors from the embeddings of the module before."""

    config_keys = ["inputs", "dim"]

    def __init__(self, inputs: int, dim: int) -> None:
        super().__init__()
        self.inputs, self.dim = inputs, dim
        self.head = TransformerHead(inputs, dim)

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        features["sentence_embedding"] = self.head(features["sentence_embedding"])
        return features

    def get_embedding_dimension(self) -> int:
        return self.dim

    def save(self, output_path: str, *args: Any, safe_serialization: bool = True, **kwargs: Any) -> None:
        self.save_config(output_path)
        save_file(TransformerLayer(self.head).tensors(), Path(output_path) / "model.safetensors", {"format": "pt"})

    @classmethod
    def load(cls, model_name_or_path: str, subfolder: str = "", **kwargs: Any) -> TransformerHeadModule:  # type: ignore[override]
        where: dict[str, Any] = {name: kwargs.get(name) for name in ("token", "cache_folder", "revision")}
        where["local_files_only"] = kwargs.get("local_files_only", False)
        module = cls(**cls.load_config(model_name_or_path, subfolder=subfolder, **where))
        head: Any = module.head
        cls.load_torch_weights(model_name_or_path, subfolder=subfolder, model=head, **where)
        return module


def _image(item: Any) -> Image.Image:
    if isinstance(item, Image.Image):
        return item
    if isinstance(item, (str, Path)):
        with Image.open(item) as image:
            return image.convert("RGB")
    if isinstance(item, np.ndarray):
        return Image.fromarray(item)
    raise ConfigError(f"an artsim model encodes PIL images, paths and uint8 arrays, not {type(item).__name__}")
