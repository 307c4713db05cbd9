"""What all exports share: files that are whole or not there, the bytes of an image of a row, and progress."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from artsim_dataset.errors import ArtsimError

ROWS_AT_ONCE = 64


class Watcher(Protocol):
    """Told how many rows there are, and of each few as they are done; the terminal draws it as a bar."""

    def stage(self, name: str, rows: int, done: int) -> None: ...

    def advance(self, rows: int) -> None: ...


@contextmanager
def whole_file(path: Path, durable: bool = False) -> Iterator[BinaryIO]:
    """A file to write, under a temporary name until the block ends: a file under its own name is a whole one.

    ``durable``: also after a power cut, which costs too much time for many small files.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with open(temporary, "wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    with whole_file(path) as file:
        file.write(data)


def image_bytes(row: dict[str, Any], column: str, name: str) -> bytes:
    """The encoded image of a row called ``name``. Raises ArtsimError where there is none."""
    data = (row[column] or {}).get("bytes")
    if not isinstance(data, bytes) or not data:
        raise ArtsimError(f"row '{name}', column '{column}' holds no image: check the data set with 'artsim validate'")
    return data
