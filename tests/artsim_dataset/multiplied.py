"""A data set of any number of rows, made of a small one: each painting many times, each time under another id."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from artsim_dataset.schema import seed_from
from tests.artsim_dataset.damage.tools import reseal

Row = dict[str, Any]


def multiply(small: Path, folder: Path, times: int) -> int:
    """Writes the data set of ``times`` copies to ``folder``; returns its rows of `pairs`.

    Ids, groups, file names, seeds and CSV files are right, the counts in build.json and on the card are not.
    """
    seed = json.loads((small / "build.json").read_text())["seed"]
    for path in sorted(p for p in small.rglob("*") if p.is_file()):
        to = folder / path.relative_to(small)
        to.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            with pq.ParquetWriter(to, table.schema) as writer:
                for rows in _in_parts(_copies(table.to_pylist(), times, seed)):
                    writer.write_table(pa.Table.from_pylist(rows, table.schema))
        elif path.suffix == ".csv":
            _copy_csv(path, to, times)
        else:
            shutil.copy(path, to)
    reseal(folder)
    return sum(pq.read_metadata(path).num_rows for path in (folder / "pairs").iterdir())


def _in_parts(rows: Iterator[Row]) -> Iterator[list[Row]]:
    part = []
    for row in rows:
        part.append(row)
        if len(part) == 64:
            yield part
            part = []
    if part:
        yield part


def _copies(rows: list[Row], times: int, seed: int) -> Iterator[Row]:
    for number in range(times):
        for row in rows:
            yield _renamed(row, number, seed)


def _painting(id_: str, number: int) -> str:
    return f"{id_}x{number}"


def _variant(id_: str, number: int) -> str:
    painting, _, index = id_.rpartition("-")
    return f"{_painting(painting, number)}-{index}"


def _renamed(row: Row, number: int, seed: int) -> Row:
    if "positive_id" in row:
        anchor, negative = (_painting(row[key], number) for key in ("anchor_id", "negative_id"))
        return row | {"anchor_id": anchor, "negative_id": negative, "positive_id": _variant(row["positive_id"], number)}
    if "label" in row:
        return row | {"id": (_variant if row["label"] else _painting)(row["id"], number)}
    id_ = _variant(row["id"], number)
    painting, _, index = id_.rpartition("-")
    own = seed_from(painting, row["level"], int(index), seed)
    facts = json.loads(row["provenance"]) | {"seed": own}
    new = row | {"id": id_, "seed": own, "group": _painting(row["group"], number), "provenance": json.dumps(facts)}
    images = {column: row[column] for column in ("original", "generated") if column in row}
    return new | {column: image | {"path": f"{number}-{image['path']}"} for column, image in images.items()}


def _copy_csv(path: Path, to: Path, times: int) -> None:
    with path.open(newline="") as file, to.open("w", newline="") as new:
        rows, writer = csv.DictReader(file), csv.writer(new, lineterminator="\n")
        writer.writerow(rows.fieldnames or ())
        for row in [(number, row) for row in rows for number in range(times)]:
            writer.writerow(_cell(*row, column) for column in rows.fieldnames or ())


def _cell(number: int, row: dict[str, str], column: str) -> str:
    text = row[column]
    if column.endswith("_image"):
        genre, _, name = text.rpartition("/")
        return f"{genre}/{number}-{name}"
    return _variant(text, number) if column == "id" and row["stage"].startswith("triplets") else text
