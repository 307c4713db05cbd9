"""The tables of ArtGAN's WikiArt: no header, a path and a class number in each row, the names in a list beside them.

    style_train.csv    Impressionism/claude-monet_haystacks.jpg,12
    style_class.txt    12 Impressionism

There are three such pairs. ``style`` is our genre, ``artist`` the artist; the classes of ``genre`` (portrait and so on)
have no place in the data set. Where the list is missing, or lacks a number, the path says it as in any folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from artsim_dataset.storage import Place

CLASSES = {"style": "style", "artist": "artist", "genre": "subject"}
"""First word of the table's name -> what its second column is called here."""


def columns_without_header(table: Place, first_line: Sequence[str], image_suffixes: frozenset[str]) -> list[str] | None:
    """Names for the columns when the first line is a row already; None for a table with a header.

    >>> columns_without_header(Path("style_val.csv"), ["Cubism/juan-gris_guitar.jpg", "7"], frozenset([".jpg"]))
    ['path', 'style']
    """
    if len(first_line) != 2 or Path(first_line[0]).suffix.lower() not in image_suffixes:
        return None
    return ["path", CLASSES.get(_task(table), "class")]


def with_class_names(rows: pa.Table, table: Place) -> pa.Table:
    """The rows with the names of their classes; none where the list beside the table does not say."""
    column = CLASSES.get(_task(table), "class")
    try:
        lines = table.with_name(f"{_task(table)}_class.txt").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        lines = []
    names = {number: name.strip().replace("_", " ") for number, _, name in (line.partition(" ") for line in lines)}
    numbers = [str(number).strip() for number in rows[column].to_pylist()]
    return rows.set_column(1, column, pa.array([names.get(number, "") for number in numbers], pa.string()))


def _task(table: Place) -> str:
    return table.stem.partition("_")[0]
