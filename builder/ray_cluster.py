"""The way to a Ray cluster and out of it, quietly; and noticing when it is gone."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else Ray warns of it in every process
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
import ray._private.worker as internals

from artsim_dataset.errors import ArtsimError, ConfigError

logger = logging.getLogger(__name__)

LOOK = 2.0
"""Seconds between two looks whether the cluster is still there."""

GONE = 10.0
"""Seconds without an answer after which it counts as gone."""

_HELP = "start one with 'ray start --head', or name one: --set ray.address=ray://HOST:10001 ('local' starts one here)"


class Cluster:
    """A connection to the cluster at ``address``, or at RAY_ADDRESS, or to the one that runs on this machine.

    A process that has one already (a Ray job) keeps it.

    Raises:
        ConfigError: nobody answers there, or a cluster of another version of Ray or Python.
    """

    def __init__(self, address: str | None) -> None:
        self.address = address or os.environ.get("RAY_ADDRESS") or "auto"
        self.gone = False
        self._ours = not ray.is_initialized()
        if self._ours:
            _connect(self.address)
        self._head = _head(self.address)
        self._looked = self._seen = time.monotonic()
        self._nodes = _nodes()
        self._left = threading.Event()
        threading.Thread(target=self._scout, daemon=True).start()

    def nodes(self) -> list[Mapping[str, float]]:
        """What each living node has in all, free or not, a moment ago: ``{"CPU": 8.0, "GPU": 1.0, ...}``."""
        return self._nodes

    def _scout(self) -> None:
        """Looks who is there, on a thread of its own: with the head gone, the question hangs, and then ends Ray."""
        while not self._left.wait(LOOK):
            with suppress(Exception):
                self._nodes = _nodes()

    def check(self) -> None:
        """Looks now and then whether the head still answers: Ray itself would end this process without a word.

        Raises:
            ArtsimError: it has not for GONE seconds.
        """
        now = time.monotonic()
        if self._head is None or now - self._looked < LOOK:
            return
        self._looked = now
        try:
            socket.create_connection(self._head, timeout=LOOK).close()
            self._seen = time.monotonic()
        except OSError as error:
            if time.monotonic() - self._seen > GONE:
                raise self._lost() from error

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Says in a sentence what Ray says when its client has lost the cluster."""
        try:
            yield
        except (ConnectionError, ray.exceptions.RpcError) as error:
            raise self._lost() from error

    def _lost(self) -> ArtsimError:
        self.gone = True
        return ArtsimError(
            f"the Ray cluster at {self.address} is gone; what is done is kept: start it again and run the same command,"
            " or go on with --engine local"
        )

    def leave(self) -> None:
        """Ends the connection, when it was made here. A cluster that is gone is not waited for."""
        self._left.set()
        if not self._ours:
            return
        self._ours = False
        leaving = threading.Thread(target=_shut_down, daemon=True)
        leaving.start()
        leaving.join(timeout=5 if self.gone else 30)


def _nodes() -> list[Mapping[str, float]]:
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _shut_down() -> None:
    with suppress(Exception):
        ray.shutdown()


def _connect(address: str) -> None:
    """Connects without Ray's banner, its copies of workers' output, and its answer to SIGTERM."""
    on_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    _knock(address)
    own: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.init(
                address=address, configure_logging=False, logging_level=logging.ERROR, log_to_driver=False,
                namespace="artsim", **own,
            )  # fmt: skip
    except (ConnectionError, ValueError, ray.exceptions.RpcError) as error:
        why = " ".join(str(error).split())[:300] or type(error).__name__
        raise ConfigError(f"no Ray cluster answers at '{address}' ({why}); {_HELP}") from error
    except RuntimeError as error:
        sentence = " ".join(str(error).split())
        raise ConfigError(f"cannot work with the Ray cluster at '{address}': {sentence}") from error
    finally:
        if on_main and before is not None:
            signal.signal(signal.SIGTERM, before)
    # It has no switch: what nodes report of dead workers is printed to stdout, which is for results.
    internals.print_to_stdstream = _note


def _knock(address: str) -> None:
    """Fails at once where nobody listens: Ray itself tries for half a minute or more."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=GONE).close()
    except OSError as error:
        raise ConfigError(f"no Ray cluster answers at '{address}'; {_HELP}") from error


def _note(data: Mapping[str, Any], ignore_prefix: bool) -> None:
    logger.debug("%s", "\n".join(data.get("lines", ())))


def _head(address: str) -> tuple[str, int] | None:
    """Where the cluster's control store listens; None through a client, which notices by itself."""
    if address.startswith("ray://"):
        return None
    host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
    return host.strip("[]"), int(port)
