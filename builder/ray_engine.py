"""Runs shards on a Ray cluster: `artsim build --engine ray`. The same files as the local engine, byte for byte.

Workers are actors that each hold one open stage (`ray_worker.py`); a lane has as many as the cluster has room for
(`ray_crew.py`). Tasks carry paths, results are written by the workers, so the cluster's object store stays empty. An
actor or a node that dies gives its shard back; the driver's death ends them all.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from artsim_dataset.errors import ArtsimError, ConfigError
from builder.config import RayConfig
from builder.ray_cluster import Cluster
from builder.ray_crew import Crew, Demand, Done, Event, Progress, room
from builder.ray_worker import Outcome
from builder.stage import Lane

T = TypeVar("T")
R = TypeVar("R")
Tick = Callable[[int], None]

logger = logging.getLogger(__name__)

TRIES = 4
"""Workers that an item is given to, one after the other, when they or their nodes die."""


class RayEngine:
    """Workers on a cluster, started when the first item comes and kept for as long as the lane stays the same.

    Args:
        config: where the cluster is, and what a worker takes of a node.
        workers: number of workers; as many as the cluster has room for by default. A number above that waits for
            room, which is what makes an autoscaler add nodes.

    Raises:
        ConfigError: no cluster answers at the address, or it is of another version.
    """

    def __init__(self, config: RayConfig, workers: int | None = None) -> None:
        self.config = config
        self.workers = workers
        self._cluster = Cluster(config.address)
        self._crew: Crew | None = None
        self._lane: Lane | None = None

    def map(self, task: Callable[[T, Tick], R], items: Sequence[T], advance: Tick, lane: Lane = "cpu") -> Iterator[R]:
        """Yields results as they finish; a task's exception ends the stage.

        Raises:
            ArtsimError: an item's workers died too often, or the cluster is gone.
            ConfigError: no node has what a worker takes, or one has another artsim.
        """
        if not items:
            return
        waiting, falls = deque(range(len(items))), Counter[int]()
        try:
            crew = self._crew_of(lane)
            while waiting or crew.busy:
                for event in self._turn(crew, waiting, task, items):
                    if isinstance(event, Progress):
                        _pass_on(event.rows, event.records, advance)
                    elif isinstance(event, Done):
                        yield self._result(event.outcome, advance)
                    elif event.item is not None:
                        advance(-event.rows)  # they are done again
                        falls[event.item] += 1
                        _check_tries(items[event.item], falls[event.item], event.why)
                        waiting.appendleft(event.item)
        except BaseException:
            self._end_crew()
            raise

    def _turn(self, crew: Crew, waiting: deque[int], task: Callable[[T, Tick], R], items: Sequence[T]) -> list[Event]:
        """Gives idle workers what waits, and looks for a moment what happens."""
        with self._cluster.explained():
            self._cluster.check()
            crew.hire(crew.busy + len(waiting))
            for seat in crew.idle[: len(waiting)]:
                number = waiting.popleft()
                crew.give(seat, number, task, items[number])
            crew.say_what_is_waited_for()
            return crew.events(patience=0.2)

    def _result(self, outcome: Outcome, advance: Tick) -> Any:
        _pass_on(outcome.rows, outcome.records, advance)
        if outcome.error is not None:
            raise self._as_raised(outcome)
        return outcome.result

    def _as_raised(self, outcome: Outcome) -> BaseException:
        """The error that a task raised. A file that only its node misses is the fault of how the cluster is set up."""
        error = outcome.error
        assert error is not None
        if isinstance(error, FileNotFoundError) and not isinstance(error, ArtsimError):
            return ConfigError(
                f"a Ray worker on {outcome.host} does not find a file of the build ({error}); source and data set have"
                " to be at the same path on every node: on a file system that all share, or on object storage"
            )
        error.add_note(outcome.where)
        return error

    def _crew_of(self, lane: Lane) -> Crew:
        """The workers of a lane. Those of another one end first: they hold a model, and the room that these need."""
        if self._crew is None or self._lane != lane:
            self._end_crew()
            with self._cluster.explained():
                self._crew, self._lane = Crew(*self._demand(lane), self._cluster.nodes), lane
        return self._crew

    def _demand(self, lane: Lane) -> tuple[Demand, int | None]:
        """What a worker takes of a node, and how many there may be (None: as many as there is room for)."""
        there = self._cluster.nodes()
        demand = {"CPU": self.config.cpus_per_worker}
        if lane == "gpu":
            if any(node.get("GPU") for node in there):
                demand["GPU"] = self.config.gpus_per_worker
            else:
                logger.warning("the Ray cluster has no GPU: models run on CPUs, one worker on each node")
                demand["CPU"] = min((node["CPU"] for node in there if node.get("CPU", 0) >= 1), default=1.0)
        if self.workers is None and not room(there, demand):
            wants = " and ".join(f"{amount:g} {resource}" for resource, amount in demand.items())
            raise ConfigError(
                f"a worker takes {wants}, and no node of the Ray cluster at {self._cluster.address} has that; see"
                " --set ray.cpus_per_worker and ray.gpus_per_worker, or give --workers to wait for an autoscaler"
            )
        return demand, 1 if lane == "api" else self.workers

    def _end_crew(self) -> None:
        if self._crew is not None and not self._cluster.gone:
            self._crew.dismiss()
        self._crew = self._lane = None

    def close(self) -> None:
        """Ends the workers and leaves the cluster. Files are written atomically, so nothing is left half-made."""
        self._end_crew()
        self._cluster.leave()


def _pass_on(rows: int, records: Sequence[logging.LogRecord], advance: Tick) -> None:
    """Counts rows, and hands what a worker logged to the logger of the same name here."""
    advance(rows)
    for record in records:
        logging.getLogger(record.name).handle(record)


def _check_tries(item: object, falls: int, why: str) -> None:
    if falls < TRIES:
        logger.warning("a Ray worker died at %s (%s); another one takes it, try %d of %d", item, why, falls + 1, TRIES)
        return
    raise ArtsimError(
        f"{TRIES} Ray workers died, one after the other, at {item}, most likely for lack of memory ({why}); the same"
        " command resumes the build (a larger ray.cpus_per_worker puts fewer workers on a node)"
    )
