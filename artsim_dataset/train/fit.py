"""The training loop: AdamW, a learning rate that falls on a plateau, early stopping, the best weights kept.

Every epoch ends with its state on disk. An epoch is a function of that state and of the seed, so a run that was killed
goes on from the last epoch that it finished and ends with the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from artsim_dataset.encoders.embed import Progress
from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import seed_from
from artsim_dataset.train.batches import Batch, batches, validation_batches
from artsim_dataset.train.checkpoint import Checkpoint
from artsim_dataset.train.config import TrainConfig
from artsim_dataset.train.log import Log
from artsim_dataset.train.network import Network
from artsim_dataset.train.objective import fused, measures, objective, term_loss, terms
from artsim_dataset.train.samples import Samples


@dataclass
class _Run:
    """What changes from epoch to epoch. ``epoch`` is the next one."""

    network: Network
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.ReduceLROnPlateau
    epoch: int = 0
    best: float = math.inf
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)

    def state(self) -> dict[str, Any]:
        return {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict(),
                "schedule": self.schedule.state_dict(), "random": torch.get_rng_state(), "epoch": self.epoch,
                "best": self.best, "best_epoch": self.best_epoch, "best_weights": self.best_weights,
                "history": self.history}  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        for name in ("network", "optimiser", "schedule"):
            getattr(self, name).load_state_dict(state[name])
        for name in ("epoch", "best", "best_epoch", "best_weights", "history"):
            setattr(self, name, state[name])
        torch.set_rng_state(state["random"])

    def judge(self, loss: float) -> None:
        """Keeps the weights when they are the best so far."""
        if loss < self.best:
            self.best, self.best_epoch = loss, self.epoch
            self.best_weights = {name: value.clone() for name, value in self.network.state_dict().items()}


def fit(
    network: Network, samples: Samples, config: TrainConfig, checkpoint: Checkpoint, log: Log, progress: Progress | None
) -> tuple[int, list[dict[str, float]]]:
    """Trains in place and leaves the best weights in the network; best is the lowest validation loss at the first tau.

    Returns the best epoch and the history, one row an epoch, epoch 0 before any step. Raises ConfigError when the
    validation loss is no longer a number, and as :meth:`Checkpoint.read`.
    """
    run = _start(network, config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_from("dropout", config.seed))
        if state := checkpoint.read():
            run.restore(state)
        while run.epoch <= config.epochs and run.epoch - run.best_epoch <= config.patience:
            numbers = _epoch(run, samples, config)
            loss = numbers["validation_loss"]
            if not math.isfinite(loss):
                raise ConfigError(
                    f"the validation loss is {loss} at epoch {run.epoch}: lower learning_rate {config.learning_rate}"
                )
            run.judge(loss)
            run.schedule.step(loss)
            run.history.append(numbers)
            run.epoch += 1
            checkpoint.write(run.state())
            log(numbers, run.epoch - 1)
            if progress:
                progress("train", run.epoch - 1, config.epochs)
    network.load_state_dict(run.best_weights)
    network.eval()
    return run.best_epoch, run.history


def _start(network: Network, config: TrainConfig) -> _Run:
    modules = [module for module in (network.head, network.fusion) if module is not None]
    parts: list[dict[str, Any]] = [
        {"params": [parameter for module in modules for parameter in module.parameters()]},
        {"params": [network.log_tau], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(parts, lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, factor=0.5, patience=max(1, config.patience // 2 - 1)
    )
    return _Run(network, optimiser, schedule)


def _epoch(run: _Run, samples: Samples, config: TrainConfig) -> dict[str, float]:
    """Trains for one epoch (epoch 0: not at all), validates, and says what came of it."""
    rate = run.optimiser.param_groups[0]["lr"]
    trained = train_epoch(run.network, samples, run.optimiser, run.epoch, config) if run.epoch else {}
    return {
        "epoch": run.epoch,
        **{f"train_{name}": value for name, value in trained.items()},
        **{f"validation_{name}": value for name, value in validate(run.network, samples, config).items()},
        "tau": run.network.tau.item(),
        "learning_rate": rate,
    }


def train_epoch(
    network: Network, samples: Samples, optimiser: torch.optim.Optimizer, epoch: int, config: TrainConfig
) -> dict[str, float]:
    """One pass over the paintings trained on. Returns means over the batches: loss and S2's metrics as it went."""
    network.train()
    mean = Mean()
    for batch in batches(samples, epoch, config):
        vectors = _embedded(network, batch)
        found, tau = terms(vectors), network.tau
        loss = whole = objective(found, batch.relations, tau, config.loss)
        if network.fusion is not None:
            found["fused"] = fused(vectors, network.fusion)
            whole = loss + term_loss(found["fused"], batch.relations, tau.detach(), config.loss)
        optimiser.zero_grad()
        whole.backward()
        optimiser.step()
        network.hold_floor()
        mean.add({"loss": loss.item(), **measures(found, batch.relations, tau)}, vectors.shape[1])
    return mean.value()


@torch.no_grad()
def validate(network: Network, samples: Samples, config: TrainConfig) -> dict[str, float]:
    """``loss`` at the first tau, so that epochs with another tau compare; recall@1 of the variants among the originals
    of their block; S2's metrics at the learned tau, as S2 reports them."""
    network.eval()
    mean = Mean()
    for batch in validation_batches(samples, config):
        vectors = _embedded(network, batch)
        found = terms(vectors)
        numbers = {"loss": objective(found, batch.relations, config.tau, config.loss).item()}
        ranked = (vectors[1] @ vectors[0].T).argmax(1)
        numbers["recall@1"] = (ranked == torch.arange(len(ranked))).float().mean().item()
        if network.fusion is not None:
            found["fused"] = fused(vectors, network.fusion)
        mean.add({**numbers, **measures(found, batch.relations, network.tau)}, len(ranked))
    return mean.value()


def _embedded(network: Network, batch: Batch) -> Tensor:
    """Unit vectors of a batch, (2 or 4, n, dim)."""
    return network.head(batch.embeddings.flatten(0, 1)).unflatten(0, batch.embeddings.shape[:2])


class Mean:
    """Means of numbers by name, weighted by how many anchors they are of."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def add(self, numbers: Mapping[str, float], count: int) -> None:
        for name, value in numbers.items():
            self._sums[name] = self._sums.get(name, 0.0) + value * count
            self._counts[name] = self._counts.get(name, 0) + count

    def value(self) -> dict[str, float]:
        return {name: total / self._counts[name] for name, total in self._sums.items()}
