"""Lists the paintings: from a folder of images, or from a CSV/Parquet table with an image root.

The genre comes from the parent folder, artist and title from the file name (WikiArt's ``artist_title.jpg``), or
all of them from the table's columns; names that were misread once are repaired (`mojibake.py`), while the file is
opened by its own path. Paintings are ordered by a hash of their id: the first are then a fair sample of the collection,
and one new painting changes one shard.

Sources are not trusted. Only plain files below the root are opened: no link, table cell or folder leads out of it, and
no pipe or device is read. Whatever cannot be taken is a reject with its reason.

A source in an object store is listed by `store_source.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PureWindowsPath

import pyarrow as pa

from artsim_dataset.errors import ConfigError
from artsim_dataset.object_store import ObjectPath
from artsim_dataset.schema import GENRES, slug
from artsim_dataset.storage import Place, place
from builder.entries import Entries, Entry, Listing, short_hash
from builder.mojibake import repair
from builder.source_table import ALIASES, IMAGE_SUFFIXES, cell_text, first_of, read_table, rows_of
from builder.stage import Reject

_CANONICAL = {slug(genre): genre for genre in GENRES} | {"art-nouveau": "Art_Nouveau_Modern"}
_LINK = "link to a folder"


def list_source(source: str, root: str | None = None) -> Listing:
    """All paintings of ``source``, unread.

    Raises:
        ConfigError: the source does not exist, holds no image, or is a table without a path column.
    """
    if source.startswith("hf:"):  # builds fetch paintings from there (hub_source.py); nothing else can
        raise ConfigError(f"'{source}' is on the Hub; here a folder or a table is needed: download it first")
    path = place(source)
    if path.is_dir():
        listing = _list_folder(path) if isinstance(path, Path) else _list_stored(path)
    elif path.is_file() and path.suffix.lower() in (".csv", ".parquet"):
        listing = _list_table(path, place(root) if root else path.parent)
    elif path.exists():
        raise ConfigError(f"the source {source} is neither a folder nor a .csv or .parquet table")
    else:
        raise ConfigError(f"the source {source} does not exist; give a folder of images or a .csv/.parquet table")
    if not listing.entries and not listing.rejects:
        kinds = " ".join(sorted(IMAGE_SUFFIXES))
        links = ", and links to folders are not followed" if listing.ignored[_LINK] else ""
        raise ConfigError(f"no images in {source}; files with these endings are taken{links}: {kinds}")
    return listing


def genre_from(name: str) -> str:
    """WikiArt's spelling where the name is one of the 27 genres, the name itself otherwise.

    >>> genre_from("post impressionism"), genre_from("Ukiyo-e"), genre_from("living_room")
    ('Post_Impressionism', 'Ukiyo_e', 'living_room')
    """
    name = slug(repair(name))
    return _CANONICAL.get(name, name.replace("-", "_")) or "unknown"


def _list_folder(root: Path) -> Listing:
    listing = Listing(root)
    listing.entries = Entries.of(_below(root, listing)).unique()
    return listing


def _below(root: Path, listing: Listing) -> Iterator[Entry]:
    name = root.resolve().name
    for path in _walk(root, listing):
        if not _is_image(path, listing):
            continue
        try:
            path.encode()
        except UnicodeEncodeError:
            message = "the file name is not valid UTF-8; rename it"
            listing.rejects.append(Reject("bad_name", message, _shown(path), "source"))
            continue
        if os.path.islink(full := os.path.join(root, path)) and not _inside(full, root):
            message = f"'{path}' is a link that leaves the source folder"
            listing.rejects.append(Reject("outside_root", message, path, "source"))
            continue
        yield _named(path, name)


def _list_stored(root: ObjectPath) -> Listing:
    from builder.store_source import images_below

    listing = Listing(root, stored=images_below(root))
    images = (path for path in listing.stored if _is_image(path, listing))
    listing.entries = Entries.of(_named(path, root.name) for path in images).unique()
    return listing


def _is_image(path: str, listing: Listing) -> bool:
    """Whether the file is one by its name; others are counted."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in IMAGE_SUFFIXES:
        listing.ignored[_shown(suffix) or "no suffix"] += 1
    return suffix in IMAGE_SUFFIXES


def _named(path: str, root: str) -> Entry:
    """A painting as its file's name and folder say; ``root`` is the name of the source's own folder."""
    folder, name = os.path.split(path)
    artist, _, title = os.path.splitext(name)[0].partition("_")
    if not title:
        artist, title = "", artist
    return entry_of(path, genre_from(os.path.basename(folder) or root), artist, title)


def _inside(path: Path | str, root: Path) -> bool:
    return os.path.realpath(path).startswith(os.path.realpath(root) + os.sep)


