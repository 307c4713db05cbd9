"""Every answer that a Hub can give, through the real client, as one sentence with the fix and without a web address."""

from __future__ import annotations

import json
import os
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HFValidationError, LocalTokenNotFoundError

from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.hub_errors import HubError, hub_errors, translated

REPO = "someone/artsim"
Answer = tuple[int, dict[str, str], object]


@contextmanager
def answering(*answers: Answer) -> Iterator[str]:
    """A server that gives these answers, the last one for ever; the address of it."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802 - the name that http.server looks for
            self.rfile.read(int(self.headers.get("content-length") or 0))
            status, headers, content = left.pop(0) if len(left) > 1 else left[0]
            body = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"content-type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def asked(*answers: Answer) -> ArtsimError:
    """The error that making a repository meets on a Hub that answers so: a request that the client sends once."""
    with answering(*answers) as endpoint, pytest.raises(ArtsimError) as found, hub_errors(REPO):
        HfApi(endpoint=endpoint, token="hf_x").create_repo(REPO, repo_type="dataset")
    assert "http" not in str(found.value)
    assert "\n" not in str(found.value)
    assert REPO in str(found.value)
    return found.value


@pytest.mark.parametrize(
    ("status", "content", "kind", "words"),
    [
        (401, {"error": "Invalid credentials in Authorization header"}, ConfigError, "hf auth login"),
        (403, {"error": "You don't have the rights to create a dataset under the namespace"}, ConfigError, "rights to"),
        (403, {"error": "Private repository storage limit reached, please upgrade"}, HubError, "no room for"),
        (402, {"error": "please pay"}, HubError, "no room for"),
        (507, {}, HubError, "no room for"),
        (404, {"error": "Repository not found"}, HubError, "check the name"),
        (409, {"error": "A commit has happened since"}, HubError, "somebody else"),
        (412, {"error": "A commit has happened since. Please refresh"}, HubError, "same command again"),
        (400, {"error": "Invalid metadata in README.md"}, HubError, "Invalid metadata in README"),
        (500, {"error": "Internal"}, HubError, "a fault of its own (500: Internal)"),
        (503, {}, HubError, "a fault of its own (503)"),
    ],
)
def test_each_status_has_its_sentence(
    status: int, content: dict[str, str], kind: type[ArtsimError], words: str
) -> None:
    error = asked((status, {}, content))
    assert type(error) is kind
    assert words in str(error)
    if isinstance(error, HubError):
        assert error.status == status
        assert error.passing == (status in (500, 503))


def test_too_many_requests_tell_how_long_to_wait() -> None:
    error = asked((429, {"retry-after": "17"}, {}))
    assert isinstance(error, HubError)
    assert (error.retry_after, error.passing) == (17.0, True)
    assert "wait 17 s" in str(error)


def test_the_rate_limit_header_tells_it_too() -> None:
    error = asked((429, {"ratelimit": '"api";r=0;t=55'}, {}))
    assert isinstance(error, HubError)
    assert error.retry_after == 55.0


def test_a_file_that_the_store_refuses_is_named_by_its_reason() -> None:
    """The client wraps the answer of the LFS batch in a ValueError that has no status."""
    mode = {"files": [{"path": "a.bin", "uploadMode": "lfs", "shouldIgnore": False}]}
    oid = "e3b98a4da31a127d4bde6e43033f66ba274cab0eb7eb1c70ec41402bf6273dd8"
    refused = {"oid": oid, "size": 1, "error": {"code": 403, "message": "Repository storage limit reached"}}
    answers = ((200, {}, mode), (200, {}, {"transfer": "basic", "objects": [refused]}))
    script = (
        "import sys; from huggingface_hub import CommitOperationAdd, HfApi\n"
        "from artsim_dataset.hub_errors import hub_errors\n"
        f"with hub_errors({REPO!r}):\n"
        "    HfApi(token='hf_x').preupload_lfs_files("
        f"{REPO!r}, [CommitOperationAdd('a.bin', b't')], repo_type='dataset')"
    )
    with answering(*answers) as endpoint:
        env = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1"}
        done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("artsim_dataset.hub_errors.HubError: there is no room for someone/artsim on your account")
    assert "Repository storage limit reached" in last


def test_nobody_at_the_other_end_is_a_failed_connection() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: whoever calls is refused
        endpoint = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        told = "connection to the Hub failed for someone/artsim .* run the same"
        with pytest.raises(HubError, match=told) as found, hub_errors(REPO):
            HfApi(endpoint=endpoint, token="hf_x").create_repo(REPO, repo_type="dataset")
    assert found.value.passing
    assert found.value.status is None


def test_offline_is_said_to_be_so() -> None:
    script = (
        "from huggingface_hub import HfApi; from artsim_dataset.hub_errors import hub_errors\n"
        f"with hub_errors({REPO!r}): HfApi(token='hf_x').repo_info({REPO!r}, repo_type='dataset')"
    )
    env = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("artsim_dataset.errors.ConfigError: someone/artsim cannot be reached while HF_HUB_OFFLINE")


def test_a_name_that_cannot_be_is_a_mistake_of_the_command() -> None:
    told = "'a//b' cannot be the name of a repository: Repo id must"
    with pytest.raises(ConfigError, match=told), hub_errors("a//b"):
        HfApi(token="hf_x").repo_info("a//b", repo_type="dataset")


def test_the_cause_below_another_error_is_what_is_told() -> None:
    """The client's upload threads wrap what happened in a RuntimeError that only names the file."""
    with pytest.raises(ConfigError, match="there is no token for the Hub"), hub_errors(REPO):
        try:
            raise LocalTokenNotFoundError("no token")
        except LocalTokenNotFoundError as error:
            raise RuntimeError("Error while uploading 'a.bin' to the Hub.") from error


def test_what_was_hidden_on_purpose_is_not_told() -> None:
    try:
        try:
            raise HFValidationError("bad")
        except HFValidationError:
            raise KeyError("mine") from None
    except KeyError as error:
        assert translated(error, REPO) is None


@pytest.mark.parametrize("other", [KeyError("x"), OSError("disk full"), ValueError("y"), ConfigError("z")])
def test_other_errors_pass_unchanged(other: Exception) -> None:
    with pytest.raises(type(other)) as found, hub_errors(REPO):
        raise other
    assert found.value is other


def test_an_error_of_a_worker_reaches_its_parent() -> None:
    error = pickle.loads(pickle.dumps(HubError("text", 429, 3.0)))
    assert (str(error), error.status, error.retry_after) == ("text", 429, 3.0)


def test_a_signed_address_is_not_told() -> None:
    class Broken(ConnectionError): ...

    told = str(translated(Broken("PUT https://store.example/key?signature=secret: reset by peer"), REPO))
    assert "secret" not in told
    assert "reset by peer" in told
