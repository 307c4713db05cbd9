"""The workers of one lane on a Ray cluster: as many as there is room for, made anew when they or their nodes die."""

from __future__ import annotations

import logging
import math
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.exceptions import ActorDiedError, OutOfMemoryError, RayError, RayTaskError

from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.version import __version__
from builder.ray_worker import Hello, Outcome, Worker

logger = logging.getLogger(__name__)

Demand = Mapping[str, float]
"""What a worker takes of a node: ``{"CPU": 1, "GPU": 0.25}``."""

LOOK = 1.0
"""Seconds between two looks at what workers have done."""

PATIENCE = 15.0
"""Seconds without a worker after which it is said what is waited for."""

STILLBORN = 4
"""Workers that may die one after the other before the first says hello."""


@dataclass
class Seat:
    """A worker, and what it is at: ``item`` is None while it starts and while it has nothing to do."""

    actor: Any
    hello: Any
    pid: int = 0
    ready: bool = False
    item: int | None = None
    number: int = -1
    job: Any = None
    told: Any = None
    rows: int = 0
    heard: int = 0


@dataclass(frozen=True)
class Died:
    """A worker is gone, with the item that it was at (None: it was still starting, or had nothing to do)."""

    item: int | None
    rows: int
    why: str


@dataclass(frozen=True)
class Done:
    """An item was answered."""

    item: int
    outcome: Outcome


@dataclass(frozen=True)
class Progress:
    """Rows that were done since the last word, and log records."""

    rows: int
    records: list[Any]


Event = Died | Done | Progress


class Crew:
    """Workers that each take ``demand`` of a node.

    Args:
        demand: what a worker takes.
        most: number of workers; None for as many as the cluster has room for, now and when it grows.
        nodes: tells what each living node has.
    """

    def __init__(self, demand: Demand, most: int | None, nodes: Callable[[], Sequence[Demand]]) -> None:
        self.demand = demand
        self.most = most
        self._nodes = nodes
        self.seats: list[Seat] = []
        options = {"num_cpus": demand.get("CPU", 0), "num_gpus": demand.get("GPU", 0)}
        # Spread over the nodes: fewer workers than there is room for share no disk, no memory bus.
        actor = ray.remote(concurrency_groups={"watch": 1})(Worker)  # type: ignore[call-overload]
        self._worker = actor.options(**options, max_restarts=0, scheduling_strategy="SPREAD")
        self._stillborn = 0
        self._runs = 0
        self._asked = 0.0
        self._began = time.monotonic()
        self._said = self._stood = False

    @property
    def busy(self) -> int:
        return sum(seat.item is not None for seat in self.seats)

    @property
    def idle(self) -> list[Seat]:
        return [seat for seat in self.seats if seat.ready and seat.item is None]

    def hire(self, wanted: int) -> None:
        """Asks the cluster for workers up to ``wanted``, as far as it has room."""
        may = room(self._nodes(), self.demand) if self.most is None else self.most
        while len(self.seats) < min(wanted, may):
            actor = self._worker.remote(os.getcwd())
            self.seats.append(Seat(actor, actor.hello.remote()))

    def say_what_is_waited_for(self) -> None:
        """Says once that no worker has started yet: others use the cluster, or it has to grow first."""
        if self._said or self._stood or time.monotonic() - self._began < PATIENCE:
            return
        wants = ", ".join(f"{amount:g} {resource}" for resource, amount in self.demand.items())
        logger.info("waiting for room in the Ray cluster: a worker takes %s ('ray status' shows who has it)", wants)
        self._said = True

    def give(self, seat: Seat, item: int, task: Callable[..., Any], value: Any) -> None:
        """Gives an idle worker something to do."""
        self._runs += 1
        seat.item, seat.number, seat.rows, seat.heard = item, self._runs, 0, 0
        seat.job = seat.actor.run.remote(seat.number, task, value)

    def events(self, patience: float) -> list[Event]:
        """What happened; waits for the first for ``patience`` seconds at most."""
        self._ask()
        waited = {ref: seat for seat in self.seats for ref in (seat.hello, seat.job, seat.told) if ref is not None}
        if not waited:
            time.sleep(patience)
            return []
        ready, _ = ray.wait(list(waited), num_returns=1, timeout=patience)
        if ready:  # with it, all others that are ready by now: one call for a thousand workers
            ready, _ = ray.wait(list(waited), num_returns=len(waited), timeout=0)
        found = [self._look_at(waited[ref], ref) for ref in ready]
        return [event for event in found if event is not None]

    def _ask(self) -> None:
        """Asks all who work how far they are."""
        if time.monotonic() - self._asked < LOOK:
            return
        self._asked = time.monotonic()
        for seat in self.seats:
            if seat.item is not None and seat.told is None:
                seat.told = seat.actor.tell.remote()

    def _look_at(self, seat: Seat, ref: Any) -> Event | None:
        if ref not in (seat.hello, seat.job, seat.told) or seat not in self.seats:
            return None  # it has died, or has ended its run, by what another of these references told
        try:
            answer = ray.get(ref)
        except RayTaskError as error:
            raise _broken(error) from error
        except RayError as error:
            return self._bury(seat, error)
        if ref == seat.hello:
            check_same(answer)
            seat.hello, seat.pid, seat.ready = None, answer.pid, True
            self._stillborn, self._stood = 0, True
            return None
        if ref == seat.told:
            seat.told = None
            number, rows, records = answer
            return self._news(seat, rows, records) if number == seat.number and seat.item is not None else None
        news = self._news(seat, answer.rows, answer.records)
        assert seat.item is not None
        done = Done(seat.item, replace(answer, rows=news.rows, records=news.records))
        seat.item = seat.job = seat.told = None
        return done

    def _news(self, seat: Seat, rows: int, records: list[Any]) -> Progress:
        fresh = Progress(rows - seat.rows, records[seat.heard :])
        seat.rows, seat.heard = rows, len(records)
        return fresh

    def _bury(self, seat: Seat, error: RayError) -> Died:
        self.seats.remove(seat)
        with suppress(Exception):
            ray.kill(seat.actor)  # one that is only out of reach must not go on unseen
        if not seat.ready:
            self._stillborn += 1
            if isinstance(error, ActorDiedError) and "creation task" in str(error):
                raise ConfigError(f"a Ray worker could not start ({_last_line(error)}); {_SAME}")
            if self._stillborn >= STILLBORN:
                raise ArtsimError(f"{STILLBORN} Ray workers in a row died before they could start: {_why(error)}")
        return Died(seat.item, seat.rows, _why(error))

    def dismiss(self) -> None:
        """Ends all workers at once, with what they are at."""
        for seat in self.seats:
            with suppress(Exception):
                ray.kill(seat.actor)
        self.seats.clear()


