"""The command as a person meets it: help, one-sentence errors, exit codes, interruption, JSON."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from artsim_dataset.cli import PIPELINE, app
from builder.build import BuildResult
from tests.conftest import SHARED
from tests.prefixes import HEED_INTERRUPTS

ROOT = Path(__file__).parents[3]


def artsim(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def sentence(result: Result) -> str:
    """The error a person reads: exactly one line, no traceback."""
    text = result.stderr.strip()
    assert "Traceback" not in text and text.startswith("artsim: ") and "\n" not in text, text
    return text


# --- help --------------------------------------------------------------------------------------------------------


def every_command() -> list[list[str]]:
    names = [[name] for name in PIPELINE if name != "train"]
    return [*names, *(["train", kind] for kind in ("siamese", "style", "detector"))]


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_every_command_teaches_by_an_example(command: list[str]) -> None:
    result = artsim(*command, "--help")
    assert result.exit_code == 0
    assert f"artsim {' '.join(command)}" in result.stdout.split("Example:")[1]
    assert command == ["app"] or "--json" in result.stdout


def test_help_lists_every_command_in_order() -> None:
    listed = re.findall(r"^ +(?:[a-z]+ +)?([a-z]+) +[A-Z]", artsim("--help").stdout, re.MULTILINE)
    assert tuple(listed) == PIPELINE
    assert set(PIPELINE) == {command.name for command in app.registered_commands} | {"train"}


# --- bad usage exits with 2 and one sentence -----------------------------------------------------------------------


def test_empty_source_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = artsim("build", "--source", tmp_path / "empty", "--out", tmp_path / "out")
    assert result.exit_code == 2 and "no images in" in sentence(result)
    assert not (tmp_path / "out").exists()


def test_unknown_preset_lists_what_there_is(gallery: Path, tmp_path: Path) -> None:
    result = artsim("build", "--source", gallery, "--out", tmp_path / "out", "--preset", "huge")
    assert result.exit_code == 2 and "unknown preset 'huge'; presets are: lite" in sentence(result)


def test_folder_of_another_build_is_refused(gallery: Path, built: BuildResult, tmp_path: Path) -> None:
    result = artsim("build", "--source", gallery / "Cubism", "--out", built.out)
    assert result.exit_code == 2 and "holds a build of" in sentence(result)


def test_folder_without_a_data_set_says_how_to_make_one(tmp_path: Path) -> None:
    result = artsim("evaluate", tmp_path, "--encoder", "lite")
    assert result.exit_code == 2 and "holds no artsim data set; make one: artsim build" in sentence(result)


def test_missing_extra_names_the_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from artsim_dataset.cli import learning

    monkeypatch.setattr(learning, "find_spec", lambda name: None)
    result = artsim("evaluate", tmp_path, "--encoder", "lite")
    assert result.exit_code == 2 and "pip install 'artsim[train]'" in sentence(result)


def test_model_and_encoder_together_are_refused(tmp_path: Path) -> None:
    result = artsim("evaluate", tmp_path, "--encoder", "lite", "--model", tmp_path)
    assert result.exit_code == 2 and "give one of --model FOLDER, --encoder NAME" in sentence(result)


def test_picture_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "page.jpg").write_text("<html>")
    result = artsim("compare", tmp_path / "page.jpg", tmp_path / "gone.jpg")
    assert result.exit_code == 2 and "page.jpg cannot be read as an image" in sentence(result)


def test_ctrl_c_while_modules_load_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt")  # what Python raises wherever it is
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run([sys.executable, "-m", "artsim_dataset"], env=env, cwd=tmp_path, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_bug_of_ours_is_one_sentence_and_debug_shows_where(
    monkeypatch: pytest.MonkeyPatch, gallery: Path, tmp_path: Path
) -> None:
    from artsim_dataset.cli import build

    def broken(*args: object, **kwargs: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(build, "run_build", broken)
    result = artsim("build", "--source", gallery, "--out", tmp_path / "out")
    assert result.exit_code == 1 and "internal error, KeyError: 'oops'; --debug shows where" in sentence(result)
    shown = artsim("--debug", "build", "--source", gallery, "--out", tmp_path / "out")
    monkeypatch.setattr("artsim_dataset.cli.terminal.debug", False)
    assert "Traceback" in shown.stderr


# --- results -------------------------------------------------------------------------------------------------------


def test_finished_build_says_so_in_words_and_in_json(gallery: Path, built: BuildResult) -> None:
    text = artsim("build", "--source", gallery, "--out", built.out).stdout
    assert "Nothing to do" in text
    told = json.loads(artsim("build", "--source", gallery, "--out", built.out, "--json").stdout)
    assert told["changed"] is False and told["rows"] == built.dataset.rows
    assert [stage["name"] for stage in told["stages"]] == [
        "source", "preprocess", "style", "caption", "prompt", "compress", "generate", "recaption", "crop",
    ]  # fmt: skip


def test_build_goes_on_after_being_stopped_at_any_point(gallery: Path, built: BuildResult, tmp_path: Path) -> None:
    """Ctrl-C, SIGTERM and SIGKILL in turn, then the same command to the end: the same bytes as without."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "artsim_dataset.cli", "build", "--source", str(gallery), "--out", str(out)]
    stops = ((signal.SIGINT, "01-source", 130), (signal.SIGTERM, "03-style", 143), (signal.SIGKILL, "07-generate", -9))
    for number, stage, code in stops:
        process = subprocess.Popen(
            [*HEED_INTERRUPTS, *command], cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        while not list(out.glob(f"work/{stage}*/*.json")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        os.kill(process.pid, number)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == code, errors
        if code > 0:
            assert "the same command goes on from here" in errors and "Traceback" not in errors
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert (out / "checksums.sha256").read_bytes() == (built.out / "checksums.sha256").read_bytes()
    assert not list(out.rglob(".*.tmp"))


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data, which a user's clone has not")
def test_two_real_paintings_are_compared_by_the_bare_encoder() -> None:
    one = SHARED / "paintings" / "Baroque" / "caravaggio_sick-bacchus.jpg"
    told = json.loads(artsim("compare", one, one, "--json").stdout)
    assert told["similarity"] == pytest.approx(1.0, abs=1e-5)
