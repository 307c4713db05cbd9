"""The grammar's material: ten kinds of radical change with their worlds, and what a moderate change may alter.

The words live in `radical.toml`, `moderate.toml` and `sentences.toml`, so that they can be read and edited without
code; this file gives them types. A world is one coherent idea: its elements, colours, light, finish and mood fit each
other, which is what keeps thousands of combinations from turning into nonsense.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from artsim_dataset.errors import ConfigError

CHANGES: tuple[str, ...] = (
    "historical-transposition",
    "cultural-reinterpretation",
    "natural-organic",
    "abstract-surreal",
    "material-medium",
    "emotional",
    "mythological",
    "scientific-diagrammatic",
    "technological",
    "change-of-scale",
)
"""The ten kinds of radical change of S1, in its order."""

_RADICAL = Path(__file__).with_name("radical.toml")
_MODERATE = Path(__file__).with_name("moderate.toml")
_SENTENCES = Path(__file__).with_name("sentences.toml")


@dataclass(frozen=True)
class World:
    """What a radical change moves the picture into. ``into`` and ``finish`` have their article."""

    into: str
    elements: tuple[str, ...]
    palette: str
    light: str
    finish: str
    mood: str
    avoid: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """One of the ten kinds: openings with {work} and {into}, worlds, and closing sentences that fit them all."""

    openings: tuple[str, ...]
    tails: tuple[str, ...]
    worlds: tuple[World, ...]


@dataclass(frozen=True)
class When:
    """A season, a time of day or a light, with colours that suit it."""

    axis: str
    name: str
    signs: str
    colours: tuple[str, ...]


@dataclass(frozen=True)
class Technique:
    """A way to paint: its name, sentences that detail it, and the genres whose own way it already is."""

    name: str
    details: tuple[str, ...]
    avoid: tuple[str, ...] = ()


@dataclass(frozen=True)
class Moderate:
    """What a moderate change may alter, and how its prompts open."""

    openings: tuple[str, ...]
    leads: dict[str, tuple[str, ...]]
    whens: tuple[When, ...]
    techniques: tuple[Technique, ...]


@lru_cache(maxsize=1)
def radical() -> dict[str, Kind]:
    """Kind of change -> its material. The keys are CHANGES."""
    kinds = {}
    for change, table in _read(_RADICAL).items():
        worlds = tuple(World(**_frozen(world)) for world in table["worlds"])
        kinds[change] = Kind(tuple(table["openings"]), tuple(table["tails"]), worlds)
    return {change: kinds[change] for change in CHANGES}


@lru_cache(maxsize=1)
def moderate() -> Moderate:
    """The material of moderate changes."""
    table = _read(_MODERATE)
    return Moderate(
        openings=tuple(table["openings"]),
        leads=_frozen(table["leads"]),
        whens=tuple(When(**_frozen(when)) for when in table["whens"]),
        techniques=tuple(Technique(**_frozen(technique)) for technique in table["techniques"]),
    )


@lru_cache(maxsize=3)
def sentences(part: str) -> dict[str, tuple[str, ...]]:
    """Sentence patterns by their place: part "radical", "moderate" or "colour" (both levels)."""
    return _frozen(_read(_SENTENCES)[part])


def digest() -> str:
    """Names the wording: a changed phrase changes it, and so the fingerprint of every stage that writes with it."""
    texts = [path.read_bytes() for path in (_RADICAL, _MODERATE, _SENTENCES)]
    return blake2b(b"\0".join(texts), digest_size=6).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"the grammar cannot be read from {path}: {error}") from error


def _frozen(table: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
