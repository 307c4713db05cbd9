"""Calls to an OpenAI-compatible server: the official client, many requests at once, and what a failure means.

The client itself retries what a retry may cure (connection errors, timeouts, 408, 409, 429 and 5xx, with exponential
backoff or after the server's Retry-After). What is left is sorted here: a wrong key or model and a server that is gone
end the build with one sentence, since every row would fail; a failure beside successes is a reject of that row. The key
is read from the environment by the client, and no text that leaves this file holds it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from artsim_dataset.errors import ArtsimError, ConfigError
from builder.model_config import LlmPrompt, OpenAIImages
from builder.models.weights import require
from builder.stage import Reject

if TYPE_CHECKING:
    from openai import APIError, APIStatusError, AsyncOpenAI

T = TypeVar("T")
R = TypeVar("R")

KEY = "OPENAI_API_KEY"
RETRIES = 5
"""Waits of about 0.5, 1, 2, 4 and 8 seconds: a server that restarts is waited for, one that is gone is not for long."""

FINAL = frozenset({"content_policy", "refused_by_server", "timeout", "server_error"})
"""Reasons of rejects that sending the request once more would not cure."""

_NO_KEY = "not-needed"
_CONNECT_SECONDS = 10.0
_LONGEST_WAIT = 120.0
_REFUSALS = 20
"""So many rows may be at fault before any is not; more, and it is the settings."""

_REFUSED_BY_POLICY = frozenset({"content_policy_violation", "moderation_blocked", "content_filter"})
_NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_LOGIN_IN_URL = re.compile(r"//[^/\s@]+@")


def open_client(base_url: str | None, timeout: float, retries: int = RETRIES) -> AsyncOpenAI:
    """The official client.

    Args:
        base_url: of another server than OpenAI's, such as ``http://localhost:8000/v1``. It may need no key.
        timeout: seconds without an answer until a request is given up (and retried).
        retries: how often the client sends a request again.

    Raises:
        ConfigError: no key where one is needed, or a base_url that is none. MissingExtra: openai is not installed.
    """
    require("a server that speaks OpenAI's protocol", "openai", "openai")
    import openai

    if base_url is not None and (urlsplit(base_url).scheme not in ("http", "https") or not urlsplit(base_url).hostname):
        raise ConfigError(f"base_url must be an address such as http://localhost:8000/v1, not {_public(base_url)}")
    key = os.environ.get(KEY)
    if not key and not (base_url or os.environ.get("OPENAI_BASE_URL")):
        raise ConfigError(f"OpenAI's servers need a key: set the environment variable {KEY}, or give a base_url")
    for library in ("httpx", "httpx2"):
        logging.getLogger(library).setLevel(logging.WARNING)  # a line for each request, with the whole address
    return openai.AsyncOpenAI(
        api_key=key or _NO_KEY,
        base_url=base_url,
        timeout=openai.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
        max_retries=retries,
    )


class Calls:
    """Runs coroutines for code that is not async: on one event loop, in a thread of its own, until closed.

    Args:
        concurrency: calls at once.
        requests_per_minute: how often ``turn`` returns at most, evenly spaced. A limiter that lets a minute's worth
            through at once would send up to twice the limit in the first minute.
    """

    def __init__(self, concurrency: int, requests_per_minute: int | None = None) -> None:
        self.concurrency = concurrency
        self._limiter: Any = None
        if requests_per_minute:
            require("a rate limit", "openai", "aiolimiter")
            from aiolimiter import AsyncLimiter

            self._limiter = AsyncLimiter(1, 60 / requests_per_minute)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="artsim-calls", daemon=True)
        self._thread.start()

    def run(self, call: Callable[[T], Awaitable[R]], items: Sequence[T]) -> list[R]:
        """``call`` for each item, at most ``concurrency`` at once. The answers, in the order of the items.

        The first exception ends it: no call is started after it, those under way are waited for (they may have been
        paid for), then it is raised. Ctrl-C cancels them.
        """
        return self.wait(self._run(call, items))

    def wait(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """The result of one coroutine."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def turn(self) -> None:
        """Returns when the rate limit allows one more request."""
        if self._limiter is not None:
            await self._limiter.acquire()

    def close(self) -> None:
        """Cancels what still runs and ends the loop and its thread."""
        if self._thread.is_alive():
            self.wait(_cancel_others())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _run(self, call: Callable[[T], Awaitable[R]], items: Sequence[T]) -> list[R]:
        answers: dict[int, R] = {}
        faults: list[Exception] = []
        waiting = iter(enumerate(items))  # shared: the lanes take turns, so that none is idle while work is left

        async def lane() -> None:
            for place, item in waiting:
                try:
                    answers[place] = await call(item)
                except Exception as fault:
                    faults.append(fault)
                if faults:
                    return

        await asyncio.gather(*(lane() for _ in range(min(self.concurrency, len(items)))))
        if faults:
            raise faults[0]
        return [answers[place] for place in range(len(items))]


