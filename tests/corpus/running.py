"""Runs `artsim` as its own process, as a user without the rights of root, and measures what it needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.prefixes import OBEY_PERMISSIONS

_PROGRAM = """
import json, resource, sys
from artsim_dataset.cli import main
try:
    main()
finally:
    # Not RUSAGE_SELF: that remembers the process that this one was forked from, here pytest with torch in it.
    own = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
    workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    with open({peak!r}, "w") as file:
        json.dump([int(own) * 1024, workers * 1024], file)
"""


@dataclass(frozen=True)
class Ran:
    """What a command did. ``peak``: bytes of resident memory at most, of the parent and of its largest worker."""

    code: int
    stdout: str
    stderr: str
    peak: tuple[int, int]


def artsim(
    arguments: Sequence[str | Path], scratch: Path, env: Mapping[str, str] | None = None, timeout: float = 170
) -> Ran:
    """Runs the command line. Permissions hold even for root: the process gives up overriding them."""
    peak = scratch / "peak.json"
    done = subprocess.run(
        [*OBEY_PERMISSIONS, sys.executable, "-c", _PROGRAM.format(peak=str(peak)), *map(str, arguments)],
        capture_output=True,
        env={**os.environ, "COLUMNS": "200", **(env or {})},
        timeout=timeout,
        cwd=Path(__file__).parents[2],
    )
    used = tuple(json.loads(peak.read_text()))
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode(), (used[0], used[1]))
