"""Exports of loose files: the squares of ``imagefolder`` and the bytes as they are of ``csv``."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from PIL import Image

from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.export.writing import ROWS_AT_ONCE, Watcher, image_bytes, write_whole
from artsim_dataset.schema import BOX_COLUMNS, painting_id_of
from artsim_dataset.views import crop_content

QUALITY = 95


@dataclass(frozen=True)
class _Job:
    """A file to write, by its name below ``out``, and how its bytes come about."""

    name: str
    make: Callable[[], bytes]


class Squares:
    """The jobs of ``imagefolder``."""

    columns = ("id", "original", "generated", *BOX_COLUMNS)

    def __init__(self, files: Iterable[Path], size: int) -> None:
        self._size = size
        ids = (id_ for path in files for id_ in pq.read_table(path, columns=["id"])["id"].to_pylist())
        self._paintings, self._variants = file_names(ids)

    def jobs(self, row: dict[str, Any]) -> Iterator[_Job]:
        painting, variant = self._paintings[painting_id_of(row["id"])], self._variants[row["id"]]
        yield _Job(f"original/{painting}", partial(self._make, row, "original"))
        yield _Job(f"ai/{variant}", partial(self._make, row, "generated"))

    def _make(self, row: dict[str, Any], column: str) -> bytes:
        try:
            with Image.open(io.BytesIO(image_bytes(row, column, row["id"]))) as image:
                left, top, right, bottom = (row[side] for side in BOX_COLUMNS)
                content = crop_content(image.convert("RGB"), (left, top, right, bottom))
        except (OSError, ConfigError) as error:
            raise ArtsimError(f"row '{row['id']}', column '{column}': {error}") from error
        return jpeg(square(content, self._size))


class AsIs:
    """The jobs of ``csv``. The folder of a painting's id is its genre; `pairs` keeps the file names."""

    columns = ("id", "original", "generated")

    def jobs(self, row: dict[str, Any]) -> Iterator[_Job]:
        genre = painting_id_of(row["id"]).rpartition("/")[0]
        for column in ("original", "generated"):
            data, name = image_bytes(row, column, row["id"]), row[column].get("path")
            if not name:
                raise ArtsimError(f"row '{row['id']}', column '{column}' names no file; export another format")
            yield _Job(f"images/{genre}/{name}", partial(bytes, data))


def file_names(variants: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """S4's file names of paintings, and those of their variants, by id: the path joined with ``_``; a variant after
    the first carries its index. Two dicts, since a painting's id can be that of another's second variant.

    Where two ids come to one name (a genre or title with ``_`` in it, or names that differ in case only, which some
    file systems do not tell apart) the later by id gets eight digits of its digest, so that no picture is lost.

    >>> file_names(["Cubism/juan-gris_guitar-0", "Cubism/juan-gris_guitar-1"])[1]["Cubism/juan-gris_guitar-1"]
    'Cubism_juan-gris_guitar_1.jpg'
    """
    by_painting: dict[str, list[str]] = {}
    for variant in sorted(variants):
        by_painting.setdefault(painting_id_of(variant), []).append(variant)
    paintings: dict[str, str] = {}
    names: dict[str, str] = {}
    taken: set[str] = set()
    for painting, own in sorted(by_painting.items()):
        indexes = [variant.rpartition("-")[2] for variant in own]
        stem = painting.replace("/", "_")
        ends = ["", *(f"_{index}" for index in indexes if index != "0")]
        if any(f"{stem}{end}".casefold() in taken for end in ends):
            stem += f"_{blake2b(painting.encode(), digest_size=4).hexdigest()}"
        taken.update(f"{stem}{end}".casefold() for end in ends)
        paintings[painting] = f"{stem}.jpg"
        for variant, index in zip(own, indexes, strict=True):
            names[variant] = f"{stem}.jpg" if index == "0" else f"{stem}_{index}.jpg"
    return paintings, names


def square(content: Image.Image, size: int) -> Image.Image:
    """The largest square from the centre of ``content``, at ``size`` x ``size`` pixels (Lanczos)."""
    side = min(content.size)
    left, top = (content.width - side) // 2, (content.height - side) // 2
    # Cropped first: resize(box=...) would let pixels beside the box into its edges.
    return content.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.LANCZOS)


def jpeg(image: Image.Image) -> bytes:
    """JPEG, quality 95, without any metadata."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def write_files(
    files: list[Path], writer: Squares | AsIs, out: Path, watcher: Watcher | None
) -> tuple[int, int, dict[str, int]]:
    """Runs all jobs, a few at once. Returns files written, files kept, and files by folder."""
    if watcher:
        watcher.stage("export", sum(pq.read_metadata(path).num_rows for path in files), 0)
    seen: set[str] = set()
    images: dict[str, int] = {}
    written = 0
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for path in files:
            with pq.ParquetFile(path, pre_buffer=False) as file:
                for batch in file.iter_batches(ROWS_AT_ONCE, columns=list(writer.columns)):
                    rows = batch.to_pylist()
                    # A painting stands in the row of each of its variants and is one file.
                    jobs = {job.name: job for row in rows for job in writer.jobs(row) if job.name not in seen}
                    seen.update(jobs)
                    for name in jobs:
                        if ".." in Path(name).parts:  # a data set from elsewhere must not write where it likes
                            raise ArtsimError(f"the data set names a file {name}, which would lie outside of {out}")
                        folder = name.partition("/")[0]
                        images[folder] = images.get(folder, 0) + 1
                        (out / name).parent.mkdir(parents=True, exist_ok=True)
                    written += sum(pool.map(lambda job: _run(out, job), jobs.values()))
                    if watcher:
                        watcher.advance(len(rows))
    return written, len(seen) - written, images


def _run(out: Path, job: _Job) -> bool:
    """Writes the file of a job; False when it is there."""
    if (out / job.name).is_file():
        return False
    write_whole(out / job.name, job.make())
    return True
