"""Makes the variants. Every image is checked before it is kept, and says in its row how it was made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from artsim_dataset.images import UndecodableImage, content, encode, size_of
from artsim_dataset.schema import BOX_COLUMNS, seed_from
from builder.checks import map_generated, provenance_columns
from builder.models import ImageGenerator, ImageTask, Made, Pixels
from builder.planned import ranks, values
from builder.stage import Lane, Reject, Result, Row, Run


@dataclass(frozen=True)
class GenerateStage:
    """painting and prompt -> variant, letterboxed as the painting is.

    Args:
        open_generator: opens the model; called once in each worker.
        model_settings: what identifies the model and its options; part of the fingerprint.
        quality: of the JPEG.
        seed: the build seed; decides which painting lends its style.
        lane: where it runs.
        styled: whether the generator takes the style of another painting.
    """

    open_generator: Callable[[], AbstractContextManager[ImageGenerator]]
    model_settings: Mapping[str, Any]
    quality: int
    seed: int
    lane: Lane = "cpu"
    styled: bool = False

    name: ClassVar[str] = "generate"
    version: ClassVar[int] = 2
    reads: ClassVar[tuple[str, ...]] = ("image", *BOX_COLUMNS, "level", "seed", "prompt_compressed", "style_vector")
    adds: ClassVar[pa.Schema] = pa.schema(
        [("generated", pa.binary()), ("generator", pa.string()), ("provenance", pa.string())]
    )

    @property
    def plan_reads(self) -> tuple[str, ...]:
        return ("painting_id", "genre", "style_vector") if self.styled else ()

    def settings(self) -> Mapping[str, Any]:
        return {**self.model_settings, "quality": self.quality, "seed": self.seed}

    def plan(self, rows: pa.Table) -> pa.Table:
        """Gives each variant the style of a painting of another genre: columns ``style_of`` and ``style``."""
        lenders = choose_styles(rows["id"], rows["painting_id"], rows["genre"], self.seed)
        columns = {"style_of": rows["painting_id"], "style": rows["style_vector"]}
        return pa.table({"id": rows["id"], **{name: column.take(lenders) for name, column in columns.items()}})

    @contextmanager
    def open(self) -> Iterator[Run]:
        with self.open_generator() as generator:
            yield lambda rows: map_generated(generator, rows, _task, self._finish)

    def _finish(self, row: Row, made: Made) -> Result:
        styled = {"style_of": row["style_of"]} if self.styled else {}
        image = encode(_letterbox(made.pixels, row), self.quality)
        return {"generated": image, **provenance_columns(row, made, **styled)}


def choose_styles(
    ids: pa.ChunkedArray | pa.Array,
    paintings: pa.ChunkedArray | pa.Array,
    genres: pa.ChunkedArray | pa.Array,
    seed: int,
) -> pa.Array:
    """For each variant, a row of a painting of another genre whose style it takes.

    Paintings stand on a ring at the hash of their id; a variant takes the first of another genre after the hash of
    its own id. One painting more or less changes the few variants beside it, and no others. With a single genre, the
    first other painting is taken, and the painting itself where there is none. Two variants of a painting with one
    style could be the same picture: the later one goes on round the ring, unless all others are taken.

    Args:
        ids, paintings, genres: of each variant, in step; variants of a painting in their order.
    """
    code, names = _encoded(paintings)
    first = np.unique(code, return_index=True)[1]
    genre = _encoded(genres)[0][first]
    places = np.fromiter((seed_from("style", painting) for painting in values(names)), np.int64, len(names))
    ring = np.lexsort((ranks(names), places))
    starts = np.fromiter((seed_from("style", variant, seed) for variant in values(ids)), np.int64, len(code))
    at = np.searchsorted(places[ring], starts) % len(ring)
    around = genre[ring]
    changes = np.flatnonzero(np.diff(np.tile(around, 2))) + 1  # where another genre begins, twice round the ring
    if len(changes):
        own = around[at] == genre[code]
        at[own] = changes[np.searchsorted(changes, at[own], side="right")] % len(ring)
    else:
        at = np.where(ring[at] == code, at + 1, at) % len(ring)
    _part(at, code, genre, ring)
    return pa.array(first[ring[at]])


def _part(at: np.ndarray, code: np.ndarray, genre: np.ndarray, ring: np.ndarray) -> None:
    """Gives variants of one painting (``code``) different places ``at`` on the ring, where there are enough."""
    order = np.lexsort((at, code))
    one, next_ = order[:-1], order[1:]
    later = next_[(code[one] == code[next_]) & (at[one] == at[next_])]
    own_place = np.argsort(ring)
    for own in np.unique(genre[code[later]]):
        places = np.flatnonzero(genre[ring] != own)
        places = places if len(places) else np.arange(len(ring))
        for row in np.sort(later[genre[code[later]] == own]):
            siblings = slice(*np.searchsorted(code, [code[row], code[row] + 1], sorter=order))
            taken = np.append(at[order[siblings]], own_place[code[row]])
            after = np.searchsorted(places, at[row]) + np.arange(min(len(taken) + 1, len(places)))
            around = places[after % len(places)]
            free = around[~np.isin(around, taken)]
            at[row] = free[0] if len(free) else at[row]


def _encoded(column: pa.ChunkedArray | pa.Array) -> tuple[np.ndarray, pa.Array]:
    """Each value as its number in the list of different ones, and that list."""
    encoded = pc.dictionary_encode(column)
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    return encoded.indices.to_numpy(), encoded.dictionary


def _task(row: Row) -> ImageTask | Reject:
    try:
        image = content(row["image"], *(row[side] for side in BOX_COLUMNS))
    except UndecodableImage as error:
        return Reject("undecodable", str(error))
    style = row.get("style")
    return ImageTask(
        id=row["id"],
        image=image,
        prompt=row["prompt_compressed"],
        level=row["level"],
        seed=row["seed"],
        style=None if style is None else np.frombuffer(style, np.float32),
        own_style=np.frombuffer(row["style_vector"], np.float32),
    )


def _letterbox(variant: Pixels, row: Row) -> Pixels:
    """The variant where the painting is: on black, in a frame of the same size."""
    width, height = size_of(row["image"])
    frame = np.zeros((height, width, 3), np.uint8)
    left, top, right, bottom = (row[side] for side in BOX_COLUMNS)
    frame[top:bottom, left:right] = variant
    return frame
