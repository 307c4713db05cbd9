"""Checks across configs: triplets, labels and metadata against `pairs`.

They join by id on what is known of `pairs`. When a file of a config cannot be read, what would only repeat that a
thousand times (this id is missing, and that) is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from artsim_dataset import schema
from artsim_dataset.schema import LABELS, painting_id_of
from artsim_dataset.validate.card import REJECT_COLUMNS, read_csv
from artsim_dataset.validate.findings import Log, Problem
from artsim_dataset.validate.index import Tally
from artsim_dataset.validate.rows import UNIQUE, Checks, Known, Rules, read_rows, sums
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
    """The checks that need all pairs; ``check_all`` makes them."""

    tables: Tables
    known: Known
    rules: Rules
    reader: Reader
    log: Log

    def check_all(self) -> None:
        if self.tables.whole("pairs"):
            for name, check in END_CHECKS.items():
                self.log.take(name, check(self.tables.folder, self.known))
        for config in TRIPLETS:
            self._triplets(config)
        self._real_vs_ai()
        self._metadata()

    def _read(self, config: str, checks: Checks) -> Iterator[tuple[str, Row]]:
        """As read_rows; without `pairs` to join on only what stands in the row itself is looked at."""
        usable = checks if self.tables.whole("pairs") else {}
        return read_rows(self.tables, config, usable, self.rules, self.reader, self.log)

    def _triplets(self, config: str) -> None:
        checks = {name: partial(check, self.known, config) for name, check in TRIPLET_CHECKS.items()}
        tally = self.known.index.tally(config)
        split_checks: Checks = {name: _without_rules(check) for name, check in checks.items()}
        for name, row in self._read(config, split_checks):
            tally.count(row["positive_id"])
            split = self.tables.splits[name]
            for key in ("anchor_id", "negative_id"):
                painting = self.known.paintings.get(row[key])
                if painting is not None and painting["split"] != split:
                    told = f"{key} is of {painting['split']}, not {split}"
                    self.log.add(SPLIT, f"{config} {row['positive_id']}", told)
        self.log.making(SPLIT)
        if self.tables.whole("pairs", config):
            self.log.take(COMPLETE, self._one_for_each(config))

    def _one_for_each(self, config: str) -> Iterator[Problem]:
        rejected = self.known.index.tally(f"rejected_{config}")
        try:
            for id_, stage, _, _ in read_csv(self.tables.folder, "rejected.csv", REJECT_COLUMNS):
                if stage == config:
                    rejected.count(id_)
        except ValueError:
            return
        wrong = self.known.index.select(f"""
            SELECT id, ifnull(made.times, 0), rejected.id IS NOT NULL AS is_rejected
            FROM pairs LEFT JOIN {config} AS made USING (id) LEFT JOIN rejected_{config} AS rejected USING (id)
            WHERE ifnull(made.times, 0) + is_rejected != 1 ORDER BY n
        """)
        for id_, made, is_rejected in wrong:
            told = "and is" if is_rejected else "and is not"
            yield f"{config} {id_}", f"this variant has {made} triplets {told} in rejected.csv"

    def _real_vs_ai(self) -> None:
        checks: Checks = {
            "real_vs_ai: label": lambda row, _: _label(self.known, row),
            "real_vs_ai: generator": lambda row, _: _generator(self.known, row),
        }
        tally = self.known.index.tally("real_vs_ai")
        for name, row in self._read("real_vs_ai", checks):
            id_, label = row["id"], row["label"]
            self._count(tally, f"{label} {id_}", f"real_vs_ai {id_}")
            known = (self.known.paintings if label == LABELS.index("original") else self.known.pairs).get(id_)
            if known is not None and known["split"] != self.tables.splits[name]:
                self.log.add(SPLIT, f"real_vs_ai {id_}", f"it is of {known['split']} in pairs")
        if self.tables.whole("pairs", "real_vs_ai"):
            missing = self.known.index.select("""
                WITH wanted AS (SELECT id, 0 AS label FROM paintings UNION ALL SELECT id, 1 FROM pairs)
                SELECT id, label FROM wanted WHERE label || ' ' || id NOT IN (SELECT id FROM real_vs_ai) ORDER BY 1, 2
            """)
            self.log.take(ALL_LABELLED, ((f"real_vs_ai {id_}", f"no row says '{LABELS[n]}'") for id_, n in missing))

    def _metadata(self) -> None:
        self.log.making(METADATA)
        tally = self.known.index.tally("metadata")
        for name, row in self._read("metadata", {}):
            where, pair = f"metadata {row['id']}", self.known.pairs.get(row["id"])
            self._count(tally, row["id"], where)
            if not self.tables.whole("pairs"):
                continue
            if pair is None:
                self.log.add(METADATA, where, "pairs has no such id")
                continue
            if pair["split"] != self.tables.splits[name]:
                self.log.add(METADATA, where, f"it is of {pair['split']} in pairs")
            now = sums(row)
            for place, column in enumerate(schema.METADATA_COLUMNS):
                if now[4 * place : 4 * place + 4] != pair["sums"][4 * place : 4 * place + 4]:
                    self.log.add(METADATA, where, f"'{column}' is another than in pairs")
        if self.tables.whole("pairs", "metadata"):
            missing = "SELECT id FROM pairs WHERE id NOT IN (SELECT id FROM metadata) ORDER BY id"
            for (id_,) in self.known.index.select(missing):
                self.log.add(METADATA, f"metadata {id_}", "there is no row of this pair")

    def _count(self, tally: Tally, id_: str, where: str) -> None:
        if not tally.count(id_):
            self.log.add(UNIQUE, where, "this id stands in two rows")


def _without_rules(check: Callable[[Row], Iterator[str]]) -> Callable[[Row, Rules], Iterator[str]]:
    return lambda row, _: check(row)


# --- triplets: messages about one row ----------------------------------------------------------------------------


def ids_are_in_pairs(known: Known, config: str, row: Row) -> Iterator[str]:
    paintings, pairs = known.paintings, known.pairs
    for key, table in (("anchor_id", paintings), ("negative_id", paintings), ("positive_id", pairs)):
        if row[key] not in table:
            yield f"pairs has no {key} '{row[key]}'"


def positive_is_of_its_anchor(known: Known, config: str, row: Row) -> Iterator[str]:
    if painting_id_of(row["positive_id"]) != row["anchor_id"]:
        yield f"the positive is a variant of '{painting_id_of(row['positive_id'])}', not of '{row['anchor_id']}'"


def negative_has_its_genre(known: Known, config: str, row: Row) -> Iterator[str]:
    """Another than the anchor's in `triplets`, the same in `triplets_hard`; by `pairs`, not by what the row says."""
    genres = {_genre(known, row, key) for key in ("anchor", "negative")}
    if (len(genres) == 2) != (config == "triplets"):
        wanted = "another genre" if config == "triplets" else "the genre of its anchor"
        yield f"the negative must be of {wanted}; they are {' and '.join(sorted(genres))}"


