"""The runner: takes one stage at a time over all its shards, does only what is not done, loses no row.

One stage runs to its end before the next begins, so that one model is in memory at a time (BLIP-2, Llama 3 and
the refiner together do not fit on one card). Within a stage, shards go to the engine's workers.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from artsim_dataset.blocks import give_back
from artsim_dataset.errors import ArtsimError, StageError
from artsim_dataset.storage import Place
from builder.engine import Engine, Tick
from builder.plan import write_plan
from builder.planned import Planned, by_id, plan_rows
from builder.shards import INPUT, OF, Sidecar, StageFolder, digest, read_rows
from builder.stage import Reject, Result, Row, Run, Stage, fingerprint


class Watcher(Protocol):
    """Told what the runner does; the terminal draws it as bars."""

    def stage(self, name: str, rows: int, done: int) -> None: ...

    def advance(self, rows: int) -> None: ...


@dataclass
class StageReport:
    """What one stage did in this run, and what it holds now."""

    name: str
    rows_in: int
    rows_out: int
    rejects: list[Reject]
    shards_run: int
    shards_kept: int
    rows_reused: int
    seconds: float


@dataclass(frozen=True)
class ShardTask:
    """All that a worker needs to make one shard: picklable, without any pixels."""

    stage: Stage
    folder: StageFolder
    upstream: tuple[StageFolder, ...]
    shard: str
    inputs: str
    planned: pa.Table | None
    retry_rejected: bool = False

    def __str__(self) -> str:
        return f"shard {self.shard} of stage '{self.stage.name}'"


class OthersFirst(Exception):
    """A stage's plan looks at all rows, and other jobs have not made all of them yet."""

    def __init__(self, stage: str, missing: int) -> None:
        super().__init__(f"{stage}: {missing} shards of other jobs are not there yet")
        self.stage = stage
        self.missing = missing


@dataclass
class Runner:
    """Runs stages in order in ``work``. ``source`` is the folder of the source shards, made beforehand.

    ``own``: the shards to make when other jobs make the rest at the same time (`part.py`); None for all.
    """

    work: Place
    source: StageFolder
    engine: Engine
    watcher: Watcher
    retry_rejected: bool = False
    own: Sequence[str] | None = None
    reports: list[StageReport] = field(default_factory=list)
    _plans: list[Planned] = field(default_factory=list)

    def run(self, stages: Sequence[Stage], shards: Sequence[str], upstream: str) -> list[StageFolder]:
        """Brings every stage up to date. Returns the folders of all stages, the source first.

        Raises:
            StageError: a model could not be opened or broke; the message names stage and shard.
            OthersFirst: with ``own``; what could be made is made.
        """
        check_columns(stages, self.source.columns)
        folders = [self.source, *stage_folders(self.work, stages, upstream)]
        settings = [stage.settings() for stage in stages]
        write_plan(self.work, [folder.path.name for folder in folders], shards, settings)
        own = shards if self.own is None else self.own
        chain = {shard: sidecar.digest for shard, sidecar in _expect(self.source, own).items()}
        for number, stage in enumerate(stages, start=1):
            folders[number].clean(self.own)
            others = stage.plan_reads and self.own is not None
            all_ = self._with_others(stage, folders[:number], shards, chain) if others else chain
            chain = self._run_stage(stage, folders[number], folders[:number], chain, all_)
        return folders

    def _with_others(
        self, stage: Stage, upstream: list[StageFolder], shards: Sequence[str], chain: dict[str, str]
    ) -> dict[str, str]:
        """The chain of all shards, those of other jobs as their sidecars tell it."""
        others = [shard for shard in shards if shard not in chain]
        known = {shard: sidecar.digest for shard, sidecar in _expect(self.source, others).items()}
        for folder, planned in zip(upstream[1:], self._plans, strict=True):
            inputs = {shard: digest(before, planned.get(shard, {})) for shard, before in known.items()}
            known = {
                shard: digest(sidecar.inputs, sidecar.digest)
                for shard, sidecar in folder.sidecars(known).items()
                if sidecar.inputs == inputs[shard]
            }
        if len(known) < len(others):
            raise OthersFirst(stage.name, len(others) - len(known))
        return {shard: chain[shard] if shard in chain else known[shard] for shard in shards}

    def _run_stage(
        self,
        stage: Stage,
        folder: StageFolder,
        upstream: list[StageFolder],
        chain: dict[str, str],
        all_: dict[str, str],
    ) -> dict[str, str]:
        """Makes the shards of ``chain``, with a plan that looks at ``all_``. Returns the chain after the stage."""
        started = time.perf_counter()
        planned = plan_rows(stage, upstream, list(all_))
        if self.own is not None:
            self._plans.append(planned)
        inputs = {shard: digest(before, planned.get(shard, {})) for shard, before in chain.items()}
        sidecars: dict[str, Sidecar] = {}
        for shard, sidecar in folder.all_intact(chain).items():
            if sidecar.inputs == inputs[shard] and not (self.retry_rejected and sidecar.rejects):
                sidecars[shard] = sidecar
        tasks = [
            ShardTask(stage, folder, tuple(upstream), s, inputs[s], planned.table(s), self.retry_rejected)
            for s in chain
            if s not in sidecars
        ]
        kept = len(sidecars)
        before = upstream[-1]
        counts = {shard: sidecar.rows_out for shard, sidecar in _expect(before, list(chain)).items()}
        self.watcher.stage(stage.name, sum(counts.values()), sum(counts[s] for s in sidecars))
        try:
            for sidecar in self.engine.map(run_shard, tasks, self.watcher.advance, stage.lane):
                sidecars[sidecar.shard] = sidecar
        except BaseException:
            folder.clean(self.own)  # the engine has ended its workers: what they had half-written goes with them
            raise
        ordered = [sidecars[shard] for shard in chain]
        self.reports.append(_report(stage, ordered, len(tasks), kept, time.perf_counter() - started))
        if self.own is None:  # a small part may well be of bad paintings only
            _check_that_rows_are_left(self.reports[-1])
        return {s: digest(inputs[s], sidecars[s].digest) for s in chain}


