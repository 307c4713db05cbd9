"""Lists the paintings: from a folder of images, or from a CSV/Parquet table with an image root.

The genre comes from the parent folder, artist and title from the file name (WikiArt's ``artist_title.jpg``), or
all of them from the table's columns. Paintings are ordered by a hash of their id: shards are then a fair sample
of the collection, and one new painting changes one shard.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import GENRES, seed_from, slug
from builder.shards import sha256_of
from builder.stage import Reject

IMAGE_SUFFIXES = frozenset([".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp"])
COLUMNS = ("id", "path", "genre", "artist", "title", "sha256")

ALIASES = {
    "path": ("path", "file_name", "file", "image", "image_path", "original_image"),
    "genre": ("genre", "style"),
    "artist": ("artist", "artist_name"),
    "title": ("title", "painting_name", "name"),
}
"""Our column -> what tables in the wild call it; the first that is present is taken."""

_CANONICAL = {slug(genre): genre for genre in GENRES} | {"art-nouveau": "Art_Nouveau_Modern"}


@dataclass(frozen=True)
class Entry:
    """One painting of the source. ``path`` is relative to the root, with forward slashes."""

    id: str
    path: str
    genre: str
    artist: str
    title: str
    sha256: str = ""

    @property
    def order(self) -> int:
        return seed_from("order", self.id)


@dataclass
class Listing:
    """What a source holds. ``ignored`` counts files that are no images, by suffix."""

    root: Path
    entries: list[Entry]
    rejects: list[Reject] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)


def list_source(source: str, root: str | None = None) -> Listing:
    """All paintings of ``source``, unread.

    Raises:
        ConfigError: the source does not exist, holds no image, or is a table without a path column.
    """
    if source.startswith("hf:"):
        raise ConfigError(f"'{source}': Hub sources are not built in yet; download it and give the folder instead")
    path = Path(source).expanduser()
    if path.is_dir():
        listing = _list_folder(path)
    elif path.is_file() and path.suffix.lower() in (".csv", ".parquet"):
        listing = _list_table(path, Path(root).expanduser() if root else path.parent)
    elif path.exists():
        raise ConfigError(f"the source {source} is neither a folder nor a .csv or .parquet table")
    else:
        raise ConfigError(f"the source {source} does not exist; give a folder of images or a .csv/.parquet table")
    if not listing.entries and not listing.rejects:
        kinds = " ".join(sorted(IMAGE_SUFFIXES))
        raise ConfigError(f"no images in {source}; files with these endings are taken: {kinds}")
    listing.entries = _unique(listing.entries)
    return listing


def sample(entries: list[Entry], limit: int | None) -> list[Entry]:
    """The entries in hash order; with a limit the first of them, which is a fair and stable sample."""
    return sorted(entries, key=lambda e: (e.order, e.id))[:limit]


def genre_from(name: str) -> str:
    """WikiArt's spelling where the name is one of the 27 genres, the name itself otherwise.

    >>> genre_from("post impressionism"), genre_from("Ukiyo-e"), genre_from("living_room")
    ('Post_Impressionism', 'Ukiyo_e', 'living_room')
    """
    return _CANONICAL.get(slug(name), slug(name).replace("-", "_"))


def _list_folder(root: Path) -> Listing:
    listing = Listing(root, [])
    for path in sorted(_walk(root)):
        suffix = Path(path).suffix.lower()
        if suffix not in IMAGE_SUFFIXES:
            listing.ignored[suffix or "no suffix"] += 1
            continue
        try:
            path.encode()
        except UnicodeEncodeError:
            shown = path.encode(errors="backslashreplace").decode()
            listing.rejects.append(Reject("bad_name", "the file name is not valid UTF-8; rename it", shown, "source"))
            continue
        if (root / path).is_symlink() and not _inside(root / path, root):
            message = f"'{path}' is a link that leaves the source folder"
            listing.rejects.append(Reject("outside_root", message, path, "source"))
            continue
        artist, _, title = Path(path).stem.partition("_")
        if not title:
            artist, title = "", artist
        genre = genre_from(Path(path).parent.name or root.resolve().name)
        listing.entries.append(_entry(path, genre, artist, title))
    return listing


def _inside(path: Path, root: Path) -> bool:
    return os.path.realpath(path).startswith(os.path.realpath(root) + os.sep)


def _walk(root: Path) -> Iterator[str]:
    """Relative paths of all files below, links to folders not followed: a loop of links would never end."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in files:
            if not name.startswith("."):
                yield Path(folder, name).relative_to(root).as_posix()


def _entry(path: str, genre: str, artist: str, title: str) -> Entry:
    name = "_".join(part for part in (slug(artist), slug(title)) if part)
    return Entry(f"{genre}/{name or _short(path)}", path, genre, artist, title)


def _short(path: str) -> str:
    return f"{seed_from('path', path):016x}"[-6:]


