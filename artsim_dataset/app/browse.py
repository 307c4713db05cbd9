"""The tab Browse: paintings beside their variants, twelve a page, filtered by genre, artist, level and split.

Filters work on the labels in memory; pictures, prompts and cosines are of the shown page only. The cards are HTML of
our own, so that they are buttons in a list to the keyboard and to screen readers. `browse.js` asks for cosines when
the cards are there (a visitor need not wait for a model), and opens one pair in a dialog.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from artsim_dataset.app.page import cannot, sentence, told
from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.pictures import artist_name, genre_name, thumbnail, title_name
from artsim_dataset.schema import LEVELS, SPLITS

if TYPE_CHECKING:
    from artsim_dataset.app.data import Rows, Shown

PAGE = 12
CARD_SIDE, LARGE_SIDE = 360, 900
SCRIPT = Path(__file__).parents[1] / "templates" / "browse.js"


@dataclass(frozen=True)
class Filters:
    """What is asked for; '' is everything."""

    genre: str = ""
    artist: str = ""
    level: str = ""
    split: str = ""

    def matching(self, rows: Rows) -> np.ndarray:
        """The rows that fit, in the data set's order: indices, shape (n,)."""
        fits = np.ones(len(rows), bool)
        for wanted, labels in zip(
            (self.genre, self.artist, self.level, self.split),
            (rows.genres, rows.artists, rows.levels, rows.splits),
            strict=True,
        ):
            if wanted:
                fits &= labels == wanted
        return np.flatnonzero(fits)


def genre_choices(rows: Rows) -> list[tuple[str, str]]:
    """Label with the number of rows, and value, of each genre that the data set has; first the one for all."""
    return [("All genres", ""), *((f"{genre_name(g)} ({n:,})", g) for g, n in _counts(rows.genres))]


def artist_choices(rows: Rows) -> list[tuple[str, str]]:
    """The same of artists, in the order of their names as they are shown."""
    named = [(f"{artist_name(a)} ({n:,})", a) for a, n in _counts(rows.artists) if a]
    return [("All artists", ""), *sorted(named, key=lambda choice: choice[0].lower())]


def _counts(labels: np.ndarray) -> list[tuple[str, int]]:
    values, counts = np.unique(labels.astype(str), return_counts=True)
    return list(zip(values.tolist(), counts.tolist(), strict=True))


def page_start(start: int, step: int, total: int) -> int:
    """Where the page ``step`` pages further starts; a page that is not there leaves it where it is.

    >>> page_start(0, 1, 30), page_start(24, 1, 30), page_start(0, -1, 30)
    (12, 24, 0)
    """
    wanted = start + step * PAGE
    return wanted if 0 <= wanted < total else start


def position(start: int, total: int) -> str:
    """Where the visitor is.

    >>> position(0, 81444), position(24, 30), position(0, 1), position(0, 0)
    ('1 to 12 of 81,444', '25 to 30 of 30', '1 of 1', 'Nothing fits these filters')
    """
    if not total:
        return "Nothing fits these filters"
    last = min(start + PAGE, total)
    return f"{start + 1:,} to {last:,} of {total:,}" if last > start + 1 else f"{last:,} of {total:,}"


def cards(rows: Rows, shown: Sequence[int]) -> str:
    """The page as HTML: a list of buttons, one a pair."""
    return f'<ul class="pairs" aria-label="Paintings and their variants">{"".join(_card(rows, r) for r in shown)}</ul>'


def _card(rows: Rows, row: int) -> str:
    facts = rows.facts(row)
    title, artist, genre = title_name(facts["title"]), artist_name(facts["artist"]), genre_name(facts["genre"])
    level = html.escape(facts["level"])
    painting = _picture(rows, row, "original", CARD_SIDE, f"{title}, the painting")
    variant = _picture(rows, row, "generated", CARD_SIDE, f"its {facts['level']} variant")
    return (
        f'<li><button type="button" class="pair" data-row="{row}"><span class="prints">{painting}{variant}</span>'
        f'<span class="title">{html.escape(title)}</span>'
        f'<span class="quiet">{html.escape(artist)} &middot; {html.escape(genre)}</span>'
        f'<span class="prompt">{html.escape(facts["prompt_compressed"] or "")}</span>'
        f'<span class="foot"><span class="chip {level}">{level}</span>'
        f'<span class="quiet">similarity <span class="cosine">&hellip;</span></span></span></button></li>'
    )


def _picture(rows: Rows, row: int, column: str, side: int, alt: str) -> str:
    """The picture inside the page, or what keeps it from being shown."""
    try:
        data, (width, height) = thumbnail(rows.picture(row, column), side)
    except ConfigError:
        return '<span class="missing">not published</span>'
    except ArtsimError:
        return '<span class="missing">cannot be read</span>'
    return f'<img src="{data}" width="{width}" height="{height}" alt="{html.escape(alt)}">'


