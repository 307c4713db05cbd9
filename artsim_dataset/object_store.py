"""Files and folders in an object store: :class:`ObjectPath`, over fsspec's client for the store.

It has the few methods of a path that artsim uses. universal_pathlib has more of them, but what is needed here is not
naming: it is that answers are never taken from a cache, that tries are bounded, that every failure is one sentence with
bucket and key (`store_errors.py`), and writes that succeed only when nobody else wrote.

A put is atomic by itself: the whole object appears, or none. Large files go up in parts, which become visible together
with the last request; parts that a killed process left behind are removed by :meth:`ObjectPath.abort_uploads`.

Credentials and endpoint come from where the store's own client looks for them (AWS_* variables, AWS_ENDPOINT_URL,
~/.aws, instance roles; Google's application default credentials). artsim neither reads nor writes them.
"""

from __future__ import annotations

import fnmatch
import inspect
import io
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from artsim_dataset.errors import ConfigError, MissingExtra
from artsim_dataset.store_errors import Conflict, StorageError, store_errors

PART = 8 << 20
"""Bytes of a part of an upload; files of two parts and more go up in parts."""

ATTEMPTS = 4
"""Times that a request is sent before it counts as failed, with growing pauses: botocore's standard mode, which
knows what may be sent again (500, 503, SlowDown, timeouts, lost connections). An answer that breaks off in the middle
is asked for once more, with as many attempts; and the HTTP library tries again at once when a connection that was kept
open turns out to be closed."""

CONNECT_SECONDS, ANSWER_SECONDS = 10, 30
"""How long a connection may take, and how long a store may say nothing."""

CLIENTS = {"s3": "s3fs", "gs": "gcsfs"}
"""Kind of address -> the package that speaks to the store."""


@dataclass(frozen=True)
class Stored:
    """An object as the store lists it. ``tag`` changes with every write; '' where a store has none.

    Named as in `os.stat_result`, so that code which asks a path for its size need not know where it lies.
    """

    st_size: int
    st_mtime: float
    tag: str

    @property
    def st_mtime_ns(self) -> int:
        return round(self.st_mtime * 1e9)


