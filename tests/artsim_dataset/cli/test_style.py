"""`artsim train style` and `artsim evaluate --protocol csd` on a real build, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from artsim_dataset import encoders
from artsim_dataset import model as model_module
from artsim_dataset.cli import app
from builder.build import BuildResult
from tests.artsim_dataset.learning import PixelEncoder


@pytest.fixture(autouse=True)
def _pixels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARTSIM_CACHE", str(tmp_path / "cache"))
    for module in (encoders, model_module):
        monkeypatch.setattr(module, "get_encoder", lambda name: PixelEncoder())


def artsim(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_style_is_trained_and_measured_on_a_build(built: BuildResult, tmp_path: Path) -> None:
    model = tmp_path / "style"
    done = artsim("train", "style", built.out, "--out", model, "--epochs", "2", "--json")
    assert done.exit_code == 0, done.output
    trained = json.loads(done.stdout)
    assert len(trained["history"]) == 3 and trained["paintings"] + trained["validation_paintings"] > 40
    found = artsim("evaluate", built.out, "--protocol", "csd", "--model", model, "--json")
    assert found.exit_code == 0, found.output
    result = json.loads(found.stdout)
    assert result["model"] == "style" and "data set's own" in result["split"]
    assert result["tasks"].keys() == result["baseline"].keys() >= {"artist", "genre"}
    drawn = json.loads(artsim("evaluate", built.out, "--protocol", "csd", "--encoder", "lite", "--split", "train",
                              "--json").stdout)  # fmt: skip
    assert "near-duplicate groups" in drawn["split"] and drawn["model"] is None and "baseline" not in drawn


def test_the_help_of_the_style_command_teaches_by_an_example() -> None:
    assert "Example:" in artsim("train", "style", "--help").stdout


def test_labels_and_forms_of_the_loss_that_there_are_not_are_bad_usage(built: BuildResult, tmp_path: Path) -> None:
    for option, value in (("--labels", "mood"), ("--variant", "printed"), ("--head", "transformer")):
        done = artsim("train", "style", built.out, "--out", tmp_path, option, value)
        assert done.exit_code == 2 and value in done.stderr and "Traceback" not in done.stderr
