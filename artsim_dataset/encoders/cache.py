"""Embeddings computed once: an append-only store for each (encoder, revision, backend), addressed by content.

The key of an embedding is the sha256 of the encoded image bytes, the content box and the view. So a changed image
costs one encoding, a renamed data set costs none, and two data sets share what they share. Two files:

    keys.bin      32 bytes an entry, written second: an entry exists when its key does
    vectors.f16   dim x 2 bytes an entry, memory-mapped for reading

A crash can only leave a tail that no key names; the next writer cuts it off. Values are always handed out rounded to
half precision, fresh or cached, so that a second run gives the same numbers as the first.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from filelock import FileLock

from artsim_dataset.encoders.key_index import KEY_BYTES, KeyIndex
from artsim_dataset.errors import ConfigError
from artsim_dataset.views import Box, View

HALF_MAX = float(np.finfo(np.float16).max)


class Named(Protocol):
    """What of an encoder names its embeddings."""

    name: str
    revision: str
    dim: int


def cache_root() -> Path:
    """``$ARTSIM_CACHE`` or ``~/.cache/artsim``."""
    configured = os.environ.get("ARTSIM_CACHE")
    return Path(configured).expanduser() if configured else Path.home() / ".cache" / "artsim"


def embedding_key(digest: bytes, box: Box, view: View) -> bytes:
    """32 bytes that name the embedding of one view of one image. ``digest``: sha256 of the encoded image bytes."""
    return hashlib.sha256(digest + f"|{box}|{view.key}".encode()).digest()


class EmbeddingCache:
    """The store of one encoder. Safe for several readers and writers, and against interruption at any byte.

    ``backend`` says how images are prepared and computed, where that changes low bits; an encoder knows its own.
    Of the keys 16 bytes each are in memory: 6.5 MB for five views of 81,444 paintings.
    """

    def __init__(self, encoder: Named, root: Path | None = None, backend: str | None = None) -> None:
        if encoder.dim < 1:
            raise ConfigError(f"the encoder '{encoder.name}' says its embeddings have {encoder.dim} dimensions")
        how = str(backend or getattr(encoder, "backend", "pil"))
        parts = (_file_name(encoder.name), _file_name(encoder.revision), how, str(encoder.dim))
        self.folder = (root or cache_root()) / "embeddings" / "-".join(parts)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.dim = encoder.dim
        self._keys, self._vectors = self.folder / "keys.bin", self.folder / "vectors.f16"
        self._lock = FileLock(self.folder / "lock")
        self._index = KeyIndex(self._keys)
        self._index.read(self._complete())

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, key: bytes) -> bool:
        return self._index.find(key) is not None

    def add(self, entries: Mapping[bytes, np.ndarray]) -> None:
        """Appends embeddings, each of shape (dim,). Keys already there are left as they are."""
        with self._lock:
            self._cut_tail()
            self._index.read(self._complete())
            new = {key: vector for key, vector in entries.items() if key not in self}
            if not new:
                return
            block = np.stack(list(new.values())).astype(np.float32)
            if block.shape[1] != self.dim or not np.isfinite(block).all() or np.abs(block).max() > HALF_MAX:
                raise ConfigError(
                    f"the encoder gave embeddings that cannot be stored in {self.folder.name}: shape {block.shape}, "
                    f"largest value {np.abs(block).max()}; expected finite (n, {self.dim}) within half precision"
                )
            _append(self._vectors, block.astype("<f2").tobytes())
            _append(self._keys, b"".join(new))
            self._index.read(self._complete())

    def get(self, keys: Sequence[bytes]) -> np.ndarray:
        """Embeddings for keys that are all there, shape (n, dim), float32. KeyError names a missing one."""
        return self.take(self.positions(keys))

    def positions(self, keys: Sequence[bytes]) -> np.ndarray:
        """Row numbers of keys in the store, for :meth:`take`; they stay valid, since the store only grows."""
        return np.fromiter(map(self._position, keys), np.int64, len(keys))

    def take(self, positions: np.ndarray) -> np.ndarray:
        """Rows of the store, shape (n, dim), float32; only these rows are read from disk."""
        if not len(positions):
            return np.empty((0, self.dim), np.float32)
        store = np.memmap(self._vectors, "<f2", mode="r", shape=(len(self), self.dim))
        return store[positions].astype(np.float32)

    def keys(self, positions: np.ndarray) -> bytes:
        """The keys of rows of the store, 32 bytes each, joined: they name the content of the rows."""
        if not len(positions):
            return b""
        return np.memmap(self._keys, np.uint8, mode="r", shape=(len(self), KEY_BYTES))[positions].tobytes()

    def _complete(self) -> int:
        sizes = [path.stat().st_size if path.exists() else 0 for path in (self._keys, self._vectors)]
        return min(sizes[0] // KEY_BYTES, sizes[1] // (2 * self.dim))

    def _position(self, key: bytes) -> int:
        found = self._index.find(key)
        if found is None:
            raise KeyError(key)
        return found

    def _cut_tail(self) -> None:
        """Removes what an interrupted writer left behind: vectors without keys, half an entry."""
        count = self._complete()
        for path, size in ((self._keys, KEY_BYTES), (self._vectors, 2 * self.dim)):
            if path.exists() and path.stat().st_size > count * size:
                os.truncate(path, count * size)


def _file_name(name: str) -> str:
    """A name as a part of a folder's name. Of a path only its last part: the revision says what is in it.

    >>> _file_name("owner/model"), _file_name("csd:/home/me/models/csd.pth")
    ('owner--model', 'csd-csd.pth')
    """
    kind, colon, rest = name.rpartition(":")
    rest = Path(rest).name if Path(rest).is_absolute() else rest.replace("/", "--")
    return re.sub(r"[^\w.@-]", "-", f"{kind}{colon}{rest}")[-96:]


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
