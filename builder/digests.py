"""The sha256 of the source's files: each is read once, and again only when it was touched since.

What is known of the files lies in ``work/files.parquet``. It is only a cache: when it is altered, or of an older
version, all digests are made anew.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from artsim_dataset.storage import Place, readable
from builder.batches import in_batches
from builder.entries import Entries, Entry, Listing
from builder.shards import atomic, sha256_of
from builder.stage import Reject
from builder.surroundings import check_source

MAX_FILE_BYTES = 1 << 30
"""A file is read as a whole, so a larger one is refused unread. 250 megapixels are 0.75 GB uncompressed."""

AT_ONCE = 1024
"""Files that are given to the readers together: what waits for its turn takes more memory than what is known of it."""

DIGESTS = pa.schema(
    [("path", pa.large_string()), ("size", pa.int64()), ("mtime_ns", pa.int64()), ("sha256", pa.large_string())]
)
"""What is known of files. In a store a number that stands for the object's tag takes the place of ``mtime_ns``."""

Digest = tuple[int, int, str]
"""Size, modification time in nanoseconds, sha256."""


def read_digests(work: Place) -> pa.Table:
    """What earlier runs noted; empty when there is nothing that can be trusted."""
    try:
        with readable(work / "files.parquet") as file:
            return pq.read_table(file, page_checksum_verification=True).select(DIGESTS.names).cast(DIGESTS)
    except (FileNotFoundError, pa.ArrowException, OSError, KeyError, UnicodeDecodeError):
        return DIGESTS.empty_table()


def write_digests(work: Place, digests: pa.Table, known: pa.Table) -> None:
    """Notes what is known now, unless that is what was ``known``."""
    if not digests.equals(known):
        with atomic(work / "files.parquet") as temporary:
            pq.write_table(digests, temporary, write_page_checksum=True)


def known_of(entries: Entries, known: pa.Table) -> Iterator[Digest | None]:
    """What is known of each entry's file."""
    rows = pc.index_in(entries.table["path"], value_set=known["path"].combine_chunks())
    for batch in known.select(DIGESTS.names[1:]).take(rows).to_batches(max_chunksize=AT_ONCE):
        for size, mark, sum_ in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield None if sum_ is None else (size, mark, sum_)


def add_digests(listing: Listing, entries: Entries, known: pa.Table) -> tuple[Entries, pa.Table]:
    """Adds the sha256 of each file, reading only files that are new or were touched since ``known``.

    Touched is what make and rsync call so: another size or another modification time, be it older, newer or in the
    future. A file that was changed to the same size and then given its old time back is taken for unchanged; delete
    ``work/files.parquet`` to have every file read again.

    Args:
        listing: of the source; files that cannot be read become rejects of it.
        entries: those that are wanted.
        known: of an earlier run, as in ``DIGESTS``.

    Returns the entries that could be read, and what is known now, a row for each of them.

    Raises:
        SourceGone: the folder of the paintings vanished since it was listed.
    """
    root = listing.root
    assert isinstance(root, Path)
    found = Found(len(entries))
    numbered = zip(range(len(entries)), entries, known_of(entries, known), strict=True)
    with ThreadPoolExecutor(8) as pool:
        for batch in in_batches(numbered, AT_ONCE):
            for (row, entry, _), answer in zip(batch, pool.map(partial(_digest, root), batch), strict=True):
                if isinstance(answer, OSError):
                    check_source(root)
                    message = f"'{entry.path}' cannot be read: {answer.strerror}"
                    listing.rejects.append(Reject("unreadable", message, entry.id, "source"))
                elif isinstance(answer, Reject):
                    listing.rejects.append(answer.at("source", entry.id))
                else:
                    found.size[row], found.mtime_ns[row], found.sha256[row] = answer
    return found.added_to(entries)


class Found:
    """What was found out of so many files, 80 bytes each. ``sha256`` is empty while it is not known."""

    def __init__(self, count: int) -> None:
        self.size, self.mtime_ns = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self.sha256 = np.zeros(count, "S64")

    def added_to(self, entries: Entries) -> tuple[Entries, pa.Table]:
        """The entries that have a digest, with it, and the table for ``work/files.parquet``."""
        rows = np.flatnonzero(self.sha256 != b"")
        taken = entries.take(rows)
        sums = pa.array(self.sha256[rows]).cast(DIGESTS.field("sha256").type)
        columns = [taken.table["path"], self.size[rows], self.mtime_ns[rows], sums]
        return taken.with_sha256(sums), pa.table(columns, schema=DIGESTS)


def _digest(root: Path, numbered: tuple[int, Entry, Digest | None]) -> Digest | OSError | Reject:
    _, entry, before = numbered
    path = os.path.join(root, entry.path)  # a `Path` keeps its parts in Python's table of strings, which never shrinks
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for ever
            return Reject("unreadable", f"'{entry.path}' is no plain file")
        if found.st_size > MAX_FILE_BYTES:
            return Reject("too_large", f"'{entry.path}' has {too_large(found.st_size)}")
        if before and before[:2] == (found.st_size, found.st_mtime_ns):
            return before
        return found.st_size, found.st_mtime_ns, sha256_of(path)
    except OSError as error:
        return error


def too_large(size: int) -> str:
    return f"{size / 1e9:.1f} GB, over the limit of {MAX_FILE_BYTES / 1e9:.1f}"
