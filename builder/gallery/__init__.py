"""A gallery of invented paintings, for demonstrations and tests that may not download anything.

    scene (what is shown)  x  palette (genre, mood, artist)  x  manner (how it is painted)  =  picture

Every picture follows from (genre, index, seed, size) alone.
"""

from builder.gallery.easel import paint, write_gallery

__all__ = ["paint", "write_gallery"]
