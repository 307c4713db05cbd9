"""Checks of one row at a time, and what of `pairs` the later checks join on."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from artsim_dataset import schema
from artsim_dataset.loading.originals import PUBLISHED, originals_of
from artsim_dataset.schema import BOX_COLUMNS, painting_id_of, seed_from
from artsim_dataset.validate.findings import Log, Watcher
from artsim_dataset.validate.folder import Folder
from artsim_dataset.validate.index import Index, Table
from artsim_dataset.validate.tables import Row, Tables
from artsim_dataset.validate.text import KEYS, MACHINE_PATHS, MAIL, Reader, strings

Count = Callable[[str], int]
OF_PAINTING = ("genre", "artist", "title", "caption", *BOX_COLUMNS, "phash", "group")
"""What is the same in the rows of all variants of a painting."""

_VARIANT = re.compile(r".*[^/]-\d+", re.DOTALL)
_PHASH = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Rules:
    """What the checks of a row need to know of the build. ``count_tokens``: CLIP tokens without the marks."""

    folder: Folder
    count_tokens: Count | None
    watcher: Watcher | None = None

    @property
    def has_prompts(self) -> bool | None:
        """None when build.json does not say."""
        kind = self.folder.fact("settings", "prompt", "kind")
        return None if kind is None else bool(kind != "none")


@dataclass(frozen=True)
class Known:
    """All pairs and all paintings (what the first row of each says), and the images that the CSV files must list.

    ``sums`` of a pair: four bytes for each column of `metadata`; ``sum`` of an image: of its row in metadata.csv.
    """

    index: Index
    pairs: Table
    paintings: Table
    images: Table

    @classmethod
    def empty(cls, index: Index) -> Known:
        columns = "split", "artist", "level", "generated_caption", "generator", "prompt_tokens", "sums"
        return cls(
            index,
            index.table("pairs", *columns),
            index.table("paintings", "split", "slug", *OF_PAINTING),
            index.table("images", "prompt", "sum"),
        )


def read_pairs(tables: Tables, known: Known, rules: Rules, reader: Reader, log: Log) -> None:
    """Checks every row of `pairs` and makes them known."""
    log.making(SAME_PAINTING)
    for name, row in read_rows(tables, "pairs", PAIR_CHECKS, rules, reader, log):
        id_, split = row["id"], tables.splits[name]
        told = (row[column] for column in ("artist", "level", "generated_caption", "generator", "prompt_tokens"))
        if not known.pairs.add(id_, split, *told, sums(row)):
            log.add(UNIQUE, f"pairs {id_}", "this id stands in two rows")
            continue
        painting = painting_id_of(id_)
        folder = painting.rpartition("/")[0]
        name = row["original"]["path"] if row["original"] else f"{painting.rpartition('/')[2]}.jpg"
        original, generated = f"{folder}/{name}", f"{folder}/{row['generated']['path']}"
        text = "\x1f".join((original, row["prompt_complete"], row["prompt_compressed"]))
        known.images.put(generated, row["prompt_compressed"], zlib.crc32(text.encode()))
        of_painting = (row[column] for column in OF_PAINTING)
        if known.paintings.add(painting, split, schema.slug(row["artist"]), *of_painting):
            continue
        first = known.paintings.get(painting)
        assert first is not None
        for column in OF_PAINTING:
            if first[column] != row[column]:
                log.add(SAME_PAINTING, f"pairs {id_}", f"'{column}' is not that of the painting's other variants")
        if first["split"] != split:
            where = f"is in {split}, another variant of its painting in {first['split']}"
            log.add(SAME_PAINTING, f"pairs {id_}", where)


def read_rows(
    tables: Tables, config: str, checks: Checks, rules: Rules, reader: Reader, log: Log
) -> Iterator[tuple[str, Row]]:
    """File name and row without the bytes of images, one after the other. A row with an empty cell is reported and
    passed over."""
    log.making(FILLED, *checks, MACHINE_PATHS, KEYS, MAIL)
    features = tables.folder.features[config].items()
    columns = [f"{column}.path" if type(kind).__name__ == "Image" else column for column, kind in features]
    key = "positive_id" if "positive_id" in columns else "id"
    without_originals = tables.folder.fact(PUBLISHED) is False
    for name, rows in tables.batches(config, columns):
        for row in rows:
            where = f"{config} {row[key]}"
            _look(where, row, reader, log)
            left_out = without_originals and {column for column, _ in originals_of(config, row)} or ()
            empty = [column for column, value in row.items() if value is None and column not in left_out]
            if empty:
                log.add(FILLED, where, f"'{empty[0]}' is null")
                continue
            for check, function in checks.items():
                for message in function(row, rules):
                    log.add(check, where, message)
            yield name, row
        if rules.watcher:
            rules.watcher.advance(len(rows))


def _look(where: str, row: Row, reader: Reader, log: Log) -> None:
    cells = {column: value["path"] if isinstance(value, dict) else value for column, value in row.items()}
    texts = {column: value for column, value in cells.items() if isinstance(value, str)}
    if next(reader.look("\n".join(texts.values())), None) is None:
        return
    for column, value in texts.items():
        for text in _unfolded(column, value):
            for check, message in reader.look(text):
                log.add(check, where, f"'{column}' {message}")


def _unfolded(column: str, text: str) -> list[str]:
    """The texts in a JSON string: in its escapes a line break after a colon looks like a drive letter."""
    if column == "provenance":
        try:
            return list(strings(json.loads(text)))
        except ValueError:
            pass
    return [text]


def sums(row: Row) -> bytes:
    """Four bytes for each column of `metadata`, in its order."""
    return b"".join(zlib.crc32(repr(row[column]).encode()).to_bytes(4, "big") for column in schema.METADATA_COLUMNS)


# --- checks of a row: messages, none when it is right ------------------------------------------------------------


def id_is_a_variants(row: Row, rules: Rules) -> Iterator[str]:
    if not _VARIANT.fullmatch(row["id"]):
        yield "the id is not that of a painting, a hyphen and a number"


def level_is_known(row: Row, rules: Rules) -> Iterator[str]:
    known: dict[bool | None, tuple[str, ...]] = {True: schema.LEVELS, False: ("",), None: (*schema.LEVELS, "")}
    allowed = known[rules.has_prompts]
    if row["level"] not in allowed:
        yield f"the level is '{row['level']}'; it must be {' or '.join(filter(None, allowed)) or 'empty: no prompts'}"


def prompt_is_there(row: Row, rules: Rules) -> Iterator[str]:
    for column in ("prompt_complete", "prompt_compressed") if rules.has_prompts is not None else ():
        if bool(row[column].strip()) != rules.has_prompts:
            yield f"'{column}' is empty" if rules.has_prompts else f"'{column}' is not empty, but the build has none"


def prompt_fits(row: Row, rules: Rules) -> Iterator[str]:
    counted = rules.count_tokens(row["prompt_compressed"]) if rules.count_tokens else 0
    tokens = max(counted, row["prompt_tokens"])
    if tokens > schema.MAX_PROMPT_TOKENS:
        yield f"the prompt has {tokens} tokens; CLIP reads {schema.MAX_PROMPT_TOKENS}"


def tokens_are_counted(row: Row, rules: Rules) -> Iterator[str]:
    if rules.count_tokens:
        counted = rules.count_tokens(row["prompt_compressed"])
        if row["prompt_tokens"] != counted:
            yield f"prompt_tokens is {row['prompt_tokens']}; the prompt has {counted}"


def seed_follows_from_identity(row: Row, rules: Rules) -> Iterator[str]:
    """The seed that remakes the variant alone: of the painting, the level, the number and the build's seed."""
    painting, _, number = row["id"].rpartition("-")
    build = rules.folder.fact("seed")
    if number.isdecimal() and build is not None:
        identity: tuple[Any, ...] = (painting, row.get("level"), int(number), build)
        if "subject" in row:
            artist, _, name = painting.rpartition("/")
            identity = artist, name, int(number), build
        if row["seed"] != seed_from(*identity):
            yield f"seed {row['seed']} is not the one of this id, level and build"


