"""`artsim validate`: whether a data set folder is what it says it is. It only reads, and needs no builder.

Everything is looked at and nothing stops at the first fault: files and checksums (`folder`), card and CSV files
(`card`), Parquet as tables (`tables`), rows (`rows`), what joins them (`joins`, `totals`), every image (`pictures`,
`decode`), and text that must not be published (`text`). Rows and images stream, a few at a time, and what must be
remembered of all of them stands in a temporary file (`index`): a data set may have more rows than memory has room for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from artsim_dataset.errors import ConfigError
from artsim_dataset.load import check_dataset
from artsim_dataset.storage import Place, place
from artsim_dataset.validate import card, folder, rows
from artsim_dataset.validate.findings import Finding, Log, Validation, Watcher
from artsim_dataset.validate.folder import Folder
from artsim_dataset.validate.index import Index, open_index
from artsim_dataset.validate.joins import Joins
from artsim_dataset.validate.pictures import Pictures
from artsim_dataset.validate.rows import UNIQUE, Known, Rules, read_pairs, read_rows
from artsim_dataset.validate.tables import Tables
from artsim_dataset.validate.text import KEYS, MACHINE_PATHS, MAIL, Reader, texts_of_files
from artsim_dataset.validate.totals import COUNTS

__all__ = ["Finding", "Validation", "Watcher", "validate"]


def validate(
    path: str | Path, count_tokens: Callable[[str], int] | None = None, watcher: Watcher | None = None
) -> Validation:
    """Checks a data set folder, as built or as downloaded.

    Args:
        path: the folder, here or in an object store.
        count_tokens: CLIP tokens of a text without the marks; without it the counts of the rows are believed.
        watcher: told of progress.

    Raises:
        DatasetNotFound: there is no data set in the folder, or its build is not finished.
        ConfigError: ``path`` is no folder.
    """
    data = _open(place(path))
    log, reader = Log(), Reader(data)
    log.take(folder.SAME_BYTES, folder.files_have_their_sums(data, watcher))
    for name, check in {**folder.CHECKS, **card.CHECKS}.items():
        log.take(name, check(data))
    log.making(UNIQUE, MACHINE_PATHS, KEYS, MAIL)
    for where, text in texts_of_files(data):
        for check_name, message in reader.look(text):
            log.add(check_name, where, message)
    tables, rules = Tables(data, log), Rules(data, count_tokens, watcher)
    if watcher:
        watcher.stage("rows", sum(tables.rows[name] for names in tables.good.values() for name in names), 0)
    with open_index() as index:
        if data.is_study:
            _read_study(tables, index, rules, reader, log)
        else:
            known = Known.empty(index)
            read_pairs(tables, known, rules, reader, log)
            Joins(tables, known, rules, reader, log).check_all()
        pictures = Pictures(tables, index, log, watcher)
        pictures.check_all()
    return Validation(
        tuple(log.made), sum(tables.rows.values()), pictures.images, dict(log.numbers), tuple(log.findings)
    )


def _open(path: Place) -> Folder:
    """The folder, when there is anything of a data set in it."""
    if path.is_dir():
        data = Folder(path)
        if folder.SUMS in data.files or any(data.shards.values()):
            return data
    check_dataset(path)
    if isinstance(path, Path) and not path.is_dir():
        raise ConfigError(
            f"validate reads a folder; first: hf download {path} --repo-type dataset --local-dir {path.name}"
        )
    return Folder(path)


def _read_study(tables: Tables, index: Index, rules: Rules, reader: Reader, log: Log) -> None:
    tally = index.tally("images")
    artists: Counter[str] = Counter()
    for _, row in read_rows(tables, "images", rows.WORDS, rules, reader, log):
        if not tally.count(row["id"]):
            log.add(UNIQUE, f"images {row['id']}", "this id stands in two rows")
        artists[row["artist"]] += 1
    stated = tables.folder.fact("artists")
    if stated is not None and tables.whole("images") and stated != artists:
        log.add(COUNTS, "build.json", f"'artists' are {len(stated)}; the rows give others or in other numbers")
    log.making(COUNTS)
