"""What a source lists: its paintings, unread, in a table with a row for each, since a collection may have millions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from artsim_dataset.object_store import Stored
from artsim_dataset.schema import seed_from
from artsim_dataset.storage import Place
from builder.batches import in_batches
from builder.stage import Reject

COLUMNS = ("id", "path", "genre", "artist", "title", "sha256")
AT_ONCE = 4096
"""Rows that are Python objects at one time."""

_SCHEMA = pa.schema([(name, pa.large_string()) for name in COLUMNS])


@dataclass(frozen=True, slots=True)
class Entry:
    """One painting of the source. ``path`` is relative to the root, with forward slashes."""

    id: str
    path: str
    genre: str
    artist: str
    title: str
    sha256: str = ""


class Entries(Sequence[Entry]):
    """Entries in Arrow columns, about 250 bytes a painting; each becomes an :class:`Entry` when it is asked for.

    >>> entries = Entries.of(Entry(f"Cubism/{name}", f"{name}.jpg", "Cubism", "", name) for name in "ab")
    >>> len(entries), [entry.title for entry in entries], entries[1].id
    (2, ['a', 'b'], 'Cubism/b')
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    @staticmethod
    def of(entries: Iterable[Entry]) -> Entries:
        batches = (
            pa.record_batch([[getattr(entry, name) for entry in batch] for name in COLUMNS], schema=_SCHEMA)
            for batch in in_batches(entries, AT_ONCE)
        )
        return Entries(pa.Table.from_batches(batches, _SCHEMA))

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __iter__(self) -> Iterator[Entry]:
        for batch in self.table.to_batches(max_chunksize=AT_ONCE):
            yield from map(Entry, *(column.to_pylist() for column in batch.columns))

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> Entries: ...
    def __getitem__(self, index: int | slice) -> Entry | Entries:
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        row = range(len(self))[index]
        return Entry(*(column[row].as_py() for column in self.table.columns))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entries) and bool(self.table.equals(other.table))

    def take(self, rows: np.ndarray) -> Entries:
        """The entries in these rows, int64, in their order."""
        if np.array_equal(rows, np.arange(len(self))):
            return self
        return Entries(self.table.take(pa.array(rows)))

    def with_sha256(self, sums: pa.Array) -> Entries:
        """The same with these digests, large strings, one for each."""
        return Entries(self.table.set_column(len(COLUMNS) - 1, "sha256", sums))

    @cached_property
    def order(self) -> np.ndarray:
        """A hash of each id, uint64 below 2^63: a painting's place in the collection, which others do not move."""
        return np.fromiter((seed_from("order", entry.id) for entry in self), np.uint64, len(self))

    def sample(self, limit: int | None) -> Entries:
        """The entries in hash order; with a limit the first of them, which is a fair and stable sample."""
        hashed = pa.table({"order": self.order, "id": self.table["id"]})
        rows = pc.sort_indices(hashed, sort_keys=[("order", "ascending"), ("id", "ascending")])
        return self.take(rows.to_numpy()[:limit])

    def unique(self) -> Entries:
        """The entries by path. Of those whose names come out alike all but the first get six digits of their path's
        hash."""
        ordered = self.take(pc.sort_indices(self.table["path"]).to_numpy())
        alike = np.ones(len(self), bool)
        alike[np.unique(ordered.order, return_index=True)[1]] = False
        if not alike.any():
            return ordered
        others = ordered.take(np.flatnonzero(alike))
        names = pa.array([f"{entry.id}-{short_hash(entry.path)}" for entry in others], pa.large_string())
        ids = pc.replace_with_mask(ordered.table["id"].combine_chunks(), alike, names)
        return Entries(ordered.table.set_column(0, "id", ids)).unique()


@dataclass
class Listing:
    """What a source holds. ``ignored`` counts files that are no images, by suffix; ``stored`` has what an object store
    lists, by path."""

    root: Place
    entries: Entries = field(default_factory=lambda: Entries.of([]))
    rejects: list[Reject] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    stored: dict[str, Stored] = field(default_factory=dict)


def short_hash(path: str) -> str:
    """Six digits that tell a painting apart by its path."""
    return f"{seed_from('path', path):016x}"[-6:]