def detail(rows: Rows, row: int) -> str:
    """One pair as HTML: its pictures large, and all that is known of it."""
    facts = rows.facts(row)
    title, level = title_name(facts["title"]), facts["level"]
    known = {
        "Similarity": '<span class="cosine">&hellip;</span>',
        "Prompt": html.escape(facts["prompt_complete"] or "none"),
        "Prompt, compressed": f"{html.escape(facts['prompt_compressed'] or 'none')} ({facts['prompt_tokens']} tokens)",
        "Caption": html.escape(facts["caption"] or "none"),
        "Caption of the variant": html.escape(facts["generated_caption"] or "none"),
        "Seed": f"<code>{facts['seed']}</code>",
        "Generator": html.escape(facts["generator"]),
        "Split": facts["split"],
        "Id": f"<code>{html.escape(facts['id'])}</code>",
    }
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in known.items())
    shown = (("original", "Painting"), ("generated", f"Variant, {level}"))
    figures = "".join(
        f"<figure>{_picture(rows, row, column, LARGE_SIDE, f'{title}: {name}')}<figcaption>{name}</figcaption></figure>"
        for column, name in shown
    )
    return (
        f'<h2 id="pair-title" tabindex="-1">{html.escape(title)}</h2>'
        f'<p class="quiet">{html.escape(artist_name(facts["artist"]))} &middot; {genre_name(facts["genre"])}</p>'
        f'<div class="prints">{figures}</div><dl>{listed}</dl>'
        f"<details><summary>Provenance</summary><pre>{_provenance(facts['provenance'])}</pre></details>"
    )


def _provenance(text: str) -> str:
    try:
        return html.escape(json.dumps(json.loads(text), indent=2, ensure_ascii=False))
    except ValueError:
        return html.escape(text)


def cosines(shown: Shown, rows: Sequence[int]) -> list[float | None]:
    """Cosine similarity of painting and variant of some rows, -1 to 1; None where a picture is not there."""
    from artsim_dataset.encoders.embed import Wanted
    from artsim_dataset.views import FULL

    there = [row for row in rows if _has_pictures(shown.rows, row)]
    vectors = shown.vectors([Wanted(row, column, FULL) for row in there for column in ("original", "generated")])
    found = dict(zip(there, (vectors[0::2] * vectors[1::2]).sum(1).tolist(), strict=True))
    return [found.get(row) for row in rows]


def _has_pictures(rows: Rows, row: int) -> bool:
    try:
        for column in ("original", "generated"):
            rows.picture(row, column)
    except ArtsimError:
        return False
    return True


def tab(shown: Shown) -> None:
    """Makes the components of the tab in the current `gr.Tab`."""
    if shown.dataset is None:
        cannot("There is no data set to browse. Start the app with one: artsim app --dataset my-dataset")
        return
    import gradio as gr

    rows = shown.rows
    levels = [("Both levels", ""), *((level.capitalize(), level) for level in LEVELS)]
    splits = [("All splits", ""), *((split.capitalize(), split) for split in SPLITS)]
    with gr.Row(elem_id="filters"):
        filters = [
            gr.Dropdown(genre_choices(rows), value="", label="Genre", min_width=160),
            gr.Dropdown(artist_choices(rows), value="", label="Artist", min_width=160),
            gr.Dropdown(levels, value="", label="Level", filterable=False, min_width=120),
            gr.Dropdown(splits, value="", label="Split", filterable=False, min_width=120),
        ]

    def state(start: int, chosen: np.ndarray) -> tuple[Any, ...]:
        total = len(chosen)
        return (
            start,
            _told_position(position(start, total)),
            gr.Button(interactive=start > 0),
            gr.Button(interactive=start + PAGE < total),
            cards(rows, chosen[start : start + PAGE].tolist()),
        )

    everything = np.arange(len(rows))
    start = gr.State(0)
    with gr.Row(elem_id="paging"):
        back = gr.Button("Previous", size="sm", elem_id="previous", interactive=False, min_width=80, scale=0)
        where = gr.HTML(_told_position(position(0, len(rows))), elem_id="position")
        on = gr.Button("Next", size="sm", elem_id="next", interactive=len(rows) > PAGE, min_width=80, scale=0)
    grid = gr.HTML(
        cards(rows, everything[:PAGE].tolist()),
        elem_id="grid",
        apply_default_css=False,
        js_on_load=SCRIPT.read_text("utf-8"),
        server_functions=_asked_by_script(shown),
    )
    outputs = [start, where, back, on, grid]

    def turn(step: int) -> Any:
        def answer(at: int, genre: str, artist: str, level: str, split: str) -> tuple[Any, ...]:
            chosen = Filters(genre or "", artist or "", level or "", split or "").matching(rows)
            return state(page_start(at, step, len(chosen)) if step else 0, chosen)

        return told(answer)

    back.click(turn(-1), [start, *filters], outputs, show_progress="hidden", trigger_mode="multiple")
    on.click(turn(1), [start, *filters], outputs, show_progress="hidden", trigger_mode="multiple")
    for one in filters:
        one.input(turn(0), [start, *filters], outputs, show_progress="hidden")


def _told_position(text: str) -> str:
    return f'<p role="status">{text}</p>'


def _asked_by_script(shown: Shown) -> list[Any]:
    """What `browse.js` calls on the server. Errors are answers here: a script can show them where they belong."""

    def pair(row: Any) -> dict[str, str]:
        if not isinstance(row, int) or not 0 <= row < len(shown.rows):
            return {"error": "There is no such row."}
        return _answered(lambda: detail(shown.rows, row))

    def similarities(wanted: Any) -> dict[str, Any]:
        known = range(len(shown.rows))
        if not isinstance(wanted, list) or len(wanted) > PAGE or any(row not in known for row in wanted):
            return {"error": "There are no such rows."}
        return _answered(lambda: cosines(shown, wanted))

    return [pair, similarities]


def _answered(answer: Callable[[], Any]) -> dict[str, Any]:
    """The answer, or the sentence for the visitor in its place."""
    try:
        return {"answer": answer()}
    except Exception as error:
        return {"error": sentence(error)}
