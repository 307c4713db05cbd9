"""S2's final head: LayerNorm, two transformer-encoder layers on a sequence of one, a two-layer MLP, L2.

In a sequence of one the softmax of the attention is 1, so an attention block is two linear maps of its input and its
query and key weights (a fifth of the head) never get a gradient. The shape is kept all the same, to be comparable:
4,731,904 parameters for 512 dimensions, as S2 reports.

As it was in S2, the head takes embeddings as the encoder gives them; only embeddings of another length than ``dim``
are first brought to it by a linear layer.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from artsim_dataset.errors import ConfigError

LAYERS, ATTENTION_HEADS, HIDDEN = 2, 8, 1024


class TransformerHead(nn.Module):
    """Input (n, inputs), output (n, dim), unit length. ``seed`` draws the weights; ConfigError when 8 does not divide
    ``dim``."""

    def __init__(self, inputs: int, dim: int, dropout: float = 0.1, seed: int = 0) -> None:
        super().__init__()
        if dim % ATTENTION_HEADS:
            raise ConfigError(
                f"dim must be a multiple of the transformer's {ATTENTION_HEADS} attention heads, got {dim}"
            )
        self.inputs, self.dim = inputs, dim
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.entry = nn.Linear(inputs, dim) if inputs != dim else nn.Identity()
            self.norm = nn.LayerNorm(dim)
            self.layers = nn.Sequential(
                *(
                    nn.TransformerEncoderLayer(dim, ATTENTION_HEADS, HIDDEN, dropout, "gelu", batch_first=True)
                    for _ in range(LAYERS)
                )
            )
            self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        sequence = self.layers(self.norm(self.entry(x))[:, None])
        return functional.normalize(self.mlp(sequence[:, 0]), dim=1)


class TransformerLayer:
    """A trained :class:`TransformerHead` as a layer of a :class:`~artsim_dataset.model.SimilarityModel`: numpy in and
    out, torch inside."""

    folder: ClassVar[str] = "TransformerHead"
    module: ClassVar[str] = "artsim_dataset.encoders.sentence.TransformerHeadModule"

    def __init__(self, head: TransformerHead) -> None:
        self._head = head.eval()
        self.outputs = head.dim

    def __call__(self, x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return self._head(torch.from_numpy(np.ascontiguousarray(x, np.float32))).numpy()

    def config(self) -> dict[str, Any]:
        return {"inputs": self._head.inputs, "dim": self._head.dim}

    def tensors(self) -> dict[str, np.ndarray]:
        return {name: value.detach().contiguous().numpy() for name, value in self._head.state_dict().items()}

    @classmethod
    def read(cls, config: dict[str, Any], tensors: dict[str, np.ndarray]) -> TransformerLayer:
        """The layer that :meth:`config` and :meth:`tensors` describe. ValueError when they do not fit each other."""
        head = TransformerHead(int(config["inputs"]), int(config["dim"]))
        try:
            head.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
        except RuntimeError as error:
            raise ValueError(" ".join(str(error).split())) from error
        return cls(head)
