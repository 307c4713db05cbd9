from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import Features, Image, Value

from builder import tables
from builder.tables import Blobs, SplitWriter

FEATURES = Features({"id": Value("string"), "image": Image()})


def write(folder: Path, rows: int, size: int = 10) -> list[str]:
    with SplitWriter(folder, "train", FEATURES) as writer:
        for k in range(rows):
            writer.write({"id": str(k), "image": {"bytes": bytes([k % 251]) * size, "path": None}})
    return sorted(path.name for path in folder.iterdir())


def test_rows_come_back_in_order_from_small_row_groups(tmp_path: Path) -> None:
    assert write(tmp_path, 150) == ["train-00000-of-00001.parquet"]
    file = pq.ParquetFile(tmp_path / "train-00000-of-00001.parquet")
    assert file.read()["id"].to_pylist() == [str(k) for k in range(150)]
    assert file.num_row_groups == 3
    assert file.metadata.row_group(0).column(0).has_offset_index
    assert file.metadata.row_group(0).column(1).compression == "UNCOMPRESSED"


def test_large_split_is_cut_into_numbered_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_SHARD_BYTES", 50_000)
    names = write(tmp_path, 300, size=1000)
    assert names == [f"train-{k:05d}-of-{len(names):05d}.parquet" for k in range(len(names))]
    assert len(names) == 5
    ids = [i for name in names for i in pq.read_table(tmp_path / name)["id"].to_pylist()]
    assert ids == [str(k) for k in range(300)]


def test_empty_split_has_no_file(tmp_path: Path) -> None:
    assert write(tmp_path, 0) == []


def test_blobs_give_back_what_was_put_on_both_sides_of_zero(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    for key, data in ((0, b"first"), (-1, b""), (1, b"third"), (-2, b"left")):
        blobs.add(key, data)
    assert [blobs.get(key) for key in (1, 0, -1, -2)] == [b"third", b"first", b"", b"left"]
    for key in (0, 3, -1, -4):
        with pytest.raises(ValueError, match="next key"):
            blobs.add(key, b"again")
    blobs.close()


def test_blobs_may_all_be_empty(tmp_path: Path) -> None:
    """As captions are where nobody writes any."""
    blobs = Blobs(tmp_path / "blobs")
    blobs.add(0, b"")
    assert blobs.get(0) == b""
    blobs.close()


def test_files_tell_where_pages_begin_and_no_smallest_and_largest_values(tmp_path: Path) -> None:
    write(tmp_path, 100)
    column = pq.read_metadata(tmp_path / "train-00000-of-00001.parquet").row_group(0).column(0)
    assert column.has_offset_index and column.statistics is None