@dataclass(frozen=True)
class ObjectPath:
    """A file or folder in an object store; picklable, and usable in any process that has the same credentials.

    There are no folders in a store, only keys with slashes: a folder is there when a key below it is.

    Every method raises ConfigError (no such bucket, no access, no credentials) or StorageError (the store or the way
    to it failed, after all attempts), and FileNotFoundError as a path does.

    >>> str(ObjectPath("s3", "bucket/data") / "work" / "plan.json")
    's3://bucket/data/work/plan.json'
    """

    scheme: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.key}"

    def __truediv__(self, name: str) -> ObjectPath:
        return ObjectPath(self.scheme, f"{self.key}/{name}")

    def with_name(self, name: str) -> ObjectPath:
        return self.parent / name

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> ObjectPath:
        return ObjectPath(self.scheme, self.key.rpartition("/")[0] or self.key)

    @property
    def bucket(self) -> str:
        return self.key.partition("/")[0]

    # --- looking ---

    def stat(self) -> Stored:
        with store_errors(self):
            info = self._client().info(self.key)
        if info["type"] != "file":
            raise FileNotFoundError(2, "no such object", str(self))
        return _stored(info)

    def is_file(self) -> bool:
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def is_dir(self) -> bool:
        try:
            with store_errors(self):
                return bool(self._client().info(self.key)["type"] == "directory")
        except FileNotFoundError:
            return False

    def exists(self) -> bool:
        return self.is_file() or self.is_dir()

    def iterdir(self) -> Iterator[ObjectPath]:
        """What lies directly below, by name. Nothing where there is nothing; a missing bucket is a ConfigError."""
        try:
            with store_errors(self):
                names = self._client().ls(self.key, detail=False, refresh=True)
        except FileNotFoundError:
            return
        yield from (ObjectPath(self.scheme, n.rstrip("/")) for n in sorted(names) if n.rstrip("/") != self.key)

    def glob(self, pattern: str) -> Iterator[ObjectPath]:
        """What lies directly below and fits the pattern."""
        return (path for path in self.iterdir() if fnmatch.fnmatchcase(path.name, pattern))

    def files(self, but: Collection[str] = ()) -> dict[str, Stored]:
        """All files below at any depth, by relative name, in order: a listing with a thousand files in a request.

        ``but``: folders directly below that are not listed.
        """
        try:
            with store_errors(self):
                found = self._client().find(self.key, detail=True) if not but else self._found(but)
        except FileNotFoundError:
            return {}
        start = len(self.key) + 1
        return {
            name[start:]: _stored(info)
            for name, info in sorted(found.items())
            if name[start:] and not name.endswith("/")
        }

    def _found(self, but: Collection[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for info in self._client().ls(self.key, detail=True, refresh=True):
            name = info["name"].rstrip("/")
            if info["type"] == "file":
                found[info["name"]] = info
            elif name.rpartition("/")[2] not in but:
                found |= self._client().find(name, detail=True)
        return found

    # --- reading ---

    def read_bytes(self) -> bytes:
        with store_errors(self):
            return bytes(self._client().cat_file(self.key, **self._in_one()))

    def read_text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self.read_bytes().decode(encoding, errors)

    @contextmanager
    def open(
        self,
        mode: str = "r",
        encoding: str = "utf-8",
        errors: str = "strict",
        newline: str | None = None,
        tag: str | None = None,
    ) -> Iterator[IO[Any]]:
        """The object for reading, as bytes (``rb``: only what is asked for is fetched) or as text (fetched whole).

        An object that is replaced meanwhile is a StorageError, never half of one and half of the other; so is one
        that has another ``tag`` than was expected.
        """
        if mode == "r":
            yield io.TextIOWrapper(io.BytesIO(self.read_bytes()), encoding, errors, newline)
            return
        with store_errors(self), self._client().open(self.key, "rb", cache_type="none") as file:
            if tag is not None and _stored(file.details).tag != tag:
                raise StorageError(f"{self} is not the object that was written there; run the same command again")
            yield file

    def read_all(self, names: Iterable[str]) -> dict[str, bytes]:
        """The whole objects of these names directly below, many requests at a time; those that are missing left out."""
        keys = {f"{self.key}/{name}": name for name in names}
        found = self._client().cat(list(keys), on_error="return", **self._in_one()) if keys else {}
        read: dict[str, bytes] = {}
        for key, data in found.items():
            try:
                with store_errors(self / keys[key]):
                    if isinstance(data, Exception):
                        raise data
                    read[keys[key]] = data
            except FileNotFoundError:
                continue
        return read

    # --- writing ---

    def write_bytes(self, data: bytes) -> str:
        """Returns the tag of the object, where the store tells it with its answer; '' otherwise."""
        with store_errors(self):
            return _told(self._client().pipe_file(self.key, data, chunksize=PART))

    def write_text(self, text: str, encoding: str = "utf-8") -> None:
        self.write_bytes(text.encode(encoding))

    def put(self, file: Path) -> Stored:
        """Uploads a local file, in parts when it is large; an upload that fails is taken back. Returns what is there.

        The client sends a checksum with every request, and the store refuses what does not arrive as it was sent.
        """
        size = file.stat().st_size
        if size < 2 * PART and (tag := self.write_bytes(file.read_bytes())):
            return Stored(size, 0.0, tag)
        if size >= 2 * PART:
            with store_errors(self):
                self._client().put_file(str(file), self.key, chunksize=PART)
        stored = self.stat()
        if stored.st_size != size:
            raise StorageError(f"{self} arrived with {stored.st_size} of {size} bytes; run the same command again")
        return stored

    def write_if(self, data: bytes, tag: str | None) -> str:
        """Writes a small object if it is still the one with this tag, or if there is none (None). Returns its new tag.

        Creating is decided by the store. So is replacing in S3; elsewhere the tag is looked at just before.

        Raises:
            Conflict: somebody else was first.
        """
        condition: dict[str, Any] = {"mode": "create"} if tag is None else {"IfMatch": tag}
        if tag is not None and self.scheme != "s3":
            condition = {}
            if self.stat().tag != tag:
                raise Conflict(f"{self} was written by somebody else meanwhile; run the same command again")
        with store_errors(self):
            answer = self._client().pipe_file(self.key, data, **condition)
        return _told(answer) or self.stat().tag

    def unlink(self, missing_ok: bool = False) -> None:
        if not missing_ok:
            self.stat()
        with store_errors(self):
            self._client().rm_file(self.key)

    def mkdir(self, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing to do: a store has no folders."""

    def abort_uploads(self) -> int:
        """Removes the parts of uploads below that were begun and never ended; nobody may be uploading there.

        They are invisible, but paid for. Returns how many uploads there were; none where a store keeps no account.
        """
        if self.scheme != "s3":
            return 0
        client, prefix, count = self._client(), f"{self.key.partition('/')[2]}/".lstrip("/"), 0
        after: dict[str, str] = {}
        with store_errors(self):
            while True:
                found = client.call_s3("list_multipart_uploads", Bucket=self.bucket, Prefix=prefix, **after)
                for upload in found.get("Uploads", ()):
                    client.abort_mpu(self.bucket, upload["Key"], upload["UploadId"])
                    count += 1
                if not found.get("IsTruncated"):
                    return count
                after = {"KeyMarker": found["NextKeyMarker"], "UploadIdMarker": found["NextUploadIdMarker"]}

    def _in_one(self) -> dict[str, Any]:
        """For whole objects: newer s3fs first asks how large each is, to fetch large ones in parts, unless told so."""
        known = inspect.signature(self._client()._cat_file).parameters
        return {"max_concurrency": 1} if "max_concurrency" in known else {}

    def _client(self) -> Any:
        return client(self.scheme)


def options(scheme: str) -> Mapping[str, Any]:
    """What the store's client is opened with, also as ``storage_options`` of other libraries."""
    if scheme != "s3":
        return {"use_listings_cache": False}
    settings = {
        "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": ANSWER_SECONDS,
    }
    return {"use_listings_cache": False, "config_kwargs": settings}


def client(scheme: str) -> Any:
    """fsspec's file system for a store; one for each process, which fsspec keeps. It never answers from memory."""
    import fsspec

    try:
        made = fsspec.filesystem(scheme, **options(scheme))
    except ImportError as error:
        if scheme == "s3":
            raise MissingExtra("reading and writing s3://", "s3") from error
        raise ConfigError(f"{scheme}:// needs {CLIENTS[scheme]}: pip install {CLIENTS[scheme]}") from error
    if scheme == "s3":
        made.retries = 2  # answers that break off; what botocore sends again is not multiplied by five
    return made


def _told(answer: object) -> str:
    return str(answer.get("ETag") or "") if isinstance(answer, dict) else ""


def _stored(info: Mapping[str, Any]) -> Stored:
    changed = info.get("LastModified") or info.get("mtime") or info.get("updated") or 0
    if isinstance(changed, str):
        changed = datetime.fromisoformat(changed)
    if isinstance(changed, datetime):
        changed = (changed if changed.tzinfo else changed.replace(tzinfo=UTC)).timestamp()
    return Stored(int(info["size"] or 0), float(changed), str(info.get("ETag") or info.get("etag") or ""))
