from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from artsim_dataset.losses import infonce, shared, triplet_infonce


def test_triplet_loss_is_the_formula_of_s2() -> None:
    positive, negative, tau = [0.9, 0.2, 0.5], [0.1, 0.6, 0.5], 0.07
    expected = [
        -math.log(math.exp(p / tau) / (math.exp(p / tau) + math.exp(n / tau)))
        for p, n in zip(positive, negative, strict=True)
    ]
    assert triplet_infonce(torch.tensor(positive), torch.tensor(negative), tau).item() == pytest.approx(
        sum(expected) / 3, rel=1e-5
    )
    # golden: equal similarities cost log 2, whatever tau
    assert triplet_infonce(torch.tensor([0.3]), torch.tensor([0.3]), 0.01).item() == pytest.approx(0.693147, abs=1e-6)


def test_several_negatives_are_several_triplets() -> None:
    positive, negative = torch.tensor([0.5, 0.1]), torch.tensor([[0.1, 0.2], [0.3, 0.4]])
    single = [
        triplet_infonce(positive[i : i + 1], negative[i, j : j + 1], 0.1).item() for i in range(2) for j in range(2)
    ]
    assert triplet_infonce(positive, negative, 0.1).item() == pytest.approx(sum(single) / 4, rel=1e-6)


def test_triplet_loss_does_not_overflow() -> None:
    assert triplet_infonce(torch.tensor([-1.0]), torch.tensor([1.0]), 0.01).item() == pytest.approx(200, rel=1e-4)
    assert triplet_infonce(torch.tensor([1.0]), torch.tensor([-1.0]), 0.01).item() == pytest.approx(0, abs=1e-6)


def _random(n: int, m: int) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return (functional.normalize(torch.randn(k, 6, generator=draw), dim=1) for k in (n, m))  # type: ignore[return-value]


def test_infonce_agrees_with_a_naive_sum_that_skips_what_is_excluded() -> None:
    queries, candidates = _random(4, 7)
    target, tau = torch.tensor([3, 0, 6, 6]), 0.2
    excluded = torch.rand(4, 7, generator=torch.Generator().manual_seed(2)) < 0.4
    terms = []
    for i in range(4):
        similarity = [math.exp(float(queries[i] @ candidates[j]) / tau) for j in range(7)]
        kept = sum(s for j, s in enumerate(similarity) if j == int(target[i]) or not excluded[i, j])
        terms.append(-math.log(similarity[int(target[i])] / kept))
    assert infonce(queries, candidates, target, excluded, tau).item() == pytest.approx(sum(terms) / 4, rel=1e-5)


def test_infonce_with_everything_excluded_costs_nothing_and_has_a_gradient() -> None:
    queries, candidates = _random(2, 3)
    queries.requires_grad_(True)
    loss = infonce(queries, candidates, torch.tensor([0, 1]), torch.ones(2, 3, dtype=torch.bool), 0.1)
    loss.backward()
    assert loss.item() == 0 and torch.isfinite(queries.grad).all()  # type: ignore[arg-type]


def test_images_that_share_any_known_label_are_no_negatives() -> None:
    painting, artist = torch.tensor([0, 1, 2]), torch.tensor([5, -1, 5])
    mask = shared((painting, painting), (artist, artist))
    assert mask.tolist() == [[True, False, True], [False, True, False], [True, False, True]]
