from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from artsim_dataset.train.network import Fusion
from artsim_dataset.train.objective import (
    WEIGHTS,
    Relations,
    Term,
    following,
    fused,
    measures,
    objective,
    pair_loss,
    terms,
)  # fmt: skip

ARTISTS, GENRES, TAU = [0, 1, 0, 2, 3], [0, 0, 1, 1, 1], 0.2


def vectors(modalities: int, n: int = 5, seed: int = 3) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return functional.normalize(torch.randn(modalities, n, 4, generator=draw), dim=2)


def relations() -> Relations:
    same = torch.tensor([[a == b for b in ARTISTS] for a in ARTISTS])
    return Relations.of(same, torch.tensor(GENRES))


def test_the_triplet_objective_and_all_metrics_of_s2_agree_with_a_naive_sum() -> None:
    o, v, c, g = vectors(4)
    triples = {"image": (o, v, o), "text": (c, g, c), "i2t": (o, g, c), "t2i": (c, v, o)}
    expected: dict[str, float] = {}
    for name, (anchor, positive, pool) in triples.items():
        right, loss = [], []
        for i in range(5):
            k = next(j % 5 for j in range(i + 1, i + 5) if ARTISTS[j % 5] != ARTISTS[i] and GENRES[j % 5] != GENRES[i])
            near, far = float(anchor[i] @ positive[i]), float(anchor[i] @ pool[k])
            right.append(near > far)
            loss.append(-math.log(math.exp(near / TAU) / (math.exp(near / TAU) + math.exp(far / TAU))))
        expected["triplet_accuracy" if name == "image" else f"{name}_accuracy"] = sum(right) / 5
        expected[f"{name}_loss"] = sum(loss) / 5
    for kind in ("accuracy", "loss"):
        expected[f"cross_{kind}"] = (expected[f"i2t_{kind}"] + expected[f"t2i_{kind}"]) / 2
    found = terms(vectors(4))
    assert measures(found, relations(), TAU) == pytest.approx(expected, rel=1e-5)
    s2 = expected["image_loss"] + 0.3 * expected["text_loss"] + 0.3 * expected["cross_loss"]
    assert objective(found, relations(), TAU, "triplet").item() == pytest.approx(s2, rel=1e-5)


def test_the_batch_objective_is_the_weighted_sum_of_its_terms() -> None:
    found = terms(vectors(4))
    parts = [WEIGHTS[name] * pair_loss(term, relations(), TAU) for name, term in found.items()]
    assert objective(found, relations(), TAU, "batch").item() == pytest.approx(sum(parts).item(), rel=1e-5)  # type: ignore[union-attr]
    assert WEIGHTS == {"image": 1.0, "text": 0.3, "i2t": 0.15, "t2i": 0.15}
    assert list(terms(vectors(2))) == ["image"]


def test_a_tie_is_wrong() -> None:
    same = functional.normalize(torch.ones(3, 4), dim=1)
    free = Relations.of(torch.eye(3, dtype=torch.bool), torch.arange(3))
    numbers = measures({"image": Term(same, same, same)}, free, 0.1)
    assert numbers == {"triplet_accuracy": 0.0, "image_loss": pytest.approx(math.log(2))}


def test_without_any_negative_there_are_no_metrics_and_the_loss_has_a_gradient_of_zero() -> None:
    one_genre = Relations.of(torch.eye(3, dtype=torch.bool), torch.zeros(3, dtype=torch.long))
    o = vectors(1, 3)[0].requires_grad_(True)
    found = {"image": Term(o, o.detach(), o)}
    assert measures(found, one_genre, 0.1) == {}
    objective(found, one_genre, 0.1, "triplet").backward()
    assert o.grad is not None and not o.grad.any()


@given(st.integers(1, 7), st.integers(0, 1000))
def test_the_drawn_negative_is_the_next_row_that_is_not_barred(n: int, seed: int) -> None:
    barred = torch.rand(n, n, generator=torch.Generator().manual_seed(seed)) < 0.6
    for i, found in enumerate(following(barred).tolist()):
        free = [j % n for j in range(i + 1, i + n + 1) if not barred[i, j % n]]
        assert found == (free[0] if free else -1)


def test_the_fusion_learns_and_the_head_does_not_feel_it() -> None:
    x = vectors(4).requires_grad_(True)
    fusion = Fusion(4, 0.0, seed=1)
    objective({"image": fused(x, fusion)}, relations(), TAU, "triplet").backward()
    assert x.grad is None and all(p.grad is not None and p.grad.any() for p in fusion.parameters())
