"""The artists of a case study: from a collection of paintings, or from a table that has a column for them."""

from __future__ import annotations

from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import slug
from artsim_dataset.storage import Place, place
from builder.entries import Entries, Entry, Listing
from builder.source_table import table_column
from builder.stages.source import list_source


def list_artists(source: str) -> Listing:
    """One entry for each artist, its id the artist's slug. Paintings without an artist's name are passed over.

    Raises:
        ConfigError: the source does not exist, or names no artist.
    """
    path = place(source)
    root: Place = path.parent
    if path.is_file():
        names = table_column(path, "artist")
    else:
        listing = list_source(source)
        root, names = listing.root, listing.entries.table["artist"].to_pylist()
    spoken = {slug(name): _spoken(name) for name in names if slug(name)}
    if not spoken:
        raise ConfigError(
            f"{source} names no artist: give a table with a column 'artist', or paintings artist_title.jpg"
        )
    return Listing(root, Entries.of(Entry(key, "", "", artist, "") for key, artist in sorted(spoken.items())))


def _spoken(name: str) -> str:
    """A name as one says it: file names have ``claude-monet``."""
    name = name.strip()
    return name if name != slug(name) else name.replace("-", " ").title()
