"""The settings of a siamese training run, checked before any work, and what a run hands back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from artsim_dataset.errors import ConfigError
from artsim_dataset.losses import TAU_FLOOR
from artsim_dataset.train.heads import check_head
from artsim_dataset.train.holdout import SCHEMES

LOSSES: tuple[str, ...] = ("batch", "triplet")


@dataclass(frozen=True)
class TrainConfig:
    """Settings of `train.siamese.train_siamese`. tau, weight decay, schedule and patience are S2's.

    ``loss``: ``batch`` is the triplet term with the hardest negative of the batch plus InfoNCE over the batch;
    ``triplet`` is S2's, one drawn negative for each anchor. ``captions``: they are the second modality, which takes an
    encoder with a text side. ``mask_genre``: images of the anchor's genre are no negatives either. ``split``: see
    :func:`~artsim_dataset.train.holdout.divide`. ``views``: augmented views of an image beside the image itself.
    """

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
    loss: str = "batch"
    captions: bool = False
    mask_genre: bool = False
    split: str = SCHEMES[0]
    seed: int = 42

    def __post_init__(self) -> None:
        check_head(self.head)
        for name, known in (("loss", LOSSES), ("split", SCHEMES)):
            if getattr(self, name) not in known:
                raise ConfigError(f"no {name} '{getattr(self, name)}'; there are: {', '.join(known)}")
        for name, low in (("dim", 2), ("views", 0), ("epochs", 0), ("batch_size", 2), ("patience", 1)):
            if getattr(self, name) < low:
                raise ConfigError(f"{name} must be at least {low}, got {getattr(self, name)}")
        for name in ("learning_rate", "tau"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ConfigError(f"{name} must be above 0, got {getattr(self, name)}")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise ConfigError(f"weight_decay must be at least 0, got {self.weight_decay}")
        if self.tau < TAU_FLOOR:
            raise ConfigError(f"tau must be at least {TAU_FLOOR}, got {self.tau}")
        if not 0 < self.validation_share < 0.5:
            raise ConfigError(f"validation_share must be between 0 and 0.5, got {self.validation_share}")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout must be at least 0 and below 1, got {self.dropout}")


RECIPES: Mapping[str, TrainConfig] = {
    "artsim": TrainConfig(),
    "s2": TrainConfig(
        head="transformer", views=0, epochs=20, batch_size=32, loss="triplet", captions=True, split="80/20"
    ),
}
"""``artsim`` is for small data sets and any encoder. ``s2`` is the Siamese CLIP of Castro Elvira and Pineda Rugerio,
for an encoder of 512 dimensions with a text side."""


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
