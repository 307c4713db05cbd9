"""A histogram as inline SVG in the colours of the page, without matplotlib: `artsim report` needs no extra."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH, FLOOR, LEFT, HEAD = 480, 146, 40, 10
"""In units of the view box: the whole width, where the axis lies, where it begins, the room above the tallest bar."""
NAMES = 12
"""Bars that are named at most; of more every second or third is."""


def bars(
    counts: Sequence[int], names: Sequence[str], others: Sequence[int] | None, label: str, x: str, y: str
) -> Markup:
    """A histogram as SVG.

    Args:
        counts: heights of the filled bars.
        names: what stands below each: below its left end when ``others`` are given, else below its middle.
        others: heights of a dashed outline over them, or None.
        label: what the picture shows, for those who cannot see it.
        x, y: names of the axes.
    """
    from markupsafe import Markup

    top = max(1, *counts, *(others or ()))
    step = (WIDTH - LEFT) / len(counts)

    def height(count: int) -> float:
        return (FLOOR - HEAD) * count / top

    parts = []
    for at, count in enumerate(counts):
        place = f'x="{LEFT + at * step + 1:.1f}" y="{FLOOR - height(count):.1f}"'
        parts.append(f'<rect {place} width="{step - 2:.1f}" height="{height(count):.1f}"/>')
    if others:
        line = "".join(f"V{FLOOR - height(n):.1f}H{LEFT + (at + 1) * step:.1f}" for at, n in enumerate(others))
        parts.append(f'<path class="other" d="M{LEFT} {FLOOR}{line}V{FLOOR}"/>')
    for at in range(0, len(names), -(-len(names) // NAMES)):
        middle = LEFT + (at if others else at + 0.5) * step
        parts.append(f'<text x="{middle:.1f}" y="{FLOOR + 14}">{escape(names[at])}</text>')
    parts.append(f'<path class="axis" d="M{LEFT} {FLOOR}H{WIDTH}"/>')
    for number, height_of in ((top, HEAD + 4), (0, FLOOR)):
        parts.append(f'<text class="y" x="{LEFT - 6}" y="{height_of}">{number:,}</text>')
    parts.append(f'<text class="name" x="{WIDTH}" y="{FLOOR + 32}">{escape(x)}</text>')
    parts.append(f'<text class="name first" x="{LEFT}" y="0">{escape(y)}</text>')
    title = escape(label)
    head = f'<svg class="bars" viewBox="0 -12 {WIDTH} {FLOOR + 50}" role="img" aria-label="{title}">'
    return Markup(f"{head}<title>{title}</title>{''.join(parts)}</svg>")  # all text in it is escaped
