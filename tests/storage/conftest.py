"""A local S3 server (moto's) in a process of its own, buckets in it, and a proxy that breaks what passes through it."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

pytest.importorskip("s3fs", reason="object storage needs s3fs: pip install 'artsim[s3]'")
pytest.importorskip("moto.server", reason="the S3 server of these tests is moto: pip install 'moto[server,s3]'")

import fsspec

from artsim_dataset import object_store
from artsim_dataset.object_store import ObjectPath
from tests.storage.proxy import Proxy, proxy_to

_NUMBERS = count()

SERVER = """
from moto.server import DomainDispatcherApplication, create_backend_app
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server
import logging, sys, threading
logging.getLogger("werkzeug").setLevel(logging.ERROR)
app, one = DomainDispatcherApplication(create_backend_app), threading.Lock()
def atomic(environ, start):
    if "HTTP_IF_NONE_MATCH" in environ or "HTTP_IF_MATCH" in environ:
        with one:
            return list(app(environ, start))
    return app(environ, start)
server = make_server("127.0.0.1", 0, atomic, True, request_handler=MotoRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
"""
"""S3 tests a condition and writes in one step; moto's threads do not, so conditional requests wait for each other."""


@pytest.fixture(scope="session")
def store() -> Iterator[str]:
    """The address of the server. It ends with this process, whose pipe it reads."""
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()


def use(patch: pytest.MonkeyPatch, address: str) -> None:
    """Makes this address what all clients of this process and of those that it starts take for S3."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        patch.delenv(name, raising=False)
    patch.setenv("AWS_ACCESS_KEY_ID", "a-test")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "a-test")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    patch.setenv("AWS_CONFIG_FILE", "/dev/null")
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    patch.setenv("AWS_ENDPOINT_URL", address)


def forget_clients() -> None:
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def through(patch: pytest.MonkeyPatch, proxy: Proxy) -> Proxy:
    """Sends what comes now through the proxy. With settings of their own, its clients are others than the server's:
    none has to be made anew for each test, which would take most of the time."""
    use(patch, proxy.url)
    patch.setattr(object_store, "ATTEMPTS", 3)
    patch.setattr(object_store, "ANSWER_SECONDS", 1)
    proxy.asked.clear()
    proxy.faults.clear()
    proxy.sent, proxy.deaf = 0, False
    return proxy


@pytest.fixture
def bucket(store: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectPath]:
    """An empty bucket of its own for each test."""
    use(monkeypatch, store)
    yield new_bucket(store)


def new_bucket(store: str) -> ObjectPath:
    name = f"bucket-{next(_NUMBERS)}"
    urllib.request.urlopen(urllib.request.Request(f"{store}/{name}", method="PUT", data=b"")).close()
    return ObjectPath("s3", name)


@pytest.fixture(scope="session")
def gate(store: str) -> Iterator[Proxy]:
    """The proxy in front of the server."""
    with proxy_to(store) as made:
        yield made


@pytest.fixture
def proxy(gate: Proxy, bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """The proxy, with no fault yet, which clients of this test go through."""
    return through(monkeypatch, gate)


def uploads(bucket: ObjectPath) -> list[str]:
    """Keys of the uploads that were begun and have not ended."""
    return [found["Key"] for found in object_store.client("s3").list_multipart_uploads(bucket.bucket)]


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of three parts, each with other bytes."""
    file = tmp_path / "large.bin"
    file.write_bytes(b"".join(bytes([n]) * (5 << 20) for n in range(2)) + b"end")
    return file
