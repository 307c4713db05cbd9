from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artsim_dataset.encoders import get_encoder
from artsim_dataset.errors import ConfigError
from artsim_dataset.model import Dense, load_model, save_model, unit
from tests.artsim_dataset.learning import PixelEncoder, painting


def layers(inputs: int, seed: int = 0) -> list[Dense]:
    draw = np.random.default_rng(seed)
    shapes = [(12, inputs, True), (8, 12, False)]
    return [
        Dense(draw.normal(size=(o, i)).astype(np.float32), draw.normal(size=o).astype(np.float32), r)
        for o, i, r in shapes
    ]


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("artsim_dataset.encoders.get_encoder", lambda name: PixelEncoder())
    save_model(tmp_path / "model", PixelEncoder(), layers(PixelEncoder.dim), tau=0.05, facts={"note": "ünï"})
    return tmp_path / "model"


def test_a_saved_model_encodes_as_its_layers_say(saved: Path) -> None:
    model = load_model(saved)
    images = [painting("a"), painting("b"), painting("c")]
    x = PixelEncoder().encode(images)
    first, second = layers(PixelEncoder.dim)
    expected = np.maximum(x @ first.weight.T + first.bias, 0) @ second.weight.T + second.bias
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(model.encode(images), expected, atol=1e-6)
    np.testing.assert_allclose(model.similarity(images[:2], images), expected[:2] @ expected.T, atol=1e-6)
    assert (model.name, model.tau, model.facts["note"]) == ("model", 0.05, "ünï")


def test_a_zero_vector_stays_zero() -> None:
    assert unit(np.array([[0.0, 0.0], [3.0, 4.0]])).tolist() == [[0, 0], [0.6, 0.8]]


def test_what_is_no_model_or_is_damaged_is_named(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no artsim model; make one: artsim train siamese"):
        load_model(tmp_path)
    weights = saved / "1_Dense" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:40])
    with pytest.raises(ConfigError, match="cannot be read.*train it again"):
        load_model(saved)


def test_a_head_refuses_another_revision_of_its_encoder(saved: Path) -> None:
    file = saved / "artsim_encoder.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"revision": "0"}))
    with pytest.raises(ConfigError, match="trained on revision 0 of the encoder 'pixels', and 1 is installed"):
        load_model(saved)


def test_saving_over_a_model_leaves_no_complete_looking_mixture(saved: Path) -> None:
    class Broken(Dense):
        @property
        def weight(self) -> np.ndarray:  # type: ignore[override]
            raise RuntimeError("disk full")

    broken = object.__new__(Broken)
    with pytest.raises(RuntimeError, match="disk full"):
        save_model(saved, PixelEncoder(), [broken], tau=0.1, facts={})
    with pytest.raises(ConfigError, match="is no artsim model"):
        load_model(saved)


def test_sentence_transformers_gives_the_same_vectors_as_the_fast_loader(tmp_path: Path) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    lite = get_encoder("lite")
    save_model(tmp_path / "lite", lite, layers(lite.dim), tau=0.07, facts={})
    images = [painting("a"), painting("b").resize((200, 90)), painting("c")]
    theirs = sentence_transformers.SentenceTransformer(str(tmp_path / "lite"), trust_remote_code=True, device="cpu")
    embeddings = theirs.encode(images)
    np.testing.assert_allclose(embeddings, load_model(tmp_path / "lite").encode(images), atol=1e-5)
    assert theirs.get_embedding_dimension() == 8 and theirs.modalities == ["image"]
    path = tmp_path / "a.png"
    images[0].save(path)
    np.testing.assert_allclose(theirs.encode([str(path), np.asarray(images[0])]), embeddings[[0, 0]], atol=1e-5)
    theirs.save(str(tmp_path / "again"))
    np.testing.assert_allclose(load_again(tmp_path / "again", images), embeddings, atol=1e-5)


def load_again(folder: Path, images: list[Image.Image]) -> np.ndarray:
    import sentence_transformers

    return sentence_transformers.SentenceTransformer(str(folder), trust_remote_code=True, device="cpu").encode(images)


def test_the_fast_loader_imports_neither_sentence_transformers_nor_transformers() -> None:
    code = (
        "import sys, artsim_dataset.model, artsim_dataset.encoders.lite\n"
        "print([m for m in ('sentence_transformers', 'transformers', 'torchvision') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "[]"
