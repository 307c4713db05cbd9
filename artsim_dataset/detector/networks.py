"""What is trained: `linear` and `mlp` on an encoder's embeddings, `cnn` on pixels. All answer one logit of 'ai'.

The network on pixels is small on purpose: it must train on a CPU, and a few hundred paintings fill no larger one. It
sees the pixels and what a smoothing takes away from them, because generators betray themselves in fine structure
before they do in content.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from artsim_dataset.errors import ConfigError
from artsim_dataset.layers import Dense

HEADS: tuple[str, ...] = ("linear", "mlp", "cnn")
HIDDEN = 128
WIDTHS = (16, 24, 32, 48, 64)
RESIDUAL_GAIN = 4.0


class EmbeddingHead(nn.Module):
    """``linear``: one layer. ``mlp``: dense -> ReLU -> dropout -> dense. Input (n, inputs), output (n,).

    ``mean`` (inputs,) and ``scale`` () standardise the input: one scale, since an encoder that made a part of its
    embedding short meant it to count less.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, kind: str, inputs: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("scale", torch.ones(()))
        layers: list[nn.Module] = [nn.Linear(inputs, 1)]
        if kind == "mlp":
            layers = [nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Dropout(dropout), nn.Linear(HIDDEN, 1)]
        self.layers = nn.Sequential(*layers)

    def standardise(self, x: Tensor) -> None:
        """Sets the standardisation from embeddings, (n, inputs)."""
        self.mean.copy_(x.mean(0))
        self.scale.copy_((x - self.mean).square().mean().sqrt().clamp(min=1e-6).reciprocal())

    def forward(self, x: Tensor) -> Tensor:
        return self.layers((x - self.mean) * self.scale)[:, 0]

    @torch.no_grad()
    def dense(self) -> list[Dense]:
        """The head as plain layers with the standardisation folded in: numpy can apply them without torch."""
        linear = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        folded = [(layer.weight.double(), layer.bias.double()) for layer in linear]
        weight, bias = folded[0]
        weight = weight * self.scale.double()
        folded[0] = (weight, bias - weight @ self.mean.double())
        return [Dense(w.float().numpy(), b.float().numpy(), at < len(folded) - 1) for at, (w, b) in enumerate(folded)]


class PixelNetwork(nn.Module):
    """Five blocks of convolution, batch norm, ReLU and pooling. Input uint8 (n, 3, height, width), output (n,)."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for inputs, outputs in zip((6, *WIDTHS), WIDTHS, strict=False):
            blocks += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
            blocks.append(nn.MaxPool2d(2))
        self.blocks = nn.Sequential(*blocks[:-1])  # the last map is averaged whole
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(2 * WIDTHS[-1], 1)

    def forward(self, pixels: Tensor) -> Tensor:
        x = pixels.float() / 127.5 - 1
        residual = x - functional.avg_pool2d(functional.pad(x, (1, 1, 1, 1), mode="reflect"), 3, 1)
        maps = self.blocks(torch.cat([x, RESIDUAL_GAIN * residual], 1).contiguous(memory_format=torch.channels_last))
        pooled = torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)
        return self.last(self.dropout(pooled))[:, 0]


def new_network(kind: str, inputs: int, dropout: float, seed: int) -> EmbeddingHead | PixelNetwork:
    """A fresh network; the same seed gives the same weights, and the global generator is left as it was.

    Raises ConfigError for an unknown kind.
    """
    if kind not in HEADS:
        raise ConfigError(f"no head '{kind}'; heads of a detector are: {', '.join(HEADS)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PixelNetwork(dropout) if kind == "cnn" else EmbeddingHead(kind, inputs, dropout)
