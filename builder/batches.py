"""Rows through a batched model, one answer for each row and in order, without holding more than one batch.

A model answers a batch; a stage answers rows one for one; a row may fail before the model sees it. This is the one
place where the three are kept in step, so that no row is lost or shifted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from builder.stage import Reject, Result, Row

T = TypeVar("T")
Item = TypeVar("Item")
Answer = TypeVar("Answer")

BATCH_SIZE = 16


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of ``size`` items, the last one shorter.

    >>> list(in_batches("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def map_rows(
    rows: Iterable[Row],
    prepare: Callable[[Row], Item | Reject],
    ask: Callable[[Sequence[Item]], Sequence[Answer | Reject]],
    finish: Callable[[Row, Answer], Result],
    size: int = BATCH_SIZE,
) -> Iterator[Result]:
    """One result for each row: ``prepare`` the row, ``ask`` the model for a batch of them, ``finish`` each answer.

    A reject from any of the three takes the row's place. Raises RuntimeError when the model answers more or fewer
    items than it was asked, since nothing after that could be trusted.
    """
    for batch in in_batches(rows, size):
        prepared = [prepare(row) for row in batch]
        items = [item for item in prepared if not isinstance(item, Reject)]
        answers = list(ask(items)) if items else []
        if len(answers) != len(items):
            raise RuntimeError(f"the model gave {len(answers)} answers to {len(items)} items")
        rest = iter(answers)
        for row, item in zip(batch, prepared, strict=True):
            answer = item if isinstance(item, Reject) else next(rest)
            yield answer if isinstance(answer, Reject) else finish(row, answer)
