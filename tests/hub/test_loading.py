"""The clients of users, in processes of their own that are sent here by their environment alone."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import CommitOperationAdd

from tests.hub import Hub

CARD = """---
license: apache-2.0
configs:
- config_name: pairs
  default: true
  data_files: [{split: train, path: pairs/train-*.parquet}, {split: test, path: pairs/test-*.parquet}]
- config_name: metadata
  data_files: [{split: test, path: pairs/test-*.parquet}]
---
"""

LOAD = """
import json
import datasets, pandas
from huggingface_hub import HfFileSystem

whole = datasets.load_dataset("user/data", "pairs")
slice = datasets.load_dataset("user/data", split="train[5:7]", revision="v1")
stream = datasets.load_dataset("user/data", "pairs", split="test", streaming=True)
table = pandas.read_parquet("hf://datasets/user/data/pairs/test-00000-of-00001.parquet", columns=["n"])
datasets.Dataset.from_dict({"n": [1, 2]}).push_to_hub("museum/pushed", "part", private=True)
print(json.dumps({
    "configs": datasets.get_dataset_config_names("user/data"),
    "rows": {name: split["n"] for name, split in whole.items()},
    "slice": slice["n"],
    "stream": [row["n"] for row in stream],
    "table": table["n"].tolist(),
    "pushed": datasets.load_dataset("museum/pushed", "part", split="train")["n"],
}, default=list))
"""


def parquet(rows: range) -> bytes:
    stream = io.BytesIO()
    table = pa.table({"n": list(rows), "bytes": [bytes([n % 256]) * 2000 for n in rows]})
    pq.write_table(table, stream, row_group_size=5, compression="none")
    return stream.getvalue()


def test_datasets_loads_slices_streams_and_pushes_private_repositories(hub: Hub, tmp_path: Path) -> None:
    api, files = hub.api(), {"README.md": CARD.encode(), "pairs/test-00000-of-00001.parquet": parquet(range(90, 96))}
    files |= {f"pairs/train-0000{n}-of-00002.parquet": parquet(range(10 * n, 10 * n + 10)) for n in range(2)}
    api.create_repo("user/data", repo_type="dataset", private=True)
    adds = [CommitOperationAdd(path, content) for path, content in files.items()]
    api.create_commit("user/data", adds, repo_type="dataset", commit_message="data")
    api.create_tag("user/data", repo_type="dataset", tag="v1")
    before = len(hub.requests)
    ended = subprocess.run([sys.executable, "-c", LOAD], env=hub.env, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    train, test = list(range(20)), list(range(90, 96))
    assert json.loads(ended.stdout) == {
        "configs": ["pairs", "metadata"],
        "rows": {"train": train, "test": test},
        "slice": [5, 6],
        "stream": test,
        "table": test,
        "pushed": [1, 2],
    }
    asked = hub.requests[before:]
    assert all(request.status in (200, 206, 302, 404) for request in asked)
    assert all("hf_" in request.headers["authorization"] for request in asked if request.path.startswith("/api/"))
    assert Path(hub.env["HF_HOME"], "datasets").is_dir(), "the caches are the Hub's own"


def test_the_environment_keeps_what_belongs_to_the_developer_out(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_CACHE", "https_proxy", "HTTP_PROXY", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    monkeypatch.setenv("OTHER", "kept")
    env = hub.env
    assert env["OTHER"] == "kept" and env["HF_TOKEN"] == hub.token and env["HF_ENDPOINT"] == hub.endpoint
    assert {name for name in env if name.startswith("HF_")} == {name for name in hub.variables if name != "NO_PROXY"}
    assert not {name for name in env if "proxy" in name.lower()} - {"NO_PROXY"}
    assert "HUGGING_FACE_HUB_TOKEN" not in env


def test_the_hub_can_be_run_by_hand(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.hub", "--folder", str(tmp_path / "hub")]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = dict(process.stdout.readline().removeprefix("export ").strip().split("=", 1) for _ in range(7))
        headers = {"Authorization": f"Bearer {said['HF_TOKEN']}"}
        assert httpx2.get(f"{said['HF_ENDPOINT']}/api/whoami-v2", headers=headers).json()["name"] == "user"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert (tmp_path / "hub" / "objects").is_dir()
