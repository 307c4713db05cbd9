"""How long a publication waits for a Hub that is busy, and for a network that is not there: a while, not for ever.

The Hub's client repeats some requests by itself (not commits, and not the making of a repository), waits as long as the
server says, be it a day, and waits for ever on a connection that stands still. Here waits are bounded and told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from artsim_dataset.errors import ConfigError
from artsim_dataset.hub_errors import HubError, retry_after

T = TypeVar("T")

TRIES = 3
LONGEST_WAIT = 300.0
"""Seconds. A Hub that asks for more is obeyed by stopping."""

STANDSTILL = 120.0
"""Seconds without a byte after which a connection counts as lost."""


def patiently(step: Callable[[], T], repo: str, say: Callable[[str], None]) -> T:
    """Does ``step``, and does it again when it met a fault that may pass. It must be one that may be repeated.

    Args:
        step: reads the state of the Hub anew each time, so that nothing is done twice.
        repo: for errors.
        say: told of each wait, in a sentence.

    Raises:
        HubError: the fault stayed, or the Hub asks for a longer wait than LONGEST_WAIT.
    """
    for number in range(1, TRIES + 1):
        try:
            with _limits(repo, say):
                return step()
        except HubError as error:
            wait = 2.0 ** (number - 1) if error.retry_after is None else error.retry_after
            if not error.passing or number == TRIES or wait > LONGEST_WAIT:
                raise
            say(f"{str(error).partition(';')[0]}; trying again in {wait:.0f} s")
            time.sleep(wait)
    raise AssertionError("the last try returns or raises")


@contextmanager
def _limits(repo: str, say: Callable[[str], None]) -> Iterator[None]:
    """Bounds what the client does by itself, through the doors that its HTTP library has for that."""
    from huggingface_hub.utils import get_session, logging

    def heed(response: Any) -> None:
        wait = retry_after(response) if response.status_code == 429 else None
        if wait is None:
            return
        if wait > LONGEST_WAIT:
            raise HubError(
                f"the Hub asks for a pause of {wait:.0f} s before it takes more for {repo} (429); "
                "then run the same command again: what has arrived is kept",
                429,
                wait,
            )
        say(f"the Hub asks for a pause of {wait:.0f} s")

    session = get_session()
    if not hasattr(session, "event_hooks"):
        raise ConfigError("publishing needs a newer Hub client: pip install -U 'huggingface_hub>=1'")
    hooks, timeout, verbosity = session.event_hooks, session.timeout, logging.get_verbosity()
    session.event_hooks = {**hooks, "response": [*hooks["response"], heed]}
    session.timeout = STANDSTILL
    logging.set_verbosity_error()  # its warnings show addresses that are signed; what matters is said above
    try:
        yield
    finally:
        session.event_hooks, session.timeout = hooks, timeout
        logging.set_verbosity(verbosity)
