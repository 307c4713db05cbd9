"""What is fuzzed: functions that take anything of strangers and must answer, whatever it is.

Each target takes bytes and raises AssertionError, or anything else that it should not. Hypothesis runs them as tests
(`test_fuzz.py`); atheris, guided by coverage, runs them for as long as one likes (`python -m tests.fuzz.atheris_main`).
"""

from __future__ import annotations

import csv
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from artsim_dataset.errors import ConfigError
from artsim_dataset.letterbox import REASONS, BadImage, letterbox
from artsim_dataset.schema import slug
from builder.models.cleaning import clean_caption, clean_prompt
from builder.mojibake import repair
from builder.stages.source import genre_from, list_source
from builder.tables import write_csv


def names(data: bytes) -> None:
    """Repair, slug and genre of any name: safe in a path, the same the second time."""
    text = data.decode("utf-8", "replace")
    once = repair(text)
    assert repair(once) == once
    for made in (slug(once), genre_from(text)):
        assert not set(made) & set("/\\.\0\n\r\"'<>|*?:=+@ ")
        assert all(unicodedata.category(char)[0] != "C" for char in made)
    assert slug(slug(text)) == slug(text)
    assert genre_from(genre_from(text)) == genre_from(text) != ""
    assert len(PurePosixPath(genre_from(text)).parts) == 1


def csv_source(data: bytes) -> None:
    """Any bytes as a CSV source: a listing that stays below its root, or one sentence."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        root.mkdir()
        for name in ("a.png", "b.png"):
            (root / name).touch()
        table = Path(folder, "table.csv")
        table.write_bytes(data)
        try:
            listing = list_source(str(table), str(root))
        except ConfigError as error:
            assert str(error)
            return
        assert {entry.path for entry in listing.entries} <= {"a.png", "b.png"}
        assert len({entry.id for entry in listing.entries}) == len(listing.entries)
        for reject in listing.rejects:
            assert reject.reason and reject.message and reject.id and reject.stage == "source"


def cleaners(data: bytes) -> None:
    """Prompts and captions of any text: visible, one line, no formula, the same the second time."""
    text = data.decode("utf-8", "replace")
    for clean in (clean_prompt, clean_caption):
        once = clean(text)
        assert clean(once) == once
        assert not once.startswith(("=", "+", "-", "@")) and "\n" not in once
        assert all(unicodedata.category(char)[0] != "C" for char in once)


def pictures(data: bytes) -> None:
    """Any bytes as a picture: letterboxed, or refused with a reason."""
    try:
        done = letterbox(data, size=64, max_pixels=4_000_000)
    except BadImage as error:
        assert error.reason in REASONS and str(error)
    else:
        assert done.jpeg.startswith(b"\xff\xd8") and len(done.thumb) == 1024


def csv_cells(data: bytes) -> None:
    """Any text in a cell of our CSV files comes back as it was."""
    cells = [part.decode("utf-8", "replace") for part in data.split(b"\xff")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        header = [str(number) for number in range(len(cells))]
        write_csv(path, header, [cells, cells])
        with open(path, newline="", encoding="utf-8") as file:
            read = list(csv.reader(file))
    assert read == [header, cells, cells]


TARGETS: dict[str, Callable[[bytes], None]] = {
    "names": names,
    "csv_source": csv_source,
    "cleaners": cleaners,
    "pictures": pictures,
    "csv_cells": csv_cells,
}
