"""Putting a finished data set into a store: what is sent, what is removed, and what tells that it is whole."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from artsim_dataset.object_store import ObjectPath
from artsim_dataset.store_errors import StorageError
from builder.upload import is_as_placed, put_into_place
from tests.storage.proxy import Fault, Proxy

CONTENT = {"README.md": b"card", "data.csv": b"a,b\n", "pairs/train-0.parquet": b"1" * 99, "pairs/test-0.parquet": b"2"}


def made(folder: Path, content: dict[str, bytes]) -> Path:
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    sums = "".join(f"{sha256(data).hexdigest()}  {name}\n" for name, data in sorted(content.items()))
    (folder / "checksums.sha256").write_text(sums)
    (folder / "build.json").write_text("{}")
    return folder


def names(out: ObjectPath) -> set[str]:
    return set(out.files(but=("work",)))


def test_all_files_are_there_and_build_json_is_put_last(bucket: ObjectPath, proxy: Proxy, tmp_path: Path) -> None:
    out = bucket / "data"
    put_into_place(made(tmp_path, CONTENT), out)
    puts = [path.partition("/data/")[2].partition("?")[0] for method, path in proxy.asked if method == "PUT"]
    assert puts[-3:] == ["checksums.sha256", "work/placed.json", "build.json"]
    assert names(out) == {*CONTENT, "checksums.sha256", "build.json"} and is_as_placed(out)
    assert {name: (out / name).read_bytes() for name in CONTENT} == CONTENT


def test_only_what_changed_is_sent_and_what_is_not_of_the_data_set_stays(
    bucket: ObjectPath, proxy: Proxy, tmp_path: Path
) -> None:
    out = bucket / "data"
    put_into_place(made(tmp_path / "old", CONTENT | {"pairs/train-1.parquet": b"3"}), out)
    for name in ("work/x.json", "mine/notes.txt", "mine.txt"):
        (out / name).write_bytes(b"mine")
    proxy.asked.clear()
    put_into_place(made(tmp_path / "new", CONTENT | {"data.csv": b"c\n"}), out)
    puts = {path.partition("/data/")[2].partition("?")[0] for method, path in proxy.asked if method == "PUT"}
    assert puts == {"data.csv", "checksums.sha256", "work/placed.json", "build.json"}
    assert names(out) == {*CONTENT, "checksums.sha256", "build.json", "mine/notes.txt", "mine.txt"}
    assert (out / "work" / "x.json").is_file() and is_as_placed(out)


@pytest.mark.parametrize("name", ["pairs/train-0.parquet", "README.md", "checksums.sha256"])
@pytest.mark.parametrize("damage", ["altered", "removed"])
def test_damage_is_noticed_and_repaired(bucket: ObjectPath, tmp_path: Path, name: str, damage: str) -> None:
    folder = made(tmp_path, CONTENT)
    put_into_place(folder, bucket)
    if damage == "removed":
        (bucket / name).unlink()
    else:
        data = (bucket / name).read_bytes()
        (bucket / name).write_bytes(bytes([data[0] ^ 1]) + data[1:])
    assert not is_as_placed(bucket)
    put_into_place(folder, bucket)
    assert is_as_placed(bucket)
    assert (bucket / name).read_bytes() == (folder / name).read_bytes()


def test_without_its_record_the_bytes_are_read(bucket: ObjectPath, tmp_path: Path) -> None:
    put_into_place(made(tmp_path, CONTENT), bucket)
    (bucket / "work" / "placed.json").unlink()
    assert is_as_placed(bucket)
    (bucket / "data.csv").write_bytes(b"x")
    assert not is_as_placed(bucket)


def test_while_files_are_replaced_nothing_counts_as_finished(bucket: ObjectPath, proxy: Proxy, tmp_path: Path) -> None:
    put_into_place(made(tmp_path / "old", CONTENT), bucket)
    proxy.faults.append(Fault(lambda method, path: method == "PUT" and "train-0" in path, cut="body"))
    with pytest.raises(StorageError, match="train-0"):
        put_into_place(made(tmp_path / "new", CONTENT | {"pairs/train-0.parquet": b"new"}), bucket)
    assert not (bucket / "build.json").exists()
    assert (bucket / "pairs/train-0.parquet").read_bytes() == CONTENT["pairs/train-0.parquet"]
    proxy.faults.clear()
    put_into_place(tmp_path / "new", bucket)
    assert is_as_placed(bucket) and (bucket / "pairs/train-0.parquet").read_bytes() == b"new"
