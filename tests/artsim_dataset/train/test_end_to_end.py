"""The encoder itself trained, with a tiny CLIP saved as a folder, through the trainer of sentence-transformers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import Tensor

from artsim_dataset.errors import ConfigError
from artsim_dataset.evaluate import evaluate
from artsim_dataset.model import load_model
from artsim_dataset.train.config import TrainConfig, TrainResult
from artsim_dataset.train.objective import objective, terms
from tests.artsim_dataset.encoders.tiny import tiny_clip
from tests.artsim_dataset.learning import painting
from tests.artsim_dataset.train.two_sided import captioned

sentence_transformers = pytest.importorskip("sentence_transformers")
CONFIG = TrainConfig(epochs=3, batch_size=8, learning_rate=1e-3, views=1, captions=True, validation_share=0.3)
IMAGES = [painting("a"), painting("b")]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip(tmp_path_factory.mktemp("clip"))


def train(clip: Path, out: Path, lora: int = 0, progress: Any = None, **settings: Any) -> TrainResult:
    from artsim_dataset.train.end_to_end import train_end_to_end

    return train_end_to_end(captioned(24), str(clip), replace(CONFIG, **settings), out, lora, progress)


@pytest.fixture(scope="module")
def unfrozen(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    return train(clip, tmp_path_factory.mktemp("unfrozen") / "model")


def encoder_of(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / "model.safetensors")


def test_the_loss_falls_and_the_result_is_an_encoder_of_its_own(unfrozen: TrainResult, clip: Path) -> None:
    history = unfrozen.history
    assert [row["epoch"] for row in history] == [0, 1, 2, 3] and unfrozen.best_epoch > 0
    assert history[unfrozen.best_epoch]["validation_loss"] < 0.9 * history[0]["validation_loss"]
    assert {"train_triplet_accuracy", "train_cross_loss", "validation_text_accuracy"} <= set(history[1])
    before, after = encoder_of(clip), encoder_of(unfrozen.path)
    assert set(before) == set(after)
    moved = [name for name in before if not np.array_equal(before[name], after[name])]
    assert any(name.startswith("vision_model") for name in moved) and any("text_model" in name for name in moved)
    facts = json.loads((unfrozen.path / "artsim.json").read_text())
    assert facts["encoder_weights"] == "unfrozen" and facts["history"] == history
    assert "unfrozen" in (unfrozen.path / "README.md").read_text()
    assert not (unfrozen.path / "checkpoint").exists()


def test_everybody_reads_it_without_trust_and_gets_the_same_vectors(unfrozen: TrainResult) -> None:
    model = load_model(unfrozen.path)
    theirs = sentence_transformers.SentenceTransformer(str(unfrozen.path), device="cpu")
    np.testing.assert_allclose(model.encode(IMAGES), theirs.encode(IMAGES), atol=1e-6)
    np.testing.assert_allclose(model.encode_text(["a painting"]), theirs.encode(["a painting"]), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(model.encode(IMAGES), axis=1), 1, rtol=1e-5)


def test_it_is_evaluated_like_any_model(unfrozen: TrainResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTSIM_CACHE", str(tmp_path))
    numbers = evaluate(captioned(6), load_model(unfrozen.path)).to_json()
    assert 0 <= numbers["triplet_accuracy"] <= 1 and numbers["n_paintings"] == 6
    assert "baseline" not in numbers, "its encoder is the trained one, and no baseline"


def test_lora_moves_attention_alone_and_leaves_a_plain_model(clip: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    result = train(clip, tmp_path / "model", lora=4)
    before, after = encoder_of(clip), encoder_of(result.path)
    assert set(before) == set(after) and not (result.path / "adapter_config.json").exists()
    moved = [name for name in before if not np.array_equal(before[name], after[name])]
    assert moved and all("self_attn" in name and name.endswith("weight") for name in moved)
    assert json.loads((result.path / "artsim.json").read_text())["encoder_weights"] == "LoRA of rank 4"
    torch.rand(1)  # adapters start from the seed, wherever the global generator stands
    again = encoder_of(train(clip, tmp_path / "again", lora=4).path)
    assert all(np.array_equal(after[name], again[name]) for name in after)


def test_merged_adapters_answer_as_they_did_apart(clip: Path) -> None:
    pytest.importorskip("peft")
    from artsim_dataset.train.lora import add_lora, merge_lora

    model = sentence_transformers.SentenceTransformer(str(clip), device="cpu")
    plain = model.encode(IMAGES)
    add_lora(model, 2)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.05)
    apart = model.encode(IMAGES)
    merge_lora(model)
    np.testing.assert_allclose(model.encode(IMAGES), apart, atol=1e-5)
    assert np.abs(apart - plain).max() > 1e-3 and not any("lora" in name for name, _ in model.named_parameters())


def test_a_stopped_run_goes_on_to_the_same_weights(unfrozen: TrainResult, clip: Path, tmp_path: Path) -> None:
    def stop(what: str, done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(clip, tmp_path / "model", progress=stop)
    with pytest.raises(ConfigError, match="holds a run with learning_rate 0.001, not 0.5"):
        train(clip, tmp_path / "model", learning_rate=0.5)
    resumed = train(clip, tmp_path / "model")
    assert resumed.history == unfrozen.history
    ours, theirs = encoder_of(resumed.path), encoder_of(unfrozen.path)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_when_no_epoch_is_better_the_encoder_is_left_as_it_was(clip: Path, tmp_path: Path) -> None:
    result = train(clip, tmp_path / "model", epochs=1, learning_rate=3.0)
    assert result.best_epoch == 0
    before, after = encoder_of(clip), encoder_of(result.path)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_the_loss_is_masked_by_the_labels_of_its_rows() -> None:
    from artsim_dataset.train.masked import MaskedLoss, relations_of

    class Given(torch.nn.Module):
        def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
            return features

    draw = torch.Generator().manual_seed(0)
    vectors = torch.nn.functional.normalize(torch.randn(2, 6, 8, generator=draw), dim=2)
    labels = torch.tensor([[i, i % 2, -1, i % 3] for i in range(6)])  # painting, artist, unknown group, genre
    loss = MaskedLoss(Given(), CONFIG)
    relations = relations_of(labels)
    assert relations.same.tolist() == [[i % 2 == j % 2 for j in range(6)] for i in range(6)]
    assert relations.barred.tolist() == [[i % 2 == j % 2 or i % 3 == j % 3 for j in range(6)] for i in range(6)]
    got = loss([{"sentence_embedding": v} for v in vectors], labels)
    assert got.item() == pytest.approx(objective(terms(vectors), relations, CONFIG.tau, "batch").item(), rel=1e-6)
    got.backward()
    assert loss.log_tau.grad is not None and loss.log_tau.grad.abs() > 0


def test_views_change_from_epoch_to_epoch_and_not_from_run_to_run() -> None:
    from artsim_dataset.train.masked import PairImages

    one, again = (PairImages(captioned(8, variants=3), CONFIG) for _ in range(2))

    def seen(images: PairImages) -> list[bytes]:
        return [row["original"].tobytes() + row["generated"].tobytes() for row in images.training_rows()]

    first = seen(one)
    assert first == seen(again) and one.digest() == again.digest()
    one.epoch = 2
    assert all(a != b for a, b in zip(first, seen(one), strict=True))


@pytest.mark.parametrize("encoder", ["lite", "csd:owner/model"])
def test_what_cannot_be_trained_is_refused(encoder: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be trained end to end; take a CLIP"):
        train(Path(encoder), tmp_path)
