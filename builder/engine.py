"""Where shards are run: worker processes on this machine. One process holds one open stage at a time.

Each lane has its own processes: ``cpu`` one for each core, ``gpu`` one for each GPU, which sees no other, ``api`` one.
What workers log comes back to this process, so that a bar on the terminal is never torn by another process' line.
"""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from logging.handlers import QueueHandler
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from artsim_dataset.errors import ArtsimError, ConfigError
from builder.stage import Lane

if TYPE_CHECKING:
    from builder.config import RayConfig

T = TypeVar("T")
R = TypeVar("R")
Tick = Callable[[int], None]


class Engine(Protocol):
    """Runs a task on each item, in any order, telling ``advance`` how many rows were done."""

    def map(
        self, task: Callable[[T, Tick], R], items: Sequence[T], advance: Tick, lane: Lane = "cpu"
    ) -> Iterator[R]: ...

    def close(self) -> None:
        """Ends the workers."""
        ...


def open_engine(kind: str, workers: int | None, ray: RayConfig) -> Engine:
    """``local`` or ``ray``.

    Raises:
        ConfigError: another kind, or no cluster. MissingExtra: Ray is not installed.
    """
    if kind == "local":
        return LocalEngine(workers)
    if kind != "ray":
        raise ConfigError(f"unknown engine '{kind}'; engines are: local, ray")
    from builder.models.weights import require

    require("--engine ray", "ray", "ray")
    from builder.ray_engine import RayEngine

    return RayEngine(ray, workers)


class LocalEngine:
    """Worker processes, started when the first item comes and kept until :meth:`close`.

    Spawned, not forked: a fork of a process with threads (onnxruntime, libvips, CUDA) may hang.

    Args:
        workers: number of processes; the cores that this process may use by default.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or len(os.sched_getaffinity(0))
        self._context = multiprocessing.get_context("spawn")
        self._rows: dict[Lane, Any] = {}
        self._pools: dict[Lane, ProcessPoolExecutor] = {}
        self._log: Any = None
        self._relay: threading.Thread | None = None

    def map(self, task: Callable[[T, Tick], R], items: Sequence[T], advance: Tick, lane: Lane = "cpu") -> Iterator[R]:
        """Yields results as they finish; a task's exception ends the stage.

        Raises:
            ArtsimError: a worker process died, as it does when memory runs out.
        """
        if not items:
            return
        pool, rows = self._pool(lane), self._rows[lane]
        seen = sum(rows)
        pending: set[Future[R]] = set()
        try:
            with _no_interrupt(), _single_threaded(lane):
                pending = {pool.submit(_call, task, item) for item in items}
            while pending:
                done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                now = sum(rows)
                advance(now - seen)
                seen = now
                for future in done:
                    yield future.result()
        except (BrokenProcessPool, OSError) as error:
            # A pool that breaks while tasks are handed to it may find its own pipe closed first: "handle is closed".
            if not isinstance(error, BrokenProcessPool) and not pool._broken:
                raise
            raise ArtsimError(
                "a worker process died, most likely for lack of memory; the same command resumes the build"
                " (fewer --workers need less)"
            ) from error
        finally:
            if pending:
                self.close()

    def _pool(self, lane: Lane) -> ProcessPoolExecutor:
        if lane not in self._pools:
            if self._relay is None:
                self._log = self._context.Queue()
                self._relay = threading.Thread(target=_relay, args=(self._log,), daemon=True)
                self._relay.start()
            gpus = visible_gpus() if lane == "gpu" else []
            count = {"cpu": self.workers, "gpu": max(1, len(gpus)), "api": 1}[lane]
            seats: Any = self._context.SimpleQueue()
            for seat in range(count):
                seats.put((seat, gpus[seat] if gpus else None))
            # No lock that a dying worker could take with it: each counts its rows in a place of its own.
            self._rows[lane] = self._context.RawArray("q", count)
            on_main = threading.current_thread() is threading.main_thread()
            self._pools[lane] = ProcessPoolExecutor(
                count,
                mp_context=self._context,
                initializer=_initialise,
                initargs=(self._rows[lane], os.getpid(), on_main, self._log, seats),
            )
        return self._pools[lane]

    def close(self) -> None:
        """Ends the workers at once. Files are written atomically, so nothing is left half-made."""
        processes = [p for pool in self._pools.values() for p in (pool._processes or {}).values()]
        managers: list[Any] = [pool._executor_manager_thread for pool in self._pools.values()]
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(timeout=5)
        for manager in managers:  # Python wakes it when it leaves: one that closes its pipe just then leaves a trace
            if manager is not None:
                manager.join(timeout=5)
        self._pools.clear()
        if self._relay is not None:
            # A worker that ended while it wrote a line holds the queue for ever: nobody may wait for it without end.
            self._log.put(None)
            self._relay.join(timeout=2)
            self._relay = None
            self._log.cancel_join_thread()
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


def _relay(log: Any) -> None:
    """Hands what workers log to the logger of the same name in this process, until None comes."""
    while (record := log.get()) is not None:
        logging.getLogger(record.name).handle(record)


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait while the block starts processes: one that is being born would answer with a traceback.

    The mask is for the child, which inherits it. It is not enough here: the kernel may hand the signal to another
    thread, and Python would still run the handler in this one, between the start of a child and what it is told.
    """
    waiting: list[tuple[int, FrameType | None]] = []
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():  # the only one that may set handlers, or that runs them
        for number in (signal.SIGINT, signal.SIGTERM):
            if callable(signal.getsignal(number)):
                before[number] = signal.signal(number, lambda *caught: waiting.append(caught))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for held, handler in before.items():
            signal.signal(held, handler)
        for caught, frame in waiting[:1]:
            before[caught](caught, frame)


@contextmanager
def _single_threaded(lane: Lane) -> Iterator[None]:
    """Workers that are born in the block and share the cores do sums on one thread, unless the user says otherwise.

    On 64 cores, 64 workers would start 64 threads each. NumPy's BLAS looks when it is loaded, before a worker can say.
    """
    if lane != "cpu" or _THREADS in os.environ:
        yield
        return
    os.environ[_THREADS] = "1"
    try:
        yield
    finally:
        del os.environ[_THREADS]


_THREADS = "OMP_NUM_THREADS"
_rows: Any = None
_seat = 0


def _initialise(rows: Any, parent: int, on_main: bool, log: Any, seats: Any) -> None:
    global _rows, _seat
    _rows = rows
    _seat, gpu = seats.get()
    # Ctrl-C reaches the whole process group; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # before torch is imported: this worker has one GPU
    # Threads of a matrix product that wait must not spin: the pictures of the next batch are decoded meanwhile.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    logger = logging.getLogger("builder")
    logger.setLevel(logging.INFO)
    logger.addHandler(QueueHandler(log))
    logger.propagate = False
    _die_with(parent, on_main)


def _die_with(parent: int, on_main: bool) -> None:
    """A worker must not outlive a parent that was killed: it would hold the GPU, and write where another build does.

    Linux kills it at once, whatever library it is in; the kernel goes by the thread that started it, so only when that
    was the main one. Elsewhere it looks for itself, as soon as a library lets it.
    """
    if on_main and sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


_PR_SET_PDEATHSIG = 1  # its number in <sys/prctl.h>


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _tick(rows: int) -> None:
    _rows[_seat] += rows


def _call(task: Callable[[T, Tick], R], item: T) -> R:
    return task(item, _tick)
