"""Names for colours: the nearest of a short table, so that a palette can be said in words.

The table is a painter's: many browns, ochres and greys, because that is where paintings live. A colour between two
names gets the nearer one; hue counts more than lightness, since "brown" for a dark red is a worse error than "rust".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from builder.models.measure import oklab

NAMES: dict[str, str] = {
    "black": "#0d0d0d",
    "charcoal": "#333438",
    "dark grey": "#5a5b5d",
    "grey": "#858687",
    "silver grey": "#b9bcbd",
    "pale grey": "#dadada",
    "white": "#f6f6f4",
    "ivory": "#efe7d4",
    "cream": "#e3d3ac",
    "sand": "#cbb88f",
    "tan": "#ad9068",
    "ochre": "#b98a3c",
    "gold": "#d8ab48",
    "yellow": "#ecd648",
    "pale yellow": "#f0e59a",
    "amber": "#d98a28",
    "orange": "#e36c1f",
    "peach": "#efb793",
    "terracotta": "#bd6b4a",
    "rust": "#96472a",
    "sienna": "#85583a",
    "brown": "#66452e",
    "deep brown": "#362418",
    "umber": "#51432f",
    "taupe": "#83766a",
    "grey brown": "#564d46",
    "beige": "#d2c3af",
    "deep red": "#5e1719",
    "crimson": "#9c1c33",
    "red": "#cb2a27",
    "coral": "#e5725c",
    "rose": "#c77f86",
    "pink": "#ecb9bf",
    "magenta": "#b8307f",
    "plum": "#5a2a49",
    "mauve": "#957a92",
    "purple": "#6c3a8c",
    "lavender": "#b8acd6",
    "deep blue": "#1c2a55",
    "blue": "#2c56a8",
    "bright blue": "#2a7fdc",
    "sky blue": "#86b6df",
    "pale blue": "#c4d7e4",
    "slate blue": "#51637a",
    "grey blue": "#8797a6",
    "midnight blue": "#141b2c",
    "teal": "#216e73",
    "turquoise": "#4fb9b3",
    "deep green": "#1b3a29",
    "green": "#3c8442",
    "bright green": "#63b944",
    "emerald": "#168862",
    "pale green": "#b9d3b0",
    "sage green": "#95a486",
    "moss green": "#626a3a",
    "olive": "#83803f",
    "dark olive": "#3a3a22",
    "grey green": "#68756a",
    "lime": "#b7ca4a",
}
"""Name -> the sRGB colour that it stands for."""

NEUTRALS = ("black", "charcoal", "dark grey", "grey", "silver grey", "pale grey", "white")
"""Names for what has next to no hue."""

ACCENT_CHROMA = 0.085
_NEUTRAL_CHROMA = 0.012
_DISTINCT = 0.4
_WEIGHTS = np.array([1.0, 2.2, 2.2])
_PROTOTYPES = oklab(
    np.array([[int(code[i : i + 2], 16) for i in (1, 3, 5)] for code in NAMES.values()], dtype=np.uint8)
)


def name(colour: np.ndarray) -> str:
    """The name of one Oklab colour, shape (3,).

    >>> name(oklab(np.array([30, 60, 170], dtype=np.uint8)))
    'blue'
    """
    distance = (((_PROTOTYPES - colour) * _WEIGHTS) ** 2).sum(axis=1)
    names: Sequence[str] = list(NAMES)
    if np.hypot(colour[1], colour[2]) < _NEUTRAL_CHROMA:
        distance = distance[[names.index(neutral) for neutral in NEUTRALS]]
        names = NEUTRALS
    return names[int(distance.argmin())]


def named_shares(colours: np.ndarray, shares: np.ndarray) -> list[tuple[str, float]]:
    """Names and shares of clustered colours, (n, 3) Oklab and (n,), the largest first; equal names are added up."""
    total: dict[str, float] = {}
    for colour, share in zip(colours, shares, strict=True):
        key = name(colour)
        total[key] = total.get(key, 0.0) + float(share)
    return sorted(total.items(), key=lambda item: -item[1])


def main_colours(colours: np.ndarray, shares: np.ndarray, number: int = 3) -> list[tuple[str, float]]:
    """Up to ``number`` names with their shares: the largest, then those that cover much and differ from it.

    By share alone a dark painting would be called "umber with deep brown and grey brown", which says one thing thrice.
    """
    named = dict(named_shares(colours, shares))
    places = {key: _PROTOTYPES[list(NAMES).index(key)] * _WEIGHTS for key in named}
    chosen = list(named)[:1]
    while len(chosen) < min(number, len(named)):

        def merit(key: str) -> float:
            nearest = min(float(np.linalg.norm(places[key] - places[other])) for other in chosen)
            return named[key] * min(nearest, _DISTINCT)

        chosen.append(max((key for key in named if key not in chosen), key=merit))
    return [(key, named[key]) for key in chosen]


def accent(colours: np.ndarray, shares: np.ndarray, taken: Sequence[str]) -> str:
    """The most vivid colour that covers little (1 to 15 %) and is not among those ``taken``; '' when there is none."""
    vivid = [
        (float(np.hypot(colour[1], colour[2])), name(colour))
        for colour, share in zip(colours, shares, strict=True)
        if 0.01 <= share <= 0.15
    ]
    vivid = [(chroma, key) for chroma, key in vivid if chroma >= ACCENT_CHROMA and key not in taken]
    return max(vivid)[1] if vivid else ""
