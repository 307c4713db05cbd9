"""Takes a data set folder apart into loose files, in the layouts of the systems that came before.

* ``imagefolder``: S4's. ``OUT/ai`` and ``OUT/original`` with one file name for a painting and its first variant, and
  nothing else, so that `load_dataset("imagefolder", data_dir=OUT)` and every image classifier's loader give the two
  labels. Both classes go through one and the same crop, resize and encode: what differs is the picture alone.
* ``csv``: S1's. ``OUT/images/{genre}/...`` with the bytes as they are, beside `data.csv` and `metadata.csv`.

Rows stream from the Parquet files of `pairs`, a row group at a time. Files are written atomically, so one that is there
is whole and is passed over: an export that was stopped goes on.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow.parquet as pq
from PIL import Image

from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.load import check_dataset
from artsim_dataset.schema import SPLITS, painting_id_of
from artsim_dataset.views import crop_content

Format = Literal["imagefolder", "csv"]


class Watcher(Protocol):
    """Told how many rows there are, and of each few as they are done; the terminal draws it as a bar."""

    def stage(self, name: str, rows: int, done: int) -> None: ...

    def advance(self, rows: int) -> None: ...


SIZE, QUALITY = 256, 95
TABLES = ("data.csv", "metadata.csv")
MARKER = ".artsim-export.json"
"""Says what an export folder holds. A dot file: loaders of image folders pass it over."""

ROWS_AT_ONCE = 64
_BOX = ("content_left", "content_top", "content_right", "content_bottom")


@dataclass(frozen=True)
class Exported:
    """What an export did: images ``written`` now, ``kept`` from a run before, and all by the folder they are in."""

    format: Format
    out: str
    written: int
    kept: int
    images: dict[str, int]


def export(
    dataset: Path, format: Format, out: Path, size: int | None = None, watcher: Watcher | None = None
) -> Exported:
    """Writes the images of a data set folder as loose files into ``out``.

    Args:
        dataset: a folder that `artsim build` made, or a download of one.
        format: imagefolder or csv, see above.
        out: made when missing; the same one resumes.
        size: side of the squares of ``imagefolder`` in pixels, 256 when None.
        watcher: told of progress.

    Raises:
        DatasetNotFound: there is no data set in ``dataset``.
        ConfigError: the data set has no pairs, ``out`` holds something else, ``size`` is out of range or given with a
            format that changes no pixels.
        ArtsimError: an image of the data set cannot be read; names the row.
    """
    check_dataset(dataset)
    if not Path(dataset).is_dir():
        raise ConfigError(
            f"export reads a folder; first: hf download {dataset} --repo-type dataset --local-dir {Path(dataset).name}"
        )
    if format == "csv" and size is not None:
        raise ConfigError("--size is for imagefolder; csv keeps every image as it is in the data set")
    size = SIZE if size is None else size
    if not 16 <= size <= 4096:
        raise ConfigError(f"--size must be 16 to 4096 pixels, not {size}")
    if not (dataset / "pairs").is_dir():
        raise ConfigError(f"{dataset} has no pairs of painting and variant; a case study has none to export")
    files = [path for split in SPLITS for path in sorted((dataset / "pairs").glob(f"{split}-*.parquet"))]
    _claim(out, dataset, format, size)
    writer = _Squares(files, size) if format == "imagefolder" else _AsIs()
    result = _write_all(files, writer, out, watcher)
    if format == "csv":
        for name in TABLES:
            shutil.copyfile(dataset / name, out / name)
    return Exported(format, str(out), *result)


def _claim(out: Path, dataset: Path, format: Format, size: int) -> None:
    """Makes sure that ``out`` is new, empty, or an unfinished or finished export of the very same."""
    digest = json.loads((dataset / "build.json").read_text(encoding="utf-8"))["digest"]
    wanted = {"format": format, "dataset": digest} | ({"size": size} if format == "imagefolder" else {})
    marker = out / MARKER
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file; give a folder for --out")
    if marker.is_file():
        if json.loads(marker.read_text(encoding="utf-8")) != wanted:
            raise ConfigError(
                f"{out} holds an export of another data set, format or size; give an empty or new folder for --out"
            )
        return
    if out.is_dir() and any(out.iterdir()):
        raise ConfigError(f"{out} holds other files; give an empty or new folder for --out")
    out.mkdir(parents=True, exist_ok=True)
    _write(marker, json.dumps(wanted, sort_keys=True).encode())


@dataclass(frozen=True)
class _Job:
    """A file to write, by its name below ``out``, and how its bytes come about."""

    name: str
    make: Callable[[], bytes]


class _Squares:
    """The jobs of ``imagefolder``."""

    columns = ("id", "original", "generated", *_BOX)

    def __init__(self, files: Iterable[Path], size: int) -> None:
        self._size = size
        self._names = file_names(id_ for path in files for id_ in pq.read_table(path, columns=["id"])["id"].to_pylist())

    def jobs(self, row: dict[str, Any]) -> Iterator[_Job]:
        painting = painting_id_of(row["id"])
        for folder, column, key in (("original", "original", painting), ("ai", "generated", row["id"])):
            yield _Job(f"{folder}/{self._names[key]}", partial(self._make, row, column))

    def _make(self, row: dict[str, Any], column: str) -> bytes:
        try:
            with Image.open(io.BytesIO(row[column]["bytes"])) as image:
                left, top, right, bottom = (row[side] for side in _BOX)
                content = crop_content(image.convert("RGB"), (left, top, right, bottom))
        except (OSError, ConfigError) as error:
            raise ArtsimError(f"row '{row['id']}', column '{column}': {error}") from error
        return jpeg(square(content, self._size))


class _AsIs:
    """The jobs of ``csv``. The folder of a painting's id is its genre; `pairs` keeps the file names."""

    columns = ("id", "original", "generated")

    def jobs(self, row: dict[str, Any]) -> Iterator[_Job]:
        genre = painting_id_of(row["id"]).rpartition("/")[0]
        for column in ("original", "generated"):
            yield _Job(f"images/{genre}/{row[column]['path']}", partial(bytes, row[column]["bytes"]))


