"""Checks of all pairs together: groups and splits, the CSV files, and the numbers that build.json and the card give."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from statistics import mean
from typing import Any

from artsim_dataset import schema
from artsim_dataset.validate.card import read_csv
from artsim_dataset.validate.findings import Problem
from artsim_dataset.validate.folder import Folder
from artsim_dataset.validate.rows import Index


def groups_are_on_one_side(folder: Folder, index: Index) -> Iterator[Problem]:
    """No group of near-duplicates in both splits, and each named after one of its paintings."""
    sides: dict[str, str] = {}
    for id_, pair in index.paintings.items():
        group = pair.row["group"]
        if sides.setdefault(group, pair.split) != pair.split:
            yield f"pairs {id_}", f"its group '{group}' is in train and in test"
        named = index.paintings.get(group)
        if named is None or named.row["group"] != group:
            yield f"pairs {id_}", f"its group '{group}' is not named after a painting of it"


def artists_are_on_one_side(folder: Folder, index: Index) -> Iterator[Problem]:
    """Asked of artist-disjoint splits only; works of unknown artists may be anywhere."""
    if folder.fact("settings", "split", "scheme") != "artist-disjoint":
        return
    sides: dict[str, str] = {}
    for id_, pair in index.paintings.items():
        artist = schema.slug(pair.row["artist"])
        if artist and sides.setdefault(artist, pair.split) != pair.split:
            yield f"pairs {id_}", f"works of '{artist}' are in train and in test"


def csv_files_agree(folder: Folder, index: Index) -> Iterator[Problem]:
    """data.csv and metadata.csv have a row for each pair, with its file names and prompts."""
    yield from _csv(folder, index, "data.csv", ("generated_image", "prompt"))
    columns = ("original_image", "prompt_complete", "prompt_compressed", "generated_image")
    yield from _csv(folder, index, "metadata.csv", columns)


def _csv(folder: Folder, index: Index, name: str, columns: tuple[str, ...]) -> Iterator[Problem]:
    try:
        rows = read_csv(folder, name, columns)
    except ValueError as error:
        yield name, str(error)
        return
    place = columns.index("generated_image")
    seen = Counter(row[place] for row in rows)
    for row in rows:
        known = index.csv_rows.get(row[place])
        if known is None:
            yield name, f"names '{row[place]}', which pairs has not"
        elif len(columns) == 2 and row[1] != known[0]:
            yield name, f"the prompt of '{row[place]}' is another than in pairs"
        elif len(columns) == 4 and zlib.crc32("\x1f".join(row[:3]).encode()) != known[1]:
            yield name, f"what it says of '{row[place]}' is another than in pairs"
    for image in index.csv_rows:
        if seen[image] != 1:
            yield name, f"'{image}' stands there {seen[image]} times"


def build_counts_agree(folder: Folder, index: Index) -> Iterator[Problem]:
    """The numbers of build.json, and so of the card, are those of the rows."""
    if not folder.build:
        return
    paintings, pairs = index.paintings.values(), index.pairs.values()
    members = Counter(painting.row["group"] for painting in paintings)
    expected: dict[str, Any] = {
        "paintings": len(paintings),
        "variants": len(pairs),
        "artists": len({pair.row["artist"] for pair in pairs if pair.row["artist"]}),
        "genres": dict(Counter(painting.row["genre"] for painting in paintings)),
        "levels": {level: sum(pair.row["level"] == level for pair in pairs) for level in schema.LEVELS},
        "paintings_by_split": dict(Counter(painting.split for painting in paintings)),
        "near_duplicates": {
            "groups": sum(count > 1 for count in members.values()),
            "paintings": sum(count for count in members.values() if count > 1),
        },
    }
    for key, value in expected.items():
        if folder.fact(key) != value:
            yield "build.json", f"'{key}' is {folder.fact(key)}; the rows give {value}"
    if index.tokens:
        stated = folder.fact("prompt_tokens") or {}
        counted = {"compressed_mean": round(mean(index.tokens), 1), "compressed_max": max(index.tokens)}
        if any(stated.get(key) != value for key, value in counted.items()):
            yield "build.json", f"'prompt_tokens' is {stated}; the rows give {counted}"
    made = folder.build["stages"][-1]["rows_out"]
    if made != len(pairs):
        yield "build.json", f"its last stage gave {made:,} rows; pairs has {len(pairs):,}"


COUNTS = "build.json: counts"
END_CHECKS: dict[str, Callable[[Folder, Index], Iterator[Problem]]] = {
    "splits: groups": groups_are_on_one_side,
    "splits: artists": artists_are_on_one_side,
    "csv: as in pairs": csv_files_agree,
    COUNTS: build_counts_agree,
}
"""What a person calls the check -> the check."""
