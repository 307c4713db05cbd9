from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.errors import ConfigError
from artsim_dataset.train.checkpoint import Checkpoint
from artsim_dataset.train.siamese import train_siamese
from tests.artsim_dataset.train import killed
from tests.artsim_dataset.train.two_sided import TwoSidedEncoder, captioned

ROOT = Path(__file__).parents[3]


def weights(model: Path) -> dict[str, np.ndarray]:
    found = {}
    for file in sorted(model.rglob("*.safetensors")):
        found |= {f"{file.parent.name} {name}": array for name, array in load_file(file).items()}
    return found


def test_a_run_killed_in_the_middle_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.artsim_dataset.train.killed", str(tmp_path / "killed")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    for line in process.stdout:
        if line == "train 3\n":
            process.send_signal(signal.SIGKILL)
            break
    assert process.wait() == -signal.SIGKILL
    model = tmp_path / "killed" / "model"
    assert (model / "checkpoint" / "state.pt").exists() and not (model / "modules.json").exists()

    resumed = killed.run(tmp_path / "killed")
    whole = killed.run(tmp_path / "whole")
    assert resumed.history == whole.history and len(whole.history) == 9
    ours, theirs = weights(model), weights(whole.path)
    assert set(ours) == set(theirs) and {n.split()[0] for n in ours} == {"1_TransformerHead", "0_Dense", "1_Dense"}
    assert all((ours[name] == theirs[name]).all() for name in ours)
    assert not (model / "checkpoint").exists()


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """A run that was interrupted after its second epoch."""

    def stop(what: str, done: int, total: int) -> None:
        if (what, done) == ("train", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, stop=stop)
    return tmp_path


def train(folder: Path, paintings: int = 24, stop: object = None, **settings: object) -> list[int]:
    """Trains, and returns the epochs that were gone through."""
    encoder, epochs = TwoSidedEncoder(), []

    def said(what: str, done: int, total: int) -> None:
        if what == "train":
            epochs.append(done)
        if callable(stop):
            stop(what, done, total)

    config = replace(killed.CONFIG, head="linear", epochs=4, **settings)  # type: ignore[arg-type]
    train_siamese(captioned(paintings), encoder, config, folder / "model", said, EmbeddingCache(encoder, folder))
    return epochs


def test_only_what_is_left_is_done(stopped: Path) -> None:
    assert train(stopped) == [3, 4]
    assert train(stopped) == [0, 1, 2, 3, 4]  # a finished run left no checkpoint


def test_a_checkpoint_of_other_settings_or_other_data_is_not_gone_on_with(stopped: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds a run with learning_rate 0.001, not 0.5: give the same settings"):
        train(stopped, learning_rate=0.5)
    with pytest.raises(ConfigError, match="holds a run with data .*, not .*: give the same settings and data"):
        train(stopped, paintings=25)
    assert train(stopped) == [3, 4]


def test_a_damaged_checkpoint_is_named_and_not_obeyed(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, {"seed": 1})
    checkpoint.write({"epoch": 3})
    assert checkpoint.read() == {"identity": {"seed": 1}, "epoch": 3}
    checkpoint.file.write_bytes(checkpoint.file.read_bytes()[:-30])
    with pytest.raises(ConfigError, match=r"state.pt cannot be read .*: remove .*checkpoint to start again"):
        checkpoint.read()
    torch.save({"identity": Path("anything that is no tensor")}, checkpoint.file)
    with pytest.raises(ConfigError, match="cannot be read"):
        checkpoint.read()


def test_the_model_says_nothing_of_how_often_its_run_was_stopped(stopped: Path, tmp_path: Path) -> None:
    train(stopped)
    facts = json.loads((stopped / "model" / "artsim.json").read_text())
    assert [row["epoch"] for row in facts["history"]] == [0, 1, 2, 3, 4]
