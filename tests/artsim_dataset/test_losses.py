from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from artsim_dataset.losses import csd_loss, infonce, label_contrast, shared, triplet_infonce, view_contrast


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


GOLDEN = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [-0.6, 0.8]])
GOLDEN_LABELS = torch.tensor([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize(("variant", "expected"), [("released", 0.214703), ("paper", 0.256370)])
def test_golden_vectors_of_the_label_part_of_csd(variant: str, expected: float) -> None:
    # Computed with the released code: pairs weighed by the number of shared labels, and 0 or 1 as in the paper.
    assert label_contrast(GOLDEN, GOLDEN_LABELS, 0.1, variant).item() == pytest.approx(expected, abs=1e-6)


def _naive_contrast(vectors: torch.Tensor, weight: list[list[float]], tau: float, added: float) -> float:
    rows = []
    for i in range(len(vectors)):
        similarity = [math.exp(float(vectors[i] @ other) / tau) for other in vectors]
        total = math.log(sum(s for k, s in enumerate(similarity) if k != i) + added)
        partners = [(j, w) for j, w in enumerate(weight[i]) if w and j != i]
        terms = [-w * (math.log(similarity[j]) - total) for j, w in partners]
        rows.append(sum(terms) / sum(w for _, w in partners) if partners else 0.0)
    return tau * sum(rows) / len(rows)


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_csd_loss_agrees_with_a_naive_sum(variant: str) -> None:
    first, second = _random(6, 6)
    labels = (torch.rand(6, 4, generator=torch.Generator().manual_seed(5)) < 0.4).long()
    common = [[float((labels[i] * labels[j]).sum()) for j in range(6)] for i in range(6)]
    assert any(c > 1 for i, row in enumerate(common) for j, c in enumerate(row) if i != j)
    weight = common if variant == "released" else [[min(1.0, c) for c in row] for row in common]
    by_label = _naive_contrast(first, weight, 0.3, 0.0)
    partner = [[float(abs(i - j) == 6) for j in range(12)] for i in range(12)]
    by_view = _naive_contrast(torch.cat([first, second]), partner, 0.3, 1e-6 if variant == "released" else 0.0)
    assert label_contrast(first, labels, 0.3, variant).item() == pytest.approx(by_label, rel=1e-5)
    assert view_contrast(first, second, 0.3, variant).item() == pytest.approx(by_view, rel=1e-5)
    whole = 5 * by_label + by_view if variant == "released" else by_label + 0.2 * by_view
    assert csd_loss(first, second, labels, 0.3, 0.2, variant).item() == pytest.approx(whole, rel=1e-5)


def test_an_image_without_a_partner_costs_nothing_but_is_counted() -> None:
    alone = torch.cat([GOLDEN_LABELS[:2], torch.tensor([[0, 0, 1], [0, 0, 0]])])
    with_all = label_contrast(GOLDEN, alone, 0.1)
    rows = [_naive_contrast(GOLDEN, [[0, 1, 0, 0], [1, 0, 0, 0], [0] * 4, [0] * 4], 0.1, 0.0)]
    assert with_all.item() == pytest.approx(rows[0], rel=1e-4)
    assert label_contrast(GOLDEN, torch.zeros(4, 3), 0.1).item() == 0


def test_csd_loss_has_a_finite_gradient_where_the_softmax_would_overflow() -> None:
    first, second = (x.requires_grad_(True) for x in _random(4, 4))
    csd_loss(first, second, GOLDEN_LABELS, tau=0.01, variant="released").backward()
    assert torch.isfinite(first.grad).all() and torch.isfinite(second.grad).all()  # type: ignore[arg-type]


def test_one_image_is_no_contrast_and_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two"):
        label_contrast(GOLDEN[:1], GOLDEN_LABELS[:1], 0.1)
    with pytest.raises(ValueError, match="paper, released"):
        csd_loss(GOLDEN, GOLDEN, GOLDEN_LABELS, variant="printed")
