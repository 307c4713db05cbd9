"""Files of the work folder: one Parquet file and one JSON sidecar for each stage and shard.

    work/03-caption-5f2a9c31d07b/00007.parquet     the columns that the stage added, keyed by id
                                 00007.json        counts, rejects, digests, seconds; written last

A shard is done when its sidecar is there, names the inputs that would be used now, and its digest matches the
Parquet file. Nothing else records progress, so a build killed anywhere resumes by looking.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from builder.stage import Reject, Row

INPUT = "_input"
"""Column with the digest of the row that a result was made from: an unchanged row is never made twice."""

OF = "_of"
"""Key of a reject in a sidecar: the id of the input row that it came from."""

SEAL = "seal"
"""Key of a sidecar's digest of its own facts: a count or a reject that was altered on disk is noticed like a pixel."""


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Gives a temporary name beside ``path``; renames it onto ``path`` when the block ends well.

    The file is flushed to disk before the rename, so that a crash leaves the old file or the new, never a part.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Writes JSON atomically, keys sorted, so that equal values are equal bytes."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def digest(*parts: object) -> str:
    """16 hexadecimal digits that stand for the parts; bytes are taken as they are, all else by its JSON."""
    state = blake2b(digest_size=8)
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True, default=str).encode()
        state.update(len(data).to_bytes(8, "big"))
        state.update(data)
    return state.hexdigest()


def sha256_of(path: Path) -> str:
    """sha256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Sidecar:
    """What is known of one finished shard. ``rows_in`` = rows that gave a result + rejects, always."""

    stage: str
    shard: str
    rows_in: int
    rows_out: int
    rejects: list[dict[str, str]]
    inputs: str
    digest: str
    seconds: float
    reused: int = 0

    @staticmethod
    def read(path: Path) -> Sidecar | None:
        """The sidecar at ``path``; None when absent, altered since it was written, or not one of ours."""
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            seal = facts.pop(SEAL, None)
            return Sidecar(**facts) if seal in (None, digest(facts)) else None
        except (FileNotFoundError, ValueError, TypeError, AttributeError):
            return None


@dataclass(frozen=True)
class StageFolder:
    """The outputs of one stage under one fingerprint."""

    path: Path
    columns: tuple[str, ...]
    fans_out: bool = False

    def data(self, shard: str) -> Path:
        return self.path / f"{shard}.parquet"

    def sidecar(self, shard: str) -> Path:
        return self.path / f"{shard}.json"

    def intact(self, shard: str) -> Sidecar | None:
        """The shard's sidecar when its data file is whole; None when the shard is missing or altered."""
        sidecar = Sidecar.read(self.sidecar(shard))
        if sidecar is None:
            return None
        try:
            return sidecar if sha256_of(self.data(shard)) == sidecar.digest else None
        except FileNotFoundError:
            return None

    def write(self, shard: str, table: pa.Table, **facts: Any) -> Sidecar:
        """Writes the data, then the sidecar that declares it done."""
        self.path.mkdir(parents=True, exist_ok=True)
        with atomic(self.data(shard)) as temporary:
            # Image bytes do not compress; text columns are small.
            pq.write_table(table, temporary, compression="none", store_schema=False)
            sum_ = sha256_of(temporary)
        sidecar = Sidecar(shard=shard, rows_out=table.num_rows, digest=sum_, **facts)
        facts = asdict(sidecar)
        write_json(self.sidecar(shard), {**facts, SEAL: digest(facts)})
        return sidecar

    def read(self, shard: str, columns: Sequence[str]) -> pa.Table:
        return pq.read_table(self.data(shard), columns=list(columns), memory_map=True)

    def clean(self) -> None:
        """Removes what a killed process left half-written."""
        for leftover in self.path.glob(".*.tmp"):
            leftover.unlink(missing_ok=True)


def read_rows(folders: Sequence[StageFolder], shard: str, columns: Iterable[str]) -> list[Row]:
    """The rows of a shard that are alive after the last of ``folders``, with the wanted columns joined by id.

    Only the folders that hold a wanted column or fan out are read in full; of the others just the ids, since a
    row that a stage rejected is missing from its output.
    """
    wanted = set(columns)
    rows: dict[str, Row] | None = None
    for folder in folders:
        keys = ["id", "painting_id"] if folder.fans_out else ["id"]
        table = folder.read(shard, keys + [c for c in folder.columns if c in wanted and c not in keys])
        found = table.to_pylist()
        if rows is None:
            rows = {row["id"]: row for row in found}
        elif folder.fans_out:
            rows = {row["id"]: {**rows[row["painting_id"]], **row} for row in found}
        else:
            rows = {row["id"]: {**rows[row["id"]], **row} for row in found}
    return list((rows or {}).values())


def rejects_of(sidecars: Iterable[Sidecar]) -> list[Reject]:
    """All rejects that sidecars remember, in order."""
    return [
        Reject(entry["reason"], entry["message"], entry["id"], entry["stage"])
        for sidecar in sidecars
        for entry in sidecar.rejects
    ]
