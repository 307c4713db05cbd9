"""Style descriptors: a head that puts pictures of one artist, genre or medium side by side (CSD, arXiv 2404.01292).

CSD's loss on CSD's views, on cached embeddings of a frozen encoder: the label part lets pictures that share any label
attract each other, the self-supervised part two views of one picture. SGD with momentum, warm-up, then a constant
rate, and gradients clipped, as theirs. What differs: the encoder is not trained; the linear head starts from a closed
form (`train.whiten`, with the artist as class); the best epoch is the one that finds artists best, on paintings held
out, and epoch 0 competes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor

from artsim_dataset import metrics
from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import Progress
from artsim_dataset.errors import ConfigError
from artsim_dataset.losses import CSD_VARIANTS, TAU_FLOOR, csd_loss
from artsim_dataset.model import PUBLISHED, save_model
from artsim_dataset.retrieval import ranked_hits
from artsim_dataset.schema import seed_from
from artsim_dataset.train.checkpoint import Checkpoint
from artsim_dataset.train.heads import DENSE_HEADS, Head, dense_layers
from artsim_dataset.train.style_samples import LABELS, StyleSamples, embed_style
from artsim_dataset.train.whiten import started

MOMENTUM, CLIP, WARM_UP = 0.9, 3.0, 0.1
"""CSD's momentum and clipping. Their warm-up is 30,000 of 80,000 steps of a whole encoder; a head needs a tenth."""
RATE_BATCH = 256
"""As in CSD's code, the learning rate is that of 256 pictures a batch, and scales with the batch."""
VALIDATION_K = 10
WHITENING_PAINTINGS = 2048


@dataclass(frozen=True)
class StyleConfig:
    """Settings of :func:`train_style`; tau and self_weight are CSD's. ``variant``: see `losses.csd_loss`.

    ``views``: how many of CSD's views of each painting are embedded; a step draws two of them. ``labels``: which kinds
    of labels attract. ``patience``: epochs without a better validation after which training stops.
    """

    head: str = "linear"
    dim: int = 512
    labels: tuple[str, ...] = LABELS
    variant: str = "paper"
    views: int = 4
    epochs: int = 60
    batch_size: int = 128
    learning_rate: float = 0.1
    dropout: float = 0.1
    tau: float = 0.1
    self_weight: float = 0.2
    patience: int = 10
    validation_share: float = 0.15
    seed: int = 42

    def __post_init__(self) -> None:
        for name, given, known in (
            ("head", (self.head,), DENSE_HEADS),
            ("variant", (self.variant,), CSD_VARIANTS),
            ("labels", self.labels, LABELS),
        ):
            if not given or not set(given) <= set(known):
                raise ConfigError(f"{name} cannot be '{','.join(given)}'; there are: {', '.join(known)}")
        for name, low in (("dim", 2), ("views", 2), ("epochs", 0), ("batch_size", 2), ("patience", 1)):
            if getattr(self, name) < low:
                raise ConfigError(f"{name} must be at least {low}, got {getattr(self, name)}")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ConfigError(f"learning_rate must be above 0, got {self.learning_rate}")
        if not (math.isfinite(self.self_weight) and self.self_weight > 0):
            raise ConfigError(f"self_weight must be above 0, got {self.self_weight}")
        if not self.tau >= TAU_FLOOR:
            raise ConfigError(f"tau must be at least {TAU_FLOOR}, got {self.tau}")
        if not 0 < self.validation_share < 0.5:
            raise ConfigError(f"validation_share must be between 0 and 0.5, got {self.validation_share}")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout must be at least 0 and below 1, got {self.dropout}")


@dataclass(frozen=True)
class StyleResult:
    """What a run did. ``labels``: how many different ones attract. ``history``: one row an epoch, epoch 0 untrained."""

    path: Path
    best_epoch: int
    history: list[dict[str, float]]
    paintings: int
    validation_paintings: int
    labels: int
    seconds: float


def train_style(
    dataset: Dataset,
    encoder: Encoder,
    config: StyleConfig,
    out: Path,
    progress: Progress | None = None,
    cache: EmbeddingCache | None = None,
    dataset_name: str = "",
) -> StyleResult:
    """Trains a head on the originals of `pairs` and writes a SentenceTransformer folder to ``out``.

    A run that was killed goes on from ``out/checkpoint``. Raises ConfigError when no artist has two paintings, and for
    a checkpoint of another run.
    """
    started = time.perf_counter()
    out = Path(out)
    samples = embed_style(dataset, encoder, config.labels, config.views, config.validation_share, config.seed,
                          EmbeddingCache(encoder) if cache is None else cache, progress)  # fmt: skip
    head = _initial_head(samples, encoder.dim, config)
    identity = {**asdict(config), "labels": ",".join(config.labels), "encoder": encoder.name,
                "revision": encoder.revision, "data": samples.digest()}  # fmt: skip
    checkpoint = Checkpoint(out, identity)
    best_epoch, history = _fit(head, samples, config, checkpoint, progress)
    held = int(samples.held_out.sum())
    result = StyleResult(out, best_epoch, history, len(samples.ids) - held, held, len(samples.labels.names),
                         time.perf_counter() - started)  # fmt: skip
    facts = {"task": "style", "dataset": dataset_name, "style": {"config": asdict(config), **asdict(result),
             "path": out.name}, "split": {"scheme": PUBLISHED, "seed": config.seed}}  # fmt: skip
    parts = {"train": samples.ids[~samples.held_out].tolist(), "validation": samples.ids[samples.held_out].tolist()}
    save_model(out, encoder, dense_layers(head), config.tau, facts, parts)
    checkpoint.clear()
    return result


