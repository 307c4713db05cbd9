"""The report of a data set alone: what is in it, what was lost, what it looks like.

Decision: it is made of what is published (`metadata`, `real_vs_ai`, rejected.csv, build.json) and not of the build's
working folder, so that anybody who has the data set can make it, and it tells what a reader will find.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from artsim_dataset.errors import ConfigError
from artsim_dataset.export.writing import Watcher
from artsim_dataset.load import check_dataset
from artsim_dataset.loading.published import Published, find_published
from artsim_dataset.pictures import thumbnail
from artsim_dataset.report import sheets, tables
from artsim_dataset.report.colours import palette, tile
from artsim_dataset.report.prompts import Prompts
from artsim_dataset.storage import place
from artsim_dataset.version import __version__

PALETTE_PAINTINGS = 16
"""Paintings of each genre, each with a variant, whose colours make its palette."""
SHEET = 24
"""Variants on a contact sheet, each beside its painting."""
GROUPS, MEMBERS = 8, 4
"""Near-duplicate groups that are shown, and how many paintings of each."""
SIDE = 192
"""Longest side of a picture on the page in pixels: with all of them the page has about 1.5 MB."""
SAID = ("preset", "seed", "schema", "digest", "settings", "makers", "software", "stages")


@dataclass(frozen=True)
class Shown:
    """A picture on the page: URI of a JPEG, its size in pixels."""

    data: str
    width: int
    height: int


def write_data_report(
    dataset: str | Path, folder: Path, command: str, count: Callable[[str], int], watch: Watcher
) -> dict[str, Any]:
    """Writes ``folder/index.html``, ``report.json`` and ``report.md`` about a data set.

    Args:
        dataset: a data set folder, here or in an object store, or a Hub id.
        folder: made when it does not exist.
        command: the line that makes this report again.
        count: CLIP tokens of a text.
        watch: told of rows and pictures as they are done.

    Returns:
        What report.json holds.

    Raises:
        DatasetNotFound: there is no data set.
        ConfigError: it has no paintings (a case study's images), or lacks a picture that it lists.
    """
    from artsim_dataset.report.data_page import data_markdown, data_page
    from artsim_dataset.report.page import write_pages

    check_dataset(dataset)
    published = find_published(dataset)
    report, wanted = describe(published, Path(str(dataset)).name, command, count, watch)
    shown = _look(published, report, wanted, watch)
    write_pages(folder, data_page(report, shown), report, data_markdown(report))
    return report


def describe(
    published: Published, name: str, command: str, count: Callable[[str], int], watch: Watcher
) -> tuple[dict[str, Any], dict[str, list[tuple[str, str]]]]:
    """All that needs no pixels; and for each genre the paintings with a variant that its palette is made of."""
    build = published.build
    if "pairs" not in build.get("rows", {}):
        raise ConfigError(
            f"{name} holds images made from prompts alone, no paintings: 'artsim report' has nothing to show of it; "
            "see 'artsim casestudy'"
        )
    prompts = Prompts(count)
    variants = tables.read_metadata(published.files({"metadata"}), prompts.look, watch)
    paintings = tables.paintings_of(variants)
    seed = int(build.get("seed", 0))
    chosen = sheets.by_genre(paintings, PALETTE_PAINTINGS, seed)
    rejects, examples = _rejects(published)
    report = {
        "artsim": __version__,
        "dataset": name,
        "command": command,
        **{key: build[key] for key in SAID if key in build},
        "rows": build["rows"],
        **tables.counts(variants, paintings),
        "leaks": tables.leaks(variants),
        "sizes": tables.sizes(paintings),
        "prompts": prompts.to_json(),
        "near_duplicates": tables.near_duplicates(paintings, GROUPS, MEMBERS),
        "rejects": rejects,
        "rejected": sum(reject["count"] for reject in rejects),
        "reject_examples": examples,
        "sheets": sheets.contact_sheets(variants, SHEET, seed),
        "bytes": _bytes(published),
    }
    return report, chosen


def _rejects(published: Published) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Rejects by stage and reason, and the first of each with its message."""
    counted: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], dict[str, str]] = {}
    text = place(published.file("rejected.csv")).read_bytes().decode()
    for row in csv.DictReader(io.StringIO(text, newline="")):
        key = (row["stage"], row["reason"])
        counted[key] += 1
        examples.setdefault(key, {name: row[name] for name in ("stage", "reason", "id", "message")})
    rejects = [{"stage": stage, "reason": reason, "count": n} for (stage, reason), n in sorted(counted.items())]
    return rejects, [examples[key] for key in sorted(examples)]


def _bytes(published: Published) -> dict[str, int]:
    """Size of each config's files; of those that are not all here (a partial download, the Hub) nothing is said."""
    sizes: dict[str, list[Path]] = {}
    for name in published.names if published.folder else ():
        config, slash, _ = name.partition("/")
        if slash:
            sizes.setdefault(config, []).append(Path(published.folder, name))
    return {
        config: sum(path.stat().st_size for path in paths)
        for config, paths in sorted(sizes.items())
        if all(path.is_file() for path in paths)
    }


def _look(
    published: Published, report: dict[str, Any], palettes: Mapping[str, list[tuple[str, str]]], watch: Watcher
) -> dict[sheets.Key, Shown | None]:
    """Reads the pictures once: thumbnails for the page, and the palettes, which are added to ``report``."""
    page: set[sheets.Key] = set()
    for rows in report["sheets"].values():
        page |= {(sheets.ORIGINAL, row["painting"]) for row in rows} | {(sheets.AI, row["id"]) for row in rows}
    for group in report["near_duplicates"]["examples"]:
        page |= {(sheets.ORIGINAL, id_) for id_ in group["ids"]}
    genre_of: dict[sheets.Key, tuple[str, str]] = {}
    for genre, ids in palettes.items():
        for painting, variant in ids:
            genre_of[sheets.ORIGINAL, painting] = (genre, "paintings")
            genre_of[sheets.AI, variant] = (genre, "variants")
    tiles: dict[tuple[str, str], list[tuple[sheets.Key, np.ndarray]]] = {}
    shown: dict[sheets.Key, Shown | None] = {}
    files = published.files({"real_vs_ai"})
    for key, picture in sheets.pictures(files, page | set(genre_of), watch):
        if picture is not None and key in genre_of:
            tiles.setdefault(genre_of[key], []).append((key, tile(picture)))
        if key in page:
            shown[key] = None if picture is None else _thumbnail(picture)
    report["palettes"] = {
        genre: {kind: palette([t for _, t in sorted(tiles[genre, kind], key=lambda item: item[0])])
                for kind in ("paintings", "variants") if (genre, kind) in tiles} | {"pictures": len(ids)}
        for genre, ids in palettes.items()
    }  # fmt: skip
    return shown


def _thumbnail(picture: Any) -> Shown:
    data, (width, height) = thumbnail(picture, SIDE)
    return Shown(data, width, height)
