"""Builds that are killed at random moments, then run again until they are done: where the kills fell, what came out.

    python -m benchmarks.faults --kills 200

Goals: every data set is identical to that of an uninterrupted build, byte by byte, and no process outlives its build.
A kill is SIGKILL to the parent, to one worker or to the whole process group, in turn by a seeded draw, at a seeded
moment that is uniform over the time of an uninterrupted build; a build is killed up to five times in a row.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.measure import header, record, spread
from builder.gallery import write_gallery
from tests.faults.harness import Build, random_kills

ORDER = "starting source preprocess style caption prompt compress generate recaption crop assembling moving finished"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(header())
    killed: Counter[tuple[str, str]] = Counter()
    identical: Counter[str] = Counter()
    survived = 0
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_gallery(root / "paintings", per_genre=1, size=96)
        undisturbed = Build(root / "paintings", root / "undisturbed")
        duration = undisturbed.finish().seconds
        print(f"uninterrupted: {duration:.1f} s, {len(undisturbed.content())} files")

        def make(number: int) -> Build:
            return Build(root / "paintings", root / str(number))

        for hit, same in random_kills(make, undisturbed.content(), duration, options.kills, options.seed):
            killed[hit.stage, hit.whom] += 1
            identical[hit.stage] += same
            survived += len(hit.survivors)
            seconds.append(hit.seconds)
    print(f"{'killed in':<12}{'parent':>8}{'worker':>8}{'group':>8}{'resumed, identical':>20}")
    for stage in ORDER.split():
        counts = [killed[stage, whom] for whom in ("parent", "worker", "group")]
        if sum(counts):
            print(f"{stage:<12}" + "".join(f"{n:>8}" for n in counts) + f"{identical[stage]:>12} of {sum(counts)}")
    print(f"{'all':<12}{killed.total():>8} kills, {identical.total()} resumed to identical bytes")
    print(f"moments: {spread(seconds)} s (min / median / max); processes that outlived their build: {survived}")
    share = identical.total() / killed.total()
    record(f"of {killed.total()} kills, share whose build resumed to identical bytes", [share], "1")
    sys.exit(identical.total() != killed.total() or survived > 0)


if __name__ == "__main__":
    main()
