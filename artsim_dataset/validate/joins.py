"""Checks across rows and configs: groups and splits, triplets, labels, metadata, the CSV files, the facts of the build.

They join by id on the index of `pairs`. When a file of a config cannot be read, what would only repeat that a thousand
times (this id is missing, and that) is not asked.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import mean
from typing import Any

from artsim_dataset import schema
from artsim_dataset.schema import LABELS, painting_id_of
from artsim_dataset.validate.card import REJECT_COLUMNS, read_csv
from artsim_dataset.validate.findings import Log, Problem
from artsim_dataset.validate.folder import Folder
from artsim_dataset.validate.rows import UNIQUE, Checks, Index, Pair, Rules, read_rows, sums
from artsim_dataset.validate.tables import Row, Tables
from artsim_dataset.validate.text import Reader

TRIPLETS = ("triplets", "triplets_hard")
COMPLETE, ALL_LABELLED, METADATA = (
    "triplets: one for each variant",
    "real_vs_ai: all there once",
    "metadata: as in pairs",
)


@dataclass(frozen=True)
class Joins:
    """The checks that need the index; ``check_all`` makes them."""

    tables: Tables
    index: Index
    rules: Rules
    reader: Reader
    log: Log

    def check_all(self) -> None:
        if self.tables.whole("pairs"):
            for name, check in END_CHECKS.items():
                self.log.take(name, check(self.tables.folder, self.index))
        for config in TRIPLETS:
            self._triplets(config)
        self._real_vs_ai()
        self._metadata()

    def _read(self, config: str, columns: tuple[str, ...], checks: Checks) -> Iterator[tuple[str, Row]]:
        """As read_rows; without `pairs` to join on only what stands in the row itself is looked at."""
        usable = checks if self.tables.whole("pairs") else {}
        return read_rows(self.tables, config, list(columns), usable, self.rules, self.reader, self.log)

    def _triplets(self, config: str) -> None:
        columns = tuple(c for c in schema.TRIPLET_COLUMNS if c not in ("anchor", "positive", "negative"))
        checks = {name: partial(check, self.index, config) for name, check in TRIPLET_CHECKS.items()}
        count: Counter[str] = Counter()
        split_checks: Checks = {name: _without_rules(check) for name, check in checks.items()}
        for name, row in self._read(config, columns, split_checks):
            count[row["positive_id"]] += 1
            split = self.tables.splits[name]
            for key in ("anchor_id", "negative_id"):
                painting = self.index.paintings.get(row[key])
                if painting is not None and painting.split != split:
                    self.log.add(SPLIT, f"{config} {row['positive_id']}", f"{key} is of {painting.split}, not {split}")
        self.log.making(SPLIT)
        if self.tables.whole("pairs", config):
            self.log.take(COMPLETE, self._one_for_each(config, count))

    def _one_for_each(self, config: str, count: Counter[str]) -> Iterator[Problem]:
        try:
            rejected = {id_ for id_, stage, _, _ in read_csv(self.tables.folder, "rejected.csv", REJECT_COLUMNS)
                        if stage == config}  # fmt: skip
        except ValueError:
            return
        for id_ in self.index.pairs:
            if count[id_] + (id_ in rejected) != 1:
                told = "and is" if id_ in rejected else "and is not"
                yield f"{config} {id_}", f"this variant has {count[id_]} triplets {told} in rejected.csv"

    def _real_vs_ai(self) -> None:
        checks: Checks = {
            "real_vs_ai: label": lambda row, _: _label(self.index, row),
            "real_vs_ai: generator": lambda row, _: _generator(self.index, row),
        }
        seen: set[tuple[str, int]] = set()
        columns = tuple(c for c in schema.REAL_VS_AI_COLUMNS if c != "image")
        for name, row in self._read("real_vs_ai", columns, checks):
            key = row["id"], row["label"]
            if key in seen:
                self.log.add(UNIQUE, f"real_vs_ai {row['id']}", "this id stands in two rows")
            seen.add(key)
            known = self._of(*key)
            if known is not None and known.split != self.tables.splits[name]:
                self.log.add(SPLIT, f"real_vs_ai {row['id']}", f"it is of {known.split} in pairs")
        if self.tables.whole("pairs", "real_vs_ai"):
            wanted = {(id_, 0) for id_ in self.index.paintings} | {(id_, 1) for id_ in self.index.pairs}
            missing = sorted(wanted - seen)
            self.log.take(ALL_LABELLED, ((f"real_vs_ai {id_}", f"no row says '{LABELS[n]}'") for id_, n in missing))

    def _of(self, id_: str, label: int) -> Pair | None:
        return self.index.paintings.get(id_) if label == LABELS.index("original") else self.index.pairs.get(id_)

    def _metadata(self) -> None:
        self.log.making(METADATA)
        seen: set[str] = set()
        for name, row in self._read("metadata", schema.METADATA_COLUMNS, {}):
            where, pair = f"metadata {row['id']}", self.index.pairs.get(row["id"])
            if row["id"] in seen:
                self.log.add(UNIQUE, where, "this id stands in two rows")
            seen.add(row["id"])
            if not self.tables.whole("pairs"):
                continue
            if pair is None:
                self.log.add(METADATA, where, "pairs has no such id")
                continue
            if pair.split != self.tables.splits[name]:
                self.log.add(METADATA, where, f"it is of {pair.split} in pairs")
            now = sums(row)
            for place, column in enumerate(schema.METADATA_COLUMNS):
                if now[4 * place : 4 * place + 4] != pair.sums[4 * place : 4 * place + 4]:
                    self.log.add(METADATA, where, f"'{column}' is another than in pairs")
        if self.tables.whole("pairs", "metadata"):
            for id_ in sorted(self.index.pairs.keys() - seen):
                self.log.add(METADATA, f"metadata {id_}", "there is no row of this pair")


def _without_rules(check: Callable[[Row], Iterator[str]]) -> Callable[[Row, Rules], Iterator[str]]:
    return lambda row, _: check(row)


# --- triplets: messages about one row ----------------------------------------------------------------------------


def ids_are_in_pairs(index: Index, config: str, row: Row) -> Iterator[str]:
    for key, known in (("anchor_id", index.paintings), ("negative_id", index.paintings), ("positive_id", index.pairs)):
        if row[key] not in known:
            yield f"pairs has no {key} '{row[key]}'"


def positive_is_of_its_anchor(index: Index, config: str, row: Row) -> Iterator[str]:
    if painting_id_of(row["positive_id"]) != row["anchor_id"]:
        yield f"the positive is a variant of '{painting_id_of(row['positive_id'])}', not of '{row['anchor_id']}'"


def negative_has_its_genre(index: Index, config: str, row: Row) -> Iterator[str]:
    """Another than the anchor's in `triplets`, the same in `triplets_hard`; by `pairs`, not by what the row says."""
    genres = {_genre(index, row, key) for key in ("anchor", "negative")}
    if (len(genres) == 2) != (config == "triplets"):
        wanted = "another genre" if config == "triplets" else "the genre of its anchor"
        yield f"the negative must be of {wanted}; they are {' and '.join(sorted(genres))}"


