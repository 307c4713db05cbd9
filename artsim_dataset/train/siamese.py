"""Siamese training: original and variant of a painting through one frozen encoder and one trained head.

Embeddings of all views are cached first; a training step then only gathers rows. The loss of an anchor is S2's triplet
term against an original of another genre, plus InfoNCE over the batch, where images of the same painting, group or
artist never count as negatives. Three departures from S2: validation is artist- and
group-disjoint instead of the tail of a CSV; training views are cropped, mirrored and recoloured (see `views`); the
linear head starts from a closed form (`train.whiten`), and epoch 0 competes with all later ones.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor

from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import PairRows, Progress, Wanted, embed
from artsim_dataset.errors import ConfigError
from artsim_dataset.losses import TAU_FLOOR, infonce, shared, triplet_infonce
from artsim_dataset.model import save_model
from artsim_dataset.schema import seed_from
from artsim_dataset.train.heads import HEADS, Head, dense_layers
from artsim_dataset.train.holdout import components, holdout
from artsim_dataset.train.whiten import whitening
from artsim_dataset.views import FULL, View, augmentation

MIN_PAINTINGS = 4
WHITENING_PAINTINGS = 1024
VALIDATION_PAINTINGS = 2048
"""Above these, a seeded choice of paintings is enough, and memory stays flat."""


@dataclass(frozen=True)
class TrainConfig:
    """Settings of :func:`train_siamese`. tau, weight decay, schedule and patience are S2's."""

    head: str = "linear"
    dim: int = 512
    views: int = 3
    epochs: int = 40
    batch_size: int = 128
    learning_rate: float = 3e-4
    weight_decay: float = 1e-4
    dropout: float = 0.1
    tau: float = 0.07
    patience: int = 5
    validation_share: float = 0.1
    seed: int = 42

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise ConfigError(f"no head '{self.head}'; heads are: {', '.join(HEADS)}")
        for name, low in (("dim", 2), ("views", 0), ("epochs", 0), ("batch_size", 2), ("patience", 1)):
            if getattr(self, name) < low:
                raise ConfigError(f"{name} must be at least {low}, got {getattr(self, name)}")
        for name in ("learning_rate", "tau"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ConfigError(f"{name} must be above 0, got {getattr(self, name)}")
        if self.tau < TAU_FLOOR:
            raise ConfigError(f"tau must be at least {TAU_FLOOR}, got {self.tau}")
        if not 0 < self.validation_share < 0.5:
            raise ConfigError(f"validation_share must be between 0 and 0.5, got {self.validation_share}")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout must be at least 0 and below 1, got {self.dropout}")


@dataclass(frozen=True)
class TrainResult:
    """What a training run did. ``history``: one row an epoch, epoch 0 before any step."""

    path: Path
    best_epoch: int
    history: list[dict[str, float]]
    paintings: int
    variants: int
    validation_paintings: int
    seconds: float


@dataclass(frozen=True)
class _Samples:
    """Cache positions of every view, and labels, of the train split.

    ``original`` (paintings, views); ``variant`` (rows, views); ``rows_of``: rows of each painting; ``labels``:
    painting, artist, group of each painting as integers, -1 unknown; ``genre`` as integers.
    """

    original: np.ndarray
    variant: np.ndarray
    rows_of: list[np.ndarray]
    labels: list[Tensor]
    genre: Tensor
    held_out: np.ndarray
    cache: EmbeddingCache

    def load(self, positions: np.ndarray) -> Tensor:
        return torch.from_numpy(self.cache.take(positions.ravel())).reshape(*positions.shape, -1)


def train_siamese(
    dataset: Dataset,
    encoder: Encoder,
    config: TrainConfig,
    out: Path,
    progress: Progress | None = None,
    cache: EmbeddingCache | None = None,
    dataset_name: str = "",
) -> TrainResult:
    """Trains a head on the train split of `pairs` and writes a SentenceTransformer folder to ``out``.

    Raises ConfigError when the split has fewer than four paintings.
    """
    started = time.perf_counter()
    cache = EmbeddingCache(encoder) if cache is None else cache
    samples = _embed_all(PairRows(dataset), encoder, config, cache, progress)
    head, log_tau = _initial_head(samples, encoder.dim, config)
    best_epoch, history = _fit(head, log_tau, samples, config, progress)
    held = int(samples.held_out.sum())
    result = TrainResult(
        Path(out),
        best_epoch,
        history,
        len(samples.rows_of) - held,
        len(samples.variant),
        held,
        time.perf_counter() - started,
    )
    facts = {"config": asdict(config), "dataset": dataset_name, **asdict(replace(result, path=Path(Path(out).name)))}
    facts["path"] = str(facts["path"])
    save_model(Path(out), encoder, dense_layers(head), tau=_tau(log_tau).item(), facts=facts)
    return result


def _embed_all(
    rows: PairRows, encoder: Encoder, config: TrainConfig, cache: EmbeddingCache, progress: Progress | None
) -> _Samples:
    count = len(rows.painting_ids)
    if count < MIN_PAINTINGS:
        raise ConfigError(f"training needs at least {MIN_PAINTINGS} paintings in the train split, got {count}")

    def views(image_id: str) -> list[View]:
        return [FULL, *(augmentation(image_id, index, config.seed) for index in range(config.views))]

    originals = [Wanted(int(row), "original", v) for row, id_ in zip(rows.first_row, rows.painting_ids, strict=True)
                 for v in views(id_)]  # fmt: skip
    variants = [Wanted(row, "generated", v) for row, id_ in enumerate(rows.ids) for v in views(id_)]
    positions = embed(rows, originals + variants, encoder, cache, progress).reshape(-1, 1 + config.views)
    artists, groups = rows.artists[rows.first_row], rows.groups[rows.first_row]
    part = components(artists.tolist(), groups.tolist())
    return _Samples(
        positions[:count],
        positions[count:],
        [np.flatnonzero(rows.painting == p) for p in range(count)],
        [torch.arange(count), _codes(artists), _codes(groups)],
        _codes(rows.genres[rows.first_row]),
        holdout(rows.painting_ids.tolist(), part, config.validation_share, config.seed),
        cache,
    )


def _codes(labels: np.ndarray) -> Tensor:
    """Integers for names, -1 for the empty one."""
    names, codes = np.unique(labels.astype(str), return_inverse=True)
    return torch.from_numpy(np.where(names[codes] == "", -1, codes))


def _initial_head(samples: _Samples, inputs: int, config: TrainConfig) -> tuple[Head, torch.nn.Parameter]:
    """Standardised, and for the linear head whitened, on (at most 1024 of) the paintings trained on."""
    draw = np.random.default_rng(seed_from("whitening", config.seed))
    chosen = np.flatnonzero(~samples.held_out)
    if len(chosen) > WHITENING_PAINTINGS:
        chosen = np.sort(draw.choice(chosen, WHITENING_PAINTINGS, replace=False))
    blocks = [np.concatenate([samples.original[p], samples.variant[samples.rows_of[p]].ravel()]) for p in chosen]
    x = samples.load(np.concatenate(blocks))
    head = Head(config.head, inputs, config.dim, config.dropout, seed_from("head", config.seed))
    head.standardise(x)
    if config.head == "linear":
        painting = torch.repeat_interleave(torch.arange(len(blocks)), torch.tensor([len(b) for b in blocks]))
        weights = whitening((x - head.mean) * head.scale, painting, config.dim, seed_from("whiten", config.seed))
        # Few images span few directions; the head is then narrower than asked for.
        head = Head(config.head, inputs, len(weights), config.dropout, seed_from("head", config.seed))
        with torch.no_grad():
            head.first.weight.copy_(weights)
            head.first.bias.zero_()
        head.standardise(x)
    return head, torch.nn.Parameter(torch.tensor(math.log(config.tau)))


def _tau(log_tau: Tensor) -> Tensor:
    return log_tau.exp().clamp(min=TAU_FLOOR)


def _fit(
    head: Head, log_tau: torch.nn.Parameter, samples: _Samples, config: TrainConfig, progress: Progress | None
) -> tuple[int, list[dict[str, float]]]:
    """Trains in place and leaves the best weights in the head; best is the lowest validation loss at the first tau."""
    parts: list[dict[str, Any]] = [{"params": list(head.parameters())}, {"params": [log_tau], "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(parts, lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, factor=0.5, patience=max(1, config.patience // 2 - 1)
    )
    best, best_epoch, best_state = math.inf, 0, _state(head, log_tau)
    history: list[dict[str, float]] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_from("dropout", config.seed))
        for epoch in range(config.epochs + 1):
            losses = (
                [_step(head, log_tau, batch, optimiser) for batch in _batches(samples, epoch, config)] if epoch else []
            )
            validation, accuracy = _validate(head, samples, config)
            history.append({"epoch": epoch, "train_loss": float(np.mean(losses)) if losses else math.nan,
                            "validation_loss": validation, "validation_recall@1": accuracy,
                            "tau": _tau(log_tau).item(), "learning_rate": optimiser.param_groups[0]["lr"]})  # fmt: skip
            if not math.isfinite(validation):
                raise ConfigError(
                    f"the validation loss is {validation} at epoch {epoch}: lower learning_rate {config.learning_rate}"
                )
            if validation < best:
                best, best_epoch, best_state = validation, epoch, _state(head, log_tau)
            if progress:
                progress("train", epoch, config.epochs)
            if epoch - best_epoch >= config.patience:
                break
            schedule.step(validation)
    head.load_state_dict(best_state[0])
    log_tau.data.copy_(best_state[1])
    head.eval()
    return best_epoch, history


def _state(head: Head, log_tau: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    return {name: value.clone() for name, value in head.state_dict().items()}, log_tau.detach().clone()


@dataclass(frozen=True)
class _Batch:
    """One view of the original and of a variant of each painting, (n, inputs); ``same``: no negatives."""

    original: Tensor
    variant: Tensor
    same: Tensor
    genre: Tensor


def _batches(samples: _Samples, epoch: int, config: TrainConfig) -> Iterator[_Batch]:
    """Every painting trained on once, in seeded order, with a seeded variant and seeded views."""
    draw = np.random.default_rng(seed_from("epoch", epoch, config.seed))
    order = draw.permutation(np.flatnonzero(~samples.held_out))
    views = samples.original.shape[1]
    for batch in np.array_split(order, max(1, round(len(order) / config.batch_size))):
        rows = np.array([draw.choice(samples.rows_of[p]) for p in batch])
        original = samples.original[batch, draw.integers(views, size=len(batch))]
        variant = samples.variant[rows, draw.integers(views, size=len(batch))]
        yield _Batch(samples.load(original), samples.load(variant), _same(samples, batch), samples.genre[batch])


def _same(samples: _Samples, paintings: np.ndarray) -> Tensor:
    return shared(*((labels[paintings], labels[paintings]) for labels in samples.labels))


def _step(head: Head, log_tau: torch.nn.Parameter, batch: _Batch, optimiser: torch.optim.Optimizer) -> float:
    head.train()
    tau = _tau(log_tau)
    original, variant = head(torch.cat([batch.original, batch.variant])).chunk(2)
    loss = pair_loss(original, variant, batch.same, batch.genre, tau)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    with torch.no_grad():
        log_tau.clamp_(min=math.log(TAU_FLOOR))
    return loss.item()


def pair_loss(original: Tensor, variant: Tensor, same: Tensor, genre: Tensor, tau: float | Tensor) -> Tensor:
    """The training loss of n (original, variant) pairs: unit vectors (n, d), ``same`` (n, n) bool, ``genre`` (n,).

    S2's triplet term with the hardest original of another genre in the batch (anchors that have none are left out),
    plus InfoNCE from the original to all variants and all other originals, plus InfoNCE from the variant to all
    originals. Other originals are candidates because at test time negatives are originals, not variants.
    """
    n = len(original)
    target, other = torch.arange(n), torch.eye(n, dtype=torch.bool)
    forward = infonce(original, torch.cat([variant, original]), target, torch.cat([same, same | other], 1), tau)
    backward = infonce(variant, original, target, same, tau)
    barred = same | other | (genre[:, None] == genre[None])
    hardest = (original @ original.T).masked_fill(barred, -2.0).max(1).values
    usable = hardest > -2.0
    positive = (original * variant).sum(1)
    triplet = triplet_infonce(positive[usable], hardest[usable], tau) if usable.any() else positive.sum() * 0
    return triplet + forward + backward


@torch.no_grad()
def _validate(head: Head, samples: _Samples, config: TrainConfig) -> tuple[float, float]:
    """Loss at the first tau and recall@1 over the held-out paintings: every view of a variant against the originals."""
    head.eval()
    draw = np.random.default_rng(seed_from("validation", config.seed))
    paintings = np.flatnonzero(samples.held_out)
    if len(paintings) > VALIDATION_PAINTINGS:
        paintings = np.sort(draw.choice(paintings, VALIDATION_PAINTINGS, replace=False))
    originals = head(samples.load(samples.original[paintings, 0]))
    losses, found, same = [], [], _same(samples, paintings)
    for view in range(samples.variant.shape[1]):
        rows = np.array([samples.rows_of[p][view % len(samples.rows_of[p])] for p in paintings])
        variants = head(samples.load(samples.variant[rows, view]))
        losses.append(pair_loss(originals, variants, same, samples.genre[paintings], config.tau).item())
        found.append(((variants @ originals.T).argmax(1) == torch.arange(len(paintings))).float().mean().item())
    return float(np.mean(losses)), float(np.mean(found))
