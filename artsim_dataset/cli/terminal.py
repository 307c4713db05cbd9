"""What the terminal shows: progress on stderr, results on stdout, errors in one sentence.

Bars appear only when somebody is looking (stderr is a terminal); a pipe gets results and nothing else.
"""

from __future__ import annotations

import functools
import io
import json
import logging
import os
import signal
import sys
import traceback
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from artsim_dataset.errors import ArtsimError, ConfigError, DatasetNotFound
from artsim_dataset.object_store import ObjectPath
from artsim_dataset.storage import Place

P = ParamSpec("P")
R = TypeVar("R")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
debug = False


class Terminated(BaseException):
    """SIGTERM arrived: as KeyboardInterrupt is for Ctrl-C, so that every `finally` runs."""


class _Stop:
    """The signal that the command was asked to stop with, as an exit code, 0 once that is said, and how often."""

    code = 0
    asked = 0


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Turns errors into one sentence and an exit code: 2 bad usage or input, 1 failed, 130 and 143 interrupted."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        heed_signals()
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
        _Stop.code = 0
        ignore_signals()
    if debug:
        traceback.print_exc()
    _say(sentence)
    raise typer.Exit(code)


def say_stopped(code: int) -> int:
    """The sentence of a stop that came before the command began, when ``code`` is of one; the exit code."""
    if not code or not _Stop.code:
        return code
    _say(_STOPPED)
    return _Stop.code


def _say(sentence: str) -> None:
    err.print(Text.assemble(("artsim: ", "bold red"), printable(sentence)))


def ignore_signals() -> None:
    """All is done and tidy; leaving takes the interpreter a moment, in which a signal would end it with a trace."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def heed_signals() -> None:
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


class _Rate(ProgressColumn):
    """Rows a second; of the bar of the whole, which counts no rows, the percentage."""

    def render(self, task: Task) -> Text:
        if task.fields.get("whole"):
            return Text(f"{task.percentage:6.0f} %", style="cyan")
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:6.1f}/s", style="cyan")


class _Count(ProgressColumn):
    """Rows done of all; of the bar of the whole the stages."""

    def render(self, task: Task) -> Text:
        done, total = task.fields.get("whole") or (int(task.completed), int(task.total or 0))
        return Text(f"{done:,}/{total:,}", style="green")


class StageBars:
    """One bar for each stage, with rate and time left, and one for the whole. Implements the runner's ``Watcher``.

    Args:
        progress: draws the bars.
        shares: the stages that will come, by name, with their parts of the time; empty: no bar for the whole.
    """

    def __init__(self, progress: Progress, shares: Mapping[str, float] | None = None) -> None:
        self._progress = progress
        self._shares = dict(shares or {})
        self._names = list(self._shares)
        self._task: TaskID | None = None
        self._whole: TaskID | None = None
        self._of_one_row = 0.0

    def stage(self, name: str, rows: int, done: int) -> None:
        if name in self._shares:
            self._begin_in_whole(name, rows, done)
        self._task = self._progress.add_task(name, total=rows, completed=done)

    def advance(self, rows: int) -> None:
        if self._task is not None and rows:
            self._progress.advance(self._task, rows)
            if self._whole is not None:
                self._progress.advance(self._whole, rows * self._of_one_row)

    def _begin_in_whole(self, name: str, rows: int, done: int) -> None:
        """Sets the bar of the whole to where this stage begins; what an earlier run did counts as done."""
        number = self._names.index(name)
        self._of_one_row = self._shares[name] / max(rows, 1)
        begun = sum(self._shares[earlier] for earlier in self._names[:number]) + done * self._of_one_row
        place = (number + 1, len(self._names))
        if self._whole is None:
            total = sum(self._shares.values())
            self._whole = self._progress.add_task("whole", total=total, whole=place)
        self._progress.update(self._whole, completed=begun, whole=place)


class _Log(logging.FileHandler):
    """A log file that is not worth a traceback when it cannot be written: the disk is full, the folder read-only."""

    def handleError(self, record: logging.LogRecord) -> None: ...  # noqa: N802 - logging's name

    def close(self) -> None:
        with suppress(OSError):
            super().close()


class _StoredLog(logging.StreamHandler[io.StringIO]):
    """A log in an object store, which has no appending: what was there and what came is put when the command ends."""

    def __init__(self, path: ObjectPath) -> None:
        super().__init__(io.StringIO())
        self._path = path

    def close(self) -> None:
        new = self.stream.getvalue()
        self.stream.truncate(0)
        if new:
            with suppress(ArtsimError, OSError):  # as above
                before = self._path.read_text() if self._path.is_file() else ""
                self._path.write_text(before + new)
        super().close()


@contextmanager
def build_log(work: Place) -> Iterator[None]:
    """Sends what the build logs to ``work/build.log``, and its notes and warnings to the terminal."""
    logger = logging.getLogger("builder")
    shown = RichHandler(console=err, show_time=False, show_path=False, show_level=False, markup=False)
    # Opened with the first line: the folder is made by the build, once it knows that it may.
    path = work / "build.log"
    kept = _Log(path, encoding="utf-8", delay=True) if isinstance(path, Path) else _StoredLog(path)
    kept.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handlers: tuple[logging.Handler, ...] = (shown, kept)
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
def bars(shares: Mapping[str, float] | None = None) -> Iterator[StageBars]:
    """Progress bars on stderr for as long as the block lasts. ``shares``: see :class:`StageBars`."""
    progress = Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=None),
        _Count(),
        _Rate(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=err,
        disable=not err.is_terminal,
        expand=True,
    )
    with progress:
        yield StageBars(progress, shares)
