"""The data set's report as HTML and as Markdown: everything comes out of the JSON, pictures beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from artsim_dataset.pictures import artist_name, genre_name, title_name
from artsim_dataset.reading import Numbers
from artsim_dataset.report.bars import bars
from artsim_dataset.report.page import environment, setting_rows
from artsim_dataset.schema import MAX_PROMPT_TOKENS, SPLITS

if TYPE_CHECKING:
    from markupsafe import Markup

    from artsim_dataset.report.data import Shown
    from artsim_dataset.report.sheets import Key

BIN = 5
"""Tokens in a bar of the histogram of prompt lengths."""


def data_page(report: Mapping[str, Any], pictures: Mapping[Key, Shown | None]) -> str:
    """The page as HTML text."""
    return environment().get_template("data.html").render(**_context(report), pictures=pictures)


def data_markdown(report: Mapping[str, Any]) -> str:
    """The numbers as Markdown, for a card or an issue."""
    return environment().get_template("data.md").render(**_context(report))


def _context(report: Mapping[str, Any]) -> dict[str, Any]:
    numbers = Numbers(report)
    contents = [("sheet", "Contact sheets"), ("counts", "Counts"), ("sizes", "Sizes"), ("palettes", "Palettes")]
    contents += [("prompts", "Prompts")] if report["prompts"] else []
    contents += [("splits", "Splits"), ("duplicates", "Duplicates"), ("rejects", "Rejects"), ("again", "Settings")]
    return {
        "report": report,
        "number": numbers.number,
        "contents": contents,
        "splits": SPLITS,
        "levels": list(report["levels"]),
        "level_name": level_name,
        "genre_name": genre_name,
        "painting_name": painting_name,
        "settings": setting_rows(report.get("settings", {})),
        "orientations": ("portrait", "square", "landscape"),
        "aspects": _aspects(report["sizes"]["aspect_histogram"]),
        "lengths": {level: _lengths(level, told["histogram"]) for level, told in report["prompts"].items()},
        "limit": MAX_PROMPT_TOKENS,
        "percent": percent,
        "megabytes": megabytes,
    }


def level_name(level: str) -> str:
    """A level for people; where there are no prompts there is none."""
    return level or "no level"


def painting_name(id_: str) -> tuple[str, str, str]:
    """Title, artist and genre that an id of a painting tells.

    >>> painting_name("Cubism/juan-gris_guitar-1913")
    ('Guitar 1913', 'Juan Gris', 'Cubism')
    """
    genre, _, rest = id_.partition("/")
    artist, _, title = rest.rpartition("_")
    return title_name(title), artist_name(artist), genre_name(genre)


def percent(share: float) -> str:
    """A share for people; what is not all or nothing is not rounded to it.

    >>> percent(0.123), percent(0.0001), percent(1)
    ('12\xa0%', '<1\xa0%', '100\xa0%')
    """
    if 0 < share < 0.01:
        return "<1\u00a0%"
    return ">99\u00a0%" if 0.99 < share < 1 else f"{100 * share:.0f}\u00a0%"


def megabytes(size: int) -> str:
    """Bytes for people, in decimal units.

    >>> megabytes(42_000), megabytes(1_234_567), megabytes(2_500_000_000)
    ('42 kB', '1.2 MB', '2.5 GB')
    """
    if size < 1e5:
        return f"{size / 1e3:.0f} kB"
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _aspects(histogram: Mapping[str, Any]) -> Markup:
    edges, counts = histogram["edges"], histogram["counts"]
    names = [f"< {edges[1]:g}", *(f"{edge:g}" for edge in edges[1:-2]), f"{edges[-2]:g} <"]
    return bars(counts, names, None, "Number of paintings by width over height", "width over height", "paintings")


def _lengths(level: str, histogram: Mapping[str, Sequence[int]]) -> Markup:
    bins = max(map(len, histogram.values())) // BIN + 1
    before, after = (
        [sum(histogram[when][at * BIN : (at + 1) * BIN]) for at in range(bins)] for when in ("before", "after")
    )
    first = next(at for at in range(bins) if before[at] or after[at])
    names = [str(at * BIN) for at in range(first, bins)]
    label = f"Number of prompts by length in tokens, {level_name(level)}, before and after compression"
    return bars(after[first:], names, before[first:], label, "tokens", "prompts")
