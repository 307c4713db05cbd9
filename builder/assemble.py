"""Stage outputs -> the data set folder: whether it must be written, and putting it in place when it is whole.

Everything is written into ``work/assembled`` first (`write.py`), so that a reader never meets half a data set.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from artsim_dataset import schema
from artsim_dataset.object_store import ObjectPath
from artsim_dataset.storage import Place
from artsim_dataset.version import __version__
from builder.catalogue import Inputs
from builder.cells import unguarded
from builder.resources import resource
from builder.shards import digest, sha256_of
from builder.stage import Reject
from builder.upload import is_as_placed, put_into_place

VERSION = 3
"""Bump when the same stage outputs would be assembled differently."""


@dataclass(frozen=True)
class Assembled:
    """What the folder holds: rows by config and split, and whether anything had to be written."""

    rows: dict[str, dict[str, int]]
    rejects: list[Reject]
    written: bool


def assemble(inputs: Inputs, out: Place, scratch: Place, sure: Callable[[], None] = lambda: None) -> Assembled:
    """Writes the data set folder ``out``, unless it is there already and whole.

    Args:
        inputs: what to write.
        out: the data set folder; entries that are not the build's are left alone.
        scratch: a folder on the same file system, emptied before and after. For an ``out`` in an object store the
            data set is written to this machine's temporary folder instead, and uploaded.
        sure: asked before ``out`` is touched; raises when the lock of the build was lost.
    """
    config = inputs.config
    texts = [resource(name).read_bytes() for name in ("dataset_card.md", "builder/study_card.md", "loading_script.py")]
    mark = digest(
        inputs.digest, VERSION, __version__, schema.SCHEMA_VERSION, config.split.model_dump(), config.seed, *texts
    )
    if isinstance(scratch, Path):
        shutil.rmtree(scratch, ignore_errors=True)  # of a build that was killed, be it after its last move
    done = read_build(out)
    if done is not None and done.get("inputs") == mark and is_intact(out):
        return Assembled(done["rows"], read_rejects(out), written=False)
    with _room(scratch) as folder:
        rows, rejects = _write(inputs, folder, mark)
        sure()
        if isinstance(out, ObjectPath):
            put_into_place(folder / "dataset", out)
        else:
            _move_into_place(folder / "dataset", out, folder)
    return Assembled(rows, rejects, written=True)


@contextmanager
def _room(scratch: Place) -> Iterator[Path]:
    """A new folder on a disk, which is gone afterwards: also when the disk is full, half a data set is of no use."""
    if isinstance(scratch, ObjectPath):
        with TemporaryDirectory(prefix="artsim-") as name:
            yield Path(name)
        return
    scratch.mkdir(parents=True)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write(inputs: Inputs, scratch: Path, mark: str) -> tuple[dict[str, dict[str, int]], list[Reject]]:
    config = inputs.config
    if config.prompt.kind == "study":
        from builder.write_study import write_study

        return write_study(inputs, scratch / "dataset", mark)
    from builder.write import write_dataset

    return write_dataset(inputs, scratch / "dataset", scratch / "small.bin", mark)


def read_build(out: Place) -> dict[str, Any] | None:
    """The finished build.json of a folder; None when there is none."""
    try:
        return dict(json.loads((out / "build.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return None


def read_rejects(out: Place) -> list[Reject]:
    """The rejects that the finished data set lists."""
    with (out / "rejected.csv").open(newline="", encoding="utf-8") as file:
        rows = [{name: unguarded(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
    return [Reject(row["reason"], row["message"], row["id"], row["stage"]) for row in rows]


def is_intact(out: Place) -> bool:
    """Whether every file that checksums.sha256 names is there with these bytes."""
    if isinstance(out, ObjectPath):
        return is_as_placed(out)
    try:
        lines = (out / "checksums.sha256").read_text(encoding="utf-8").splitlines()
        for line in lines:
            expected, name = line.split("  ", 1)
            if sha256_of(out / name) != expected:
                return False
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):  # gone, or the list itself altered
        return False
    return bool(lines)


def _move_into_place(made: Path, out: Path, scratch: Path) -> None:
    """Replaces the old data set. build.json goes first and comes last: while it is absent, nothing is finished.

    Only renames, so that the moment is short: old folders step aside into the scratch folder.
    """
    (out / "build.json").unlink(missing_ok=True)
    last = ("checksums.sha256", "build.json")
    for path in sorted(
        made.iterdir(), key=lambda p: (p.name in last, last.index(p.name) if p.name in last else 0, p.name)
    ):
        target = out / path.name
        if target.is_dir():
            target.replace(scratch / f"old-{path.name}")
        path.replace(target)
