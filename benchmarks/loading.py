"""Images a second from `triplets` in one process, against decoding alone, S2's way, webdataset and imagefolder.

    python -m benchmarks.loading

Builds a data set from paintings first (two minutes), or takes one with --dataset. All ways read the train split of the
same data set from the page cache to decoded RGB images, and take turns of 32 rows, so that a machine that is busy with
other work is busy for all. Ratios are of throughput:

* against Pillow decoding the same JPEG bytes from memory and nothing else: 0.85 is the goal, map-style and streaming.
  "map-style" asks for rows by their index in shuffled order: "rows" one after another, "batches" 32 at once, as a
  DataLoader does. "streaming" reads in order: "rows" by iterating, "batches" with `.iter(32)`. Batches reach the goal,
  rows do not quite: what is missing is work that `datasets` does for each row in Python. Reading the Parquet files is
  3 % of the time of decoding, and larger row groups, no dictionaries or no content-defined chunks save a third of that
  at most, so the files stay as they are.
* against S2's way, three 768 px files opened and put through CLIP's image processor (transformers' PIL backend): 5 is
  the goal. S2's images come out ready for the encoder, so the line "with CLIP's processor" does the same to ours. The
  goal is not set for that one: the processor's own work, which both do, is most of the time there.
* against the same pixels as webdataset tars (`artsim export --format webdataset`) and as an imagefolder: not slower.

Each ratio twice: by the clock, and by the CPU time of the process, which other work on the machine changes less.
"""

from __future__ import annotations

import argparse
import io
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import datasets
import pyarrow.parquet as pq
from PIL import Image

from artsim_dataset.export import export
from benchmarks.measure import header, paintings, record, run_artsim, spread

IMAGES = ("anchor", "positive", "negative")
TURN = 32
"""Rows that a way reads before the next has its turn; also the size of batches."""

S2_TRIPLETS = 64
"""S2's way takes some twenty times as long; so many triplets tell its rate as well."""

Way = Callable[[], Iterator[int]]
"""A way to read everything once; yields the number of images after each turn."""

