"""Prompts: one painting becomes N variants, each with a level, a kind of change, a seed and a prompt.

Decision: levels are quotas, not coin tosses. Within a genre, variants are ranked by a hash of their identity; the first
fifth is moderate (S1: 20 %, stratified by genre). The hash keeps ranks stable: a painting more or less moves the border
between the levels by one place, and so changes at most one other variant of its genre, and none of another genre (one
in three added paintings does). The ten kinds of radical change are bands of a second such ranking, so that each gets a
tenth; a new painting moves about two others over the border of a band.

An exact quota, no other level ever changed, and a result that follows from the source alone: only two of these can be
had. (Were levels a function of the id alone, five moderate paintings by themselves would be a genre that is all
moderate.) Without quotas a genre of 98 paintings would have 20 +- 4 %; with a memory of earlier builds a painting that
could not be read for a day would leave its mark for ever. So the quota stays exact and the one other may change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from artsim_dataset.schema import Level, Painting, seed_from, variant_id
from builder.batches import in_batches
from builder.models import PromptTask, PromptWriter
from builder.models.grammar import CHANGES
from builder.planned import ranks, values
from builder.stage import Lane, Reject, Result, Row, Run

Slot = tuple[str, int]
"""A variant before it has a level: painting id and variant index."""


@dataclass(frozen=True)
class PromptStage:
    """Genre, artist, title and caption -> ``variants`` rows with prompts. ``open_model`` must be picklable.

    Without a ``moderate_share`` there are no levels: a generator that reads no prompt knows no such difference.
    """

    open_model: Callable[[], AbstractContextManager[PromptWriter]]
    model_settings: Mapping[str, Any]
    variants: int
    moderate_share: float | None
    seed: int
    lane: Lane = "cpu"

    name: ClassVar[str] = "prompt"
    version: ClassVar[int] = 2
    reads: ClassVar[tuple[str, ...]] = ("genre", "artist", "title", "caption")
    adds: ClassVar[pa.Schema] = pa.schema(
        [
            pa.field("painting_id", pa.string()),
            pa.field("level", pa.string()),
            pa.field("change", pa.string()),
            pa.field("variant_index", pa.int32()),
            pa.field("seed", pa.int64()),
            pa.field("prompt_complete", pa.string()),
        ]
    )
    plan_reads: ClassVar[tuple[str, ...]] = ("genre",)

    def settings(self) -> Mapping[str, Any]:
        return {
            "model": dict(self.model_settings),
            "variants": self.variants,
            "moderate_share": self.moderate_share,
            "seed": self.seed,
        }

    def plan(self, rows: pa.Table) -> pa.Table | None:
        """``levels`` and ``changes`` of its variants, joined by commas: ``radical,moderate`` and ``emotional,``."""
        if rows.num_rows == 0:
            return None
        if self.moderate_share is None:
            commas = pa.repeat("," * (self.variants - 1), rows.num_rows)
            return pa.table({"id": rows["id"], "levels": commas, "changes": commas})
        drawn = _draw(rows["id"], rows["genre"], self.variants, self.moderate_share, self.seed)
        columns = {"levels": _LEVELS, "changes": _CHANGES}
        return pa.table({"id": rows["id"], **{name: _joined(drawn, words) for name, words in columns.items()}})

    @contextmanager
    def open(self) -> Iterator[Run]:
        """Opens the writer for as long as rows are mapped."""
        with self.open_model() as model:
            yield lambda rows: self._run(model, rows)

    def _run(self, model: PromptWriter, rows: Iterable[Row]) -> Iterator[Result]:
        for batch in in_batches(rows, max(1, model.batch // self.variants)):
            tasks = [self._tasks(row) for row in batch]
            prompts = iter(model.write([task for of_row in tasks for task in of_row]))
            for row, of_row in zip(batch, tasks, strict=True):
                yield _variants(row, of_row, [next(prompts) for _ in of_row])

    def _tasks(self, row: Row) -> list[PromptTask]:
        painting = Painting(row["id"], row["genre"], row["artist"], row["title"])
        pairs = zip(row["levels"].split(","), row["changes"].split(","), strict=True)
        return [
            PromptTask(painting, row["caption"], level, change, seed_from(painting.id, level, index, self.seed))
            for index, (level, change) in enumerate(pairs)
        ]


def _variants(row: Row, tasks: Sequence[PromptTask], prompts: Sequence[str | Reject]) -> list[Row | Reject]:
    """A row for each variant, or a reject that names it: the painting's other variants go on."""
    made: list[Row | Reject] = []
    for index, (task, prompt) in enumerate(zip(tasks, prompts, strict=True)):
        key = variant_id(row["id"], index)
        if isinstance(prompt, Reject):
            made.append(Reject(prompt.reason, prompt.message, key))
            continue
        made.append(
            {
                "id": key,
                "painting_id": row["id"],
                "level": task.level,
                "change": task.change,
                "variant_index": index,
                "seed": task.seed,
                "prompt_complete": prompt,
            }
        )
    return made


