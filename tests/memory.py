"""By how much memory grows with rows, without a clock and without other processes in the way."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable


def python_bytes_a_row(work: Callable[[int], object], few: int = 3_000, many: int = 23_000) -> float:
    """By how many bytes of Python and NumPy objects the peak grows with each row; Arrow's memory is not counted."""
    peaks = []
    for rows in (few, few, many):  # the first time what is made once is made
        tracemalloc.start()
        work(rows)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return (peaks[2] - peaks[1]) / (many - few)
