from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from artsim_dataset.cli import app
from artsim_dataset.train.detector import DetectorResult
from tests.artsim_dataset.detector.painted import RoughEncoder, painting, variant


@pytest.fixture(autouse=True)
def _rough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("artsim_dataset.encoders.get_encoder", lambda name: RoughEncoder())
    monkeypatch.setattr("artsim_dataset.encoders.get_encoder", lambda name: RoughEncoder())
    monkeypatch.setenv("ARTSIM_CACHE", str(tmp_path / "cache"))


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, done.output


def test_detect_prints_a_probability_for_each_picture_and_how_far_to_believe_it(
    trained: DetectorResult,
    tmp_path: Path,
) -> None:
    original, made = tmp_path / "original.png", tmp_path / "[made].png"
    painting("new").save(original)
    variant(painting("new"), "noise", "x").save(made)
    code, text = run("detect", original, made, "--model", trained.path)
    lines = text.splitlines()
    assert code == 0 and len(lines) == 3 and lines[1].endswith("[made].png")
    assert float(lines[0].split()[0]) < 0.5 < float(lines[1].split()[0])
    assert "Trained on noise, steps." in lines[2] and "a coin is in 50 %" in lines[2]
    code, text = run("detect", original, "--model", trained.path, "--json")
    answer = json.loads(text)
    assert code == 0 and answer["images"][0]["image"] == str(original)
    assert answer["images"][0]["probability"] == pytest.approx(float(lines[0].split()[0]), abs=5e-4)


def test_train_and_evaluate_by_the_command(two: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    code, text = run("train", "detector", two, "--out", model, "--epochs", 3, "--no-leave-one-out", "--json")
    assert code == 0
    facts = json.loads(text)
    assert facts["generators"] == ["noise", "steps"] and facts["config"]["epochs"] == 3 and not facts["leave_one_out"]
    code, text = run("evaluate", two, "--detector", model, "--json")
    assert code == 0
    assert json.loads(text)["generators"] == facts["evaluation"]["generators"]


def test_misuse_is_a_sentence(trained: DetectorResult, two: Path, tmp_path: Path) -> None:
    for arguments, sentence in (
        (("detect", "none.jpg", "--model", trained.path), "there is no image none.jpg"),
        (("detect", "none.jpg", "--model", tmp_path), "no artsim detector"),
        (("train", "detector", two, "--out", tmp_path, "--head", "deep"), "heads of a detector are"),
        (("evaluate", two, "--detector", trained.path, "--split", "train"), "a detector is evaluated on the test side"),
        (("evaluate", two, "--detector", trained.path, "--encoder", "lite"), "give one of --model"),
    ):
        code, text = run(*arguments)
        assert code == 2 and sentence in text.replace("\n", " ")
