"""What a build has done, told from its work folder alone: while it runs, after a crash, on another machine.

Only the sidecars are read (`shards.py`), never a model, a data set or the Parquet files, so that looking costs nothing
and disturbs nothing. The runner writes down which folders belong to the settings of now (`plan.json`), since outputs
of earlier settings stay beside them.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from artsim_dataset.errors import ConfigError
from artsim_dataset.object_store import ObjectPath
from artsim_dataset.storage import Place
from builder.plan import PLAN, Plan, read_plan
from builder.plan import write_plan as write_plan  # the runner's half
from builder.shards import Sidecar, StageFolder, digest

WORK = "work"
NEWEST = 32
"""Sidecars that tell the present pace: the first of a stage hold the time to load its model."""

STALLED = 5.0
"""A build is called stalled when it wrote nothing for this many times the slowest of its stage's newest shards, and
never before QUIET seconds; a stage without any shard yet loads its model, for which FIRST seconds are allowed."""
QUIET, FIRST = 300.0, 1800.0

State = Literal["starting", "running", "stalled", "assembling", "finished"]


@dataclass(frozen=True)
class StageStatus:
    """One stage: what is done of it.

    ``rows`` of ``rows_all`` are answered (all: as far as the stage before knows). ``rate`` is rows per second of
    worker time, over all that this stage really ran; None when it ran nothing.
    """

    name: str
    shards: int
    shards_all: int
    rows: int
    rows_all: int
    rows_out: int
    rejects: dict[str, int]
    rate: float | None
    finished: bool


@dataclass(frozen=True)
class Running:
    """The stage that is under way: rows per second of all workers together, seconds left, age of its newest shard.

    ``eta`` and ``pace`` are None until a shard is done."""

    name: str
    pace: float | None
    eta: float | None
    age: float | None


@dataclass(frozen=True)
class BuildStatus:
    """What `artsim status` shows. Sizes in bytes, ``cost`` in US dollars (None: nothing was paid for)."""

    out: str
    state: State
    source: str
    preset: str
    stages: list[StageStatus]
    running: Running | None
    disk_work: int
    disk_dataset: int
    disk_earlier: int
    cost: float | None
    models: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Done:
    """A finished shard and when it was finished (seconds since the epoch, of the file system's clock)."""

    sidecar: Sidecar
    at: float


def status(out: Place, now: float | None = None) -> BuildStatus:
    """What the build in ``out`` has done so far.

    Args:
        out: the folder that was given to `artsim build` as --out, here or in an object store.
        now: seconds since the epoch; the clock's when None.

    Raises:
        ConfigError: there is no build in ``out``.
    """
    work = out / WORK
    begun = _begun(out, work)
    now = time.time() if now is None else now
    plan = read_plan(work) or Plan((), ())
    stages: list[StageStatus] = []
    running: Running | None = None
    slowest = 0.0
    chain = dict.fromkeys(plan.shards, "")
    before: dict[str, _Done] = {}
    for number, folder in enumerate(plan.folders):
        done, chain = _done(work / folder, plan.shards, before if number else None, chain)
        rows_in = sum(shard.sidecar.rows_out for shard in before.values()) if number else None
        stages.append(_stage(_stage_name(folder), done, len(plan.shards), rows_in))
        if running is None and not stages[-1].finished:
            running = _running(stages[-1], _newest(done), (work / PLAN).stat().st_mtime, now)
            slowest = max((shard.sidecar.seconds for shard in _newest(done)), default=0.0)
        before = done
    folders = {folder: _size(work / folder) for folder in _stage_folders(work)}
    disk_work = _size(work)
    return BuildStatus(
        out=str(out),
        state=_state(out, plan, running, slowest, now),
        source=str(begun.get("source", "")),
        preset=str(begun.get("preset", "")),
        stages=stages,
        running=running,
        disk_work=disk_work,
        disk_dataset=_size(out) - disk_work,
        disk_earlier=sum(size for folder, size in folders.items() if folder not in plan.folders) if plan.folders else 0,
        cost=_cost(work / "paid" / "spent.jsonl"),
        models=_models(work, plan),
    )


def _begun(out: Place, work: Place) -> dict[str, Any]:
    """What the build noted of itself when it began."""
    try:
        return dict(json.loads((work / "build.json").read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        if not out.exists():
            raise ConfigError(
                f"{out} does not exist; give the folder that 'artsim build' was given as --out"
            ) from error
        if (out / "build.json").is_file():
            raise ConfigError(f"{out} is a data set without its work folder, which is what status reads") from error
        raise ConfigError(f"{out} holds no build; start one: artsim build --source PAINTINGS --out {out}") from error


def _stage_name(folder: str) -> str:
    """
    >>> _stage_name("01-source"), _stage_name("04-caption-bb49a2b4bac9")
    ('source', 'caption')
    """
    return folder.split("-")[1]


def _done(
    folder: Place, shards: Sequence[str], before: dict[str, _Done] | None, chain: dict[str, str]
) -> tuple[dict[str, _Done], dict[str, str]]:
    """The shards of a stage that are done, and the digests that the next stage's inputs are made of.

    A shard that was made from an earlier state of the source is not done, though its sidecar is there. Its ``inputs``
    prove it current for stages without a plan; a planned stage's cannot be known from here, so its sidecar has to be
    no older than the one it was made from, with as many rows as that one gave.
    """
    done: dict[str, _Done] = {}
    after: dict[str, str] = {}
    for shard, found in _found(folder, shards):
        sidecar = found.sidecar
        if before is not None:
            made_from = before.get(shard)
            if made_from is None:
                continue
            exact = sidecar.inputs == digest(chain[shard], {})
            if not exact and (found.at < made_from.at or sidecar.rows_in != made_from.sidecar.rows_out):
                continue
            after[shard] = digest(sidecar.inputs, sidecar.digest)
        else:
            after[shard] = sidecar.digest
        done[shard] = found
    return done, after


def _found(folder: Place, shards: Sequence[str]) -> Iterator[tuple[str, _Done]]:
    """The sidecars that are there, and when each was written."""
    if isinstance(folder, ObjectPath):  # one listing, and many sidecars at a time
        there = folder.files()
        written = [shard for shard in shards if f"{shard}.json" in there]
        for shard, sidecar in StageFolder(folder, ()).sidecars(written).items():
            yield shard, _Done(sidecar, there[f"{shard}.json"].st_mtime)
        return
    for shard in shards:
        path = folder / f"{shard}.json"
        local = Sidecar.read(path)
        if local is not None:
            with suppress(FileNotFoundError):  # the build replaces it at this moment
                yield shard, _Done(local, path.stat().st_mtime)


def _stage(name: str, done: dict[str, _Done], shards: int, rows_all: int | None) -> StageStatus:
    sidecars = [shard.sidecar for shard in done.values()]
    rows = sum(sidecar.rows_in for sidecar in sidecars)
    ran = [sidecar for sidecar in sidecars if sidecar.seconds > 0 and sidecar.rows_in > sidecar.reused]
    seconds = sum(sidecar.seconds for sidecar in ran)
    reasons = Counter(reject["reason"] for sidecar in sidecars for reject in sidecar.rejects)
    return StageStatus(
        name=name,
        shards=len(done),
        shards_all=shards,
        rows=rows,
        rows_all=rows if rows_all is None else rows_all,
        rows_out=sum(sidecar.rows_out for sidecar in sidecars),
        rejects=dict(sorted(reasons.items())),
        rate=round(sum(s.rows_in - s.reused for s in ran) / seconds, 3) if seconds else None,
        finished=len(done) == shards,
    )


def _newest(done: Mapping[str, _Done]) -> list[_Done]:
    """The newest shards that something was done for, the newest last."""
    ran = [shard for shard in done.values() if shard.sidecar.rows_in > shard.sidecar.reused]
    return sorted(ran, key=lambda shard: shard.at)[-NEWEST:]


def _running(stage: StageStatus, newest: list[_Done], begun: float, now: float) -> Running:
    """Pace and time left from the newest shards: what a worker does in a second, times the workers seen at once.

    Since the newest shard, or since the run ``begun`` when that is later, work went on that no sidecar tells of yet.
    """
    seconds = sum(d.sidecar.seconds for d in newest)
    if not seconds:
        return Running(stage.name, None, None, None)
    rows = sum(d.sidecar.rows_in - d.sidecar.reused for d in newest)
    pace = rows / seconds * workers_seen([(d.at - d.sidecar.seconds, d.at) for d in newest])
    age = max(0.0, now - newest[-1].at)
    left = max(0.0, (stage.rows_all - stage.rows) / pace - max(0.0, now - max(begun, newest[-1].at)))
    return Running(stage.name, round(pace, 3), round(left, 1), round(age, 1))


def workers_seen(spans: Sequence[tuple[float, float]]) -> int:
    """The most spans (start, end) that are open at one time; a span that ends when another starts is closed.

    >>> workers_seen([(0, 4), (1, 5), (4, 8), (5, 9)])
    2
    """
    edges = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    most = at_once = 0
    for _, step in edges:
        at_once += step
        most = max(most, at_once)
    return most


def _state(out: Place, plan: Plan, running: Running | None, slowest: float, now: float) -> State:
    if not plan.folders:
        return "starting"
    if running is None:
        return "finished" if (out / "build.json").is_file() else "assembling"
    patience = FIRST if running.pace is None else max(QUIET, STALLED * slowest)
    return "stalled" if now - _latest(out / WORK, plan) > patience else "running"


def _latest(work: Place, plan: Plan) -> float:
    """When the build last wrote anything of its plan."""
    times = [0.0]
    if isinstance(work, ObjectPath):
        folders = (stored for name in plan.folders for stored in (work / name).files().values())
        return max([(work / PLAN).stat().st_mtime, *(stored.st_mtime for stored in folders)])
    for path in (work / PLAN, work / "build.log", *(p for name in plan.folders for p in (work / name).glob("*.json"))):
        try:
            times.append(path.stat().st_mtime)
        except FileNotFoundError:
            continue
    return max(times)


def _stage_folders(work: Place) -> list[str]:
    return [path.name for path in work.iterdir() if path.is_dir() and path.name[:2].isdigit()]


def _size(folder: Place) -> int:
    """Bytes of all files below. Files that the build moves away meanwhile do not count."""
    if isinstance(folder, ObjectPath):
        return sum(stored.st_size for stored in folder.files().values())
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except FileNotFoundError:
                continue
    return total


def _cost(spent: Place) -> float | None:
    """US dollars spent so far or set aside for requests under way; None when no paid API was used.

    The ledger (`models/ledger.py`) appends a line when it sets money aside and another when it knows better, so the
    last line of a ticket counts. A line that a crash tore is passed over.
    """
    try:
        lines = spent.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    tickets: dict[str, float] = {}
    for line in lines:
        try:
            entry = json.loads(line)
            tickets[str(entry["ticket"])] = float(entry["usd"])
        except (ValueError, KeyError, TypeError):
            continue
    return round(sum(tickets.values()), 6)


def _models(work: Place, plan: Plan) -> dict[str, str]:
    """Model -> commit: those of the latest run, or what `models.json` resolved so far when the plan names none."""
    if plan.models:
        return plan.models
    try:
        locked: dict[str, str] = json.loads((work / "models.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {name.rpartition("@")[0]: commit for name, commit in locked.items()}
