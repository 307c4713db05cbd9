"""Each fault as the real client meets it: what it retries, what it gives up, and what the Hub has afterwards."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from tests.hub import Fault, Hub, Repo, Request, cut_answer, cut_upload, refuse, slow
from tests.hub.faults import Decide

DATA: dict[str, Any] = {"repo_id": "user/data", "repo_type": "dataset"}


def once(fault: Fault, part: str, method: str | None = None) -> Decide:
    """The fault for the first request whose path has the part in it."""

    def decide(request: Request) -> Fault | None:
        matches = part in request.path and request.seen == 0 and method in (None, request.method)
        return fault if matches else None

    return decide


def of(hub: Hub, part: str, method: str) -> list[Request]:
    return [request for request in hub.requests if part in request.path and request.method == method]


def test_an_upload_that_is_cut_is_sent_again_from_its_start(hub: Hub, folder: Path) -> None:
    (folder / "data" / "train.parquet").write_bytes(bytes(range(256)) * 40_000)
    hub.fault = once(cut_upload(after=1_000_000), "/lfs/", "PUT")
    hub.api().create_repo(**DATA)
    hub.api().upload_folder(folder_path=folder, **DATA)
    first, second = of(hub, "/lfs/", "PUT")
    assert 1_000_000 < first.received < second.received == 10_240_000
    assert first.status == 0 and second.status == 200
    assert len(hub.read("datasets/user/data", "data/train.parquet")) == 10_240_000


def test_a_commit_that_is_cut_has_no_effect(hub: Hub, repo: Repo) -> None:
    before = repo.commit().id
    hub.fault = lambda request: cut_upload() if "/commit/main" in request.path else None
    with pytest.raises((httpx2.NetworkError, httpx2.RemoteProtocolError)):
        hub.api().upload_file(path_or_fileobj=b"1", path_in_repo="x", **DATA)
    assert repo.commit().id == before


def test_a_commit_whose_answer_is_lost_has_happened(hub: Hub, repo: Repo) -> None:
    before = repo.commit().id
    hub.fault = lambda request: cut_answer() if "/commit/main" in request.path else None
    with pytest.raises((httpx2.NetworkError, httpx2.RemoteProtocolError)):
        hub.api().upload_file(path_or_fileobj=b"1", path_in_repo="x", **DATA)
    assert repo.commit().parents == (before,) and "x" in repo.files()


def test_a_download_that_is_cut_goes_on_where_it_ended(
    hub: Hub, repo: Repo, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 4096)  # it keeps whole chunks
    hub.fault = once(cut_answer(after=10_000), "/cdn/", "GET")
    path = hf_hub_download(**DATA, filename="data/train.parquet", endpoint=hub.endpoint, token=hub.token)
    assert Path(path).read_bytes() == (folder / "data/train.parquet").read_bytes()
    first, second = of(hub, "/cdn/", "GET")
    assert "range" not in first.headers and second.headers["range"] == "bytes=8192-" and second.status == 206


@pytest.mark.parametrize("fault", [refuse(500), refuse(503), refuse(429, retry_after=0)])
def test_what_may_pass_is_tried_again(hub: Hub, repo: Repo, fault: Fault) -> None:
    hub.fault = lambda request: fault if "/preupload/" in request.path and request.seen == 1 else None
    hub.api().upload_file(path_or_fileobj=b"1", path_in_repo="x", **DATA)
    assert [request.status for request in of(hub, "/preupload/", "POST")] == [200, fault.status, 200]
    assert "x" in repo.files()


def test_retry_after_is_kept(hub: Hub, repo: Repo) -> None:
    hub.fault = once(refuse(429, retry_after=2), "/tree/main")
    start = time.monotonic()
    assert hub.api().list_repo_files(**DATA)
    assert time.monotonic() - start >= 2


@pytest.mark.parametrize(
    ("status", "message", "code", "kind"),
    [
        (403, "Private repository storage limit reached, please upgrade your plan", None, HfHubHTTPError),
        (413, "Payload too large", None, HfHubHTTPError),
        (409, "another conflicting operation is in progress", None, HfHubHTTPError),
        (401, "Invalid credentials in Authorization header", None, HfHubHTTPError),
        (404, "Repository not found", "RepoNotFound", RepositoryNotFoundError),
    ],
)
def test_a_refusal_reaches_the_user_in_the_words_of_the_hub(
    hub: Hub, repo: Repo, status: int, message: str, code: str | None, kind: type[HfHubHTTPError]
) -> None:
    before = repo.commit().id
    hub.fault = lambda request: refuse(status, message, code) if "/commit/main" in request.path else None
    with pytest.raises(kind, match=f"(?i){message}") as caught:
        hub.api().upload_file(path_or_fileobj=b"1", path_in_repo="x", **DATA)
    assert caught.value.response.status_code == status
    assert repo.commit().id == before


def test_a_slow_answer_meets_the_patience_of_the_client(hub: Hub, repo: Repo) -> None:
    hub.fault = lambda request: slow(1.0)
    with pytest.raises(httpx2.ReadTimeout):
        hub.api().dataset_info("user/data", timeout=0.2)
    hub.fault = lambda request: slow(0.3)
    start = time.monotonic()
    hub.api().dataset_info("user/data", timeout=30)
    assert time.monotonic() - start >= 0.3


def test_two_hubs_know_nothing_of_each_other(hub: Hub, repo: Repo) -> None:
    with Hub() as other:
        assert not other.api().repo_exists(**DATA) and hub.api().repo_exists(**DATA)
        assert other.token != hub.token
