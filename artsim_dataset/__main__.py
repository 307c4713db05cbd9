"""The console script `artsim`; also `python -m artsim_dataset`."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line. A Ctrl-C while its modules still load ends it without Python's trace."""
    try:
        from artsim_dataset.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
