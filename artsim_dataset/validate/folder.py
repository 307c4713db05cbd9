"""A data set folder, on a disk or in an object store, and the checks of its files: checksums, shards, build.json."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from artsim_dataset.object_store import ObjectPath
from artsim_dataset.schema import SPLITS
from artsim_dataset.storage import Place, sha256_of
from artsim_dataset.validate.findings import Problem, Watcher

if TYPE_CHECKING:
    from datasets import Features

SUMS = "checksums.sha256"
SHARD = re.compile(rf"({'|'.join(SPLITS)})-(\d{{5}})-of-(\d{{5}})\.parquet")
_SUM = re.compile(r"([0-9a-f]{64})  (\S.*)")
_FACTS = ("artsim", "digest", "inputs", "preset", "rejects", "rows", "schema", "seed", "settings", "software", "stages")
_NOT_IN_DIGEST = ("README.md", "build.json")


@dataclass(frozen=True)
class Folder:
    """The data set folder ``path``. The work folder and dot files (of git, of the Hub's client) are no part of it."""

    path: Place

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Names of all files, with ``/`` between folders."""
        if isinstance(self.path, ObjectPath):
            return tuple(name for name in self.path.files(but=("work",)) if not name.startswith("."))
        names = (p.relative_to(self.path) for p in self.path.rglob("*") if p.is_file())
        return tuple(sorted(n.as_posix() for n in names if n.parts[0] != "work" and not n.parts[0].startswith(".")))

    @cached_property
    def build(self) -> dict[str, Any]:
        """build.json; empty when it cannot be read."""
        try:
            found = json.loads((self.path / "build.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def fact(self, *keys: str) -> Any:
        """What build.json says at ``keys``; None when it does not."""
        value: Any = self.build
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    @cached_property
    def rows(self) -> dict[str, dict[str, int]]:
        """The rows that build.json states, by config and split; splits without rows left out."""
        stated = self.fact("rows")
        found: dict[str, dict[str, int]] = {}
        for config, splits in (stated if isinstance(stated, dict) else {}).items():
            pairs = splits.items() if isinstance(splits, dict) else ()
            found[config] = {split: n for split, n in pairs if isinstance(n, int) and n}
        return found

    @cached_property
    def is_study(self) -> bool:
        """Whether this is a case study: images made from prompts alone."""
        if self.rows:
            return "images" in self.rows
        return (self.path / "images").is_dir() and not (self.path / "pairs").is_dir()

    @cached_property
    def features(self) -> dict[str, Features]:
        """The configs that there must be, with their columns."""
        from artsim_dataset.features import FEATURES, STUDY_FEATURES

        return STUDY_FEATURES if self.is_study else FEATURES

    @cached_property
    def shards(self) -> dict[str, dict[str, list[str]]]:
        """Parquet files by config and split, as their names say."""
        found: dict[str, dict[str, list[str]]] = {config: {} for config in self.features}
        for name in self.files:
            config, _, file = name.partition("/")
            match = SHARD.fullmatch(file)
            if match and config in found:
                found[config].setdefault(match[1], []).append(name)
        return found


# --- checks ----------------------------------------------------------------------------------------------------


def checksums(folder: Folder) -> dict[str, str]:
    """sha256 by file name, as checksums.sha256 lists them; lines that are none are left out."""
    try:
        text = (folder.path / SUMS).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    return {match[2]: match[1] for line in text.splitlines() if (match := _SUM.fullmatch(line))}


def list_is_whole(folder: Folder) -> Iterator[Problem]:
    """checksums.sha256 is there, well written, and names nothing twice."""
    if SUMS not in folder.files:
        yield SUMS, "there is no such file"
        return
    lines = (folder.path / SUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        if not _SUM.fullmatch(line):
            yield SUMS, f"line {number} is no checksum and file name"
    if len(checksums(folder)) < len(lines) and all(_SUM.fullmatch(line) for line in lines):
        yield SUMS, "a file is listed twice"


def files_are_listed(folder: Folder) -> Iterator[Problem]:
    for name in sorted(set(folder.files) - set(checksums(folder)) - {SUMS}):
        yield name, f"{SUMS} does not list it"


def files_are_there(folder: Folder) -> Iterator[Problem]:
    for name in sorted(set(checksums(folder)) - set(folder.files)):
        yield name, f"{SUMS} lists it, but it is not there"


def files_have_their_sums(folder: Folder, watcher: Watcher | None = None) -> Iterator[Problem]:
    sums = {name: sum_ for name, sum_ in checksums(folder).items() if name in folder.files}
    if watcher:
        watcher.stage("files", len(sums), 0)
    for name, expected in sums.items():
        if sha256_of(folder.path / name) != expected:
            yield name, "its bytes are not those that were written: sha256 differs"
        if watcher:
            watcher.advance(1)


def build_json_is_whole(folder: Folder) -> Iterator[Problem]:
    if not folder.build:
        yield "build.json", "is missing or no JSON object"
        return
    for key in _FACTS:
        if key not in folder.build:
            yield "build.json", f"says nothing of '{key}'"


def build_json_is_of_these_files(folder: Folder) -> Iterator[Problem]:
    """``digest`` in build.json stands for the checksums of all data files (the form of builder.seal)."""
    sums = {name: sum_ for name, sum_ in checksums(folder).items() if name not in _NOT_IN_DIGEST}
    if folder.build and sums and folder.fact("digest") != digest_of(sums):
        yield "build.json", f"its digest {folder.fact('digest')} is that of other data files"


def digest_of(sums: Mapping[str, str]) -> str:
    """16 hexadecimal digits that stand for checksums by file name."""
    data = json.dumps(dict(sums), sort_keys=True).encode()
    return blake2b(len(data).to_bytes(8, "big") + data, digest_size=8).hexdigest()


def shards_are_numbered(folder: Folder) -> Iterator[Problem]:
    """Every Parquet file is a numbered shard of a config, and no number is missing."""
    for name in folder.files:
        config, _, file = name.partition("/")
        if name.endswith(".parquet") and (config not in folder.features or not SHARD.fullmatch(file)):
            yield name, "is not named as a shard of a config: config/split-00000-of-00001.parquet"
    for config, splits in folder.shards.items():
        for split, names in splits.items():
            total = int(names[0][-13:-8])
            expected = [f"{config}/{split}-{number:05d}-of-{total:05d}.parquet" for number in range(total)]
            for missing in sorted(set(expected) - set(names)):
                yield missing, "this shard is missing"
            for other in sorted(set(names) - set(expected)):
                yield other, f"does not fit beside {names[0]}"


SAME_BYTES = "checksums: same bytes"
CHECKS = {
    "checksums: list": list_is_whole,
    "checksums: no other file": files_are_listed,
    "checksums: no file missing": files_are_there,
    "build.json: complete": build_json_is_whole,
    "build.json: of these files": build_json_is_of_these_files,
    "shards: numbered": shards_are_numbered,
}
"""What a person calls the check -> the check."""
