"""What a kind of damage is, and the tools that the kinds are made with."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from artsim_dataset.validate.folder import SUMS, digest_of

Row = dict[str, Any]


@dataclass(frozen=True)
class Damage:
    """What is done to a folder, and which check finds it. ``sealed``: the checksums are made anew."""

    do: Callable[[Path], None]
    check: str
    sealed: bool

    @property
    def name(self) -> str:
        return self.do.__name__


DAMAGES: list[Damage] = []


def found_by(check: str, sealed: bool = True) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    def note(function: Callable[[Path], None]) -> Callable[[Path], None]:
        DAMAGES.append(Damage(function, check, sealed))
        return function

    return note


def reseal(folder: Path) -> None:
    """New checksums, and a digest that fits them in build.json and on the card."""
    names = [p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file() and p.name != SUMS]
    sums = {name: sha256((folder / name).read_bytes()).hexdigest() for name in names}
    digest = digest_of({name: sum_ for name, sum_ in sums.items() if name not in ("README.md", "build.json")})
    try:
        old = json.loads((folder / "build.json").read_text())["digest"]
    except (OSError, ValueError, KeyError, TypeError):
        old = None
    for name in ("README.md", "build.json") if old else ():
        if (folder / name).is_file():
            (folder / name).write_text((folder / name).read_text().replace(old, digest))
            sums[name] = sha256((folder / name).read_bytes()).hexdigest()
    (folder / SUMS).write_text("".join(f"{sum_}  {name}\n" for name, sum_ in sorted(sums.items())))


def shard(folder: Path, config: str, split: str = "train") -> Path:
    return folder / config / f"{split}-00000-of-00001.parquet"


def rewrite(path: Path, change: Callable[[list[Row]], list[Row] | None]) -> None:
    """Reads all rows of a shard, lets ``change`` edit them in place or give others, and writes them back."""
    table = pq.read_table(path)
    rows = table.to_pylist()
    pq.write_table(pa.Table.from_pylist(change(rows) or rows, schema=table.schema), path)


def set_cell(folder: Path, config: str, column: str, value: Any, row: int = 0) -> None:
    """Puts ``value`` (or what it makes of the row, when it is a function) in one row of a config."""

    def change(rows: list[Row]) -> None:
        rows[row][column] = value(rows[row]) if callable(value) else value

    rewrite(shard(folder, config), change)


def set_in_both(folder: Path, column: str, value: Any, row: int = 0) -> None:
    """As ``set_cell``, in `pairs` and in `metadata`, whose rows stand in the same order."""
    for config in ("pairs", "metadata"):
        set_cell(folder, config, column, value, row)


def set_picture(folder: Path, config: str, column: str, change: Callable[[bytes], bytes], row: int = 0) -> None:
    set_cell(folder, config, column, lambda r: {**r[column], "bytes": change(r[column]["bytes"])}, row)


def again(data: bytes, change: Callable[[Image.Image], Image.Image] | None = None, **options: Any) -> bytes:
    """The picture encoded again, changed."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    buffer = io.BytesIO()
    (change(image) if change else image).save(buffer, **{"format": "JPEG", "quality": 95, **options})
    return buffer.getvalue()


def with_table(folder: Path, config: str, change: Callable[[pa.Table], pa.Table]) -> None:
    path = shard(folder, config)
    pq.write_table(change(pq.read_table(path)), path)


def edit_json(folder: Path, change: Callable[[Row], None]) -> None:
    path = folder / "build.json"
    facts = json.loads(path.read_text())
    change(facts)
    path.write_text(json.dumps(facts))


def edit_text(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def edit_csv(folder: Path, name: str, change: Callable[[list[list[str]]], None]) -> None:
    with open(folder / name, newline="") as file:
        rows = list(csv.reader(file))
    change(rows)
    with open(folder / name, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