def _genre(index: Index, row: Row, role: str) -> str:
    painting = index.paintings.get(row[f"{role}_id"])
    return str(painting.row["genre"] if painting else row[f"{role}_genre"])


def negative_is_of_another_group(index: Index, config: str, row: Row) -> Iterator[str]:
    anchor, negative = index.paintings.get(row["anchor_id"]), index.paintings.get(row["negative_id"])
    if anchor and negative and anchor.row["group"] == negative.row["group"]:
        yield f"the negative '{row['negative_id']}' is a near-duplicate of the anchor: both are of one group"


def texts_are_those_of_pairs(index: Index, config: str, row: Row) -> Iterator[str]:
    paintings, positive = index.paintings, index.pairs.get(row["positive_id"])
    sources = (
        ("anchor_genre", paintings.get(row["anchor_id"]), "genre"),
        ("anchor_caption", paintings.get(row["anchor_id"]), "caption"),
        ("negative_genre", paintings.get(row["negative_id"]), "genre"),
        ("negative_caption", paintings.get(row["negative_id"]), "caption"),
        ("level", positive, "level"),
        ("positive_caption", positive, "generated_caption"),
    )
    for column, pair, source in sources:
        if pair is not None and pair.row[source] != row[column]:
            yield f"'{column}' is another than in pairs"


SPLIT = "splits: rows of one side"
TRIPLET_CHECKS: dict[str, Callable[[Index, str, Row], Iterator[str]]] = {
    "triplets: ids in pairs": ids_are_in_pairs,
    "triplets: positive of its anchor": positive_is_of_its_anchor,
    "triplets: genre of the negative": negative_has_its_genre,
    "triplets: group of the negative": negative_is_of_another_group,
    "triplets: texts as in pairs": texts_are_those_of_pairs,
}


# --- real_vs_ai: messages about one row --------------------------------------------------------------------------


def _label(index: Index, row: Row) -> Iterator[str]:
    if not 0 <= row["label"] < len(LABELS):
        yield f"label {row['label']} is none"
        return
    label = LABELS[row["label"]]
    known = {"original": row["id"] in index.paintings, "ai": row["id"] in index.pairs}
    if not known[label]:
        yield f"labelled '{label}'" + (", and is not" if any(known.values()) else ", and pairs has no such id")


def _generator(index: Index, row: Row) -> Iterator[str]:
    pair = index.pairs.get(row["id"]) if row["label"] == LABELS.index("ai") else None
    expected = pair.row["generator"] if pair else ""
    if (pair or row["id"] in index.paintings) and row["generator"] != expected:
        yield f"generator '{row['generator']}'; it must be '{expected}'"


# --- all of pairs ------------------------------------------------------------------------------------------------


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
