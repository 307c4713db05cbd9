"""The tab Compare: how alike two pictures are, and what that means.

A cosine alone says nothing, since every model has its own scale. So it is shown among the cosines of known pairs, of
paintings with their variants and of strangers, as a picture and in words, with how sure the words are: shares of a
hundred known pairs have wide intervals, and a verdict that another hundred might change says so.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from artsim_dataset.app.page import picture_input, told, uploaded
from artsim_dataset.app.search import first_rows
from artsim_dataset.errors import ConfigError
from artsim_dataset.metrics import wilson
from artsim_dataset.schema import painting_id_of, seed_from
from artsim_dataset.standing import Known, Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    import gradio as gr
    from PIL import Image

    from artsim_dataset.app.data import Rows, Shown

SAMPLE = 100
"""Paintings whose pairs are measured when the model brings no known pairs: some seconds of `lite` on two cores."""
ENOUGH = 20
"""Of fewer test paintings no sample is drawn: that of all splits says more."""


# --- what is known ---------------------------------------------------------------------------------------------


def measured(shown: Shown) -> Known | None:
    """Known pairs of a seeded sample of the data set: of its test split, of all of it when that is small.

    Each sampled painting gives one positive, with its first variant, and one negative, with a sampled painting of
    another genre. None when all of the sample is of one genre, or the originals were not published. Embeddings are
    kept in the cache.
    """
    from artsim_dataset.encoders.embed import Wanted
    from artsim_dataset.views import FULL

    rows = shown.rows
    if not rows.published("original"):
        return None
    first = first_rows(rows)
    test = first[rows.splits[first] == "test"]
    own, name = (test, "test ") if len(test) >= ENOUGH else (first, "")
    order = sorted(own.tolist(), key=lambda row: seed_from("known", rows.ids[row]))[:SAMPLE]
    genres = rows.genres[order]
    if len(set(genres)) < 2:
        return None
    strangers = np.array([_next_of_another(genres, at) for at in range(len(order))])
    vectors = shown.vectors([Wanted(row, column, FULL) for column in ("original", "generated") for row in order])
    originals, variants = np.split(vectors, 2)
    positive, negative = (originals * variants).sum(1), (originals * originals[strangers]).sum(1)
    return Known.measured(positive, negative, f"{len(order):,} {name}paintings of {shown.dataset_name}")


def _next_of_another(genres: np.ndarray, at: int) -> int:
    """The first place after ``at``, around the end, whose genre is another one."""
    others = np.flatnonzero(genres != genres[at])
    return int(others[np.argmin((others - at) % len(genres))])


# --- the verdict -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """A cosine in words. ``sure``: whether the verdict holds at both ends of the 95 % intervals."""

    similarity: float
    verdict: str
    reasons: str
    sure: bool


def answer(similarity: float, known: Known | None) -> Answer:
    """What the cosine of two pictures means among known pairs; without any, only that it cannot be said."""
    if known is None:
        reasons = (
            "A cosine means something only beside those of known pairs, and none are known: start the app with a "
            "trained model (--model) or a data set (--dataset)."
        )
        return Answer(similarity, "Not known", reasons, sure=False)
    standing = known.standing(similarity)
    positives, negatives = known.pairs
    below = wilson(standing.positives_below, positives)
    above = wilson(standing.negatives_above, negatives)
    sure = {Standing(similarity, b, a).verdict for b in below for a in above} == {standing.verdict}
    reasons = (
        f"Of {positives:,} paintings and their variants {_share(standing.positives_below, below)} are less alike than "
        f"these two. Of {negatives:,} pairs of strangers {_share(standing.negatives_above, above)} are as much alike, "
        f"or more. Measured on {known.of}; in brackets 95% intervals."
    )
    if not sure:
        reasons += " This is near the border: with other known pairs the verdict might be another one."
    return Answer(similarity, standing.verdict[:1].upper() + standing.verdict[1:], reasons, sure)


def _share(share: float, interval: tuple[float, float]) -> str:
    return f"{share:.0%} ({interval[0]:.0%} to {interval[1]:.0%})"


def as_html(found: Answer, known: Known | None) -> str:
    """The answer with its picture, told to screen readers when it comes."""
    plot = "" if known is None else _plot(found.similarity, known)
    return (
        f'<section class="verdict" role="status" aria-label="Result"><p class="number">'
        f"<strong>{found.similarity:.4f}</strong><span>{html.escape(found.verdict)}{'' if found.sure else '?'}</span>"
        f"</p><p>{html.escape(found.reasons)}</p>{plot}</section>"
    )


# --- the picture of it -----------------------------------------------------------------------------------------


def _plot(similarity: float, known: Known) -> str:
    """Both distributions as areas over the axis of cosines, and a mark where these two pictures stand."""
    low = min(known.negative[0], known.positive[0], similarity)
    low, high = max(-1.0, math.floor(low * 10 - 0.5) / 10), 1.0
    grid = np.linspace(low, high, 181)
    heights = [density(part, grid) for part in (known.negative, known.positive)]
    top = max(float(height.max()) for height in heights)

    def percent(value: float) -> str:
        return f"{100 * (value - low) / (high - low):.2f}"

    areas = "".join(
        f'<path class="{kind}" d="M0 100 '
        + " ".join(f"L{percent(g)} {100 - 100 * h / top:.2f}" for g, h in zip(grid, height, strict=True))
        + ' L100 100 Z"/>'
        for kind, height in zip(("strangers", "variants"), heights, strict=True)
    )
    step = 0.1 if high - low <= 0.6 else 0.2
    ticks = "".join(
        f'<span class="tick" style="left:{percent(value)}%">{value:.1f}</span>'
        for value in np.arange(math.ceil(low / step - 1e-9) * step, high + 1e-9, step) + 0.0
    )
    middles = [float(np.median(part)) for part in (known.positive, known.negative)]
    spoken = (
        f"Cosine {similarity:.3f} on an axis from {low:.1f} to 1. Half of the paintings and their variants are above "
        f"{middles[0]:.3f}, half of the strangers are above {middles[1]:.3f}."
    )
    return (
        f'<div class="plot" role="img" aria-label="{spoken}"><svg viewBox="0 0 100 100" preserveAspectRatio="none">'
        f'{areas}</svg><span class="mark" style="left:{percent(similarity)}%"><span>these two</span></span>'
        f'{ticks}</div><ul class="key"><li><span class="strangers"></span>strangers</li>'
        f'<li><span class="variants"></span>paintings and their variants</li></ul>'
    )


def density(quantiles: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """A smooth density at ``grid`` of the distribution that equally spaced quantiles describe (Gaussian kernels,
    Silverman's width, never under a hundredth). Shape of ``grid``."""
    quartiles = np.quantile(quantiles, [0.25, 0.75])
    spread = min(float(quantiles.std()), float(quartiles[1] - quartiles[0]) / 1.34)
    width = max(0.9 * spread * len(quantiles) ** -0.2, 0.01)
    kernels = np.exp(-0.5 * ((grid[:, None] - quantiles[None]) / width) ** 2)
    values: np.ndarray = kernels.mean(1) / (width * math.sqrt(2 * math.pi))
    return values


# --- pictures of the data set ----------------------------------------------------------------------------------


def from_dataset(rows: Rows, wanted: str) -> Image.Image:
    """The picture of an id, without bars: of a variant that has it, else of a painting.

    Raises ConfigError when the data set has neither.
    """
    wanted = wanted.strip()
    found = np.flatnonzero(rows.ids == wanted)
    if len(found):
        return rows.picture(int(found[0]), "generated")
    for row, id_ in enumerate(rows.ids):
        if id_.startswith(wanted) and painting_id_of(id_) == wanted:
            return rows.picture(row, "original")
    raise ConfigError(
        f"the data set has no painting and no variant '{wanted}'; the tab Browse shows the id of each"
        if wanted
        else "type the id of a painting or of a variant first; the tab Browse shows it"
    )


def tab(shown: Shown) -> None:
    """Makes the components of the tab in the current `gr.Tab`."""
    import gradio as gr

    inputs, ids = [], []
    with gr.Row(elem_id="compare-pictures"):
        for name in ("First", "Second"):
            with gr.Column(min_width=280):
                inputs.append(picture_input(f"{name} picture", height=300))
                if shown.dataset:
                    ids.append(_id_input(shown, name))
    go = gr.Button("Compare", variant="primary", elem_id="compare")
    if shown.dataset:
        with gr.Row():
            names = ("Example: a painting and its variant", "Example: two strangers")
            examples = [gr.Button(name, size="sm", min_width=120) for name in names]
    result = gr.HTML(elem_id="verdict", apply_default_css=False)

    def compare(first: str | None, second: str | None) -> str:
        pictures = [uploaded(first, "first picture"), uploaded(second, "second picture")]
        vectors = shown.encode(pictures)
        similarity = float(np.clip(vectors[0] @ vectors[1], -1, 1))
        return as_html(answer(similarity, shown.known), shown.known)

    def take(wanted: str) -> tuple[Image.Image, str]:
        return from_dataset(shown.rows, wanted), ""

    go.click(told(compare), inputs, result)
    for picture in inputs:
        gr.on([picture.input, picture.clear], lambda: "", None, result, show_progress="hidden")
    for box, picture in zip(ids, inputs, strict=False):  # no boxes without a data set
        box.submit(told(take), box, [picture, result], show_progress="hidden")
    if shown.dataset:
        for button, strangers in zip(examples, (False, True), strict=True):
            button.click(told(_example(shown, strangers)), None, inputs, show_progress="hidden").success(
                told(compare), inputs, result
            )


def _id_input(shown: Shown, name: str) -> gr.Textbox:
    import gradio as gr

    example = f"an id, such as {shown.rows.ids[0]}, and Enter"
    return gr.Textbox(label=f"{name} picture from the data set", placeholder=example)


def _example(shown: Shown, strangers: bool) -> Callable[[], list[Image.Image]]:
    """Draws a painting with its variant, or with a painting of another genre."""

    def draw() -> list[Image.Image]:
        rows, chance = shown.rows, np.random.default_rng()
        row = int(chance.integers(len(rows)))
        if not strangers:
            return [rows.picture(row, "original"), rows.picture(row, "generated")]
        others = np.flatnonzero(rows.genres != rows.genres[row])
        if not len(others):
            raise ConfigError("all paintings of this data set are of one genre")
        return [rows.picture(row, "original"), rows.picture(int(chance.choice(others)), "original")]

    return draw
