"""Heads: embedding -> unit vector. A dense head is trained as a torch module and saved as plain dense layers.

Standardisation of the input and batch norms are affine, so after training they fold into the weights beside them
(:func:`dense_layers`). What is saved is then nothing but `Dense` layers that sentence-transformers knows by itself,
and numpy can apply a trained model without torch. The transformer head of S2 has a file of its own.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from artsim_dataset.errors import ConfigError
from artsim_dataset.layers import Dense, Layer
from artsim_dataset.train.transformer_head import TransformerHead, TransformerLayer

DENSE_HEADS: tuple[str, ...] = ("linear", "mlp")
HEADS: tuple[str, ...] = (*DENSE_HEADS, "transformer")


def check_head(kind: str) -> None:
    """Raises ConfigError for a head that there is not."""
    if kind not in HEADS:
        raise ConfigError(f"no head '{kind}'; heads are: {', '.join(HEADS)}")


def new_head(kind: str, inputs: int, dim: int, dropout: float, seed: int) -> Head | TransformerHead:
    """An untrained head from ``inputs`` to ``dim`` dimensions. ConfigError for one that there is not."""
    check_head(kind)
    return (
        TransformerHead(inputs, dim, dropout, seed) if kind == "transformer" else Head(kind, inputs, dim, dropout, seed)
    )


def saved_layers(head: Head | TransformerHead) -> list[Layer]:
    """What of a trained head is saved, in order."""
    return [TransformerLayer(head)] if isinstance(head, TransformerHead) else [*dense_layers(head)]


class Head(nn.Module):
    """``linear``: one linear layer. ``mlp``: S2's dense head, dense -> batch norm -> ReLU -> dropout -> dense.

    Input (n, inputs), output (n, dim), unit length. ``mean`` (inputs,) centres the input and ``scale`` () makes its
    average variance 1. One scale for all inputs: an encoder that made a part of its embedding short meant it to count
    less, and a scale for each input would undo that
    (lite, three artist-disjoint splits, perturbed recall@1: 0.960 with a scale for each input, 0.975 with one).
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, kind: str, inputs: int, dim: int, dropout: float, seed: int) -> None:
        super().__init__()
        if kind not in DENSE_HEADS:
            raise ConfigError(f"no dense head '{kind}'; dense heads are: {', '.join(DENSE_HEADS)}")
        self.dim = dim
        self.kind = kind
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("scale", torch.ones(()))
        with torch.random.fork_rng(devices=[]):
            # nn.Linear draws from the global generator, which is neither ours to read nor to move.
            torch.manual_seed(seed)
            layers: list[nn.Module] = [nn.Linear(inputs, dim)]
            if kind == "mlp":
                layers += [nn.BatchNorm1d(dim), nn.ReLU(), nn.Dropout(dropout), nn.Linear(dim, dim)]
        self.layers = nn.Sequential(*layers)

    @property
    def first(self) -> nn.Linear:
        """The layer that takes the standardised embedding."""
        layer = self.layers[0]
        assert isinstance(layer, nn.Linear)
        return layer

    def standardise(self, x: Tensor) -> None:
        """Sets the standardisation from embeddings, (n, inputs). Embeddings that are all equal are only centred."""
        self.mean.copy_(x.mean(0))
        self.scale.copy_((x - self.mean).square().mean().sqrt().clamp(min=1e-6).reciprocal())

    def forward(self, x: Tensor) -> Tensor:
        return functional.normalize(self.layers((x - self.mean) * self.scale), dim=1)


@torch.no_grad()
def dense_layers(head: Head) -> list[Dense]:
    """The head in evaluation mode as dense layers; L2 normalisation comes after the last one."""
    folded: list[tuple[Tensor, Tensor, bool]] = []
    for layer in head.layers:
        if isinstance(layer, nn.Linear):
            folded.append((layer.weight.double(), layer.bias.double(), False))
        elif isinstance(layer, nn.BatchNorm1d):
            weight, bias, _ = folded.pop()
            assert layer.running_mean is not None and layer.running_var is not None
            gain = layer.weight.double() / (layer.running_var.double() + layer.eps).sqrt()
            folded.append(
                (weight * gain[:, None], (bias - layer.running_mean.double()) * gain + layer.bias.double(), False)
            )
        elif isinstance(layer, nn.ReLU):
            weight, bias, _ = folded.pop()
            folded.append((weight, bias, True))
    weight, bias, relu = folded[0]
    weight = weight * head.scale.double()
    folded[0] = (weight, bias - weight @ head.mean.double(), relu)
    return [Dense(w.float().numpy(), b.float().numpy(), r) for w, b, r in folded]
