"""A trained detector on disk and in use.

    model.safetensors       the weights
    artsim_detector.json    head, encoder and its revision, temperature, what it was trained on, results; written last
    paintings.txt           ids of the source paintings it was trained and validated on, one a line
    README.md               the card, with warnings

A head on embeddings is applied with numpy: using it imports the encoder and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from PIL import Image

from artsim_dataset.detector.pipeline import SIDE, USED
from artsim_dataset.encoders import Encoder, get_encoder_of
from artsim_dataset.errors import ConfigError
from artsim_dataset.layers import Dense
from artsim_dataset.model import check_revision
from artsim_dataset.version import __version__

if TYPE_CHECKING:
    from artsim_dataset.detector.networks import PixelNetwork

FACTS_FILE, WEIGHTS_FILE, PAINTINGS_FILE = "artsim_detector.json", "model.safetensors", "paintings.txt"
FORMAT = 1
BATCH = 32


class Judge(Protocol):
    """Logits of 'ai', shape (n,), of images that went through the pipeline."""

    def logits(self, prepared: Sequence[Image.Image]) -> np.ndarray: ...


@dataclass(frozen=True)
class EmbeddingJudge:
    """An encoder and the layers of a head."""

    encoder: Encoder
    layers: tuple[Dense, ...]

    def logits(self, prepared: Sequence[Image.Image]) -> np.ndarray:
        return self.of_embeddings(self.encoder.encode(prepared))

    def of_embeddings(self, embeddings: np.ndarray) -> np.ndarray:
        """Logits (n,) of embeddings (n, encoder.dim)."""
        for layer in self.layers:
            embeddings = layer(embeddings)
        return embeddings[:, 0].astype(np.float64)


@dataclass(frozen=True)
class PixelJudge:
    """The network on pixels."""

    network: PixelNetwork

    def logits(self, prepared: Sequence[Image.Image]) -> np.ndarray:
        import torch

        with torch.inference_mode():
            answers = [
                self.network(torch.from_numpy(pixels(prepared[at : at + BATCH])))
                for at in range(0, len(prepared), BATCH)
            ]
        return torch.cat(answers).double().numpy() if answers else np.empty(0)


@dataclass(frozen=True)
class Detector:
    """``name`` is its folder's; ``temperature`` divides the logits; ``facts`` is what `artsim_detector.json` says;
    ``trained_on``: ids of source paintings that it must not be tested on."""

    name: str
    judge: Judge
    temperature: float
    facts: Mapping[str, Any]
    trained_on: tuple[str, ...] = ()

    def probability(self, images: Sequence[Image.Image]) -> np.ndarray:
        """The probability that each image is AI-made, shape (n,), in [0, 1], if one of two such images is.

        Images of any size and mode, letterbox bars already cropped; each goes through the pipeline first. Believe it
        for the generators in ``facts["generators"]`` and for no others: see the card.
        """
        answers = [
            self.judge.logits([USED.apply(image) for image in images[at : at + BATCH]])
            for at in range(0, len(images), BATCH)
        ]
        return self.calibrated(np.concatenate(answers) if answers else np.empty(0))

    def calibrated(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities from the judge's logits, (n,) both."""
        return sigmoid(logits / self.temperature)

    @property
    def warning(self) -> str:
        """One sentence on how far to believe it, from its own results."""
        seen = ", ".join(self.facts["generators"])
        rows = self.facts.get("leave_one_out") or []
        if not rows:
            return f"Trained on {seen} alone: what it says of any other generator was never measured."
        worst = min(rows, key=lambda row: row["unseen"]["accuracy"])
        return (
            f"Trained on {seen}. Without {worst['generator']} in training it was right on {worst['generator']} in "
            f"{100 * worst['unseen']['accuracy']:.0f} % of the cases, and a coin is in 50 %: expect no more of "
            "generators it has not seen."
        )


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) without overflow."""
    return np.exp(-np.logaddexp(0, -np.asarray(logits, float)))


def pixels(images: Sequence[Image.Image]) -> np.ndarray:
    """uint8, shape (n, 3, SIDE, SIDE)."""
    if not images:
        return np.empty((0, 3, SIDE, SIDE), np.uint8)
    return np.ascontiguousarray(np.stack([np.asarray(image) for image in images]).transpose(0, 3, 1, 2))


def save_detector(folder: Path, detector: Detector) -> None:
    """Writes the folder described above."""
    from safetensors.numpy import save_file

    from artsim_dataset.detector.card import render_detector_card

    folder.mkdir(parents=True, exist_ok=True)
    (folder / FACTS_FILE).unlink(missing_ok=True)
    judge = detector.judge
    named: dict[str, Any] = {}
    tensors: dict[str, np.ndarray] = {}
    if isinstance(judge, EmbeddingJudge):
        for at, layer in enumerate(judge.layers):
            tensors |= {f"{at}.weight": layer.weight, f"{at}.bias": layer.bias}
        named = {"encoder": judge.encoder.name, "revision": judge.encoder.revision, "dim": judge.encoder.dim}
    else:
        assert isinstance(judge, PixelJudge)
        tensors = {name: value.numpy() for name, value in judge.network.state_dict().items()}
    tensors = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    facts = {
        "artsim": __version__,
        "format": FORMAT,
        **named,
        "temperature": detector.temperature,
        **detector.facts,
    }
    save_file(tensors, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    (folder / PAINTINGS_FILE).write_text("".join(f"{id_}\n" for id_ in detector.trained_on), encoding="utf-8")
    (folder / "README.md").write_text(render_detector_card(facts, detector.warning), encoding="utf-8")
    text = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
    part = folder / f"{FACTS_FILE}.part"
    part.write_text(text, encoding="utf-8")
    part.replace(folder / FACTS_FILE)


def load_detector(path: str | Path) -> Detector:
    """A detector that :func:`save_detector` wrote, ready for :meth:`Detector.probability`.

    Raises:
        ConfigError: no such detector, a file of it is missing or damaged, or its encoder has changed since.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    folder = Path(path)
    if not (folder / FACTS_FILE).is_file():
        raise ConfigError(f"{path} is no artsim detector; make one: artsim train detector DATASET --out {path}")
    try:
        facts = json.loads((folder / FACTS_FILE).read_text("utf-8"))
        tensors = load_file(folder / WEIGHTS_FILE)
        paintings = tuple((folder / PAINTINGS_FILE).read_text("utf-8").splitlines())
        head, temperature = facts["config"]["head"], float(facts["temperature"])
        if facts["format"] != FORMAT:
            raise ValueError(f"its format is {facts['format']}, this artsim reads {FORMAT}")
        judge = _pixel_judge(tensors) if head == "cnn" else _embedding_judge(facts, tensors, str(path))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise ConfigError(f"the detector in {path} cannot be read ({error}); train it again") from error
    return Detector(folder.name, judge, temperature, facts, paintings)


def _embedding_judge(facts: Mapping[str, Any], tensors: Mapping[str, np.ndarray], path: str) -> EmbeddingJudge:
    encoder = get_encoder_of(path, facts["encoder"])
    check_revision(encoder, facts["revision"], path)
    count = len(tensors) // 2
    layers = tuple(Dense(tensors[f"{at}.weight"], tensors[f"{at}.bias"], at < count - 1) for at in range(count))
    return EmbeddingJudge(encoder, layers)


def _pixel_judge(tensors: Mapping[str, np.ndarray]) -> PixelJudge:
    import torch

    from artsim_dataset.detector.networks import PixelNetwork

    network = PixelNetwork(dropout=0.0)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    return PixelJudge(network.eval())