def _initial_head(samples: StyleSamples, inputs: int, config: StyleConfig) -> Head:
    """Standardised on the views trained on; the linear head also whitened by artist, an unknown artist being nobody."""
    chosen = np.flatnonzero(~samples.held_out)
    if len(chosen) > WHITENING_PAINTINGS:
        draw = np.random.default_rng(seed_from("whitening", config.seed))
        chosen = np.sort(draw.choice(chosen, WHITENING_PAINTINGS, replace=False))
    x = samples.load(np.column_stack([samples.full, samples.views])[chosen].ravel())
    names = np.where(samples.artist == "", samples.ids, samples.artist)[chosen]
    artist = np.repeat(np.unique(names, return_inverse=True)[1], 1 + config.views)
    head = Head(config.head, inputs, config.dim, config.dropout, seed_from("head", config.seed))
    return started(head, x, artist, config.dropout, config.seed)


@dataclass
class _Run:
    """What changes from epoch to epoch. ``epoch`` is the next one, ``step`` the steps taken."""

    head: Head
    optimiser: torch.optim.SGD
    epoch: int = 0
    step: int = 0
    best: float = -1.0
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)

    def state(self) -> dict[str, Any]:
        kept = ("epoch", "step", "best", "best_epoch", "best_weights", "history")
        return {"head": self.head.state_dict(), "optimiser": self.optimiser.state_dict(),
                "random": torch.get_rng_state(), **{name: getattr(self, name) for name in kept}}  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        self.head.load_state_dict(state["head"])
        self.optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"])
        for name in ("epoch", "step", "best", "best_epoch", "best_weights", "history"):
            setattr(self, name, state[name])


def _fit(
    head: Head, samples: StyleSamples, config: StyleConfig, checkpoint: Checkpoint, progress: Progress | None
) -> tuple[int, list[dict[str, float]]]:
    """Trains in place and leaves the weights of the epoch that finds artists best (validation map@10) in the head."""
    run = _Run(head, torch.optim.SGD(head.parameters(), lr=config.learning_rate, momentum=MOMENTUM))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_from("dropout", config.seed))
        if state := checkpoint.read():
            run.restore(state)
        while run.epoch <= config.epochs and run.epoch - run.best_epoch <= config.patience:
            losses = [_step(run, batch, samples, config) for batch in _batches(samples, run.epoch, config)]
            numbers: dict[str, float] = {
                "epoch": run.epoch,
                **({"train_loss": float(np.mean(losses))} if losses else {}),
            }
            if not math.isfinite(numbers.get("train_loss", 0.0)):
                raise ConfigError(
                    f"the loss is {numbers['train_loss']} at epoch {run.epoch}: lower learning_rate "
                    f"{config.learning_rate}"
                )
            numbers |= validate(head, samples)
            if numbers["validation_map@10"] > run.best:
                run.best, run.best_epoch = numbers["validation_map@10"], run.epoch
                run.best_weights = {name: value.clone() for name, value in head.state_dict().items()}
            run.history.append(numbers)
            run.epoch += 1
            checkpoint.write(run.state())
            if progress:
                progress("train", run.epoch - 1, config.epochs)
    head.load_state_dict(run.best_weights)
    head.eval()
    return run.best_epoch, run.history


@dataclass(frozen=True)
class _Batch:
    """Two views of each painting (n, inputs), and their labels (n, labels)."""

    first: Tensor
    second: Tensor
    labels: Tensor


def _batches(samples: StyleSamples, epoch: int, config: StyleConfig) -> Iterator[_Batch]:
    """Every painting trained on once, in seeded order, with two different views of it. None at epoch 0."""
    if not epoch:
        return
    draw = np.random.default_rng(seed_from("style epoch", epoch, config.seed))
    order = draw.permutation(np.flatnonzero(~samples.held_out))
    for paintings in np.array_split(order, max(1, round(len(order) / config.batch_size))):
        if len(paintings) < 2:
            continue
        pair = np.argsort(draw.random((len(paintings), samples.views.shape[1])), axis=1)[:, :2]
        first, second = samples.views[paintings[:, None], pair].T
        yield _Batch(samples.load(first), samples.load(second), samples.multi_hot(paintings))


def _step(run: _Run, batch: _Batch, samples: StyleSamples, config: StyleConfig) -> float:
    run.head.train()
    trained = int((~samples.held_out).sum())
    warm = max(1.0, WARM_UP * config.epochs * trained / config.batch_size)
    rate = config.learning_rate * len(batch.first) / RATE_BATCH * min(1.0, (run.step + 1) / warm)
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    first, second = run.head(torch.cat([batch.first, batch.second])).chunk(2)
    loss = csd_loss(first, second, batch.labels, config.tau, config.self_weight, config.variant)
    run.optimiser.zero_grad()
    loss.backward()
    for parameter in run.head.parameters():  # theirs clips each parameter by itself
        torch.nn.utils.clip_grad_norm_([parameter], CLIP)
    run.optimiser.step()
    run.step += 1
    return loss.item()


@torch.no_grad()
def validate(head: Head, samples: StyleSamples) -> dict[str, float]:
    """The paintings held out ask for their artist among those trained on, all seen whole: map@10 and recall@1."""
    head.eval()
    asked, known = (np.flatnonzero(samples.held_out == flag) for flag in (True, False))
    queries, database = (head(samples.load(samples.full[rows])).numpy() for rows in (asked, known))
    hits, relevant = ranked_hits(queries, database, samples.artist[asked], samples.artist[known], VALIDATION_K)
    return {
        f"validation_map@{VALIDATION_K}": metrics.map_at_k(hits, VALIDATION_K, relevant),
        "validation_recall@1": metrics.recall_at_k(hits, 1),
    }
