"""The real WikiArt list with invented pictures: a source of any size up to 81,446 rows, made in a minute.

Genres, artists and titles are those of the list, encoding damage included. The pictures are small and mean nothing, but
each is another one: it follows from the path of its row. One in 50 is a copy of the row before it, saved anew and
sometimes scaled or cropped, as collections have them: a known number of near-duplicates to find.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from artsim_dataset.schema import seed_from
from benchmarks.measure import SHARED

LIST = SHARED / "wikiart" / "wikiart_styles.csv.gz"

PUBLISHED = {
    "Impressionism": 13060, "Realism": 10733, "Romanticism": 7019, "Expressionism": 6736, "Post Impressionism": 6450,
    "Symbolism": 4528, "Art Nouveau Modern": 4334, "Baroque": 4240, "Abstract Expressionism": 2782,
    "Northern Renaissance": 2552, "Naive Art Primitivism": 2405, "Cubism": 2235, "Rococo": 2089,
    "Color Field Painting": 1615, "Pop Art": 1483, "Early Renaissance": 1391, "High Renaissance": 1343,
    "Minimalism": 1337, "Mannerism Late Renaissance": 1279, "Ukiyo e": 1167, "Fauvism": 934, "Pointillism": 513,
    "Contemporary Realism": 481, "New Realism": 314, "Synthetic Cubism": 216, "Analytical Cubism": 110,
    "Action painting": 98,
}  # fmt: skip
"""The table on the card of the published data set (S1): 81,444 rows. The list here has 81,446."""

COPIES = 50
"""One row in so many shows the picture of the row before it."""


def paths(rows: int | None = None) -> list[str]:
    """``Genre/artist_title.jpg`` of so many rows of the list, the same fair sample each time; all when None."""
    with gzip.open(LIST, "rt", encoding="utf-8", newline="") as file:
        found = [row["path"] for row in csv.DictReader(file)]
    return sorted(found, key=lambda path: (seed_from("rehearsal", path), path))[:rows]


def counts(chosen: Sequence[str]) -> dict[str, int]:
    """Rows by genre, spelled as the published table does."""
    return dict(Counter(path.partition("/")[0].replace("_", " ") for path in chosen))


def copies(chosen: Sequence[str]) -> list[tuple[str, str]]:
    """(copy, original) of the planted near-duplicates."""
    return [(chosen[n], chosen[n - 1]) for n in range(1, len(chosen), COPIES)]


def write_source(folder: Path, chosen: Sequence[str]) -> None:
    """Writes the pictures; those that are there already are left alone."""
    original = dict(copies(chosen))
    for genre in {path.partition("/")[0] for path in chosen}:
        (folder / genre).mkdir(parents=True, exist_ok=True)
    for path in chosen:
        target = folder / path
        if target.exists():
            continue
        image, quality = (copied(original[path]), 70) if path in original else (picture(path), 85)
        part = target.with_suffix(".part")
        image.save(part, "JPEG", quality=quality)
        part.rename(target)


def picture(path: str) -> Image.Image:
    """The picture of a row: fields of colour, shapes on them, grain. The artist decides how coarse and how vivid."""
    own = np.random.default_rng(seed_from("picture", path))
    hand = np.random.default_rng(seed_from("hand", path.rpartition("/")[2].partition("_")[0]))
    width, height = (int(side) for side in own.integers(72, 129, 2))
    grid, tint, vivid = hand.integers(3, 9, 2), hand.uniform(40, 215, 3), hand.uniform(0.3, 1.0)
    coarse = (tint + vivid * own.uniform(-128, 128, (*grid, 3))).clip(0, 255).astype(np.uint8)
    field = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.int16).copy()
    for _ in range(int(own.integers(2, 7))):
        (left, right), (top, bottom) = np.sort(own.integers(0, width, 2)), np.sort(own.integers(0, height, 2))
        field[top : bottom + 1, left : right + 1] = own.integers(0, 256, 3)
    grain = own.integers(-1, 2, (height, width, 1)) * int(hand.integers(0, 25))
    return Image.fromarray((field + grain).clip(0, 255).astype(np.uint8))


def copied(path: str) -> Image.Image:
    """The same picture as another file of it would show it: as it is, smaller, or cut by a pixel or two."""
    image = picture(path)
    kind = seed_from("copy", path) % 3
    if kind == 1:
        return image.resize((image.width * 7 // 8, image.height * 7 // 8), Image.Resampling.LANCZOS)
    return image.crop((1, 1, image.width - 2, image.height - 1)) if kind == 2 else image
