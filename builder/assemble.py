"""Stage outputs -> the data set folder: whether it must be written, and putting it in place when it is whole.

Everything is written into ``work/assembled`` first (`write.py`), so that a reader never meets half a data set.
"""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artsim_dataset import schema
from artsim_dataset.version import __version__
from builder.catalogue import Inputs
from builder.resources import resource
from builder.shards import digest, sha256_of
from builder.stage import Reject

VERSION = 1
"""Bump when the same stage outputs would be assembled differently."""


@dataclass(frozen=True)
class Assembled:
    """What the folder holds: rows by config and split, and whether anything had to be written."""

    rows: dict[str, dict[str, int]]
    rejects: list[Reject]
    written: bool


def assemble(inputs: Inputs, out: Path, scratch: Path) -> Assembled:
    """Writes the data set folder ``out``, unless it is there already and whole.

    Args:
        inputs: what to write.
        out: the data set folder; entries that are not the build's are left alone.
        scratch: a folder on the same file system, emptied before and after.
    """
    config = inputs.config
    texts = [resource(name).read_bytes() for name in ("dataset_card.md", "builder/study_card.md", "loading_script.py")]
    mark = digest(
        inputs.digest, VERSION, __version__, schema.SCHEMA_VERSION, config.split.model_dump(), config.seed, *texts
    )
    done = read_build(out)
    if done is not None and done.get("inputs") == mark and is_intact(out):
        return Assembled(done["rows"], read_rejects(out), written=False)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    if config.prompt.kind == "study":
        from builder.write_study import write_study

        rows, rejects = write_study(inputs, scratch / "dataset", mark)
    else:
        from builder.write import write_dataset

        rows, rejects = write_dataset(inputs, scratch / "dataset", scratch / "small.bin", mark)
    _move_into_place(scratch / "dataset", out)
    shutil.rmtree(scratch)
    return Assembled(rows, rejects, written=True)


def read_build(out: Path) -> dict[str, Any] | None:
    """The finished build.json of a folder; None when there is none."""
    try:
        return dict(json.loads((out / "build.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return None


def read_rejects(out: Path) -> list[Reject]:
    """The rejects that the finished data set lists."""
    with open(out / "rejected.csv", newline="", encoding="utf-8") as file:
        return [Reject(row["reason"], row["message"], row["id"], row["stage"]) for row in csv.DictReader(file)]


def is_intact(out: Path) -> bool:
    """Whether every file that checksums.sha256 names is there with these bytes."""
    try:
        lines = (out / "checksums.sha256").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return False
    for line in lines:
        expected, name = line.split("  ", 1)
        try:
            if sha256_of(out / name) != expected:
                return False
        except FileNotFoundError:
            return False
    return bool(lines)


def _move_into_place(made: Path, out: Path) -> None:
    """Replaces the old data set. build.json goes first and comes last: while it is absent, nothing is finished."""
    (out / "build.json").unlink(missing_ok=True)
    last = ("checksums.sha256", "build.json")
    for path in sorted(
        made.iterdir(), key=lambda p: (p.name in last, last.index(p.name) if p.name in last else 0, p.name)
    ):
        target = out / path.name
        if target.is_dir():
            shutil.rmtree(target)
        path.replace(target)
