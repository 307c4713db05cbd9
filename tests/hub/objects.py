"""What git keeps: files, trees and commits named by the hash of their content, and LFS objects by their SHA-256.

The names are git's own (`git hash-object` gives the same), since clients compute them too: a client that finds its
own hash of a file in the answer of `preupload` does not send that file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n"


def git_oid(kind: str, content: bytes) -> str:
    """The SHA-1 by which git calls an object of a kind ("blob", "tree" or "commit").

    >>> git_oid("blob", b"")
    'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
    """
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content).hexdigest()


@dataclass(frozen=True)
class File:
    """A file of a commit. ``oid``: of its git blob (of the pointer when in LFS); ``size``: of the content in bytes;
    ``lfs``: the SHA-256 of the content when it is in LFS."""

    oid: str
    size: int
    lfs: str | None = None

    @property
    def pointer_size(self) -> int:
        return len(POINTER.format(oid=self.lfs, size=self.size))


Tree = Mapping[str, File]
"""Path in the repository -> file. Folders are implied, as in git."""


@dataclass(frozen=True)
class Commit:
    """``tree`` holds all files, not the changes; ``parents`` are none for the first, two for a merge."""

    id: str
    tree: Tree
    parents: tuple[str, ...]
    title: str
    message: str
    author: str
    date: datetime

    @property
    def when(self) -> str:
        """As the Hub writes times: ``2022-08-19T07:19:38.123Z``."""
        return self.date.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.date.microsecond // 1000:03}Z"


def make_commit(tree: Tree, parents: tuple[str, ...], title: str, message: str, author: str, date: datetime) -> Commit:
    """A commit with the name that git would give it."""
    who = f"{author} <{author}@local> {int(date.timestamp())} +0000"
    lines = [f"tree {folder_oids(tree)['']}", *(f"parent {parent}" for parent in parents)]
    text = "\n".join([*lines, f"author {who}", f"committer {who}", "", title, "", message])
    return Commit(git_oid("commit", text.encode()), dict(tree), parents, title, message, author, date)


def folder_oids(tree: Tree) -> dict[str, str]:
    """Folder -> the name of its git tree; the root is ``""``.

    >>> folder_oids({})
    {'': '4b825dc642cb6eb9a060e54bf8d69288fbee4904'}
    """
    entries: dict[str, dict[str, tuple[str, str]]] = {"": {}}
    for path, file in tree.items():
        folder, _, name = path.rpartition("/")
        entries.setdefault(folder, {})[name] = ("100644", file.oid)
        while folder:
            folder = folder.rpartition("/")[0]
            entries.setdefault(folder, {})
    oids: dict[str, str] = {}
    for folder in sorted(entries, key=lambda path: (path == "", -path.count("/"))):
        # git sorts a folder as if its name ended with a slash
        ordered = sorted(entries[folder].items(), key=lambda item: item[0] + "/" * (item[1][0] == "40000"))
        content = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(oid) for name, (mode, oid) in ordered)
        oids[folder] = git_oid("tree", content)
        if folder:
            parent, _, name = folder.rpartition("/")
            entries[parent][name] = ("40000", oids[folder])
    return oids


class Objects:
    """The contents, as files of a folder. Kept once however many repositories have them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, file: File) -> Path:
        return self.folder / (file.lfs or file.oid)

    def read(self, file: File) -> bytes:
        return self.path(file).read_bytes()

    def add(self, content: bytes) -> File:
        """Keeps a file that lies in git itself."""
        file = File(git_oid("blob", content), len(content))
        self.path(file).write_bytes(content)
        return file

    def lfs_file(self, oid: str) -> File | None:
        """The file of an LFS object, or None when its content never came."""
        path = self.folder / oid
        if len(oid) != 64 or not path.is_file():
            return None
        size = path.stat().st_size
        return File(git_oid("blob", POINTER.format(oid=oid, size=size).encode()), size, oid)

    def add_lfs(self, oid: str, content: bytes) -> bool:
        """Keeps the content of an LFS object; False, and nothing kept, when it is not the one that was announced."""
        if hashlib.sha256(content).hexdigest() != oid:
            return False
        (self.folder / oid).write_bytes(content)
        return True
