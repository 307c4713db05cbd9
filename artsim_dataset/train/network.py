"""All that a siamese run trains: the head, the temperature and, with captions, the fusion of image and text.

With S2's transformer head on 512-d embeddings: 4,731,904 + 1 + 787,456 = 5,519,361 parameters, as S2 reports.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from artsim_dataset.layers import Dense
from artsim_dataset.losses import TAU_FLOOR
from artsim_dataset.train.heads import Head
from artsim_dataset.train.transformer_head import TransformerHead


class Fusion(nn.Module):
    """Image and caption, both as unit vectors of the head (n, dim), to one unit vector (n, dim): a two-layer MLP."""

    def __init__(self, dim: int, dropout: float, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.mlp = nn.Sequential(nn.Linear(2 * dim, dim), nn.ReLU(), nn.Dropout(dropout), nn.Linear(dim, dim))

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        return functional.normalize(self.mlp(torch.cat([image, text], 1)), dim=1)

    @torch.no_grad()
    def dense_layers(self) -> list[Dense]:
        """The fusion in evaluation mode; L2 normalisation comes after the last one."""
        first, last = self.mlp[0], self.mlp[3]
        assert isinstance(first, nn.Linear) and isinstance(last, nn.Linear)
        return [Dense(layer.weight.numpy(), layer.bias.numpy(), relu) for layer, relu in ((first, True), (last, False))]


class Network(nn.Module):
    """Head, temperature and fusion as one module, so that one state dict holds all that was learned.

    tau is learned as its logarithm and has a floor (:data:`~artsim_dataset.losses.TAU_FLOOR`).
    """

    def __init__(self, head: Head | TransformerHead, tau: float, fusion: Fusion | None = None) -> None:
        super().__init__()
        self.head = head
        self.log_tau = nn.Parameter(torch.tensor(math.log(tau)))
        self.fusion = fusion

    @property
    def tau(self) -> Tensor:
        return self.log_tau.exp().clamp(min=TAU_FLOOR)

    def hold_floor(self) -> None:
        """After a step: a temperature pushed below its floor would have no gradient to come back with."""
        with torch.no_grad():
            self.log_tau.clamp_(min=math.log(TAU_FLOOR))
