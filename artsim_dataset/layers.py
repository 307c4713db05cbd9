"""What a trained head is made of, on disk and in use: layers that numpy applies and sentence-transformers knows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

KEYS = {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"}
_DENSE_MODULE = "sentence_transformers.base.modules.dense.Dense"
_TRANSFORMER_MODULE = "artsim_dataset.encoders.sentence.TransformerHeadModule"
LAYERS: tuple[str, ...] = (_DENSE_MODULE, _TRANSFORMER_MODULE)
"""The modules of a folder that are layers; the others are the encoder and the normalisation."""
_ACTIVATIONS = {False: "torch.nn.modules.linear.Identity", True: "torch.nn.modules.activation.ReLU"}


class Layer(Protocol):
    """A trained part of a head, (n, inputs) to (n, outputs), that knows how it is saved: as a folder named after
    ``folder``, read by sentence-transformers as the class ``module``."""

    folder: ClassVar[str]
    module: ClassVar[str]

    @property
    def outputs(self) -> int: ...

    def __call__(self, x: np.ndarray) -> np.ndarray: ...

    def config(self) -> dict[str, Any]: ...

    def tensors(self) -> dict[str, np.ndarray]: ...


@dataclass(frozen=True)
class Dense:
    """``y = x @ weight.T + bias``, then max(y, 0) when ``relu``. ``weight``: (outputs, inputs), float32."""

    folder: ClassVar[str] = "Dense"
    module: ClassVar[str] = _DENSE_MODULE

    weight: np.ndarray
    bias: np.ndarray
    relu: bool = False

    @property
    def outputs(self) -> int:
        return len(self.bias)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        y = x @ self.weight.T + self.bias
        return np.maximum(y, 0) if self.relu else y

    def config(self) -> dict[str, Any]:
        outputs, inputs = self.weight.shape
        return {"in_features": inputs, "out_features": outputs, "bias": True,
                "activation_function": _ACTIVATIONS[self.relu], **KEYS}  # fmt: skip

    def tensors(self) -> dict[str, np.ndarray]:
        return {"linear.weight": np.ascontiguousarray(self.weight), "linear.bias": np.ascontiguousarray(self.bias)}

    @classmethod
    def read(cls, config: dict[str, Any], tensors: dict[str, np.ndarray]) -> Dense:
        relu = {text: flag for flag, text in _ACTIVATIONS.items()}
        return cls(tensors["linear.weight"], tensors["linear.bias"], relu[config["activation_function"]])


def write_layer(folder: Path, layer: Layer) -> None:
    """Writes ``config.json`` and ``model.safetensors`` into ``folder``, which is made."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", layer.config())
    save_file(layer.tensors(), folder / "model.safetensors", metadata={"format": "pt"})


def _read_files(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The config and the tensors of a layer. ValueError for a damaged file."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(folder / "model.safetensors")
    except SafetensorError as error:
        raise ValueError(f"{folder.name}/model.safetensors: {error}") from error
    return json.loads((folder / "config.json").read_text("utf-8")), tensors


def read_layer(folder: Path, module: str) -> Layer:
    """The layer that :func:`write_layer` wrote. ValueError, OSError or KeyError when its files are damaged."""
    if module == _DENSE_MODULE:
        return Dense.read(*_read_files(folder))
    from artsim_dataset.train.transformer_head import TransformerLayer

    return TransformerLayer.read(*_read_files(folder))


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
