"""What the terminal shows: progress on stderr, results on stdout, errors in one sentence.

Bars appear only when somebody is looking (stderr is a terminal); a pipe gets results and nothing else.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import signal
import sys
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from artsim_dataset.errors import ArtsimError, ConfigError, DatasetNotFound

P = ParamSpec("P")
R = TypeVar("R")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
debug = False


class Terminated(BaseException):
    """SIGTERM arrived: as KeyboardInterrupt is for Ctrl-C, so that every `finally` runs."""


class _Stop:
    """The signal that the command was asked to stop with, as an exit code, and how often it was asked."""

    code = 0
    asked = 0


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Turns errors into one sentence and an exit code: 2 bad usage or input, 1 failed, 130 and 143 interrupted."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        _heed_signals()
        try:
            return function(*args, **kwargs)
        except (KeyboardInterrupt, Terminated) as stop:
            _fail(_STOPPED, 130 if isinstance(stop, KeyboardInterrupt) else 143)
        except (ConfigError, DatasetNotFound) as error:
            _fail(str(error), 2)
        except ArtsimError as error:
            _fail(str(error), 1)
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            _fail(f"{error.strerror or error}{where}", 1)
        except typer.Exit:
            raise
        except Exception as error:
            _fail(f"internal error, {type(error).__name__}: {error}; --debug shows where", 1)

    return wrapped


_STOPPED = "stopped; what is done is kept, and the same command goes on from here"


def _fail(sentence: str, code: int) -> NoReturn:
    if _Stop.code:  # a library may have turned the signal into an error of its own
        sentence, code = _STOPPED, _Stop.code
        for number in (signal.SIGINT, signal.SIGTERM):  # all is tidy; leaving takes the interpreter a moment
            signal.signal(number, signal.SIG_IGN)
    if debug:
        traceback.print_exc()
    err.print(Text.assemble(("artsim: ", "bold red"), printable(sentence)))
    raise typer.Exit(code)


def _heed_signals() -> None:
    """SIGTERM and Ctrl-C stop the command cleanly. A shell that lets a background job ignore Ctrl-C is obeyed."""
    _Stop.code = _Stop.asked = 0
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    """The first signal ends the work, the second changes nothing while that is under way, the third ends it hard.

    That loses nothing: files are written whole or not at all, and workers die with this process.
    """
    _Stop.asked += 1
    if _Stop.asked == 1:
        _Stop.code = 128 + number
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated
    if _Stop.asked > 2:
        if err.is_terminal:
            err.show_cursor()
        os.write(2, f"artsim: {_STOPPED}\n".encode())
        os._exit(_Stop.code)


def printable(text: object) -> str:
    """Text that does nothing to a terminal: control characters, as file names may have, are written as ``\\x1b``."""
    return "".join(c if c == "\n" or unicodedata.category(c)[0] != "C" else repr(c)[1:-1] for c in str(text))


def shown(text: object) -> str:
    """Text of strangers (names, paths) inside rich markup: it is printed as it is, never obeyed."""
    return escape(printable(text))


def print_json(value: Any) -> None:
    """The result for machines: one JSON document on stdout, whatever the terminal is."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


class _Rate(TextColumn):
    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:6.1f}/s", style="cyan")


class StageBars:
    """One bar for each stage, with rate and time left. Implements the runner's ``Watcher``."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def stage(self, name: str, rows: int, done: int) -> None:
        self._task = self._progress.add_task(name, total=rows, completed=done)

    def advance(self, rows: int) -> None:
        if self._task is not None and rows:
            self._progress.advance(self._task, rows)


class _Log(logging.FileHandler):
    """A log file that is not worth a traceback when it cannot be written: the disk is full, the folder read-only."""

    def handleError(self, record: logging.LogRecord) -> None: ...  # noqa: N802 - logging's name

    def close(self) -> None:
        with suppress(OSError):
            super().close()


@contextmanager
def build_log(work: Path) -> Iterator[None]:
    """Sends what the build logs to ``work/build.log``, and its notes and warnings to the terminal."""
    logger = logging.getLogger("builder")
    shown = RichHandler(console=err, show_time=False, show_path=False, show_level=False, markup=False)
    # Opened with the first line: the folder is made by the build, once it knows that it may.
    kept = _Log(work / "build.log", encoding="utf-8", delay=True)
    kept.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handlers = (shown, kept)
    before = logger.level
    logger.setLevel(logging.INFO)
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        logger.setLevel(before)
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


@contextmanager
def bars() -> Iterator[StageBars]:
    """Progress bars on stderr for as long as the block lasts."""
    progress = Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=err,
        disable=not err.is_terminal,
        expand=True,
    )
    with progress:
        yield StageBars(progress)
