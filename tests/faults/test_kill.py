"""Builds that are killed, interrupted and told to stop, and then run again: the same bytes as without."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.faults.conftest import Reference
from tests.faults.harness import Build, born, descendants, end_of, random_kills, shows_own_code, survivors

RANDOM_KILLS = 20

EVENTS: dict[str, dict[str, Any]] = {
    "before the source is signed": {"worker": False, "event": "os.rename", "pattern": "*/work/build.json"},
    "while digests are noted": {"worker": False, "event": "os.rename", "pattern": "*/files.parquet"},
    "in the middle of the source": {"worker": False, "event": "os.rename", "pattern": "*/01-*.json", "nth": 3},
    "before the plan": {"worker": False, "event": "os.rename", "pattern": "*/plan.json"},
    "a worker, data without sidecar": {"worker": True, "event": "os.rename", "pattern": "*/02-*.json", "nth": 2},
    "a worker, data half-written": {"worker": True, "event": "os.rename", "pattern": "*/04-*.parquet", "nth": 2},
    "a worker, variants made": {"worker": True, "event": "os.rename", "pattern": "*/07-*/0000[0-7].json"},
    "before the first move": {"worker": False, "event": "os.rename", "pattern": "*/out/README.md"},
    "half of the data set moved": {"worker": False, "event": "os.rename", "pattern": "*/out/pairs"},
    "all but build.json moved": {"worker": False, "event": "os.rename", "pattern": "*/out/build.json"},
    "after the move, before tidying": {"worker": False, "event": "shutil.rmtree", "pattern": "*/assembled", "nth": 2},
}


def test_random_kills_leave_no_process_and_the_same_bytes_in_the_end(reference: Reference, tmp_path: Path) -> None:
    def make(number: int) -> Build:
        return Build(reference.build.source, tmp_path / str(number) / "out")

    seen: Counter[str] = Counter()
    hits = random_kills(make, reference.content, reference.ended.seconds, RANDOM_KILLS, seed=4)
    for hit, identical in hits:
        assert identical and not hit.survivors, hit
        if hit.whom == "worker" and hit.ended.code != 0:
            assert hit.ended.code == 1 and "a worker process died" in hit.ended.err, hit
        elif hit.whom != "worker":
            assert hit.ended.code == -signal.SIGKILL, hit
        assert not shows_own_code(hit.ended.err), hit
        assert hit.whom != "worker" or "Traceback" not in hit.ended.err, hit
        seen[hit.stage] += 1
    assert seen.total() == RANDOM_KILLS and len(seen) > 2, seen


def test_kills_between_two_exact_steps_heal(reference: Reference, tmp_path: Path) -> None:
    """One folder is killed at each moment of EVENTS in turn; every kill resumes what the one before left."""
    build = Build(reference.build.source, tmp_path / "out")
    for name, event in EVENTS.items():
        ended = build.run(fault={"nth": 1, "what": "kill", **event})
        assert ended.code == (1 if event["worker"] else -signal.SIGKILL), (name, ended)
        assert "Traceback" not in ended.err, (name, ended)
        if not event["worker"]:
            assert "born" in (build.out / "work" / "lock").read_text(), "the dead one's name, which stops nobody"
    assert build.finish().err == ""
    assert build.content() == reference.content and not build.half_files()


def test_kill_while_one_data_set_replaces_another_heals(reference: Reference, tmp_path: Path) -> None:
    """The most that can be lost: old and new files side by side. Then the old settings again, killed likewise."""
    build = Build(reference.build.source, tmp_path / "out")
    build.finish("--set", "split.train=0.5")
    assert build.content() != reference.content
    ended = build.run(
        fault={"worker": False, "event": "os.rename", "pattern": "*/out/real_vs_ai", "nth": 1, "what": "kill"}
    )
    assert ended.code == -signal.SIGKILL
    assert not (build.out / "build.json").exists(), "while it is absent, nothing is finished"
    build.finish()
    assert build.content() == reference.content and not build.half_files()


def test_stops_leave_whole_shards_or_none(reference: Reference, tmp_path: Path) -> None:
    """The whole group gets the signal, as from a terminal or a service manager; twice, as from an impatient person."""
    build = Build(reference.build.source, tmp_path / "out")
    stops = (("02", signal.SIGINT), ("04", signal.SIGTERM), ("07", signal.SIGINT), ("09", signal.SIGTERM))
    for stage, number in stops:
        started = time.perf_counter()
        process = build.start()
        while not list(build.out.glob(f"work/{stage}-*")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        births = {pid: born(pid) for pid in descendants(process.pid)}
        os.killpg(process.pid, number)
        time.sleep(0.05)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        ended = end_of(process, started)
        assert ended.code == 128 + number, ended
        lines = [line for line in ended.err.splitlines() if line]
        assert lines == ["artsim: stopped; what is done is kept, and the same command goes on from here"], ended
        assert not build.half_files() and not survivors(births, 3.0)
        assert not (build.out / "work" / "lock").read_text()
    build.finish()
    assert build.content() == reference.content


def test_stopped_while_the_data_set_is_written_leaves_no_half_of_it(reference: Reference, tmp_path: Path) -> None:
    build = Build(reference.build.source, tmp_path / "out")
    fault = {"worker": False, "event": "os.rename", "pattern": "*/triplets/*", "nth": 1, "what": "interrupt"}
    ended = build.run(fault=fault)
    assert ended.code == 130 and "Traceback" not in ended.err, ended
    assert [path.name for path in build.out.iterdir()] == ["work"] and not build.half_files()
    build.finish()
    assert build.content() == reference.content
