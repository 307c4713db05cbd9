"""`artsim build`: brings a data set folder up to date with its source and settings.

out/work/       what the stages made, kept so that the next run does only what changed
out/...         the data set, as it is published
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.loading.hub_paintings import PREFIX
from artsim_dataset.object_store import ObjectPath
from artsim_dataset.schema import SCHEMA_VERSION
from artsim_dataset.storage import Place, files_below, place
from builder.artists import list_artists
from builder.assemble import Assembled, assemble, read_build
from builder.catalogue import Inputs
from builder.config import BuildConfig
from builder.digests import add_digests, read_digests, write_digests
from builder.engine import Engine
from builder.entries import COLUMNS, Entries, Listing
from builder.hub_source import find_hub_source, list_hub_source
from builder.lock import locked
from builder.pipeline import stages
from builder.plan import read_plan
from builder.run import Runner, StageReport, Watcher, stage_folders
from builder.shards import StageFolder, digest, write_json
from builder.stage import Reject, Stage
from builder.stages.source import list_source
from builder.surroundings import explained

logger = logging.getLogger(__name__)

WORK = "work"


@dataclass(frozen=True)
class BuildResult:
    """What a build did: the report of each stage, source first, and what the folder now holds.

    ``earlier``: folders below work/ that hold what stages made under other settings, and how much disk they take.
    """

    out: Place
    reports: list[StageReport]
    dataset: Assembled
    ignored: dict[str, int]
    earlier: tuple[str, ...] = ()
    earlier_bytes: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything was made; False for a second run of a finished build."""
        return self.dataset.written or any(report.shards_run for report in self.reports)


def build(
    source: str, out: Place, config: BuildConfig, engine: Engine, watcher: Watcher, retry_rejected: bool = False
) -> BuildResult:
    """Builds the data set of ``source`` in ``out``; run again, it does only what is missing or changed.

    Args:
        source: a folder of images, a CSV/Parquet table, or ``hf:owner/name`` for a data set on the Hub. Folders and
            tables may lie in an object store.
        out: the data set folder, here or in an object store; made when missing.
        config: the settings.
        engine: where shards are run.
        watcher: told of progress.
        retry_rejected: give rows that were rejected another chance; all others stay as they are.

    Raises:
        ConfigError: the source is empty, ``out`` holds something else or is being built (FolderBusy), or too few
            genres.
        StageError: a stage broke; the same command resumes. ArtsimError: the disk is full or cannot be written to,
            or the source vanished (SourceGone); likewise.
    """
    listing = begin(source, out, config)
    with told(out), locked(out / WORK) as sure:
        _sweep(out, out / WORK)
        ready = prepare(source, out, config, engine, watcher, listing)
        return _build(ready, out, config, engine, watcher, retry_rejected, sure)


def begin(source: str, out: Place, config: BuildConfig) -> Listing | None:
    """Makes the work folder and looks at what the source holds. None for one on the Hub, which is asked later."""
    on_hub = source.startswith(PREFIX) and config.prompt.kind != "study"
    if on_hub and isinstance(out, ObjectPath):
        raise ConfigError(
            f"paintings of {source} are brought to a folder first, and {out} is none: build in a folder, or download"
            " them and give the folder as --source"
        )
    listing = None if on_hub else _list(source, config)
    _make_room(out, out / WORK)
    return listing


@contextmanager
def told(out: Place) -> Iterator[None]:
    """Says what a full disk and the like did to the build in ``out``, in a sentence."""
    try:
        yield
    except OSError as error:
        disk = Path(gettempdir()) if isinstance(out, ObjectPath) else out
        sentence = None if isinstance(error, ArtsimError) else explained(error, disk)
        if sentence is None:
            raise
        raise sentence from error


@dataclass(frozen=True)
class Ready:
    """A build whose source is written down: what remains is to run its stages."""

    recipe: list[Stage]
    folder: StageFolder
    shards: list[str]
    changed: int
    listing: Listing
    origin: dict[str, str]


def prepare(
    source: str, out: Place, config: BuildConfig, engine: Engine, watcher: Watcher, listing: Listing | None
) -> Ready:
    """Signs the folder, settles models and source, and writes the source shards. Done under a lock."""
    work = out / WORK
    _claim(out, work, source, config)
    origin: dict[str, str] = {}
    if listing is None and isinstance(work, Path):
        found = find_hub_source(source, work)
        listing, origin = list_hub_source(found, config.source.limit, watcher), found.identity()
    assert listing is not None
    recipe = stages(config, listing.root, work)
    _tell_what_changed(work, [folder.path.name for folder in stage_folders(work, recipe, SCHEMA_VERSION)])
    entries = _take(source, config, listing, work, engine, watcher)
    folder, shards, changed = _write_source(work, entries, listing.rejects, config.source.shard_rows)
    return Ready(recipe, folder, shards, changed, listing, origin)


