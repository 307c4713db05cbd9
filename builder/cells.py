"""Cells of CSV files that people open in spreadsheets: text that would be run as a formula is shown instead.

Only rejected.csv needs it: its names come from strangers. What data.csv and metadata.csv hold is read by programs, and
begins with no such sign in the first place: file names are slugs, and prompts are cleaned (`models/cleaning.py`).
"""

from __future__ import annotations

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""What a cell may not begin with where a spreadsheet opens it (OWASP, CSV injection); the wide forms count in Asia."""


def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: with an apostrophe before it where it would.

    >>> guarded("=1+1"), guarded("Cubism/a"), unguarded(guarded("-x"))
    ("'=1+1", 'Cubism/a', '-x')
    """
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def unguarded(cell: str) -> str:
    """The inverse of :func:`guarded`."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
