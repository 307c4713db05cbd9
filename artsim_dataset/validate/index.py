"""What the checks remember of every row, in a temporary file instead of in memory, so that memory does not grow.

A data set may have more rows than there is room for. Checks that join rows with others (a triplet with its paintings,
a picture with the same one elsewhere) therefore keep what they need in tables of SQLite, look it up by id, and ask for
what concerns all rows with SQL. The file lies in the system's folder for temporary files and is removed at the end.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from artsim_dataset.errors import ArtsimError

_SETTINGS = ("journal_mode = OFF", "synchronous = OFF", "temp_store = FILE", "cache_size = -4096")
"""Nothing to recover, and four MiB of the file in memory, never more: the system keeps what else there is room for."""

_NEAR = 16
"""Rows of a table that are kept at hand: the checks of one row ask for the same few ids again and again."""


class Table:
    """Rows by id, in the order in which they came. Cells are strings, integers and bytes."""

    def __init__(self, connection: sqlite3.Connection, name: str, columns: Sequence[str]) -> None:
        cells = ", ".join(f'"{column}"' for column in columns)
        row = f"(id, {cells}) VALUES (?{', ?' * len(columns)})"
        new = ", ".join(f'"{column}" = excluded."{column}"' for column in columns)
        connection.execute(f"CREATE TABLE {name} (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, {cells})")
        self._add = f"INSERT INTO {name} {row} ON CONFLICT (id) DO NOTHING"
        self._put = f"INSERT INTO {name} {row} ON CONFLICT (id) DO UPDATE SET {new}"
        self._pop = f"DELETE FROM {name} WHERE id = ?"
        self._row = f"SELECT * FROM {name} WHERE id = ?"
        self._execute = connection.execute
        self._near = lru_cache(_NEAR)(self._find)

    def get(self, id_: str) -> sqlite3.Row | None:
        """The row of this id; its cells by name."""
        return self._near(id_)

    def __contains__(self, id_: str) -> bool:
        return self._near(id_) is not None

    def add(self, id_: str, *cells: object) -> bool:
        """Adds a row, unless there is one of this id; whether it did."""
        return self._change(self._add, id_, *cells)

    def put(self, id_: str, *cells: object) -> None:
        """Adds a row, or gives new cells to the one of this id, which keeps its place."""
        self._change(self._put, id_, *cells)

    def pop(self, id_: str) -> None:
        """Removes the row of this id, when there is one."""
        self._change(self._pop, id_)

    def _find(self, id_: str) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._execute(self._row, (id_,)).fetchone()
        return found

    def _change(self, statement: str, *values: object) -> bool:
        self._near.cache_clear()
        return self._execute(statement, values).rowcount > 0


class Tally:
    """How often each id came; a table with the column ``times``."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        connection.execute(f"CREATE TABLE {name} (id TEXT PRIMARY KEY, times INTEGER) WITHOUT ROWID")
        self._first = f"INSERT INTO {name} VALUES (?, 1) ON CONFLICT (id) DO NOTHING"
        self._again = f"UPDATE {name} SET times = times + 1 WHERE id = ?"
        self._execute = connection.execute

    def count(self, id_: str) -> bool:
        """Counts the id once more; whether it came for the first time."""
        if self._execute(self._first, (id_,)).rowcount:
            return True
        self._execute(self._again, (id_,))
        return False


class Index:
    """The tables of one validation."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def table(self, name: str, *columns: str) -> Table:
        """A new table with the columns ``n`` (1, 2, ... in the order of the rows), ``id`` and these."""
        return Table(self._connection, name, columns)

    def tally(self, name: str) -> Tally:
        """A new table with the columns ``id`` and ``times``."""
        return Tally(self._connection, name)

    def select(self, query: str, *values: object) -> Iterator[sqlite3.Row]:
        """The rows that answer a query, one after the other."""
        yield from self._connection.execute(query, values)


@contextmanager
def open_index() -> Iterator[Index]:
    """An empty index, removed afterwards. Raises ArtsimError when there is no room for it."""
    with (
        TemporaryDirectory(prefix="artsim-") as folder,
        closing(sqlite3.connect(Path(folder) / "index.sqlite", isolation_level=None)) as connection,
    ):
        connection.row_factory = sqlite3.Row
        try:
            for setting in _SETTINGS:
                connection.execute(f"PRAGMA {setting}")
            connection.execute("BEGIN EXCLUSIVE")  # to the end: nothing is committed, and nobody else reads it
            yield Index(connection)
        except sqlite3.Error as error:
            raise ArtsimError(
                f"what is remembered of the rows cannot be kept in {gettempdir()}: {error}; it takes two KB a row:"
                " set TMPDIR to a folder with room"
            ) from error
