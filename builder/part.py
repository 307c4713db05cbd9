"""`artsim build --shards 0-99/1000`: one of many jobs that make one data set on a shared folder, as in a Slurm array.

The shards are divided into 1000 equal parts, and this job makes those of the first hundred, stage after stage. Jobs
never wait for each other's work, since a cluster may run only some of an array at once: where a stage's plan looks at
all rows and other jobs have not made theirs, the job ends and says so (exit 75), and the array is run once more. A
plain `artsim build` at the end finds all shards done and writes the data set.

    work/lock           held by all jobs together; a plain build needs it alone
    work/parts.lock     each job holds the bytes that stand for its own parts: no two make the same shard
    work/source.lock    held by the job that reads the source: the first does, the others find it done
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import SCHEMA_VERSION
from artsim_dataset.storage import Place
from builder.build import WORK, begin, prepare, told
from builder.config import BuildConfig
from builder.engine import Engine
from builder.lock import NO_LOCKS, locked
from builder.run import OthersFirst, Runner, StageReport, Watcher

logger = logging.getLogger(__name__)

WHOLE = 1 << 40
"""Bytes of `parts.lock` (which is empty) that stand for all shards: a share of them can be locked for any count."""


@dataclass(frozen=True)
class Part:
    """Parts ``first`` to ``last``, both included and counted from 0, of ``count`` equal ones."""

    first: int
    last: int
    count: int

    @staticmethod
    def parse(text: str) -> Part:
        """
        >>> Part.parse("0-99/1000"), Part.parse("7/8")
        (Part(first=0, last=99, count=1000), Part(first=7, last=7, count=8))

        Raises:
            ConfigError: not of this form, or not within the count.
        """
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?/(\d{1,9})", text.strip())
        if match:
            first, last, count = int(match[1]), int(match[2] or match[1]), int(match[3])
            if first <= last < count:
                return Part(first, last, count)
        raise ConfigError(
            f"--shards takes FIRST-LAST/COUNT or NUMBER/COUNT, counted from 0, such as 0-99/1000; got '{text}'"
        )

    def __str__(self) -> str:
        numbers = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        return f"{numbers}/{self.count}"

    def of(self, shards: Sequence[str]) -> list[str]:
        """The shards of these parts. All parts of a count together hold every shard once.

        >>> Part(1, 2, 4).of(list("abcdefgh"))
        ['c', 'd', 'e', 'f']
        """
        first, end = self._span(len(shards))
        return list(shards[first:end])

    def _span(self, length: int) -> tuple[int, int]:
        return self.first * length // self.count, (self.last + 1) * length // self.count

    @contextmanager
    def claimed(self, work: Path) -> Iterator[None]:
        """Holds these parts for as long as the block lasts.

        Raises:
            ConfigError: another job holds some of them.
        """
        first, end = self._span(WHOLE)
        with open(work / "parts.lock", "a+b") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, end - first, first)
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EACCES):
                    raise ConfigError(
                        f"another job makes some of the parts {self} of {work.parent}; wait for it, or give others"
                    ) from error
                if error.errno not in NO_LOCKS:
                    raise
            yield


@dataclass(frozen=True)
class PartResult:
    """What a job did: its ``shards`` of ``shards_all``, the report of each stage over them, and the stage that it could
    not begin since other jobs have to make ``missing`` shards before (None: its shards are done)."""

    out: Place
    part: Part
    shards: int
    shards_all: int
    reports: list[StageReport]
    waits_for: str | None = None
    missing: int = 0


def build_part(
    source: str, out: Place, config: BuildConfig, engine: Engine, watcher: Watcher, part: Part, retry: bool = False
) -> PartResult:
    """Makes a part of the shards of every stage, as far as they can be made now. Writes no data set.

    Args:
        source, out, config, engine, watcher: as of `build.build`; the same for all jobs. ``out`` is a folder that all
            their machines see.
        part: what this job makes.
        retry: give rejected rows of this part another chance.

    Raises:
        ConfigError: a plain build works in the folder (FolderBusy), or another job on the same part.
        StageError, ArtsimError: as of `build.build`.
    """
    if not isinstance(out, Path):
        raise ConfigError(f"--shards needs a folder that all jobs see, and {out} is none; for a store: --engine ray")
    work = out / WORK
    listing = begin(source, out, config)
    with told(out), locked(work, shared=True), part.claimed(work):
        with _alone_with_source(work):
            ready = prepare(source, out, config, engine, watcher, listing)
        own = part.of(ready.shards)
        runner = Runner(work, ready.folder, engine, watcher, retry, own)
        try:
            if own:
                runner.run(ready.recipe, ready.shards, upstream=SCHEMA_VERSION)
        except OthersFirst as wait:
            return PartResult(out, part, len(own), len(ready.shards), runner.reports, wait.stage, wait.missing)
    return PartResult(out, part, len(own), len(ready.shards), runner.reports)


@contextmanager
def _alone_with_source(work: Path) -> Iterator[None]:
    """Waits until no other job reads the source. The kernel frees the lock when a job dies, so none waits in vain."""
    file = os.open(work / "source.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("another job reads the source; going on when it has")
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        yield
    finally:
        os.close(file)
