"""Paintings in an object store, as a folder of images or behind a table: listed here, read by the workers.

One listing gives every object with its size and tag, so nothing is asked twice. An object whose size and tag are those
of an earlier run is not read again; the sha256 of the others is made by the workers, and no image passes through the
process that starts the build.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from artsim_dataset.errors import ArtsimError
from artsim_dataset.object_store import ObjectPath, Stored
from artsim_dataset.schema import seed_from
from artsim_dataset.storage import sha256_of
from builder.digests import MAX_FILE_BYTES, Found, known_of, too_large
from builder.engine import Engine, Tick
from builder.entries import Entries, Listing
from builder.stage import Reject
from builder.surroundings import check_source

AT_ONCE = 64
"""Objects that a worker reads in one task."""


def images_below(root: ObjectPath) -> dict[str, Stored]:
    """All objects below by relative name, but those that a folder on a disk would hide."""
    there = root.files()
    return {name: stored for name, stored in there.items() if not any(p.startswith(".") for p in name.split("/"))}


def located(cell: str, root: ObjectPath, there: dict[str, Stored], seen: set[str]) -> str | Reject:
    """The name of a table's row relative to the root; or why it cannot be used. ``s3://`` addresses may stand there."""
    if not cell:
        return Reject("empty_path", "the image path is empty")
    rest = cell.removeprefix(f"{root}/")
    name = posixpath.normpath(rest)
    shown = cell if "://" not in cell and not cell.startswith("/") else f".../{posixpath.basename(cell)}"
    if "\0" in cell or name.startswith(("/", "../")) or name in (".", "..") or "://" in rest:
        return Reject("outside_root", f"'{shown}' lies outside the image root")
    if name not in there:
        return Reject("missing_file", f"'{shown}' is not below the image root")
    if name in seen:
        return Reject("duplicate_path", f"'{shown}' stood in an earlier row already")
    return name


@dataclass(frozen=True)
class _ToRead:
    """Objects by name, and which rows they are."""

    root: ObjectPath
    names: tuple[str, ...]
    rows: tuple[int, ...]


def add_stored_digests(
    listing: Listing,
    entries: Entries,
    known: pa.Table,
    engine: Engine,
    started: Callable[[str, int, int], None],
    advance: Tick,
) -> tuple[Entries, pa.Table]:
    """As `add_digests` does for files: the sha256 of each object, read by the engine's workers where it is not known.

    Args:
        listing: of the source; objects that cannot be used become rejects of it.
        entries: those that are wanted.
        known: of an earlier run, as in ``DIGESTS``; the tag of an object stands in ``mtime_ns``.
        engine: where objects are read.
        started: told "read", how many objects there are, and how many of them are known.
        advance: told how many more were read.

    Raises:
        SourceGone: nothing is left of the source. ConfigError, StorageError: it cannot be reached.
    """
    assert isinstance(listing.root, ObjectPath)
    found, refused = Found(len(entries)), np.zeros(len(entries), bool)
    for row, (entry, before) in enumerate(zip(entries, known_of(entries, known), strict=True)):
        stored = listing.stored[entry.path]
        now = stored.st_size, seed_from("tag", stored.tag, stored.st_mtime_ns)
        found.size[row], found.mtime_ns[row] = now
        if stored.st_size > MAX_FILE_BYTES:
            refused[row] = True
            message = f"'{entry.path}' has {too_large(stored.st_size)}"
            listing.rejects.append(Reject("too_large", message, entry.id, "source"))
        elif before and before[:2] == now:
            found.sha256[row] = before[2]
    todo = np.flatnonzero((found.sha256 == b"") & ~refused)
    if len(todo):
        wanted = len(entries) - int(refused.sum())
        started("read", wanted, wanted - len(todo))
    for rows, sums in engine.map(_read, _parts(listing.root, entries, todo), advance, "cpu"):
        found.sha256[list(rows)] = sums
    gone = np.flatnonzero((found.sha256 == b"") & ~refused)
    if len(gone):
        check_source(listing.root)
    for entry in entries.take(gone):
        listing.rejects.append(Reject("unreadable", f"'{entry.path}' is gone since it was listed", entry.id, "source"))
    return found.added_to(entries)


def _parts(root: ObjectPath, entries: Entries, rows: np.ndarray) -> list[_ToRead]:
    numbers = [rows[at : at + AT_ONCE] for at in range(0, len(rows), AT_ONCE)]
    return [_ToRead(root, tuple(entry.path for entry in entries.take(n)), tuple(n.tolist())) for n in numbers]


def _read(part: _ToRead, tick: Tick) -> tuple[tuple[int, ...], list[str]]:
    """In a worker: the sha256 of each; '' for an object that is gone. Other failures are not one painting's."""
    sums = []
    for name in part.names:
        try:
            sums.append(sha256_of(part.root / name))
        except ArtsimError:
            raise
        except FileNotFoundError:
            sums.append("")
        tick(1)
    return part.rows, sums