def stage_folders(work: Place, stages: Sequence[Stage], upstream: str) -> list[StageFolder]:
    """``work/<nn>-<stage>-<fingerprint>`` of each stage: readable in a listing, unique to what it would compute."""
    folders = []
    for number, stage in enumerate(stages, start=2):
        upstream = fingerprint(stage, upstream)
        columns = tuple(stage.adds.names)
        path = work / f"{number:02d}-{stage.name}-{upstream}"
        folders.append(StageFolder(path, columns, fans_out="painting_id" in columns))
    return folders


def check_columns(stages: Sequence[Stage], source_columns: Iterable[str]) -> None:
    """A stage that reads what nobody adds is a bug in the recipe: say so before any model is opened."""
    known = {"id", *source_columns}
    for stage in stages:
        if missing := sorted({*stage.reads, *stage.plan_reads} - known):
            raise StageError(stage.name, "-", f"reads {', '.join(missing)}, which no earlier stage adds")
        known |= set(stage.adds.names)


def _expect(folder: StageFolder, shards: Sequence[str]) -> dict[str, Sidecar]:
    found = folder.sidecars(shards)
    for shard in shards:
        if shard not in found:
            raise StageError(folder.path.name, shard, "its sidecar vanished while the build was running; run it again")
    return found


def _report(stage: Stage, sidecars: list[Sidecar], run: int, kept: int, seconds: float) -> StageReport:
    return StageReport(
        name=stage.name,
        rows_in=sum(s.rows_in for s in sidecars),
        rows_out=sum(s.rows_out for s in sidecars),
        rejects=[
            Reject(**{k: r[k] for k in ("reason", "message", "id", "stage")}) for s in sidecars for r in s.rejects
        ],
        shards_run=run,
        shards_kept=kept,
        rows_reused=sum(s.reused for s in sidecars) if run else 0,
        seconds=seconds,
    )


def _check_that_rows_are_left(report: StageReport) -> None:
    """When every row was rejected, the cause is not in the rows, and no later stage has anything to do."""
    if report.rows_out or not report.rejects:
        return
    reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(Counter(r.reason for r in report.rejects).items()))
    raise ArtsimError(
        f"stage '{report.name}' rejected all of its {report.rows_in} rows ({reasons}; the first: "
        f"{report.rejects[0].message}); when that is cured, run the same command with --retry-rejected"
    )


# --- in the worker --------------------------------------------------------------------------------------------


class _Open:
    """The stage that this process has open. Opening another frees it first."""

    stack: ExitStack | None = None
    mark: str = ""
    run: Run | None = None

    @classmethod
    def get(cls, stage: Stage) -> Run:
        mark = fingerprint(stage, "")
        if cls.run is None or cls.mark != mark:
            cls.close()
            cls.stack = ExitStack()
            cls.run = cls.stack.enter_context(stage.open())
            cls.mark = mark
        return cls.run

    @classmethod
    def close(cls) -> None:
        if cls.stack is not None:
            cls.stack.close()
        cls.stack, cls.run, cls.mark = None, None, ""


