"""The training loop: AdamW, a learning rate that falls on a plateau, early stopping, the best weights kept."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from artsim_dataset.encoders.embed import Progress
from artsim_dataset.errors import ConfigError
from artsim_dataset.losses import TAU_FLOOR
from artsim_dataset.schema import seed_from
from artsim_dataset.train.batches import Batch, batches
from artsim_dataset.train.config import TrainConfig
from artsim_dataset.train.heads import Head
from artsim_dataset.train.objective import pair_loss
from artsim_dataset.train.samples import Samples

VALIDATION_PAINTINGS = 2048
"""Above this, a seeded choice of paintings is enough, and memory stays flat."""


def tau_of(log_tau: Tensor) -> Tensor:
    return log_tau.exp().clamp(min=TAU_FLOOR)


def fit(
    head: Head, log_tau: torch.nn.Parameter, samples: Samples, config: TrainConfig, progress: Progress | None
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
                [_step(head, log_tau, batch, optimiser) for batch in batches(samples, epoch, config)] if epoch else []
            )
            validation, accuracy = _validate(head, samples, config)
            history.append({"epoch": epoch, "train_loss": float(np.mean(losses)) if losses else math.nan,
                            "validation_loss": validation, "validation_recall@1": accuracy,
                            "tau": tau_of(log_tau).item(),
                            "learning_rate": optimiser.param_groups[0]["lr"]})  # fmt: skip
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


def _step(head: Head, log_tau: torch.nn.Parameter, batch: Batch, optimiser: torch.optim.Optimizer) -> float:
    head.train()
    tau = tau_of(log_tau)
    original, variant = head(torch.cat([batch.original, batch.variant])).chunk(2)
    loss = pair_loss(original, variant, batch.same, batch.genre, tau)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    with torch.no_grad():
        log_tau.clamp_(min=math.log(TAU_FLOOR))
    return loss.item()


@torch.no_grad()
def _validate(head: Head, samples: Samples, config: TrainConfig) -> tuple[float, float]:
    """Loss at the first tau and recall@1 over the held-out paintings: every view of a variant against the originals."""
    head.eval()
    draw = np.random.default_rng(seed_from("validation", config.seed))
    paintings = np.flatnonzero(samples.held_out)
    if len(paintings) > VALIDATION_PAINTINGS:
        paintings = np.sort(draw.choice(paintings, VALIDATION_PAINTINGS, replace=False))
    originals = head(samples.load(samples.original[paintings, 0]))
    losses, found, same = [], [], samples.same(paintings)
    for view in range(samples.variant.shape[1]):
        rows = np.array([samples.rows_of[p][view % len(samples.rows_of[p])] for p in paintings])
        variants = head(samples.load(samples.variant[rows, view]))
        losses.append(pair_loss(originals, variants, same, samples.genre[paintings], config.tau).item())
        found.append(((variants @ originals.T).argmax(1) == torch.arange(len(paintings))).float().mean().item())
    return float(np.mean(losses)), float(np.mean(found))
