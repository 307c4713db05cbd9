"""Paintings from a data set on the Hub: ``hf:owner/name``, ``hf:owner/name@revision``, ``hf:owner/name:config``.

The images are brought once into ``work/source-<digest>/`` and are then a source like any folder, so nothing after it
knows of the Hub. A branch is turned into a commit once and kept (`sources.json`). The unit is what `datasets` calls a
shard, a Parquet file or a handful of image files: first its images, each named by the sha256 of its bytes, which are
never encoded again, then the table of its rows. A shard with a table is done, and a finished source needs no network.
One row is in memory at a time. On disk this costs the images once; nothing goes through the cache of `datasets`.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from artsim_dataset.errors import ConfigError
from artsim_dataset.loading.hub_paintings import PREFIX, parse_source
from artsim_dataset.loading.published import not_on_hub
from artsim_dataset.schema import seed_from, slug
from builder import hub_rows
from builder.entries import Entries, Entry, Listing
from builder.hub_rows import Found
from builder.shards import atomic, digest, sha256_of, write_json
from builder.source_table import first_of
from builder.stage import Reject
from builder.stages.source import entry_of, genre_from

LOCK = "sources.json"
MOST_SHARDS = 256
"""Shards that a split is fetched in, at most: an imagefolder could have one for each file."""

COLUMNS = ("path", "genre", "artist", "title", "sha256", "reason", "message")
SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif", "GIF": ".gif", "BMP": ".bmp"}

Row = dict[str, Any]


class Watcher(Protocol):
    """Told how many shards there are, and of each that is done."""

    def stage(self, name: str, rows: int, done: int) -> None: ...

    def advance(self, rows: int) -> None: ...


@dataclass(frozen=True)
class HubSource:
    """A data set at one commit. ``root``: where its images are brought to."""

    repo: str
    config: str
    commit: str
    root: Path

    def identity(self) -> dict[str, str]:
        """What build.json says of where the paintings are from."""
        return {"source": f"{PREFIX}{self.repo}" + (f":{self.config}" if self.config else ""), "revision": self.commit}


def find_hub_source(source: str, work: Path) -> HubSource:
    """The data set that ``source`` means now, or meant when the build in ``work`` began.

    Raises:
        ConfigError: not of the form ``hf:owner/name``.
        DatasetNotFound: the Hub has no such data set or revision, or cannot be reached.
    """
    repo, config, revision = parse_source(source)
    lock = work / LOCK
    known: dict[str, str] = json.loads(lock.read_text(encoding="utf-8")) if lock.is_file() else {}
    key = f"{repo}@{revision}"
    if key not in known:
        known[key] = revision if re.fullmatch("[0-9a-f]{40}", revision) else _commit(repo, revision)
        write_json(lock, known)
    return HubSource(repo, config, known[key], work / f"source-{digest(repo, config, known[key])[:12]}")


def _commit(repo: str, revision: str) -> str:
    from huggingface_hub import HfApi

    try:
        return str(HfApi().dataset_info(repo, revision=revision, timeout=20).sha)
    except Exception as error:
        raise not_on_hub(repo, error) from error


def list_hub_source(source: HubSource, limit: int | None, watcher: Watcher) -> Listing:
    """All paintings of a data set, brought to ``source.root`` where they are not there yet.

    Args:
        source: which data set.
        limit: enough shards for so many images will do; shards are taken in an order of their own.
        watcher: told of shards.

    Raises:
        ConfigError: the data set has no images.
        ArtsimError: the connection was lost; the same command goes on from there.
    """
    listing = Listing(source.root)
    listing.entries = Entries.of(_entries(source, listing, _fetch(source, limit, watcher))).unique()
    if not listing.entries:
        raise ConfigError(f"no images in {source.repo}: {len(listing.rejects)} rows, none with an image")
    return listing


def _entries(source: HubSource, listing: Listing, rows: Iterable[tuple[str, Row]]) -> Iterator[Entry]:
    seen: set[str] = set()
    for where, row in rows:
        if row["reason"] or row["path"] in seen:
            reason = row["reason"] or "duplicate_path"
            message = row["message"] or "an earlier row has the same image, byte for byte"
            listing.rejects.append(Reject(reason, message, f"{source.repo} {where}", "source"))
            continue
        seen.add(row["path"])
        yield _entry(row)


def _entry(row: Row) -> Entry:
    """A painting without a title is told apart by its bytes, so that its id stays when rows are added or moved."""
    genre = genre_from(first_of(row["genre"]) or "unknown")
    entry = entry_of(row["path"], genre, row["artist"], row["title"])
    if slug(entry.title):
        return entry
    return replace(entry, id=f"{genre}/{'_'.join(filter(None, (slug(entry.artist), row['sha256'][:10])))}")


def _fetch(source: HubSource, limit: int | None, watcher: Watcher) -> list[tuple[str, Row]]:
    """Brings what is missing. Returns where each row stands in the data set, and what is known of it."""
    source.root.mkdir(parents=True, exist_ok=True)
    for leftover in source.root.rglob(".*.tmp"):
        leftover.unlink(missing_ok=True)  # of a build that was killed
    opened = _Opened(source)
    shards = _shards(source, opened)
    found: dict[tuple[str, int], list[Row]] = {}
    images = 0
    watcher.stage("fetch", len(shards), 0)
    for split, number, count in shards:
        if limit is not None and images >= limit:
            break
        table = source.root / f"{split}-{number:05d}-of-{count:05d}.parquet"
        rows = _known(table)
        if rows is None:
            streamed = hub_rows.read_shard(source.repo, source.commit, opened.splits()[split], number, count)
            rows = [_kept(source.root, row) for row in streamed]
            with atomic(table) as temporary:
                pq.write_table(pa.Table.from_pylist(rows, pa.schema([(c, pa.string()) for c in COLUMNS])), temporary)
        found[split, number] = rows
        images += sum(not row["reason"] for row in rows)
        watcher.advance(1)
    return [
        (f"{split} shard {number + 1}, row {place}", row)
        for (split, number), rows in sorted(found.items())
        for place, row in enumerate(rows, start=1)
    ]


class _Opened:
    """The data set as `datasets` streams it, opened once, and only when something of it is missing here."""

    def __init__(self, source: HubSource) -> None:
        self._source = source
        self._splits: Mapping[str, Any] = {}

    def splits(self) -> Mapping[str, Any]:
        source = self._source
        self._splits = self._splits or hub_rows.open_splits(source.repo, source.config, source.commit)
        return self._splits


def _shards(source: HubSource, opened: _Opened) -> list[tuple[str, int, int]]:
    """All shards, as split, number and how many the split has, in an order that a limit can take the first of."""
    plan = source.root / "shards.json"
    try:
        counts: dict[str, int] = json.loads(plan.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        counts = {name: min(hub_rows.shard_count(split), MOST_SHARDS) for name, split in opened.splits().items()}
        write_json(plan, counts)
    shards = [(split, number, count) for split, count in counts.items() for number in range(count)]
    return sorted(shards, key=lambda shard: seed_from("fetch", *shard))


def _known(table: Path) -> list[Row] | None:
    """The rows of a shard that was fetched before, when all its images are still there."""
    try:
        rows: list[Row] = pq.read_table(table).to_pylist()
    except (FileNotFoundError, pa.ArrowException):
        return None
    return rows if all(row["reason"] or (table.parent / row["path"]).is_file() for row in rows) else None


def _kept(root: Path, found: Found) -> Row:
    """What is noted of a row; its image is written to its place, unless it is there with these bytes."""
    row = {**dict.fromkeys(COLUMNS, ""), "genre": found.genre, "artist": found.artist, "title": found.title}
    if isinstance(found.image, Reject):
        return {**row, "reason": found.image.reason, "message": found.image.message}
    sum_ = sha256(found.image).hexdigest()
    name = f"{sum_[:2]}/{sum_}{_suffix(found.image)}"
    target = root / name
    if not target.is_file() or sha256_of(target) != sum_:
        target.parent.mkdir(exist_ok=True)
        with atomic(target) as temporary:
            temporary.write_bytes(found.image)
    return {**row, "path": name, "sha256": sum_}


def _suffix(data: bytes) -> str:
    """For people who look into the folder; the build goes by the bytes."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            return SUFFIXES.get(image.format or "", ".img")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return ".img"
