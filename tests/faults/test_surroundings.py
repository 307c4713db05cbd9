"""Bad surroundings: full disks, folders that are read-only, sources that vanish, servers that fail, clocks that jump,
two builds at once, folders of other settings, files that were altered. One sentence each, and then the same bytes."""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pandas as pd
import pytest

from artsim_dataset.cli.build import show
from artsim_dataset.cli.terminal import out
from artsim_dataset.errors import ArtsimError
from builder.build import BuildResult
from builder.build import build as build_here
from builder.config import load_config
from builder.engine import LocalEngine
from builder.models.api_prompt import ATTEMPTS
from builder.run import Watcher
from tests.builder.models.api_server import ApiServer, Fault, Request, garbage, refuse
from tests.conftest import Silent
from tests.faults.conftest import Reference
from tests.faults.harness import TINY, Build, Ended, end_of
from tests.prefixes import OBEY_PERMISSIONS


def sentence(ended: Ended) -> str:
    """The one line that a run which failed has to say."""
    lines = [line for line in ended.err.splitlines() if line.strip()]
    assert len(lines) == 1 and lines[0].startswith("artsim: "), ended
    return lines[0].removeprefix("artsim: ")


def here(
    build: Build, engine: LocalEngine, *more: str, watcher: Watcher | None = None, retry_rejected: bool = False
) -> BuildResult:
    """The same build in this process: for faults that need no process of their own, and in a third of the time."""
    config = load_config(assignments=[*TINY[3::2], *more], source={"limit": 12})
    return build_here(str(build.source), build.out, config, engine, watcher or Silent(), retry_rejected)


# --- disks ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "artsim-test", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("may not mount a small disk here; the test with a limit on file sizes still runs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(("staged", "kilobytes"), [(False, [0, 120, 300]), (True, [20, 200])])
def test_full_disk_is_one_sentence_and_the_build_goes_on_when_there_is_space(
    reference: Reference, disk: Path, staged: bool, kilobytes: list[int]
) -> None:
    """Full at the start and in the stages; and, when all stages are done, while the data set is written."""
    build = Build(reference.build.source, disk / "out")
    if staged:
        shutil.copytree(reference.build.out / "work", build.out / "work")
    ballast = disk / "ballast"
    for free in kilobytes:
        _leave(ballast, free * 1024)
        ended = build.run()
        assert ended.code == 1, ended
        assert sentence(ended).startswith("no space left on the disk of "), ended
        assert "run the same command" in ended.err
        assert not build.half_files()
        ballast.unlink()
    build.finish()
    assert build.content() == reference.content


def _leave(ballast: Path, free: int) -> None:
    """Fills the disk but for ``free`` bytes."""
    room = os.statvfs(ballast.parent)
    with open(ballast, "wb") as file:
        file.write(bytes(room.f_bavail * room.f_frsize - free))


def test_limit_on_file_sizes_is_one_sentence(reference: Reference, tmp_path: Path) -> None:
    build = Build(reference.build.source, tmp_path / "out")
    ended = build.run(before=("prlimit", "--fsize=9000"))
    assert ended.code == 1 and "larger than the system allows" in sentence(ended), ended
    assert not build.half_files()


