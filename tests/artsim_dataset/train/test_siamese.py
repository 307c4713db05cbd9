from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.errors import ConfigError
from artsim_dataset.model import load_model
from artsim_dataset.train.config import TrainConfig, TrainResult
from artsim_dataset.train.objective import Relations, Term, pair_loss
from artsim_dataset.train.siamese import train_siamese
from tests.artsim_dataset.learning import PixelEncoder, pairs_dataset

CONFIG = TrainConfig(dim=16, views=2, epochs=6, batch_size=16)


@pytest.fixture(autouse=True)
def _pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artsim_dataset.encoders.get_encoder", lambda name: PixelEncoder())


def trained(folder: Path, config: TrainConfig = CONFIG, paintings: int = 40) -> TrainResult:
    encoder = PixelEncoder()
    return train_siamese(pairs_dataset(paintings, variants=2, artists=20), encoder, config, folder / "model",
                         cache=EmbeddingCache(encoder, folder / "cache"), dataset_name="painted")  # fmt: skip


def weights(folder: Path) -> list[np.ndarray]:
    return [array for layer in load_model(folder / "model").layers for array in layer.tensors().values()]


@pytest.mark.parametrize("head", ["linear", "mlp"])
def test_training_gives_a_model_that_tells_paintings_apart(tmp_path: Path, head: str) -> None:
    result = trained(tmp_path, replace(CONFIG, head=head, learning_rate=3e-3, epochs=30))
    assert result.paintings + result.validation_paintings == 40 and result.variants == 80
    assert result.validation_paintings == 4
    best = result.history[result.best_epoch]
    assert best["validation_loss"] == min(row["validation_loss"] for row in result.history)
    assert best["validation_recall@1"] > (0.9 if head == "linear" else 0.6)  # chance is 0.25
    if head == "mlp":
        assert best["validation_loss"] < 0.8 * result.history[0]["validation_loss"]
    assert all(row["tau"] >= 0.01 for row in result.history)


def test_the_same_seed_gives_the_same_weights_whatever_torch_did_before(tmp_path: Path) -> None:
    torch.manual_seed(1)
    trained(tmp_path / "a", replace(CONFIG, head="mlp"))
    torch.manual_seed(2)
    before = torch.get_rng_state()
    trained(tmp_path / "b", replace(CONFIG, head="mlp"))
    assert torch.equal(torch.get_rng_state(), before)
    trained(tmp_path / "c", replace(CONFIG, head="mlp", seed=7))
    assert all((a == b).all() for a, b in zip(weights(tmp_path / "a"), weights(tmp_path / "b"), strict=True))
    assert not all((a == c).all() for a, c in zip(weights(tmp_path / "a"), weights(tmp_path / "c"), strict=True))


def test_the_best_weights_are_the_ones_saved(tmp_path: Path) -> None:
    wild = replace(CONFIG, learning_rate=0.5, epochs=8)
    result = trained(tmp_path / "wild", wild)
    untouched = trained(tmp_path / "none", replace(CONFIG, epochs=0))
    assert result.best_epoch == 0 and len(result.history) == 1 + CONFIG.patience
    assert all((a == b).all() for a, b in zip(weights(tmp_path / "wild"), weights(tmp_path / "none"), strict=True))
    assert len(untouched.history) == 1


def test_embeddings_are_computed_once_for_all_runs(tmp_path: Path) -> None:
    encoder = PixelEncoder()
    dataset, cache = pairs_dataset(12), EmbeddingCache(encoder, tmp_path / "cache")
    train_siamese(dataset, encoder, CONFIG, tmp_path / "one", cache=cache)
    assert encoder.encoded == 24 * 3
    train_siamese(dataset, encoder, replace(CONFIG, head="mlp", epochs=1), tmp_path / "two", cache=cache)
    assert encoder.encoded == 24 * 3


def test_what_was_done_is_written_beside_the_weights(tmp_path: Path) -> None:
    result = trained(tmp_path)
    facts = json.loads((tmp_path / "model" / "artsim.json").read_text())
    assert facts["dataset"] == "painted" and facts["config"]["dim"] == 16 and facts["paintings"] == result.paintings
    assert len(facts["history"]) == len(result.history) and facts["encoder"] == "pixels"
    card = (tmp_path / "model" / "README.md").read_text()
    assert "| data set | painted |" in card and f"{result.history[result.best_epoch]['validation_loss']:.4f}" in card
    assert str(tmp_path) not in card + json.dumps(facts)


