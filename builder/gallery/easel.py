"""From an identity to a picture, and from a number of pictures to a folder that `artsim build --source` reads."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from artsim_dataset import schema
from artsim_dataset.errors import ConfigError
from builder.gallery.colour import MOODS, NATURAL
from builder.gallery.genres import GENRES
from builder.gallery.layin import lay_in
from builder.gallery.names import artist_of
from builder.gallery.pigments import PIGMENTS
from builder.gallery.shapes import Frame, seen_from
from builder.gallery.studio import Hand, Studio
from builder.gallery.subjects import FORMATS, SUBJECTS

JPEG_QUALITY = 92
SMALLEST = 64


@dataclass(frozen=True)
class Commission:
    """What is decided before the first stroke. ``ratio`` is width over height."""

    genre: str
    artist: str
    title: str
    subject: str
    mood: str
    ratio: float

    @property
    def path(self) -> Path:
        return Path(self.genre) / f"{schema.slug(self.artist)}_{schema.slug(self.title)}.jpg"


def commission(genre: str, index: int, seed: int = 0) -> Commission:
    """Subject, mood, format, artist and title of a picture. Neighbouring indices have different subjects."""
    if genre not in GENRES:
        raise ConfigError(f"the gallery has no genre '{genre}'; choose one of: {', '.join(schema.GENRES)}")
    if index < 0:
        raise ConfigError(f"the gallery has no picture {index} of {genre}; indices start at 0")
    rng = np.random.default_rng(schema.seed_from("commission", genre, index, seed))
    manner = GENRES[genre]
    name = manner.subjects[index % len(manner.subjects)]
    subject = SUBJECTS[name]
    mood = str(rng.choice(manner.moods)) if subject.airy else ""
    title = " ".join([str(rng.choice(subject.titles)), mood, str(rng.integers(manner.years[0], manner.years[1] + 1))])
    ratio = float(rng.choice(FORMATS[subject.form]))
    return Commission(genre, artist_of(genre, index), " ".join(title.split()), name, mood, ratio)


def paint(genre: str, index: int, seed: int = 0, size: int = 512) -> Image.Image:
    """An RGB picture, its longest side ``size`` pixels.

    Raises:
        ConfigError: an unknown genre, a negative index, or a size below 64 pixels.
    """
    if size < SMALLEST:
        raise ConfigError(f"a picture of {size} pixels is too small to paint; ask for a size of {SMALLEST} or more")
    order = commission(genre, index, seed)
    rng = np.random.default_rng(schema.seed_from("paint", genre, index, seed))
    ratio = order.ratio
    width, height = (size, round(size / ratio)) if ratio >= 1 else (round(size * ratio), size)
    frame = Frame(max(ratio, 1.0), max(1 / ratio, 1.0))
    manner, hand = GENRES[genre], Hand.of(order.artist)
    colours = hand.mixes({**NATURAL, **PIGMENTS[genre], **MOODS[order.mood]})
    studio = Studio(frame, height, width, {role: manner.grade(c) for role, c in colours.items()}, hand, rng)
    subject = SUBJECTS[order.subject]
    if subject.work is not None:
        image = subject.work(studio)
    else:
        assert subject.scene is not None
        shapes = subject.scene(frame, rng)
        shapes = shapes if subject.framed else seen_from(shapes, frame, rng)
        ground = lay_in(shapes, frame, height, width, studio.palette, manner.look)
        image = manner.manner(studio, ground)
    return Image.fromarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8))


def write_gallery(
    folder: Path, per_genre: int = 5, seed: int = 0, size: int = 512, genres: Iterable[str] = schema.GENRES
) -> list[Path]:
    """Writes ``{genre}/{artist-slug}_{title-slug}.jpg`` for every picture and returns the paths, in order.

    A file that already holds the same bytes is left alone, so a second call writes nothing.
    """
    paths = []
    for genre in genres:
        for index in range(per_genre):
            path = Path(folder) / commission(genre, index, seed).path
            buffer = io.BytesIO()
            paint(genre, index, seed, size).save(buffer, "JPEG", quality=JPEG_QUALITY)
            _keep(path, buffer.getvalue())
            paths.append(path)
    return paths


def _keep(path: Path, data: bytes) -> None:
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".tmp")
    fresh.write_bytes(data)
    os.replace(fresh, path)
