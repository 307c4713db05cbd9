from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from PIL import Image

from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.errors import ConfigError
from artsim_dataset.features import FEATURES
from artsim_dataset.model import load_model
from artsim_dataset.retrieval import Side, retrieve
from artsim_dataset.schema import seed_from
from artsim_dataset.train import style as style_module
from artsim_dataset.train.style import StyleConfig, StyleResult, train_style
from artsim_dataset.train.style_samples import known_artists, label_table
from tests.artsim_dataset.learning import PixelEncoder, pairs_dataset, png

CONFIG = StyleConfig(dim=16, views=3, epochs=6, batch_size=16, patience=6, validation_share=0.25)


def studio(paintings: int = 48, artists: int = 6) -> Dataset:
    """Paintings whose artist shows in how light and dark alternate, under patches and a cast that do not."""
    rows = pairs_dataset(paintings, artists=artists).to_list()
    for at, row in enumerate(rows):
        draw = np.random.default_rng(seed_from("studio", at))
        taste = np.random.default_rng(seed_from("taste", at % artists)).normal(0, 22, (4, 4, 3))
        patches = draw.normal(128, 40, 3) + draw.normal(0, 30, (4, 4, 3)) + taste
        image = Image.fromarray(np.clip(patches, 0, 255).astype(np.uint8)).resize((64, 64), Image.Resampling.BICUBIC)
        row["original"] = {"bytes": png(image), "path": None}
        row["caption"] = f"an oil painting by artist {at % artists}" if at % 2 else "a watercolor"
    return Dataset.from_list(rows, features=FEATURES["pairs"])


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return studio()


@pytest.fixture(autouse=True)
def _pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artsim_dataset.encoders.get_encoder", lambda name: PixelEncoder())


def trained(dataset: Dataset, folder: Path, config: StyleConfig = CONFIG) -> StyleResult:
    encoder = PixelEncoder()
    return train_style(dataset, encoder, config, folder / "model", None,
                       EmbeddingCache(encoder, folder.parent / "cache"), "studio")  # fmt: skip


def weights(folder: Path) -> list[np.ndarray]:
    return [array for layer in load_model(folder / "model").layers for array in layer.tensors().values()]


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_training_brings_new_pictures_of_an_artist_together(dataset: Dataset, tmp_path: Path, variant: str) -> None:
    result = trained(dataset, tmp_path, replace(CONFIG, variant=variant, labels=("artist",)))
    best = result.history[result.best_epoch]
    assert best["validation_map@10"] == max(row["validation_map@10"] for row in result.history)
    assert result.paintings == 36 and result.validation_paintings == 12 and result.labels == 6
    fresh = studio(96).select(range(48, 96))
    pictures = [row["original"].convert("RGB").crop((0, 8, 64, 56)) for row in fresh]
    names = np.array(fresh["artist"])
    model, bare = load_model(tmp_path / "model"), PixelEncoder().encode(pictures)

    def found(vectors: np.ndarray) -> float:
        return retrieve(Side(vectors[:24], names[:24]), Side(vectors[24:], names[24:]), ks=(5,)).numbers["map@5"]

    unit = bare / np.linalg.norm(bare, axis=1, keepdims=True)
    assert found(model.encode(pictures)) > found(unit) + 0.1


def test_the_loss_falls(dataset: Dataset, tmp_path: Path) -> None:
    config = replace(CONFIG, head="mlp", labels=("artist",), learning_rate=0.3, epochs=20, patience=20)
    history = trained(dataset, tmp_path, config).history
    losses = [row["train_loss"] for row in history[1:]]
    assert "train_loss" not in history[0] and np.mean(losses[-3:]) < 0.85 * np.mean(losses[:3])


def test_the_same_seed_gives_the_same_weights_whatever_torch_did_before(dataset: Dataset, tmp_path: Path) -> None:
    short = replace(CONFIG, head="mlp", epochs=2)
    torch.manual_seed(1)
    trained(dataset, tmp_path / "a", short)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    trained(dataset, tmp_path / "b", short)
    assert torch.equal(torch.get_rng_state(), before)
    trained(dataset, tmp_path / "c", replace(short, seed=7))
    assert all(np.array_equal(x, y) for x, y in zip(weights(tmp_path / "a"), weights(tmp_path / "b"), strict=True))
    assert not all(np.array_equal(x, y) for x, y in zip(weights(tmp_path / "a"), weights(tmp_path / "c"), strict=True))


