"""Tasks that tests give to a Ray engine: a worker imports them from here."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from artsim_dataset.errors import StageError

Tick = Callable[[int], None]


def pid(seconds: float, tick: Tick) -> int:
    time.sleep(seconds)
    tick(1)
    return os.getpid()


def meet(place: tuple[Path, int, int], tick: Tick) -> tuple[int, int, str]:
    """Waits until ``together`` such tasks are under way at one time; answers how many it saw, who and where it is."""
    folder, number, together = place
    (folder / str(number)).touch()
    until = time.monotonic() + 60
    while (seen := len(list(folder.iterdir()))) < together and time.monotonic() < until:
        time.sleep(0.02)
    return seen, os.getpid(), os.environ.get("CUDA_VISIBLE_DEVICES", "")


def die(flag: Path | None, tick: Tick) -> int:
    """Is killed after three rows: always, or (with a flag) the first time."""
    tick(3)
    if flag is None or not flag.exists():
        if flag is not None:
            flag.touch()
            time.sleep(2)  # long enough to be asked how far it is
        os.kill(os.getpid(), signal.SIGKILL)
    tick(2)
    return os.getpid()


def fail(kind: str, tick: Tick) -> None:
    logging.getLogger("builder.models.devices").warning("this will be a %s", kind)
    if kind == "stage":
        raise StageError("caption", "00003", "the model broke")
    if kind == "file":
        Path("/nowhere/00001.parquet").read_bytes()
    if kind == "odd":

        class Odd(Exception):
            """Nobody else can unpickle it."""

        raise Odd("of this process alone")
    raise ValueError(kind)
