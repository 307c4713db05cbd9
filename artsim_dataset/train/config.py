"""The settings of a siamese training run, checked before any work, and what a run hands back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from artsim_dataset.errors import ConfigError
from artsim_dataset.losses import TAU_FLOOR
from artsim_dataset.train.heads import HEADS


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