def _shown(path: str) -> str:
    """A path as valid text: bytes that are no UTF-8 as ``\\udc..``."""
    return path.encode(errors="backslashreplace").decode()


def _walk(root: Path, listing: Listing) -> Iterator[str]:
    """Relative paths of all files below, links to folders not followed: a loop of links would never end. As text: a
    `Path` keeps its parts in Python's table of strings, which never shrinks.

    Links to folders are counted in ``listing.ignored``; folders that cannot be listed are rejects.
    """

    def unlisted(error: OSError) -> None:
        path = _shown(os.path.relpath(error.filename, root))
        message = f"the folder '{path}' cannot be listed: {error.strerror}"
        listing.rejects.append(Reject("unreadable", message, path, "source"))

    for folder, folders, files in os.walk(root, onerror=unlisted):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        listing.ignored.update(_LINK for f in folders if os.path.islink(os.path.join(folder, f)))
        below = os.path.relpath(folder, root)
        for name in sorted(files):
            if not name.startswith("."):
                yield name if below == "." else f"{below}/{name}"


def entry_of(path: str, genre: str, artist: str, title: str) -> Entry:
    """A painting under the id that its names give."""
    artist, title = repair(artist).strip(), repair(title).strip()
    name = "_".join(part for part in (slug(artist), slug(title)) if part)
    return Entry(f"{genre}/{name or short_hash(path)}", path, genre, artist, title)


def _list_table(table: Place, root: Place) -> Listing:
    if not root.is_dir():
        raise ConfigError(f"the image root {root} of the table {table} is not a folder")
    rows, broken = read_table(table)
    columns = {ours: next((a for a in names if a in rows.column_names), None) for ours, names in ALIASES.items()}
    if columns["path"] is None:
        raise ConfigError(f"the table {table} has no column for the image path; one of: {', '.join(ALIASES['path'])}")
    listing = Listing(root)
    listing.rejects = [Reject("bad_row", text, f"{table.name} {where}", "source") for where, text in broken]
    listing.entries = Entries.of(_rows(rows, columns, table.name, listing)).unique()
    return listing


def _rows(rows: pa.Table, columns: Mapping[str, str | None], table: str, listing: Listing) -> Iterator[Entry]:
    """The paintings of a table's rows; ``columns``: ours -> theirs."""
    seen: set[str] = set()
    find = _finder(listing, seen)
    for number, row in enumerate(rows_of(rows), start=1):
        cells = {ours: cell_text(row.get(theirs)) if theirs else "" for ours, theirs in columns.items()}
        path = find(cells["path"])
        if isinstance(path, Reject):
            listing.rejects.append(path.at("source", f"{table} row {number}"))
            continue
        seen.add(path)
        stem_artist, _, stem_title = Path(path).stem.rpartition("_")
        genre = genre_from(first_of(cells["genre"]) or Path(path).parent.name or "unknown")
        yield entry_of(path, genre, cells["artist"] or stem_artist, cells["title"] or stem_title)


def _finder(listing: Listing, seen: set[str]) -> Callable[[str], str | Reject]:
    """What finds the file of a row below the root."""
    root = listing.root
    if isinstance(root, Path):
        return lambda cell: _located(cell, root, seen)
    from builder.store_source import images_below, located

    stored, there = root, images_below(root)
    listing.stored = there
    return lambda cell: located(cell, stored, there, seen)


def _located(cell: str, root: Path, seen: set[str]) -> str | Reject:
    """The path of a row relative to the root, without detours; or why it cannot be used."""
    if not cell:
        return Reject("empty_path", "the image path is empty")
    full = Path(os.path.normpath(root / cell))
    if "\0" in cell or not _inside(full, root):
        return Reject("outside_root", f"'{_without_machine(cell)}' lies outside the image root")
    if not os.path.isfile(full):
        return Reject("missing_file", f"'{_without_machine(cell)}' is not below the image root")
    path = Path(os.path.relpath(full, root)).as_posix()
    if path in seen:
        return Reject("duplicate_path", f"'{_without_machine(cell)}' stood in an earlier row already")
    return path


def _without_machine(cell: str) -> str:
    """The path as rejected.csv may publish it: of an absolute one the last part; the number of its row says the rest.

    >>> _without_machine("Cubism/x.jpg"), _without_machine("/home/me/x.jpg"), _without_machine("C:\\\\art\\\\x.jpg")
    ('Cubism/x.jpg', '.../x.jpg', '.../x.jpg')
    """
    windows = PureWindowsPath(cell)
    return f".../{windows.name}" if cell.startswith("/") or windows.is_absolute() else cell
