from __future__ import annotations

import numpy as np
import pytest
import torch

from artsim_dataset.errors import ConfigError
from artsim_dataset.model import unit
from artsim_dataset.train.heads import DENSE_HEADS, Head, dense_layers, new_head


@pytest.mark.parametrize("kind", DENSE_HEADS)
def test_the_folded_head_is_the_trained_head(kind: str) -> None:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(64, 10, generator=draw) * torch.linspace(0.1, 5, 10) + 3
    head = Head(kind, 10, 6, dropout=0.5, seed=1)
    head.standardise(x)
    optimiser = torch.optim.SGD(head.parameters(), lr=0.5)
    for _ in range(5):  # moves the weights and the running statistics of the batch norm away from their start
        loss = head(x)[:, 0].sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    head.eval()
    y = x.numpy()
    for layer in dense_layers(head):
        y = layer(y)
    with torch.no_grad():
        expected = head(x).numpy()
    np.testing.assert_allclose(unit(y), expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(expected, axis=1), 1, rtol=1e-5)


def test_the_mlp_is_dense_batch_norm_relu_dropout_dense() -> None:
    names = [type(layer).__name__ for layer in Head("mlp", 10, 6, 0.1, 0).layers]
    assert names == ["Linear", "BatchNorm1d", "ReLU", "Dropout", "Linear"]
    assert [layer.relu for layer in dense_layers(Head("mlp", 10, 6, 0.1, 0).eval())] == [True, False]


def test_weights_come_from_the_seed_and_leave_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, same, other = (Head("linear", 8, 4, 0.0, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(one.first.weight, same.first.weight) and not torch.equal(one.first.weight, other.first.weight)


def test_standardising_centres_inputs_and_keeps_their_proportions() -> None:
    x = torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([4.0, 2.0, 0.0]) + 7
    head = Head("linear", 3, 2, 0.0, 0)
    head.standardise(x)
    seen = (x - head.mean) * head.scale
    torch.testing.assert_close(seen.mean(0), torch.zeros(3), atol=1e-5, rtol=0)
    assert seen.square().mean().item() == pytest.approx(1, rel=1e-4)
    assert (seen[:, 0].std() / seen[:, 1].std()).item() == pytest.approx(
        (x[:, 0].std() / x[:, 1].std()).item(), rel=1e-4
    )


def test_equal_embeddings_are_centred_without_a_division_by_zero() -> None:
    head = Head("linear", 3, 2, 0.0, 0)
    head.standardise(torch.full((5, 3), 2.0))
    assert torch.isfinite(head(torch.full((5, 3), 2.0))).all()


def test_an_unknown_head_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no head 'deep'; heads are: linear, mlp, transformer"):
        new_head("deep", 3, 2, 0.0, 0)
