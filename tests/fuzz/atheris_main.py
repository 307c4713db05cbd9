"""The fuzz targets under atheris (libFuzzer): `python -m tests.fuzz.atheris_main names -max_total_time=60`.

Atheris is no dependency of the project: `pip install atheris` (wheels for CPython 3.11 to 3.13 on Linux).
"""

from __future__ import annotations

import sys


def main() -> None:
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

    with atheris.instrument_imports(include=["builder", "artsim_dataset"]):
        from tests.fuzz.targets import TARGETS
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz.atheris_main {'|'.join(TARGETS)} [libFuzzer options]")
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
