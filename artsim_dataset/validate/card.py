"""Checks of the card and of the CSV files: what is written about the data beside the data."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import islice
from typing import Any

import yaml

from artsim_dataset.validate.findings import Problem
from artsim_dataset.validate.folder import Folder

CARD = "README.md"
_TABLE_ROW = re.compile(r"^\| `(\w+)`(?: \(default\))? \| (\d+) \| (\d+) \|", re.MULTILINE)
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
REJECT_COLUMNS = ("id", "stage", "reason", "message")


def front_matter(folder: Folder) -> tuple[dict[str, Any], str]:
    """The YAML at the top of the card and the text below it. Raises ValueError with what is wrong."""
    try:
        text = (folder.path / CARD).read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError("there is no card") from error
    head, mark, body = text.removeprefix("---\n").partition("\n---\n")
    if not text.startswith("---\n") or not mark:
        raise ValueError("it does not begin with YAML between two lines of ---")
    try:
        values = yaml.safe_load(head)
    except yaml.YAMLError as error:
        raise ValueError(f"its YAML cannot be read: {str(error).splitlines()[0]}") from error
    if not isinstance(values, dict) or not isinstance(values.get("configs"), list):
        raise ValueError("its YAML lists no configs: nothing can be loaded by name")
    return values, body


def _configs(folder: Folder) -> dict[str, dict[str, list[str]]]:
    """Patterns by config and split, as the card has them; empty when the card cannot be read."""
    try:
        values, _ = front_matter(folder)
    except ValueError:
        return {}
    found: dict[str, dict[str, list[str]]] = {}
    for entry in values["configs"]:
        splits = found.setdefault(str(entry["config_name"]), {})
        for files in entry["data_files"]:
            paths = files["path"] if isinstance(files["path"], list) else [files["path"]]
            splits.setdefault(str(files["split"]), []).extend(map(str, paths))
    return found


def card_can_be_read(folder: Folder) -> Iterator[Problem]:
    try:
        front_matter(folder)
    except ValueError as error:
        yield CARD, str(error)


def card_names_configs_and_splits(folder: Folder) -> Iterator[Problem]:
    """The configs and splits that have rows, no other."""
    stated = {(config, split) for config, splits in folder.rows.items() for split in splits}
    shown = {(config, split) for config, splits in _configs(folder).items() for split in splits}
    if not stated or not shown:
        return
    for config, split in sorted(stated - shown):
        yield CARD, f"does not name config '{config}', split '{split}', which has rows"
    for config, split in sorted(shown - stated):
        yield CARD, f"names config '{config}', split '{split}', which has no rows"


def card_has_one_default(folder: Folder) -> Iterator[Problem]:
    expected = next(iter(folder.features))
    try:
        values, _ = front_matter(folder)
    except ValueError:
        return
    defaults = [entry["config_name"] for entry in values["configs"] if entry.get("default")]
    if defaults != [expected]:
        yield CARD, f"the default config must be '{expected}'; it is {', '.join(map(str, defaults)) or 'none'}"


def card_patterns_cover_the_files(folder: Folder) -> Iterator[Problem]:
    """Every pattern matches a file of its config and split; every Parquet file belongs to one pattern."""
    parquet = [name for name in folder.files if name.endswith(".parquet")]
    covered: Counter[str] = Counter()
    configs = _configs(folder)
    for config, splits in configs.items():
        for split, patterns in splits.items():
            for pattern in patterns:
                matching = [name for name in parquet if fnmatch(name, pattern)]
                covered.update(matching)
                if not matching:
                    yield CARD, f"'{pattern}' of config '{config}', split '{split}' matches no file"
                for name in matching:
                    if name not in folder.shards.get(config, {}).get(split, ()):
                        yield CARD, f"'{pattern}' of config '{config}', split '{split}' takes {name} in"
    for name in parquet if configs else ():
        if covered[name] != 1:
            yield name, f"{covered[name] or 'none'} of the card's patterns match it; it must be one"


def card_counts_the_rows(folder: Folder) -> Iterator[Problem]:
    """Its table of configs, its size category and the build that it names are those of build.json."""
    try:
        values, body = front_matter(folder)
    except ValueError:
        return
    if not folder.rows:
        return
    for config, train, test in _TABLE_ROW.findall(body):
        stated = folder.rows.get(config, {})
        if (int(train), int(test)) != (stated.get("train", 0), stated.get("test", 0)):
            yield CARD, f"says {train} and {test} rows of '{config}'; build.json says otherwise"
    total = sum(folder.rows.get(next(iter(folder.features)), {}).values())
    size = next((name for limit, name in _SIZES if total < limit), "1M<n<10M")
    if values.get("size_categories") != [size]:
        yield CARD, f"its size category is {values.get('size_categories')}; {total:,} rows are {size}"
    for entry in values["configs"]:
        if str(folder.fact("digest")) not in str(entry.get("description")):
            yield (
                CARD,
                f"config '{entry.get('config_name')}' is described as of another build: caches would mix them up",
            )


# --- CSV -------------------------------------------------------------------------------------------------------


def read_csv(folder: Folder, name: str, columns: tuple[str, ...]) -> Iterator[list[str]]:
    """The rows of a CSV file of the data set, read once more after all of it was seen to be in order.

    Raises ValueError with what is wrong, before the first row.
    """
    fault = ""
    try:
        with (folder.path / name).open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file, strict=True)
            header, *_ = islice(rows, 1)
            if tuple(header) != columns:
                fault = f"its columns must be {', '.join(columns)}; they are {', '.join(header)}"
            for number, row in enumerate(rows, start=1):
                if len(row) != len(columns):
                    fault = fault or f"row {number} has {len(row)} cells, not {len(columns)}"
    except FileNotFoundError as error:
        raise ValueError("there is no such file") from error
    except (OSError, ValueError, csv.Error) as error:
        raise ValueError(f"it cannot be read as CSV with a header: {error}") from error
    if fault:
        raise ValueError(fault)
    return _rows(folder, name)


def _rows(folder: Folder, name: str) -> Iterator[list[str]]:
    with (folder.path / name).open(newline="", encoding="utf-8") as file:
        yield from islice(csv.reader(file, strict=True), 1, None)


def rejects_are_counted(folder: Folder) -> Iterator[Problem]:
    """rejected.csv has its columns, says why each was rejected, and as many as build.json and the card's stages say."""
    name = "rejected.csv"
    try:
        rows = read_csv(folder, name, REJECT_COLUMNS)
    except ValueError as error:
        yield name, str(error)
        return
    counted: Counter[tuple[str, str]] = Counter()
    by_stage: Counter[str] = Counter()
    for id_, stage, reason, _ in rows:
        counted[stage, reason] += 1
        by_stage[stage] += 1
        if not (id_ and stage and reason):
            yield name, f"'{id_}' is rejected without stage or reason"
    if not folder.build:
        return
    stated = {(entry["stage"], entry["reason"]): entry["count"] for entry in folder.build["rejects"]}
    for key in sorted(counted.keys() | stated.keys()):
        if counted[key] != stated.get(key, 0):
            yield name, f"has {counted[key]} rejects {key[0]}: {key[1]}; build.json says {stated.get(key, 0)}"
    for stage in folder.build["stages"]:
        if by_stage[stage["name"]] != stage["rejects"]:
            yield name, f"has {by_stage[stage['name']]} rejects of stage {stage['name']}; it had {stage['rejects']}"


CHECKS = {
    "card: can be read": card_can_be_read,
    "card: configs and splits": card_names_configs_and_splits,
    "card: default config": card_has_one_default,
    "card: file patterns": card_patterns_cover_the_files,
    "card: counts": card_counts_the_rows,
    "rejected.csv": rejects_are_counted,
}
"""What a person calls the check -> the check."""
