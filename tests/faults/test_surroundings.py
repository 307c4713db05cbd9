"""Bad surroundings: full disks, folders that are read-only, sources that vanish, servers that fail, clocks that jump,
two builds at once, folders of other settings, files that were altered. One sentence each, and then the same bytes."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest

from builder.build import build as build_here
from builder.config import load_config
from builder.engine import LocalEngine
from builder.models.api_prompt import ATTEMPTS
from tests.builder.models.api_server import ApiServer, Fault, Request, garbage, refuse
from tests.conftest import Silent
from tests.faults.conftest import Reference
from tests.faults.harness import TINY, Build, Ended, end_of


def sentence(ended: Ended) -> str:
    """The one line that a run which failed has to say."""
    lines = [line for line in ended.err.splitlines() if line.strip()]
    assert len(lines) == 1 and lines[0].startswith("artsim: "), ended
    return lines[0].removeprefix("artsim: ")


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
    ended = build.run(before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000)))
    assert ended.code == 1 and "larger than the system allows" in sentence(ended), ended
    assert not build.half_files()


def _obey_permissions() -> None:
    """Takes from root, for the process to come, what lets it pass over permissions."""
    if os.geteuid() == 0:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            if ctypes.CDLL(None).prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP
                raise OSError("cannot drop a capability")


def test_read_only_output_is_one_sentence(reference: Reference, tmp_path: Path) -> None:
    build = Build(reference.build.source, tmp_path / "place" / "out")
    build.out.parent.mkdir(mode=0o555)
    ended = build.run(before=_obey_permissions)
    assert ended.code == 2 and "cannot write to" in sentence(ended) and "Permission denied" in ended.err, ended

    build.out.parent.chmod(0o755)
    fault = {"worker": True, "event": "os.rename", "pattern": "*/03-*.json", "nth": 1, "what": "kill"}
    assert build.run(fault=fault).code == 1
    folders = [build.out, *(path for path in build.out.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    ended = build.run(before=_obey_permissions)
    assert ended.code == 1 and sentence(ended).startswith("cannot write to "), ended
    assert str(build.out) in ended.err and ".tmp" not in ended.err

    for folder in folders:
        folder.chmod(0o755)
    build.finish()
    assert build.content() == reference.content
    for path in build.out.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    ended = build.run(before=_obey_permissions)
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


def test_single_painting_that_vanishes_is_rejected_and_comes_back(reference: Reference, tmp_path: Path) -> None:
    source = tmp_path / "paintings"
    shutil.copytree(reference.build.source, source)
    build = Build(source, tmp_path / "out")
    listed = [pd.read_parquet(path) for path in sorted((reference.build.out / "work" / "01-source").glob("*.parquet"))]
    painting = pd.concat(listed).iloc[0]
    lost = source / painting["path"]
    kept = lost.read_bytes()
    # Before the first worker starts, when all files have been listed.
    fault = {
        "worker": False, "event": "os.rename", "pattern": "*/plan.json", "nth": 1, "what": "remove", "path": str(lost)
    }  # fmt: skip
    ended = build.run(fault=fault)
    assert ended.code == 0, ended
    rejected = pd.read_csv(build.out / "rejected.csv").set_index("id")
    assert rejected.loc[painting["id"], "reason"] == "unreadable"
    lost.write_bytes(kept)
    build.finish("--retry-rejected")
    assert build.content() == reference.content


# --- a model on a server -------------------------------------------------------------------------------------------


def test_server_that_fails_hangs_or_talks_nonsense_costs_time_only(reference: Reference, tmp_path: Path) -> None:
    pytest.importorskip("openai")
    fragile = ("--set", "prompt.kind=llm", "--set", "prompt.model=m", "--set", "prompt.timeout=0.3", "--set")
    with ApiServer() as server:
        settings = (*TINY, *fragile, f"prompt.base_url={server.url}")
        undisturbed = Build(reference.build.source, tmp_path / "undisturbed", settings)
        undisturbed.finish()

        build = Build(reference.build.source, tmp_path / "out", settings)
        server.fault = lambda request: refuse(500, "out of memory", retry_after=0.05)
        ended = build.run()
        assert ended.code == 1 and "failed" in sentence(ended) and "the same command goes on" in ended.err, ended

        seeds = [request.fields["seed"] for request in server.requests[:12]]  # of the build that went well
        broken = {seed + attempt for seed in seeds[:3] for attempt in range(ATTEMPTS)}

        def some(request: Request) -> Fault | None:
            if request.fields["seed"] == seeds[-1]:
                return Fault(hang=2)
            return garbage(b"<html>busy</html>") if request.fields["seed"] in broken else None

        server.fault = some
        ended = build.run()
        assert ended.code == 0, ended
        reasons = set(pd.read_csv(build.out / "rejected.csv")["reason"])
        assert reasons >= {"bad_answer", "timeout"}, reasons

        server.fault = lambda request: None
        build.finish("--retry-rejected")
        assert build.content() == undisturbed.content()


# --- clocks --------------------------------------------------------------------------------------------------------


def test_nothing_depends_on_the_clock(reference: Reference, tmp_path: Path) -> None:
    """Files of the future, of 1930 and of 1970, another time zone; then the whole build is set back by a year."""
    source = tmp_path / "paintings"
    shutil.copytree(reference.build.source, source)
    for path, when in zip(sorted(source.rglob("*.*")), [4e9, -1.25e9, 0, 1.7e9] * 9, strict=False):
        os.utime(path, (when, when))
    build = Build(source, tmp_path / "out", env={"TZ": "Asia/Kathmandu"})
    build.finish()
    assert build.content() == reference.content
    for path in build.out.rglob("*"):
        os.utime(path, (time.time() - 3e7, time.time() - 3e7))
    build.env["TZ"] = "America/Caracas"
    assert "Nothing to do" in build.finish().out
    os.utime(next(source.rglob("*.*")))  # touched, not changed
    assert "Nothing to do" in build.finish().out


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


def test_other_settings_redo_what_must_be_and_say_so(reference: Reference, tmp_path: Path) -> None:
    build = Build(reference.build.source, tmp_path / "out")
    shutil.copytree(reference.build.out, build.out)
    other = build.finish("--set", "prompt.moderate_share=1")
    assert "prompt and later stages are made again: settings, models or artsim's version changed" in other.err
    assert re.search(r"Outputs of earlier settings take [\d.]+ MB .*they may be deleted \(05-prompt-", other.out), other
    assert _kept(other) == ["source", "preprocess", "style", "caption"]
    back = build.finish()
    assert "made again" not in back.err and len(_kept(back)) == 9, back
    assert build.content() == reference.content


def test_folder_of_an_older_version_redoes_what_changed(reference: Reference, tmp_path: Path) -> None:
    """An older compress stage, sidecars without a seal, and a list of files that had other columns."""
    build = Build(reference.build.source, tmp_path / "out")
    shutil.copytree(reference.build.out, build.out)
    work = build.out / "work"
    (folder,) = work.glob("06-compress-*")
    folder.rename(work / "06-compress-000000000000")
    for name in ("07-generate-*", "08-recaption-*", "09-crop-*"):
        (later,) = work.glob(name)
        later.rename(work / f"{later.name[:-12]}000000000000")
    plan = (work / "plan.json").read_text()
    (work / "plan.json").write_text(re.sub(r"(0[6-9]-[a-z]+-)[0-9a-f]{12}", r"\g<1>000000000000", plan))
    for sidecar in work.glob("0[1-5]-*/*.json"):
        sidecar.write_text(re.sub(r' "seal": "[0-9a-f]+",\n', "", sidecar.read_text()))
    pd.DataFrame({"name": ["a"], "hash": ["b"]}).to_parquet(work / "files.parquet")
    ended = build.finish()
    assert "compress and later stages are made again" in ended.err, ended
    assert _kept(ended) == ["source", "preprocess", "style", "caption", "prompt"]
    assert build.content() == reference.content


def _kept(ended: Ended) -> list[str]:
    return [line.split()[0] for line in ended.out.splitlines() if line.rstrip().endswith("kept")]


# --- files that were altered ---------------------------------------------------------------------------------------


def test_every_altered_byte_of_the_work_folder_is_found_or_harmless(
    reference: Reference, tmp_path: Path, engine: LocalEngine
) -> None:
    """Twenty flips, one at a time; each time the data set is written anew from what lies in the work folder."""
    build = Build(reference.build.source, tmp_path / "out")
    shutil.copytree(reference.build.out, build.out)
    config = load_config(assignments=TINY[3::2], source={"limit": 12})
    rng = Random(20)
    for number in range(20):
        files: list[Path] = sorted((build.out / "work").glob("*-*/*.json" if number % 2 else "*-*/*.parquet"))
        victim = rng.choice(files)
        data = bytearray(victim.read_bytes())
        place = rng.randrange(len(data))
        data[place] ^= rng.randrange(1, 256)
        victim.write_bytes(data)
        (build.out / "build.json").unlink()
        result = build_here(str(build.source), build.out, config, engine, Silent())
        assert build.content() == reference.content, (victim, place)
        if victim.suffix == ".parquet":
            assert sum(report.shards_run for report in result.reports) >= 1, (victim, place)


@pytest.mark.parametrize("name", ["files.parquet", "plan.json"])
def test_altered_notes_of_the_work_folder_are_harmless(
    reference: Reference, tmp_path: Path, engine: LocalEngine, name: str
) -> None:
    build = Build(reference.build.source, tmp_path / "out")
    shutil.copytree(reference.build.out, build.out)
    config = load_config(assignments=TINY[3::2], source={"limit": 12})
    rng, noted = Random(5), build.out / "work" / name
    whole = noted.read_bytes()
    for _ in range(20):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
        noted.write_bytes(data)
        result: Any = build_here(str(build.source), build.out, config, engine, Silent())
        assert not result.changed and build.content() == reference.content
