"""A second run of a finished build, and the peak memory of a build at two sizes.

    python -m benchmarks.build --sizes 100 500

Goals: the second run opens no model, writes nothing and takes under 3 s; peak memory of the two sizes is the same
within 20 %. Memory is the largest single process of the build, as the operating system accounts for it.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.measure import header, paintings, record, run_artsim


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", help="folder of paintings")
    parser.add_argument("--sizes", type=int, nargs=2, default=[100, 500])
    options = parser.parse_args()
    source = str(paintings(options.paintings))
    print(header())
    peaks = []
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "data"
            command = ("build", "--source", source, "--out", str(out), "--limit", str(size))
            _, first, peak = run_artsim(*command)
            before = _files(out)
            result, second, _ = run_artsim(*command)
            written = len(_files(out).items() - before.items())
            peaks.append(peak)
            print(f"{size} paintings: {first:.1f} s, peak {peak} MB")
            print(f"  second run: {second:.2f} s, changed={result['changed']}, files written: {written}")
    growth = peaks[1] / peaks[0]
    print(f"peak memory {options.sizes[1]} : {options.sizes[0]} paintings = {growth:.2f}")
    record(f"peak memory of a build, {options.sizes[1]} : {options.sizes[0]} paintings", [growth], "<= 1.2")
    record(f"second run of a finished build of {options.sizes[1]}, s", [second], "< 3", 1)


def _files(out: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}


if __name__ == "__main__":
    main()