def _build(
    ready: Ready,
    out: Place,
    config: BuildConfig,
    engine: Engine,
    watcher: Watcher,
    retry_rejected: bool,
    sure: Callable[[], None],
) -> BuildResult:
    """What ``build`` does while it holds the folder's lock, which ``sure`` makes sure of."""
    work, recipe, shards = out / WORK, ready.recipe, ready.shards
    runner = Runner(work, ready.folder, engine, watcher, retry_rejected)
    folders = runner.run(recipe, shards, upstream=SCHEMA_VERSION)
    reports = [_source_report(ready.folder, shards, ready.changed), *runner.reports]
    rejects = [reject for report in reports for reject in report.rejects]
    dataset = assemble(
        Inputs(folders, shards, config, rejects, _facts(reports, recipe, ready.origin), _digest(folders, shards)),
        out,
        work / "assembled",
        sure,
    )
    earlier = earlier_outputs(work)
    size = sum(sum(files_below(folder_).values()) for folder_ in earlier)
    return BuildResult(out, reports, dataset, dict(ready.listing.ignored), tuple(f.name for f in earlier), size)


def _sweep(out: Place, work: Place) -> None:
    """Removes what a build that was killed left half-written; nobody else is at work here."""
    if isinstance(out, ObjectPath):
        out.abort_uploads()
        return
    for leftover in (*work.glob(".*.tmp"), *work.glob("*/.*.tmp")):
        leftover.unlink(missing_ok=True)


def _list(source: str, config: BuildConfig) -> Listing:
    """What the source holds, unread: paintings, or the artists of a case study."""
    return list_artists(source) if config.prompt.kind == "study" else list_source(source, config.source.root)


def _take(source: str, config: BuildConfig, listing: Listing, work: Place, engine: Engine, watcher: Watcher) -> Entries:
    """What of the source is wanted; paintings with the digests of their files, which are noted in the work folder."""
    entries, listing.entries = listing.entries.sample(config.source.limit), Entries.of([])
    if config.prompt.kind == "study":
        return entries
    if not entries and listing.rejects:
        count, first = len(listing.rejects), listing.rejects[0].message
        raise ConfigError(f"none of the {count:,} paintings of {source} can be used: {first}")
    if len(pc.unique(entries.table["genre"])) < 2:
        raise ConfigError(
            f"{source} has paintings of one genre only; a negative is of another genre, so give two or more"
            " (one sub-folder for each)"
        )
    known = read_digests(work)
    if isinstance(listing.root, ObjectPath):
        from builder.store_source import add_stored_digests

        taken, digests = add_stored_digests(listing, entries, known, engine, watcher.stage, watcher.advance)
    else:
        taken, digests = add_digests(listing, entries, known)
    write_digests(work, digests, known)
    return taken


def _make_room(out: Place, work: Place) -> None:
    """Makes the work folder, unless ``out`` is a file or holds something else than a build."""
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file; give a folder for --out")
    if not work.is_dir() and out.is_dir() and any(path.name != WORK for path in out.iterdir()):
        kind = "a data set whose work folder is gone" if read_build(out) else "other files"
        raise ConfigError(f"{out} holds {kind}; give an empty or new folder for --out")
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write to {out}: {error.strerror}") from error