def provenance_agrees(row: Row, rules: Rules) -> Iterator[str]:
    try:
        facts = json.loads(row["provenance"])
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        yield "provenance is no JSON object"
        return
    for key in ("seed", "generator"):
        if facts.get(key) != row[key]:
            yield f"provenance says {key} {facts.get(key)!r}, the row {row[key]!r}"
    if facts.get("watermarked") is not False:
        yield "provenance does not say that the image has no watermark"


def box_is_inside(row: Row, rules: Rules) -> Iterator[str]:
    """The content box lies in the frame, is not empty, and fills it in one direction at least."""
    left, top, right, bottom = (row[side] for side in BOX_COLUMNS)
    size = rules.folder.fact("settings", "preprocess", "size")
    if not (0 <= left < right and 0 <= top < bottom):
        yield f"the content box ({left}, {top}, {right}, {bottom}) is empty or begins outside of the picture"
    elif isinstance(size, int) and max(right, bottom) > size:
        yield f"the content box ({left}, {top}, {right}, {bottom}) leaves the picture of {size} x {size}"
    elif isinstance(size, int) and max(right - left, bottom - top) < size - 1:
        yield f"the content box ({left}, {top}, {right}, {bottom}) fills {size} x {size} in neither direction"


def is_hash(text: str | None) -> bool:
    """Whether it is 16 hexadecimal digits."""
    return bool(_PHASH.fullmatch(text or ""))


def phash_is_one(row: Row, rules: Rules) -> Iterator[str]:
    if not is_hash(row["phash"]):
        yield f"phash '{row['phash']}' is not 16 hexadecimal digits"


Checks = dict[str, Callable[[Row, Rules], Iterator[str]]]

PHASH = "rows: phash"
UNIQUE = "ids: unique"
FILLED = "rows: no empty cell"
SAME_PAINTING = "rows: variants of a painting agree"
WORDS: Checks = {
    "ids: well formed": id_is_a_variants,
    "prompts: there": prompt_is_there,
    "prompts: 75 tokens at most": prompt_fits,
    "prompts: tokens counted": tokens_are_counted,
    "rows: seed": seed_follows_from_identity,
    "rows: provenance": provenance_agrees,
}
PAIR_CHECKS: Checks = {
    **WORDS,
    "rows: level": level_is_known,
    "rows: content box": box_is_inside,
    PHASH: phash_is_one,
}
"""What a person calls the check -> the check."""
