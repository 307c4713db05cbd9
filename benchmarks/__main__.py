"""All benchmarks at a small size, one after another, and one table of what they found: `benchmarks/RESULTS.md`.

    make bench                    under 15 minutes on two quiet cores
    python -m benchmarks --only preprocess retrieval     these alone; their rows are replaced, all others stay

Peers stand beside us in the same run, so a row is a ratio of two things that were measured in turn; its command alone
repeats it, and without the small sizes it measures what the pages of docs/ report.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.measure import RESULTS, SHARED, spread

LOAD = os.getloadavg()[0]
TABLE = Path(__file__).with_name("RESULTS.md")
DATASET = Path(".cache") / "bench" / "dataset"
PACKAGES = ("numpy", "pillow", "pyvips", "pyarrow", "datasets", "onnxruntime", "torch", "transformers", "diffusers",
            "sentence-transformers", "faiss-cpu", "pytorch-metric-learning", "webdataset", "ray")  # fmt: skip

COMMANDS: dict[str, tuple[str, ...]] = {
    "preprocess": ("--img2dataset --count 48 --repeats 5",),
    "generate": ("--count 64 --repeats 3",),
    "orchestration": ("--repeats 3",),
    "captions_prompts": ("--count 320 --concurrency 16",),
    "build": ("--sizes 100 300",),
    "faults": ("--kills 8",),
    "duplicates": ("--every 60",),
    "scale": ("--rows 100000",),
    "ray_scaling": ("--repeats 3",),
    "loading": (f"--dataset {DATASET} --repeats 5",),
    "siamese": ("--triplets 16000 --repeats 3",),
    "retrieval": ("--queries 4000 --database 20000 --repeats 3", "--peer --repeats 1", "--search --repeats 3"),
    "similarity": (f"--dataset {DATASET} --seeds 0 1 2",),
}
"""Which benchmarks, each with its small sizes."""


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    what: str
    values: list[float]
    goal: str
    digits: int
    command: str

    def cells(self) -> str:
        found = spread(self.values, self.digits) if len(self.values) > 1 else f"{self.values[0]:.{self.digits}f}"
        met = "" if not self.goal else "yes" if self.meets() else "**no**"
        return f"| {self.what} | {found} | {self.goal} | {met} | {date.today().isoformat()} | `{self.command}` |"

    def meets(self) -> bool:
        """Whether the median keeps the goal."""
        sign, _, number = self.goal.rpartition(" ")
        middle, goal = sorted(self.values)[len(self.values) // 2], float(number)
        return {">=": middle >= goal, "<=": middle <= goal, "<": middle < goal}.get(sign, middle == goal)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="+", choices=list(COMMANDS), help="these alone; all other rows of the table stay"
    )
    options = parser.parse_args()
    if not SHARED.is_dir():
        sys.exit("the benchmarks measure on real paintings in ../shared/data, which is not there")
    started = time.monotonic()
    chosen = options.only or list(COMMANDS)
    if {"loading", "similarity"} & set(chosen):
        _dataset()
    lines, failed = _kept(set(chosen)), []
    for name in chosen:
        for sizes in COMMANDS[name]:
            command = f"python -m benchmarks.{name} {sizes}"
            lines[command] = [row.cells() for row in _run(command)]
            if not lines[command]:
                failed.append(command)
    TABLE.write_text(_page(lines, failed), encoding="utf-8")
    print(f"wrote {TABLE.name} in {(time.monotonic() - started) / 60:.1f} minutes")
    sys.exit(1 if failed else 0)


def _kept(chosen: set[str]) -> dict[str, list[str]]:
    """The rows of the table as it is, by command, but for those that are made anew; in the order of COMMANDS."""
    found: dict[str, list[str]] = {
        f"python -m benchmarks.{name} {sizes}": [] for name, all_ in COMMANDS.items() for sizes in all_
    }
    for line in TABLE.read_text("utf-8").splitlines() if TABLE.exists() else []:
        command = line.rpartition("| `")[2].removesuffix("` |")
        if command in found and command.split()[2].removeprefix("benchmarks.") not in chosen:
            found[command].append(line)
    return found


def _dataset() -> None:
    """The data set that several benchmarks read, built once: 100 real paintings, two variants of each."""
    say = [sys.executable, "-m", "artsim_dataset.cli", "build", "--source", str(SHARED / "paintings")]
    say += ["--out", str(DATASET), "--limit", "100", "--variants", "2"]
    DATASET.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(say, check=True, stdout=subprocess.DEVNULL)


def _run(command: str) -> list[Row]:
    """Runs one benchmark as anybody would, and takes the rows that it recorded; none when it failed."""
    print(f"\n$ {command}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "rows.jsonl"
        words = [sys.executable, *shlex.split(command)[1:]]
        ended = subprocess.run(words, env={**os.environ, RESULTS: str(results)}, check=False)
        print(f"  ({time.monotonic() - began:.0f} s)", flush=True)
        if ended.returncode or not results.exists():
            return []
        facts: list[dict[str, Any]] = [json.loads(line) for line in results.read_text("utf-8").splitlines()]
    return [Row(**fact, command=command) for fact in facts]


def _page(rows: dict[str, list[str]], failed: list[str]) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [
        "# Results of the benchmarks",
        "",
        "Made by `make bench`; all sizes are small ones.",
        f"Machine: {platform.machine()}, {os.cpu_count()} cores, {_memory()} GB, no GPU; Python",
        f"{platform.python_version()}, {versions}.",
        f"Load before the last run: {LOAD:.1f}.",
        "",
        "A : B is the ratio of two things that took turns in one run. Figures are min / median / max over the repeats",
        "(of `lite`: over splits); the median is held against the goal. Commands are run in a checkout beside which",
        "`../shared` lies; they say more when run alone.",
        "",
        "| measured | min / median / max | goal | met | on | command |",
        "|---|---|---|---|---|---|",
        *(line for lines in rows.values() for line in lines),
        "",
        *(f"Failed, so without a row: `{command}`\n" for command in failed),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


if __name__ == "__main__":
    main()
