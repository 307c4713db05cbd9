"""The prompts of S3's case study: artists x templates x subjects, several images of each.

*Simple* prompts ask for the artist's manner and nothing else; *constrained* ones also fix the subject (woman, dog,
house), so that one can see whether a style is still there when the content is given. The wordings are ours, after the
description in "Measuring Style Similarity in Diffusion Models" (arXiv 2404.01292).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from artsim_dataset.schema import seed_from, slug, variant_id
from builder.model_config import StudyPrompt
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
        return {**self.config.model_dump(), "seed": self.seed, "wording": [SIMPLE, CONSTRAINED]}

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
        for template, subject, prompt in prompts(row["artist"], self.config):
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


def prompts(artist: str, config: StudyPrompt) -> list[tuple[str, str, str]]:
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
    return found
