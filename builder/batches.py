"""Rows through a batched model, one answer for each row and in order, without holding more than a few batches.

A model answers a batch; a stage answers rows one for one; a row may fail before the model sees it. This is the one
place where the three are kept in step, so that no row is lost or shifted. Pictures are decoded ahead and encoded
behind by other threads (both release the interpreter), so that the model never waits for a JPEG.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from builder.stage import Reject, Result, Row

T = TypeVar("T")
Item = TypeVar("Item")
Answer = TypeVar("Answer")

AHEAD = 2
"""Batches that are decoded before the model asks for them, and that may wait to be encoded after it."""


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
    size: int,
) -> Iterator[Result]:
    """One result for each row: ``prepare`` the row, ``ask`` the model for a batch of them, ``finish`` each answer.

    A reject from any of the three takes the row's place. ``ask`` is called in this thread, ``prepare`` and ``finish``
    in others. Raises RuntimeError when the model answers more or fewer items than it was asked, since nothing after
    that could be trusted.
    """

    def prepared(batch: list[Row]) -> list[tuple[Row, Item | Reject]]:
        return [(row, prepare(row)) for row in batch]

    def finished(pairs: Sequence[tuple[Row, Answer | Reject]]) -> list[Result]:
        return [answer if isinstance(answer, Reject) else finish(row, answer) for row, answer in pairs]

    with ThreadPoolExecutor(1) as before, ThreadPoolExecutor(1) as behind:
        ending: deque[Future[list[Result]]] = deque()
        for pairs in _ahead(before, prepared, in_batches(rows, size)):
            ending.append(behind.submit(finished, _answered(pairs, ask)))
            while len(ending) > AHEAD or (ending and ending[0].done()):
                yield from ending.popleft().result()
        for future in ending:
            yield from future.result()


def _ahead(pool: ThreadPoolExecutor, work: Callable[[T], Item], items: Iterator[T]) -> Iterator[Item]:
    """``work`` on each item, in order, some items ahead of the one that is being used."""
    waiting: deque[Future[Item]] = deque(pool.submit(work, item) for item in islice(items, AHEAD))
    while waiting:
        done = waiting.popleft().result()
        waiting.extend(pool.submit(work, item) for item in islice(items, 1))
        yield done


def _answered(
    pairs: Sequence[tuple[Row, Item | Reject]], ask: Callable[[Sequence[Item]], Sequence[Answer | Reject]]
) -> list[tuple[Row, Answer | Reject]]:
    """Each row with the model's answer, or with the reject that it already had."""
    items = [item for _, item in pairs if not isinstance(item, Reject)]
    answers = list(ask(items)) if items else []
    if len(answers) != len(items):
        raise RuntimeError(f"the model gave {len(answers)} answers to {len(items)} items")
    rest = iter(answers)
    return [(row, item if isinstance(item, Reject) else next(rest)) for row, item in pairs]
