"""Files of the work folder: one Parquet file and one JSON sidecar for each stage and shard.

    work/03-caption-5f2a9c31d07b/00007.parquet     the columns that the stage added, keyed by id
                                 00007.json        counts, rejects, digests, seconds; written last

A shard is done when its sidecar is there, names the inputs that would be used now, and its digest matches the
Parquet file. Nothing else records progress, so a build killed anywhere resumes by looking.

In an object store the sidecar also keeps the tag that the store gave to the Parquet object. Every write of an object
gives another tag, and a store takes no upload whose length and checksum are not those that the client sent; so an
object with the same size and tag holds the bytes that were written, and need not be fetched to know it. Rows are read
under that tag or that digest as well: of an object that was replaced, none is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import blake2b, sha256
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from artsim_dataset.object_store import ObjectPath, Stored
from artsim_dataset.storage import Place
from artsim_dataset.storage import sha256_of as sha256_of  # all of the builder has it from here
from artsim_dataset.store_errors import StorageError
from builder.stage import Reject, Row

INPUT = "_input"
"""Column with the digest of the row that a result was made from: an unchanged row is never made twice."""

OF = "_of"
"""Key of a reject in a sidecar: the id of the input row that it came from."""

WHOLE = 2 << 20
"""Bytes up to which a shard in a store is fetched as a whole: one request instead of three, and the digest checked."""

SEAL = "seal"
"""Key of a sidecar's digest of its own facts: a count or a reject that was altered on disk is noticed like a pixel."""


