"""The prompts of S3's case study: artists x templates x subjects, several images of each.

*Simple* prompts ask for the artist's manner and nothing else; *constrained* ones also fix the subject (woman, dog,
house), so that one can see whether a style is still there when the content is given; *user* prompts are what people
really typed, from a table. The wordings of the first two are ours, after the
description in "Measuring Style Similarity in Diffusion Models" (arXiv 2404.01292).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import seed_from, slug, variant_id
from builder.model_config import StudyPrompt
from builder.shards import digest
from builder.stage import Lane, Reject, Result, Row, Run

SIMPLE = ("A painting in the style of {artist}",)
CONSTRAINED = (
    "A painting of a {subject} in the style of {artist}",
    "A {subject}, painted by {artist}",
    "A portrait of a {subject} in the manner of {artist}",
    "A {subject} in a landscape, in the style of {artist}",
    "A close view of a {subject}, a work by {artist}",
)


@dataclass(frozen=True)
class StudyStage:
    """``artist`` -> a row for each image to make, with its template, subject, prompt and seed."""

    config: StudyPrompt
    seed: int
    user: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Slug of an artist -> what people asked for."""

    name: ClassVar[str] = "study"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("artist",)
    adds: ClassVar[pa.Schema] = pa.schema(
        [
            pa.field("painting_id", pa.string()),
            pa.field("template", pa.string()),
            pa.field("subject", pa.string()),
            pa.field("seed", pa.int64()),
            pa.field("prompt_complete", pa.string()),
        ]
    )
    plan_reads: ClassVar[tuple[str, ...]] = ()
    lane: ClassVar[Lane] = "cpu"

    def settings(self) -> Mapping[str, Any]:
        words: dict[str, Any] = {"wording": [SIMPLE, CONSTRAINED]}
        if self.user:
            words["user"] = digest({artist: list(texts) for artist, texts in sorted(self.user.items())})
        return {**self.config.model_dump(exclude={"user_prompts"}), "seed": self.seed, **words}

    def plan(self, rows: pa.Table) -> pa.Table | None:
        return None

    @contextmanager
    def open(self) -> Iterator[Run]:
        """Nothing to load."""

        def run(rows: Iterable[Row]) -> Iterator[Result]:
            for row in rows:
                yield self._prompts(row) if row["artist"] else Reject("no_artist", "the source names no artist")

        yield run

    def _prompts(self, row: Row) -> list[Row | Reject]:
        made: list[Row | Reject] = []
        for template, subject, prompt in prompts(row["artist"], self.config, self.user.get(slug(row["artist"]), ())):
            for number in range(self.config.images):
                name = "-".join(part for part in (template, slug(subject)) if part)
                made.append(
                    {
                        "id": variant_id(f"{row['id']}/{name}", number),
                        "painting_id": row["id"],
                        "template": template,
                        "subject": subject,
                        "seed": seed_from(row["id"], name, number, self.seed),
                        "prompt_complete": prompt,
                    }
                )
        return made


def read_user_prompts(path: str | None) -> dict[str, tuple[str, ...]]:
    """What people asked for, by the slug of the artist, from a CSV with the columns artist and prompt.

    Raises ConfigError when there is no such table, or a row of it lacks one of the two.
    """
    if path is None:
        return {}
    found: dict[str, list[str]] = {}
    try:
        with open(Path(path).expanduser(), newline="", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                artist, prompt = ((row.get(name) or "").strip() for name in ("artist", "prompt"))
                if not (slug(artist) and prompt):
                    raise ConfigError(f"{path}: a row lacks an artist or a prompt; the columns are artist and prompt")
                found.setdefault(slug(artist), []).append(prompt)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"the user prompts {path} cannot be read: {error}") from error
    if not found:
        raise ConfigError(f"{path} holds no prompts; it needs the columns artist and prompt")
    return {artist: tuple(texts) for artist, texts in found.items()}


def prompts(artist: str, config: StudyPrompt, user: Sequence[str] = ()) -> list[tuple[str, str, str]]:
    """Template name, subject ('' for simple ones) and text of every prompt for an artist.

    >>> prompts("Claude Monet", StudyPrompt(templates="simple"))
    [('simple', '', 'A painting in the style of Claude Monet')]
    """
    found: list[tuple[str, str, str]] = []
    if config.templates in ("simple", "both"):
        found += [("simple", "", text.format(artist=artist)) for text in SIMPLE]
    if config.templates in ("constrained", "both"):
        found += [
            (f"constrained{number}", subject, text.format(artist=artist, subject=subject))
            for subject in config.subjects
            for number, text in enumerate(CONSTRAINED, start=1)
        ]
    return found + [(f"user{number}", "", text) for number, text in enumerate(user, start=1)]
