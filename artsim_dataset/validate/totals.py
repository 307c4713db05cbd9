"""Checks of all pairs together: groups and splits, the CSV files, and the numbers that build.json and the card give."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any

from artsim_dataset import schema
from artsim_dataset.validate.card import read_csv
from artsim_dataset.validate.findings import Problem
from artsim_dataset.validate.folder import Folder
from artsim_dataset.validate.rows import Known

_FIRST = "SELECT {0}, split, min(n) FROM paintings GROUP BY {0}"
"""The split of the first painting of each: SQLite takes the other columns from the row with the minimum."""


def groups_are_on_one_side(folder: Folder, known: Known) -> Iterator[Problem]:
    """No group of near-duplicates in both splits, and each named after one of its paintings."""
    wrong = known.index.select(f"""
        SELECT p.id, p."group", p.split != first.split AS is_split, named."group" IS NOT p."group" AS is_unnamed
        FROM paintings AS p JOIN ({_FIRST.format('"group"')}) AS first USING ("group")
        LEFT JOIN paintings AS named ON named.id = p."group"
        WHERE is_split OR is_unnamed ORDER BY p.n
    """)
    for id_, group, is_split, is_unnamed in wrong:
        if is_split:
            yield f"pairs {id_}", f"its group '{group}' is in train and in test"
        if is_unnamed:
            yield f"pairs {id_}", f"its group '{group}' is not named after a painting of it"


def artists_are_on_one_side(folder: Folder, known: Known) -> Iterator[Problem]:
    """Asked of artist-disjoint splits only; works of unknown artists may be anywhere."""
    if folder.fact("settings", "split", "scheme") != "artist-disjoint":
        return
    wrong = known.index.select(f"""
        SELECT p.id, slug FROM paintings AS p JOIN ({_FIRST.format("slug")}) AS first USING (slug)
        WHERE slug != '' AND p.split != first.split ORDER BY p.n
    """)
    for id_, artist in wrong:
        yield f"pairs {id_}", f"works of '{artist}' are in train and in test"


def csv_files_agree(folder: Folder, known: Known) -> Iterator[Problem]:
    """data.csv and metadata.csv have a row for each pair, with its file names and prompts."""
    yield from _csv(folder, known, "data.csv", ("generated_image", "prompt"))
    columns = ("original_image", "prompt_complete", "prompt_compressed", "generated_image")
    yield from _csv(folder, known, "metadata.csv", columns)


def _csv(folder: Folder, known: Known, name: str, columns: tuple[str, ...]) -> Iterator[Problem]:
    try:
        rows = read_csv(folder, name, columns)
    except ValueError as error:
        yield name, str(error)
        return
    listed = name.replace(".", "_")
    tally, place = known.index.tally(listed), columns.index("generated_image")
    for row in rows:
        tally.count(row[place])
        image = known.images.get(row[place])
        if image is None:
            yield name, f"names '{row[place]}', which pairs has not"
        elif len(columns) == 2 and row[1] != image["prompt"]:
            yield name, f"the prompt of '{row[place]}' is another than in pairs"
        elif len(columns) == 4 and zlib.crc32("\x1f".join(row[:3]).encode()) != image["sum"]:
            yield name, f"what it says of '{row[place]}' is another than in pairs"
    times = f"SELECT id, ifnull(times, 0) AS times FROM images LEFT JOIN {listed} USING (id)"
    for id_, seen in known.index.select(f"{times} WHERE ifnull(times, 0) != 1 ORDER BY n"):
        yield name, f"'{id_}' stands there {seen} times"


def build_counts_agree(folder: Folder, known: Known) -> Iterator[Problem]:
    """The numbers of build.json, and so of the card, are those of the rows."""
    if not folder.build:
        return

    def by(column: str) -> dict[str, int]:
        """Paintings by what is in a column, in the order in which that comes first."""
        query = f"SELECT {column}, count(*) FROM paintings GROUP BY {column} ORDER BY min(n)"
        return {value: number for value, number in known.index.select(query)}

    ((paintings,),) = known.index.select("SELECT count(*) FROM paintings")
    ((pairs, tokens, most),) = known.index.select("SELECT count(*), sum(prompt_tokens), max(prompt_tokens) FROM pairs")
    ((artists,),) = known.index.select("SELECT count(DISTINCT artist) FROM pairs WHERE artist != ''")
    levels = {level: number for level, number in known.index.select("SELECT level, count(*) FROM pairs GROUP BY level")}
    ((groups, in_groups),) = known.index.select("""
        SELECT count(*), total(number) FROM (SELECT count(*) AS number FROM paintings GROUP BY "group") WHERE number > 1
    """)
    expected: dict[str, Any] = {
        "paintings": paintings,
        "variants": pairs,
        "artists": artists,
        "genres": by("genre"),
        "levels": {level: levels.get(level, 0) for level in schema.LEVELS},
        "paintings_by_split": by("split"),
        "near_duplicates": {"groups": groups, "paintings": int(in_groups)},
    }
    for key, value in expected.items():
        if folder.fact(key) != value:
            yield "build.json", f"'{key}' is {folder.fact(key)}; the rows give {value}"
    if pairs:
        stated = folder.fact("prompt_tokens") or {}
        counted = {"compressed_mean": round(tokens / pairs, 1), "compressed_max": most}
        if any(stated.get(key) != value for key, value in counted.items()):
            yield "build.json", f"'prompt_tokens' is {stated}; the rows give {counted}"
    made = folder.build["stages"][-1]["rows_out"]
    if made != pairs:
        yield "build.json", f"its last stage gave {made:,} rows; pairs has {pairs:,}"


COUNTS = "build.json: counts"
END_CHECKS: dict[str, Callable[[Folder, Known], Iterator[Problem]]] = {
    "splits: groups": groups_are_on_one_side,
    "splits: artists": artists_are_on_one_side,
    "csv: as in pairs": csv_files_agree,
    COUNTS: build_counts_agree,
}
"""What a person calls the check -> the check."""
