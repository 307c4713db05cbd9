"""The style descriptors of CSD (Somepalli et al. 2024) from their own checkpoints: `csd:PATH`, `csd:OWNER/MODEL`.

A checkpoint is OpenAI's CLIP image tower without its projection, under ``backbone.``, and two copies of the projection
trained further, ``last_layer_style`` and ``last_layer_content``; DistributedDataParallel put ``module.`` before all
names. The tower runs as transformers' CLIPVisionModel, which has the same layers under other names; the style
descriptor is the class token after ``ln_post`` times ``last_layer_style``.

Measure before you trust it: the released weights do not reproduce the paper's numbers, as its authors say.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from artsim_dataset.encoders.hub import VisionEncoder
from artsim_dataset.encoders.running import Inputs
from artsim_dataset.errors import ConfigError
from artsim_dataset.weights import Weights, loading

if TYPE_CHECKING:
    from transformers import CLIPVisionConfig

FILES = ("*.safetensors", "*.pth", "*.pt", "*.bin")
STYLE = "last_layer_style"
HEAD_WIDTH = 64
"""Channels of an attention head in all of OpenAI's vision transformers."""

_NAMES = (
    (r"class_embedding", "embeddings.class_embedding"),
    (r"positional_embedding", "embeddings.position_embedding.weight"),
    (r"conv1\.weight", "embeddings.patch_embedding.weight"),
    (r"ln_pre\.", "pre_layrnorm."),
    (r"ln_post\.", "post_layernorm."),
    (r"transformer\.resblocks\.(\d+)\.ln_([12])\.", r"encoder.layers.\1.layer_norm\2."),
    (r"transformer\.resblocks\.(\d+)\.attn\.out_proj\.", r"encoder.layers.\1.self_attn.out_proj."),
    (r"transformer\.resblocks\.(\d+)\.mlp\.c_fc\.", r"encoder.layers.\1.mlp.fc1."),
    (r"transformer\.resblocks\.(\d+)\.mlp\.c_proj\.", r"encoder.layers.\1.mlp.fc2."),
)


class CsdEncoder(VisionEncoder):
    """Style descriptors: 512 numbers from ViT-B/16, 768 from ViT-L/14. Not normalised; CSD compares by cosine."""

    def __init__(self, name: str, weights: Weights) -> None:
        state = read_checkpoint(weights)
        if STYLE not in state or "backbone.conv1.weight" not in state:
            raise ConfigError(f"{weights.name} is no CSD checkpoint: it has no {STYLE} beside a CLIP image tower")
        self._tower = {k.removeprefix("backbone."): v for k, v in state.items() if k.startswith("backbone.")}
        self._style = state[STYLE]
        super().__init__(name, weights)

    def _load(self, weights: Weights) -> Any:
        from transformers import CLIPVisionModel

        self._style = self._style.to(self._runner.device, self._runner.dtype)
        model: Any = CLIPVisionModel(tower_config(self._tower))
        try:
            model.load_state_dict(transformers_names(self._tower), strict=True)
        except RuntimeError as error:
            raise ConfigError(f"{weights.name} is no CSD checkpoint: {_first_line(error)}") from error
        del self._tower
        return model.to(self._runner.dtype)

    def _processor_of(self, weights: Weights) -> Any:
        """Shorter side to the tower's size, bicubic, centre crop, CLIP's mean and deviation (its ``main_sim.py``)."""
        from transformers import CLIPImageProcessorPil

        side: Any = tower_config(self._tower).image_size
        return CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})

    def _features(self, inputs: Inputs) -> Tensor:
        return self._model(**inputs).pooler_output @ self._style


def read_checkpoint(weights: Weights) -> dict[str, Tensor]:
    """The tensors of a checkpoint by their names without ``module.``, in float32.

    Raises ConfigError when there is no checkpoint, or it holds more than tensors and plain values.
    """
    path = _checkpoint(weights)
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            found: Any = load_file(path)
        except SafetensorError as error:
            raise ConfigError(f"the checkpoint {path.name} of {weights.name} is damaged: {error}") from error
    else:
        try:
            with torch.serialization.safe_globals([argparse.Namespace]):  # what training scripts keep settings in
                found = torch.load(path, map_location="cpu", weights_only=True)
        except (UnpicklingError, RuntimeError, EOFError) as error:
            raise ConfigError(
                f"the checkpoint {path.name} of {weights.name} cannot be read as plain tensors: {_first_line(error)}"
            ) from error
    for key in ("model_state_dict", "state_dict", "model"):
        found = found.get(key, found) if isinstance(found, dict) else found
    if not isinstance(found, dict):
        raise ConfigError(f"the checkpoint {path.name} of {weights.name} holds no weights by name")
    tensors = {key: value for key, value in found.items() if isinstance(value, Tensor)}
    return {key.removeprefix("module."): value.float() for key, value in tensors.items()}


def _checkpoint(weights: Weights) -> Path:
    """The checkpoint's file; safetensors go before pickles."""
    place = Path(weights.folder)
    if not weights.folder:
        from huggingface_hub import snapshot_download

        with loading(weights.name):
            place = Path(snapshot_download(weights.name, revision=weights.revision, allow_patterns=list(FILES)))
    elif place.is_file():
        return place
    found = [path for pattern in FILES for path in sorted(place.glob(pattern))]
    if not found:
        raise ConfigError(f"{weights.name} has no checkpoint: none of {', '.join(FILES)}")
    return found[0]


def tower_config(tower: dict[str, Tensor]) -> CLIPVisionConfig:
    """The shape of an OpenAI CLIP image tower, read off its weights."""
    from transformers import CLIPVisionConfig

    width, channels, patch, _ = tower["conv1.weight"].shape
    blocks = [int(name.split(".")[2]) for name in tower if name.startswith("transformer.resblocks.")]
    side = round((tower["positional_embedding"].shape[0] - 1) ** 0.5)
    return CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=tower["transformer.resblocks.0.mlp.c_fc.weight"].shape[0],
        num_hidden_layers=1 + max(blocks),
        num_attention_heads=width // HEAD_WIDTH,
        num_channels=channels,
        image_size=side * patch,
        patch_size=patch,
        hidden_act="quick_gelu",
    )


def transformers_names(tower: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of an OpenAI CLIP image tower under the names of CLIPVisionModel."""
    renamed: dict[str, Tensor] = {}
    for name, value in tower.items():
        if found := re.fullmatch(r"transformer\.resblocks\.(\d+)\.attn\.in_proj_(weight|bias)", name):
            for part, piece in zip("qkv", value.chunk(3), strict=True):
                renamed[f"encoder.layers.{found[1]}.self_attn.{part}_proj.{found[2]}"] = piece
            continue
        for pattern, replacement in _NAMES:
            new, count = re.subn(rf"^{pattern}", replacement, name)
            if count:
                renamed[new] = value
                break
        else:
            if name != "proj":  # CLIP's own projection: CSD sets it to None, and some exports keep it
                renamed[name] = value
    return renamed


def _first_line(error: Exception) -> str:
    return " ".join(line.strip() for line in str(error).splitlines()[:2])[:200]
