"""What runs on a Ray cluster: an actor that holds one open stage and makes shards, one after the other.

A task carries paths and settings, never pixels; the worker reads and writes the shared work folder itself. What it
logs and how many rows are done is asked for while it works, on a thread of its own.
"""

from __future__ import annotations

import logging
import os
import pickle
import platform
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from logging.handlers import QueueHandler
from typing import Any

import ray

from artsim_dataset.errors import ArtsimError
from artsim_dataset.version import __version__


@dataclass(frozen=True)
class Hello:
    """Who a worker is. A cluster with another artsim would make other data, or none."""

    artsim: str
    python: str
    node: str
    pid: int


@dataclass(frozen=True)
class Outcome:
    """What became of an item: its result, or the error that ended it (``where``: its traceback, ``host``: the machine),
    with the rows and log lines of the whole run."""

    result: Any
    error: BaseException | None
    where: str
    host: str
    rows: int
    records: list[logging.LogRecord] = field(default_factory=list)


class Worker:
    """The actor. ``folder`` is the driver's current one: where nodes have it too, relative paths mean the same."""

    def __init__(self, folder: str) -> None:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as LocalEngine's workers, before any model is loaded
        with suppress(OSError):
            os.chdir(folder)
        self._number = -1
        self._rows = 0
        self._records: list[logging.LogRecord] = []
        logger = logging.getLogger("builder")
        logger.setLevel(logging.INFO)
        logger.addHandler(_Kept(self))
        logger.propagate = False

    def hello(self) -> Hello:
        """Answers as soon as the worker is ready."""
        return Hello(__version__, platform.python_version(), ray.get_runtime_context().get_node_id(), os.getpid())

    def run(self, number: int, task: Callable[[Any, Callable[[int], None]], Any], item: Any) -> Outcome:
        """Runs the task. Its error comes back as a value, so that it arrives as itself."""
        self._rows, self._records = 0, []
        self._number = number
        result, error, where = None, None, ""
        try:
            result = task(item, self._tick)
        except Exception as raised:
            where = traceback.format_exc()
            error = _portable(raised)
        return Outcome(result, error, where, platform.node(), self._rows, self._records)

    @ray.method(concurrency_group="watch")
    def tell(self) -> tuple[int, int, list[logging.LogRecord]]:
        """The number of the run, the rows that it has done, and what it has logged, from its beginning."""
        return self._number, self._rows, list(self._records)

    def _tick(self, rows: int) -> None:
        self._rows += rows

    def keep(self, record: logging.LogRecord) -> None:
        """Notes a log line until it is asked for."""
        self._records.append(record)


class _Kept(QueueHandler):
    """Makes records picklable, as for a queue, and keeps them with the worker."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self._worker = worker

    def enqueue(self, record: logging.LogRecord) -> None:
        self._worker.keep(record)


def _portable(error: Exception) -> BaseException:
    """The error, when it survives the way to the driver, which pickles it; else its text."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return ArtsimError(f"{type(error).__name__}: {error}")
    return error
