"""Checks across configs: triplets, labels and metadata against `pairs`.

They join by id on the index of `pairs`. When a file of a config cannot be read, what would only repeat that a thousand
times (this id is missing, and that) is not asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from artsim_dataset import schema
from artsim_dataset.schema import LABELS, painting_id_of
from artsim_dataset.validate.card import REJECT_COLUMNS, read_csv
from artsim_dataset.validate.findings import Log, Problem
from artsim_dataset.validate.rows import UNIQUE, Checks, Index, Pair, Rules, read_rows, sums
from artsim_dataset.validate.tables import Row, Tables
from artsim_dataset.validate.text import Reader
from artsim_dataset.validate.totals import END_CHECKS

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

    def _read(self, config: str, checks: Checks) -> Iterator[tuple[str, Row]]:
        """As read_rows; without `pairs` to join on only what stands in the row itself is looked at."""
        usable = checks if self.tables.whole("pairs") else {}
        return read_rows(self.tables, config, usable, self.rules, self.reader, self.log)

    def _triplets(self, config: str) -> None:
        checks = {name: partial(check, self.index, config) for name, check in TRIPLET_CHECKS.items()}
        count: Counter[str] = Counter()
        split_checks: Checks = {name: _without_rules(check) for name, check in checks.items()}
        for name, row in self._read(config, split_checks):
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
        for name, row in self._read("real_vs_ai", checks):
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
        for name, row in self._read("metadata", {}):
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
