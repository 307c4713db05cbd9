"""A Hub to try things on by hand: `python -m tests.hub --port 8700`, then in another terminal what it prints."""

from __future__ import annotations

import argparse
import shlex
import threading
from pathlib import Path

from tests.hub import Hub


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hub", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--folder", type=Path, help="where contents and the clients' caches lie (default: temporary)")
    arguments = parser.parse_args()
    with Hub(arguments.port, arguments.folder) as hub:
        for name, value in hub.variables.items():
            print(f"export {name}={shlex.quote(value)}", flush=True)
        print("# The account is called user, its organization museum. Ctrl-C ends the Hub and forgets everything.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
