"""Export as WebDataset: tars that a training run reads from first to last, as `webdataset` and `datasets` do.

    train-00000-of-00003.tar
        Cubism/juan-gris_guitar-0.original.jpg      triplets: .anchor.jpg, .positive.jpg, .negative.jpg
        Cubism/juan-gris_guitar-0.generated.jpg
        Cubism/juan-gris_guitar-0.json              all other columns of the row

The key of a sample is the id of its variant: a painting's id can be that of another's second variant. Image bytes are
those of the data set. A tar is made of whole row groups, chosen from the Parquet footers alone: how many tars there
are and what is in each is known before the first is read, so that each can be made alone and an export that was
stopped goes on. Times, owners and modes in the tars are constant: the same data set gives the same bytes.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from artsim_dataset.errors import ArtsimError
from artsim_dataset.export.writing import ROWS_AT_ONCE, Watcher, image_bytes, whole_file

CONFIGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "pairs": ("id", ("original", "generated")),
    "triplets": ("positive_id", ("anchor", "positive", "negative")),
    "triplets_hard": ("positive_id", ("anchor", "positive", "negative")),
}
"""Config -> the column that is the key of a sample, and its images."""

MAX_TAR_BYTES = 256_000_000
"""Small enough that some workers find a tar each in a data set of a few GB, large enough to be read at full speed."""

ROW_OVERHEAD = 10_240
"""What a row takes in a tar beside its images, at most: four headers, padding, and JSON that Parquet had packed."""

_MISREAD = re.compile(r"[%.\x00-\x1f\x7f]|(?<![^/])[_/]")
_JPEG = b"\xff\xd8\xff"


@dataclass(frozen=True)
class Tar:
    """A tar to write: its name, and the row groups of Parquet files that go into it."""

    name: str
    split: str
    groups: tuple[tuple[Path, int], ...]
    rows: int


def key_of(id_: str) -> str:
    """The key of a sample: an id, in which what a reader of tars would misread is percent-encoded.

    That is a dot, where the key would end; an underscore or a slash at the start of a part, since names with ``__``
    are passed over; control characters; and the percent sign. `urllib.parse.unquote` gives the id back.

    >>> key_of("Cubism/juan-gris_guitar-0"), key_of("Realism/st.-ives_no.-5-0")
    ('Cubism/juan-gris_guitar-0', 'Realism/st%2E-ives_no%2E-5-0')
    """
    return _MISREAD.sub(lambda found: f"%{ord(found[0]):02X}", id_)


def plan(files: Mapping[str, Sequence[Path]], limit: int | None = None) -> list[Tar]:
    """The tars of Parquet files by split, of at most ``limit`` bytes each, MAX_TAR_BYTES when None.

    A row group is never cut: one that is larger than that alone is a tar of its own.
    """
    limit = MAX_TAR_BYTES if limit is None else limit
    tars = []
    for split, paths in files.items():
        parts: list[list[tuple[Path, int, int]]] = []
        filled = 0
        for path in paths:
            footer = pq.read_metadata(path)
            for number in range(footer.num_row_groups):
                group = footer.row_group(number)
                size = group.total_byte_size + group.num_rows * ROW_OVERHEAD
                if not parts or filled + size > limit:
                    parts.append([])
                    filled = 0
                filled += size
                parts[-1].append((path, number, group.num_rows))
        for number, part in enumerate(parts):
            name = f"{split}-{number:05d}-of-{len(parts):05d}.tar"
            tars.append(Tar(name, split, tuple((p, g) for p, g, _ in part), sum(rows for _, _, rows in part)))
    return tars


def write_tars(tars: Sequence[Tar], config: str, out: Path, watcher: Watcher | None) -> tuple[int, int, dict[str, int]]:
    """Writes the tars that are missing. Returns tars written, tars kept, and images by split.

    Raises:
        ArtsimError: an image is missing or no JPEG; names the row.
    """
    key, columns = CONFIGS[config]
    if watcher:
        watcher.stage("export", sum(tar.rows for tar in tars), 0)
    images: dict[str, int] = {}
    written = 0
    for tar in tars:
        images[tar.split] = images.get(tar.split, 0) + tar.rows * len(columns)
        if (out / tar.name).is_file():
            if watcher:
                watcher.advance(tar.rows)
            continue
        with (
            whole_file(out / tar.name) as file,
            tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as made,
        ):
            for rows in _rows(tar.groups):
                for row in rows:
                    _add(made, row, row[key], columns)
                if watcher:
                    watcher.advance(len(rows))
        written += 1
    return written, len(tars) - written, images


def _rows(groups: Iterable[tuple[Path, int]]) -> Iterator[list[dict[str, Any]]]:
    for path, group in groups:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(ROWS_AT_ONCE, row_groups=[group]):
                yield batch.to_pylist()


def _add(tar: tarfile.TarFile, row: dict[str, Any], id_: str, columns: Sequence[str]) -> None:
    """Adds the images of a row under their columns, and everything else as JSON."""
    key = key_of(id_)
    for column in columns:
        data = image_bytes(row, column, id_)
        if not data.startswith(_JPEG):
            raise ArtsimError(f"row '{id_}', column '{column}' is no JPEG: check the data set with 'artsim validate'")
        _add_file(tar, f"{key}.{column}.jpg", data)
    facts = {name: value for name, value in row.items() if name not in columns}
    _add_file(tar, f"{key}.json", json.dumps(facts, ensure_ascii=False).encode())


def _add_file(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)  # mode 0644, time 0, no owner
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))
