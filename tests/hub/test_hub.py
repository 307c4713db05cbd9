"""The real client against the Hub of the tests: what it uploads, lists and downloads."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import httpx2
import pytest
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfFileSystem,
    get_hf_file_metadata,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

from tests.hub import Hub, Repo

DATA: dict[str, Any] = {"repo_id": "user/data", "repo_type": "dataset"}


def puts(hub: Hub) -> list[int]:
    """The sizes of the contents that were sent to LFS."""
    return [request.received for request in hub.requests if request.method == "PUT"]


def test_a_folder_of_small_and_lfs_files_comes_back_as_it_was(hub: Hub, repo: Repo, folder: Path) -> None:
    for name in ("README.md", "data/train.parquet"):
        copy = hf_hub_download(**DATA, filename=name, endpoint=hub.endpoint, token=hub.token)
        assert Path(copy).read_bytes() == (folder / name).read_bytes()
    files = repo.files()
    assert files["data/train.parquet"].lfs == hashlib.sha256((folder / "data/train.parquet").read_bytes()).hexdigest()
    assert files["README.md"].lfs is None
    for name, etag in (("README.md", files["README.md"].oid), ("data/train.parquet", files["data/train.parquet"].lfs)):
        url = f"{hub.endpoint}/datasets/user/data/resolve/main/{name}"
        told = get_hf_file_metadata(url, token=hub.token)
        assert (told.size, told.etag, told.commit_hash) == (files[name].size, etag, repo.commit().id)
    assert sorted(files) == [".gitattributes", "README.md", "data/train.parquet"]
    assert hub.read("datasets/user/data", "README.md") == (folder / "README.md").read_bytes()


def test_what_the_hub_has_is_not_sent_again(hub: Hub, repo: Repo, folder: Path) -> None:
    assert puts(hub) == [25_600]
    hub.api().upload_folder(folder_path=folder, **DATA)
    assert len(list(repo.log())) == 2, "nothing changed, so nothing was committed"
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    (folder / "data" / "train.parquet").rename(folder / "data" / "moved.parquet")
    hub.api().upload_folder(folder_path=folder, **DATA)
    assert puts(hub) == [25_600], "the content under another name is the same LFS object"
    assert repo.files()["data/moved.parquet"] == repo.files()["data/train.parquet"]
    assert len(list(repo.log())) == 3


@pytest.mark.parametrize(("part_size", "sent"), [(10_000, [10_000, 10_000, 5_600]), (12_800, [12_800] * 2)])
def test_large_objects_are_sent_in_parts(hub: Hub, folder: Path, part_size: int, sent: list[int]) -> None:
    hub.part_size = part_size
    hub.api().create_repo(**DATA)
    hub.api().upload_folder(folder_path=folder, **DATA)
    assert puts(hub) == sent
    content = hub.read("datasets/user/data", "data/train.parquet")
    assert content == (folder / "data/train.parquet").read_bytes()


def test_every_type_of_repository_can_be_made_found_and_deleted(hub: Hub) -> None:
    api = hub.api()
    for repo_type, prefix in (("model", ""), ("dataset", "datasets/"), ("space", "spaces/")):
        sdk = {"space_sdk": "static"} if repo_type == "space" else {}
        url = api.create_repo("museum/thing", repo_type=repo_type, private=True, **sdk)
        assert str(url) == f"{hub.endpoint}/{prefix}museum/thing"
        assert api.create_repo("museum/thing", repo_type=repo_type, exist_ok=True, **sdk).repo_id == "museum/thing"
        info = api.repo_info("museum/thing", repo_type=repo_type)
        assert info.private and info.author == "museum"
        assert [file.rfilename for file in info.siblings] == [".gitattributes"]
        api.delete_repo("museum/thing", repo_type=repo_type)
        assert not api.repo_exists("museum/thing", repo_type=repo_type)
    assert api.whoami()["name"] == "user" and hub.api(hub.guest_token).whoami()["name"] == "guest"


def test_info_tells_sizes_hashes_card_and_commit(hub: Hub, repo: Repo) -> None:
    info = hub.api().dataset_info("user/data", files_metadata=True)
    sizes = {file.rfilename: (file.size, file.lfs and file.lfs.sha256) for file in info.siblings}
    assert sizes == {path: (file.size, file.lfs) for path, file in repo.files().items()}
    assert info.sha == repo.refs["refs/heads/main"] and info.last_modified == repo.commit().date.replace(
        microsecond=repo.commit().date.microsecond // 1000 * 1000
    )
    assert info.card_data.license == "apache-2.0"
    first = list(repo.log())[-1]
    assert len(hub.api().dataset_info("user/data", revision=first.id).siblings) == 1
    api = hub.api()
    api.upload_file(path_or_fileobj=b"---\nmade: 2026-11-22\n---\n", path_in_repo="README.md", **DATA)
    assert api.dataset_info("user/data").card_data.made == "2026-11-22"
    narrow = hub.api().dataset_info("user/data", expand=["sha", "lastModified"])
    assert narrow.sha == repo.commit().id and narrow.siblings is None


def test_listings_come_in_pages_and_say_what_changed_last(hub: Hub, repo: Repo) -> None:
    api = hub.api()
    adds = [CommitOperationAdd(f"many/{n % 3}/{n:02}.txt", f"{n}".encode()) for n in range(20)]
    api.create_commit(**DATA, operations=adds, commit_message="many")
    hub.page_size = 4
    entries = {entry.path: entry for entry in api.list_repo_tree(**DATA, recursive=True, expand=True)}
    assert {path for path, entry in entries.items() if hasattr(entry, "size")} == set(repo.files())
    assert set(entries) - set(repo.files()) == {"data", "many", "many/0", "many/1", "many/2"}
    assert sum(request.path.endswith("/tree/main") for request in hub.requests) == 7, "28 entries, 4 a page"
    titles = {path: entries[path].last_commit.title for path in ("README.md", "data", "many", "many/1/01.txt")}
    assert titles == {"README.md": "first", "data": "first", "many": "many", "many/1/01.txt": "many"}
    assert [e.path for e in api.list_repo_tree(**DATA, path_in_repo="many")] == ["many/0", "many/1", "many/2"]
    found = api.get_paths_info(**DATA, paths=["data/train.parquet", "many/1", "nowhere"])
    assert [entry.path for entry in found] == ["data/train.parquet", "many/1"]
    assert found[0].lfs.sha256 == repo.files()["data/train.parquet"].lfs
    for n in range(3):
        api.upload_file(path_or_fileobj=f"{n}".encode(), path_in_repo="counter", **DATA, commit_message=f"count {n}")
    titles_of_log = [commit.title for commit in api.list_repo_commits(**DATA)]
    assert titles_of_log == ["count 2", "count 1", "count 0", "many", "first", "initial commit"]


def test_a_commit_adds_copies_and_deletes_or_does_nothing(hub: Hub, repo: Repo) -> None:
    api, before = hub.api(), repo.commit()
    api.create_commit(
        **DATA,
        operations=[
            CommitOperationCopy("data/train.parquet", "copy/train.parquet"),
            CommitOperationCopy("README.md", "copy/README.md"),
            CommitOperationDelete("data/"),
            CommitOperationAdd("new.txt", b"new"),
        ],
        commit_message="all kinds",
        parent_commit=before.id,
    )
    after = repo.files()
    assert sorted(after) == [".gitattributes", "README.md", "copy/README.md", "copy/train.parquet", "new.txt"]
    assert after["copy/train.parquet"] == before.tree["data/train.parquet"]
    with pytest.raises(Exception, match="doesn't exist"):
        add, drop = CommitOperationAdd("other.txt", b""), CommitOperationDelete("nowhere.txt")
        api.create_commit(**DATA, operations=[add, drop], commit_message="half")
    assert repo.files() == after


def test_branches_and_tags_name_commits(hub: Hub, repo: Repo) -> None:
    api, first = hub.api(), repo.commit().id
    api.create_tag(**DATA, tag="v1.0", tag_message="a version")
    api.create_tag(**DATA, tag="100%25", revision="v1.0")
    api.delete_tag(**DATA, tag="100%25")
    api.create_branch(**DATA, branch="next/one", revision="v1.0")
    api.upload_file(path_or_fileobj=b"1", path_in_repo="new.txt", **DATA, revision="next/one")
    refs = api.list_repo_refs(**DATA)
    assert {ref.name: ref.target_commit for ref in refs.tags} == {"v1.0": first}
    assert {ref.name for ref in refs.branches} == {"main", "next/one"}
    assert api.file_exists("user/data", "new.txt", repo_type="dataset", revision="next/one")
    assert not api.file_exists("user/data", "new.txt", repo_type="dataset", revision="main")
    api.create_tag(**DATA, tag="v1.0", exist_ok=True)
    api.create_branch(**DATA, branch="main", exist_ok=True)
    api.delete_branch(**DATA, branch="next/one")
    api.delete_tag(**DATA, tag="v1.0")
    assert set(repo.refs) == {"refs/heads/main"}


def test_a_pull_request_is_proposed_read_and_merged(hub: Hub, repo: Repo) -> None:
    guest, api, before = hub.api(hub.guest_token), hub.api(), repo.commit().id
    commit = guest.upload_file(path_or_fileobj=b"1", path_in_repo="new.txt", **DATA, create_pr=True)
    assert commit.pr_num == 1 and repo.commit().id == before, "main has nothing of it yet"
    api.upload_file(path_or_fileobj=b"2", path_in_repo="second.txt", **DATA, revision=commit.pr_revision)
    api.delete_file("README.md", **DATA, revision=commit.pr_revision)
    api.upload_file(path_or_fileobj=b"3", path_in_repo="of main.txt", **DATA)
    read = hf_hub_download(
        **DATA, filename="new.txt", revision="refs/pr/1", endpoint=hub.endpoint, token=hub.guest_token
    )
    assert Path(read).read_bytes() == b"1"
    listed = list(api.get_repo_discussions(**DATA, discussion_type="pull_request", discussion_status="open"))
    assert [(pull.num, pull.author, pull.status) for pull in listed] == [(1, "guest", "open")]
    details = api.get_discussion_details("user/data", 1, repo_type="dataset")
    assert "+++ b/new.txt" in details.diff and details.conflicting_files == []
    assert {ref.ref for ref in api.list_repo_refs(**DATA, include_pull_requests=True).pull_requests} == {"refs/pr/1"}
    api.merge_pull_request("user/data", 1, repo_type="dataset")
    assert {"new.txt", "second.txt", "of main.txt"} <= set(repo.files()) and "README.md" not in repo.files()
    merged = api.get_discussion_details("user/data", 1, repo_type="dataset")
    assert merged.status == "merged" and merged.merge_commit_oid == repo.commit().id


def test_a_pull_request_that_conflicts_is_not_merged(hub: Hub, repo: Repo) -> None:
    api = hub.api()
    pull = api.create_pull_request("user/data", "a proposal", repo_type="dataset")
    assert pull.status == "draft"
    api.upload_file(path_or_fileobj=b"theirs", path_in_repo="same.txt", **DATA, revision="refs/pr/1")
    api.upload_file(path_or_fileobj=b"ours", path_in_repo="same.txt", **DATA)
    with pytest.raises(HfHubHTTPError, match="409"):
        api.merge_pull_request("user/data", 1, repo_type="dataset")
    assert api.get_discussion_details("user/data", 1, repo_type="dataset").conflicting_files == ["same.txt"]
    assert hub.read("datasets/user/data", "same.txt") == b"ours"
    api.comment_discussion("user/data", 1, "never mind", repo_type="dataset")
    assert api.change_discussion_status("user/data", 1, "closed", repo_type="dataset").new_status == "closed"
    assert not list(api.get_repo_discussions(**DATA, discussion_status="open"))
    with pytest.raises(HfHubHTTPError, match="409"):
        api.merge_pull_request("user/data", 1, repo_type="dataset")


def test_a_snapshot_is_the_folder(hub: Hub, repo: Repo, folder: Path, tmp_path: Path) -> None:
    copy = Path(snapshot_download(**DATA, endpoint=hub.endpoint, token=hub.token, local_dir=tmp_path / "copy"))
    for path in folder.rglob("*.*"):
        assert (copy / path.relative_to(folder)).read_bytes() == path.read_bytes()
    again = len(hub.requests)
    snapshot_download(**DATA, endpoint=hub.endpoint, token=hub.token, local_dir=tmp_path / "copy")
    assert not [r for r in hub.requests[again:] if r.path.startswith("/cdn/")], "what is there is not fetched again"


def test_names_with_letters_of_all_kinds_are_kept(hub: Hub, repo: Repo) -> None:
    api, names = hub.api(), ["Ville d'été/a b.txt", "雪 100%.png", "what?#1&2=3.parquet", "a%2Fb.txt", 'quo"te.txt']
    adds = [CommitOperationAdd(name, name.encode()) for name in names]
    api.create_commit(**DATA, operations=adds, commit_message="names")
    assert set(names) < set(api.list_repo_files(**DATA))
    hub.page_size = 2
    assert set(names) < {entry.path for entry in api.list_repo_tree(**DATA, recursive=True)}
    for name in names:
        copy = hf_hub_download(**DATA, filename=name, endpoint=hub.endpoint, token=hub.token)
        assert Path(copy).read_bytes() == name.encode()
    with pytest.raises(EntryNotFoundError, match="Entry Not Found"):
        api.delete_file("雪.txt", **DATA)


def test_ranges_of_a_file_are_read_without_the_rest(hub: Hub, repo: Repo, folder: Path) -> None:
    files = HfFileSystem(endpoint=hub.endpoint, token=hub.token, skip_instance_cache=True)
    content = (folder / "data/train.parquet").read_bytes()
    with files.open("datasets/user/data/data/train.parquet", block_size=1000, cache_type="none") as file:
        file.seek(20_000)
        assert file.read(300) == content[20_000:20_300]
        file.seek(-5, 2)
        assert file.read() == content[-5:]
    ranges = [request.headers["range"] for request in hub.requests if request.path.startswith("/cdn/")]
    assert ranges == ["bytes=20000-20299", "bytes=25595-25599"]
    assert all(request.status == 206 for request in hub.requests if request.path.startswith("/cdn/"))
    assert files.glob("datasets/user/data/**/*.parquet") == ["datasets/user/data/data/train.parquet"]
    assert files.cat("datasets/user/data/README.md") == (folder / "README.md").read_bytes()


def test_storage_serves_signed_addresses_only_and_sees_no_token(hub: Hub, repo: Repo) -> None:
    hf_hub_download(**DATA, filename="data/train.parquet", endpoint=hub.endpoint, token=hub.token)
    (fetched,) = [request for request in hub.requests if request.path.startswith("/cdn/")]
    assert "authorization" not in fetched.headers
    assert httpx2.get(hub.endpoint + fetched.path).status_code == 403
    assert httpx2.get(f"{hub.endpoint}{fetched.path}?{fetched.query}").status_code == 200
