"""CSV and Parquet sources with every kind of bad row and cell: nothing is lost, nothing outside is read."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from artsim_dataset.errors import ConfigError
from builder.digests import DIGESTS, add_digests
from builder.entries import Listing
from builder.stages.source import list_source
from tests.corpus.images import GOOD
from tests.corpus.running import artsim
from tests.corpus.tables import COLUMNS, as_csv, table_rows, write_pictures

ROWS = table_rows()
SMALL = ["--workers", "2", "--set", "preprocess.size=96", "--set", "crop.size=64", "--set", "generate.kind=26-styles"]
LATE = "unreadable"
"""The reason that is only found when a file is opened, after the listing."""


def listed(folder: Path, kind: str) -> Listing:
    write_pictures(folder / "root", folder / "outside", ROWS)
    table = folder / f"table.{kind}"
    if kind == "csv":
        table.write_bytes(as_csv(ROWS))
    else:
        columns = {name: [row.cells[i] for row in ROWS] for i, name in enumerate(COLUMNS)}
        pq.write_table(pa.table(columns), table)
    return list_source(str(table), str(folder / "root"))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_every_kind_of_row_ends_as_an_entry_or_as_a_reject(tmp_path: Path, kind: str) -> None:
    listing = listed(tmp_path, kind)
    rejected = {reject.id: reject.reason for reject in listing.rejects}
    for number, row in enumerate(ROWS, start=1):
        expected = None if row.outcome in (GOOD, LATE) else row.outcome
        assert rejected.get(f"table.{kind} row {number}") == expected, row.name
    ids = {entry.id for entry in listing.entries}
    assert {row.id for row in ROWS if row.id} <= ids
    assert len(ids) == len(listing.entries) == len(ROWS) - len(listing.rejects)
    assert len([id_ for id_ in ids if id_.startswith("Cubism/twin_same")]) == 2


def test_no_entry_leaves_the_root(tmp_path: Path) -> None:
    listing = listed(tmp_path, "csv")
    taken, _ = add_digests(listing, listing.entries, DIGESTS.empty_table())
    for entry in taken:
        assert ".." not in Path(entry.path).parts and not Path(entry.path).is_absolute()
        assert (listing.root / entry.path).resolve().is_relative_to((tmp_path / "root").resolve())


def test_absolute_paths_below_the_root_are_taken_without_the_machine_s_folders(tmp_path: Path) -> None:
    write_pictures(tmp_path / "root", tmp_path / "outside", ROWS)
    (tmp_path / "t.csv").write_text(f"path,genre\n{tmp_path}/root/Cubism/p0.png,Cubism\n")
    assert [entry.path for entry in list_source(str(tmp_path / "t.csv"), str(tmp_path / "root")).entries] == [
        "Cubism/p0.png"
    ]


def test_the_build_of_a_bad_table_lists_each_row_and_finishes(tmp_path: Path) -> None:
    write_pictures(tmp_path / "root", tmp_path / "outside", ROWS)
    table = tmp_path / "table.csv"
    table.write_bytes(as_csv(ROWS) + b"Cubism/p1.png,one,cell,too,many\n")
    ran = artsim(
        ["build", "-s", table, "-o", tmp_path / "out", "--set", f"source.root={tmp_path}/root", *SMALL],
        tmp_path,
    )  # fmt: skip
    assert ran.code == 0, ran.stderr
    with open(tmp_path / "out" / "rejected.csv", newline="", encoding="utf-8") as file:
        found = Counter(row["reason"] for row in csv.DictReader(file) if row["stage"] in ("source", "preprocess"))
    assert found == Counter(row.outcome for row in ROWS if row.outcome != GOOD) + Counter(["bad_row"])


# --- tables that are broken as a whole ---------------------------------------------------------------------------


def one_picture(folder: Path) -> Path:
    write_pictures(folder, folder.parent / "outside", ROWS[:3])
    return folder / "t.csv"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "Empty CSV"),
        (b"genre,title\nCubism,x\n", "no column for the image path"),
        ("path,genre\nCubism/p0.png,Cubism\n".encode("utf-16"), "no column for the image path"),
        (b'path,genre\nCubism/p0.png,"Cubism\nCubism/p1.png,Cubism\n', "that nothing closes"),
        (b"path\n" + b"x" * (40 << 20), "cannot read the table"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "cannot read the table|no column"),
    ],
    ids=["empty", "no path", "utf-16", "open quote", "one huge cell", "binary"],
)  # fmt: skip
def test_table_that_cannot_be_read_is_refused_in_a_sentence(tmp_path: Path, text: bytes, sentence: str) -> None:
    table = one_picture(tmp_path / "root")
    table.write_bytes(text)
    with pytest.raises(ConfigError, match=sentence) as error:
        list_source(str(table))
    assert "\n" not in str(error.value)


def test_rows_with_too_many_or_too_few_cells_cost_only_themselves(tmp_path: Path) -> None:
    table = one_picture(tmp_path / "root")
    table.write_bytes(b"path,genre\nCubism/p0.png,Cubism\nCubism/p1.png,a,b\nCubism/p2.png\nCubism/p1.png,Cubism\n")
    listing = list_source(str(table))
    assert [entry.path for entry in listing.entries] == ["Cubism/p0.png", "Cubism/p1.png"]
    assert [(r.id, r.reason) for r in listing.rejects] == [("t.csv line 3", "bad_row"), ("t.csv line 4", "bad_row")]
    assert listing.rejects[0].message == "the row has 3 cells instead of 2"


def test_cell_in_another_encoding_costs_nothing(tmp_path: Path) -> None:
    table = one_picture(tmp_path / "root")
    table.write_bytes(b"\xef\xbb\xbfpath,artist,genre\r\nCubism/p0.png,Andr\xe9 Derain,Cubism\r\nCubism/p1.png,\xe2,\n")
    entries = list_source(str(table)).entries
    assert [entry.artist for entry in entries] == ["André Derain", "â"]


def test_table_whose_columns_have_one_name_is_read(tmp_path: Path) -> None:
    table = one_picture(tmp_path / "root")
    table.write_bytes(b"path,genre,genre\nCubism/p0.png,Cubism,Realism\n")
    assert len(list_source(str(table)).entries) == 1


def test_parquet_with_columns_of_other_types_is_read(tmp_path: Path) -> None:
    one_picture(tmp_path / "root")
    path = tmp_path / "root" / "t.parquet"
    cells = {
        "path": [b"Cubism/p0.png", b"\xff\xfe.png", None],
        "genre": [1.5, float("nan"), 2.0],
        "title": [[1], [], None],
    }
    pq.write_table(pa.table(cells), path)
    listing = list_source(str(path))
    assert [(entry.path, entry.genre) for entry in listing.entries] == [("Cubism/p0.png", "1_5")]
    assert [reject.reason for reject in listing.rejects] == ["missing_file", "empty_path"]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ConfigError, match="cannot read the table"):
        list_source(str(path))
