"""Paintings in an object store, as a folder of images or behind a table: listed here, read by the workers.

One listing gives every object with its size and tag, so nothing is asked twice. An object whose size and tag are those
of an earlier run is not read again; the sha256 of the others is made by the workers, and no image passes through the
process that starts the build.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from artsim_dataset.errors import ArtsimError
from artsim_dataset.object_store import ObjectPath, Stored
from artsim_dataset.schema import seed_from
from artsim_dataset.storage import sha256_of
from builder.engine import Engine, Tick
from builder.stage import Reject
from builder.stages.source import MAX_FILE_BYTES, Entry, FileFacts, Listing
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
    root: ObjectPath
    names: tuple[str, ...]


def add_stored_digests(
    listing: Listing,
    entries: Sequence[Entry],
    known: dict[str, FileFacts],
    engine: Engine,
    started: Callable[[str, int, int], None],
    advance: Tick,
) -> tuple[list[Entry], dict[str, FileFacts]]:
    """As `add_digests` does for files: the sha256 of each object, read by the engine's workers where it is not known.

    Args:
        listing: of the source; objects that cannot be used become rejects of it.
        entries: those that are wanted.
        known: facts of an earlier run. The second is a number that stands for the tag.
        engine: where objects are read.
        started: told "read", how many objects there are, and how many of them are known.
        advance: told how many more were read.

    Raises:
        SourceGone: nothing is left of the source. ConfigError, StorageError: it cannot be reached.
    """
    assert isinstance(listing.root, ObjectPath)
    facts: dict[str, FileFacts] = {}
    todo = []
    for entry in entries:
        stored = listing.stored[entry.path]
        mark = seed_from("tag", stored.tag, stored.st_mtime_ns)
        before = known.get(entry.path)
        if stored.st_size > MAX_FILE_BYTES:
            size = f"{stored.st_size / 1e9:.1f} GB, over the limit of {MAX_FILE_BYTES / 1e9:.1f}"
            listing.rejects.append(Reject("too_large", f"'{entry.path}' has {size}", entry.id, "source"))
            continue
        facts[entry.path] = before if before and before[:2] == (stored.st_size, mark) else (stored.st_size, mark, "")
        if not facts[entry.path][2]:
            todo.append(entry.path)
    if todo:
        started("read", len(facts), len(facts) - len(todo))
    parts = [_ToRead(listing.root, tuple(todo[at : at + AT_ONCE])) for at in range(0, len(todo), AT_ONCE)]
    for sums in engine.map(_read, parts, advance, "cpu"):
        for name, sum_ in sums.items():
            facts[name] = (*facts[name][:2], sum_)
    gone = [entry for entry in entries if entry.path in facts and not facts[entry.path][2]]
    if gone:
        check_source(listing.root)
    for entry in gone:
        listing.rejects.append(Reject("unreadable", f"'{entry.path}' is gone since it was listed", entry.id, "source"))
        del facts[entry.path]
    return [replace(e, sha256=facts[e.path][2]) for e in entries if e.path in facts], facts


def _read(part: _ToRead, tick: Tick) -> dict[str, str]:
    """In a worker: sha256 by name; '' for an object that is gone. Other failures are not one painting's."""
    sums = {}
    for name in part.names:
        try:
            sums[name] = sha256_of(part.root / name)
        except ArtsimError:
            raise
        except FileNotFoundError:
            sums[name] = ""
        tick(1)
    return sums
