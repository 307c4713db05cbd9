"""`artsim status`: what it says of work folders that are whole, half done, stale, or being written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from artsim_dataset.cli import app
from artsim_dataset.errors import ConfigError
from builder.models.ledger import Ledger
from builder.plan import Plan, read_plan, write_plan
from builder.shards import Sidecar, StageFolder, digest, write_json
from builder.status import status, workers_seen

SHARDS = ["00000", "00001", "00002", "00003"]
FOLDERS = ["01-source", "02-caption-aaaaaaaaaaaa", "03-generate-bbbbbbbbbbbb"]
NOW = 2_000_000_000.0


class Build:
    """A work folder as the runner writes it, with times of our own."""

    def __init__(self, out: Path) -> None:
        self.out, self.work = out, out / "work"
        self.work.mkdir(parents=True)
        write_json(self.work / "build.json", {"source": "/paintings", "preset": "lite"})
        write_plan(self.work, FOLDERS, SHARDS)
        os.utime(self.work / "plan.json", (NOW - 3600, NOW - 3600))

    def shard(self, folder: str, shard: str, at: float, rows_in: int = 10, **facts: Any) -> Sidecar:
        """One finished shard; ``inputs`` chain as the runner chains them unless they are given."""
        rejects = facts.pop("rejects", [])
        facts.setdefault("inputs", self.inputs(folder, shard))
        stage = StageFolder(self.work / folder, ("word",))
        table = pa.table({"id": [f"{shard}-{folder}-{n}" for n in range(rows_in - len(rejects))]})
        facts = {"stage": folder.split("-")[1], "rows_in": rows_in, "rejects": rejects, "seconds": 5.0, **facts}
        sidecar = stage.write(shard, table, **facts)
        os.utime(stage.sidecar(shard), (at, at))
        return sidecar

    def inputs(self, folder: str, shard: str) -> str:
        if folder == FOLDERS[0]:
            return digest("rows of", shard)
        chain = ""
        for number, name in enumerate(FOLDERS[: FOLDERS.index(folder)]):
            sidecar = Sidecar.read(self.work / name / f"{shard}.json")
            assert sidecar is not None
            chain = digest(sidecar.inputs, sidecar.digest) if number else sidecar.digest
        return digest(chain, {})

    def stage(self, folder: str, at: float, shards: list[str] = SHARDS, **facts: Any) -> None:
        for shard in shards:
            self.shard(folder, shard, at, **facts)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path / "out")


def reject(reason: str) -> dict[str, str]:
    return {"id": "x", "stage": "caption", "reason": reason, "message": "m", "_of": "x", "_input": "y"}


# --- counting ------------------------------------------------------------------------------------------------------


def test_rows_rejects_and_rate_of_every_stage_are_added_up(build: Build) -> None:
    build.stage("01-source", NOW - 100, seconds=0.0)
    build.shard(FOLDERS[1], "00000", NOW - 90, rejects=[reject("empty"), reject("broken")], seconds=4.0, reused=5)
    build.stage(FOLDERS[1], NOW - 80, SHARDS[1:3], rejects=[reject("empty")], seconds=3.0)
    build.shard(FOLDERS[1], "00003", NOW - 80, reused=10, seconds=1.0)
    build.shard(FOLDERS[2], "00001", NOW - 10, rows_in=9)
    found = status(build.out, NOW)
    source, caption, generate = found.stages
    assert (source.name, source.shards, source.rows_out, source.rate, source.finished) == ("source", 4, 40, None, True)
    assert (caption.rows, caption.rows_all, caption.rows_out) == (40, 40, 36)
    assert caption.rejects == {"broken": 1, "empty": 3}
    assert caption.rate == 2.5  # 25 rows in 10 s; reused rows tell nothing of the pace
    assert (generate.shards, generate.shards_all, generate.rows, generate.rows_all) == (1, 4, 9, 36)
    assert found.state == "running" and found.running is not None and found.running.name == "generate"


def test_folders_of_earlier_settings_count_as_disk_only(build: Build) -> None:
    build.stage("01-source", NOW - 100)
    old = StageFolder(build.work / "02-caption-000000000000", ("word",))
    for shard in SHARDS:
        table = pa.table({"id": ["a" * 5000]})
        old.write(shard, table, stage="caption", rows_in=1, rejects=[], inputs="x", seconds=1.0)
    found = status(build.out, NOW)
    assert found.stages[1].shards == 0 and found.stages[1].rows_out == 0
    assert found.disk_earlier == sum(path.stat().st_size for path in old.path.iterdir())
    assert found.disk_work == sum(path.stat().st_size for path in build.work.rglob("*") if path.is_file())


def test_shard_made_from_an_earlier_state_of_the_source_is_not_done(build: Build) -> None:
    build.stage("01-source", NOW - 100)
    build.stage(FOLDERS[1], NOW - 80)
    assert status(build.out, NOW).stages[1].finished
    build.shard("01-source", "00002", NOW - 50, rows_in=11)
    caption = status(build.out, NOW).stages[1]
    assert (caption.shards, caption.rows, caption.rows_all) == (3, 30, 41)


def test_planned_shard_counts_unless_it_is_older_than_what_it_was_made_from(build: Build) -> None:
    """The inputs of a planned stage hold what the plan said, which the work folder does not tell."""
    build.stage("01-source", NOW - 100)
    build.shard(FOLDERS[1], "00000", NOW - 80, inputs="with a plan")
    build.shard(FOLDERS[1], "00001", NOW - 120, inputs="with a plan")
    build.shard(FOLDERS[1], "00002", NOW - 80, inputs="with a plan", rows_in=9)
    build.shard(FOLDERS[1], "00003", NOW - 120)  # repaired upstream: older, yet provably made from these very rows
    caption = status(build.out, NOW).stages[1]
    assert (caption.shards, caption.rows) == (2, 20)


# --- time left -----------------------------------------------------------------------------------------------------


def test_time_left_follows_from_the_newest_shards_and_their_workers(build: Build) -> None:
    build.stage("01-source", NOW - 1000)
    build.shard(FOLDERS[1], "00000", NOW - 14, seconds=5.0)
    build.shard(FOLDERS[1], "00001", NOW - 13, seconds=5.0)
    found = status(build.out, NOW)
    assert found.running is not None
    assert found.running.pace == pytest.approx(4.0)  # two workers, 10 rows in 5 s each
    assert found.running.eta == 0.0 and found.running.age == 13.0  # 20 rows at 4 a second are due since 8 s
    sooner = status(build.out, NOW - 12).running
    assert sooner is not None and sooner.eta == pytest.approx(20 / 4 - 1)


def test_resumed_run_does_not_count_the_hours_in_between_as_work(build: Build) -> None:
    build.stage("01-source", NOW - 90_000)
    build.shard(FOLDERS[1], "00000", NOW - 80_000, seconds=5.0)
    assert status(build.out, NOW).state == "stalled"
    write_plan(build.work, FOLDERS, SHARDS)
    os.utime(build.work / "plan.json", (NOW - 2, NOW - 2))
    found = status(build.out, NOW)
    assert found.state == "running" and found.running is not None
    assert found.running.eta == pytest.approx(30 / 2 - 2)


def test_slow_stage_is_given_time_before_it_is_called_stalled(build: Build) -> None:
    build.stage("01-source", NOW - 4000)
    os.utime(build.work / "plan.json", (NOW - 1700, NOW - 1700))
    assert status(build.out, NOW).state == "running"  # a large model may still be loading
    assert status(build.out, NOW + 200).state == "stalled"
    build.shard(FOLDERS[1], "00000", NOW, seconds=400.0)
    assert status(build.out, NOW + 1900).state == "running" and status(build.out, NOW + 2100).state == "stalled"
    build.shard(FOLDERS[1], "00000", NOW, seconds=1.0)
    assert status(build.out, NOW + 290).state == "running" and status(build.out, NOW + 310).state == "stalled"


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=12))
def test_workers_seen_is_the_largest_number_of_shards_under_way_at_any_moment(drawn: list[tuple[int, int]]) -> None:
    spans = [(start, start + length) for start, length in drawn]
    moments = [sum(start <= moment + 0.5 < end for start, end in spans) for moment in range(75)]
    assert workers_seen(spans) == max(moments, default=0)


# --- states --------------------------------------------------------------------------------------------------------


def test_states_from_the_first_moment_to_the_last(build: Build) -> None:
    (build.work / "plan.json").unlink()
    assert status(build.out, NOW).state == "starting" and status(build.out, NOW).stages == []
    write_plan(build.work, FOLDERS, SHARDS)
    os.utime(build.work / "plan.json", (NOW - 30, NOW - 30))
    assert status(build.out, NOW).state == "running"
    for folder in FOLDERS:
        build.stage(folder, NOW - 20)
    assert status(build.out, NOW).state == "assembling" and status(build.out, NOW).running is None
    write_json(build.out / "build.json", {})
    assert status(build.out, NOW).state == "finished"


def test_same_plan_of_a_finished_build_is_not_written_again(build: Build) -> None:
    write_json(build.out / "build.json", {})
    before = (build.work / "plan.json").stat().st_mtime_ns
    write_plan(build.work, FOLDERS, SHARDS)
    assert (build.work / "plan.json").stat().st_mtime_ns == before
    write_plan(build.work, FOLDERS[:2], SHARDS)
    assert read_plan(build.work) == Plan(tuple(FOLDERS[:2]), tuple(SHARDS))


def test_torn_files_of_a_crash_are_passed_over(build: Build) -> None:
    build.stage("01-source", NOW - 100)
    (build.work / FOLDERS[1]).mkdir()
    (build.work / FOLDERS[1] / "00000.json").write_text('{"stage": "cap')
    (build.work / FOLDERS[1] / "00001.parquet").write_bytes(b"no sidecar yet")
    assert status(build.out, NOW).stages[1].shards == 0


def test_cost_is_what_the_ledger_counts(build: Build) -> None:
    assert status(build.out, NOW).cost is None
    ledger = Ledger(build.work / "paid")
    ledger.settle(ledger.allow(0.05, None), 0.042)
    ledger.allow(0.011, None)
    with open(build.work / "paid" / "spent.jsonl", "a") as file:
        file.write('{"ticket": "torn')
    assert status(build.out, NOW).cost == pytest.approx(Ledger(build.work / "paid").total()) == pytest.approx(0.053)


def test_models_are_those_of_the_latest_run_with_their_commits(build: Build) -> None:
    write_json(build.work / "models.json", {"owner/model@main": "0" * 40})
    assert status(build.out, NOW).models == {"owner/model": "0" * 40}
    settings: list[dict[str, Any]] = [
        {"kind": "blip2", "model": "a/b", "revision": "1" * 40},
        {"vae": {"model": "c/d", "revision": "2" * 40}},
    ]
    write_plan(build.work, FOLDERS, SHARDS, settings)
    assert status(build.out, NOW).models == {"a/b": "1" * 40, "c/d": "2" * 40}


# --- the command ---------------------------------------------------------------------------------------------------


def test_command_shows_and_tells_the_same(build: Build) -> None:
    build.stage("01-source", NOW - 100)
    build.stage(FOLDERS[1], NOW - 80, SHARDS[:2], rejects=[reject("empty")])
    text = CliRunner().invoke(app, ["status", str(build.out)]).stdout
    assert "caption: empty 2" in text and "20 of 40" in text
    assert all(len(line) <= 80 for line in text.splitlines() if str(build.out) not in line)
    told = json.loads(CliRunner().invoke(app, ["status", str(build.out), "--json"]).stdout)
    assert [stage["rows_out"] for stage in told["stages"]] == [40, 18, 0]
    assert told["stages"][1]["rejects"] == {"empty": 2} and told["running"]["name"] == "caption"


@pytest.mark.parametrize("made", ["nothing", "folder", "data set"])
def test_folder_without_a_build_exits_with_2_and_a_sentence(made: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    if made != "nothing":
        out.mkdir()
    if made == "data set":
        write_json(out / "build.json", {})
    sentence = {"nothing": "does not exist", "folder": "holds no build", "data set": "without its work folder"}[made]
    with pytest.raises(ConfigError, match=sentence):
        status(out)
    result = CliRunner().invoke(app, ["status", str(out)])
    assert result.exit_code == 2 and result.stderr.startswith("artsim: ") and result.stderr.count("\n") == 1


def test_looking_imports_neither_a_model_nor_datasets() -> None:
    code = "import builder.status, sys; print({'torch', 'datasets', 'transformers', 'pandas'} & set(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set()"
