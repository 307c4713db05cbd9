from __future__ import annotations

import pytest
import torch

from artsim_dataset.train.whiten import whitening


def data(paintings: int = 30, views: int = 6, inputs: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    """Paintings differ in all inputs; their views differ mostly in the first three, much more than paintings do."""
    draw = torch.Generator().manual_seed(0)
    centres = torch.randn(paintings, inputs, generator=draw)
    noise = torch.randn(paintings, views, inputs, generator=draw) * torch.tensor([6.0] * 3 + [0.1] * (inputs - 3))
    return (centres[:, None] + noise).reshape(-1, inputs), torch.arange(paintings).repeat_interleave(views)


def test_directions_in_which_views_differ_lose_their_weight() -> None:
    x, painting = data()
    weights = whitening(x, painting, dim=12, seed=1)
    gain = weights.norm(dim=0)
    assert gain[:3].max() < 0.5 * gain[3:].min()


def test_without_shrinkage_the_covariance_within_paintings_becomes_round() -> None:
    x, painting = data()
    z = x @ whitening(x, painting, dim=12, seed=1, shrinkage=0.0).T
    means = torch.stack([z[painting == p].mean(0) for p in range(30)])
    rest = z - means[painting]
    covariance = rest.T @ rest / len(z)
    torch.testing.assert_close(covariance / covariance.trace() * 12, torch.eye(12), atol=0.02, rtol=0)


def test_retrieval_across_views_is_better_than_without() -> None:
    x, painting = data()
    z = x @ whitening(x, painting, dim=8, seed=1, shrinkage=0.001).T
    assert z.shape == (180, 8)

    def recall(v: torch.Tensor) -> float:
        v = torch.nn.functional.normalize(v - v.mean(0), dim=1)
        first, second = v[::6], v[1::6]
        return ((second @ first.T).argmax(1) == torch.arange(30)).float().mean().item()

    assert recall(x) < 0.5 < 0.95 < recall(z)


def test_the_kept_directions_are_the_leading_ones_of_a_full_decomposition() -> None:
    x, painting = data()
    few, all_of_them = (whitening(x, painting, dim=d, seed=1) for d in (4, 12))
    expected = torch.linalg.svdvals(x @ all_of_them.T)[:4]
    kept = torch.linalg.svdvals(x @ few.T)
    torch.testing.assert_close(kept / kept[0], expected / expected[0], rtol=1e-3, atol=1e-3)
    assert expected[3] < 0.95 * expected[0]


def test_few_rows_give_few_directions_and_the_same_seed_the_same_weights() -> None:
    x, painting = data(paintings=2, views=2)
    assert whitening(x, painting, dim=12, seed=1).shape == (4, 12)
    one, again = (whitening(*data(), dim=5, seed=3) for _ in range(2))
    assert torch.equal(one, again)
    assert one.std().item() == pytest.approx(12**-0.5, rel=1e-5)
