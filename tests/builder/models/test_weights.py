"""Which weights are meant: local folders, and the real Hub client against a server on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from artsim_dataset.errors import ConfigError, MissingExtra
from builder.models.weights import Weights, folder_digest, require, resolve

FIRST, SECOND = "1" * 40, "2" * 40


class Hub(BaseHTTPRequestHandler):
    """Answers model_info: `owner/gated` wants a licence, `owner/none` is not there, the main of all others moves."""

    commit = FIRST
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        name = self.path.removeprefix("/api/models/").split("/revision/")[0]
        codes = {"owner/gated": (403, "GatedRepo"), "owner/none": (404, "RepoNotFound")}
        status, code = codes.get(name, (200, ""))
        if self.path.endswith("/nowhere"):
            status, code = 404, "RevisionNotFound"
        body = json.dumps({"id": name, "sha": self.commit, "siblings": []}).encode()
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def hub() -> Iterator[str]:
    Hub.commit, Hub.asked = FIRST, 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def ask(endpoint: str, model: str, revision: str, work: Path) -> str:
    """resolve() in a process of its own: the client reads its endpoint once, when it is imported."""
    program = f"""
from pathlib import Path
from artsim_dataset.errors import ConfigError
from builder.models.weights import resolve
try:
    print(resolve({model!r}, {revision!r}, Path({str(work)!r})).revision)
except ConfigError as error:
    print(error)
"""
    home = {"HF_ENDPOINT": endpoint, "HF_HOME": str(work / "home"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, **home}, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_branch_is_looked_up_once_and_a_resumed_build_stays_with_its_commit(hub: str, tmp_path: Path) -> None:
    assert ask(hub, "owner/open", "main", tmp_path) == FIRST
    Hub.commit = SECOND
    assert ask(hub, "owner/open", "main", tmp_path) == FIRST
    assert ask(hub, "owner/open", "main", tmp_path / "new build") == SECOND
    assert json.loads((tmp_path / "models.json").read_text()) == {"owner/open@main": FIRST}


def test_commit_needs_no_network(hub: str, tmp_path: Path) -> None:
    assert resolve("owner/open", SECOND, tmp_path) == Weights("owner/open", SECOND)
    assert Hub.asked == 0 and not (tmp_path / "models.json").exists()


@pytest.mark.parametrize(
    ("model", "revision", "message"),
    [
        ("owner/gated", "main", "owner/gated is gated: accept its licence at https://huggingface.co/owner/gated"),
        ("owner/none", "main", "the Hub has no model owner/none, or it is private"),
        ("owner/open", "nowhere", "owner/open has no such revision"),
    ],
)
def test_model_that_the_hub_refuses_is_explained(
    hub: str, tmp_path: Path, model: str, revision: str, message: str
) -> None:
    said = ask(hub, model, revision, tmp_path)
    assert said.startswith(message) and "\n" not in said


def test_hub_that_cannot_be_reached_is_one_sentence(tmp_path: Path) -> None:
    said = ask("http://127.0.0.1:9", "owner/open", "main", tmp_path)
    assert said.startswith("owner/open cannot be loaded: ") and "\n" not in said


def test_offline_the_cached_commit_is_taken(tmp_path: Path) -> None:
    cache = tmp_path / "home" / "hub" / "models--owner--open"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text(SECOND)
    (cache / "snapshots" / SECOND).mkdir(parents=True)
    (cache / "snapshots" / SECOND / "config.json").write_text("{}")
    assert ask("http://127.0.0.1:9", "owner/open", "main", tmp_path) == SECOND


# --- local folders ---------------------------------------------------------------------------------------------------


def folder(path: Path, weights: bytes = b"weights") -> Path:
    (path / "unet").mkdir(parents=True)
    (path / "model_index.json").write_text("{}")
    (path / "unet" / "model.safetensors").write_bytes(weights)
    return path


def test_folder_that_moves_is_the_same_model_and_says_no_path(tmp_path: Path) -> None:
    one = resolve(str(folder(tmp_path / "here" / "tiny")), "main", tmp_path)
    other = resolve(str(folder(tmp_path / "there" / "tiny")), "main", tmp_path)
    assert one.identity() == other.identity() and one.place != other.place
    assert str(tmp_path) not in json.dumps(one.identity())
    assert one.commit is None and not (tmp_path / "models.json").exists()


def test_changed_weights_or_names_are_another_model(tmp_path: Path) -> None:
    first = folder_digest(folder(tmp_path / "a"))
    assert folder_digest(folder(tmp_path / "b", b"weighty")) != first
    (tmp_path / "a" / "unet" / "model.safetensors").rename(tmp_path / "a" / "unet" / "other.safetensors")
    assert folder_digest(tmp_path / "a") != first


def test_large_file_is_known_by_samples_over_its_whole_length(tmp_path: Path) -> None:
    size = 80 << 20
    path = folder(tmp_path / "a") / "unet" / "model.safetensors"
    seen = set()
    for place in (0, size // 2, size - (2 << 20)):
        with open(path, "wb") as file:
            file.truncate(size)
            file.seek(place)
            file.write(b"x" * (2 << 20))
        seen.add(folder_digest(tmp_path / "a"))
    with open(path, "wb") as file:
        file.truncate(size)
    assert folder_digest(tmp_path / "a") not in seen
    assert len(seen) == 3


@pytest.mark.parametrize("model", ["/no/such/folder", "./tiny", "a b", "owner/name/more"])
def test_name_that_is_neither_folder_nor_hub_id_is_refused(model: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no model folder"):
        resolve(model, "main", tmp_path)


def test_missing_package_names_the_extra() -> None:
    with pytest.raises(MissingExtra, match=r"a diffusion model needs the 'diffusion' extra: pip install"):
        require("a diffusion model", "diffusion", "json", "no_such_package")
