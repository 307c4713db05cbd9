"""An encoder as the first module of a SentenceTransformer, so that models trained here are used like any other.

Images are encoded where sentence-transformers prepares inputs, since our encoders take PIL images; the modules after
this one (Dense, Normalize) are their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from sentence_transformers.base.modules.input_module import InputModule

from artsim_dataset.encoders import Encoder, get_encoder
from artsim_dataset.errors import ConfigError
from artsim_dataset.model import ENCODER_FILE, check_revision


class EncoderModule(InputModule):
    """Wraps an :class:`Encoder`. Takes PIL images, paths, or uint8 arrays (height, width, 3)."""

    config_file_name = ENCODER_FILE
    config_keys = ["encoder", "revision", "dim"]

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self._encoder = encoder
        self.encoder, self.revision, self.dim = encoder.name, encoder.revision, encoder.dim

    @property
    def modalities(self) -> list[Any]:
        return ["image"]

    def preprocess(self, inputs: Sequence[Any], prompt: str | None = None, **kwargs: Any) -> dict[str, torch.Tensor]:
        images = [_image(item) for item in inputs]
        return {"sentence_embedding": torch.from_numpy(self._encoder.encode(images))}

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
        encoder = get_encoder(config["encoder"])
        check_revision(encoder, config["revision"], model_name_or_path)
        return cls(encoder)


def _image(item: Any) -> Image.Image:
    if isinstance(item, Image.Image):
        return item
    if isinstance(item, (str, Path)):
        with Image.open(item) as image:
            return image.convert("RGB")
    if isinstance(item, np.ndarray):
        return Image.fromarray(item)
    raise ConfigError(f"an artsim model encodes PIL images, paths and uint8 arrays, not {type(item).__name__}")
