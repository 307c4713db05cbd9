"""The server as a whole: its settings, its thread, and the environment that sends clients to it."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request as HttpRequest
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.hub import discussions, files, repos, uploads
from tests.hub.access import Account, Directory
from tests.hub.errors import ApiError, answer_error
from tests.hub.faults import Decide, FaultLayer, Request
from tests.hub.objects import Objects
from tests.hub.store import Repo

if TYPE_CHECKING:
    from huggingface_hub import HfApi

# A proxy, an offline switch or a token of the developer must not reach the clients of a test.
_UNWANTED = ("HF_", "HUGGING", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class _Kind(StringConvertor):
    regex = "models|datasets|spaces"


register_url_convertor("kind", _Kind())


class Hub:
    """A Hub that serves on this machine for as long as the block lasts, in a thread of its own.

    Args:
        port: 0 takes a free one.
        folder: where contents and the clients' caches lie; None: a temporary folder, deleted at the end.

    Attributes:
        endpoint: what HF_ENDPOINT is to be.
        token: of the account "user", which may write in "user/..." and in the organization "museum".
        guest_token: of the account "guest", which owns nothing.
        reader_token: a second token of "user", which may only read.
        env: a whole environment for a subprocess: this process' without proxies and HF_ settings, with ours.
        repos: "datasets/user/name" (or "models/...", "spaces/...") -> its state. Tests only read it.
        requests: all requests so far, in order of arrival.
        storage: where LFS objects come from; the same server by another name.
        fault: decides for each request what goes wrong with it (faults.py); set it to a function.
        part_size: LFS objects above this many bytes are uploaded in parts of it.
        lfs_from: files of this many bytes or more go to LFS, whatever their name.
        page_size: entries of one page of a listing.
    """

    def __init__(self, port: int = 0, folder: Path | None = None) -> None:
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="artsim-hub-")
        self.folder = folder or Path(self._temporary.name)  # type: ignore[union-attr]
        self.part_size, self.lfs_from, self.page_size = 16 << 20, 10 << 20, 1000
        user, reader, guest = Account("user", orgs=("museum",)), Account("user", "read"), Account("guest")
        self.token, self.reader_token, self.guest_token = user.token, reader.token, guest.token
        self.directory = Directory([user, reader, guest])
        self.objects = Objects(self.folder / "objects")
        self._socket = socket.create_server(("127.0.0.1", port))
        self.endpoint = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        # The storage of the Hub is another host: clients read sizes from the redirect to it, and send it no token.
        self.storage = self.endpoint.replace("127.0.0.1", "localhost")
        self._connections: dict[Any, asyncio.Transport] = {}
        self._layer = FaultLayer(_RawPath(_application(self)), self._cut)
        # A client may sleep between two requests of a connection; who closes it first must not be a matter of luck.
        config = uvicorn.Config(
            self._layer, http=self._protocol(), lifespan="off", log_level="error", timeout_keep_alive=600
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> Hub:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._layer.end()
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()
        self._socket.close()
        if self._temporary:
            self._temporary.cleanup()

    @property
    def repos(self) -> dict[str, Repo]:
        return self.directory.repos

    @property
    def requests(self) -> list[Request]:
        return self._layer.requests

    @property
    def fault(self) -> Decide:
        return self._layer.decide

    @fault.setter
    def fault(self, decide: Decide) -> None:
        self._layer.decide = decide

    @property
    def variables(self) -> dict[str, str]:
        """What sends a client here, as the account "user"."""
        return {
            "HF_ENDPOINT": self.endpoint,
            "HF_TOKEN": self.token,
            "HF_HOME": str(self.folder / "home"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",  # a request to S3 that `datasets` makes beside those to the Hub
            "NO_PROXY": "*",
        }

    @property
    def env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(_UNWANTED)}
        return kept | self.variables

    def api(self, token: str | None = None) -> HfApi:
        """The official client in this process, as "user" or as the owner of another token."""
        from huggingface_hub import HfApi

        return HfApi(endpoint=self.endpoint, token=token or self.token)

    def read(self, repo: str, path: str, revision: str = "main") -> bytes:
        """The content of a file, past HTTP: ``hub.read("datasets/user/artsim", "README.md")``."""
        return self.objects.read(self.repos[repo].files(revision)[path])

    def _protocol(self) -> type[H11Protocol]:
        connections = self._connections

        class Protocol(H11Protocol):
            """Remembers its transport, so that a fault can cut it."""

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                connections[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                connections.pop(self.client, None)
                super().connection_lost(exc)

        return Protocol

    def _cut(self, scope: Scope, at_once: bool) -> None:
        transport = self._connections.get(scope["client"])
        if transport and at_once:
            transport.abort()
        elif transport:
            transport.close()


class _RawPath:
    """Routes by the quoted path: "refs%2Fpr%2F1" is one segment of it, and handlers unquote what they get."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app({**scope, "path": scope["raw_path"].decode()}, receive, send)


async def _nothing_here(request: HttpRequest) -> None:
    raise ApiError(404, f"Sorry, we can't find the page {request.url.path}")


def _application(hub: Hub) -> Starlette:
    parts = (repos, uploads, files, discussions)  # "/api/..." before the paths of models, which begin with any name
    routes = [route for part in parts for route in part.routes(hub)]
    app = Starlette(routes=routes, exception_handlers={ApiError: answer_error})
    app.add_route("/{path:path}", _nothing_here, methods=["GET", "POST", "PUT", "DELETE"])  # type: ignore[arg-type]
    return app
