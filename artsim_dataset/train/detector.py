"""Trains a detector of AI variants (S4), and says by itself how far it carries: leave-one-generator-out.

Originals and variants go through one pipeline (`detector.pipeline`), no source painting is on two sides, validation is
by other artists, both classes weigh the same however many variants a painting has. Probabilities are calibrated by one
temperature on the validation part (Guo et al. 2017), with Platt's softened targets: a small validation part that is
separated without error would otherwise ask for infinite confidence.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from artsim_dataset.detector.calibration import fit_temperature
from artsim_dataset.detector.evaluate import DetectorEvaluation, UnseenGenerator, evaluate_rows
from artsim_dataset.detector.examples import EmbeddedExamples, Examples, PixelExamples
from artsim_dataset.detector.model import Detector, EmbeddingJudge, Judge, PixelJudge, save_detector
from artsim_dataset.detector.networks import HEADS, EmbeddingHead, PixelNetwork, new_network
from artsim_dataset.detector.rows import DetectorRows
from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import Progress
from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import seed_from
from artsim_dataset.train.holdout import holdout


@dataclass(frozen=True)
class DetectorConfig:
    """Settings of :func:`train_detector`. ``views``: drawn recipes of each image beside the one of use; for `cnn`
    every epoch draws its own. A learning rate, a weight decay or a patience of None is the head's own default."""

    head: str = "linear"
    views: int = 2
    epochs: int = 40
    batch_size: int = 32
    learning_rate: float | None = None
    weight_decay: float = 0.01
    dropout: float = 0.2
    patience: int = 8
    validation_share: float = 0.2
    seed: int = 42

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise ConfigError(f"no head '{self.head}'; heads of a detector are: {', '.join(HEADS)}")
        for name, low in (("views", 0), ("epochs", 1), ("batch_size", 2), ("patience", 1)):
            if getattr(self, name) < low:
                raise ConfigError(f"{name} must be at least {low}, got {getattr(self, name)}")
        if self.learning_rate is not None and not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ConfigError(f"learning_rate must be above 0, got {self.learning_rate}")
        if not 0 < self.validation_share < 0.5:
            raise ConfigError(f"validation_share must be between 0 and 0.5, got {self.validation_share}")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout must be at least 0 and below 1, got {self.dropout}")

    @property
    def rate(self) -> float:
        """The learning rate."""
        return self.learning_rate or {"linear": 1e-3, "mlp": 5e-4, "cnn": 2e-3}[self.head]


@dataclass(frozen=True)
class DetectorResult:
    """What a training run did. ``evaluation``: on the test side, by generator; ``leave_one_out``: one entry for each
    generator, of a detector trained without it; empty with a single generator or when not asked for."""

    path: Path
    detector: Detector
    best_epoch: int
    history: list[dict[str, float]]
    images: int
    evaluation: DetectorEvaluation
    leave_one_out: list[UnseenGenerator]
    seconds: float


@dataclass(frozen=True)
class Fitted:
    """A trained judge with its temperature, and how training went. ``counts``: images by part and class."""

    judge: Judge
    temperature: float
    best_epoch: int
    history: list[dict[str, float]]
    counts: dict[str, int]


def train_detector(
    datasets: Sequence[str | Path],
    encoder: Encoder | None,
    config: DetectorConfig,
    out: Path,
    progress: Progress | None = None,
    cache: EmbeddingCache | None = None,
    leave_one_out: bool = True,
) -> DetectorResult:
    """Trains a detector on the train side of `real_vs_ai`, tests it on the other, and writes its folder to ``out``.

    Args:
        datasets: build folders or Hub ids; several for several generators.
        encoder: what a `linear` or `mlp` head stands on; None for `cnn`.
        config: settings.
        out: the folder; see `detector.model`.
        progress: told (what, done, total).
        cache: of the encoder's embeddings; the user's by default.
        leave_one_out: with several generators, also train once without each and test on it.

    Raises:
        ConfigError: no encoder for a head on embeddings, or a side without originals or variants.
    """
    if (config.head == "cnn") != (encoder is None):
        raise ConfigError(f"the head '{config.head}' takes {'no' if config.head == 'cnn' else 'an'} encoder")
    started = time.perf_counter()
    rows = DetectorRows(datasets)
    if encoder is not None and cache is None:
        cache = EmbeddingCache(encoder)
    examples = _examples(rows, encoder, cache, config, progress)
    fitted = fit_detector(rows, examples, encoder, config, rows.all_generators, progress)
    generators = rows.all_generators
    detector = Detector(Path(out).name, fitted.judge, fitted.temperature, {"generators": generators})
    evaluation = evaluate_rows(rows, detector, config.seed, cache, progress)
    unseen = []
    for generator in generators if leave_one_out and len(generators) > 1 else []:
        others = [name for name in generators if name != generator]
        without = fit_detector(rows, examples, encoder, config, others, progress)
        shown = Detector(f"without {generator}", without.judge, without.temperature, {"generators": others})
        unseen.append(UnseenGenerator.of(rows, shown, generator, config.seed, cache))
    facts = _facts(rows, config, fitted, evaluation, unseen)
    paintings = sorted(set(rows.paintings[~rows.tested].tolist()))
    detector = replace(detector, facts=facts, trained_on=tuple(paintings))
    save_detector(Path(out), detector)
    images = fitted.counts["trained on"] + fitted.counts["validated on"]
    return DetectorResult(
        Path(out), detector, fitted.best_epoch, fitted.history, images, evaluation, unseen,
        time.perf_counter() - started,
    )  # fmt: skip


