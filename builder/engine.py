"""Where shards are run: worker processes on this machine. One process holds one open stage at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

from artsim_dataset.errors import ArtsimError

T = TypeVar("T")
R = TypeVar("R")
Tick = Callable[[int], None]


class Engine(Protocol):
    """Runs a task on each item, in any order, telling ``advance`` how many rows were done."""

    def map(self, task: Callable[[T, Tick], R], items: Sequence[T], advance: Tick) -> Iterator[R]: ...


class LocalEngine:
    """Worker processes, started when the first item comes and kept until :meth:`close`.

    Spawned, not forked: a fork of a process with threads (onnxruntime, libvips, CUDA) may hang.

    Args:
        workers: number of processes; the cores that this process may use by default.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or len(os.sched_getaffinity(0))
        self._pool: ProcessPoolExecutor | None = None
        self._rows: Any = None

    def map(self, task: Callable[[T, Tick], R], items: Sequence[T], advance: Tick) -> Iterator[R]:
        """Yields results as they finish; a task's exception ends the stage.

        Raises:
            ArtsimError: a worker process died, as it does when memory runs out.
        """
        if not items:
            return
        pool = self._start()
        seen = self._rows.value
        pending: set[Future[R]] = {pool.submit(_call, task, item) for item in items}
        try:
            while pending:
                done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                now = self._rows.value
                advance(now - seen)
                seen = now
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise ArtsimError(
                "a worker process died, most likely for lack of memory; the same command resumes the build"
                " (fewer --workers need less)"
            ) from error
        finally:
            if pending:
                self.close()

    def _start(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._rows = context.Value("q", 0)
            self._pool = ProcessPoolExecutor(
                self.workers, mp_context=context, initializer=_initialise, initargs=(self._rows, os.getpid())
            )
        return self._pool

    def close(self) -> None:
        """Ends the workers at once. Files are written atomically, so nothing is left half-made."""
        if self._pool is not None:
            processes = list((self._pool._processes or {}).values())
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
            for process in processes:
                process.join(timeout=5)
            self._pool = None


_counter: Any = None


def _initialise(counter: Any, parent: int) -> None:
    global _counter
    _counter = counter
    # Ctrl-C reaches the whole process group; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: int) -> None:
    """A worker must not outlive a parent that was killed: it would hold the GPU."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _tick(rows: int) -> None:
    with _counter.get_lock():
        _counter.value += rows


def _call(task: Callable[[T, Tick], R], item: T) -> R:
    return task(item, _tick)
