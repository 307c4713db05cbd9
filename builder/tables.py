"""Writes the Parquet and CSV files of the data set: named shards, small row groups, the same bytes each time."""

from __future__ import annotations

import csv
import mmap
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Features, Image

ROW_GROUP_ROWS = 64
"""Enough for range reads in streaming; at 200 KB an image a group stays far below the 100 MB limit."""

MAX_SHARD_BYTES = 450_000_000
"""Hub shards stay under 500 MB; the last row group is written after the check."""


class SplitWriter:
    """Writes the rows of one config and split to ``{split}-00000-of-000NN.parquet``.

    Files get their final names at the end, when their number is known. A split without rows gets no file, and the
    card does not name it: `datasets` can load neither an empty split nor a pattern that matches nothing.
    """

    def __init__(self, folder: Path, split: str, features: Features) -> None:
        self.rows = 0
        self._folder, self._split = folder, split
        self._schema = features.arrow_schema
        self._images = [name for name, feature in features.items() if isinstance(feature, Image)]
        self._buffer: list[dict[str, Any]] = []
        self._parts: list[Path] = []
        self._writer: pq.ParquetWriter | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, row: dict[str, Any]) -> None:
        self._buffer.append(row)
        self.rows += 1
        if len(self._buffer) >= ROW_GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        if self._buffer:
            self._flush()
        if self._writer is not None:
            self._writer.close()
        for number, part in enumerate(self._parts):
            part.rename(self._folder / f"{self._split}-{number:05d}-of-{len(self._parts):05d}.parquet")

    def _flush(self) -> None:
        if self._writer is not None and self._parts[-1].stat().st_size > MAX_SHARD_BYTES:
            self._writer.close()
            self._writer = None
        if self._writer is None:
            part = self._folder / f"{self._split}-{len(self._parts):05d}.parquet"
            self._parts.append(part)
            self._writer = pq.ParquetWriter(part, self._schema, **self._options())
        self._writer.write_table(pa.Table.from_pylist(self._buffer, schema=self._schema))
        self._buffer = []

    def _options(self) -> dict[str, Any]:
        """Images are compressed already; text is not. The page index (where pages begin) and content-defined chunks
        serve the Hub. No smallest and largest values: rows are in the order of a hash, so every group has them all, and
        they would be most of a footer that each reader must fetch first."""
        codecs = {name: "zstd" for name in self._schema.names if name not in self._images}
        for name in self._images:
            codecs |= {f"{name}.bytes": "none", f"{name}.path": "zstd"}
        return {
            "compression": codecs,
            "write_page_index": True,
            "write_statistics": False,
            "use_content_defined_chunking": True,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()


class Blobs:
    """Bytes by key in one file, read back through a memory map: random access without holding them.

    Keys are numbers from 0 up and from -1 down, each side given in order: what is held are 12 bytes a key.
    """

    def __init__(self, path: Path) -> None:
        self._file = open(path, "w+b")  # noqa: SIM115 - lives as long as the object
        self._starts = {False: array("q"), True: array("q")}
        self._sizes = {False: array("i"), True: array("i")}
        self._end = 0
        self._map: mmap.mmap | None = None

    def add(self, key: int, data: bytes) -> None:
        """Keeps ``data``. Raises ValueError for a key out of order."""
        side = key < 0
        if (~key if side else key) != len(self._starts[side]):
            raise ValueError(f"the next key is {len(self._starts[side])} from 0, not {key}")
        self._file.write(data)
        self._starts[side].append(self._end)
        self._sizes[side].append(len(data))
        self._end += len(data)

    def get(self, key: int) -> bytes:
        side, place = key < 0, ~key if key < 0 else key
        start, length = self._starts[side][place], self._sizes[side][place]
        if not length:
            return b""  # an empty file cannot be mapped
        if self._map is None:
            self._file.flush()
            self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._map[start : start + length]

    def close(self) -> None:
        if self._map is not None:
            self._map.close()
        self._file.close()


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Writes rows as CSV (UTF-8, quoted where needed, newline-terminated). Returns their number."""
    count = 0
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(columns)
        for row in rows:
            # Python 3.11 leaves a lone carriage return unquoted, and every reader ends the row there.
            (quoted if any("\r" in str(cell) for cell in row) else writer).writerow(row)
            count += 1
    return count
