"""What a publication has to send and to remove: a pure function of the files here and the files there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha1
from itertools import islice
from pathlib import Path

from artsim_dataset.schema import SPLITS

FILES_PER_COMMIT = 100
"""What the Hub recommends; larger commits time out there."""

FIRST = "checksums.sha256"
"""Goes with the first commit: it says which files are artsim's, should there be no last commit."""

LAST = ("README.md", "build.json")
"""Go with the last commit: what they say is then true."""


@dataclass(frozen=True)
class LocalFile:
    """A file to be published: ``source`` is where its bytes are, or the bytes. ``sha256`` in hexadecimal."""

    name: str
    size: int
    sha256: str
    source: Path | bytes

    @property
    def content(self) -> bytes:
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()

    def is_at(self, there: RemoteFile) -> bool:
        """Whether ``there`` has these bytes. Files are read only to be compared with one that git keeps itself."""
        if self.size != there.size:
            return False
        return self.sha256 == there.sha256 if there.sha256 else blob_id(self.content) == there.blob_id


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository. ``sha256`` is that of a file in the large store, None for one that git keeps itself;
    ``blob_id`` is git's name of the content (of the pointer, for a large file)."""

    size: int
    blob_id: str
    sha256: str | None = None


def blob_id(content: bytes) -> str:
    """Git's name of these bytes: sha1 over a header and them.

    >>> blob_id(b"")
    'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
    """
    return sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Plan:
    """Names of files by what happens to them; ``sizes`` in bytes, of all files here and of those removed there."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    sizes: Mapping[str, int]

    @property
    def sent(self) -> tuple[str, ...]:
        """Files that are uploaded."""
        return tuple(sorted({*self.new, *self.changed}))

    @property
    def operations(self) -> int:
        return len(self.new) + len(self.changed) + len(self.removed)

    def bytes(self, names: Sequence[str]) -> int:
        return sum(self.sizes[name] for name in names)

    def commits(self, most: int = FILES_PER_COMMIT) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
        """Names to add and names to remove, at most so many together: FIRST and what is removed in the first of them
        (later nothing would say that it was artsim's), LAST in the last."""
        gone = set(self.removed)
        steps = iter(sorted({*self.sent, *gone}, key=lambda name: (0 if name in gone else _place(name), name)))
        while part := list(islice(steps, most)):
            yield (
                tuple(name for name in part if name not in gone),
                tuple(name for name in part if name in gone),
            )


def make_plan(local: Mapping[str, LocalFile], remote: Mapping[str, RemoteFile], owned: Callable[[str], bool]) -> Plan:
    """What makes ``remote`` hold ``local``.

    Args:
        local: files to be published, by name.
        remote: files of the repository, by name.
        owned: whether a file of the repository was put there by artsim; no other is ever removed.
    """
    there = {name for name in local if name in remote}
    unchanged = {name for name in there if local[name].is_at(remote[name])}
    removed = {name for name in remote if name not in local and not name.startswith(".") and owned(name)}
    sizes = {name: file.size for name, file in local.items()} | {name: remote[name].size for name in removed}
    return Plan(
        new=tuple(sorted(local.keys() - there)),
        changed=tuple(sorted(there - unchanged)),
        unchanged=tuple(sorted(unchanged)),
        removed=tuple(sorted(removed)),
        sizes=sizes,
    )


def strangers(names: Collection[str], plan: Plan, configs: Collection[str]) -> tuple[str, ...]:
    """Files of the repository that stay, and that `datasets` would take for rows of a config: the card's patterns."""
    patterns = [f"{config}/{split}-*" for config in configs for split in SPLITS]
    stay = set(names) - set(plan.sizes)
    return tuple(sorted(name for name in stay if any(fnmatchcase(name, pattern) for pattern in patterns)))


def _place(name: str) -> int:
    return 0 if name == FIRST else 2 if name in LAST else 1
