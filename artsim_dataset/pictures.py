"""The report's pictures: thumbnails from the `pairs` config, and ids made readable."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from artsim_dataset.errors import ConfigError
from artsim_dataset.load import load_artsim
from artsim_dataset.schema import painting_id_of
from artsim_dataset.views import View, crop_content

LONGEST_SIDE = 320
QUALITY = 82
Key = tuple[str, str]
"""What is shown, and its id: a painting "untitled-1" and the second variant of "untitled" have the same id."""
ORIGINAL, GENERATED, PERTURBED = "original", "generated", "perturbed"
# Words that stay small inside a name: English ones, and the particles of Dutch, French, German, Italian, Spanish names.
SMALL = re.compile(
    "a|an|and|as|at|by|for|from|in|near|of|on|or|the|to|with"
    "|da|das|de|degli|dei|del|della|der|di|do|dos|du|el|il|la|le|les|och|ter|und|van|von|y"
)


@dataclass(frozen=True)
class Picture:
    """A painting or a variant, ready for the page. ``data``: URI of a JPEG of ``width`` x ``height`` pixels."""

    data: str
    width: int
    height: int
    title: str
    artist: str
    genre: str
    level: str


def load_pictures(
    dataset: str | Path, split: str, wanted: Mapping[Key, View], side: int = LONGEST_SIDE
) -> dict[Key, Picture]:
    """Pictures by what they show, cropped to their content.

    Args:
        dataset: build folder or Hub id.
        split: its split.
        wanted: the view of each: of a painting (``original``), of a variant (``generated``), or of one that is also
            shown as it is (``perturbed``).
        side: the longest one in pixels.

    Raises:
        ConfigError: ``split`` has no such painting or variant, or its picture cannot be decoded.
    """
    pairs = load_artsim(dataset, "pairs", split=split)
    place: dict[Key, int] = {}
    for row, variant in enumerate(pairs["id"]):
        place.setdefault((GENERATED, variant), row)
        place.setdefault((ORIGINAL, painting_id_of(variant)), row)
    found = {(what, id_): (ORIGINAL if what == ORIGINAL else GENERATED, id_) for what, id_ in wanted}
    missing = sorted(id_ for _, id_ in set(found.values()) - set(place))
    if missing:
        raise ConfigError(
            f"the evaluation shows {missing[0]}, which the {split} split of {dataset} does not have: "
            "write the report with the data set that was evaluated"
        )
    return {key: _picture(pairs, place[found[key]], found[key][0], view, side) for key, view in wanted.items()}


def _picture(pairs: Any, row: int, column: str, view: View, side: int) -> Picture:
    others = {ORIGINAL, GENERATED} - {column}
    facts = pairs.select([row]).remove_columns(list(others))
    try:
        facts = facts[0]
    except (OSError, SyntaxError) as broken:
        id_ = pairs.select_columns(["id"])[row]["id"]
        raise ConfigError(
            f"column '{column}' of {id_} is no readable picture ({broken}): check the data set with 'artsim validate'"
        ) from broken
    left, top, right, bottom = (facts[f"content_{side}"] for side in ("left", "top", "right", "bottom"))
    data, (width, height) = thumbnail(view.apply(crop_content(facts[column], (left, top, right, bottom))), side)
    return Picture(
        data,
        width,
        height,
        title_name(facts["title"]),
        artist_name(facts["artist"]),
        genre_name(facts["genre"]),
        facts["level"],
    )


def thumbnail(image: Image.Image, side: int = LONGEST_SIDE) -> tuple[str, tuple[int, int]]:
    """A data: URI of the RGB image as JPEG, its longest side at most ``side`` px, and its size."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode(), small.size


def title_name(slug: str) -> str:
    """A title for people. What is no slug (it has spaces or capitals) stays as it is.

    >>> title_name("the-piazza-della-signoria-in-florence"), title_name("the-artist-s-uncle"), title_name("")
    ('The Piazza della Signoria in Florence', "The Artist's Uncle", 'Untitled')
    """
    return re.sub(r" S\b", "'s", _readable(slug)) or "Untitled"


def artist_name(slug: str) -> str:
    """An artist for people.

    >>> artist_name("vincent-van-gogh"), artist_name("J. M. W. Turner"), artist_name("")
    ('Vincent van Gogh', 'J. M. W. Turner', 'Unknown artist')
    """
    return _readable(slug) or "Unknown artist"


def genre_name(genre: str) -> str:
    """A genre for people.

    >>> genre_name("Ukiyo_e"), genre_name("High_Renaissance")
    ('Ukiyo-e', 'High Renaissance')
    """
    return "Ukiyo-e" if genre == "Ukiyo_e" else genre.replace("_", " ")


def _readable(slug: str) -> str:
    if not slug or slug != slug.lower() or " " in slug:
        return slug
    words = [word for word in slug.split("-") if word]
    return " ".join(w if n and SMALL.fullmatch(w) else w[:1].upper() + w[1:] for n, w in enumerate(words))
