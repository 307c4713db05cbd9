"""A trained similarity model on disk and in use: a SentenceTransformer folder, read without sentence-transformers.

    modules.json  config_sentence_transformers.json      what SentenceTransformer reads
    artsim_encoder.json                                  module 0: which encoder, which revision
    1_Dense/  [2_Dense/]  n_Normalize/                   the head, in sentence-transformers' own modules
    artsim.json                                          temperature, training facts, history
    README.md                                            the model card

Module 0 is a class of this package, so sentence-transformers 6 and newer wants the reader's consent:
``SentenceTransformer(path, trust_remote_code=True)``. The head is safetensors in modules of theirs. :func:`load_model`
reads the same files with numpy and the encoder alone: a command line need not wait for transformers to import.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from artsim_dataset.encoders import Encoder, get_encoder
from artsim_dataset.errors import ConfigError
from artsim_dataset.model_card import render_card
from artsim_dataset.version import __version__

ENCODER_FILE, FACTS_FILE = "artsim_encoder.json", "artsim.json"
ENCODER_MODULE = "artsim_dataset.encoders.sentence.EncoderModule"
_DENSE_MODULE = "sentence_transformers.base.modules.dense.Dense"
_NORMALIZE_MODULE = "sentence_transformers.base.modules.normalize.Normalize"
_ACTIVATIONS = {False: "torch.nn.modules.linear.Identity", True: "torch.nn.modules.activation.ReLU"}
_KEYS = {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"}


@dataclass(frozen=True)
class Dense:
    """``y = x @ weight.T + bias``, then max(y, 0) when ``relu``. ``weight``: (outputs, inputs), float32."""

    weight: np.ndarray
    bias: np.ndarray
    relu: bool = False

    def __call__(self, x: np.ndarray) -> np.ndarray:
        y = x @ self.weight.T + self.bias
        return np.maximum(y, 0) if self.relu else y


@dataclass(frozen=True)
class SimilarityModel:
    """An encoder and a trained head: image -> unit vector, so that a dot product is a cosine similarity.

    ``name`` is its folder's; ``tau`` the temperature it was trained to; ``facts`` what `artsim.json` says.
    """

    name: str
    encoder: Encoder
    layers: tuple[Dense, ...]
    tau: float
    facts: Mapping[str, Any]

    def encode(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Unit vectors of images (bars already cropped), shape (n, dim), float32."""
        return self.project(self.encoder.encode(images))

    def project(self, embeddings: np.ndarray) -> np.ndarray:
        """Unit vectors (n, dim) from the encoder's embeddings (n, encoder.dim): the head alone."""
        for layer in self.layers:
            embeddings = layer(embeddings)
        return unit(embeddings)

    def similarity(self, a: Sequence[Image.Image], b: Sequence[Image.Image]) -> np.ndarray:
        """Cosine similarities of all images in ``a`` with all in ``b``: shape (len(a), len(b)), in [-1, 1]."""
        return np.clip(self.encode(a) @ self.encode(b).T, -1.0, 1.0)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; a zero row stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def save_model(folder: Path, encoder: Encoder, layers: Sequence[Dense], tau: float, facts: Mapping[str, Any]) -> None:
    """Writes the folder described above. ``modules.json`` comes last, so that a folder having it is complete."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "modules.json").unlink(missing_ok=True)
    modules = [("", ENCODER_MODULE)]
    _write(folder / ENCODER_FILE, {"encoder": encoder.name, "revision": encoder.revision, "dim": encoder.dim})
    for layer in layers:
        path = f"{len(modules)}_Dense"
        (folder / path).mkdir(exist_ok=True)
        outputs, inputs = layer.weight.shape
        _write(folder / path / "config.json", {"in_features": inputs, "out_features": outputs, "bias": True,
                                               "activation_function": _ACTIVATIONS[layer.relu], **_KEYS})  # fmt: skip
        tensors = {"linear.weight": np.ascontiguousarray(layer.weight), "linear.bias": np.ascontiguousarray(layer.bias)}
        save_file(tensors, folder / path / "model.safetensors", metadata={"format": "pt"})
        modules.append((path, _DENSE_MODULE))
    path = f"{len(modules)}_Normalize"
    (folder / path).mkdir(exist_ok=True)
    _write(folder / path / "config.json", _KEYS)
    modules.append((path, _NORMALIZE_MODULE))
    _write(folder / "config_sentence_transformers.json", {
        "model_type": "SentenceTransformer", "prompts": {"query": "", "document": ""}, "default_prompt_name": None,
        "similarity_fn_name": "cosine"})  # fmt: skip
    known = {"artsim": __version__, "encoder": encoder.name, "revision": encoder.revision, "tau": tau, **facts}
    _write(folder / FACTS_FILE, known)
    (folder / "README.md").write_text(render_card(known, dim=len(layers[-1].bias)), encoding="utf-8")
    _write(folder / "modules.json",
           [{"idx": i, "name": str(i), "path": p, "type": t} for i, (p, t) in enumerate(modules)])  # fmt: skip


def load_model(path: str | Path) -> SimilarityModel:
    """A model that :func:`save_model` wrote, ready to encode. Imports neither sentence-transformers nor transformers.

    Raises:
        ConfigError: no such model, a file of it is missing or damaged, or its encoder has changed since.
    """
    folder = Path(path)
    if not (folder / "modules.json").is_file() or not (folder / ENCODER_FILE).is_file():
        raise ConfigError(f"{path} is no artsim model; make one: artsim train siamese DATASET --out {path}")
    try:
        named = json.loads((folder / ENCODER_FILE).read_text("utf-8"))
        facts = json.loads((folder / FACTS_FILE).read_text("utf-8"))
        modules = json.loads((folder / "modules.json").read_text("utf-8"))
        layers = tuple(_read_dense(folder / m["path"]) for m in modules if m["type"] == _DENSE_MODULE)
        tau = float(facts["tau"])
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"the model in {path} cannot be read ({error}); train it again") from error
    encoder = get_encoder(named["encoder"])
    check_revision(encoder, named["revision"], str(path))
    return SimilarityModel(folder.name, encoder, layers, tau, facts)


def check_revision(encoder: Encoder, trained_with: str, model: str) -> None:
    """Raises ConfigError when a head meets another revision of its encoder: the numbers would mean nothing."""
    if encoder.revision != trained_with:
        raise ConfigError(
            f"the model {model} was trained on revision {trained_with} of the encoder '{encoder.name}', "
            f"and {encoder.revision} is installed: train it again, or install the artsim version it was made with"
        )


def _read_dense(folder: Path) -> Dense:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    activation = json.loads((folder / "config.json").read_text("utf-8"))["activation_function"]
    relu = {text: flag for flag, text in _ACTIVATIONS.items()}
    try:
        tensors = load_file(folder / "model.safetensors")
    except SafetensorError as error:
        raise ValueError(f"{folder.name}/model.safetensors: {error}") from error
    return Dense(tensors["linear.weight"], tensors["linear.bias"], relu[activation])


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
