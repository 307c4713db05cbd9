"""The runner, with real worker processes and stages small enough to see through."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from artsim_dataset.errors import StageError
from builder.engine import LocalEngine
from builder.run import Runner
from builder.shards import StageFolder, digest, read_rows
from builder.stage import Lane, Reject, Result, Row, Run

SHARDS = ["00000", "00001"]


class Silent:
    """A watcher that only adds up what it is told."""

    def __init__(self) -> None:
        self.rows = 0
        self.opened: list[str] = []

    def stage(self, name: str, rows: int, done: int) -> None:
        self.opened.append(name)
        self.rows += done

    def advance(self, rows: int) -> None:
        self.rows += rows


@dataclass(frozen=True)
class Shout:
    """Adds ``loud``; rejects empty words; notes each row that it really ran in ``log``."""

    log: str
    mark: str = "!"
    lose: bool = False
    broken: bool = False

    name: ClassVar[str] = "shout"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("word",)
    adds: ClassVar[pa.Schema] = pa.schema([("loud", pa.string())])
    plan_reads: ClassVar[tuple[str, ...]] = ()
    lane: ClassVar[Lane] = "cpu"

    def settings(self) -> Mapping[str, Any]:
        return {"mark": self.mark, "log": self.log}

    def plan(self, rows: pa.Table) -> None:
        return None

    @contextmanager
    def open(self) -> Iterator[Run]:
        if self.broken:
            raise StageError(self.name, "-", "the model file is missing")

        def run(rows: Iterable[Row]) -> Iterator[Result]:
            for row in rows:
                with open(self.log, "a") as file:
                    file.write(row["id"] + "\n")
                if self.lose and row["word"] == "owl":
                    continue
                yield {"loud": row["word"].upper() + self.mark} if row["word"] else Reject("empty", "no word")

        yield run


@dataclass(frozen=True)
class Split:
    """Fans out: two rows for each, which also know the rank that the plan gave. The half that the file
    ``refused`` holds is rejected."""

    refused: str = ""

    name: ClassVar[str] = "split"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("loud",)
    adds: ClassVar[pa.Schema] = pa.schema([("painting_id", pa.string()), ("half", pa.string()), ("rank", pa.int32())])
    plan_reads: ClassVar[tuple[str, ...]] = ("word",)
    lane: ClassVar[Lane] = "cpu"

    def settings(self) -> Mapping[str, Any]:
        return {}

    def plan(self, rows: pa.Table) -> pa.Table:
        ranked = rows.sort_by("word")
        return pa.table({"id": ranked["id"], "rank": pa.array(range(len(ranked)), pa.int32())})

    @contextmanager
    def open(self) -> Iterator[Run]:
        def run(rows: Iterable[Row]) -> Iterator[Result]:
            for row in rows:
                middle = len(row["loud"]) // 2
                halves = row["loud"][:middle], row["loud"][middle:]
                refused = Path(self.refused).read_text() if self.refused else ""
                made: list[Row | Reject] = [
                    Reject("refused", "not this half", f"{row['id']}-{k}")
                    if half == refused
                    else {"id": f"{row['id']}-{k}", "painting_id": row["id"], "half": half, "rank": row["rank"]}
                    for k, half in enumerate(halves)
                ]
                yield made

        yield run


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    engine = LocalEngine(2)
    yield engine
    engine.close()


class Bench:
    """A work folder with a source of words, and a log of what was really run."""

    def __init__(self, folder: Path, engine: LocalEngine) -> None:
        self.work = folder
        self.engine = engine
        self.log = folder / "log"
        self.watcher = Silent()
        self.source = StageFolder(folder / "01-source", ("word",))

    def words(self, *shards: dict[str, str]) -> None:
        for name, words in zip(SHARDS, shards, strict=True):
            schema = pa.schema([("id", pa.string()), ("word", pa.string())])
            table = pa.Table.from_pylist([{"id": i, "word": w} for i, w in words.items()], schema=schema)
            self.source.write(
                name, table, stage="source", rows_in=len(words), rejects=[], inputs=digest(words), seconds=0
            )

    def run(self, *stages: Any, retry: bool = False) -> list[Row]:
        self.log.write_text("")
        self.runner = Runner(self.work, self.source, self.engine, self.watcher, retry)
        folders = self.runner.run(stages, SHARDS, "1")
        columns = [name for stage in stages for name in stage.adds.names]
        return [row for shard in SHARDS for row in read_rows(folders, shard, columns)]

    def ran(self) -> list[str]:
        return sorted(self.log.read_text().split())

    def shout(self, **settings: Any) -> Shout:
        return Shout(str(self.log), **settings)

    def refuse(self, half: str) -> Split:
        (self.work / "refused").write_text(half)
        return Split(str(self.work / "refused"))


@pytest.fixture
def bench(tmp_path: Path, engine: LocalEngine) -> Bench:
    bench = Bench(tmp_path, engine)
    bench.words({"a": "owl", "b": ""}, {"c": "cat"})
    return bench


def test_rows_in_are_rows_out_and_rejects(bench: Bench) -> None:
    rows = bench.run(bench.shout())
    assert [(row["id"], row["loud"]) for row in rows] == [("a", "OWL!"), ("c", "CAT!")]
    (report,) = bench.runner.reports
    assert (report.rows_in, report.rows_out) == (3, 2)
    assert report.rejects == [Reject("empty", "no word", "b", "shout")]
    assert bench.watcher.rows == 3


def test_fan_out_gives_each_new_row_the_columns_of_its_painting(bench: Bench) -> None:
    rows = bench.run(bench.shout(), Split())
    assert [(r["id"], r["painting_id"], r["half"], r["loud"], r["rank"]) for r in rows] == [
        ("a-0", "a", "OW", "OWL!", 1),
        ("a-1", "a", "L!", "OWL!", 1),
        ("c-0", "c", "CA", "CAT!", 0),
        ("c-1", "c", "T!", "CAT!", 0),
    ]


def test_one_variant_may_be_rejected_and_its_sibling_goes_on(bench: Bench) -> None:
    rows = bench.run(bench.shout(), bench.refuse("L!"))
    assert [row["id"] for row in rows] == ["a-0", "c-0", "c-1"]
    report = bench.runner.reports[-1]
    assert (report.rows_in, report.rows_out) == (2, 3)
    assert report.rejects == [Reject("refused", "not this half", "a-1", "split")]
    bench.words({"a": "owl", "b": "", "d": "dog"}, {"c": "cat"})
    assert [row["id"] for row in bench.run(bench.shout(), bench.refuse("L!"))] == ["a-0", "d-0", "d-1", "c-0", "c-1"]
    assert bench.runner.reports[-1].rejects == report.rejects


def test_retry_gives_the_rejected_variant_another_chance(bench: Bench) -> None:
    bench.run(bench.shout(), bench.refuse("L!"))
    rows = bench.run(bench.shout(), bench.refuse("none"), retry=True)
    assert [row["id"] for row in rows] == ["a-0", "a-1", "c-0", "c-1"]
    assert bench.runner.reports[-1].rejects == []


def test_second_run_runs_nothing_and_writes_nothing(bench: Bench) -> None:
    first = bench.run(bench.shout(), Split())

    def written() -> dict[Path, int]:
        # plan.json is touched by every run of an unfinished build: its time says when the run began
        aside = (bench.log, bench.work / "plan.json")
        return {path: path.stat().st_mtime_ns for path in bench.work.rglob("*.*") if path not in aside}

    before = written()
    assert bench.run(bench.shout(), Split()) == first
    assert bench.ran() == []
    assert written() == before


def test_changed_row_is_the_only_one_run_again(bench: Bench) -> None:
    bench.run(bench.shout(), Split())
    bench.words({"a": "owl", "b": "", "d": "dog"}, {"c": "cat"})
    rows = bench.run(bench.shout(), Split())
    assert bench.ran() == ["d"]
    assert [row["id"] for row in rows] == ["a-0", "a-1", "d-0", "d-1", "c-0", "c-1"]


def test_changed_settings_rerun_the_stage_and_all_after_it(bench: Bench) -> None:
    bench.run(bench.shout(), Split())
    rows = bench.run(bench.shout(mark="?"), Split())
    assert bench.ran() == ["a", "b", "c"]
    assert rows[0]["half"] + rows[1]["half"] == "OWL?"


def test_going_back_to_old_settings_finds_the_old_results(bench: Bench) -> None:
    bench.run(bench.shout())
    bench.run(bench.shout(mark="?"))
    assert bench.run(bench.shout())[0]["loud"] == "OWL!"
    assert bench.ran() == []


def test_retry_runs_rejected_rows_and_no_others(bench: Bench) -> None:
    bench.run(bench.shout())
    bench.run(bench.shout(), retry=True)
    assert bench.ran() == ["b"]


def test_altered_shard_is_found_by_its_digest_and_made_again(bench: Bench) -> None:
    first = bench.run(bench.shout())
    (data,) = bench.work.glob("02-shout-*/00001.parquet")
    data.write_bytes(data.read_bytes()[:-1] + b"x")
    assert bench.run(bench.shout()) == first
    assert bench.ran() == ["c"]


@pytest.mark.parametrize("left", ["", "{", '{"stage": "shout"}', "[]"])
def test_broken_sidecar_counts_as_not_done(bench: Bench, left: str) -> None:
    first = bench.run(bench.shout())
    (sidecar,) = bench.work.glob("02-shout-*/00000.json")
    sidecar.write_text(left)
    assert bench.run(bench.shout()) == first
    assert bench.ran() == ["a", "b"]


def test_leftovers_of_a_killed_process_are_removed(bench: Bench) -> None:
    bench.run(bench.shout())
    (folder,) = bench.work.glob("02-shout-*")
    (folder / ".00000.parquet.123.tmp").write_bytes(b"half")
    bench.run(bench.shout())
    assert not list(folder.glob(".*"))


def test_stage_that_loses_a_row_is_stopped(bench: Bench) -> None:
    with pytest.raises(StageError, match="stage 'shout', shard 00000: gave 1 results for 2 rows"):
        bench.run(bench.shout(lose=True))


def test_model_that_cannot_be_opened_ends_the_build_with_its_sentence(bench: Bench) -> None:
    with pytest.raises(StageError, match="the model file is missing"):
        bench.run(bench.shout(broken=True))


def test_recipe_that_reads_what_nobody_adds_fails_before_any_work(bench: Bench) -> None:
    with pytest.raises(StageError, match="stage 'split', shard -: reads loud, which no earlier stage adds"):
        bench.run(Split())
    assert not list(bench.work.glob("02-*"))


def test_bytes_do_not_depend_on_the_number_of_workers(tmp_path: Path, engine: LocalEngine) -> None:
    files = []
    for name, workers in (("one", LocalEngine(1)), ("two", engine)):
        (tmp_path / name).mkdir()
        bench = Bench(tmp_path / name, workers)
        bench.words({"a": "owl", "b": ""}, {"c": "cat"})
        bench.run(bench.shout(), Split())
        files.append({(p.parent.name[:8], p.name): p.read_bytes() for p in bench.work.rglob("*.parquet")})
        if workers is not engine:
            workers.close()
    assert files[0] == files[1]


def _pid(item: int, tick: Any) -> int:
    return os.getpid()


def _die(item: int, tick: Any) -> int:
    os._exit(9)


def test_worker_that_dies_is_told_in_one_sentence() -> None:
    from artsim_dataset.errors import ArtsimError

    engine = LocalEngine(1)
    with pytest.raises(ArtsimError, match="a worker process died"):
        list(engine.map(_die, [1], lambda rows: None))
    engine.close()


def test_workers_are_other_processes_and_end_with_close() -> None:
    engine = LocalEngine(1)
    (pid,) = list(engine.map(_pid, [1], lambda rows: None))
    assert pid != os.getpid()
    engine.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
