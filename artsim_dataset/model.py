"""A trained similarity model on disk and in use: a SentenceTransformer folder, read without sentence-transformers.

    modules.json  config_sentence_transformers.json      what SentenceTransformer reads
    artsim_encoder.json                                  module 0: which encoder, which revision
    1_Dense/  [2_Dense/]  n_Normalize/                   a dense head, in sentence-transformers' own modules
    1_TransformerHead/  2_Normalize/                     or the transformer head of S2
    fusion/0_Dense/  fusion/1_Dense/                     trained with captions: image and text to one vector
    artsim.json                                          temperature, training facts, history
    parts.json                                           which painting was trained on, validated on, held out
    README.md                                            the model card

Module 0 is a class of this package, so sentence-transformers 6 and newer wants the reader's consent:
``SentenceTransformer(path, trust_remote_code=True)``. The weights are safetensors. :func:`load_model` reads the same
files with numpy (torch for the transformer head) and the encoder alone: a command line need not wait for transformers
to import.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from artsim_dataset.encoders import Encoder, get_encoder, get_encoder_of
from artsim_dataset.encoders.text import text_encoder
from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.hub_errors import hub_errors
from artsim_dataset.layers import KEYS, LAYERS, Dense, Layer, read_layer, write_json, write_layer
from artsim_dataset.model_card import render_card
from artsim_dataset.version import __version__

PUBLISHED = "published"
"""The name of the data set's own split, as a scheme."""
ENCODER_FILE, FACTS_FILE = "artsim_encoder.json", "artsim.json"
ENCODER_MODULE = "artsim_dataset.encoders.sentence.EncoderModule"
PARTS_FILE, FUSION = "parts.json", "fusion"
_NORMALIZE_MODULE = "sentence_transformers.base.modules.normalize.Normalize"


Parts = Mapping[str, Sequence[str]]
"""The ids of the paintings of each part: ``train``, ``validation``, ``test``."""


