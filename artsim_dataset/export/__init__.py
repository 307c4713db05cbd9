"""Takes a data set folder apart, into the layouts of the systems that came before and of training on many machines.

* ``imagefolder``: S4's. ``OUT/ai`` and ``OUT/original`` with one file name for a painting and its first variant, and
  nothing else, so that `load_dataset("imagefolder", data_dir=OUT)` and every image classifier's loader give the two
  labels. Both classes go through one and the same crop, resize and encode: what differs is the picture alone.
* ``csv``: S1's. ``OUT/images/{genre}/...`` with the bytes as they are, beside `data.csv` and `metadata.csv`.
* ``webdataset``: tars to read from first to last, a few hundred MB each, see :mod:`artsim_dataset.export.tars`.

Rows stream from the Parquet files, a row group at a time. Files are written atomically, so one that is there is whole
and is passed over: an export that was stopped goes on.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from artsim_dataset.errors import ConfigError
from artsim_dataset.export import tars
from artsim_dataset.export.files import AsIs, Squares, write_files
from artsim_dataset.export.tars import CONFIGS, plan, write_tars
from artsim_dataset.export.writing import Watcher, write_whole
from artsim_dataset.load import check_dataset
from artsim_dataset.loading.originals import PUBLISHED
from artsim_dataset.schema import SPLITS
from artsim_dataset.storage import is_address, local

Format = Literal["imagefolder", "csv", "webdataset"]

SIZE = 256
TABLES = ("data.csv", "metadata.csv")
MARKER = ".artsim-export.json"
"""Says what an export folder holds. A dot file: loaders of folders pass it over."""


@dataclass(frozen=True)
class Exported:
    """What an export did: files with images ``written`` now and ``kept`` from a run before, and the number of images
    by the folder they are in, or by split where a file holds many."""

    format: Format
    out: str
    written: int
    kept: int
    images: dict[str, int]


def export(
    dataset: Path,
    format: Format,
    out: Path,
    size: int | None = None,
    watcher: Watcher | None = None,
    config: str | None = None,
) -> Exported:
    """Writes the images of a data set folder into ``out``.

    Args:
        dataset: a folder that `artsim build` made, or a download of one.
        format: imagefolder, csv or webdataset, see above.
        out: made when missing; the same one resumes.
        size: side of the squares of ``imagefolder`` in pixels, 256 when None.
        watcher: told of progress.
        config: of ``webdataset``: pairs, triplets or triplets_hard; pairs when None.

    Raises:
        DatasetNotFound: there is no data set in ``dataset``.
        ConfigError: the data set has no such config, ``out`` holds something else, ``size`` is out of range, or
            ``size`` or ``config`` is given with a format that it is not for.
        ArtsimError: an image of the data set cannot be read; names the row.
    """
    check_dataset(dataset)
    if is_address(dataset):
        local(dataset, "export")
    if not Path(dataset).is_dir():
        raise ConfigError(
            f"export reads a folder; first: hf download {dataset} --repo-type dataset --local-dir {Path(dataset).name}"
        )
    wanted, files = _checked(dataset, format, size, config)
    _claim(out, dataset, wanted)
    if format == "webdataset":
        result = write_tars(plan(files), wanted["config"], out, watcher)
    else:
        paths = [path for of_split in files.values() for path in of_split]
        writer = Squares(paths, wanted["size"]) if format == "imagefolder" else AsIs()
        result = write_files(paths, writer, out, watcher)
    if format == "csv":
        for name in TABLES:
            shutil.copyfile(dataset / name, out / name)
    return Exported(format, str(out), *result)


def _checked(
    dataset: Path, format: Format, size: int | None, config: str | None
) -> tuple[dict[str, Any], dict[str, list[Path]]]:
    """What names this export, and the Parquet files of its config by split."""
    wanted: dict[str, Any] = {"format": format}
    if format == "imagefolder":
        wanted["size"] = SIZE if size is None else size
        if not 16 <= wanted["size"] <= 4096:
            raise ConfigError(f"--size must be 16 to 4096 pixels, not {size}")
    elif size is not None:
        raise ConfigError(f"--size is for imagefolder; {format} keeps every image as it is in the data set")
    if format == "webdataset":
        wanted["config"] = config or "pairs"
        if wanted["config"] not in CONFIGS:
            raise ConfigError(f"no config '{config}' for webdataset; configs are: {', '.join(CONFIGS)}")
        wanted["tar_bytes"] = tars.MAX_TAR_BYTES  # with another limit the same rows are in other tars
    elif config is not None:
        raise ConfigError(f"--config is for webdataset; {format} is made from pairs")
    folder = dataset / wanted.get("config", "pairs")
    files = {split: sorted(folder.glob(f"{split}-*.parquet")) for split in SPLITS}
    if not any(files.values()):
        if folder.name == "pairs":
            raise ConfigError(f"{dataset} has no pairs of painting and variant; a case study has none to export")
        raise ConfigError(f"{dataset} has no rows of {folder.name} to export")
    return wanted, files


def _claim(out: Path, dataset: Path, wanted: dict[str, Any]) -> None:
    """Makes sure that ``out`` is new, empty, or an unfinished or finished export of the very same."""
    build = json.loads((dataset / "build.json").read_text(encoding="utf-8"))
    if build.get(PUBLISHED, True) is False:
        raise ConfigError(f"{dataset} was published without its originals, which an export shows: export the full one")
    wanted = wanted | {"dataset": build["digest"]}
    marker = out / MARKER
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file; give a folder for --out")
    if marker.is_file():
        if json.loads(marker.read_text(encoding="utf-8")) != wanted:
            raise ConfigError(
                f"{out} holds an export of another data set, format, size or config; "
                "give an empty or new folder for --out"
            )
        return
    if out.is_dir() and any(out.iterdir()):
        raise ConfigError(f"{out} holds other files; give an empty or new folder for --out")
    out.mkdir(parents=True, exist_ok=True)
    write_whole(marker, json.dumps(wanted, sort_keys=True).encode())
