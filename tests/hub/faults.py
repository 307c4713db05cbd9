"""What goes wrong on purpose, and the record of every request: an ASGI layer around the whole server.

A connection is cut at the transport, below HTTP, so that the client sees what a lost network shows it.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import unquote

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.hub.errors import error_headers


@dataclass
class Request:
    """A request as it came, and what became of it.

    ``path`` is unquoted, ``seen`` says how often the same method and path came before, ``received`` counts the bytes
    of its body; ``status`` is that of the answer, 0 as long as there is none (or ever, when the connection was cut).
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    seen: int
    received: int = 0
    status: int = 0


@dataclass(frozen=True)
class Fault:
    """What happens to a request. Without ``status`` it is answered as always, after ``delay`` seconds, but the
    connection ends when ``upload`` bytes of its body were read (nothing is done then), or (when all was done) after
    ``answer`` bytes of the answer's body; 0 of them: not even the status line is sent."""

    status: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    upload: int | None = None
    answer: int | None = None


def refuse(
    status: int,
    message: str = "refused",
    code: str | None = None,
    retry_after: int | None = None,
) -> Fault:
    """An error in the Hub's form; ``code`` as in errors.py, ``retry_after`` in seconds."""
    headers = {"Content-Type": "application/json"} | error_headers(message, code)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return Fault(status, json.dumps({"error": message}).encode(), headers)


def cut_upload(after: int = 0) -> Fault:
    """The connection ends in the middle of the request: it has no effect."""
    return Fault(upload=after)


def cut_answer(after: int = 0) -> Fault:
    """The connection ends in the middle of the answer: the request had its effect."""
    return Fault(answer=after)


def slow(seconds: float) -> Fault:
    return Fault(delay=seconds)


Decide = Callable[[Request], Fault | None]


class FaultLayer:
    """Notes requests, asks ``decide`` about each, and does what it says.

    Args:
        app: the server.
        cut: ends the connection of a scope, at once or after what was written has left.
    """

    def __init__(self, app: ASGIApp, cut: Callable[[Scope, bool], None]) -> None:
        self.app, self.cut = app, cut
        self.decide: Decide = lambda request: None
        self.requests: list[Request] = []
        self._seen: Counter[tuple[str, str]] = Counter()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = self._note(scope)

        async def counted() -> Message:
            message = await receive()
            request.received += len(message.get("body", b""))
            return message

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.status = message["status"]
            await send(message)

        fault = self.decide(request) or Fault()
        if fault.delay:
            await self._pause(fault.delay)
        if fault.upload is not None:
            await self._lose_upload(scope, counted, request, fault.upload)
        elif fault.status:
            await _drain(counted)
            await Response(fault.body, fault.status, fault.headers)(scope, counted, noted)
        elif fault.answer is not None:
            await self._lose_answer(scope, counted, send, fault.answer)
        else:
            await self.app(scope, counted, noted)

    def end(self) -> None:
        """Wakes what is slow, so that the server can stop; called from another thread."""
        if self._loop:
            self._loop.call_soon_threadsafe(self._ending.set)

    async def _pause(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)

    def _note(self, scope: Scope) -> Request:
        path = unquote(scope["raw_path"].decode())
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        key = (scope["method"], path)
        request = Request(*key, scope["query_string"].decode(), headers, self._seen[key])
        self._seen[key] += 1
        self.requests.append(request)
        return request

    async def _lose_upload(self, scope: Scope, receive: Receive, request: Request, limit: int) -> None:
        more = True
        while more and request.received <= limit:
            message = await receive()
            more = message.get("more_body", False)
        self.cut(scope, True)
        await _gone(receive)

    async def _lose_answer(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        left = limit

        async def shortened(message: Message) -> None:
            nonlocal left
            if limit == 0 or message["type"] == "http.response.body" and left <= 0:
                return
            if message["type"] == "http.response.body":
                message = {**message, "body": message["body"][:left], "more_body": True}
                left -= len(message["body"])
            await send(message)

        await self.app(scope, receive, shortened)
        self.cut(scope, False)
        await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Waits until the connection has ended: a server that returns earlier would be asked where its answer is."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _drain(receive: Receive) -> None:
    """Reads what the client sends until it is done or gone: one that is still sending would miss a refusal."""
    message = await receive()
    while message["type"] == "http.request" and message.get("more_body"):
        message = await receive()
