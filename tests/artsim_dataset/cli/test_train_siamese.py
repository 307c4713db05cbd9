"""`artsim train siamese` as a user types it, with a tiny CLIP for the encoder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from artsim_dataset.cli import app
from builder.build import BuildResult
from tests.artsim_dataset.encoders.tiny import DIM, tiny_clip


def artsim(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTSIM_CACHE", str(tmp_path_factory.getbasetemp() / "train-siamese-cache"))


def test_the_recipe_of_s2_with_settings_of_ones_own(built: BuildResult, clip: Path, tmp_path: Path) -> None:
    result = artsim("train", "siamese", built.out, "--out", tmp_path / "m", "--encoder", clip, "--recipe", "s2",
                    "--epochs", 1, "--batch-size", 16, "--json")  # fmt: skip
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert {"train_cross_accuracy", "validation_text_loss", "validation_fused_accuracy"} <= set(told["history"][1])
    facts = json.loads((tmp_path / "m" / "artsim.json").read_text())
    config = facts["config"]
    assert (config["head"], config["loss"], config["captions"], config["split"]) == (
        "transformer", "triplet", True, "80/20")  # fmt: skip
    assert (config["epochs"], config["batch_size"], config["learning_rate"]) == (1, 16, 3e-4)
    assert facts["parameters"] == 5_519_361 + DIM * 512 + 512  # the layer that brings the tiny CLIP to 512 dimensions
    assert facts["split"]["train"] + facts["split"]["validation"] == 81 and facts["split"]["test"] == 0


def test_the_encoder_itself_is_trained_and_then_evaluated(built: BuildResult, clip: Path, tmp_path: Path) -> None:
    result = artsim("train", "siamese", built.out, "--out", tmp_path / "m", "--encoder", clip, "--unfreeze",
                    "--epochs", 1, "--batch-size", 32, "--json")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["history"]) == 2
    assert json.loads((tmp_path / "m" / "artsim.json").read_text())["config"]["learning_rate"] == 1e-5
    result = artsim("evaluate", built.out, "--model", tmp_path / "m", "--json")
    assert result.exit_code == 0, result.output
    assert 0 <= json.loads(result.stdout)["perturbed"]["recall@1"] <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--recipe", "s3"], "no recipe 's3'; recipes are: artsim, s2"),
        (["--split", "90/10"], "no split '90/10'; there are: published, 80/20, 40/60, artist-disjoint"),
        (["--captions"], "the encoder 'lite' takes no texts; take one that does"),
        (["--log", "paper"], "no tracker 'paper'"),
        (["--lora", "4", "--head", "mlp"], "give --head, or --unfreeze, or --lora"),
        (["--unfreeze"], "'lite' cannot be trained end to end"),
    ],
)
def test_what_cannot_work_is_said_in_one_sentence(
    built: BuildResult, tmp_path: Path, options: list[str], message: str
) -> None:
    result = artsim("train", "siamese", built.out, "--out", tmp_path, *options)
    assert result.exit_code == 2 and message in " ".join(result.stderr.split())
    assert not (tmp_path / "modules.json").exists()