def test_progress_tells_of_encoding_and_of_epochs(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    encoder = PixelEncoder()
    train_siamese(pairs_dataset(8), encoder, replace(CONFIG, epochs=2), tmp_path / "m", lambda *step: told.append(step),
                  EmbeddingCache(encoder, tmp_path / "cache"))  # fmt: skip
    assert ("encode", 16, 16) in told and told[-1] == ("train", 2, 2)


def test_too_few_paintings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 4 paintings in the train split, got 3"):
        trained(tmp_path, paintings=3)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"head": "deep"}, "heads are: linear, mlp, transformer"),
        ({"dim": 1}, "dim must be at least 2"),
        ({"tau": 0.001}, "tau must be at least 0.01"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0"),
        ({"validation_share": 0.6}, "between 0 and 0.5"),
        ({"batch_size": 1}, "batch_size must be at least 2"),
        ({"dropout": 1.0}, "below 1"),
        ({"epochs": -1}, "epochs must be"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainConfig(**setting)  # type: ignore[arg-type]


def test_pair_loss_agrees_with_a_naive_sum() -> None:
    draw = torch.Generator().manual_seed(3)
    o, v = (functional.normalize(torch.randn(5, 4, generator=draw), dim=1) for _ in range(2))
    artist, genre, tau = [0, 1, 0, 2, 3], [0, 0, 1, 1, 1], 0.2
    same = torch.tensor([[a == b for b in artist] for a in artist])

    def e(a: torch.Tensor, b: torch.Tensor) -> float:
        return float(torch.exp(a @ b / tau))

    forward = backward = triplet = 0.0
    for i in range(5):
        others = [j for j in range(5) if artist[j] != artist[i]]
        positive = e(o[i], v[i])
        forward -= np.log(positive / (positive + sum(e(o[i], v[j]) + e(o[i], o[j]) for j in others)))
        backward -= np.log(positive / (positive + sum(e(v[i], o[j]) for j in others)))
        hardest = max(e(o[i], o[j]) for j in others if genre[j] != genre[i])
        triplet -= np.log(positive / (positive + hardest))
    got = pair_loss(Term(o, v, o), Relations.of(same, torch.tensor(genre)), tau).item()
    assert got == pytest.approx((forward + backward + triplet) / 5, rel=1e-5)


def test_a_batch_of_one_genre_has_no_triplet_term_and_still_a_gradient() -> None:
    o = functional.normalize(torch.randn(3, 4, generator=torch.Generator().manual_seed(0)), dim=1).requires_grad_(True)
    relations = Relations.of(torch.eye(3, dtype=torch.bool), torch.zeros(3, dtype=torch.long))
    loss = pair_loss(Term(o, o.detach(), o), relations, 0.1)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(o.grad).all()  # type: ignore[arg-type]


def test_paintings_by_one_artist_are_refused_since_nothing_could_be_learned_from_them(tmp_path: Path) -> None:
    encoder = PixelEncoder()
    with pytest.raises(ConfigError, match="paintings to train on can be another's negative: all are by one"):
        train_siamese(pairs_dataset(12, artists=1), encoder, CONFIG, tmp_path, cache=EmbeddingCache(encoder, tmp_path))


def test_a_validation_without_negatives_is_refused_since_every_epoch_would_be_as_good(tmp_path: Path) -> None:
    encoder = PixelEncoder()
    with pytest.raises(ConfigError, match="none of the 1 paintings to validate on can be another's negative"):
        train_siamese(pairs_dataset(6), encoder, replace(CONFIG, split="80/20"), tmp_path,
                      cache=EmbeddingCache(encoder, tmp_path))  # fmt: skip


def test_a_few_prolific_artists_leave_a_validation_that_tells_epochs_apart(tmp_path: Path) -> None:
    encoder = PixelEncoder()
    result = train_siamese(pairs_dataset(24, artists=6), encoder, replace(CONFIG, head="mlp", learning_rate=3e-3),
                           tmp_path, cache=EmbeddingCache(encoder, tmp_path))  # fmt: skip
    assert result.best_epoch > 0 and result.history[0]["validation_loss"] > 0
