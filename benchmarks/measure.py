"""Shared by the benchmarks: interleaved repeats, ratios with min, median and max, one table."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = "ARTSIM_RESULTS"
"""Names the file that rows of the table are written to."""
SHARED = Path(__file__).parents[2] / "shared" / "data"


def paintings(argument: str | None) -> Path:
    """The folder of paintings to measure on: the one given, or the real ones beside the checkout."""
    folder = Path(argument) if argument else SHARED / "paintings"
    if not folder.is_dir():
        sys.exit(f"{folder} is not there; give a folder of paintings with --paintings")
    return folder


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def interleave(work: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Runs the works in turn, A B A B ..., so that a machine that drifts drifts for all."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeats):
        for name, function in work.items():
            times[name].append(seconds(function))
    return times


def spread(values: Sequence[float], digits: int = 2) -> str:
    """min / median / max."""
    return " / ".join(f"{v:.{digits}f}" for v in (min(values), median(values), max(values)))


def record(what: str, values: Sequence[float], goal: str = "", digits: int = 2) -> None:
    """Hands a row of the table to `python -m benchmarks`, which runs this benchmark; does nothing when it runs alone.

    Args:
        what: the quantity and its unit, with the peer beside which it was measured.
        values: one for each repeat; the table shows min, median and max.
        goal: what was promised, if anything was: "<= 1.3".
        digits: after the point.
    """
    if path := os.environ.get(RESULTS):
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, "values": list(values), "goal": goal, "digits": digits}) + "\n")


def run_artsim(*arguments: str) -> tuple[Any, float, int]:
    """Runs the command as a user does. Returns its JSON, wall seconds, and peak memory in MB of it and its children."""
    command = [sys.executable, "-m", "artsim_dataset.cli", *arguments, "--json"]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"failed: artsim {' '.join(arguments)}")
    return json.loads(text), time.perf_counter() - started, usage.ru_maxrss // 1024


def header() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
