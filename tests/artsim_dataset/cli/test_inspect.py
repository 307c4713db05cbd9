"""`artsim status` and `artsim export` on a data set that `artsim build` really made, and on a build that is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset
from PIL import Image
from typer.testing import CliRunner, Result

from artsim_dataset.cli import app
from builder.build import BuildResult

ROOT = Path(__file__).parents[3]
STAGES = ["source", "preprocess", "style", "caption", "prompt", "compress", "generate", "recaption", "crop"]


def artsim(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def told(*arguments: str | Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(artsim(*arguments, "--json").stdout)
    return result


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.tobytes()


@pytest.mark.parametrize("command", ["status", "doctor", "export"])
def test_command_teaches_by_an_example(command: str) -> None:
    result = artsim(command, "--help")
    assert result.exit_code == 0 and f"Example:  artsim {command}" in result.stdout


def test_finished_build_is_told_as_its_build_json_tells_it(built: BuildResult) -> None:
    found = told("status", built.out)
    assert found["state"] == "finished" and found["running"] is None
    assert [stage["name"] for stage in found["stages"]] == STAGES
    for stage, report in zip(found["stages"], built.reports, strict=True):
        assert stage["finished"] and stage["shards"] == stage["shards_all"] == 8
        assert (stage["rows"], stage["rows_out"]) == (report.rows_in, report.rows_out)
    assert "finished" in artsim("status", built.out).stdout
    files = [path for path in built.out.rglob("*") if path.is_file()]
    assert found["disk_work"] + found["disk_dataset"] == sum(path.stat().st_size for path in files)


def test_looking_changes_nothing(built: BuildResult) -> None:
    before = {path: path.stat().st_mtime_ns for path in built.out.rglob("*")}
    artsim("status", built.out)
    assert {path: path.stat().st_mtime_ns for path in built.out.rglob("*")} == before


def test_build_is_watched_while_it_runs_and_after_it_was_killed(gallery: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "artsim_dataset.cli", "build", "--source", str(gallery), "--out", str(out)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    seen: list[int] = []
    while not list(out.glob("work/04-caption*/*.json")):
        assert process.poll() is None, process.communicate()
        if (out / "work" / "build.json").is_file():
            found = told("status", out)
            assert found["state"] in ("starting", "running")
            seen.append(sum(stage["shards"] for stage in found["stages"]))
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    found = told("status", out)
    done = {stage["name"]: stage["finished"] for stage in found["stages"]}
    assert done["source"] and done["preprocess"] and done["style"] and not done["crop"]
    assert found["running"]["name"] == next(name for name in STAGES if not done[name])
    assert seen == sorted(seen) and seen[-1] > seen[0]


def test_real_data_set_becomes_an_image_folder_of_its_content(built: BuildResult, tmp_path: Path) -> None:
    out = tmp_path / "images"
    result = told("export", built.out, "--format", "imagefolder", "--out", out, "--size", "64")
    assert result["images"] == {"original": 81, "ai": 81}
    loaded = load_dataset("imagefolder", data_dir=str(out), cache_dir=str(tmp_path / "cache"))["train"]
    assert loaded.features["label"].names == ["ai", "original"] and len(loaded) == 162
    names = {path.name for path in (out / "ai").iterdir()}
    assert names == {path.name for path in (out / "original").iterdir()}
    for row in load_dataset(str(built.out), split="test").select(range(3)):
        name = row["id"].rpartition("-")[0].replace("/", "_") + ".jpg"
        box = [row[f"content_{side}"] for side in ("left", "top", "right", "bottom")]
        content = row["original"].crop(box)
        side = min(content.size)
        left, top = (content.width - side) // 2, (content.height - side) // 2
        middle = content.crop((left, top, left + side, top + side)).resize((64, 64), Image.Resampling.LANCZOS)
        middle.save(tmp_path / "middle.jpg", quality=95)
        assert pixels(out / "original" / name) == pixels(tmp_path / "middle.jpg")


def test_real_data_set_becomes_the_layout_of_s1(built: BuildResult, tmp_path: Path) -> None:
    out = tmp_path / "files"
    assert told("export", built.out, "--format", "csv", "--out", out)["images"] == {"images": 162}
    for line in (out / "data.csv").read_text(encoding="utf-8").splitlines()[1:]:
        name = line.partition(",")[0]
        with Image.open(out / "images" / name) as image:
            assert image.size == (768, 768)
