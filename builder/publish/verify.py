"""Reads a published data set back, as its users will: files, sizes and checksums, then every config by streaming."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from artsim_dataset.errors import ArtsimError
from artsim_dataset.hub_errors import translated
from artsim_dataset.validate.findings import Watcher
from builder.publish.files import Content
from builder.publish.plan import RemoteFile
from builder.publish.repository import Repository


def verify(repository: Repository, commit: str, content: Content, watcher: Watcher) -> None:
    """Raises ArtsimError that says what differs between ``content`` and what the repository has at ``commit``."""
    there = repository.files(commit)
    steps = [name for name, file in there.items() if name in content.files and file.sha256 is None]
    watcher.stage("read back", len(steps) + len(content.rows), 0)
    for name in content.files:
        _same(repository, commit, name, content, there.get(name))
        if name in steps:
            watcher.advance(1)
    for config, splits in content.rows.items():
        _loads(repository, commit, config, splits, content)
        watcher.advance(1)


def _same(repository: Repository, commit: str, name: str, content: Content, there: RemoteFile | None) -> None:
    here = content.files[name]
    where = f"{repository.name} at {commit[:7]}"
    if there is None:
        raise ArtsimError(f"{where} has no {name}, which was published; run the same command again")
    if there.size != here.size:
        raise ArtsimError(
            f"{name} has {there.size:,} bytes in {where}, and {here.size:,} here; run the same command again"
        )
    found = there.sha256 or sha256(repository.content(name, commit)).hexdigest()
    if found != here.sha256:
        raise ArtsimError(f"{name} has other bytes in {where} than here (sha256); run the same command again")


def _loads(repository: Repository, commit: str, config: str, splits: dict[str, int], content: Content) -> None:
    """A config loads by name, has the splits of the build, and begins with the rows that it begins with here."""
    loaded = _streamed(repository, commit, config)
    where = f"config '{config}' of {repository.name}"
    if set(loaded) != set(splits):
        raise ArtsimError(f"{where} has the splits {', '.join(loaded)}; the build has {', '.join(splits)}")
    for split in splits:
        first = _first(repository, loaded[split], where)
        if first is None:
            raise ArtsimError(f"{where} has no row in split '{split}'; the build has {splits[split]:,}")
        expected = _first_here(content, config, split)
        if first.keys() != expected.keys():
            raise ArtsimError(f"{where} has the columns {', '.join(first)}; the build has {', '.join(expected)}")
        for column, value in expected.items():
            if not isinstance(value, dict) and first[column] != value:
                raise ArtsimError(
                    f"{where} begins split '{split}' with {column} {str(first[column])[:60]!r}; here it is "
                    f"{str(value)[:60]!r}"
                )


def _streamed(repository: Repository, commit: str, config: str) -> Any:
    from datasets import load_dataset

    try:
        return load_dataset(repository.name, config, streaming=True, revision=commit, token=repository.api.token)
    except Exception as error:
        raise _unloadable(repository, config, error) from error


def _first(repository: Repository, rows: Any, where: str) -> dict[str, Any] | None:
    """The first row, its pictures decoded."""
    try:
        return next(iter(rows), None)
    except Exception as error:
        raise _unloadable(repository, where, error) from error


def _unloadable(repository: Repository, config: str, error: Exception) -> ArtsimError:
    first = str(error).strip().partition("\n")[0][:200]
    known = translated(error, repository.name)
    return known or ArtsimError(f"'{config}' of {repository.name} cannot be loaded ({type(error).__name__}: {first})")


def _first_here(content: Content, config: str, split: str) -> dict[str, Any]:
    name = min(name for name in content.files if name.startswith(f"{config}/{split}-"))
    source = content.files[name].source
    assert isinstance(source, Path), "shards are files"
    with pq.ParquetFile(source, pre_buffer=False) as file:
        return dict(next(file.iter_batches(1)).to_pylist()[0])
