"""Tables of paintings: CSV of any making, Parquet, and what their columns are called in the wild. Cells become text."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from artsim_dataset.errors import ConfigError
from artsim_dataset.storage import Place, readable
from builder.class_lists import columns_without_header, with_class_names

IMAGE_SUFFIXES = frozenset([".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp"])

MAX_CELL_BYTES = 1 << 24
"""Of a CSV row, and so of a cell."""

ALIASES = {
    "path": ("path", "file_name", "filename", "file", "image", "image_path", "original_image"),
    "genre": ("style", "genre"),
    "artist": ("artist", "artist_name"),
    "title": ("title", "painting_name", "name"),
}
"""Our column -> what tables in the wild call it; the first that is present is taken. Where both are, ``genre`` says
portrait or landscape, and ``style`` is what the data set calls genre."""


def table_column(table: Place, ours: str) -> list[str]:
    """The cells of the column that a table has for one of ours. Raises ConfigError when it has none."""
    rows, _ = read_table(table)
    theirs = next((name for name in ALIASES[ours] if name in rows.column_names), None)
    if theirs is None:
        raise ConfigError(f"the table {table} has no column for the {ours}; one of: {', '.join(ALIASES[ours])}")
    return [cell_text(value) for value in rows[theirs].to_pylist()]


def read_table(table: Place) -> tuple[pa.Table, list[tuple[str, str]]]:
    """The table, and where and why rows of a CSV were left out: those with too many or too few cells."""
    broken: list[tuple[str, str]] = []

    def left_out(row: pa.csv.InvalidRow) -> str:
        broken.append(
            (f"line {row.number}", f"the row has {row.actual_columns} cells instead of {row.expected_columns}")
        )
        return "skip"

    try:
        if table.suffix.lower() == ".parquet":
            with readable(table) as file:
                return pq.read_table(file), broken
        text = _in_utf8(table.read_bytes())
        parse = pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=left_out)
        read = pa.csv.ReadOptions(use_threads=False, block_size=MAX_CELL_BYTES)  # one thread knows the line's number
        with pa.csv.open_csv(pa.BufferReader(text), read, parse) as opened:
            header = opened.schema.names
        broken.clear()
        ours = columns_without_header(table, header, IMAGE_SUFFIXES)
        if ours:
            header, read.column_names = ours, ours
        as_text = pa.csv.ConvertOptions(column_types={name: pa.string() for name in header})
        rows = pa.csv.read_csv(pa.BufferReader(text), read, parse, as_text)
        if ours:
            rows = with_class_names(rows, table)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the table {table}: {str(error).splitlines()[0]}") from error
    last = rows.slice(rows.num_rows - 1).to_pylist() if rows.num_rows else []
    if text.count(b'"') % 2 and any("\n" in (cell or "") for row in last for cell in row.values()):
        raise ConfigError(f"the table {table} has a quotation mark that nothing closes: the rest would be one cell")
    return rows, broken


def _in_utf8(text: bytes) -> bytes:
    """Lines that are no UTF-8 are taken for cp1252, so that one of them does not cost the whole table."""
    lines = text.split(b"\n")
    for number, line in enumerate(lines):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            lines[number] = line.decode("cp1252", "replace").encode()
    return b"\n".join(lines)


def rows_of(table: pa.Table) -> Iterator[dict[str, object]]:
    """The rows, a few thousand in memory at a time."""
    for batch in table.to_batches(max_chunksize=4096):
        yield from batch.to_pylist()


def cell_text(value: object) -> str:
    """A cell as text; nothing for what stands for nothing."""
    if isinstance(value, bytes):
        value = _in_utf8(value).decode()
    text = "" if value is None or value != value else str(value).strip()
    return "" if text.lower() in ("nan", "null", "none") else text


def first_of(genres: str) -> str:
    """The first of a list written as text: some WikiArt tables give ``['Impressionism', 'Realism']``."""
    return genres.strip("[]").split(",")[0].strip(" '\"")
