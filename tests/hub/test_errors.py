"""What is refused, and the class of exception that the real client makes of it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, DatasetCard, HfApi, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.hub import Hub, Repo

DATA: dict[str, Any] = {"repo_id": "user/data", "repo_type": "dataset"}


def stranger(hub: Hub) -> HfApi:
    return HfApi(endpoint=hub.endpoint, token=False)


def test_a_repository_that_does_not_exist(hub: Hub) -> None:
    for api, status in ((hub.api(), 404), (stranger(hub), 401)):
        with pytest.raises(RepositoryNotFoundError) as caught:
            api.dataset_info("user/nothing")
        assert caught.value.response.status_code == status
    with pytest.raises(RepositoryNotFoundError):
        hub.api().upload_file(path_or_fileobj=b"1", path_in_repo="x", repo_id="user/nothing")
    with pytest.raises(RepositoryNotFoundError):
        hub.api().model_info("user/data")


def test_a_private_repository_does_not_exist_for_others(hub: Hub, repo: Repo) -> None:
    hub.api().update_repo_settings(**DATA, private=True)
    assert hub.api().dataset_info("user/data").private
    assert hub.api(hub.reader_token).dataset_info("user/data").private
    for api in (hub.api(hub.guest_token), stranger(hub)):
        with pytest.raises(RepositoryNotFoundError):
            api.dataset_info("user/data")
        with pytest.raises(RepositoryNotFoundError):
            api.list_repo_files(**DATA)


def test_a_revision_that_does_not_exist(hub: Hub, repo: Repo) -> None:
    with pytest.raises(RevisionNotFoundError):
        hub.api().dataset_info("user/data", revision="v9")
    with pytest.raises(RevisionNotFoundError):
        hf_hub_download(**DATA, filename="README.md", revision="v9", endpoint=hub.endpoint, token=hub.token)
    with pytest.raises(RevisionNotFoundError):
        hub.api().create_tag(**DATA, tag="v1", revision="v9")
    with pytest.raises(RevisionNotFoundError):
        hub.api().delete_tag(**DATA, tag="v9")
    with pytest.raises(RevisionNotFoundError):
        hub.api().upload_file(path_or_fileobj=b"1", path_in_repo="x", **DATA, revision="v9")


def test_refs_that_no_one_may_move(hub: Hub, repo: Repo) -> None:
    api, before = hub.api(), dict(repo.refs)
    with pytest.raises(HfHubHTTPError, match="main branch"):
        api.delete_branch(**DATA, branch="main")
    api.create_tag(**DATA, tag="v1")
    with pytest.raises(HfHubHTTPError, match="v1 is not a branch"):
        api.upload_file(path_or_fileobj=b"1", path_in_repo="x", **DATA, revision="v1")
    assert repo.refs == before | {"refs/tags/v1": before["refs/heads/main"]}


def test_a_file_or_folder_that_does_not_exist(hub: Hub, repo: Repo) -> None:
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(**DATA, filename="nothing.txt", endpoint=hub.endpoint, token=hub.token)
    with pytest.raises(EntryNotFoundError):
        list(hub.api().list_repo_tree(**DATA, path_in_repo="nowhere"))
    with pytest.raises(EntryNotFoundError):
        hub.api().delete_file("nothing.txt", **DATA)
    with pytest.raises(EntryNotFoundError):
        hub.api().get_discussion_details("user/data", 1, repo_type="dataset")


def test_a_gated_repository_shows_its_name_and_not_its_files(hub: Hub, repo: Repo) -> None:
    hub.api().update_repo_settings(**DATA, gated="manual")
    hf_hub_download(**DATA, filename="README.md", endpoint=hub.endpoint, token=hub.token)
    for token, status in ((hub.guest_token, 403), (False, 401)):
        assert HfApi(endpoint=hub.endpoint, token=token).dataset_info("user/data").gated == "manual"
        with pytest.raises(GatedRepoError) as caught:
            hf_hub_download(**DATA, filename="data/train.parquet", endpoint=hub.endpoint, token=token)
        assert caught.value.response.status_code == status


@pytest.mark.parametrize("who", ["guest", "reader"])
def test_who_may_not_write_gets_403_and_changes_nothing(hub: Hub, repo: Repo, who: str) -> None:
    api, before = hub.api(hub.guest_token if who == "guest" else hub.reader_token), dict(repo.refs)
    for attempt in (
        lambda: api.upload_file(path_or_fileobj=b"1", path_in_repo="x", **DATA),
        lambda: api.create_branch(**DATA, branch="mine"),
        lambda: api.create_tag(**DATA, tag="mine"),
        lambda: api.delete_repo(**DATA),
        lambda: api.create_repo("user/other", repo_type="dataset"),
        lambda: api.update_repo_settings(**DATA, private=True),
    ):
        with pytest.raises(HfHubHTTPError) as caught:
            attempt()
        assert caught.value.response.status_code == 403
    with pytest.raises(HfHubHTTPError, match="Pull Request" if who == "guest" else "write token"):
        api.upload_file(path_or_fileobj=b"1", path_in_repo="x", **DATA)
    assert repo.refs == before and list(hub.repos) == ["datasets/user/data"]
    api.auth_check(**DATA)
    with pytest.raises(HfHubHTTPError):
        api.auth_check(**DATA, write=True)
    hub.api().auth_check(**DATA, write=True)


def test_a_token_that_nobody_has_is_401(hub: Hub, repo: Repo) -> None:
    with pytest.raises(HfHubHTTPError, match="Invalid user token") as caught:
        hub.api("hf_wrong").whoami()
    assert caught.value.response.status_code == 401
    with pytest.raises(HfHubHTTPError, match="Invalid credentials") as caught:
        hub.api("hf_wrong").dataset_info("user/data")
    assert not isinstance(caught.value, RepositoryNotFoundError)


def test_what_exists_is_409_and_keeps_its_content(hub: Hub, repo: Repo) -> None:
    api, before = hub.api(), dict(repo.refs)
    api.create_tag(**DATA, tag="v1")
    for attempt in (
        lambda: api.create_repo("user/data", repo_type="dataset"),
        lambda: api.create_branch(**DATA, branch="main"),
        lambda: api.create_tag(**DATA, tag="v1"),
    ):
        with pytest.raises(HfHubHTTPError) as caught:
            attempt()
        assert caught.value.response.status_code == 409
    assert repo.refs == before | {"refs/tags/v1": before["refs/heads/main"]}


def test_a_commit_on_an_old_parent_is_412(hub: Hub, repo: Repo) -> None:
    api, old = hub.api(), repo.commit().id
    api.upload_file(path_or_fileobj=b"1", path_in_repo="x", **DATA, parent_commit=old)
    with pytest.raises(HfHubHTTPError, match="A commit has happened since") as caught:
        api.upload_file(path_or_fileobj=b"2", path_in_repo="x", **DATA, parent_commit=old)
    assert caught.value.response.status_code == 412
    assert hub.read("datasets/user/data", "x") == b"1"


@pytest.mark.parametrize(
    ("path", "message"), [("README.md/x", "same name"), ("a/../../x", "Invalid path"), (".git/config", "Invalid path")]
)
def test_paths_that_git_could_not_hold_are_refused(hub: Hub, repo: Repo, path: str, message: str) -> None:
    operation = CommitOperationAdd("x", b"1")
    operation.path_in_repo = path  # the client has a check of its own for some of them
    with pytest.raises(HfHubHTTPError, match=message):
        hub.api().create_commit(**DATA, operations=[operation], commit_message="bad")


def test_content_that_is_not_the_announced_one_is_refused(hub: Hub, repo: Repo) -> None:
    oid, url = "0" * 64, f"{hub.endpoint}/lfs/{'0' * 64}"
    assert httpx2.put(url, content=b"other").status_code == 400
    assert httpx2.put(f"{url}/1", content=b"other").status_code == 200
    parts = {"oid": oid, "parts": [{"partNumber": 1, "etag": '"wrong"'}]}
    assert httpx2.post(f"{url}/complete", json=parts).status_code == 400
    whole = hashlib.sha256(b"other").hexdigest()
    assert httpx2.put(f"{hub.endpoint}/lfs/{whole}/1", content=b"other").status_code == 200
    assert httpx2.post(f"{hub.endpoint}/lfs/{whole}/complete", json=parts).status_code == 400, "another ETag"
    verify, token = {"oid": oid, "size": 5}, {"Authorization": f"Bearer {hub.token}"}
    assert httpx2.post(f"{url}/verify", json=verify, headers=token).status_code == 404
    line = {"key": "lfsFile", "value": {"path": "x.bin", "algo": "sha256", "oid": oid, "size": 5}}
    header = {"key": "header", "value": {"summary": "s"}}
    answer = httpx2.post(
        f"{hub.endpoint}/api/datasets/user/data/commit/main",
        content="\n".join(json.dumps(part) for part in (header, line)),
        headers=token,
    )
    assert answer.status_code == 400 and "does not exist" in answer.text
    assert "x.bin" not in repo.files()


def test_cards_are_checked_before_anything_is_uploaded(hub: Hub, repo: Repo) -> None:
    api, before = hub.api(), repo.commit().id
    for card, message in (
        ("---\nlicense: [a\n---\n", "invalid yaml"),
        ("---\nconfigs:\n- data_files: x\n---\n", "config_name"),
        ("---\n- a list\n---\n", "must be an object"),
    ):
        with pytest.raises(ValueError, match=message):
            api.upload_file(path_or_fileobj=card.encode(), path_in_repo="README.md", **DATA)
    assert repo.commit().id == before
    with pytest.warns(UserWarning, match="empty or missing yaml"):
        api.upload_file(path_or_fileobj=b"# only text", path_in_repo="README.md", **DATA)


def test_card_validation_of_the_client_asks_this_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.endpoint)
    DatasetCard("---\nlicense: apache-2.0\n---\n# text\n").validate()
    with pytest.raises(ValueError, match="license"):
        DatasetCard("---\nlicense:\n  name: x\n---\n# text\n").validate()


def test_an_address_that_nothing_serves_is_404(hub: Hub) -> None:
    for path in ("/", "/api/jobs/user", "/info?dataset=user/data", "/api/datasets/no-namespace"):
        assert httpx2.get(hub.endpoint + path).status_code == 404
