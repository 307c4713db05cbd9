"""A data set repository to test on, and a folder to make it from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hub import Hub, Repo

CARD = "---\nlicense: apache-2.0\nconfigs:\n- config_name: pairs\n  data_files: data/*.parquet\n---\n# A card\n"


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the clients in this process download belongs to the test."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small file, and one of 25,600 bytes that goes to LFS."""
    folder = tmp_path / "folder"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text(CARD)
    (folder / "data" / "train.parquet").write_bytes(bytes(range(256)) * 100)
    return folder


@pytest.fixture
def repo(hub: Hub, folder: Path) -> Repo:
    """The folder, uploaded as user/data by the real client."""
    api = hub.api()
    api.create_repo("user/data", repo_type="dataset")
    api.upload_folder(folder_path=folder, repo_id="user/data", repo_type="dataset", commit_message="first")
    return hub.repos["datasets/user/data"]
