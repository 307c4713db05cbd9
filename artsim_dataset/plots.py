"""The report's plots as inline SVG: arrays in, text out.

Decision: colours are drawn as placeholders and then replaced by CSS variables of the page, so that one SVG is legible
on a light page, on a dark one and on paper. Text stays text: it takes the page's font and can be selected.

matplotlib is imported when a plot is drawn. `Figure` objects are used directly: no pyplot, no backend is chosen, and
the settings are restored afterwards. The same arrays give the same bytes: no date, ids salted with the plot's name.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from artsim_dataset.errors import MissingExtra
from artsim_dataset.metrics import Array, eer, roc_curve, tpr_at_fpr

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Placeholder -> the page's variable. Any six digits do, as long as matplotlib would not write them by itself.
INK, MUTED, POSITIVE, NEGATIVE, PERTURBED, BASELINE = (f"#0{n}fe0{n}" for n in range(1, 7))
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    POSITIVE: "--positive",
    NEGATIVE: "--negative",
    PERTURBED: "--perturbed",
    BASELINE: "--untrained",
}
SIZE = (4.8, 3.1)
"""Inches at 100 units each: narrow enough that its text is still legible at the width of a phone."""

SETTINGS = {
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": MUTED,
    "savefig.transparent": True,
    "path.simplify": False,
}


@dataclass(frozen=True)
class Curve:
    """One line of the ROC plot. ``kind``: as_is, perturbed or untrained. Similarities of any shape."""

    kind: str
    positive: Array
    negative: Array


STYLES = {
    "as_is": (POSITIVE, "-", 2.0),
    "perturbed": (PERTURBED, (0, (5, 1.5)), 1.8),
    "untrained": (BASELINE, (0, (1, 1.4)), 1.8),
}


def span(*similarities: Array) -> tuple[float, float]:
    """The range of all values, widened to whole tenths: the common axis of the histograms.

    >>> span(np.array([0.31, 0.98]), np.array([-0.42]))
    (-0.5, 1.0)
    """
    values = np.concatenate([np.ravel(s) for s in similarities])
    low, high = np.floor(np.nanmin(values) * 10) / 10, np.ceil(np.nanmax(values) * 10) / 10
    return float(low), float(high if high > low else low + 0.1)


@dataclass(frozen=True)
class Axis:
    """What histograms that are compared share: the edges of the bins, and the height of the tallest."""

    edges: Array
    top: float

    @classmethod
    def of(cls, samples: Sequence[Array]) -> Axis:
        """An axis for all ``samples`` of similarities. The smallest one decides on the number of bins, 12 to 40."""
        sizes = [int(np.isfinite(sample).sum()) for sample in samples]
        edges = np.linspace(*span(*samples), int(np.clip(2 * np.sqrt(min(sizes)), 12, 40)) + 1)
        return cls(edges, max(float(_shares(sample, edges).max()) for sample in samples))


def histogram(name: str, positive: Array, negative: Array, axis: Axis, label: str) -> str:
    """Similarities of positive and of negative pairs as two histograms of equal area each. Returns SVG text.

    Args:
        name: unique on the page; it salts the ids.
        positive: cosine similarities, any shape.
        negative: cosine similarities, any shape; NaN marks a pair that is none.
        axis: from :meth:`Axis.of`, the same for plots that are compared.
        label: what the picture shows, for those who cannot see it.
    """

    def draw(axes: Axes) -> None:
        for values, colour, line in ((negative, NEGATIVE, (0, (4, 1.5))), (positive, POSITIVE, "-")):
            share = _shares(values, axis.edges)
            axes.stairs(share, axis.edges, fill=True, color=colour, alpha=0.28, linewidth=0)
            axes.stairs(share, axis.edges, color=colour, linewidth=1.4, linestyle=line)
        axes.set_xlim(axis.edges[0], axis.edges[-1])
        axes.set_ylim(0, 1.05 * axis.top)
        axes.xaxis.set_major_locator(_ticker().MaxNLocator(6))
        axes.set_xlabel("cosine similarity")
        axes.set_ylabel("share of pairs")
        axes.yaxis.set_major_locator(_ticker().MaxNLocator(4))
        axes.yaxis.set_major_formatter(_ticker().FuncFormatter(lambda y, _: f"{100 * y:.0f} %"))

    return _svg(name, label, draw)


def roc(name: str, curves: Sequence[Curve], label: str) -> str:
    """ROC curves over a logarithmic false positive axis, which starts at one false alarm. Returns SVG text.

    Logarithmic, because good models differ only where false alarms are rare, a corner that a linear axis hides. A dot
    marks what is found at 1 % false alarms, a diamond the equal error rate.
    """
    pairs = max(int(np.isfinite(curve.negative).sum()) for curve in curves)
    start = 10.0 ** -np.clip(np.ceil(np.log10(pairs)), 3, 5)

    def draw(axes: Axes) -> None:
        ticks = 10.0 ** np.arange(round(np.log10(start)), 1)
        chance = np.geomspace(start, 1, 80)
        axes.plot(chance, chance, color=MUTED, linewidth=0.9)
        for curve in curves:
            colour, line, width = STYLES[curve.kind]
            negative = curve.negative[np.isfinite(curve.negative)]
            fpr, tpr, _ = roc_curve(curve.positive, negative)
            axes.plot(*_steps(fpr, tpr, start), color=colour, linestyle=line, linewidth=width, drawstyle="steps-post")
            error = eer(curve.positive, negative)
            for x, y, mark in ((0.01, tpr_at_fpr(curve.positive, negative, 0.01), "o"), (error, 1 - error, "D")):
                if x >= start:
                    axes.plot([x], [y], color=colour, marker=mark, markersize=5, clip_on=False)
        axes.axvline(0.01, color=MUTED, linewidth=0.8, linestyle=(0, (1, 3)))
        axes.set_xscale("log")
        axes.set_xlim(start, 1)
        axes.set_ylim(0, 1.02)
        axes.xaxis.set_minor_locator(_ticker().NullLocator())
        axes.set_xticks(ticks, [f"{100 * tick:g} %" for tick in ticks])
        axes.set_yticks(np.linspace(0, 1, 5), [f"{y} %" for y in range(0, 101, 25)])
        axes.set_xlabel("negatives taken for positives")
        axes.set_ylabel("positives found")

    return _svg(name, label, draw)


def heatmap(name: str, matrix: Array, names: Sequence[str], rows: str, columns: str, label: str) -> str:
    """A square table of numbers as shades, darkest the largest, with its diagonal framed. Returns SVG text.

    Args:
        name: unique on the page; it salts the ids.
        matrix: (n, n); the least value is white; NaN stays empty.
        names: of rows and columns alike.
        rows: what a row stands for; ``columns`` likewise.
        label: what the picture shows, for those who cannot see it.
    """
    low, high = np.nanmin(matrix), np.nanmax(matrix)
    shade = np.nan_to_num((matrix - low) / max(high - low, 1e-12))

    def draw(axes: Axes) -> None:
        from matplotlib.patches import Rectangle

        for row, column in np.ndindex(matrix.shape):
            axes.add_patch(Rectangle((column, row), 1, 1, facecolor=POSITIVE, alpha=0.9 * float(shade[row, column]),
                                     linewidth=0))  # fmt: skip
        for at in range(len(names)):
            axes.add_patch(Rectangle((at, at), 1, 1, fill=False, edgecolor=MUTED, linewidth=0.6))
        axes.set_xlim(0, len(names))
        axes.set_ylim(len(names), 0)
        small = 10 if len(names) <= 12 else 6.5
        places = np.arange(len(names)) + 0.5
        axes.set_xticks(places, names, rotation=90, fontsize=small)
        axes.set_yticks(places, names, fontsize=small)
        axes.tick_params(length=0)
        axes.set_xlabel(columns)
        axes.set_ylabel(rows)
        axes.set_aspect("equal")

    return _svg(name, label, draw, (4.8, 4.8))


def ranges(name: str, rows: Sequence[tuple[str, float, tuple[float, float], float, float]], label: str) -> str:
    """A line for each name: a value with its interval as dot and line, over a bar from ``low`` to ``high``. SVG text.

    Args:
        name: unique on the page; it salts the ids.
        rows: name, value, interval, low, high; the first on top.
        label: what the picture shows, for those who cannot see it.
    """

    def draw(axes: Axes) -> None:
        for at, (_, value, interval, low, high) in enumerate(rows):
            axes.plot([low, high], [at, at], color=NEGATIVE, alpha=0.25, linewidth=7, solid_capstyle="butt")
            axes.plot(interval, [at, at], color=POSITIVE, linewidth=1.4)
            axes.plot([value], [at], color=POSITIVE, marker="o", markersize=4)
        axes.set_yticks(range(len(rows)), [row[0] for row in rows], fontsize=8)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("cosine similarity")

    return _svg(name, label, draw, (6.4, 1 + 0.22 * len(rows)))


def scatter(name: str, points: Sequence[tuple[float, float]], x: str, y: str, label: str) -> str:
    """Points in the plane, ``x`` and ``y`` naming the axes. Returns SVG text."""

    def draw(axes: Axes) -> None:
        axes.scatter([point[0] for point in points], [point[1] for point in points], 16, POSITIVE, linewidth=0)
        axes.set_xlabel(x)
        axes.set_ylabel(y)

    return _svg(name, label, draw)


def _steps(fpr: Array, tpr: Array, start: float) -> tuple[Array, Array]:
    """The best true positive rate at 400 false positive rates from ``start`` to 1, however many pairs there are."""
    seen = np.geomspace(start, 1, 400)
    found = tpr[np.searchsorted(fpr, seen, side="right") - 1]
    corner = np.diff(found, prepend=-1) != 0
    corner[-1] = True
    return seen[corner], found[corner]


def _shares(values: Array, edges: Array) -> Array:
    counts, _ = np.histogram(values[np.isfinite(values)], bins=edges)
    return counts / counts.sum()


def _matplotlib() -> ModuleType:
    try:
        import matplotlib
    except ImportError as missing:
        raise MissingExtra("the report", "train") from missing
    return matplotlib


def _ticker() -> ModuleType:
    from matplotlib import ticker

    return ticker


def _svg(name: str, label: str, draw: Callable[[Axes], None], size: tuple[float, float] = SIZE) -> str:
    mpl = _matplotlib()
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()  # a matplotlibrc on this machine must not change the report
        mpl.rcParams.update(SETTINGS | {"svg.hashsalt": name})
        figure: Figure = Figure(figsize=size, layout="constrained")
        draw(figure.add_subplot())
        text = io.StringIO()
        figure.savefig(text, format="svg")
    return _inline(text.getvalue(), label)


def _inline(svg: str, label: str) -> str:
    """The bare <svg> element: scalable, named, in the colours and the font of the page, without dates or unused ids."""
    view = re.search(r'viewBox="([^"]+)"', svg)
    assert view is not None
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", body, flags=re.S)
    body = body.replace("xlink:href", "href")
    used = set(re.findall(r"(?:url\(|href=\")#([^)\"]+)", body))
    body = re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in used else "", body)
    body = re.sub(r"font-family: [^;\"]+;?", "", body)
    body = re.sub(r"(\.\d\d)\d{3,}", r"\1", body)
    body = re.sub(r"\s+", " ", body)
    for placeholder, variable in VARIABLES.items():
        body = body.replace(placeholder, f"var({variable})")
    title = escape(label)
    return f'<svg viewBox="{view[1]}" role="img" aria-label="{title}"><title>{title}</title>{body.strip()}'
