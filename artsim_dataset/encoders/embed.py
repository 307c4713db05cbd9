"""Rows of `pairs` -> embeddings: which view of which image is wanted, what the cache has, what must be encoded.

Images are read as encoded bytes, hashed, and decoded only when a view of them is missing. Nothing here keeps more than
a few batches of pixels, and the embeddings stay in the memory-mapped cache until rows of them are taken.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from datasets import Dataset
from datasets import Image as ImageFeature
from numpy.dtypes import StringDType
from PIL import Image, UnidentifiedImageError

from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache, embedding_key
from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.schema import BOX_COLUMNS, painting_id_of
from artsim_dataset.views import FULL, View, crop_content

Progress = Callable[[str, int, int], None]
"""Told (what, done, total) as work goes on."""

VIEWS_AT_ONCE = 32
"""For encoders that do not say how many images they like at once (``batch``)."""
_LABELS = ("id", "genre", "artist", "group", "level")
_STREAM = 4096
"""Texts that are Python strings at a time."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One view of one image: a row of `pairs`, its column (`original` or `generated`), and how it is looked at."""

    row: int
    column: str
    view: View


@dataclass(frozen=True)
class Looks:
    """Views of many images, ``each`` of them as many: ``views(row)`` of the image in ``column`` of each of ``rows``.

    They are made when their turn comes. A list of :class:`Wanted` for all would take more memory than all the labels.
    """

    rows: np.ndarray
    column: str
    views: Callable[[int], Sequence[View]] = lambda row: (FULL,)
    each: int = 1


class ImageRows(Protocol):
    """Rows with images: their ids (str) and content boxes (:data:`~artsim_dataset.views.Box`) by row, and the images on
    demand."""

    ids: Any
    boxes: Any

    def image_bytes(self, row: int, column: str) -> bytes: ...

    def content(self, row: int, column: str, data: bytes) -> Image.Image: ...


class PairRows:
    """The `pairs` rows of one split: labels in memory, images on demand.

    Several variants of a painting are several rows.

    Attributes (one entry a row): ``ids, genres, artists, groups, levels``; ``boxes``, (left, top, right, bottom);
    ``painting`` is the row's painting as an index into ``painting_ids`` (ascending), and ``first_row`` is a row of each
    painting, where its original is read, once. No attribute has a Python object a row: ids and groups are texts of
    NumPy's own (`StringDType`), and of the other labels and of the boxes equal ones are one object.
    """

    def __init__(self, dataset: Dataset) -> None:
        if not isinstance(dataset, Dataset):
            raise ConfigError(f"one split of the 'pairs' config is needed, not a {type(dataset).__name__}")
        missing = [c for c in (*_LABELS, *BOX_COLUMNS, "original", "generated") if c not in dataset.column_names]
        if missing:
            raise ConfigError(f"the data set has no column {', '.join(missing)}: load its 'pairs' config")
        if not len(dataset):
            raise ConfigError("the split has no rows")
        table = dataset.select_columns([*_LABELS, *BOX_COLUMNS]).with_format("arrow")[:]
        self.ids, self.groups = _texts(table["id"]), _texts(table["group"])
        self.genres, self.artists, self.levels = (_labels(table[c]) for c in ("genre", "artist", "level"))
        boxes, box = np.unique(np.stack([table[c].to_numpy() for c in BOX_COLUMNS], 1), axis=0, return_inverse=True)
        self.boxes = _objects(map(tuple, boxes.tolist()))[box]
        self.painting_ids, self.first_row, self.painting = _paintings(self.ids)
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


def _texts(column: pa.ChunkedArray) -> np.ndarray:
    """Texts that mostly differ, as NumPy holds them: 16 bytes and their UTF-8 each. What is missing is ''."""
    found = np.empty(len(column), StringDType())
    for at in range(0, len(column), _STREAM):
        found[at : at + _STREAM] = column.slice(at, _STREAM).fill_null("").to_numpy()
    return found


def _labels(column: pa.ChunkedArray) -> np.ndarray:
    """Texts that come again and again, one object for each that differs. What is missing is ''."""
    encoded = column.fill_null("").dictionary_encode().unify_dictionaries()
    names = _objects(encoded.chunk(0).dictionary.to_pylist())
    return np.concatenate([names[chunk.indices.to_numpy()] for chunk in encoded.chunks])