@contextmanager
def atomic(path: Place) -> Iterator[Path]:
    """Gives a temporary name beside ``path``; renames it onto ``path`` when the block ends well.

    The file is flushed to disk before the rename, so that a crash leaves the old file or the new, never a part.
    For an object store the temporary file is on this machine, and is uploaded.
    """
    if isinstance(path, ObjectPath):
        with TemporaryDirectory(prefix="artsim-") as scratch:
            made = Path(scratch, path.name)
            yield made
            path.put(made)
        return
    # Of all machines: two that write to one file system may have processes of the same number.
    temporary = path.with_name(f".{path.name}.{token_hex(6)}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Place, value: Any) -> None:
    """Writes JSON atomically, keys sorted, so that equal values are equal bytes."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if isinstance(path, ObjectPath):
        path.write_text(text)
        return
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def digest(*parts: object) -> str:
    """16 hexadecimal digits that stand for the parts; bytes are taken as they are, all else by its JSON."""
    state = blake2b(digest_size=8)
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True, default=str).encode()
        state.update(len(data).to_bytes(8, "big"))
        state.update(data)
    return state.hexdigest()


@dataclass(frozen=True)
class Sidecar:
    """What is known of one finished shard. ``rows_in`` = rows that gave a result + rejects, always.

    ``tag`` and ``size`` are those of the Parquet object in its store; empty and 0 on a disk.
    """

    stage: str
    shard: str
    rows_in: int
    rows_out: int
    rejects: list[dict[str, str]]
    inputs: str
    digest: str
    seconds: float
    reused: int = 0
    tag: str = ""
    size: int = 0

    @staticmethod
    def read(path: Place) -> Sidecar | None:
        """The sidecar at ``path``; None when absent, altered since it was written, or not one of ours."""
        try:
            return Sidecar.parse(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, UnicodeDecodeError):
            return None

    @staticmethod
    def parse(text: str | bytes) -> Sidecar | None:
        """The sidecar that this is the text of; None when it was altered, or is not one of ours."""
        try:
            facts = json.loads(text)
            seal = facts.pop(SEAL, None)
            return Sidecar(**facts) if seal in (None, digest(facts)) else None
        except (ValueError, TypeError, AttributeError):
            return None

    def facts(self) -> dict[str, Any]:
        """What is written down, under its seal."""
        facts = asdict(self)
        if not self.tag:
            del facts["tag"], facts["size"]
        return {**facts, SEAL: digest(facts)}


@dataclass(frozen=True)
class StageFolder:
    """The outputs of one stage under one fingerprint. Picklable: workers on other machines write to the same place."""

    path: Place
    columns: tuple[str, ...]
    fans_out: bool = False

    def data(self, shard: str) -> Place:
        return self.path / f"{shard}.parquet"

    def sidecar(self, shard: str) -> Place:
        return self.path / f"{shard}.json"

    def sidecars(self, shards: Iterable[str]) -> dict[str, Sidecar]:
        """The sidecars of those shards that have one, whether their data file is whole or not."""
        shards = list(shards)
        if isinstance(self.path, ObjectPath):
            texts = self.path.read_all(f"{shard}.json" for shard in shards)
            found = {name.removesuffix(".json"): Sidecar.parse(text) for name, text in texts.items()}
        else:
            found = {shard: Sidecar.read(self.sidecar(shard)) for shard in shards}
        return {shard: sidecar for shard in shards if (sidecar := found.get(shard))}

    def intact(self, shard: str) -> Sidecar | None:
        """The shard's sidecar when its data file is whole; None when the shard is missing or altered."""
        sidecar = Sidecar.read(self.sidecar(shard))
        if sidecar is None:
            return None
        try:
            return sidecar if self._is_whole(shard, sidecar) else None
        except FileNotFoundError:
            return None

    def all_intact(self, shards: Iterable[str]) -> dict[str, Sidecar]:
        """The sidecars of those shards whose data file is whole: :meth:`intact` of each.

        In a store this takes one listing of the folder, and the sidecars many at a time.
        """
        if not isinstance(self.path, ObjectPath):
            return {shard: sidecar for shard in shards if (sidecar := self.intact(shard))}
        there = self.path.files()
        whole = {}
        for shard, sidecar in self.sidecars(s for s in shards if f"{s}.json" in there).items():
            stored = there.get(f"{shard}.parquet")
            if stored and self._is_whole(shard, sidecar, stored):
                whole[shard] = sidecar
        return whole

    def _is_whole(self, shard: str, sidecar: Sidecar, stored: Stored | None = None) -> bool:
        data = self.data(shard)
        if isinstance(data, ObjectPath) and sidecar.tag:  # a store without tags has its objects read
            stored = stored or data.stat()
            return (stored.tag, stored.st_size) == (sidecar.tag, sidecar.size)
        return sha256_of(data) == sidecar.digest

    def write(self, shard: str, table: pa.Table, **facts: Any) -> Sidecar:
        """Writes the data, then the sidecar that declares it done."""
        self.path.mkdir(parents=True, exist_ok=True)
        data, size, tag = self.data(shard), 0, ""
        if isinstance(data, ObjectPath):
            with TemporaryDirectory(prefix="artsim-") as scratch:
                made = Path(scratch, data.name)
                sum_ = _write_table(table, made)
                stored = data.put(made)
            size, tag = stored.st_size, stored.tag
        else:
            with atomic(data) as temporary:
                sum_ = _write_table(table, temporary)
        sidecar = Sidecar(shard=shard, rows_out=table.num_rows, digest=sum_, tag=tag, size=size, **facts)
        write_json(self.sidecar(shard), sidecar.facts())
        return sidecar

    def read(self, shard: str, columns: Sequence[str]) -> pa.Table:
        """The wanted columns of a shard. A small object is fetched whole, and its digest is checked; of a large one
        nothing but the columns, under the tag that was noted when it was written."""
        data = self.data(shard)
        if not isinstance(data, ObjectPath):
            return pq.read_table(data, columns=list(columns), memory_map=True)
        sidecar = Sidecar.read(self.sidecar(shard))
        if sidecar is None:
            raise FileNotFoundError(2, "no such object", str(self.sidecar(shard)))
        if 0 < sidecar.size <= WHOLE:
            content = data.read_bytes()
            if sha256(content).hexdigest() != sidecar.digest:
                raise StorageError(f"{data} has other bytes than were written there; run the same command again")
            return pq.read_table(pa.BufferReader(content), columns=list(columns))
        with data.open("rb", tag=sidecar.tag or None) as file:
            return pq.read_table(file, columns=list(columns))

    def clean(self, shards: Iterable[str] | None = None) -> None:
        """Removes what a killed process left half-written, of some shards only where others may be at work.

        In a store nothing half-written can be seen.
        """
        if not isinstance(self.path, ObjectPath):
            for pattern in [".*.tmp"] if shards is None else [f".{shard}.*.tmp" for shard in shards]:
                for leftover in self.path.glob(pattern):
                    leftover.unlink(missing_ok=True)


def _write_table(table: pa.Table, path: Path) -> str:
    """Writes a shard. Returns its digest."""
    # Image bytes do not compress; text columns are small.
    pq.write_table(table, path, compression="none", store_schema=False)
    return sha256_of(path)


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
