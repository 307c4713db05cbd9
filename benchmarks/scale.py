"""What assembling does with all rows at once, on synthetic rows: near hashes, splits, triplets.

    python -m benchmarks.scale --rows 100000 1000000 10000000

Rows have random hashes, of which one in a hundred is a copy of another: turned or mirrored in one of the eight ways,
with 0 to 8 bits changed, and of its group. Genres have WikiArt's counts, artists 70 paintings each. Each part
and size runs in a process of its own; seconds are of the processor, memory is the highest that the process held, with
its rows. ``exponent`` is that of the growth from one size to the next: 1 is linear, 2 is all pairs.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from artsim_dataset.near_hashes import near_duplicates
from artsim_dataset.splits import codes, connected, in_train
from artsim_dataset.triplets import Pool, sample
from benchmarks.measure import header, record

Part: TypeAlias = tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]
"""The work that is measured, and what there is to say of its result."""

COPIES = 100
"""One of so many rows is a copy."""

WIKIART = (13060, 10733, 7019, 6736, 6451, 4528, 4334, 4241, 2782, 2552, 2405, 2235, 2089, 1615, 1483, 1391, 1343,
           1337, 1279, 1167, 934, 513, 481, 314, 216, 110, 98)  # fmt: skip
"""Paintings of the 27 genres in WikiArt's list, sorted."""


def hashes(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hashes, uint64; the planted pairs, (n, 2); the bits in which each pair differs."""
    rng = np.random.default_rng(0)
    values = rng.integers(0, 1 << 64, rows, dtype=np.uint64)
    number = rows // COPIES
    source, bits = rng.integers(0, rows - number, number), rng.integers(0, 9, number)
    squares = np.unpackbits(values[source].astype(">u8").view(np.uint8).reshape(-1, 8), axis=1).reshape(-1, 8, 8)
    way = rng.integers(0, 8, number)
    squares[way & 1 == 1] = squares[way & 1 == 1].transpose(0, 2, 1)
    squares[way & 2 == 2, 1::2] ^= 1
    squares[way & 4 == 4, :, 1::2] ^= 1
    changed = np.argsort(rng.random((number, 64)), axis=1) < bits[:, None]
    packed = np.packbits(squares.reshape(-1, 64) ^ changed, axis=1)
    values[rows - number :] = packed.view(">u8").ravel()
    return values, np.stack([source, np.arange(rows - number, rows)], axis=1), bits


def near(rows: int) -> Part:
    values, planted, bits = hashes(rows)

    def recall(pairs: np.ndarray) -> dict[str, Any]:
        found = np.isin(planted[:, 0] * rows + planted[:, 1], pairs[:, 0] * rows + pairs[:, 1])
        # A second copy of one painting is found through the first when both are equal.
        return {
            "pairs": len(pairs),
            "recall": round(float(found.mean()), 5),
            "recall at 8 bits": round(float(found[bits == 8].mean()), 5),
        }

    return lambda: near_duplicates(values), recall


@dataclass(frozen=True)
class Columns:
    """Ids, groups and artists as Arrow strings, and the number of each row's genre."""

    ids: pa.Array
    groups: pa.Array
    artists: pa.Array
    genre: np.ndarray

    @staticmethod
    def of(rows: int) -> Columns:
        rng = np.random.default_rng(1)
        group = np.arange(rows)
        group[rows - rows // COPIES :] = rng.integers(0, rows - rows // COPIES, rows // COPIES)
        genre = rng.choice(len(WIKIART), rows, p=np.array(WIKIART) / sum(WIKIART))
        ids = _texts("Impressionism/claude-monet_water-lilies-", np.arange(rows))
        return Columns(
            ids, ids.take(pa.array(group)), _texts("artist-", rng.integers(0, 1 + rows // 70, rows)[group]), genre
        )


def _texts(word: str, numbers: np.ndarray) -> pa.Array:
    words = pa.scalar(word, pa.large_string()), pa.scalar("", pa.large_string())
    return pc.binary_join_element_wise(words[0], pa.array(numbers).cast(pa.large_string()), words[1])


def split(rows: int) -> Part:
    columns = Columns.of(rows)
    units, names = codes(columns.groups)

    def whole(train: np.ndarray) -> dict[str, Any]:
        both = np.bincount(units[train], minlength=len(names)).astype(bool)
        both &= np.bincount(units[~train], minlength=len(names)).astype(bool)
        return {"train": round(float(train.mean()), 4), "groups cut": int(both.sum())}

    return lambda: in_train(units, names, columns.genre, 0.8, 0), whole


def disjoint(rows: int) -> Part:
    columns = Columns.of(rows)
    group, names = codes(columns.groups)

    def work() -> np.ndarray:
        unit, unit_names = connected(group, names, columns.artists)
        return in_train(unit, unit_names, columns.genre, 0.8, 0)

    return work, lambda train: {"train": round(float(train.mean()), 4)}


def triplets(rows: int) -> Part:
    columns = Columns.of(rows)
    test = np.random.default_rng(2).random(rows) < 0.2
    pool = Pool(columns.ids, test.astype(np.int64), columns.genre, codes(columns.groups)[0])

    def right(negative: np.ndarray) -> dict[str, Any]:
        wrong = (pool.genre[negative] == pool.genre) | (pool.split[negative] != pool.split)
        return {"none": int((negative < 0).sum()), "wrong": int((wrong & (negative >= 0)).sum())}

    return lambda: sample(columns.ids, np.arange(rows), pool, 0), right


PARTS: dict[str, Callable[[int], Part]] = {"near": near, "split": split, "disjoint": disjoint, "triplets": triplets}


NAMES = {"near": "near hashes", "split": "random split", "disjoint": "artist-disjoint split", "triplets": "triplets"}


def measure(part: str, rows: int) -> dict[str, Any]:
    work, facts = PARTS[part](rows)
    started = time.process_time()
    result = work()
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"part": part, "rows": rows, "seconds": round(seconds, 2), "peak_mb": peak, **facts(result)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.parts[0], options.rows[0])))
        return
    print(header())
    for part in options.parts:
        before: dict[str, Any] | None = None
        for rows in options.rows:
            command = [sys.executable, "-m", "benchmarks.scale", "--one", "--parts", part, "--rows", str(rows)]
            facts = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            if before:
                facts["exponent"] = round(
                    math.log(facts["seconds"] / before["seconds"]) / math.log(rows / before["rows"]), 2
                )
            print(json.dumps(facts), flush=True)
            record(f"{NAMES[part]} of {rows:,} rows, CPU s", [facts["seconds"]])
            before = facts


if __name__ == "__main__":
    main()
