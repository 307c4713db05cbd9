"""`artsim build --shards`: jobs of an array that make one data set together, in real processes on one folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from artsim_dataset.cli import app
from artsim_dataset.errors import ConfigError
from artsim_dataset.storage import place
from builder.build import build
from builder.gallery import write_gallery
from builder.lock import FolderBusy, locked
from builder.part import Part, build_part
from builder.shards import Sidecar
from tests.builder.part_job import Here, settings
from tests.conftest import Silent

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def paintings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paintings")
    write_gallery(folder, per_genre=1, size=96)
    return folder


def python(*arguments: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, *arguments], env=env, cwd="/", text=True, stdout=subprocess.PIPE)


def test_four_jobs_at_once_and_a_build_make_what_a_build_alone_makes(paintings: Path, tmp_path: Path) -> None:
    jobs = [python("-m", "tests.builder.part_job", str(paintings), str(tmp_path / "array"), f"{n}/4") for n in range(4)]
    runs = [int(job.communicate(timeout=120)[0]) for job in jobs]
    assert max(runs) > 1  # two stages look at all rows: at least one job came too early
    last = build(str(paintings), tmp_path / "array", settings(), Here(), Silent())
    assert [report.shards_run for report in last.reports] == [0] * len(last.reports)
    build(str(paintings), tmp_path / "alone", settings(), Here(), Silent())
    sums = [(tmp_path / name / "checksums.sha256").read_text() for name in ("array", "alone")]
    assert sums[0] == sums[1]


def test_job_makes_its_part_up_to_the_first_stage_that_looks_at_all_rows(paintings: Path, tmp_path: Path) -> None:
    out, job = tmp_path / "out", Part(1, 1, 4)
    result = build_part(str(paintings), out, settings(), Here(), Silent(), job)
    assert (result.waits_for, result.missing, result.shards, result.shards_all) == ("prompt", 6, 2, 8)
    made = sorted((out / "work").glob("02-*/*.json"))
    assert [path.stem for path in made] == ["00002", "00003"]
    assert not list((out / "work").glob("05-*"))
    assert not (out / "build.json").exists()

    again = build_part(str(paintings), out, settings(), Here(), Silent(), job)
    assert [report.shards_run for report in again.reports] == [0, 0, 0]


def test_sidecar_of_another_state_of_the_source_is_not_taken_for_the_other_job_s(
    paintings: Path, tmp_path: Path
) -> None:
    out, whole = tmp_path / "out", [Part(0, 0, 2), Part(1, 1, 2)]
    for part in whole:
        build_part(str(paintings), out, settings(), Here(), Silent(), part)
    stage = next((out / "work").glob("04-*"))
    other = Sidecar.read(stage / "00007.json")
    assert other is not None
    of_other_inputs(stage, other)
    result = build_part(str(paintings), out, settings(), Here(), Silent(), whole[0])
    assert (result.waits_for, result.missing) == ("prompt", 1)


def of_other_inputs(stage: Path, sidecar: Sidecar) -> None:
    """Puts a sidecar there as it would be if its shard had been made from other inputs."""
    facts = json.loads((stage / f"{sidecar.shard}.json").read_text())
    facts["inputs"] = "0" * 16
    facts.pop("seal")
    (stage / f"{sidecar.shard}.json").write_text(json.dumps(facts))


def test_job_removes_what_a_killed_one_left_of_its_part_and_nothing_of_another(paintings: Path, tmp_path: Path) -> None:
    out, job = tmp_path / "out", Part(0, 0, 4)
    build_part(str(paintings), out, settings(), Here(), Silent(), job)
    stage = next((out / "work").glob("03-*"))
    mine, live = stage / ".00001.parquet.0a1b.tmp", stage / ".00002.parquet.0a1b.tmp"
    mine.touch()
    live.touch()
    build_part(str(paintings), out, settings(), Here(), Silent(), job)
    assert live.exists() and not mine.exists()


def test_command_exits_with_75_and_says_what_is_missing(paintings: Path, tmp_path: Path) -> None:
    sets = [w for s in ("preprocess.size=96", "crop.size=64", "source.shard_rows=2") for w in ("--set", s)]
    command = ["build", "-s", str(paintings), "-o", str(tmp_path / "out"), "--limit", "12", "--workers", "1", *sets]
    asked = CliRunner().invoke(app, [*command, "--shards", "0-1/4", "--json"])
    told = json.loads(asked.stdout)
    assert asked.exit_code == 75
    assert (told["part"], told["shards"], told["waits_for"], told["missing"]) == ("0-1/4", 4, "prompt", 4)
    empty = CliRunner().invoke(app, [*command, "--shards", "0/1000"])
    assert empty.exit_code == 0 and "0 of 8 shards" in empty.stdout


@given(st.integers(0, 70), st.integers(1, 90))
def test_parts_of_a_count_hold_every_shard_once_and_in_order(shards: int, count: int) -> None:
    names = [f"{n:05d}" for n in range(shards)]
    assert [name for n in range(count) for name in Part(n, n, count).of(names)] == names
    sizes = [len(Part(n, n, count).of(names)) for n in range(count)]
    assert max(sizes) - min(sizes) <= 1
    assert Part(0, count - 1, count).of(names) == names


@pytest.mark.parametrize("text", ["", "3", "1-2", "4/4", "3-2/8", "-1/4", "0-4/4", "a/b", "1/0", "0-1-2/4"])
def test_part_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--shards takes FIRST-LAST/COUNT"):
        Part.parse(text)


HOLD = """
import sys, pathlib
from builder.part import Part

with Part.parse(sys.argv[1]).claimed(pathlib.Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_no_two_jobs_make_the_same_shard_whatever_they_count(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HOLD, "0/2", str(tmp_path)]
    with subprocess.Popen(command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == "held\n"
        for busy in ("0/2", "1/4", "3-6/7"):
            refused = pytest.raises(ConfigError, match=f"another job makes some of the parts {busy}")
            with refused, Part.parse(busy).claimed(tmp_path):
                pass
        with Part.parse("2-3/4").claimed(tmp_path):
            pass
        job.communicate()
    with Part.parse("1/4").claimed(tmp_path):  # the other has ended
        pass


def test_whole_build_is_not_begun_beside_jobs_and_no_job_beside_a_whole_build(tmp_path: Path) -> None:
    with (
        locked(tmp_path, shared=True),
        locked(tmp_path, 0, shared=True),
        pytest.raises(FolderBusy),
        locked(tmp_path, 0),
    ):
        pass
    with locked(tmp_path), pytest.raises(FolderBusy), locked(tmp_path, 0, shared=True):
        pass


def test_object_store_is_refused_with_what_to_do_instead(paintings: Path) -> None:
    with pytest.raises(ConfigError, match="--shards needs a folder that all jobs see.*--engine ray"):
        build_part(str(paintings), place("s3://bucket/x"), settings(), Here(), Silent(), Part(0, 0, 2))
