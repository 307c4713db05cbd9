"""Rows of `pairs` -> embeddings: which view of which image is wanted, what the cache has, what must be encoded.

Images are read as encoded bytes, hashed, and decoded only when a view of them is missing. Nothing here keeps more than
a few batches of pixels, and the embeddings stay in the memory-mapped cache until rows of them are taken.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from datasets import Dataset
from datasets import Image as ImageFeature
from PIL import Image, UnidentifiedImageError

from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache, embedding_key
from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.schema import BOX_COLUMNS, painting_id_of
from artsim_dataset.views import Box, View, crop_content

Progress = Callable[[str, int, int], None]
"""Told (what, done, total) as work goes on."""

VIEWS_AT_ONCE = 32
"""For encoders that do not say how many images they like at once (``batch``)."""
_LABELS = ("id", "genre", "artist", "group", "level")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One view of one image: a row of `pairs`, its column (`original` or `generated`), and how it is looked at."""

    row: int
    column: str
    view: View


class ImageRows(Protocol):
    """Rows with images: their ids and content boxes by row, and the images on demand."""

    ids: Any
    boxes: list[Box]

    def image_bytes(self, row: int, column: str) -> bytes: ...

    def content(self, row: int, column: str, data: bytes) -> Image.Image: ...


class PairRows:
    """The `pairs` rows of one split: labels in memory, images on demand.

    Several variants of a painting are several rows.

    Attributes (one entry a row): ``ids, genres, artists, groups, levels``; ``painting`` is the row's painting as an
    index into ``painting_ids``, and ``first_row`` is a row of each painting, where its original is read, once.
    """

    def __init__(self, dataset: Dataset) -> None:
        if not isinstance(dataset, Dataset):
            raise ConfigError(f"one split of the 'pairs' config is needed, not a {type(dataset).__name__}")
        missing = [c for c in (*_LABELS, *BOX_COLUMNS, "original", "generated") if c not in dataset.column_names]
        if missing:
            raise ConfigError(f"the data set has no column {', '.join(missing)}: load its 'pairs' config")
        if not len(dataset):
            raise ConfigError("the split has no rows")
        table: dict[str, Any] = dataset.select_columns([*_LABELS, *BOX_COLUMNS])[:]
        self.ids, self.genres, self.artists, self.groups, self.levels = (np.array(table[c], object) for c in _LABELS)
        self.boxes: list[Box] = list(zip(*(table[c] for c in BOX_COLUMNS), strict=True))
        self.painting_ids, self.first_row, self.painting = np.unique(
            np.array([painting_id_of(i) for i in self.ids]), return_index=True, return_inverse=True
        )
        self._images = {
            column: dataset.select_columns([column]).cast_column(column, ImageFeature(decode=False))
            for column in ("original", "generated")
        }

    def __len__(self) -> int:
        return len(self.ids)

    def image_bytes(self, row: int, column: str) -> bytes:
        """The encoded image as stored. Raises ConfigError for a painting that was not published."""
        stored = self._images[column][int(row)][column]
        if stored is None:
            raise ConfigError(
                f"{self.ids[row]} has no picture in column '{column}': the data set was published without its "
                "originals, and needs the paintings: load_artsim(..., originals=...)"
            )
        if stored["bytes"] is not None:
            return stored["bytes"]
        return Path(stored["path"]).read_bytes()

    def content(self, row: int, column: str, data: bytes) -> Image.Image:
        """The decoded image without its bars. ArtsimError names the row of an image that cannot be read."""
        try:
            with Image.open(io.BytesIO(data)) as image:
                return crop_content(image.convert("RGB"), self.boxes[row])
        except (UnidentifiedImageError, OSError, ConfigError) as error:
            raise ArtsimError(f"row '{self.ids[row]}', column '{column}': {error}") from error


def embed(
    rows: ImageRows, wanted: Sequence[Wanted], encoder: Encoder, cache: EmbeddingCache, progress: Progress | None = None
) -> np.ndarray:
    """Positions in ``cache`` of the wanted embeddings, one each, after encoding those it did not have; shape (n,).

    Written to the cache every few images: an interrupted run goes on where it was.
    """
    images: dict[tuple[int, str], list[int]] = {}
    for at, want in enumerate(wanted):
        images.setdefault((int(want.row), want.column), []).append(at)
    keys: list[bytes] = [b""] * len(wanted)

    def prepare(image: tuple[int, str]) -> dict[bytes, Image.Image]:
        row, column = image
        data = rows.image_bytes(row, column)
        digest = hashlib.sha256(data).digest()
        views: dict[bytes, View] = {}
        for at in images[image]:
            keys[at] = embedding_key(digest, rows.boxes[row], wanted[at].view)
            if keys[at] not in cache:
                views[keys[at]] = wanted[at].view
        if not views:
            return {}
        content = rows.content(row, column, data)
        return {key: view.apply(content) for key, view in views.items()}

    done = 0
    for batch in _prepared(images, prepare, getattr(encoder, "batch", VIEWS_AT_ONCE)):
        missing = {key: view for prepared in batch for key, view in prepared.items()}
        if missing:
            vectors = encoder.encode(list(missing.values()))
            cache.add(dict(zip(missing, vectors, strict=True)))
        done += len(batch)
        if progress:
            progress("encode", done, len(images))
    return cache.positions(keys)


def _prepared(
    images: dict[tuple[int, str], list[int]], prepare: Callable, views_at_once: int
) -> Iterator[list[dict[bytes, Image.Image]]]:
    """Batches of prepared images; the next batch is decoded while the last one is encoded."""
    most = max(map(len, images.values()), default=1)
    size = max(1, views_at_once // most)
    todo = iter(images)
    with ThreadPoolExecutor(max(2, os.cpu_count() or 1), thread_name_prefix="decode") as pool:
        ahead = [pool.submit(prepare, image) for image in islice(todo, size)]
        while ahead:
            batch, ahead = ahead, [pool.submit(prepare, image) for image in islice(todo, size)]
            yield [future.result() for future in batch]