@dataclass(frozen=True)
class SimilarityModel:
    """An encoder and a trained head: image -> unit vector, so that a dot product is a cosine similarity.

    ``name`` is its folder's; ``tau`` the temperature it was trained to; ``facts`` what `artsim.json` says; ``parts``
    which paintings it was trained on, validated on and kept from (see :meth:`held_out`); ``fusion`` is empty for a
    model trained without captions.
    """

    name: str
    encoder: Encoder
    layers: tuple[Layer, ...]
    tau: float
    facts: Mapping[str, Any]
    parts: Parts = field(default_factory=dict, repr=False)
    fusion: tuple[Layer, ...] = ()

    def encode(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Unit vectors of images (bars already cropped), shape (n, dim), float32."""
        return self.project(self.encoder.encode(images))

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors of texts, (n, dim), in the space of the images: through the same head, which has learned to
        take them when the model was trained with captions. ConfigError when the encoder has no text side."""
        return self.project(text_encoder(self.encoder).encode_text(texts))

    def project(self, embeddings: np.ndarray) -> np.ndarray:
        """Unit vectors (n, dim) from the encoder's embeddings (n, encoder.dim): the head alone."""
        for layer in self.layers:
            embeddings = layer(embeddings)
        return unit(embeddings)

    def fuse(self, images: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """One unit vector for each image with its text, (n, dim), from what :meth:`encode` and :meth:`encode_text`
        gave. ConfigError when the model was trained without captions."""
        if not self.fusion:
            raise ConfigError(f"the model {self.name} was trained without captions and cannot fuse them with images")
        fused = np.concatenate([images, texts], axis=1)
        for layer in self.fusion:
            fused = layer(fused)
        return unit(fused)

    def similarity(self, a: Sequence[Image.Image], b: Sequence[Image.Image]) -> np.ndarray:
        """Cosine similarities of all images in ``a`` with all in ``b``: shape (len(a), len(b)), in [-1, 1]."""
        return np.clip(self.encode(a) @ self.encode(b).T, -1.0, 1.0)

    def held_out(self) -> frozenset[str] | None:
        """The ids of the paintings to test this model on, when it made a split of its own.

        None for a model trained on the data set's own train split: it is tested on the test split. Otherwise its
        ``test`` part; S2's two splits have none, and as in S2 what is left is the part that chose the best epoch.
        """
        if self.facts.get("split", {}).get("scheme", PUBLISHED) == PUBLISHED:
            return None
        return frozenset(self.parts.get("test") or self.parts["validation"])


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; a zero row stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def save_model(
    folder: Path,
    encoder: Encoder,
    layers: Sequence[Layer],
    tau: float,
    facts: Mapping[str, Any],
    parts: Parts | None = None,
    fusion: Sequence[Layer] = (),
) -> None:
    """Writes the folder described above. ``modules.json`` comes last, so that a folder having it is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in ("modules.json", PARTS_FILE):
        (folder / stale).unlink(missing_ok=True)
    shutil.rmtree(folder / FUSION, ignore_errors=True)
    modules = [("", ENCODER_MODULE)]
    write_json(folder / ENCODER_FILE, {"encoder": encoder.name, "revision": encoder.revision, "dim": encoder.dim})
    for layer in layers:
        path = f"{len(modules)}_{layer.folder}"
        write_layer(folder / path, layer)
        modules.append((path, layer.module))
    for number, layer in enumerate(fusion):
        write_layer(folder / FUSION / f"{number}_{layer.folder}", layer)
    path = f"{len(modules)}_Normalize"
    (folder / path).mkdir(exist_ok=True)
    write_json(folder / path / "config.json", KEYS)
    modules.append((path, _NORMALIZE_MODULE))
    write_json(folder / "config_sentence_transformers.json", {
        "model_type": "SentenceTransformer", "prompts": {"query": "", "document": ""}, "default_prompt_name": None,
        "similarity_fn_name": "cosine"})  # fmt: skip
    write_facts(folder, encoder.name, encoder.revision, tau, facts, parts, layers[-1].outputs)
    write_json(folder / "modules.json",
           [{"idx": i, "name": str(i), "path": p, "type": t} for i, (p, t) in enumerate(modules)])  # fmt: skip


def write_facts(
    folder: Path, encoder: str, revision: str, tau: float, facts: Mapping[str, Any], parts: Parts | None, dim: int
) -> None:
    """Writes what is known of a model beside its weights: `artsim.json`, `parts.json` and the card."""
    if parts is not None:
        write_json(folder / PARTS_FILE, parts)
    known = {"artsim": __version__, "encoder": encoder, "revision": revision, "dim": dim, "tau": tau, **facts}
    write_json(folder / FACTS_FILE, known)
    (folder / "README.md").write_text(render_card(known, dim=dim), encoding="utf-8")


def load_model(path: str | Path) -> SimilarityModel:
    """A model that artsim trained, ready to encode. Imports neither sentence-transformers nor transformers, unless its
    encoder needs them, as one that was trained end to end does: its weights lie in the folder itself.

    Args:
        path: its folder, or its Hub id such as ``user/model``.

    Raises:
        ConfigError: no such model, a file of it is missing or damaged, or its encoder has changed since.
    """
    folder = _local(path)
    name = folder.name if Path(path).expanduser().exists() else str(path)
    own_weights = not (folder / ENCODER_FILE).is_file()
    if not (folder / "modules.json").is_file() or not (folder / FACTS_FILE).is_file():
        raise ConfigError(f"{path} is no artsim model; make one: artsim train siamese DATASET --out {path}")
    try:
        facts = json.loads((folder / FACTS_FILE).read_text("utf-8"))
        named = {} if own_weights else json.loads((folder / ENCODER_FILE).read_text("utf-8"))
        modules = json.loads((folder / "modules.json").read_text("utf-8"))
        layers = tuple(read_layer(folder / m["path"], m["type"]) for m in modules if m["type"] in LAYERS)
        fusion = tuple(read_layer(path, Dense.module) for path in sorted((folder / FUSION).glob("*_Dense")))
        parts = json.loads((folder / PARTS_FILE).read_text("utf-8")) if (folder / PARTS_FILE).exists() else {}
        tau = float(facts["tau"])
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"the model in {path} cannot be read ({error}); train it again") from error
    if own_weights:
        return SimilarityModel(name, get_encoder(str(folder.resolve())), (), tau, facts, parts)
    encoder = get_encoder_of(path, named["encoder"], named["revision"])
    check_revision(encoder, named["revision"], str(path))
    return SimilarityModel(name, encoder, layers, tau, facts, parts, fusion)


def _local(path: str | Path) -> Path:
    """The folder of a model: itself, or the download of what has that name on the Hub."""
    folder = Path(path).expanduser()
    if folder.exists() or not re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", str(path)):
        return folder
    from huggingface_hub import snapshot_download

    try:
        with hub_errors(str(path)):
            return Path(snapshot_download(str(path)))
    except ArtsimError as error:
        raise ConfigError(f"{path} is no folder here, and no model of that name came from the Hub: {error}") from error


def check_revision(encoder: Encoder, trained_with: str, model: str) -> None:
    """Raises ConfigError when a head meets another revision of its encoder: the numbers would mean nothing."""
    if encoder.revision != trained_with:
        raise ConfigError(
            f"the model {model} was trained on revision {trained_with} of the encoder '{encoder.name}', "
            f"and {encoder.revision} is installed: train it again, or install the artsim version it was made with"
        )
