"""Checks of the Parquet files as tables: that they can be read, their columns and types, their numbers of rows.

Nothing here or in what follows holds the pixels of more than a few rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from artsim_dataset.storage import readable
from artsim_dataset.validate.findings import Log
from artsim_dataset.validate.folder import Folder, checksums

READABLE, COLUMNS, TYPES, LISTS, COUNTS = (
    "parquet: can be read",
    "parquet: columns",
    "parquet: loads as images and labels",
    "parquet: no lists",
    "parquet: row counts",
)
Row = dict[str, Any]
ROWS_AT_ONCE = 64
UNREADABLE = (pa.ArrowException, OSError, ValueError)


def _essence(feature: object) -> dict[str, Any]:
    """What a feature says in every version of `datasets`; some write their defaults too."""
    said = feature if isinstance(feature, dict) else {}
    return {key: said[key] for key in ("_type", "dtype", "names") if said.get(key) is not None}


class Tables:
    """The Parquet files of a folder, and which configs can be read whole.

    ``good``: the files that have all their columns, by config, in order; ``splits``: the split of each file.
    """

    def __init__(self, folder: Folder, log: Log) -> None:
        self.folder = folder
        self.good: dict[str, list[str]] = {config: [] for config in folder.features}
        self.splits: dict[str, str] = {}
        self.rows: dict[str, int] = {}
        self._damaged: set[str] = set()
        self._log = log
        log.making(READABLE, COLUMNS, TYPES, LISTS, COUNTS)
        self._damaged.update(name.partition("/")[0] for name in set(checksums(folder)) - set(folder.files))
        for config, splits in folder.shards.items():
            for split, names in splits.items():
                for name in names:
                    self.splits[name] = split
                    self._open(config, name)
        self._count()

    def whole(self, *configs: str) -> bool:
        """Whether every file of these configs could be read so far: only then can what is missing be told."""
        return not any(config in self._damaged for config in configs)

    def batches(self, config: str, columns: Sequence[str]) -> Iterator[tuple[str, list[Row]]]:
        """File name and a few rows, until all of the config are read. ``columns``: ``original.path`` for a part."""
        for name in self.good[config]:
            try:
                with readable(self.folder.path / name) as opened, pq.ParquetFile(opened) as file:
                    for group in range(file.num_row_groups):  # of a whole file pyarrow keeps all that it has read
                        for batch in file.iter_batches(ROWS_AT_ONCE, [group], list(columns)):
                            yield name, batch.to_pylist()
            except UNREADABLE as error:
                self._spoilt(config, name, error)

    def _spoilt(self, config: str, name: str, error: BaseException) -> None:
        self._damaged.add(config)
        found = {(finding.check, finding.where) for finding in self._log.findings}
        if (READABLE, name) not in found:  # the rows are read before the images, and may fail both times
            self._log.add(READABLE, name, f"it is damaged: {(str(error) or type(error).__name__).splitlines()[0]}")

    def _open(self, config: str, name: str) -> None:
        try:
            with readable(self.folder.path / name) as opened, pq.ParquetFile(opened) as file:
                self.rows[name] = file.metadata.num_rows
                schema = file.schema_arrow
        except UNREADABLE as error:
            self._spoilt(config, name, error)
            return
        self._lists(name, schema)
        self._features(config, name, schema)
        expected = self.folder.features[config].arrow_schema
        if self._fits(name, schema, expected):
            self.good[config].append(name)
        else:
            self._damaged.add(config)

    def _fits(self, name: str, schema: pa.Schema, expected: pa.Schema) -> bool:
        """Reports how the columns differ; whether those that there must be are all there, with their types."""
        usable = True
        for field in expected:
            if field.name not in schema.names:
                self._log.add(COLUMNS, name, f"has no column '{field.name}'")
                usable = False
            elif schema.field(field.name).type != field.type:
                kind = schema.field(field.name).type
                self._log.add(COLUMNS, name, f"column '{field.name}' must be {field.type}, and is {kind}")
                usable = False
        for other in [column for column in schema.names if column not in expected.names]:
            self._log.add(COLUMNS, name, f"has a column '{other}' that the schema does not know")
        if usable and sorted(schema.names) == sorted(expected.names) and schema.names != expected.names:
            self._log.add(COLUMNS, name, f"its columns stand in another order: {', '.join(schema.names)}")
        return usable

    def _lists(self, name: str, schema: pa.Schema) -> None:
        for field in schema:
            if pa.types.is_nested(field.type) and not pa.types.is_struct(field.type):
                self._log.add(LISTS, name, f"column '{field.name}' is a list, which `datasets` before 4 cannot read")

    def _features(self, config: str, name: str, schema: pa.Schema) -> None:
        """What `datasets` reads in the footer: without it an image comes as bytes and a label as a number."""
        try:
            stated = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        except (LookupError, TypeError, ValueError):
            self._log.add(TYPES, name, "its footer does not say which columns are images and labels")
            return
        for column, feature in self.folder.features[config].to_dict().items():
            expected = _essence(feature)
            if not isinstance(stated, dict) or _essence(stated.get(column)) != expected:
                self._log.add(TYPES, name, f"its footer does not say of column '{column}': {expected}")

    def _count(self) -> None:
        """Rows by config and split against build.json."""
        if not self.folder.rows:
            return
        for config in self.folder.features:
            stated = self.folder.rows.get(config)
            if stated is None:
                self._log.add(COUNTS, config, "build.json says nothing of this config")
                continue
            for split in sorted(stated.keys() | self.folder.shards[config].keys()):
                names = self.folder.shards[config].get(split, [])
                if any(name not in self.rows for name in names):
                    continue  # one of them cannot be read
                found = sum(self.rows[name] for name in names)
                if found != stated.get(split, 0):
                    self._log.add(COUNTS, f"{config}/{split}", f"{found:,} rows; build.json: {stated.get(split, 0):,}")
