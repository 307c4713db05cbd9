"""S2 in full: its recipe, captions as a second modality, its splits; with a small encoder of images and texts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from datasets import concatenate_datasets

from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.errors import ConfigError
from artsim_dataset.model import SimilarityModel, load_model
from artsim_dataset.train.config import RECIPES, TrainConfig, TrainResult
from artsim_dataset.train.siamese import train_siamese
from tests.artsim_dataset.learning import PixelEncoder, painting, pairs_dataset
from tests.artsim_dataset.train.two_sided import TwoSidedEncoder, captioned

S2 = replace(RECIPES["s2"], dim=32, epochs=20, batch_size=8, learning_rate=1e-3, patience=20)
METRICS = [f"{name}_{kind}" for name in ("text", "i2t", "t2i", "cross", "fused") for kind in ("accuracy", "loss")]
METRICS += ["triplet_accuracy", "image_loss", "loss"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainResult, SimilarityModel]:
    folder, encoder = tmp_path_factory.mktemp("s2"), TwoSidedEncoder()
    result = train_siamese(captioned(80), encoder, S2, folder / "model", cache=EmbeddingCache(encoder, folder))
    assert encoder.texts == 160 and encoder.encoded == 160
    again = replace(S2, epochs=0)
    train_siamese(captioned(80), encoder, again, folder / "again", cache=EmbeddingCache(encoder, folder))
    assert encoder.texts == 160  # captions are encoded once, as images are
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("artsim_dataset.encoders.get_encoder", lambda name: TwoSidedEncoder())
        return result, load_model(folder / "model")


def test_the_recipe_is_that_of_the_siamese_clip() -> None:
    s2 = RECIPES["s2"]
    assert (s2.head, s2.loss, s2.captions, s2.split, s2.views) == ("transformer", "triplet", True, "80/20", 0)
    assert (s2.learning_rate, s2.weight_decay, s2.tau, s2.dropout) == (3e-4, 1e-4, 0.07, 0.1)
    assert (s2.batch_size, s2.epochs, s2.patience, s2.dim) == (32, 20, 5, 512)
    assert RECIPES["artsim"] == TrainConfig()


def test_every_epoch_has_all_metrics_of_s2_for_both_parts(trained: tuple[TrainResult, SimilarityModel]) -> None:
    result, model = trained
    for row in result.history:
        assert {f"validation_{name}" for name in METRICS} <= set(row)
        assert bool(row["epoch"]) == ({f"train_{name}" for name in METRICS} <= set(row))
    first, last = result.history[0], result.history[-1]
    assert last["train_loss"] == pytest.approx(
        last["train_image_loss"] + 0.3 * last["train_text_loss"] + 0.3 * last["train_cross_loss"], rel=1e-4
    )
    for name in ("triplet", "text", "cross", "fused"):
        assert last[f"train_{name}_accuracy"] > 0.9
    assert last["tau"] != first["tau"] and json.loads(json.dumps(model.facts["history"])) == result.history


def test_texts_and_pairs_of_image_and_text_find_their_painting(trained: tuple[TrainResult, SimilarityModel]) -> None:
    _, model = trained
    rows = captioned(80)
    known = [row for row in range(80) if rows["id"][row][:-2] in set(model.parts["train"])][:30]
    originals = model.encode([rows[row]["original"].crop((0, 8, 64, 56)) for row in known])
    captions = model.encode_text([rows[row]["caption"] for row in known])
    found = (captions @ originals.T).argmax(1)
    assert (found == np.arange(30)).mean() > 0.5  # one in thirty by chance
    pairs = model.fuse(originals, captions)
    assert pairs.shape == (30, 32)
    np.testing.assert_allclose(np.linalg.norm(pairs, axis=1), 1, rtol=1e-5)
    with pytest.raises(ConfigError, match="was trained without captions"):
        replace(model, fusion=()).fuse(originals, captions)


def test_a_split_of_its_own_is_written_down_and_held_out(trained: tuple[TrainResult, SimilarityModel]) -> None:
    result, model = trained
    assert model.facts["split"] == {"scheme": "80/20", "seed": 42, "train": 64, "validation": 16, "test": 0}
    assert model.held_out() == frozenset(model.parts["validation"])
    assert len(set(model.parts["train"]) | set(model.parts["validation"])) == 80
    assert (result.paintings, result.validation_paintings) == (64, 16)


def test_what_the_artist_disjoint_split_keeps_for_the_test_is_not_even_encoded(tmp_path: Path) -> None:
    encoder = TwoSidedEncoder()
    config = replace(S2, split="artist-disjoint", epochs=1)
    train_siamese(captioned(40, artists=20), encoder, config, tmp_path / "m", cache=EmbeddingCache(encoder, tmp_path))
    parts = json.loads((tmp_path / "m" / "parts.json").read_text())
    assert len(parts["test"]) == 8 and encoder.encoded == 2 * 32 == encoder.texts
    train, validation, test = (
        {id_.split("/")[1].split("_")[0] for id_ in parts[name]} for name in ("train", "validation", "test")
    )
    assert not train & validation and not test & (train | validation)


def test_captions_need_an_encoder_that_reads_and_a_caption_in_every_row(tmp_path: Path) -> None:
    pixels = PixelEncoder()
    with pytest.raises(ConfigError, match="'pixels' takes no texts; take one that does, such as openai/clip"):
        train_siamese(captioned(18), pixels, S2, tmp_path, cache=EmbeddingCache(pixels, tmp_path))
    some = concatenate_datasets([captioned(18), pairs_dataset(19).select([18])])
    encoder = TwoSidedEncoder()
    with pytest.raises(ConfigError, match="1 of 19 have no caption, 'Baroque/artist-18_work-18-0' first"):
        train_siamese(some, encoder, S2, tmp_path, cache=EmbeddingCache(encoder, tmp_path))


def test_masking_genres_leaves_only_other_genres_as_negatives(tmp_path: Path) -> None:
    encoder = TwoSidedEncoder()
    cache, config = EmbeddingCache(encoder, tmp_path), TrainConfig(dim=16, epochs=1, seed=4)
    results = [
        train_siamese(captioned(30), encoder, replace(config, mask_genre=mask), tmp_path / "m", cache=cache)
        for mask in (False, True)
    ]
    plain, masked = (result.history[0]["validation_loss"] for result in results)
    assert 0 < masked < plain  # fewer terms in the denominator


def test_sentence_transformers_gives_the_same_vectors_for_images_and_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    monkeypatch.setattr("artsim_dataset.encoders.get_encoder", lambda name: TwoSidedEncoder())
    encoder = TwoSidedEncoder()
    cache = EmbeddingCache(encoder, tmp_path)
    train_siamese(captioned(12), encoder, replace(S2, epochs=1), tmp_path / "m", cache=cache)
    model = load_model(tmp_path / "m")
    theirs = sentence_transformers.SentenceTransformer(str(tmp_path / "m"), trust_remote_code=True, device="cpu")
    images, texts = [painting("a"), painting("b")], ["a painting of a", "an image like b"]
    np.testing.assert_allclose(theirs.encode(images), model.encode(images), atol=1e-6)
    np.testing.assert_allclose(theirs.encode(texts), model.encode_text(texts), atol=1e-6)
    np.testing.assert_allclose(model.encode(images), model.project(encoder.encode(images)), atol=1e-6)
    assert theirs.get_embedding_dimension() == 32 and set(theirs.modalities) == {"text", "image"}
    theirs.save(str(tmp_path / "again"))
    again = sentence_transformers.SentenceTransformer(str(tmp_path / "again"), trust_remote_code=True, device="cpu")
    np.testing.assert_array_equal(again.encode(images), theirs.encode(images))
