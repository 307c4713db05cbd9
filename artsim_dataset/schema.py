"""What the data is: the words and the columns that everything else agrees on. Standard library only.

A *painting* is an original work. A *variant* is a generated image of it, made at a *level*. A *triplet*
names an anchor (a painting), a positive (its variant) and a negative (a painting of another genre).
Rows refer to each other by id; pixels are never copied into these classes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

SCHEMA_VERSION = "1.0.0"

GENRES: tuple[str, ...] = (
    "Abstract_Expressionism",
    "Action_painting",
    "Analytical_Cubism",
    "Art_Nouveau_Modern",
    "Baroque",
    "Color_Field_Painting",
    "Contemporary_Realism",
    "Cubism",
    "Early_Renaissance",
    "Expressionism",
    "Fauvism",
    "High_Renaissance",
    "Impressionism",
    "Mannerism_Late_Renaissance",
    "Minimalism",
    "Naive_Art_Primitivism",
    "New_Realism",
    "Northern_Renaissance",
    "Pointillism",
    "Pop_Art",
    "Post_Impressionism",
    "Realism",
    "Rococo",
    "Romanticism",
    "Symbolism",
    "Synthetic_Cubism",
    "Ukiyo_e",
)
"""The 27 WikiArt styles, spelled as WikiArt's folders are; the data set calls them genres."""

Level = Literal["moderate", "radical"]
LEVELS: tuple[Level, ...] = ("moderate", "radical")

SPLITS: tuple[str, ...] = ("train", "test")

PAIR_COLUMNS: tuple[str, ...] = (
    "id",
    "original",
    "generated",
    "genre",
    "artist",
    "title",
    "level",
    "caption",
    "generated_caption",
    "prompt_complete",
    "prompt_compressed",
    "prompt_tokens",
    "generator",
    "seed",
    "content_left",
    "content_top",
    "content_right",
    "content_bottom",
    "phash",
    "group",
    "provenance",
)
METADATA_COLUMNS: tuple[str, ...] = tuple(c for c in PAIR_COLUMNS if c not in ("original", "generated"))
TRIPLET_COLUMNS: tuple[str, ...] = (
    "anchor",
    "positive",
    "negative",
    "anchor_id",
    "positive_id",
    "negative_id",
    "anchor_genre",
    "negative_genre",
    "level",
    "anchor_caption",
    "positive_caption",
    "negative_caption",
)
REAL_VS_AI_COLUMNS: tuple[str, ...] = ("image", "label", "generator", "id")
BOX_COLUMNS = ("content_left", "content_top", "content_right", "content_bottom")
"""Where the content lies in a letterboxed picture, in pixels: the columns of ``content_box``."""

STUDY_COLUMNS: tuple[str, ...] = (
    "id",
    "image",
    "artist",
    "template",
    "subject",
    "prompt_complete",
    "prompt_compressed",
    "prompt_tokens",
    "generator",
    "seed",
    "provenance",
)
"""Of the images that a case study makes from prompts alone."""

LABELS: tuple[str, ...] = ("original", "ai")

MAX_PROMPT_TOKENS = 75
"""CLIP's context is 77 tokens; the begin and end marks take two."""

MAX_PROMPT_WORDS = 75


@dataclass(frozen=True)
class Painting:
    """An original work. ``id`` is ``{genre}/{artist-slug}_{title-slug}``."""

    id: str
    genre: str
    artist: str
    title: str


@dataclass(frozen=True)
class Variant:
    """A generated image of a painting. ``id`` is ``{painting id}-{index}``; ``seed`` remakes it alone."""

    id: str
    painting_id: str
    level: Level
    seed: int


@dataclass(frozen=True)
class Triplet:
    """Three ids: a painting, one of its variants, and a painting of another genre in the same split."""

    anchor_id: str
    positive_id: str
    negative_id: str


def slug(text: str) -> str:
    """Lower-case, hyphen-joined, NFC form of a name, as WikiArt's files have it. Letters keep their accents.

    >>> slug("Vincent van Gogh"), slug("The Café, at night!")
    ('vincent-van-gogh', 'the-café-at-night')
    """
    text = unicodedata.normalize("NFC", text).lower()
    return re.sub(r"[\W_]+", "-", text).strip("-")


def variant_id(painting_id: str, index: int) -> str:
    """The id of a painting's variant.

    >>> variant_id("Cubism/juan-gris_guitar", 0)
    'Cubism/juan-gris_guitar-0'
    """
    return f"{painting_id}-{index}"


def painting_id_of(variant: str) -> str:
    """The painting that a variant id belongs to: the inverse of :func:`variant_id`.

    >>> painting_id_of("Cubism/juan-gris_guitar-1913-0")
    'Cubism/juan-gris_guitar-1913'
    """
    return variant.rpartition("-")[0]


def seed_from(*identity: object, bits: int = 63) -> int:
    """A seed that depends on nothing but the identity of what is made, the same on every machine.

    63 bits fit a signed 64-bit column and every random generator in use.

    >>> seed_from("Cubism/juan-gris_guitar", "radical", 0, 42) == seed_from("Cubism/juan-gris_guitar", "radical", 0, 42)
    True
    """
    text = "\x1f".join(str(part) for part in identity)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> (64 - bits)


def pick(options: Sequence[str], *identity: object) -> str:
    """One of ``options``, chosen by identity."""
    return options[seed_from(*identity) % len(options)]
