"""Outputs of a stage in a store: what counts as done, what is noticed, and workers that write there."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from artsim_dataset.object_store import ObjectPath
from artsim_dataset.store_errors import StorageError
from builder import shards
from builder.engine import LocalEngine, Tick
from builder.shards import Sidecar, StageFolder, read_rows
from tests.storage.proxy import Fault, Proxy

FACTS = {"stage": "x", "rejects": [], "inputs": "i", "seconds": 0.0}


def table(rows: int, size: int = 10) -> pa.Table:
    return pa.table(
        {
            "id": [f"p{n}" for n in range(rows)],
            "n": range(rows),
            "image": [bytes([n % 256]) * size for n in range(rows)],
        }
    )


def folder(at: ObjectPath | Path) -> StageFolder:
    return StageFolder(at / "02-x-0123", ("n", "image"))


def filled(at: ObjectPath | Path, size: int = 10) -> StageFolder:
    made = folder(at)
    for shard in ("00000", "00001"):
        made.write(shard, table(20, size), rows_in=20, **FACTS)
    return made


def test_a_shard_in_a_store_is_the_shard_on_a_disk(bucket: ObjectPath, tmp_path: Path) -> None:
    here, there = filled(tmp_path), filled(bucket)
    assert there.data("00000").read_bytes() == here.data("00000").read_bytes()
    on_disk, stored = Sidecar.read(here.sidecar("00000")), Sidecar.read(there.sidecar("00000"))
    assert on_disk and stored
    assert replace(stored, tag="", size=0) == on_disk
    assert stored.tag == there.data("00000").stat().tag and stored.size == here.data("00000").stat().st_size
    assert not {"tag", "size"} & json.loads(here.sidecar("00000").read_text()).keys()  # as builds before wrote them
    assert there.all_intact(["00001", "00000", "00002"]) == there.sidecars(["00001", "00000", "00002"])
    assert list(there.all_intact(["00001", "00000", "00002"])) == ["00001", "00000"]
    assert there.all_intact(["00000"]) == {"00000": there.intact("00000")}
    assert read_rows([there], "00000", ["n"]) == read_rows([here], "00000", ["n"])


@pytest.mark.parametrize("whole", [0, 1 << 30], ids=["by ranges", "whole"])
def test_columns_are_read_from_any_process_that_the_folder_is_sent_to(
    bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch, whole: int
) -> None:
    monkeypatch.setattr(shards, "WHOLE", whole)
    sent = pickle.loads(pickle.dumps(filled(bucket)))
    assert sent.read("00001", ["n", "id"]) == table(20).select(["n", "id"])


def test_of_a_large_shard_only_the_wanted_columns_travel(bucket: ObjectPath, proxy: Proxy) -> None:
    made = filled(bucket, size=200_000)
    before = proxy.sent
    assert made.read("00000", ["n"])["n"].to_pylist() == list(range(20))
    assert proxy.sent - before < 100_000 < made.data("00000").stat().st_size


def altered(data: bytes) -> bytes:
    return data[:100] + bytes([data[100] ^ 1]) + data[101:]


@pytest.mark.parametrize("change", [altered, lambda data: data[:-7], lambda data: b""], ids=["bit", "cut", "empty"])
@pytest.mark.parametrize("whole", [0, 1 << 30], ids=["by ranges", "whole"])
def test_an_altered_object_is_not_done_and_none_of_its_rows_is_used(
    bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes], whole: int
) -> None:
    monkeypatch.setattr(shards, "WHOLE", whole)
    made = filled(bucket)
    data = made.data("00000")
    assert isinstance(data, ObjectPath)
    data.write_bytes(change(data.read_bytes()))
    assert made.intact("00000") is None and list(made.all_intact(["00000", "00001"])) == ["00001"]
    with pytest.raises(StorageError, match=f"{data} .*run the same command again"):
        made.read("00000", ["n"])


def test_without_its_sidecar_or_with_an_altered_one_a_shard_is_not_done(bucket: ObjectPath) -> None:
    made = filled(bucket)
    sidecar = made.sidecar("00000")
    assert isinstance(sidecar, ObjectPath)
    text = sidecar.read_text()
    sidecar.write_text(text.replace('"rows_in": 20', '"rows_in": 21'))
    assert made.intact("00000") is None and list(made.all_intact(["00000", "00001"])) == ["00001"]
    sidecar.write_text(text)
    assert made.intact("00000") is not None
    sidecar.unlink()
    assert made.intact("00000") is None and list(made.all_intact(["00000", "00001"])) == ["00001"]


def test_a_store_without_tags_has_its_objects_read(bucket: ObjectPath) -> None:
    made = filled(bucket)
    for shard in ("00000", "00001"):
        sidecar = Sidecar.read(made.sidecar(shard))
        assert sidecar
        shards.write_json(made.sidecar(shard), replace(sidecar, tag="", size=0).facts())
    made.data("00001").write_bytes(b"x")  # type: ignore[union-attr]
    assert list(made.all_intact(["00000", "00001"])) == ["00000"]
    assert made.intact("00000") and made.intact("00001") is None


def test_a_data_object_that_cannot_be_put_is_never_declared_done(bucket: ObjectPath, proxy: Proxy) -> None:
    proxy.faults.append(Fault(lambda method, path: path.endswith(".parquet") and method == "PUT", cut="body"))
    with pytest.raises(StorageError, match="00000.parquet"):
        folder(bucket).write("00000", table(20), rows_in=20, **FACTS)
    assert bucket.files() == {}


def write_one(item: tuple[StageFolder, str], tick: Tick) -> Sidecar:
    """In a worker process."""
    made, shard = item
    tick(20)
    return made.write(shard, table(20), rows_in=20, **FACTS)  # type: ignore[arg-type]


def test_worker_processes_write_to_the_store(bucket: ObjectPath) -> None:
    engine = LocalEngine(1)
    try:
        done = list(engine.map(write_one, [(folder(bucket), f"{n:05d}") for n in range(3)], lambda _: None))
    finally:
        engine.close()
    assert {sidecar.shard: sidecar for sidecar in done} == folder(bucket).all_intact(f"{n:05d}" for n in range(3))
