"""Pictures with captions as HTML, for the tabs that answer with works: alternative texts, no request per picture.

Everything that is not ours (titles, names, file names) is escaped here and nowhere else.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artsim_dataset.pictures import artist_name, genre_name, thumbnail, title_name

if TYPE_CHECKING:
    from PIL import Image

    from artsim_dataset.app.data import Rows

THUMB, LARGE = 320, 768


@dataclass(frozen=True)
class Figure:
    """A picture as it is shown: ``alt`` says what it is to who cannot see it; ``lines`` stand below the title."""

    picture: Image.Image
    alt: str
    title: str
    lines: Sequence[str] = ()

    def html(self, side: int = THUMB) -> str:
        """One `figure` element, the picture ``side`` pixels long at most."""
        data, (width, height) = thumbnail(self.picture, side)
        lines = "".join(f"<span>{html.escape(line)}</span>" for line in self.lines)
        return (
            f'<figure><img src="{data}" width="{width}" height="{height}" alt="{html.escape(self.alt)}">'
            f"<figcaption><strong>{html.escape(self.title)}</strong>{lines}</figcaption></figure>"
        )


def figure_list(figures: Iterable[Figure], side: int = THUMB, label: str = "Pictures") -> str:
    """Figures as a list that fills the width; ``label`` names it for screen readers."""
    items = "".join(f"<li>{figure.html(side)}</li>" for figure in figures)
    kind = "figures large" if side == LARGE else "figures"
    return f'<ul class="{kind}" aria-label="{html.escape(label)}">{items}</ul>'


def facts_table(facts: Iterable[tuple[str, str]], caption: str) -> str:
    """Names and values as a table."""
    rows = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(value)}</td></tr>' for name, value in facts
    )
    return f'<table class="facts"><caption>{html.escape(caption)}</caption><tbody>{rows}</tbody></table>'


def answer(text: str, more: str = "") -> str:
    """The answer of a tab in one line, told to screen readers when it comes; ``more`` is HTML below it."""
    return f'<p class="answer" role="status">{html.escape(text)}</p>{more}'


def note(text: str) -> str:
    """A sentence that must be read with the answer."""
    return f'<p class="note" role="note">{html.escape(text)}</p>'


def work_figure(rows: Rows, row: int, column: str, *lines: str) -> Figure:
    """A painting of the data set (``column`` original) or its variant (generated)."""
    title, artist = title_name(str(rows.titles[row])), artist_name(str(rows.artists[row]))
    level = str(rows.levels[row])
    kind = "Painting" if column == "original" else f"AI variant, {level}" if level else "AI variant"
    of = f"{title} by {artist}"
    return Figure(
        rows.picture(row, column),
        of if column == "original" else f"{kind}, of {of}",
        title,
        (f"{artist}, {genre_name(str(rows.genres[row]))}", kind, *lines),
    )
