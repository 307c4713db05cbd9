"""Published pictures at another size: scaled, and kept in a temporary file when rows look them up in any order."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow.parquet as pq
from PIL import Image

from artsim_dataset.loading.published import Files
from artsim_dataset.schema import BOX_COLUMNS, LABELS, SPLITS, painting_id_of

ORIGINAL, AI = (LABELS.index(label) for label in ("original", "ai"))

Row = dict[str, Any]
Box = tuple[int, ...]
Key = tuple[int, str]
"""Label and id: a painting "untitled-1" and the second variant of "untitled" have the same id."""
Found = tuple[Key, bytes, Box | None]


class Pictures:
    """The pictures that some rows show, in a temporary file: random access without holding them in memory.

    Args:
        files: of ``pairs``, or of ``real_vs_ai``, which has them smaller.
        wanted: which pictures are kept.
        size: longest side in pixels, at most; as they are when None.
        quality: JPEG quality of those that are scaled.
    """

    def __init__(self, files: Files, wanted: set[Key], size: int | None, quality: int) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the object
        self._places: dict[Key, tuple[int, int]] = {}
        end = 0
        for key, jpeg, box in _of_pairs(files["pairs"]) if "pairs" in files else _of_real_vs_ai(files["real_vs_ai"]):
            if key in wanted and key not in self._places:
                data = jpeg if size is None else scaled(jpeg, size, quality, box)
                self._places[key] = (end, len(data))
                end += self._file.write(data)

    def get(self, key: Key) -> dict[str, Any]:
        start, length = self._places[key]
        self._file.seek(start)
        return {"bytes": self._file.read(length), "path": None}

    def __enter__(self) -> Pictures:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


def _of_real_vs_ai(files: Mapping[str, Sequence[str]]) -> Iterator[Found]:
    for split in SPLITS:
        for row in read_rows(files[split], ("label", "id", "image")):
            yield (row["label"], row["id"]), row["image"]["bytes"], None


def _of_pairs(files: Mapping[str, Sequence[str]]) -> Iterator[Found]:
    for split in SPLITS:
        for row in read_rows(files[split], ("id", "original", "generated", *BOX_COLUMNS)):
            box = tuple(row[side] for side in BOX_COLUMNS)
            yield (ORIGINAL, painting_id_of(row["id"])), row["original"]["bytes"], box
            yield (AI, row["id"]), row["generated"]["bytes"], box


def scaled(jpeg: bytes, size: int, quality: int, box: Box | None = None) -> bytes:
    """An encoded image cropped to ``box`` and scaled to ``size`` pixels at its longest side, as JPEG.

    Lanczos, 4:2:0, no metadata: what the build does for the small pictures. Nothing is scaled up, and an image that
    needs neither is returned as it is.
    """
    with Image.open(io.BytesIO(jpeg)) as opened:
        if (box is None or box == (0, 0, *opened.size)) and max(opened.size) <= size:
            return jpeg
        picture = opened.convert("RGB")
    if box is not None:
        picture = picture.crop((box[0], box[1], box[2], box[3]))
    factor = min(1.0, size / max(picture.size))
    wanted = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    buffer = io.BytesIO()
    picture.resize(wanted, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=quality, subsampling=2)
    return buffer.getvalue()


def size_of(jpeg: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(jpeg)) as opened:
        return opened.size


def read_rows(files: Iterable[str], columns: Sequence[str]) -> Iterator[Row]:
    """The rows of Parquet files, a small batch at a time; paths, or addresses such as ``hf://...``."""
    import fsspec

    for file in files:
        with fsspec.open(file, "rb") if "://" in file else open(file, "rb") as opened:
            for batch in pq.ParquetFile(opened, pre_buffer=False).iter_batches(batch_size=64, columns=list(columns)):
                yield from batch.select(columns).to_pylist()
