"""`artsim train`, `evaluate` and `compare` on a small data set: what a model is tested on, and what a cosine means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from datasets import config
from typer.testing import CliRunner

from artsim_dataset import encoders
from artsim_dataset import model as model_module
from artsim_dataset.cli import app
from artsim_dataset.schema import painting_id_of
from tests.artsim_dataset.learning import BOX, PixelEncoder, painting, pairs_dataset, variant

PAINTINGS = 60


@pytest.fixture(autouse=True)
def _pixels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module in (encoders, model_module):
        monkeypatch.setattr(module, "get_encoder", lambda name: PixelEncoder())
    monkeypatch.setenv("ARTSIM_CACHE", str(tmp_path / "embeddings"))
    monkeypatch.setattr(config, "HF_DATASETS_CACHE", tmp_path / "datasets")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    rows = pairs_dataset(PAINTINGS)
    folder = tmp_path / "paintings"
    (folder / "pairs").mkdir(parents=True)
    rows.select(range(50)).to_parquet(folder / "pairs" / "train-00000-of-00001.parquet")
    rows.select(range(50, PAINTINGS)).to_parquet(folder / "pairs" / "test-00000-of-00001.parquet")
    files = "".join(f"  - split: {split}\n    path: pairs/{split}-*\n" for split in ("train", "test"))
    (folder / "README.md").write_text(f"---\nconfigs:\n- config_name: pairs\n  data_files:\n{files}---\n")
    (folder / "build.json").write_text("{}")
    return folder


def artsim(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.stderr if code else result.stdout


def test_model_with_a_split_of_its_own_is_tested_on_what_it_held_out(dataset: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    artsim("train", "siamese", dataset, "--out", model, "--split", "80/20", "--epochs", 2)
    parts = json.loads((model / "parts.json").read_text())
    told = json.loads(artsim("evaluate", dataset, "--model", model, "--json"))
    assert told["held_out"] and told["n_paintings"] == len(parts["validation"]) == 12
    given = json.loads(artsim("evaluate", dataset, "--model", model, "--split", "test", "--json"))
    assert not given["held_out"] and given["n_paintings"] == 10
    assert "held out by the model" in artsim("evaluate", dataset, "--model", model)


def test_model_of_another_data_set_held_out_nothing_of_this_one(dataset: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    artsim("train", "siamese", dataset, "--out", model, "--split", "80/20", "--epochs", 1)
    parts = json.loads((model / "parts.json").read_text())
    (model / "parts.json").write_text(json.dumps(parts | {"validation": ["Cubism/nobody_nothing"]}))
    assert "none of the paintings that" in artsim("evaluate", dataset, "--model", model, code=2)


def test_paintings_that_a_model_was_trained_on_are_left_out_of_its_test(dataset: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    artsim("train", "siamese", dataset, "--out", model, "--epochs", 1)
    parts = json.loads((model / "parts.json").read_text())
    rows = pairs_dataset(PAINTINGS)
    mixed = [painting_id_of(id_) for id_ in rows.select(range(50, PAINTINGS))["id"]][:4]  # as another data set has it
    (model / "parts.json").write_text(json.dumps(parts | {"train": parts["train"] + mixed}))
    result = CliRunner().invoke(app, ["evaluate", str(dataset), "--model", str(model), "--json"])
    assert json.loads(result.stdout)["n_paintings"] == 6 and "4 variants of paintings that model was" in result.stderr
    assert json.loads(artsim("evaluate", dataset, "--model", model, "--split", "test", "--json"))["n_paintings"] == 10


def test_cosine_is_set_against_known_pairs(dataset: Path, tmp_path: Path) -> None:
    model, files = tmp_path / "model", {name: tmp_path / f"{name}.png" for name in ("one", "its variant", "other")}
    artsim("train", "siamese", dataset, "--out", model, "--epochs", 2)
    painting("new").crop(BOX).save(files["one"])
    variant(painting("new"), "v").crop(BOX).save(files["its variant"])
    painting("another").crop(BOX).save(files["other"])
    alike = json.loads(artsim("compare", files["one"], files["its variant"], "--model", model, "--json"))
    strange = json.loads(artsim("compare", files["one"], files["other"], "--model", model, "--json"))
    assert alike["standing"]["negatives_above"] == 0 < alike["standing"]["positives_below"]
    assert strange["standing"]["positives_below"] == 0 < strange["standing"]["negatives_above"]
    assert alike["known"] == "the pairs it was validated on"
    text = artsim("compare", files["one"], files["its variant"], "--encoder", "pixels", "--dataset", dataset)
    assert "as alike as a painting and its variant" in text and "the test split of paintings" in text
    alone = artsim("compare", files["one"], files["one"], "--encoder", "pixels")
    assert alone.strip() == "1.0000"


@pytest.mark.parametrize("command", [("compare", "a.png", "a.png"), ("attribute", "a.png", "--index", "paintings")])
def test_an_encoder_beside_a_model_is_refused_not_ignored(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    painting("a").save("a.png")
    said = artsim(*command, "--model", "my-model", "--encoder", "openai/clip-vit-base-patch32", code=2)
    assert "give --model my-model or --encoder openai/clip-vit-base-patch32, not both" in " ".join(said.split())


@pytest.mark.parametrize("split", ["train+train", "train+", "dev"])
def test_split_that_is_none_or_counts_rows_twice_is_refused(dataset: Path, split: str) -> None:
    told = artsim("evaluate", dataset, "--encoder", "lite", f"--split={split}", "--protocol", "csd", code=2)
    assert "splits are: train, test, train+test" in " ".join(told.split())
