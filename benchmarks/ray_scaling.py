"""How `--engine ray` scales: shards that only sleep, by 1, 2 and 4 workers, and what a shard costs beside `local`.

    python -m benchmarks.ray_scaling [--repeats 5]

A sleeping shard takes no CPU, so that the figures tell of the engine and not of how many cores this machine has. The
cluster is a real one of four nodes with one CPU each, on this machine. Workers are started before the clock is.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measure import header, interleave, record, spread
from builder.config import RayConfig
from builder.engine import Engine, LocalEngine

if TYPE_CHECKING:
    from builder.ray_engine import RayEngine

SHARDS, SECONDS = 32, 0.5
EMPTY = 200


def nap(seconds: float, tick: Callable[[int], None]) -> int:
    time.sleep(seconds)
    tick(1)
    return os.getpid()


def run(engine: Engine, seconds: float, shards: int) -> None:
    assert len(list(engine.map(nap, [seconds] * shards, lambda rows: None))) == shards


def warm(engine: Engine, workers: int) -> None:
    """Starts all workers."""
    while len(set(engine.map(nap, [0.2] * 4 * workers, lambda rows: None))) < workers:
        pass


def naps(address: str, workers: int, repeats: int) -> list[float]:
    """Seconds that all sleeping shards take."""
    from builder.ray_engine import RayEngine

    engine = RayEngine(RayConfig(address=address), workers)
    warm(engine, workers)
    found = interleave({"ray": lambda: run(engine, SECONDS, SHARDS)}, repeats)["ray"]
    engine.close()
    return found


def empty(address: str, repeats: int) -> dict[str, list[float]]:
    """Seconds that EMPTY shards without any work take, by Ray and by the local engine in turn."""
    from builder.ray_engine import RayEngine

    engines: dict[str, RayEngine | LocalEngine] = {
        "ray": RayEngine(RayConfig(address=address), 2),
        "local": LocalEngine(2),
    }
    for engine in engines.values():
        warm(engine, 2)
    found = interleave({name: partial(run, engine, 0, EMPTY) for name, engine in engines.items()}, repeats)
    for engine in engines.values():
        engine.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats

    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    store = {"object_store_memory": 80 * 1024 * 1024}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, **store})
    for _ in range(3):
        cluster.add_node(num_cpus=1, **store)

    times = {workers: naps(cluster.address, workers, repeats) for workers in (1, 2, 4)}
    overhead = empty(cluster.address, repeats)
    cluster.shutdown()

    print(f"{header()}; {SHARDS} shards that sleep {SECONDS} s, {repeats} repeats: min / median / max")
    print("workers  seconds                 times faster than one worker")
    for workers, found in times.items():
        ratios = [one / here for one, here in zip(times[1], found, strict=True)]
        print(f"{workers:7}  {spread(found):22}  {spread(ratios)}")
        if workers > 1:
            goal = {2: ">= 1.8", 4: ">= 3.4"}[workers]
            record(f"a stage that sleeps, {workers} Ray workers : one, shards/s", ratios, goal)
    for name, found in overhead.items():
        print(f"an empty shard, 2 workers, {name:5}: {spread([s / EMPTY * 1000 for s in found])} ms")


if __name__ == "__main__":
    main()
