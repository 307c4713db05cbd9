"""Tables of similarities in blocks of rows, so that what is in memory does not grow with what is compared."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import suppress

CELLS = 1 << 19
"""Of a table at a time. What is computed beside a cell (masks, losses, draws) takes some 40 bytes."""


def blocks(rows: int, columns: int, most: int) -> Iterator[slice]:
    """Slices of ``rows``, of at most ``most`` rows and ``CELLS`` cells, but of one row at least.

    >>> [*blocks(5, 10, 2)]
    [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    step = max(1, min(most, CELLS // max(1, columns)))
    for at in range(0, rows, step):
        yield slice(at, at + step)


def give_back() -> None:
    """Gives the system what was freed: glibc keeps arrays of up to 32 MB for the next one, which may never come.

    Worth its milliseconds after a step that held much. Where the C library is another one, nothing happens.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
