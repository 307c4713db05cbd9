"""Pictures with captions as HTML, for the tabs that answer with works: alternative texts, no request per picture.

Everything that is not ours (titles, names, file names) is escaped here and nowhere else.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

    from artsim_dataset.app.data import Rows

THUMB, LARGE = 320, 768
_SMALL_WORDS = frozenset(
    ("a", "an", "and", "at", "by", "d", "da", "de", "del", "della", "der", "des", "di", "du", "el", "en", "et")
    + ("in", "la", "le", "les", "of", "on", "the", "to", "van", "von")
)


@dataclass(frozen=True)
class Figure:
    """A picture as it is shown: ``alt`` says what it is to who cannot see it; ``lines`` stand below the title."""

    picture: Image.Image
    alt: str
    title: str
    lines: Sequence[str] = ()

    def html(self, side: int = THUMB) -> str:
        """One `figure` element, the picture ``side`` pixels long at most."""
        lines = "".join(f"<span>{html.escape(line)}</span>" for line in self.lines)
        return (
            f'<figure><img src="{data_uri(self.picture, side)}" alt="{html.escape(self.alt)}" loading="lazy">'
            f"<figcaption><strong>{html.escape(self.title)}</strong>{lines}</figcaption></figure>"
        )


def figure_list(figures: Iterable[Figure], side: int = THUMB, label: str = "Pictures") -> str:
    """Figures as a list that fills the width; ``label`` names it for screen readers."""
    items = "".join(f"<li>{figure.html(side)}</li>" for figure in figures)
    return f'<ul class="figures" aria-label="{html.escape(label)}">{items}</ul>'


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


def data_uri(picture: Image.Image, side: int) -> str:
    """The picture inside the page: a JPEG, ``side`` pixels long at most."""
    small = picture.convert("RGB")
    small.thumbnail((side, side))
    data = io.BytesIO()
    small.save(data, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()


def spoken(name: str) -> str:
    """A name as file names have it, as a person writes it.

    >>> spoken("vincent-van-gogh"), spoken("the-night-cafe-1888"), spoken("Art_Nouveau_Modern"), spoken("Juan Gris")
    ('Vincent van Gogh', 'The Night Cafe 1888', 'Art Nouveau Modern', 'Juan Gris')
    """
    words = name.replace("_", " ").replace("-", " ").split()
    if name != name.lower():
        return " ".join(words)
    said = [word if word in _SMALL_WORDS else word[:1].upper() + word[1:] for word in words]
    return " ".join(said)[:1].upper() + " ".join(said)[1:]


def work_figure(rows: Rows, row: int, column: str, *lines: str) -> Figure:
    """A painting of the data set (``column`` original) or its variant (generated)."""
    title, artist = spoken(str(rows.titles[row])), spoken(str(rows.artists[row])) or "unknown artist"
    kind = "Painting" if column == "original" else f"AI variant, {rows.levels[row]}".rstrip(", ")
    return Figure(
        rows.picture(row, column),
        f"{kind} of {title} by {artist}" if column == "generated" else f"{title} by {artist}",
        title or str(rows.ids[row]),
        (f"{artist}, {spoken(str(rows.genres[row]))}", kind, *lines),
    )
