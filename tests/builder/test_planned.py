"""What a plan gives to rows reaches each row's shard, whatever order the plan answers in, and nothing else with it."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artsim_dataset.errors import StageError
from builder.planned import Planned, by_id, plan_rows, ranks, values
from builder.shards import StageFolder
from builder.stage import Lane, Run


@dataclass(frozen=True)
class Counting:
    """A stage whose plan gives each row its place among all, answered backwards."""

    more: tuple[str, ...] = ()

    name: ClassVar[str] = "counting"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ()
    adds: ClassVar[pa.Schema] = pa.schema([])
    plan_reads: ClassVar[tuple[str, ...]] = ("genre",)
    lane: ClassVar[Lane] = "cpu"

    def settings(self) -> Mapping[str, Any]:
        return {}

    def plan(self, rows: pa.Table) -> pa.Table | None:
        ids = [*rows["id"].to_pylist(), *self.more][::-1]
        return pa.table({"id": ids, "place": list(range(len(ids)))[::-1]}) if ids else None

    @contextmanager
    def open(self) -> Iterator[Run]:
        yield lambda rows: iter(())


def folder(path: Path, shards: Mapping[str, list[str]]) -> StageFolder:
    made = StageFolder(path / "01-source", ("genre",))
    for shard, ids in shards.items():
        schema = pa.schema([("id", pa.string()), ("genre", pa.string())])
        table = pa.Table.from_pylist([{"id": id_, "genre": "g"} for id_ in ids], schema=schema)
        made.write(shard, table, stage="source", rows_in=len(ids), rejects=[], inputs="", seconds=0.0)
    return made


def test_every_row_gets_its_own_answer_in_its_shard(tmp_path: Path) -> None:
    shards = {"00000": ["a", "b"], "00001": [], "00002": ["c"]}
    planned = plan_rows(Counting(), [folder(tmp_path, shards)], list(shards))
    assert dict(planned) == {
        "00000": {"b": {"id": "b", "place": 1}, "a": {"id": "a", "place": 0}},
        "00001": {},
        "00002": {"c": {"id": "c", "place": 2}},
    }
    assert planned.table("00001") is None and by_id(planned.table("00002")) == planned["00002"]
    with pytest.raises(KeyError):
        planned["00003"]


def test_a_plan_for_a_row_that_is_not_there_ends_the_build(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="names 1 rows that are not there"):
        plan_rows(Counting(("stranger",)), [folder(tmp_path, {"00000": ["a"]})], ["00000"])


def test_without_rows_or_without_a_plan_nothing_is_given(tmp_path: Path) -> None:
    empty = folder(tmp_path, {"00000": []})
    assert dict(plan_rows(Counting(), [empty], ["00000"])) == {}


def test_what_a_worker_is_sent_holds_its_shard_alone() -> None:
    table = pa.table({"id": [f"{n:03}" for n in range(1000)], "style": [bytes(400)] * 1000})
    one = Planned(table, ["a", "b"], [0, 2, 1000]).table("a")
    assert one is not None and one["id"].to_pylist() == ["000", "001"]
    assert len(pickle.dumps(one)) < 4000


@given(st.lists(st.text(max_size=3), max_size=20))
def test_texts_come_one_by_one_and_rank_as_python_orders_them(texts: list[str]) -> None:
    column = pa.array(texts, pa.string())
    assert list(values(column)) == texts
    order = ranks(column)
    assert sorted(order.tolist()) == list(range(len(texts)))
    assert [text for _, text in sorted(zip(order.tolist(), texts, strict=True))] == sorted(texts)