GOALS = (
    *((f"{ours}, {how}", "pillow", "0.85") for ours in ("map-style", "streaming") for how in ("rows", "batches")),
    *((f"{ours}, rows", "S2's way", "5") for ours in ("map-style", "streaming")),
    ("with CLIP's processor", "S2's way", "-"),
    *(
        (f"{ours}, rows", theirs, "1")
        for theirs in ("webdataset", "imagefolder")
        for ours in ("map-style", "streaming")
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", help="folder of paintings")
    parser.add_argument("--dataset", type=Path, help="folder of a data set; no build then")
    parser.add_argument("--count", type=int, default=256, help="paintings to build from")
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as folder:
        dataset = options.dataset or Path(folder) / "dataset"
        if options.dataset is None:
            source = str(paintings(options.paintings))
            run_artsim("build", "--source", source, "--out", str(dataset), "--limit", str(options.count))
        ways = prepare(dataset, Path(folder))
        one_pass(ways)  # fills caches, imports what is imported late
        passes = [one_pass(ways) for _ in range(options.repeats)]
    print(f"{options.repeats} repeats in turns of {TURN} rows; {header()}")
    report(passes)


def prepare(dataset: Path, folder: Path) -> dict[str, Way]:
    """All ways, with the files that they need written to ``folder``."""
    files = sorted((dataset / "triplets").glob("train-*.parquet"))
    rows = [row for path in files for row in pq.read_table(path, columns=list(IMAGES)).to_pylist()]
    jpegs = [row[column]["bytes"] for row in rows for column in IMAGES]
    order = random.Random(0).sample(range(len(rows)), len(rows))
    batches = [order[start : start + TURN] for start in range(0, len(order), TURN)]
    table = load(dataset, "triplets", cache_dir=str(folder / "cache"))
    stream = load(dataset, "triplets", streaming=True)
    loose = loose_files(jpegs, folder)
    export(dataset, "webdataset", folder / "tars", config="triplets")
    export(dataset, "csv", folder / "files")
    s2 = s2_files(dataset, folder / "files" / "images")
    processor = clip_processor()
    return {
        "pillow": lambda: turns((Image.open(io.BytesIO(jpeg)).load() for jpeg in jpegs), TURN * 3),
        "map-style, rows": lambda: turns((table[place] for place in order), TURN, 3),
        "map-style, batches": lambda: (3 * len(table[places]["anchor"]) for places in batches),
        "streaming, rows": lambda: turns(iter(stream), TURN, 3),
        "streaming, batches": lambda: (3 * len(batch["anchor"]) for batch in stream.iter(TURN)),
        "with CLIP's processor": lambda: turns((processor([row[c] for c in IMAGES]) for row in stream), TURN, 3),
        "S2's way": lambda: turns((processor(opened(path)) for path in s2), 12),
        "webdataset": lambda: turns(tars(folder / "tars"), TURN, 3),
        "imagefolder": lambda: turns(iter(loose), TURN * 3),
    }


def load(dataset: Path, config: str, **options: Any) -> Any:
    return datasets.load_dataset(str(dataset), config, split="train", **options)


def turns(rows: Iterator[object], length: int, images: int = 1) -> Iterator[int]:
    """Reads ``length`` rows of so many images at a time."""
    while count := sum(1 for _ in islice(rows, length)):
        yield count * images


def loose_files(jpegs: Iterable[bytes], folder: Path) -> Any:
    (folder / "loose").mkdir()
    for number, jpeg in enumerate(jpegs):
        (folder / "loose" / f"{number:06d}.jpg").write_bytes(jpeg)
    options = {"split": "train", "drop_labels": True, "cache_dir": str(folder / "cache")}
    return datasets.load_dataset("imagefolder", data_dir=str(folder / "loose"), **options)


def tars(folder: Path) -> Iterator[Any]:
    import webdataset as wds

    urls = [str(path) for path in sorted(folder.glob("train-*.tar"))]
    return iter(wds.WebDataset(urls, shardshuffle=False).decode("pil"))


def clip_processor() -> Any:
    """The image part of CLIPProcessor, with the settings of clip-vit-base-patch32, which are its defaults."""
    from transformers import CLIPImageProcessorPil

    return CLIPImageProcessorPil()


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def s2_files(dataset: Path, images: Path) -> list[Path]:
    """Files of full size of some triplets: the painting, its variant, and another painting."""
    original, generated = {}, {}
    pairs = load(dataset, "pairs", streaming=True).select_columns(["id", "original", "generated"])
    for row in pairs.decode(False):
        painting = row["id"].rpartition("-")[0]
        folder = images / painting.rpartition("/")[0]
        original[painting], generated[row["id"]] = folder / row["original"]["path"], folder / row["generated"]["path"]
    triplets = load(dataset, "triplets", streaming=True).select_columns(["anchor_id", "positive_id", "negative_id"])
    return [
        path
        for row in triplets.take(S2_TRIPLETS)
        for path in (original[row["anchor_id"]], generated[row["positive_id"]], original[row["negative_id"]])
    ]


def one_pass(ways: dict[str, Way]) -> dict[str, tuple[float, float]]:
    """Images a second of each way, by the clock and by the CPU; the ways take turns until all are through."""
    left = {name: way() for name, way in ways.items()}
    totals = {name: [0, 0.0, 0.0] for name in ways}
    while left:
        for name in list(left):
            clock, cpu = time.perf_counter(), time.process_time()
            images = next(left[name], 0)
            spent = time.perf_counter() - clock, time.process_time() - cpu
            totals[name] = [total + new for total, new in zip(totals[name], (images, *spent), strict=True)]
            if not images:
                del left[name]
    return {name: (images / clock, images / cpu) for name, (images, clock, cpu) in totals.items()}


def report(passes: list[dict[str, tuple[float, float]]]) -> None:
    print(f"\n{'images a second':42}{'median':>8}   min / median / max")
    for name in passes[0]:
        rates = [rate[name][0] for rate in passes]
        print(f"{name:42}{median(rates):8.0f}   {spread(rates, 0)}")
    print(f"\n{'ratio of throughput':42}{'goal':>8}   {'by the clock':24}by CPU time")
    for ours, theirs, goal in GOALS:
        clock, cpu = (spread([rate[ours][kind] / rate[theirs][kind] for rate in passes]) for kind in (0, 1))
        print(f"{f'{ours} : {theirs}':42}{goal:>8}   {clock:24}{cpu}")
        by_clock = [rate[ours][0] / rate[theirs][0] for rate in passes]
        record(f"triplets, {ours} : {theirs}, images/s", by_clock, f">= {goal}" if goal != "-" else "")


if __name__ == "__main__":
    main()