def test_a_run_that_was_stopped_ends_with_the_same_weights(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(CONFIG, head="mlp", epochs=5)
    whole = trained(dataset, tmp_path / "whole", config)
    validate, asked = style_module.validate, []

    def stops(*args: object) -> dict[str, float]:
        asked.append(args)
        if len(asked) == 4:
            raise KeyboardInterrupt
        return validate(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(style_module, "validate", stops)
    with pytest.raises(KeyboardInterrupt):
        trained(dataset, tmp_path / "stopped", config)
    monkeypatch.setattr(style_module, "validate", validate)
    with pytest.raises(ConfigError, match="holds a run with tau 0.1"):
        trained(dataset, tmp_path / "stopped", replace(config, tau=0.2))
    again = trained(dataset, tmp_path / "stopped", config)
    assert [row["epoch"] for row in again.history] == [row["epoch"] for row in whole.history]
    assert all(
        np.array_equal(x, y) for x, y in zip(weights(tmp_path / "whole"), weights(tmp_path / "stopped"), strict=True)
    )
    assert not (tmp_path / "stopped" / "model" / "checkpoint").exists()


def test_what_was_done_is_written_beside_the_weights(dataset: Dataset, tmp_path: Path) -> None:
    result = trained(dataset, tmp_path, replace(CONFIG, epochs=1))
    facts = json.loads((tmp_path / "model" / "artsim.json").read_text())
    assert facts["task"] == "style" and facts["dataset"] == "studio" and facts["tau"] == 0.1
    assert facts["style"]["config"]["variant"] == "paper" and len(facts["style"]["history"]) == 2
    card = (tmp_path / "model" / "README.md").read_text()
    assert "pictures of one artist" in card and "AI-generated variants are close" not in card
    assert str(tmp_path) not in card + json.dumps(facts)
    parts = load_model(tmp_path / "model").parts
    assert len(parts["train"]) == result.paintings and not set(parts["train"]) & set(parts["validation"])


def test_labels_are_artist_genre_and_what_the_words_name() -> None:
    artists, genres = np.array(["claude-monet", "", "ann"]), np.array(["Cubism", "Cubism", "Rococo"])
    texts = ["An etching after Claude Monet", "a pastel", "a pastel, in the manner of impressionism"]
    table = label_table(("artist", "genre", "tags"), artists, genres, texts)
    found = [{table.names[at] for at in row.nonzero()[0]} for row in table.has.toarray()]
    assert found == [
        {"artist:claude-monet", "genre:Cubism", "tag:etching", "tag:claude monet"},
        {"genre:Cubism"},
        {"artist:ann", "genre:Rococo", "tag:impressionism"},
    ]  # two of three texts name pastel: it says too little
    assert label_table(("genre",), artists, genres, texts).names == ("genre:Cubism", "genre:Rococo")


def test_labels_that_nobody_shares_are_refused(tmp_path: Path) -> None:
    alone = pairs_dataset(6, artists=3)  # its captions are empty
    with pytest.raises(ConfigError, match=r"share a label \(tags\)"):
        trained(alone, tmp_path, replace(CONFIG, labels=("tags",)))


def test_near_duplicates_are_one_painting_with_the_labels_of_all(dataset: Dataset, tmp_path: Path) -> None:
    rows = dataset.to_list()
    rows[6]["group"] = rows[0]["group"] = "twins"
    result = trained(Dataset.from_list(rows, features=dataset.features), tmp_path, replace(CONFIG, epochs=0))
    assert result.paintings + result.validation_paintings == 47


def test_paintings_are_held_out_only_where_another_of_the_artist_stays() -> None:
    ids = [str(i) for i in range(40)]
    artists = ["a"] * 10 + ["b"] * 2 + ["c"] + [""] * 27
    held = known_artists(ids, artists, 0.4, 1)
    assert held.sum() == 10 and not held[12:].any()  # nine of a, one of b: there are not 16
    few = known_artists(ids, artists, 0.1, 1)
    assert few.sum() == 4 and (few <= held).all()
    with pytest.raises(ConfigError, match="an artist with at least two paintings"):
        known_artists(["x", "y"], ["a", "b"], 0.5, 1)
    with pytest.raises(ConfigError, match="all paintings of the train split are by one artist"):
        known_artists(["x", "y", "z"], ["a", "a", "a"], 0.5, 1)  # every answer would be right


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"head": "transformer"}, "head cannot be 'transformer'"),
        ({"labels": ()}, "labels cannot be"),
        ({"labels": ("artist", "mood")}, "artist, genre, tags"),
        ({"variant": "printed"}, "paper, released"),
        ({"views": 1}, "views must be at least 2"),
        ({"tau": 0.001}, "tau must be"),
        ({"tau": float("nan")}, "tau must be"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"self_weight": -1.0}, "self_weight must be above 0"),
        ({"validation_share": 0.5}, "between 0 and 0.5"),
        ({"dropout": 1.0}, "below 1"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        StyleConfig(**setting)  # type: ignore[arg-type]