def _examples(
    rows: DetectorRows,
    encoder: Encoder | None,
    cache: EmbeddingCache | None,
    config: DetectorConfig,
    progress: Progress | None,
) -> Examples:
    if encoder is None or cache is None:
        return PixelExamples(rows, config.seed)
    return EmbeddedExamples(rows, np.flatnonzero(~rows.tested), encoder, cache, config.views, config.seed, progress)


def _facts(
    rows: DetectorRows,
    config: DetectorConfig,
    fitted: Fitted,
    evaluation: DetectorEvaluation,
    unseen: Sequence[UnseenGenerator],
) -> dict[str, Any]:
    return {
        "datasets": rows.names,
        "generators": rows.all_generators,
        "images": fitted.counts,
        "config": asdict(config),
        "best_epoch": fitted.best_epoch,
        "history": fitted.history,
        "evaluation": evaluation.to_json(),
        "leave_one_out": [row.to_json() for row in unseen],
    }


def fit_detector(
    rows: DetectorRows,
    examples: Examples,
    encoder: Encoder | None,
    config: DetectorConfig,
    generators: Sequence[str],
    progress: Progress | None,
) -> Fitted:
    """Trains on the train side, with variants of these generators only, and calibrates on the part held out.

    Raises ConfigError when fewer than two source paintings are left to train on.
    """
    usable = ~rows.tested & np.any([rows.of_generator(name) for name in generators], axis=0)
    usable &= ~rows.is_ai | np.isin(rows.generators, list(generators))
    chosen = np.flatnonzero(usable)
    held = _held_out(rows, chosen, config)
    train, validation = chosen[~held], chosen[held]
    network = new_network(config.head, encoder.dim if encoder else 0, config.dropout, seed_from("head", config.seed))
    if isinstance(network, EmbeddingHead):
        assert isinstance(examples, EmbeddedExamples)
        network.standardise(examples.all_views(train))
    labels = torch.from_numpy(rows.is_ai.astype(np.float32))
    weights = _balanced(rows.is_ai)
    best_epoch, history = _loop(network, examples, labels, weights, train, validation, config, progress)
    network.eval()
    judge: Judge = PixelJudge(network) if isinstance(network, PixelNetwork) else _embedding_judge(encoder, network)
    logits = _logits(network, examples, validation, config.batch_size)
    temperature = fit_temperature(logits, rows.is_ai[validation])
    counts = {"trained on": len(train), "validated on": len(validation), "tested on": int(rows.tested.sum())}
    return Fitted(judge, temperature, best_epoch, history, counts)


def _embedding_judge(encoder: Encoder | None, network: EmbeddingHead) -> EmbeddingJudge:
    assert encoder is not None
    return EmbeddingJudge(encoder, tuple(network.dense()))


def _held_out(rows: DetectorRows, chosen: np.ndarray, config: DetectorConfig) -> np.ndarray:
    """True for the chosen rows to validate on: whole paintings, by artists that are not trained on where there are
    artists enough."""
    paintings, first = np.unique(rows.paintings[chosen].astype(str), return_index=True)
    parts = rows.artist_parts[chosen][first]
    if len(paintings) < 2:
        raise ConfigError(f"training a detector needs at least two source paintings, got {len(paintings)}")
    held = holdout(paintings.tolist(), parts, config.validation_share, config.seed)
    return np.isin(rows.paintings[chosen].astype(str), paintings[held])


def _balanced(is_ai: np.ndarray) -> Any:
    """Weights of rows by which both classes count the same in any selection of rows."""

    def weights(rows: np.ndarray) -> torch.Tensor:
        ai = is_ai[rows]
        share = np.where(ai, ai.mean(), 1 - ai.mean())
        return torch.from_numpy((0.5 / share).astype(np.float32))

    return weights


def _loop(
    network: EmbeddingHead | PixelNetwork,
    examples: Examples,
    labels: torch.Tensor,
    weights: Any,
    train: np.ndarray,
    validation: np.ndarray,
    config: DetectorConfig,
    progress: Progress | None,
) -> tuple[int, list[dict[str, float]]]:
    """Trains in place and leaves the weights of the lowest validation loss in the network."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=max(1, config.patience // 3))
    in_train = torch.zeros(len(labels))
    in_train[train] = weights(train)
    best, best_epoch, best_state = math.inf, 0, {}
    history: list[dict[str, float]] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_from("dropout", config.seed))
        for epoch in range(1, config.epochs + 1):
            network.train()
            order = np.random.default_rng(seed_from("epoch", epoch, config.seed)).permutation(train)
            losses = []
            for batch, inputs in examples.batches(order, epoch, config.batch_size):
                each = functional.binary_cross_entropy_with_logits(network(inputs), labels[batch], reduction="none")
                loss = (each * in_train[batch]).mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(loss.item())
            network.eval()
            logits = torch.from_numpy(_logits(network, examples, validation, config.batch_size))
            each = functional.binary_cross_entropy_with_logits(logits, labels[validation].double(), reduction="none")
            found = float((each * weights(validation)).mean())
            if not math.isfinite(found):
                raise ConfigError(f"the validation loss is {found} at epoch {epoch}: lower learning_rate {config.rate}")
            history.append({"epoch": epoch, "train_loss": float(np.mean(losses)), "validation_loss": found})
            if found < best:
                best, best_epoch = found, epoch
                best_state = {name: value.clone() for name, value in network.state_dict().items()}
            if progress:
                progress("train", epoch, config.epochs)
            if epoch - best_epoch >= config.patience:
                break
            schedule.step(found)
    network.load_state_dict(best_state)
    return best_epoch, history


@torch.no_grad()
def _logits(network: torch.nn.Module, examples: Examples, rows: np.ndarray, size: int) -> np.ndarray:
    """Logits of rows as detectors are used: view 0."""
    network.eval()
    return np.concatenate([network(inputs).double().numpy() for _, inputs in examples.batches(rows, 0, size)])