def _genre(known: Known, row: Row, role: str) -> str:
    painting = known.paintings.get(row[f"{role}_id"])
    return str(painting["genre"] if painting else row[f"{role}_genre"])


def negative_is_of_another_group(known: Known, config: str, row: Row) -> Iterator[str]:
    anchor, negative = known.paintings.get(row["anchor_id"]), known.paintings.get(row["negative_id"])
    if anchor and negative and anchor["group"] == negative["group"]:
        yield f"the negative '{row['negative_id']}' is a near-duplicate of the anchor: both are of one group"


def texts_are_those_of_pairs(known: Known, config: str, row: Row) -> Iterator[str]:
    paintings, positive = known.paintings, known.pairs.get(row["positive_id"])
    sources = (
        ("anchor_genre", paintings.get(row["anchor_id"]), "genre"),
        ("anchor_caption", paintings.get(row["anchor_id"]), "caption"),
        ("negative_genre", paintings.get(row["negative_id"]), "genre"),
        ("negative_caption", paintings.get(row["negative_id"]), "caption"),
        ("level", positive, "level"),
        ("positive_caption", positive, "generated_caption"),
    )
    for column, pair, source in sources:
        if pair is not None and pair[source] != row[column]:
            yield f"'{column}' is another than in pairs"


SPLIT = "splits: rows of one side"
TRIPLET_CHECKS: dict[str, Callable[[Known, str, Row], Iterator[str]]] = {
    "triplets: ids in pairs": ids_are_in_pairs,
    "triplets: positive of its anchor": positive_is_of_its_anchor,
    "triplets: genre of the negative": negative_has_its_genre,
    "triplets: group of the negative": negative_is_of_another_group,
    "triplets: texts as in pairs": texts_are_those_of_pairs,
}


# --- real_vs_ai: messages about one row --------------------------------------------------------------------------


def _label(known: Known, row: Row) -> Iterator[str]:
    if not 0 <= row["label"] < len(LABELS):
        yield f"label {row['label']} is none"
        return
    label = LABELS[row["label"]]
    there = {"original": row["id"] in known.paintings, "ai": row["id"] in known.pairs}
    if not there[label]:
        yield f"labelled '{label}'" + (", and is not" if any(there.values()) else ", and pairs has no such id")


def _generator(known: Known, row: Row) -> Iterator[str]:
    pair = known.pairs.get(row["id"]) if row["label"] == LABELS.index("ai") else None
    expected = pair["generator"] if pair else ""
    if (pair or row["id"] in known.paintings) and row["generator"] != expected:
        yield f"generator '{row['generator']}'; it must be '{expected}'"
