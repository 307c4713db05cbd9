"""The real clients against the Hub of the tests: what they upload, list, download and load."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import hf_hub_download

from tests.hub import Hub


def test_a_folder_of_small_and_lfs_files_comes_back_as_it_was(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A card\n")
    (folder / "data" / "train.parquet").write_bytes(bytes(range(256)) * 100)
    api = hub.api()
    api.create_repo("user/data", repo_type="dataset")
    api.upload_folder(folder_path=folder, repo_id="user/data", repo_type="dataset")
    for name in ("README.md", "data/train.parquet"):
        copy = hf_hub_download(
            "user/data", name, repo_type="dataset", endpoint=hub.endpoint, token=hub.token, cache_dir=tmp_path / "cache"
        )
        assert Path(copy).read_bytes() == (folder / name).read_bytes()
    assert hub.repos["datasets/user/data"].files()["data/train.parquet"].lfs
    assert not hub.repos["datasets/user/data"].files()["README.md"].lfs