async def _cancel_others() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class Server:
    """A model on a server: sends requests, and tells the failure of one row from the failure of the server.

    Args:
        client: from ``open_client``.
        model: its name on the server.
        calls: where the requests run; the rate limit is its own.
    """

    def __init__(self, client: AsyncOpenAI, model: str, calls: Calls) -> None:
        self.client = client
        self.model = model
        self.calls = calls
        self.name = client.base_url.host
        self._worked = False
        self._failed_in_a_row = 0
        self._refused = 0

    async def ask(self, send: Callable[[], Awaitable[T]]) -> T | Reject:
        """The answer, or a reject when this request is at fault or failed alone.

        Raises:
            ConfigError, ArtsimError: as ``sort`` does.
        """
        import openai

        await self.calls.turn()
        try:
            answer = await send()
        except openai.APIError as error:
            return self.sort(error)
        except (json.JSONDecodeError, UnicodeDecodeError):  # the client lets them through
            return Reject("bad_answer", f"{self.name} answered something that is no JSON")
        self.answered()
        return answer

    def answered(self) -> None:
        """Notes that the server works."""
        self._worked, self._failed_in_a_row = True, 0

    def sort(self, error: APIError) -> Reject:
        """What an error means for the row it came from.

        Raises:
            ConfigError: the key, the model, the address or a setting is wrong.
            ArtsimError: the server is gone, or fails whatever it is asked.
        """
        import openai

        said = self.said(error)
        if isinstance(error, openai.AuthenticationError):
            fix = f"check {KEY}" if self.client.api_key != _NO_KEY else f"it wants a key: set {KEY}"
            raise ConfigError(f"{self.name} refuses the key ({said}); {fix}") from None
        if isinstance(error, openai.PermissionDeniedError):
            raise ConfigError(f"{self.name} does not let this key use {self.model} ({said}); take another") from None
        if isinstance(error, openai.NotFoundError):
            raise ConfigError(
                f"{self.name} has no model {self.model} ({said}); check the model's name and base_url"
            ) from None
        if error.code in _NO_CREDIT:
            raise ArtsimError(f"{self.name} says that no credit is left ({said}); add some and run again") from None
        if never_connected(error):
            raise ArtsimError(f"{self.name} cannot be reached; start it or check base_url, and run again") from None
        if isinstance(error, openai.APIStatusError) and _at_fault(error):
            if error.code in _REFUSED_BY_POLICY:
                return Reject("content_policy", f"{self.name}: {said}")
            self._refused += 1
            if not self._worked and self._refused > max(self.calls.concurrency, _REFUSALS):
                raise ConfigError(
                    f"{self.name} refused the first {self._refused} requests ({said}); check model and settings"
                ) from None
            return Reject("refused_by_server", f"{self.name}: {said}")
        self._failed_in_a_row += 1
        if not self._worked or self._failed_in_a_row > self.calls.concurrency:
            raise ArtsimError(
                f"{self.name} failed {self._failed_in_a_row} requests in a row ({said}); "
                "when it works again, the same command goes on"
            ) from None
        slow = isinstance(error, openai.APITimeoutError)
        return Reject("timeout" if slow else "server_error", f"{self.name}, after retries: {said}")

    def said(self, error: APIError) -> str:
        """The server's own words, shortened, without key and passwords."""
        body = error.body
        text = body.get("message") if isinstance(body, dict) else None
        line = " ".join(str(text or error.message).split())
        key = str(self.client.api_key)
        return _public(line.replace(key, "***") if key else line)[:200]


@contextmanager
def serving(config: LlmPrompt | OpenAIImages, retries: int = RETRIES) -> Iterator[Server]:
    """The server that the settings name, as long as the block lasts. Raises as ``open_client`` does."""
    client = open_client(config.base_url, config.timeout, retries)
    calls = Calls(config.concurrency, config.requests_per_minute)
    try:
        yield Server(client, config.model, calls)
    finally:
        try:
            calls.wait(client.close())
        finally:
            calls.close()


def never_connected(error: APIError) -> bool:
    """True when there was no connection to send the request on, so that nothing was done or charged for it."""
    return type(error.__cause__).__name__ in ("ConnectError", "ConnectTimeout")  # of httpx or httpx2


def may_work_later(error: APIError) -> bool:
    """Whether the same request may succeed: the client's own rule, for requests that it must not repeat by itself."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return not _at_fault(error) and error.code not in _NO_CREDIT
    return isinstance(error, openai.APIConnectionError)


def wait_before(attempt: int, error: APIError) -> float:
    """Seconds to wait before attempt 1, 2, ...: the server's Retry-After up to two minutes, else 0.5, 1, 2, 4, 8."""
    response = getattr(error, "response", None)
    try:
        asked = float(response.headers["Retry-After"]) if response is not None else 0.0
    except (KeyError, ValueError):
        asked = 0.0
    return min(asked, _LONGEST_WAIT) if asked > 0 else min(0.5 * 2 ** (attempt - 1), 8.0)


def _at_fault(error: APIStatusError) -> bool:
    """Whether the request and not the server is to blame: what the client does not retry."""
    return 400 <= error.status_code < 500 and error.status_code not in (408, 409, 429)


def _public(text: str) -> str:
    """A text without the login in its addresses.

    >>> _public("http://me:secret@host/v1")
    'http://***@host/v1'
    """
    return _LOGIN_IN_URL.sub("//***@", text)