def run_shard(task: ShardTask, tick: Tick) -> Sidecar:
    """Makes one shard: reuses results of unchanged rows, runs the others, checks that no row was lost, writes."""
    started = time.perf_counter()
    rows = read_rows(task.upstream, task.shard, task.stage.reads)
    planned = by_id(task.planned)
    for row in rows:
        row.update(planned.get(row["id"], {}))
    marks = {row["id"]: _row_digest(task.stage, row, planned) for row in rows}
    old_rows, old_rejects = _reusable(task, marks)
    todo = [row for row in rows if row["id"] not in old_rows and row["id"] not in old_rejects]
    del rows
    reused = len(marks) - len(todo)
    tick(reused)
    fresh = _run_rows(task, todo, tick)

    out: list[Row] = []
    rejects: list[dict[str, str]] = []
    for key, mark in marks.items():
        if key in fresh:
            _sort_out(task.stage.name, key, fresh.pop(key), mark, out, rejects)
        else:
            out.extend(old_rows.pop(key, []))
            rejects.extend(old_rejects.get(key, []))
    table = _table(task, out, rejects, set(marks))
    out.clear()  # the table has its own copy of all pixels, and while it is written there are two more
    give_back()
    return task.folder.write(
        task.shard,
        table,
        stage=task.stage.name,
        rows_in=len(marks),
        rejects=rejects,
        inputs=task.inputs,
        seconds=round(time.perf_counter() - started, 3),
        reused=reused,
    )


def _sort_out(stage: str, key: str, result: Result, mark: str, out: list[Row], rejects: list[dict[str, str]]) -> None:
    """Puts what became of the input row ``key`` where it belongs. The rejects of a fan-out name their own variant."""
    for made in result if isinstance(result, list) else [result]:
        if isinstance(made, Reject):
            rejects.append({**made.at(stage, made.id or key).as_row(), OF: key, INPUT: mark})
        else:
            out.append({"id": key, **made, INPUT: mark})


def _row_digest(stage: Stage, row: Row, planned: Mapping[str, Row]) -> str:
    plan = planned.get(row["id"], {})
    values = [row[c] if isinstance(row[c], bytes) else repr(row[c]).encode() for c in stage.reads]
    return digest(row["id"], *values, {k: repr(v) for k, v in plan.items()})


def _reusable(task: ShardTask, marks: dict[str, str]) -> tuple[dict[str, list[Row]], dict[str, list[dict[str, str]]]]:
    """Rows and rejects of an earlier run of this shard, by the id of their input row, where that has not changed."""
    kept: dict[str, list[Row]] = {}
    rejected: dict[str, list[dict[str, str]]] = {}
    sidecar = task.folder.intact(task.shard)
    if sidecar is None:
        return kept, rejected
    for reject in sidecar.rejects:
        if marks.get(reject[OF]) == reject[INPUT]:
            rejected.setdefault(reject[OF], []).append(reject)
    key = "painting_id" if task.folder.fans_out else "id"
    for row in task.folder.read(task.shard, [*_schema(task.stage).names]).to_pylist():
        again = task.retry_rejected and row[key] in rejected
        if marks.get(row[key]) == row[INPUT] and not again:
            kept.setdefault(row[key], []).append(row)
    return kept, {} if task.retry_rejected else rejected


def _run_rows(task: ShardTask, rows: list[Row], tick: Tick) -> dict[str, Result]:
    """Runs the stage on the rows, counting as it goes; of a row that is done its id alone is kept, so that the pixels
    of a shard are not held twice. No model is opened when there are no rows."""
    results: dict[str, Result] = {}
    if not rows:
        return results
    try:
        outputs: Iterator[Result] = _Open.get(task.stage)(iter(rows))
        for row, result in zip(rows, outputs, strict=True):
            key = row["id"]
            results[key] = result
            row.clear()
            tick(1)
    except ValueError as error:
        if "zip()" not in str(error):
            raise
        raise StageError(task.stage.name, task.shard, f"gave {len(results)} results for {len(rows)} rows") from error
    return results


def _schema(stage: Stage) -> pa.Schema:
    fields = [f for f in stage.adds if f.name != "id"]
    return pa.schema([pa.field("id", pa.string()), *fields, pa.field(INPUT, pa.string())])


def _table(task: ShardTask, out: list[Row], rejects: list[dict[str, str]], ids_in: set[str]) -> pa.Table:
    """The output as a table, after the promise 'rows in = rows out + rejects' has been checked.

    Of a fan-out each row in must be answered, by variants, by rejects or by both.
    """
    table = pa.Table.from_pylist(out, schema=_schema(task.stage))
    made: set[Any] = {row["painting_id"] if task.folder.fans_out else row["id"] for row in out}
    refused = {reject[OF] for reject in rejects}
    if len({row["id"] for row in out}) != len(out):
        raise StageError(task.stage.name, task.shard, "two results have the same id")
    if made | refused != ids_in or (not task.folder.fans_out and made & refused):
        found = f"{len(ids_in)} rows in, {len(made)} out and {len(rejects)} rejects"
        raise StageError(task.stage.name, task.shard, found)
    return table