def room(of: Sequence[Demand], demand: Demand) -> int:
    """How many workers the nodes hold when nothing else runs there.

    >>> room([{"CPU": 8, "GPU": 1}, {"CPU": 2, "GPU": 2}, {"CPU": 64}], {"CPU": 1, "GPU": 0.25})
    6
    """
    return sum(
        min(math.floor(node.get(resource, 0) / amount + 1e-9) for resource, amount in demand.items() if amount)
        for node in of
    )


def check_same(hello: Hello) -> None:
    """A worker has to be of this artsim and this Python, or data would depend on who made it.

    Raises:
        ConfigError: it is not; the message names both.
    """
    ours = (__version__, platform.python_version_tuple()[:2])
    theirs = (hello.artsim, tuple(hello.python.split(".")[:2]))
    if ours != theirs:
        raise ConfigError(
            f"a Ray worker on node {hello.node[:8]} has artsim {hello.artsim} on Python {hello.python}, here it is"
            f" {__version__} on {platform.python_version()}; install the same on every node"
        )


def _broken(error: RayTaskError) -> ArtsimError:
    """The worker could not even begin: its code or its task cannot be loaded there."""
    cause = error.cause if isinstance(error.cause, BaseException) else None
    if isinstance(cause, ArtsimError):
        return cause
    return ArtsimError(f"a Ray worker could not run its task ({_last_line(error)}); {_SAME}")


_SAME = "install the same artsim, with the same extras, on every node of the cluster"


def _why(error: RayError) -> str:
    """What Ray knows of a death, in one line."""
    told = str(error)
    if isinstance(error, OutOfMemoryError) or "running low on memory" in told:
        return "its node ran out of memory"
    return "its node is gone" if "its node has died" in told else "its process died"


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