def file_names(variants: Iterable[str]) -> dict[str, str]:
    """S4's file names of variants and of their paintings, by id: the path joined with ``_``; a variant after the
    first carries its index.

    Where two ids come to one name (a genre or title with ``_`` in it, or names that differ in case only, which some
    file systems do not tell apart) the later by id gets eight digits of its digest, so that no picture is lost.

    >>> file_names(["Cubism/juan-gris_guitar-0", "Cubism/juan-gris_guitar-1"])["Cubism/juan-gris_guitar-1"]
    'Cubism_juan-gris_guitar_1.jpg'
    """
    by_painting: dict[str, list[str]] = {}
    for variant in sorted(variants):
        by_painting.setdefault(painting_id_of(variant), []).append(variant)
    names: dict[str, str] = {}
    taken: set[str] = set()
    for painting, own in sorted(by_painting.items()):
        indexes = [variant.rpartition("-")[2] for variant in own]
        stem = painting.replace("/", "_")
        ends = ["", *(f"_{index}" for index in indexes if index != "0")]
        if any(f"{stem}{end}".casefold() in taken for end in ends):
            stem += f"_{blake2b(painting.encode(), digest_size=4).hexdigest()}"
        taken.update(f"{stem}{end}".casefold() for end in ends)
        names[painting] = f"{stem}.jpg"
        for variant, index in zip(own, indexes, strict=True):
            names[variant] = f"{stem}.jpg" if index == "0" else f"{stem}_{index}.jpg"
    return names


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


def _write_all(
    files: list[Path], writer: _Squares | _AsIs, out: Path, watcher: Watcher | None
) -> tuple[int, int, dict[str, int]]:
    """Runs all jobs, a few at once. Returns files written, files kept, and files by folder."""
    if watcher:
        watcher.stage("export", sum(pq.read_metadata(path).num_rows for path in files), 0)
    seen: set[str] = set()
    images: dict[str, int] = {}
    written = 0
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for path in files:
            with pq.ParquetFile(path) as file:
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
    _write(out / job.name, job.make())
    return True


def _write(path: Path, data: bytes) -> None:
    """Under a temporary name first: a file under its own name is a whole one."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
