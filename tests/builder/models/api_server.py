"""A small server that speaks enough of OpenAI's protocol for the official client, and fails as it is told to.

    with ApiServer() as server:
        server.fault = lambda request: refuse(429, retry_after=1) if request.seen == 0 else None
        client = openai.AsyncOpenAI(base_url=server.url, api_key="any")

Images come back as the negative of what was sent, at the size asked for, so that a test can tell where they lie.
"""

from __future__ import annotations

import base64
import io
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image, ImageOps

PROMPT = "Repaint the scene at dusk with moss, slate and a low light that comes from the left."


@dataclass(frozen=True)
class Request:
    """What was asked. ``seen``: how often the same body came before; ``fields`` are JSON's or the form's."""

    path: str
    fields: dict[str, Any]
    headers: dict[str, str]
    files: dict[str, bytes]
    seen: int
    at: float


@dataclass(frozen=True)
class Fault:
    """What is sent instead of an answer. ``hang``: seconds of silence; ``cut``: the connection ends in mid-body."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    hang: float = 0
    cut: bool = False


def refuse(
    status: int,
    message: str = "refused",
    code: str | None = None,
    retry_after: float | None = None,
    param: str | None = None,
) -> Fault:
    """An error in OpenAI's form."""
    error = {"error": {"message": message, "type": "test", "param": param, "code": code}}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Fault(status, json.dumps(error).encode(), headers)


def garbage(body: bytes, content_type: str = "application/json") -> Fault:
    """An answer of status 200 that is not what it should be."""
    return Fault(200, body, content_type=content_type)


class ApiServer:
    """Serves on a free port of this machine for as long as the block lasts.

    Attributes:
        fault: decides for each request what goes wrong with it; None: nothing.
        prompt: what the chat model answers.
        usage: what the image model says it used, or None.
        delay: seconds that every answer takes.
        requests: all requests so far. most_at_once: the largest number of them that were in work together.
    """

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self.fault: Callable[[Request], Fault | None] = lambda request: None
        self.prompt: Callable[[Request], str | None] = lambda request: PROMPT
        self.finish_reason = "stop"
        self.usage: dict[str, Any] | None = None
        self.requests: list[Request] = []
        self.most_at_once = 0
        self._at_once = 0
        self._bodies: Counter[bytes] = Counter()
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._http = _Http(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def __enter__(self) -> ApiServer:
        threading.Thread(target=lambda: self._http.serve_forever(0.02), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ending.set()
        self._http.shutdown()
        self._http.server_close()

    def note(self, path: str, headers: dict[str, str], body: bytes) -> Request:
        fields, files = _parse(headers.get("content-type", ""), body)
        key = json.dumps(fields, sort_keys=True).encode() + b"".join(files.values())
        with self._lock:
            request = Request(path, fields, headers, files, self._bodies[key], time.monotonic())
            self._bodies[key] += 1
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        return request

    def done(self) -> None:
        with self._lock:
            self._at_once -= 1

    def pause(self, seconds: float) -> None:
        self._ending.wait(seconds)

    def answer(self, request: Request) -> dict[str, Any]:
        if request.path.endswith("/chat/completions"):
            message = {"role": "assistant", "content": self.prompt(request)}
            choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
            return {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
        if request.path.endswith(("/images/edits", "/images/variations")):
            data: dict[str, Any] = {"created": 0, "data": [{"b64_json": _negative(request)}]}
            return data | ({"usage": self.usage} if self.usage else {})
        return {"object": "list", "data": [{"id": "m", "object": "model", "created": 0, "owned_by": "test"}]}


def _negative(request: Request) -> str:
    width, height = (int(side) for side in request.fields["size"].split("x"))
    image = Image.open(io.BytesIO(request.files["image"])).convert("RGB").resize((width, height))
    stream = io.BytesIO()
    ImageOps.invert(image).save(stream, "PNG", compress_level=1)
    return base64.b64encode(stream.getvalue()).decode()


def _parse(content_type: str, body: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    if "multipart/form-data" not in content_type:
        return (json.loads(body) if body else {}), {}
    fields: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    boundary = content_type.partition("boundary=")[2].strip('"').encode()
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, content = part.strip(b"\r\n").partition(b"\r\n\r\n")
        content = part[part.index(b"\r\n\r\n") + 4 : -2]  # not stripped: a file may end with a newline of its own
        name = head.partition(b'name="')[2].partition(b'"')[0].decode()
        if b"filename=" in head:
            files[name] = content
        else:
            fields[name] = content.decode()
    return fields, files


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gives up is part of the test."""


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = server.note(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            try:
                fault = server.fault(request)
                if server.delay:
                    server.pause(server.delay)
                self.send(fault or Fault(200, json.dumps(server.answer(request)).encode()))
            finally:
                server.done()

        def send(self, answer: Fault) -> None:
            server.pause(answer.hang)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body) + (10 if answer.cut else 0)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)
            if answer.cut:
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None: ...

    return Handler
