"""A proxy between a client and the store that answers wrongly, breaks off or says nothing, when a test asks for it."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP = {"connection", "transfer-encoding", "content-length", "server", "date"}


@dataclass
class Fault:
    """What happens to the requests that ``hits`` chooses, the first ``times`` of them.

    ``answer``: status and error code instead of the store's; ``cut``: the connection ends in the middle of the request
    (``body``), after the store did what it was asked, in the middle of its answer (``answer``), or before any of it
    (``silent``); ``hang``: seconds without a word.
    """

    hits: Callable[[str, str], bool]
    times: int = 10**6
    answer: tuple[int, str] | None = None
    cut: str = ""
    hang: float = 0.0


@dataclass
class Proxy:
    """``url`` is what clients are given; ``asked`` are the requests that came, ``sent`` the bytes of all answers,
    ``faults`` those that go wrong. ``deaf``: the store hears no conditions (If-Match, If-None-Match)."""

    url: str
    asked: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    sent: int = 0
    deaf: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault_of(self, method: str, path: str) -> Fault | None:
        with self.lock:
            self.asked.append((method, path))
            for fault in self.faults:
                if fault.times > 0 and fault.hits(method, path):
                    fault.times -= 1
                    return fault
        return None


@contextmanager
def proxy_to(store: str) -> Iterator[Proxy]:
    """A proxy in front of the store at this address, for as long as the block lasts."""
    host = urlsplit(store).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None: ...

        def _do(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            fault = proxy.fault_of(self.command, self.path)
            if fault and fault.cut == "body":
                self.rfile.read(length // 2)
                self._end()
                return
            body = self.rfile.read(length)
            if fault and fault.hang:
                time.sleep(fault.hang)
                self._end()
                return
            if fault and fault.answer:
                status, code = fault.answer
                text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
                self._send(status, {"content-type": "application/xml"}, b"" if self.command == "HEAD" else text)
                return
            there = http.client.HTTPConnection(host)
            passed = {k: v for k, v in self.headers.items() if not (proxy.deaf and k.lower().startswith("if-"))}
            there.request(self.command, self.path, body, passed)
            found = there.getresponse()
            content = found.read()
            if fault and fault.cut == "silent":
                self._end()
                return
            part = len(content) // 2 if fault and fault.cut == "answer" else None
            headers = {k: v for k, v in found.getheaders() if k.lower() not in _HOP}
            size = found.getheader("content-length") if self.command == "HEAD" else None
            self._send(found.status, headers, content, size, part)
            if part is not None:
                self._end()
            there.close()

        def _send(
            self, status: int, headers: dict[str, str], body: bytes, size: str | None = None, part: int | None = None
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", size or str(len(body)))
            self.end_headers()
            self.wfile.write(body[:part])
            with proxy.lock:
                proxy.sent += len(body[:part])

        def _end(self) -> None:
            self.close_connection = True
            with suppress(OSError):
                self.wfile.flush()
                self.connection.shutdown(2)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _do  # noqa: N815 - the names are http.server's

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that leaves is no error here."""

    with Server(("127.0.0.1", 0), Handler) as server:
        proxy = Proxy(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield proxy
        server.shutdown()