def _unique(entries: list[Entry]) -> list[Entry]:
    """Tells apart paintings whose names come out alike: all but the first get six digits of their path's hash."""
    seen: set[str] = set()
    result = []
    for entry in sorted(entries, key=lambda e: e.path):
        if entry.id in seen:
            entry = replace(entry, id=f"{entry.id}-{_short(entry.path)}")
        seen.add(entry.id)
        result.append(entry)
    return result


def _list_table(table: Path, root: Path) -> Listing:
    if not root.is_dir():
        raise ConfigError(f"the image root {root} of the table {table} is not a folder")
    rows = _read_table(table)
    columns = {ours: next((a for a in names if a in rows.column_names), None) for ours, names in ALIASES.items()}
    if columns["path"] is None:
        raise ConfigError(f"the table {table} has no column for the image path; one of: {', '.join(ALIASES['path'])}")
    listing = Listing(root, [])
    seen: dict[str, int] = {}
    for number, row in enumerate(_rows(rows), start=1):
        cells = {ours: _cell(row.get(theirs)) if theirs else "" for ours, theirs in columns.items()}
        problem = _table_problem(cells["path"], root, seen)
        if problem:
            listing.rejects.append(problem.at("source", f"{table.name} row {number}"))
            continue
        path = Path(os.path.normpath(cells["path"])).as_posix()
        seen[path] = number
        stem_artist, _, stem_title = Path(path).stem.rpartition("_")
        genre = genre_from(_first(cells["genre"]) or Path(path).parent.name or "unknown")
        listing.entries.append(_entry(path, genre, cells["artist"] or stem_artist, cells["title"] or stem_title))
    return listing


def table_column(table: Path, ours: str) -> list[str]:
    """The cells of the column that a table has for one of ours. Raises ConfigError when it has none."""
    rows = _read_table(table)
    theirs = next((name for name in ALIASES[ours] if name in rows.column_names), None)
    if theirs is None:
        raise ConfigError(f"the table {table} has no column for the {ours}; one of: {', '.join(ALIASES[ours])}")
    return [_cell(value) for value in rows[theirs].to_pylist()]


def _read_table(table: Path) -> pa.Table:
    try:
        if table.suffix.lower() == ".parquet":
            return pq.read_table(table)
        parse = pa.csv.ParseOptions(newlines_in_values=True)
        header = pa.csv.open_csv(table, parse_options=parse).schema.names
        as_text = pa.csv.ConvertOptions(column_types={name: pa.string() for name in header})
        return pa.csv.read_csv(table, parse_options=parse, convert_options=as_text)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the table {table}: {str(error).splitlines()[0]}") from error


def _rows(table: pa.Table) -> Iterator[dict[str, object]]:
    for batch in table.to_batches(max_chunksize=4096):
        yield from batch.to_pylist()


def _cell(value: object) -> str:
    text = "" if value is None or value != value else str(value).strip()
    return "" if text.lower() in ("nan", "null", "none") else text


def _first(genres: str) -> str:
    """The first of a list written as text: some WikiArt tables give ``['Impressionism', 'Realism']``."""
    return genres.strip("[]").split(",")[0].strip(" '\"")


def _table_problem(path: str, root: Path, seen: dict[str, int]) -> Reject | None:
    if not path:
        return Reject("empty_path", "the image path is empty")
    full = root / path
    if not _inside(full, root):
        return Reject("outside_root", f"'{path}' lies outside the image root")
    if not os.path.isfile(full):
        return Reject("missing_file", f"'{path}' is not below the image root")
    if Path(os.path.normpath(path)).as_posix() in seen:
        return Reject("duplicate_path", f"'{path}' stood in an earlier row already")
    return None


FileFacts = tuple[int, int, str]
"""Size, modification time in nanoseconds, sha256."""


def add_digests(
    listing: Listing, entries: Iterable[Entry], known: dict[str, FileFacts]
) -> tuple[list[Entry], dict[str, FileFacts]]:
    """Adds the sha256 of each file, reading only files that are new or were touched since ``known``.

    Files that cannot be read become rejects of the listing.
    """

    def facts(entry: Entry) -> FileFacts | OSError:
        path = listing.root / entry.path
        try:
            stat = path.stat()
            before = known.get(entry.path)
            if before and before[:2] == (stat.st_size, stat.st_mtime_ns):
                return before
            return stat.st_size, stat.st_mtime_ns, sha256_of(path)
        except OSError as error:
            return error

    entries = list(entries)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(facts, entries))
    result, now = [], {}
    for entry, fact in zip(entries, found, strict=True):
        if isinstance(fact, OSError):
            message = f"'{entry.path}' cannot be read: {fact.strerror}"
            listing.rejects.append(Reject("unreadable", message, entry.id, "source"))
        else:
            now[entry.path] = fact
            result.append(replace(entry, sha256=fact[2]))
    return result, now
