"""Where each of millions of keys stands in a file that only grows, in 16 bytes of memory a key."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

KEY_BYTES = 32
RECENT = 4096
"""So many new keys are worth sorting in, or a sixteenth of the sorted ones when that is more."""


class KeyIndex:
    """Keys are sorted by 8 bytes that are mixed from all 32, and the file, which is mapped and not read, says whether
    the whole key agrees. New keys wait in a dict until they are worth sorting in.

    One thread reads new keys while others look keys up: what is sorted in is there before it leaves the dict.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        empty = np.empty((0, KEY_BYTES), np.uint8)
        self._sorted = (np.empty(0, np.uint64), np.empty(0, np.int64), empty)
        self._recent: dict[bytes, int] = {}
        self._read = 0

    def __len__(self) -> int:
        """How many keys of the file were read."""
        return self._read

    def read(self, count: int) -> None:
        """Takes in the first ``count`` keys of the file, as far as they are not known yet."""
        done = len(self._sorted[0])
        if count - done > max(RECENT, done // 16):
            self._sort(count)
        elif count > self._read:
            with self._path.open("rb") as file:
                file.seek(self._read * KEY_BYTES)
                data = file.read((count - self._read) * KEY_BYTES)
            for at in range(0, len(data), KEY_BYTES):
                self._recent.setdefault(data[at : at + KEY_BYTES], self._read + at // KEY_BYTES)
        self._read = max(count, self._read)

    def find(self, key: bytes) -> int | None:
        """The number of a key in the file, the first of equal ones; None when it is not there."""
        recent = self._recent.get(key)
        heads, places, stored = self._sorted
        head = np.uint64(_mixed_one(key))
        at = int(heads.searchsorted(head))
        while at < len(heads) and heads[at] == head:
            if stored[places[at]].tobytes() == key:
                return int(places[at])
            at += 1
        return recent

    def _sort(self, count: int) -> None:
        stored = np.memmap(self._path, np.uint8, mode="r", shape=(count, KEY_BYTES)).view(np.ndarray)  # faster to index
        heads, places, _ = self._sorted
        done = len(heads)
        heads = np.concatenate([heads, _mixed(stored[done:])])
        order = np.argsort(heads, kind="stable")
        self._sorted = (heads[order], np.concatenate([places, np.arange(done, count)])[order], stored)
        self._recent = {}


_FACTOR = 0x9E3779B97F4A7C15


def _mixed(keys: np.ndarray) -> np.ndarray:
    """A number for each key, (n, KEY_BYTES) -> uint64 (n,). Keys of which one 8-byte word differs share none."""
    mixed = np.zeros(len(keys), np.uint64)
    for word in np.ascontiguousarray(keys).view("<u8").T:
        mixed = (mixed ^ word) * np.uint64(_FACTOR)
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _mixed_one(key: bytes) -> int:
    """The same of one key, twenty times as fast."""
    mixed = 0
    for word in struct.unpack("<4Q", key):
        mixed = (mixed ^ word) * _FACTOR & 0xFFFFFFFFFFFFFFFF
        mixed ^= mixed >> 29
    return mixed
