"""Captions without a vision model: the genre, then what was measured, in words.

Decision: a caption claims nothing that was not measured. It names colours, light, format, where the detail lies and
how the surface is worked; it never guesses a subject. The thresholds are quantiles over 523 real paintings of 19
genres, noted beside each, so that "dark" means darker than most paintings and not darker than grey.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from builder.models.measure import Measurements, measure
from builder.models.palette import accent, main_colours
from builder.stage import Reject

MAX_CAPTION_WORDS = 40

_GENRE_WORDS = {
    "": "a picture",
    "Action_painting": "an action painting",
    "Analytical_Cubism": "an Analytical Cubist painting",
    "Art_Nouveau_Modern": "an Art Nouveau picture",
    "Color_Field_Painting": "a Color Field painting",
    "Contemporary_Realism": "a Contemporary Realist painting",
    "Cubism": "a Cubist painting",
    "Abstract_Expressionism": "an Abstract Expressionist painting",
    "Expressionism": "an Expressionist painting",
    "Fauvism": "a Fauvist painting",
    "Impressionism": "an Impressionist painting",
    "Mannerism_Late_Renaissance": "a Mannerist painting",
    "Minimalism": "a Minimalist work",
    "Naive_Art_Primitivism": "a Naive Art painting",
    "New_Realism": "a New Realist work",
    "Pointillism": "a Pointillist painting",
    "Pop_Art": "a Pop Art picture",
    "Post_Impressionism": "a Post-Impressionist painting",
    "Realism": "a Realist painting",
    "Romanticism": "a Romantic painting",
    "Symbolism": "a Symbolist painting",
    "Synthetic_Cubism": "a Synthetic Cubist painting",
    "Ukiyo_e": "a Japanese Ukiyo-e picture",
}

LIGHT_NOUNS = {
    "stark contrasts": "the stark contrasts of light and dark",
    "soft contrasts": "the soft contrasts",
    "a bright centre": "the light at the centre",
    "a dark centre": "the dark centre",
    "bright above and dark below": "the light in the upper part",
    "dark above and bright below": "the light in the lower part",
    "brightest at the upper left": "the light at the upper left",
    "brightest at the upper right": "the light at the upper right",
    "brightest at the lower left": "the light at the lower left",
    "brightest at the lower right": "the light at the lower right",
    "brightest on the left": "the light on the left",
    "brightest on the right": "the light on the right",
    "brightest at the top": "the light at the top",
    "brightest at the bottom": "the light at the bottom",
    "evenly lit": "the even light",
}
"""What a caption says of light -> the noun for it, for those who write prompts from captions."""

FORM_NOUNS = {
    "detail gathered in the middle": "the knot of detail in the middle",
    "detail gathered on the left": "the weight of detail on the left",
    "detail gathered on the right": "the weight of detail on the right",
    "detail gathered in the upper part": "the busy upper part",
    "detail gathered in the lower part": "the busy lower part",
    "detail spread over the whole": "the evenly spread detail",
    "large calm areas": "the large calm areas",
    "crowded forms": "the crowded forms",
    "strong verticals": "the strong verticals",
    "horizontal bands": "the horizontal bands",
    "near symmetry": "the near symmetry",
}
SURFACE_NOUNS = {
    "a smooth surface": "the smooth surface",
    "a broken dabbed surface": "the broken dabs of paint",
    "flat areas between sharp edges": "the flat shapes",
    "fine detail": "the fine detail",
}


class MeasuredCaptioner:
    """Captioner that measures. Deterministic, at most 40 words, about 7 ms for a picture of 768 px."""

    batch = 16

    def caption(self, images: Sequence[np.ndarray], genres: Sequence[str]) -> list[str | Reject]:
        """One sentence for each image (uint8 RGB) and genre; a genre of '' is not mentioned."""
        return [describe(measure(image), genre) for image, genre in zip(images, genres, strict=True)]


def describe(measured: Measurements, genre: str) -> str:
    """The caption of a measured picture.

    For example: ``a Baroque painting in deep brown with umber and gold, dark with a bright centre, portrait format,
    detail gathered in the middle, a smooth surface``.
    """
    clauses = [f"{genre_words(genre)} in {palette_words(measured)}", light_words(measured), format_word(measured)]
    clauses += [*form_words(measured), *surface_words(measured)]
    while len(", ".join(clauses).split()) > MAX_CAPTION_WORDS and len(clauses) > 1:
        clauses.pop()
    return ", ".join(clauses)


def genre_words(genre: str) -> str:
    """The genre with its article; one that is not WikiArt's is said as it is written.

    >>> genre_words("Ukiyo_e"), genre_words("Op_Art"), genre_words("")
    ('a Japanese Ukiyo-e picture', 'an Op Art painting', 'a picture')
    """
    words = genre.replace("_", " ").strip()
    article = "an" if words[:1].lower() in tuple("aeiou") else "a"
    return _GENRE_WORDS.get(genre, f"{article} {words} painting")


def palette_words(measured: Measurements) -> str:
    """Two or three colours by share, and a small vivid accent. No commas: the palette is one clause of the caption."""
    named = main_colours(measured.colours, measured.shares)
    names, shares = [n for n, _ in named], [s for _, s in named]
    if shares[0] >= 0.85 or len(names) == 1:
        said, words = names[:1], f"almost nothing but {names[0]}"
    elif shares[0] >= 0.5:
        said, words = names[:2], f"mostly {names[0]} with {names[1]}"
    elif len(names) > 2 and shares[2] >= 0.08:
        said, words = names, f"{names[0]} with {names[1]} and {names[2]}"
    else:
        said, words = names[:2], f"{names[0]} and {names[1]}"
    touch = accent(measured.colours, measured.shares, said)
    return f"{words} and touches of {touch}" if touch else words


def light_words(measured: Measurements) -> str:
    """How light it is, contrasts if weaker or stronger than in nine of ten paintings, and where it is brightest."""
    tones = (("very dark", 0.30), ("dark", 0.42), ("of middle tone", 0.56), ("light", 0.67))  # 8, 32, 69, 93 %
    tone = next((word for word, limit in tones if measured.lightness < limit), "very light")
    contrast = "stark contrasts" if measured.contrast > 0.22 else "soft contrasts" if measured.contrast < 0.09 else ""
    place = light_place(measured.light)
    withs, rest = [contrast], [place]
    if place.startswith("a "):
        withs, rest = [contrast, place], []
    said = " and ".join(word for word in withs if word)
    return ", ".join([f"{tone} with {said}" if said else tone, *rest])


def light_place(light: np.ndarray) -> str:
    """Where a 3x3 grid of mean lightness is brightest. Differences under 0.06 are called even, as in 84 of 523."""
    centre = float(light[1, 1] - (light.sum() - light[1, 1]) / 8)
    down = float(light[0].mean() - light[2].mean())
    across = float(light[:, 0].mean() - light[:, 2].mean())
    if abs(centre) > max(0.10, abs(down), abs(across)):
        return "a bright centre" if centre > 0 else "a dark centre"
    if abs(down) > max(0.22, 2 * abs(across)):
        return "bright above and dark below" if down > 0 else "dark above and bright below"
    vertical = ("upper" if down > 0 else "lower") if abs(down) > 0.06 else ""
    horizontal = ("left" if across > 0 else "right") if abs(across) > 0.06 else ""
    if vertical and horizontal:
        return f"brightest at the {vertical} {horizontal}"
    if horizontal:
        return f"brightest on the {horizontal}"
    return {"upper": "brightest at the top", "lower": "brightest at the bottom", "": "evenly lit"}[vertical]


def format_word(measured: Measurements) -> str:
    """The format by width / height."""
    limits = (("tall narrow", 0.55), ("portrait", 0.93), ("square", 1.07), ("landscape", 1.9))
    return next((word for word, limit in limits if measured.aspect < limit), "panoramic") + " format"


def form_words(measured: Measurements) -> list[str]:
    """Where the detail lies and how the forms run; each is said of the outer tenth or fifth of paintings only."""
    detail = measured.detail
    across = float(detail[:, 0].sum() - detail[:, 2].sum())
    down = float(detail[0].sum() - detail[2].sum())
    words = []
    if detail[1, 1] > 0.17 and detail[1, 1] >= detail.max():
        words.append("detail gathered in the middle")
    elif max(abs(across), abs(down)) > 0.10:
        side = "on the " + ("left" if across > 0 else "right")
        part = "in the " + ("upper" if down > 0 else "lower") + " part"
        words.append("detail gathered " + (side if abs(across) > abs(down) else part))
    elif detail.max() < 0.16 and measured.busyness > 0.04:
        words.append("detail spread over the whole")
    if measured.busyness > 0.127:
        words.append("crowded forms")
    elif measured.busyness < 0.05:
        words.append("large calm areas")
    if abs(measured.upright) > 0.09:
        words.append("strong verticals" if measured.upright > 0 else "horizontal bands")
    if measured.symmetry > 0.69:
        words.append("near symmetry")
    return words


def surface_words(measured: Measurements) -> list[str]:
    """How the surface is worked. ``grain`` is high only where most of it is; ``sharpness`` also counts a few edges."""
    if measured.grain > 0.063 and measured.grain > 0.6 * measured.sharpness:
        return ["a broken dabbed surface"]
    if measured.sharpness < 0.045:
        return ["a smooth surface"]
    if measured.grain < 0.4 * measured.sharpness:
        return ["flat areas between sharp edges"]
    return ["fine detail"] if measured.sharpness > 0.10 else []