def draw_levels(
    genres: Mapping[str, str], variants: int, moderate_share: float, seed: int
) -> dict[Slot, tuple[str, str]]:
    """Level and kind of change ('' for moderate) of every variant of every painting (id -> genre).

    In each genre exactly ``round(moderate_share * n)`` of its n variants are moderate, and the kinds of change of the
    others differ in number by at most one.
    """
    if not genres:
        return {}
    drawn = _draw(pa.array(list(genres)), pa.array(list(genres.values())), variants, moderate_share, seed)
    slots = [(painting, index) for painting in genres for index in range(variants)]
    return {slot: (_LEVELS[code], _CHANGES[code]) for slot, code in zip(slots, drawn.ravel().tolist(), strict=True)}


_RADICAL: Level = "radical"
_LEVELS: tuple[Level, ...] = ("moderate", *[_RADICAL for _ in CHANGES])
_CHANGES = ("", *CHANGES)
"""Level and kind of change by code: 0 is moderate, k the k-th kind of radical change."""


def _draw(
    ids: pa.ChunkedArray | pa.Array,
    genres: pa.ChunkedArray | pa.Array,
    variants: int,
    moderate_share: float,
    seed: int,
) -> np.ndarray:
    """The code of each variant of each painting, shape (paintings, variants), int8.

    Hashes and codes are in NumPy: a build of millions is planned at once.
    """
    codes = np.zeros(len(ids) * variants, np.int8)
    encoded = pc.dictionary_encode(genres)
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    genre_of = np.repeat(encoded.indices.to_numpy(), variants)
    order = np.repeat(ranks(ids), variants) * variants + np.tile(np.arange(variants), len(ids))  # of the slots
    level_at, change_at = _places("level", ids, variants, seed), _places("change", ids, variants, seed)
    for number, genre in enumerate(encoded.dictionary.to_pylist()):
        members = np.flatnonzero(genre_of == number)
        ranked = members[np.lexsort((order[members], level_at[members]))]
        rest = ranked[round(moderate_share * len(ranked)) :]
        radicals = rest[np.lexsort((order[rest], change_at[rest]))]
        first = seed_from("first change", genre, seed)  # else every small genre would begin with the same kind
        band = len(CHANGES) * np.arange(len(radicals)) // max(1, len(radicals))
        codes[radicals] = (first % len(CHANGES) + band) % len(CHANGES) + 1
    return codes.reshape(-1, variants)


def _places(purpose: str, ids: pa.ChunkedArray | pa.Array, variants: int, seed: int) -> np.ndarray:
    """Where each variant stands in the ranking for ``purpose``: (paintings * variants,) int64."""
    hashes = (seed_from(purpose, painting, index, seed) for painting in values(ids) for index in range(variants))
    return np.fromiter(hashes, np.int64, len(ids) * variants)


def _joined(drawn: np.ndarray, words: Sequence[str]) -> pa.Array:
    """The words of each painting's variants, joined by commas."""
    columns = [pa.DictionaryArray.from_arrays(column, list(words)).dictionary_decode() for column in drawn.T]
    return pc.binary_join_element_wise(*columns, ",")