def _objects(values: Iterable[Any]) -> np.ndarray:
    return np.fromiter(values, object)


def _paintings(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The different paintings of variants, ascending; the first row of each; the number of each row's painting."""
    paintings = np.fromiter(map(painting_id_of, ids), StringDType(), len(ids))
    return np.unique(paintings, return_index=True, return_inverse=True)


def embed(
    rows: ImageRows, wanted: Sequence[Wanted], encoder: Encoder, cache: EmbeddingCache, progress: Progress | None = None
) -> np.ndarray:
    """Positions in ``cache`` of the wanted embeddings, one each, after encoding those it did not have; shape (n,).

    Written to the cache every few images: an interrupted run goes on where it was. For a few thousand embeddings; of a
    whole data set :func:`embed_all` holds less.
    """
    images: dict[tuple[int, str], list[int]] = {}
    for at, want in enumerate(wanted):
        images.setdefault((int(want.row), want.column), []).append(at)
    seen = ((row, column, [wanted[at].view for at in places]) for (row, column), places in images.items())
    most = max(map(len, images.values()), default=1)
    found = np.empty(len(wanted), np.int64)
    for at, position in zip(
        chain.from_iterable(images.values()),
        _positions(rows, seen, len(images), most, encoder, cache, progress),
        strict=True,
    ):
        found[at] = position
    return found


def embed_all(
    rows: ImageRows, looks: Sequence[Looks], encoder: Encoder, cache: EmbeddingCache, progress: Progress | None = None
) -> list[np.ndarray]:
    """As :func:`embed`, of every image of some columns: positions of each of ``looks``, shape (its rows, its views)."""
    seen = ((row, look.column, look.views(row)) for look in looks for row in map(int, look.rows))
    count, most = sum(len(look.rows) for look in looks), max(look.each for look in looks)
    positions = _positions(rows, seen, count, most, encoder, cache, progress)
    return [np.fromiter(positions, np.int64, len(look.rows) * look.each).reshape(-1, look.each) for look in looks]


def _positions(
    rows: ImageRows,
    images: Iterable[tuple[int, str, Sequence[View]]],
    count: int,
    most: int,
    encoder: Encoder,
    cache: EmbeddingCache,
    progress: Progress | None,
) -> Iterator[int]:
    """The position of each view of each image (row, column, views), a few images at a time. ``count``: of the images;
    ``most``: views that one has."""

    def prepare(image: tuple[int, str, Sequence[View]]) -> tuple[list[bytes], dict[bytes, Image.Image]]:
        row, column, views = image
        data = rows.image_bytes(row, column)
        digest = hashlib.sha256(data).digest()
        keys = [embedding_key(digest, rows.boxes[row], view) for view in views]
        missing = {key: view for key, view in zip(keys, views, strict=True) if key not in cache}
        if not missing:
            return keys, {}
        content = rows.content(row, column, data)
        return keys, {key: view.apply(content) for key, view in missing.items()}

    done = 0
    for batch in _prepared(images, prepare, max(1, getattr(encoder, "batch", VIEWS_AT_ONCE) // most)):
        missing = {key: view for _, prepared in batch for key, view in prepared.items()}
        if missing:
            vectors = encoder.encode(list(missing.values()))
            cache.add(dict(zip(missing, vectors, strict=True)))
        done += len(batch)
        if progress:
            progress("encode", done, count)
        yield from cache.positions([key for keys, _ in batch for key in keys]).tolist()


def _prepared(
    images: Iterable[tuple[int, str, Sequence[View]]], prepare: Callable, size: int
) -> Iterator[list[tuple[list[bytes], dict[bytes, Image.Image]]]]:
    """Batches of prepared images; the next batch is decoded while the last one is encoded."""
    todo = iter(images)
    with ThreadPoolExecutor(max(2, os.cpu_count() or 1), thread_name_prefix="decode") as pool:
        ahead = [pool.submit(prepare, image) for image in islice(todo, size)]
        while ahead:
            batch, ahead = ahead, [pool.submit(prepare, image) for image in islice(todo, size)]
            yield [future.result() for future in batch]
