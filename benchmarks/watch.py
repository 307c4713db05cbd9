"""Runs a command and says what each phase of it cost: wall seconds, CPU seconds, memory of all of its processes.

Linux only: everything is read from /proc, so that the command runs as it always does. CPU time is counted for the whole
tree of processes; what ended between two looks is in the total that the kernel gives for the command. Memory is what
the processes hold for themselves (anonymous pages): pages of mapped files are the system's cache, which it takes back
when anybody needs them, so they are counted apart, in ``resident``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LOOK = 0.1
"""Seconds between two looks at the processes."""

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass
class Cost:
    """Of one phase: seconds on the clock and of all cores; peaks in MB.

    ``largest``: what the largest process held for itself; ``together``: all processes at one moment; ``resident``: the
    largest process with the pages of files that it had mapped.
    """

    wall: float = 0.0
    cpu: float = 0.0
    largest: float = 0.0
    together: float = 0.0
    resident: float = 0.0

    def saw(self, anonymous: Sequence[float], resident: Sequence[float]) -> None:
        self.largest = max(self.largest, *anonymous, 0.0)
        self.together = max(self.together, sum(anonymous))
        self.resident = max(self.resident, *resident, 0.0)


@dataclass
class Watched:
    """What a command printed, and the cost of each of its phases in order."""

    output: str
    phases: dict[str, Cost] = field(default_factory=dict)


def watched(
    command: Sequence[str],
    env: Mapping[str, str] | None = None,
    phase: Callable[[], str] = lambda: "",
    log: Path | None = None,
) -> Watched:
    """Runs ``command`` to its end.

    Args:
        command: and its arguments.
        env: of the command; ours when None.
        phase: asked at every look what the command is doing; what it costs is counted under this name.
        log: where its stderr goes.

    Raises SystemExit when the command fails, with the end of what it wrote to stderr.
    """
    with open(log or os.devnull, "ab") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=None if env is None else dict(env)
        )
        printed: list[str] = []
        assert process.stdout is not None
        reader = threading.Thread(target=lambda out: printed.append(out.read()), args=(process.stdout,))
        reader.start()
        phases, status, cpu = _follow(process.pid, phase)
        reader.join()
        process.stdout.close()
        process.returncode = status  # reaped already, with its usage
    if phases:
        last = phases[next(reversed(phases))]
        last.cpu += max(0.0, cpu - sum(cost.cpu for cost in phases.values()))
    if status:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:] if log else []
        sys.exit("\n".join([f"failed ({status}): {' '.join(command)}", *said]))
    return Watched("".join(printed), phases)


def _follow(pid: int, phase: Callable[[], str]) -> tuple[dict[str, Cost], int, float]:
    """Looks until the process ends. Returns the phases, the exit status, and CPU seconds of the whole tree."""
    phases: dict[str, Cost] = {}
    used: dict[int, float] = {}
    before, counted = time.perf_counter(), 0.0
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        cost = phases.setdefault(phase(), Cost())
        if not ended:
            family = _family(pid)
            for member in family:
                used[member] = max(used.get(member, 0.0), _cpu(member))
            cost.saw(*zip(*(_memory(member) for member in family), strict=True))
        now, total = time.perf_counter(), sum(used.values())
        cost.wall += now - before
        cost.cpu += total - counted
        before, counted = now, total
        if ended:
            return phases, os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
        time.sleep(LOOK)


def _family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        for thread in _listed(Path(f"/proc/{one}/task")):
            try:
                todo += map(int, Path(f"/proc/{one}/task/{thread}/children").read_text().split())
            except OSError:
                continue  # ended meanwhile
    return found


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _cpu(pid: int) -> float:
    """CPU seconds of one process, without its children; 0 when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def _memory(pid: int) -> tuple[float, float]:
    """MB that the process holds for itself, and MB that are resident in all."""
    try:
        resident, of_files = map(int, Path(f"/proc/{pid}/statm").read_text().split()[1:3])
    except OSError:
        return 0.0, 0.0
    return (resident - of_files) * _PAGE_KB / 1024, resident * _PAGE_KB / 1024
