"""One job of an array, in a process of its own: makes its part, and is run again until there is nothing to wait for.

Run as ``python -m tests.builder.part_job SOURCE OUT FIRST-LAST/COUNT``; prints how often it had to be run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from builder.config import BuildConfig, load_config
from builder.engine import Tick
from builder.part import Part, build_part
from builder.stage import Lane

T = TypeVar("T")
R = TypeVar("R")


class Here:
    """An engine that runs shards in this very process: jobs of an array have processes enough."""

    def map(self, task: Callable[[T, Tick], R], items: Sequence[T], advance: Tick, lane: Lane = "cpu") -> Iterator[R]:
        for item in items:
            yield task(item, advance)

    def close(self) -> None: ...


class Silent:
    def stage(self, name: str, rows: int, done: int) -> None: ...

    def advance(self, rows: int) -> None: ...


def settings() -> BuildConfig:
    """Eight shards of twelve paintings, in which two stages look at all rows: `prompt` and `generate`."""
    return load_config(assignments=["preprocess.size=96", "crop.size=64", "source.shard_rows=2"], source={"limit": 12})


def main(source: str, out: str, part: str) -> None:
    for run in range(1, 1000):
        if build_part(source, Path(out), settings(), Here(), Silent(), Part.parse(part)).waits_for is None:
            print(run)
            return
        time.sleep(0.1)


if __name__ == "__main__":
    main(*sys.argv[1:])
