"""A data set as it may be published when its paintings may not: variants, texts, hashes, and a recipe for the rest.

Every config keeps its columns and rows; pictures of paintings are null. `originals.json` says how whoever has the
paintings joins them again (`artsim_dataset.loading.originals`). What is written here is kept in the work folder, where
a second publication finds it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.features import FEATURES
from artsim_dataset.load import check_dataset
from artsim_dataset.loading.originals import ID_COLUMNS, PUBLISHED, RECIPE, Recipe, originals_of
from artsim_dataset.schema import SPLITS
from artsim_dataset.storage import local
from artsim_dataset.validate.findings import Watcher
from artsim_dataset.validate.folder import Folder
from builder.assemble import is_intact, read_build
from builder.resources import resource
from builder.seal import seal
from builder.shards import digest
from builder.tables import SplitWriter

VERSION = 1
"""Bump when the same data set would be written differently."""

CARD = "dataset_card.md"
COPIED = ("data.csv", "metadata.csv", "rejected.csv", "loading_script.py")
_SOFTWARE = ("pillow", "pyvips")


def without_originals(folder: Path, watcher: Watcher) -> Path:
    """Writes ``folder/work/without-originals``, unless it is there; returns it.

    Args:
        folder: a data set with its work folder, which knows the files of the paintings.
        watcher: told of the rows that are written.

    Raises:
        ConfigError: a case study, or a data set that is without originals already.
        ArtsimError: the work folder does not know the files.
    """
    check_dataset(folder)
    data = Folder(folder)
    if data.is_study:
        raise ConfigError(f"{folder} is a case study and has no originals: publish it without --without-originals")
    if not data.build.get(PUBLISHED, True):
        return folder
    out, half = folder / "work" / "without-originals", folder / "work" / "without-originals.half"
    mark = digest((folder / "build.json").read_bytes(), resource(CARD).read_bytes(), VERSION)
    known = read_build(out)
    if known is not None and known.get("inputs") == mark and is_intact(out):
        return out
    sums = _sums_of_files(folder)
    if not is_intact(folder):
        raise ArtsimError(f"{folder} is not as it was built (sha256 differs): build it again")
    for old in (out, half):
        shutil.rmtree(old, ignore_errors=True)
    try:
        _write(data, sums, half, mark, watcher)
        half.rename(out)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return out


def _sums_of_files(folder: Path) -> dict[str, str]:
    """sha256 of the source file by painting id, as the build noted them."""
    found: dict[str, str] = {}
    for shard in sorted((folder / "work" / "01-source").glob("*.parquet")):
        table = pq.read_table(shard, columns=["id", "sha256"])
        found |= dict(zip(table["id"].to_pylist(), table["sha256"].to_pylist(), strict=True))
    if not found:
        raise ArtsimError(
            f"{folder} has no work folder, which says what files its paintings are: publish from where it was built"
        )
    return found


def _write(data: Folder, sums: dict[str, str], out: Path, mark: str, watcher: Watcher) -> None:
    folder = local(data.path, "publishing")
    out.mkdir(parents=True)
    watcher.stage("strip", sum(n for splits in data.rows.values() for n in splits.values()), 0)
    pictures: dict[str, str] = {}
    for config, splits in data.shards.items():
        for split, names in splits.items():
            with SplitWriter(out / config, split, FEATURES[config]) as writer:
                for row in _rows(folder, names):
                    for column, id_ in originals_of(config, row) if config in ID_COLUMNS else ():
                        if config == "pairs":
                            pictures[id_] = sha256(row[column]["bytes"]).hexdigest()
                        row[column] = None
                    writer.write(row)
                    watcher.advance(1)
    lost = sorted(pictures.keys() - sums.keys())
    if lost:
        raise ArtsimError(f"the work folder of {data.path} knows no file of {lost[0]}: run the same build again")
    for name in COPIED:
        shutil.copyfile(folder / name, out / name)
    settings = {stage["name"]: stage["settings"] for stage in data.build["stages"]}
    recipe = Recipe(
        settings["preprocess"],
        settings["crop"],
        {id_: sums[id_] for id_ in pictures},
        pictures,
        {name: data.build["software"][name] for name in _SOFTWARE},
    )
    (out / RECIPE).write_text(recipe.to_json(), encoding="utf-8")
    _seal(data, out, mark)


def _rows(folder: Path, names: list[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        with pq.ParquetFile(folder / name, pre_buffer=False) as file:
            for batch in file.iter_batches(64):
                yield from batch.to_pylist()


def _seal(data: Folder, out: Path, mark: str) -> None:
    """Card, build.json and checksums, in the order of facts that a build gives them; JSON has sorted them."""
    from jinja2 import UndefinedError

    facts = {key: value for key, value in data.build.items() if key not in ("inputs", "digest")}
    rows = facts["rows"]
    facts["rows"] = {config: {s: rows[config][s] for s in SPLITS if s in rows[config]} for config in FEATURES}
    facts["genres"] = dict(sorted(facts["genres"].items(), key=lambda item: (-item[1], item[0])))
    try:
        seal(out, mark, json.loads(json.dumps(facts)) | {PUBLISHED: False}, CARD)
    except UndefinedError as error:
        raise ArtsimError(f"{data.path} was built by another version of artsim: build it again ({error})") from error
