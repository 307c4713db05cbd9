"""Where shards are run: worker processes on this machine. One process holds one open stage at a time.

Each lane has its own processes: ``cpu`` one for each core, ``gpu`` one for each GPU, which sees no other, ``api`` one.
What workers log comes back to this process, so that a bar on the terminal is never torn by another process' line.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from logging.handlers import QueueHandler, QueueListener
from typing import Any, Protocol, TypeVar

from artsim_dataset.errors import ArtsimError
from builder.stage import Lane

T = TypeVar("T")
R = TypeVar("R")
Tick = Callable[[int], None]


class Engine(Protocol):
    """Runs a task on each item, in any order, telling ``advance`` how many rows were done."""

    def map(
        self, task: Callable[[T, Tick], R], items: Sequence[T], advance: Tick, lane: Lane = "cpu"
    ) -> Iterator[R]: ...


class LocalEngine:
    """Worker processes, started when the first item comes and kept until :meth:`close`.

    Spawned, not forked: a fork of a process with threads (onnxruntime, libvips, CUDA) may hang.

    Args:
        workers: number of processes; the cores that this process may use by default.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or len(os.sched_getaffinity(0))
        self._context = multiprocessing.get_context("spawn")
        self._rows: Any = self._context.Value("q", 0)
        self._pools: dict[Lane, ProcessPoolExecutor] = {}
        self._log: Any = None
        self._listener: QueueListener | None = None

    def map(self, task: Callable[[T, Tick], R], items: Sequence[T], advance: Tick, lane: Lane = "cpu") -> Iterator[R]:
        """Yields results as they finish; a task's exception ends the stage.

        Raises:
            ArtsimError: a worker process died, as it does when memory runs out.
        """
        if not items:
            return
        pool = self._pool(lane)
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

    def _pool(self, lane: Lane) -> ProcessPoolExecutor:
        if lane not in self._pools:
            if self._listener is None:
                self._log = self._context.Queue()
                self._listener = QueueListener(self._log, _Relay())
                self._listener.start()
            gpus = visible_gpus() if lane == "gpu" else []
            count = {"cpu": self.workers, "gpu": max(1, len(gpus)), "api": 1}[lane]
            cards: Any = self._context.SimpleQueue() if gpus else None
            for gpu in gpus:
                cards.put(gpu)
            self._pools[lane] = ProcessPoolExecutor(
                count,
                mp_context=self._context,
                initializer=_initialise,
                initargs=(self._rows, os.getpid(), self._log, cards),
            )
        return self._pools[lane]

    def close(self) -> None:
        """Ends the workers at once. Files are written atomically, so nothing is left half-made."""
        processes = [p for pool in self._pools.values() for p in (pool._processes or {}).values()]
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(timeout=5)
        self._pools.clear()
        if self._listener is not None:
            self._listener.stop()
            self._listener = None
            self._log.close()
            self._log = None


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them; asks the driver, not torch."""
    if (chosen := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [gpu for gpu in chosen.split(",") if gpu.strip() not in ("", "-1")]
    try:
        listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [str(index) for index, line in enumerate(listed.stdout.splitlines()) if line.startswith("GPU ")]


class _Relay(logging.Handler):
    """Hands what a worker logged to the logger of the same name in this process."""

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger(record.name).handle(record)


_counter: Any = None


def _initialise(counter: Any, parent: int, log: Any, cards: Any) -> None:
    global _counter
    _counter = counter
    # Ctrl-C reaches the whole process group; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if cards is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = cards.get()  # before torch is imported: this worker has one GPU
    # Threads of a matrix product that wait must not spin: the pictures of the next batch are decoded meanwhile.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    logger = logging.getLogger("builder")
    logger.setLevel(logging.INFO)
    logger.addHandler(QueueHandler(log))
    logger.propagate = False
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