def test_read_only_output_is_one_sentence(reference: Reference, tmp_path: Path) -> None:
    build = Build(reference.build.source, tmp_path / "place" / "out")
    build.out.parent.mkdir(mode=0o555)
    ended = build.run(before=OBEY_PERMISSIONS)
    assert ended.code == 2 and "cannot write to" in sentence(ended) and "Permission denied" in ended.err, ended

    build.out.parent.chmod(0o755)
    fault = {"worker": True, "event": "os.rename", "pattern": "*/03-*.json", "nth": 1, "what": "kill"}
    assert build.run(fault=fault).code == 1
    folders = [build.out, *(path for path in build.out.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    ended = build.run(before=OBEY_PERMISSIONS)
    assert ended.code == 1 and sentence(ended).startswith("cannot write to "), ended
    assert str(build.out) in ended.err and ".tmp" not in ended.err

    for folder in folders:
        folder.chmod(0o755)
    build.finish()
    assert build.content() == reference.content
    for path in build.out.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    ended = build.run(before=OBEY_PERMISSIONS)
    assert ended.code == 0 and "Nothing to do" in ended.out, ended


# --- the source ----------------------------------------------------------------------------------------------------


def test_source_that_vanishes_rejects_no_painting(reference: Reference, tmp_path: Path) -> None:
    """First it is moved away, then its disk is unmounted: the empty mount point stays."""
    source = tmp_path / "paintings"
    shutil.copytree(reference.build.source, source)
    build = Build(source, tmp_path / "out")
    for what in ("vanish", "unmount"):
        fault = {"worker": True, "event": "os.rename", "pattern": "*/02-*.parquet", "nth": 1, "what": what}
        ended = build.run(fault={**fault, "path": str(source)})
        assert ended.code == 1 and f"the source {source} is gone" in sentence(ended), ended
        assert not build.half_files()
        if what == "unmount":
            source.rmdir()
        Path(f"{source}.away").rename(source)
    build.finish()
    assert build.content() == reference.content


class Thief(Silent):
    """Takes a painting away when the first stage begins, after all files have been listed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def stage(self, name: str, rows: int, done: int) -> None:
        if name == "preprocess":
            self._path.unlink(missing_ok=True)


def test_single_painting_that_vanishes_is_rejected_and_comes_back(
    reference: Reference, tmp_path: Path, engine: LocalEngine
) -> None:
    source = tmp_path / "paintings"
    shutil.copytree(reference.build.source, source)
    build = Build(source, tmp_path / "out")
    listed = [pd.read_parquet(path) for path in sorted((reference.build.out / "work" / "01-source").glob("*.parquet"))]
    painting = pd.concat(listed).iloc[0]
    lost = source / painting["path"]
    kept = lost.read_bytes()
    here(build, engine, watcher=Thief(lost))
    rejected = pd.read_csv(build.out / "rejected.csv").set_index("id")
    assert rejected.loc[painting["id"], "reason"] == "unreadable"
    lost.write_bytes(kept)
    here(build, engine, retry_rejected=True)
    assert build.content() == reference.content


# --- a model on a server -------------------------------------------------------------------------------------------


def test_server_that_fails_hangs_or_talks_nonsense_costs_time_only(
    reference: Reference, tmp_path: Path, engine: LocalEngine
) -> None:
    pytest.importorskip("openai")
    with ApiServer() as server:
        settings = ("prompt.kind=llm", "prompt.model=m", "prompt.timeout=0.3", f"prompt.base_url={server.url}")
        undisturbed = Build(reference.build.source, tmp_path / "undisturbed")
        here(undisturbed, engine, *settings)
        seeds = [request.fields["seed"] for request in server.requests]
        broken = {seed + attempt for seed in seeds[:3] for attempt in range(ATTEMPTS)}

        flags = [part for setting in settings for part in ("--set", setting)]
        build = Build(reference.build.source, tmp_path / "out", (*TINY, *flags))
        server.fault = lambda request: refuse(500, "out of memory", retry_after=0.05)
        ended = build.run()
        assert ended.code == 1 and "out of memory" in sentence(ended), ended
        assert "when it works again, the same command goes on" in ended.err and not build.half_files()
        # Where a server has worked before, each failure is first taken for the row's own.
        with pytest.raises(ArtsimError, match="rejected all of its 12 rows .server_error 12.*--retry-rejected"):
            here(build, engine, *settings)

        def some(request: Request) -> Fault | None:
            if request.fields["seed"] == seeds[-1]:
                return Fault(hang=2)
            return garbage(b"<html>busy</html>") if request.fields["seed"] in broken else None

        server.fault = some
        here(build, engine, *settings, retry_rejected=True)
        reasons = set(pd.read_csv(build.out / "rejected.csv")["reason"])
        assert reasons >= {"bad_answer", "timeout"}, reasons

        server.fault = lambda request: None
        here(build, engine, *settings, retry_rejected=True)
        assert build.content() == undisturbed.content()


# --- clocks --------------------------------------------------------------------------------------------------------


def test_nothing_depends_on_the_clock(
    reference: Reference, tmp_path: Path, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of the future, of 1930 and of 1970, another time zone; then the whole build is set back by a year."""
    source = tmp_path / "paintings"
    shutil.copytree(reference.build.source, source)
    for path, when in zip(sorted(source.rglob("*.*")), [4e9, -1.25e9, 0, 1.7e9] * 9, strict=False):
        os.utime(path, (when, when))
    build = Build(source, tmp_path / "out")
    for zone in ("Asia/Kathmandu", "America/Caracas"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert here(build, engine).changed == (zone == "Asia/Kathmandu")
        assert build.content() == reference.content
        for path in build.out.rglob("*"):
            os.utime(path, (time.time() - 3e7, time.time() - 3e7))
    monkeypatch.undo()
    time.tzset()
    os.utime(next(source.rglob("*.*")))  # touched, not changed
    assert not here(build, engine).changed


# --- two at once ---------------------------------------------------------------------------------------------------


def test_second_build_says_who_holds_the_folder(reference: Reference, tmp_path: Path) -> None:
    build = Build(reference.build.source, tmp_path / "out")
    started = time.perf_counter()
    first = build.start()
    while not (build.out / "work" / "plan.json").exists():
        assert first.poll() is None, first.communicate()
        time.sleep(0.01)
    second = build.run()
    assert second.code == 2, second
    told = sentence(second)
    assert f"is being built by process {first.pid} on {socket.gethostname()} since 20" in told
    assert "(__main__.py build --source" in told
    assert end_of(first, started).code == 0
    assert build.content() == reference.content


def test_of_two_builds_that_start_together_one_goes_on(reference: Reference, tmp_path: Path) -> None:
    """On a new folder, with different settings: the one that is refused leaves no trace in the other's."""
    build = Build(reference.build.source, tmp_path / "out")
    started = time.perf_counter()
    both = [build.start(), build.start("--preset", "lite")]
    ended = [end_of(process, started) for process in both]
    assert sorted(end.code for end in ended) == [0, 2], ended
    assert build.content() == reference.content


# --- other settings, other versions --------------------------------------------------------------------------------


def test_other_settings_redo_what_must_be_and_say_so(
    reference: Reference, tmp_path: Path, engine: LocalEngine, caplog: pytest.LogCaptureFixture
) -> None:
    build = Build(reference.build.source, tmp_path / "out")
    shutil.copytree(reference.build.out, build.out)
    caplog.set_level(logging.INFO, "builder")
    other = here(build, engine, "prompt.moderate_share=1")
    assert "prompt and later stages are made again: settings, models or artsim's version changed" in caplog.text
    assert _kept(other) == ["source", "preprocess", "style", "caption"]
    with out.capture() as shown:
        show(other, 1.0)
    line = r"Outputs of earlier settings take [\d.]+ MB .*they may be deleted \(05-prompt-"
    assert re.search(line, shown.get())
    caplog.clear()
    back = here(build, engine)
    assert "made again" not in caplog.text and len(_kept(back)) == 9
    assert build.content() == reference.content


def test_folder_of_an_older_version_redoes_what_changed(
    reference: Reference, tmp_path: Path, engine: LocalEngine, caplog: pytest.LogCaptureFixture
) -> None:
    """An older compress stage, sidecars without a seal, and a list of files that had other columns."""
    build = Build(reference.build.source, tmp_path / "out")
    shutil.copytree(reference.build.out, build.out)
    work = build.out / "work"
    older = r"(0[6-9]-[a-z]+-)[0-9a-f]{12}", r"\g<1>000000000000"
    for folder in sorted(work.glob("0[6-9]-*")):
        folder.rename(work / re.sub(*older, folder.name))
    (work / "plan.json").write_text(re.sub(*older, (work / "plan.json").read_text()))
    for sidecar in work.glob("0[1-5]-*/*.json"):
        sidecar.write_text(re.sub(r' "seal": "[0-9a-f]+",\n', "", sidecar.read_text()))
    pd.DataFrame({"name": ["a"], "hash": ["b"]}).to_parquet(work / "files.parquet")
    caplog.set_level(logging.INFO, "builder")
    result = here(build, engine)
    assert "compress and later stages are made again" in caplog.text
    assert _kept(result) == ["source", "preprocess", "style", "caption", "prompt"]
    assert build.content() == reference.content


def _kept(result: BuildResult) -> list[str]:
    return [report.name for report in result.reports if not report.shards_run]


# --- files that were altered ---------------------------------------------------------------------------------------


def test_every_altered_byte_of_the_work_folder_is_found_or_harmless(
    reference: Reference, tmp_path: Path, engine: LocalEngine
) -> None:
    """Twenty flips, one at a time; each time the data set is written anew from what lies in the work folder."""
    build = Build(reference.build.source, tmp_path / "out")
    shutil.copytree(reference.build.out, build.out)
    rng = Random(20)
    for number in range(20):
        files: list[Path] = sorted((build.out / "work").glob("*-*/*.json" if number % 2 else "*-*/*.parquet"))
        victim = rng.choice(files)
        data = bytearray(victim.read_bytes())
        place = rng.randrange(len(data))
        data[place] ^= rng.randrange(1, 256)
        victim.write_bytes(data)
        (build.out / "build.json").unlink()
        result = here(build, engine)
        assert build.content() == reference.content, (victim, place)
        if victim.suffix == ".parquet":
            assert sum(report.shards_run for report in result.reports) >= 1, (victim, place)


@pytest.mark.parametrize("name", ["files.parquet", "plan.json"])
def test_altered_notes_of_the_work_folder_are_harmless(
    reference: Reference, tmp_path: Path, engine: LocalEngine, name: str
) -> None:
    build = Build(reference.build.source, tmp_path / "out")
    shutil.copytree(reference.build.out, build.out)
    rng, noted = Random(5), build.out / "work" / name
    whole = noted.read_bytes()
    for _ in range(20):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
        noted.write_bytes(data)
        result = here(build, engine)
        assert not result.changed and build.content() == reference.content
