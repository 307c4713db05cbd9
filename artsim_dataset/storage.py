"""Places: a local path, or an address in an object store such as ``s3://bucket/paintings``.

:func:`place` turns what a user wrote into one of the two. A local place is a plain :class:`pathlib.Path` and nothing
changes for it; the other kind is an :class:`~artsim_dataset.object_store.ObjectPath`, which has the same methods.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path
from typing import IO

from artsim_dataset.errors import ConfigError
from artsim_dataset.object_store import CLIENTS, PART, ObjectPath, client

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(/+)(.*)", re.S)

_SAME = {"s3a": "s3", "gcs": "gs"}

Place = Path | ObjectPath
"""Where files are."""


def place(text: str | Path | ObjectPath) -> Place:
    """The place that a user named: a local path (``~`` is the home folder), or an address in an object store.

    Raises:
        ConfigError: an address of another kind; the client of the store is not installed.

    >>> place("paintings"), str(place("s3://bucket/data/"))
    (PosixPath('paintings'), 's3://bucket/data')
    """
    if isinstance(text, ObjectPath):
        return text
    match = _ADDRESS.match(str(text))
    # Of an address that was made a Path, one slash is left.
    if match is None or (not is_address(text) if isinstance(text, Path) else len(match[2]) < 2):
        return Path(text).expanduser()
    scheme = _SAME.get(match[1].lower(), match[1].lower())
    if scheme == "file":
        return Path("/" + match[3])
    key = re.sub("/+", "/", match[3]).strip("/")
    if scheme == "hf":
        raise ConfigError(
            f"{text} is on the Hub, where every write is a commit: build in a folder or in an object store, then"
            " 'artsim publish' it; paintings are read from there as --source hf:owner/name"
        )
    if scheme not in CLIENTS:
        raise ConfigError(f"'{text}' is no place that artsim knows: give a path, s3://bucket/name or gs://bucket/name")
    if not key or ".." in key.split("/"):
        raise ConfigError(f"'{text}' names no place in a bucket: give {scheme}://bucket/name")
    client(scheme)
    return ObjectPath(scheme, key)


def is_address(text: object) -> bool:
    """Whether this is the address of an object store, as :func:`place` would take it.

    >>> is_address("s3://bucket/data"), is_address(Path("s3://bucket/data")), is_address("user/artsim")
    (True, True, False)
    """
    slashes = "/" if isinstance(text, Path) else "//"
    return isinstance(text, ObjectPath) or bool(re.match(f"(s3a?|gc?s):{slashes}", str(text), re.I))


def local(text: str | Path | ObjectPath, what: str) -> Path:
    """The local path of something that can only be done on a disk. Raises ConfigError that says how to bring it there.

    >>> local("paintings", "publish")
    PosixPath('paintings')
    """
    found = place(text)
    if isinstance(found, ObjectPath):
        tool = "aws s3 sync" if found.scheme == "s3" else "gcloud storage rsync -r"
        raise ConfigError(f"{what} works on a local folder; bring it here first: {tool} {found} {found.name}")
    return found


@contextmanager
def readable(path: Place) -> Iterator[Path | IO[bytes]]:
    """What pyarrow reads of a place: the path itself, or the opened object, of which it fetches what it needs."""
    if isinstance(path, Path):
        yield path
    else:
        with path.open("rb") as file:
            yield file


def sha256_of(path: Place | str) -> str:
    """sha256 of a file's bytes, in hexadecimal; a part of it in memory at a time."""
    if isinstance(path, Path | str):
        with open(path, "rb") as file:
            return file_digest(file, "sha256").hexdigest()
    state = sha256()
    with path.open("rb") as opened:
        while part := opened.read(PART):
            state.update(part)
    return state.hexdigest()


def files_below(folder: Place) -> dict[str, int]:
    """Relative name -> bytes of all files below at any depth, in order."""
    if isinstance(folder, ObjectPath):
        return {name: stored.st_size for name, stored in folder.files().items()}
    found = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): p.stat().st_size for p in found}
