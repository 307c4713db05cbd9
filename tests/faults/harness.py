"""Runs builds as a user does, in a process group of their own, and does things to them. Used by tests and benchmark."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Literal

from builder.plan import read_plan
from tests.prefixes import HEED_INTERRUPTS

ROOT = Path(__file__).parents[2]
SET = ("preprocess.size=96", "crop.size=64", "source.shard_rows=2", "generate.kind=26-styles")
TINY = ("--limit", "12", *(word for setting in SET for word in ("--set", setting)))
"""Settings of a build of seconds, with eight shards in each stage and the generator that takes the fewest of them."""

LONGEST = 120.0
"""Seconds after which a build counts as hanging."""

Whom = Literal["parent", "worker", "group"]


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code (negative: by that signal), what it said, and how long it took."""

    code: int
    out: str
    err: str
    seconds: float


@dataclass(frozen=True)
class Killed:
    """One kill: whom, after how many seconds, in which stage, and the processes that outlived it for too long."""

    whom: Whom
    seconds: float
    stage: str
    survivors: list[int]
    ended: Ended


@dataclass
class Build:
    """A build of ``source`` in ``out``, to be run again and again."""

    source: Path
    out: Path
    settings: Sequence[str] = TINY
    workers: int = 2
    env: dict[str, str] = field(default_factory=dict)

    def command(self, *more: str, module: str = "artsim_dataset.cli") -> list[str]:
        fixed = ["--source", str(self.source), "--out", str(self.out), "--workers", str(self.workers)]
        return [sys.executable, "-m", module, "build", *fixed, *self.settings, *more]

    def start(
        self, *more: str, fault: dict[str, Any] | None = None, before: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        """Starts the command. ``fault``: what `victim.py` does to it; ``before``: a program that becomes it."""
        env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **self.env}
        if fault is not None:
            env["ARTSIM_FAULT"] = json.dumps(fault)
        module = "tests.faults.victim" if fault else "artsim_dataset.cli"
        return subprocess.Popen(
            [*HEED_INTERRUPTS, *before, *self.command(*more, module=module)],
            cwd="/",
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *more: str, fault: dict[str, Any] | None = None, before: Sequence[str] = ()) -> Ended:
        """Runs the command to its end."""
        started = time.perf_counter()
        return end_of(self.start(*more, fault=fault, before=before), started)

    def finish(self, *more: str) -> Ended:
        """Runs the command, which has to succeed."""
        ended = self.run(*more)
        assert ended.code == 0, ended
        return ended

    def stage(self) -> str:
        """What the build is at, told from its folder."""
        work = self.out / "work"
        plan = read_plan(work)
        if plan is None:
            return "starting"
        for name in plan.folders:
            if len(list((work / name).glob("*.json"))) < len(plan.shards):
                return name.split("-")[1]
        if (self.out / "build.json").is_file():
            return "finished"
        if any(path.name not in ("work", "build.json") for path in self.out.iterdir()):
            return "moving"
        return "assembling"

    def content(self) -> dict[str, str]:
        """sha256 of every file of the data set, the work folder left out."""
        files = (p for p in self.out.rglob("*") if p.is_file() and "work" not in p.relative_to(self.out).parts[:1])
        return {p.relative_to(self.out).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    def half_files(self) -> list[str]:
        """Temporary files, scratch, and data files without the sidecar that declares them done."""
        work = self.out / "work"
        found = [p for p in self.out.rglob("*.tmp")] + [p for p in work.glob("assembled") if p.exists()]
        return [str(p.relative_to(self.out)) for p in found]


def end_of(process: subprocess.Popen[str], started: float) -> Ended:
    """Waits for the end. Raises AssertionError when it hangs, and ends it then."""
    try:
        out, err = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError(f"hangs: {process.communicate()}") from None
    return Ended(process.returncode, out, err, time.perf_counter() - started)


def shows_own_code(err: str) -> bool:
    """Whether a traceback names a file of ours.

    Another may come from Python itself: of a parent killed while it starts a worker, the worker cannot read what to do.
    """
    ours = (f'File "{ROOT / package}/' for package in ("artsim_dataset", "builder"))
    return "Traceback" in err and any(file in err for file in ours)


def kill(build: Build, moment: float, whom: Whom, wait: float = 3.0) -> Killed | None:
    """Runs the build and sends SIGKILL ``moment`` seconds after its start; None when it had finished by then.

    A worker is killed as soon after the moment as there is one. ``wait``: seconds that the others may live on.
    """
    started = time.perf_counter()
    process = build.start()
    while time.perf_counter() - started < moment:
        if process.poll() is not None:
            assert process.returncode == 0, process.communicate()
            process.communicate()
            return None
        time.sleep(0.005)
    victim = process.pid
    family = list(descendants(process.pid))
    if whom == "worker":
        while not (workers := [pid for pid in family if _is_worker(pid)]):
            if process.poll() is not None:
                process.communicate()
                return None
            time.sleep(0.005)
            family = list(descendants(process.pid))
        victim = workers[0]
    stage = build.stage()
    at = time.perf_counter() - started
    births = {pid: born(pid) for pid in family}
    with suppress(ProcessLookupError):  # a worker may have left, with nothing more to do
        (os.killpg if whom == "group" else os.kill)(victim, signal.SIGKILL)
    ended = end_of(process, started)
    if whom != "worker" and ended.code == 0:
        return None  # it had finished in the meantime
    return Killed(whom, at, stage, survivors(births, wait), ended)


def survivors(births: dict[int, str], wait: float) -> list[int]:
    """The processes (number -> start time) that still live after ``wait`` seconds; returns as soon as none does."""
    until = time.monotonic() + wait
    while alive := [pid for pid, birth in births.items() if birth and born(pid) == birth]:
        if time.monotonic() > until:
            return alive
        time.sleep(0.02)
    return []


def descendants(pid: int) -> Iterator[int]:
    """All processes below ``pid``, by /proc."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (stat := _stat(int(folder.name))):
            parents.setdefault(int(stat[1]), []).append(int(folder.name))
    todo = [pid]
    while todo:
        for child in parents.get(todo.pop(), []):
            todo.append(child)
            yield child


def born(pid: int) -> str:
    """When a process started; '' when it is gone or only waits to be collected."""
    stat = _stat(pid)
    return stat[19] if stat and stat[0] not in "ZX" else ""


def _stat(pid: int) -> list[str]:
    """State, parent, ... of a process: /proc/PID/stat from its third field on."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _is_worker(pid: int) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def random_kills(
    make: Callable[[int], Build], reference: dict[str, str], duration: float, kills: int, seed: int, chain: int = 5
) -> Iterator[tuple[Killed, bool]]:
    """Kills builds at seeded random moments and runs the same command again until it is done.

    Args:
        make: a new build by number.
        reference: what the finished data set holds when nothing happens.
        duration: seconds of an uninterrupted build; moments are uniform in it.
        kills: how many.
        chain: a build that was killed so often is let go on.

    Yields each kill, and whether the data set that came out of its build is identical.
    """
    rng, number, done = Random(seed), 0, 0
    while done < kills:
        build, number = make(number), number + 1
        hits: list[Killed] = []
        while len(hits) < min(chain, kills - done):
            whom: Whom = rng.choice(("parent", "worker", "group"))
            hit = kill(build, rng.uniform(0.1, duration), whom)
            if hit is None:
                break
            hits.append(hit)
        build.finish()
        identical = build.content() == reference and not build.half_files()
        done += len(hits)
        for hit in hits:
            yield hit, identical
