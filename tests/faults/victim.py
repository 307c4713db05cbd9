"""The `artsim` command with a fault in waiting: `python -m tests.faults.victim build ...` is the real command, but in
the moment that the environment variable ARTSIM_FAULT names, something happens to it.

The moment is one of Python's audit events (a rename, a removal), which come right before the act, in the process that
does it; so a fault hits between two exact steps, where a clock would need luck. Workers import this module as well.
"""

from __future__ import annotations

import fnmatch
import json
import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any

_fault: dict[str, Any] = json.loads(os.environ.get("ARTSIM_FAULT", "{}"))
_left = _fault.get("nth", 0)


def _happen() -> None:
    target = Path(_fault.get("path", ""))
    match _fault["what"]:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "interrupt":
            os.kill(multiprocessing.parent_process().pid if _is_worker() else os.getpid(), signal.SIGINT)  # type: ignore[union-attr]
        case "vanish" | "unmount":
            if target.exists() and not Path(f"{target}.away").exists():
                target.rename(f"{target}.away")
                if _fault["what"] == "unmount":  # the mount point stays
                    target.mkdir()
        case "remove":
            target.unlink(missing_ok=True)


def _is_worker() -> bool:
    return multiprocessing.parent_process() is not None


def _watch(event: str, args: tuple[Any, ...]) -> None:
    global _left
    if _left <= 0 or event != _fault["event"] or _is_worker() != _fault["worker"]:
        return
    if fnmatch.fnmatch(str(args[1] if event == "os.rename" else args[0]), _fault["pattern"]):
        _left -= 1
        if _left == 0:
            _happen()


if _fault:
    sys.addaudithook(_watch)

if __name__ == "__main__":
    from artsim_dataset.cli import main

    main()