def _claim(out: Place, work: Place, source: str, config: BuildConfig) -> None:
    """Makes sure that the build in ``out`` is of the same source and preset, or notes those of a new one.

    Done under the lock: of two builds that start on a new folder, only the one that goes on may sign it.
    """
    marker = work / "build.json"
    origin = source if source.startswith(PREFIX) else _resolved(place(source))
    try:
        known = json.loads(marker.read_text(encoding="utf-8"))
        source_, preset = known["source"], known["preset"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        if not (work / "01-source").is_dir() and any(path.name != WORK for path in out.iterdir()):
            raise ConfigError(f"{out} holds other files; give an empty or new folder for --out") from None
        write_json(marker, {"source": origin, "preset": config.preset})
        return
    if source_ != origin or preset != config.preset:
        raise ConfigError(f"{out} holds a build of {source_} with preset '{preset}'; give another folder for --out")


def _resolved(source: Place) -> str:
    return str(source if isinstance(source, ObjectPath) else source.resolve())


def _tell_what_changed(work: Place, now: Sequence[str]) -> None:
    """Says before any long work which stages will be made again though they had been made, and why."""
    before = read_plan(work)
    if before is None:
        return
    made = {name.split("-")[1] for name in before.folders if (work / name).is_dir()}
    new = [name.split("-")[1] for name in now if name not in before.folders and not (work / name).is_dir()]
    again = [stage for stage in new if stage in made]
    if again:
        which = f"{again[0]} and later stages are" if len(again) > 1 else f"{again[0]} is"
        logger.info("%s made again: settings, models or artsim's version changed since the last run", which)


def earlier_outputs(work: Place) -> list[Place]:
    """Folders of stages as they were under earlier settings. They are kept: going back to those settings uses them."""
    plan = read_plan(work)
    if plan is None:
        return []
    beside = sorted((p for p in work.iterdir() if p.name[:2].isdigit() and p.name not in plan.folders), key=str)
    return [p for p in beside if p.is_dir()]


def shard_count(rows: int, shard_rows: int) -> int:
    """Number of shards: a power of two, so that a growing collection splits shards in halves; at least eight,
    so that a small one still keeps several workers busy.

    >>> shard_count(20, 128), shard_count(523, 128), shard_count(81_444, 128)
    (8, 8, 1024)
    """
    count = 8
    while count * shard_rows < rows:
        count *= 2
    return count


def _write_source(
    work: Place, entries: Entries, rejects: Sequence[Reject], shard_rows: int
) -> tuple[StageFolder, list[str], int]:
    """Writes the source shards that changed. A painting's shard follows from the hash of its id.

    From its last bits: a limit takes the paintings with the smallest hashes, which share their first bits, and would
    all be in one shard, which one worker makes.
    """
    folder = StageFolder(work / "01-source", COLUMNS[1:])
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.clean()
    count = shard_count(len(entries), shard_rows)
    shards = [f"{number:05d}" for number in range(count)]
    number = entries.order & np.uint64(count - 1)
    rows = np.argsort(number, kind="stable")
    ends = np.searchsorted(number[rows], np.arange(count), side="right").tolist()
    lost = [reject.as_row() for reject in rejects]
    changed = 0
    whole = folder.all_intact(shards)
    for shard, start, end in zip(shards, [0, *ends], ends, strict=False):
        members = entries.take(rows[start:end]).table
        inputs = digest(members.to_pylist(), lost)
        sidecar = whole.get(shard)
        if sidecar is None or sidecar.inputs != inputs:
            changed += 1
            table = members.cast(pa.schema([(name, pa.string()) for name in COLUMNS]))
            rows_in = len(table) + len(lost)
            folder.write(shard, table, stage="source", rows_in=rows_in, rejects=lost, inputs=inputs, seconds=0.0)
        lost = []  # all of them stand in the first shard
    return folder, shards, changed


def _source_report(folder: StageFolder, shards: Sequence[str], changed: int) -> StageReport:
    sidecars = list(folder.sidecars(shards).values())
    rejects = [Reject(r["reason"], r["message"], r["id"], r["stage"]) for s in sidecars for r in s.rejects]
    rows_in, rows_out = sum(s.rows_in for s in sidecars), sum(s.rows_out for s in sidecars)
    return StageReport("source", rows_in, rows_out, rejects, changed, len(shards) - changed, 0, 0.0)


def _facts(reports: Sequence[StageReport], recipe: Sequence[Stage], origin: Mapping[str, str]) -> list[dict[str, Any]]:
    """What build.json says of the stages: only what the same source and settings always give."""
    settings: list[Mapping[str, Any]] = [origin, *(stage.settings() for stage in recipe)]
    return [
        {"name": r.name, "rows_in": r.rows_in, "rows_out": r.rows_out, "rejects": len(r.rejects), "settings": dict(s)}
        for r, s in zip(reports, settings, strict=True)
    ]


def _digest(folders: Sequence[StageFolder], shards: Sequence[str]) -> str:
    sums = []
    for folder in folders:
        found = folder.sidecars(shards)
        for shard in shards:
            sidecar = found.get(shard)
            if sidecar is None:
                raise ArtsimError(f"{folder.sidecar(shard).name} of {folder.path.name} vanished; run the build again")
            sums.append([sidecar.digest, sidecar.rejects])
    return digest(sums)
