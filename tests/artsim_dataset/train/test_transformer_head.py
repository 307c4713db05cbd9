from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from artsim_dataset.errors import ConfigError
from artsim_dataset.train.heads import new_head, saved_layers
from artsim_dataset.train.network import Fusion, Network
from artsim_dataset.train.transformer_head import TransformerHead, TransformerLayer


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def test_on_clips_512_dimensions_it_has_the_parameters_that_s2_reports() -> None:
    network = Network(new_head("transformer", 512, 512, 0.1, 0), 0.07, Fusion(512, 0.1, 0))
    assert parameters(network.head) == 4_731_904
    assert network.fusion is not None and parameters(network.fusion) == 787_456
    assert parameters(network) == 5_519_361


def test_its_parts_are_those_of_s2() -> None:
    head = TransformerHead(16, 16)
    for layer in head.layers:
        assert isinstance(layer, nn.TransformerEncoderLayer)
        assert layer.self_attn.num_heads == 8 and layer.linear1.out_features == 1024
        assert layer.activation is functional.gelu and layer.dropout.p == 0.1
    assert len(head.layers) == 2 and isinstance(head.norm, nn.LayerNorm)
    assert [type(part).__name__ for part in head.mlp] == ["Linear", "GELU", "Dropout", "Linear"]


def test_its_answer_is_the_arithmetic_written_out() -> None:
    head = TransformerHead(24, 16, seed=3).eval()
    x = torch.randn(5, 24, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        y = head.norm(head.entry(x))
        for layer in head.layers:
            assert isinstance(layer, nn.TransformerEncoderLayer)
            attention = layer.self_attn
            value = y @ attention.in_proj_weight[32:].T + attention.in_proj_bias[32:]  # one token: the softmax is 1
            y = layer.norm1(y + attention.out_proj(value))
            y = layer.norm2(y + layer.linear2(functional.gelu(layer.linear1(y))))
        expected = functional.normalize(head.mlp[3](functional.gelu(head.mlp[0](y))), dim=1)
        torch.testing.assert_close(head(x), expected, atol=1e-5, rtol=1e-5)


def test_saved_and_read_it_is_the_same_layer() -> None:
    head = TransformerHead(24, 16, seed=3)
    (layer,) = saved_layers(head)
    x = np.random.default_rng(0).normal(size=(7, 24)).astype(np.float32)
    again = TransformerLayer.read(layer.config(), layer.tensors())
    np.testing.assert_array_equal(again(x), layer(x))
    np.testing.assert_allclose(np.linalg.norm(layer(x), axis=1), 1, rtol=1e-5)
    with pytest.raises(ValueError, match="Missing key"):
        TransformerLayer.read(layer.config(), {})


def test_weights_come_from_the_seed_and_eight_heads_need_a_multiple_of_eight() -> None:
    one, same, other = (TransformerHead(16, 16, seed=seed).mlp[0].weight for seed in (1, 1, 2))
    assert isinstance(one, torch.Tensor) and isinstance(same, torch.Tensor) and isinstance(other, torch.Tensor)
    assert torch.equal(one, same) and not torch.equal(one, other)
    with pytest.raises(ConfigError, match="dim must be a multiple of the transformer's 8 attention heads, got 20"):
        TransformerHead(20, 20)
