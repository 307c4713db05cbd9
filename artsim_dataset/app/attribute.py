"""The tab *Attribute*: the artists of the data set whose style an image is nearest to, with their nearest works.

Style is no proof of authorship. So the page says first how often such an answer is right, measured on the data set's
own paintings, and has an answer for "none of them".
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from artsim_dataset.app.figures import answer, figure_list, work_figure
from artsim_dataset.app.page import cannot, forget_answer, picture_input, told, uploaded
from artsim_dataset.app.search import Kept, Progress, counting, encoded, first_rows
from artsim_dataset.pictures import artist_name
from artsim_dataset.schema import painting_id_of

if TYPE_CHECKING:
    from artsim_dataset.app.data import Shown
    from artsim_dataset.attribute import ArtistIndex, Attribution, Likeness

TOP, WORKS = 5, 3


@dataclass(frozen=True)
class Ranked:
    """An artist for an image, with its works that are nearest to it: painting id and cosine, best first."""

    likeness: Likeness
    works: tuple[tuple[str, float], ...]


def make_index(shown: Shown, progress: Progress | None = None) -> ArtistIndex:
    """The artists of the data set, by its paintings. ConfigError without a data set, or without two artists of three
    works."""
    from artsim_dataset.attribute import ArtistIndex

    rows = shown.rows
    first = first_rows(rows)
    vectors = encoded(shown, first.tolist(), "original", progress)
    ids = [painting_id_of(rows.ids[row]) for row in first]
    return ArtistIndex.of(vectors, rows.artists[first].tolist(), rows.groups[first].tolist(), ids)


def rank(
    index: ArtistIndex, vector: np.ndarray, top: int = TOP, works: int = WORKS
) -> tuple[Attribution, list[Ranked]]:
    """The attribution of an image, a unit vector (d,), and its likeliest artists with their nearest works."""
    found = index.attribute(vector[None])[0]
    cosine = index.works @ vector
    ranked = []
    for likeness in found.artists[:top]:
        own = np.flatnonzero(index.artist == index.artists.index(likeness.artist))
        best = own[np.argsort(-cosine[own], kind="stable")][:works]
        ranked.append(Ranked(likeness, tuple((index.ids[work], float(cosine[work])) for work in best)))
    return found, ranked


def verdict(found: Attribution, artists: int) -> str:
    """The answer in a few words.

    >>> from artsim_dataset.attribute import Attribution, Likeness
    >>> verdict(Attribution((Likeness("Juan Gris", 0.2, 0.5, 0.1),), 0.8, ()), 12)
    'none of the 12 artists (80%); if one of them, then Juan Gris'
    """
    first = found.artists[0]
    if found.answer is None:
        return f"none of the {artists:,} artists ({found.none:.0%}); if one of them, then {artist_name(first.artist)}"
    return f"most like {artist_name(first.artist)} ({first.probability:.0%})"


def explained(index: ArtistIndex) -> Sequence[str]:
    """What the numbers mean and how far to believe them, a sentence each, measured on the data set's own works."""
    quality = index.quality
    return (
        f"Compared with {quality['works']:,.0f} works of {len(index.artists):,} artists of the data set, those of "
        "three works or more.",
        f"How often it is right: left out one by one, {quality['top1']:.0%} of these works went to their own artist, "
        f"and {quality['top5']:.0%} had it among the first five. By chance it would be {1 / len(index.artists):.1%}.",
        "The percentage is the calibrated chance that this artist's style fits best, if the image is by one of them at "
        "all; the chance that it is by none is given as well. Style similarity is the mean cosine with the artist's "
        "works, from -1 to 1. The order corrects it for artists whose works are near to everything.",
        "A likeness of style is no proof of authorship: pupils, copies, forgeries and AI variants are like their "
        "models. Numbers of two data sets cannot be compared.",
    )


def results(shown: Shown, index: ArtistIndex, vector: np.ndarray) -> str:
    """The artists for an image, with their nearest works, as HTML; what the numbers mean stands below."""
    found, ranked = rank(index, vector)
    row_of = {painting_id_of(shown.rows.ids[row]): int(row) for row in first_rows(shown.rows)}
    blocks = []
    for place, one in enumerate(ranked, 1):
        likeness = one.likeness
        figures = [work_figure(shown.rows, row_of[id_], "original", f"similarity {c:.3f}") for id_, c in one.works]
        name = artist_name(likeness.artist)
        blocks.append(
            f"<li><h3>{place}. {html.escape(name)}</h3>"
            + _measure(likeness.probability, f"style similarity {likeness.gss:.3f}")
            + figure_list(figures, side=200, label=f"Nearest works of {name}")
            + "</li>"
        )
    heading = verdict(found, len(index.artists))
    meaning = "".join(f"<li>{html.escape(line)}</li>" for line in explained(index))
    return (
        answer(heading[:1].upper() + heading[1:])
        + f"<h3>None of them</h3>{_measure(found.none)}"
        + f'<ol class="artists">{"".join(blocks)}</ol>'
        + f'<h3>What the numbers mean</h3><ul class="meaning">{meaning}</ul>'
    )


def _measure(probability: float, more: str = "") -> str:
    bar = f'<meter min="0" max="1" value="{probability:.4f}" aria-label="chance"></meter>'
    return f'<p class="measure">{bar} {" &middot; ".join(filter(None, (f"{probability:.1%}", more)))}</p>'


def tab(shown: Shown) -> None:
    """Makes the components of the tab in the current `gr.Tab`."""
    import gradio as gr

    if shown.dataset is None:
        cannot("Attribute needs a data set with the works of artists: artsim app --dataset DATASET")
        return
    index = Kept(lambda progress: make_index(shown, progress))

    @told
    def attributed(path: str | None, progress: Any = gr.Progress()) -> str:  # noqa: B008
        vector = shown.encode([uploaded(path)])[0]
        return results(shown, index.get(counting(progress)), vector)

    with gr.Row(elem_classes="ask"):
        with gr.Column(scale=1, min_width=280):
            picture = picture_input("Picture to attribute")
            ask = gr.Button("Whose style is it?", variant="primary")
        with gr.Column(scale=3, min_width=280):
            found = gr.HTML(_HELP, elem_id="attribute-results", elem_classes="answers")
    ask.click(attributed, picture, found)
    forget_answer(picture, found, _HELP)


_HELP = """<p>Ranks the artists of the data set by how much a picture is in their style, and shows the works it is
nearest to. Artists of fewer than three works are left out.</p><p>Style is no proof of authorship. How often the answer
is right on the data set's own paintings is measured, and said with every answer. The first one takes longest: it
encodes the paintings.</p>"""
