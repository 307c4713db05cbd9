"""`--engine ray` with an object store as source and target: the workers read and write it themselves."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="needs the extra 'ray'")

import ray

from artsim_dataset.object_store import ObjectPath
from builder.build import build
from builder.config import RayConfig, load_config
from builder.engine import LocalEngine
from builder.gallery import write_gallery
from builder.ray_engine import RayEngine
from tests.conftest import Silent
from tests.storage.conftest import new_bucket, use
from tests.storage.test_builds import content

ROOT = Path(__file__).parents[2]
SETTINGS = ("preprocess.size=64", "crop.size=64", "source.shard_rows=2", "generate.kind=26-styles")


@pytest.fixture
def engine(store: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[RayEngine]:
    """Workers on a cluster that is spoken to as from another machine, by its client server (``ray://``)."""
    from ray.cluster_utils import Cluster

    use(monkeypatch, store)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    node = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 80 << 20, "ray_client_server_port": port}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    cluster.wait_for_nodes()
    engine = RayEngine(RayConfig(address=f"ray://127.0.0.1:{port}"))
    yield engine
    engine.close()
    ray.shutdown()
    with suppress(Exception):
        cluster.shutdown()


def test_a_cluster_builds_from_a_store_into_a_store_what_this_machine_builds_on_its_disk(
    engine: RayEngine, store: str, tmp_path: Path
) -> None:
    write_gallery(tmp_path / "paintings", per_genre=1, size=64)
    config = load_config("lite", None, SETTINGS, source={"limit": 6})
    here = LocalEngine(1)
    build(str(tmp_path / "paintings"), tmp_path / "here", config, here, Silent())
    here.close()
    bucket: ObjectPath = new_bucket(store)
    for file in (tmp_path / "paintings").rglob("*.*"):
        (bucket / "paintings" / file.relative_to(tmp_path / "paintings").as_posix()).put(file)
    built = build(f"{bucket}/paintings", bucket / "data", config, engine, Silent())
    assert content(bucket / "data") == content(tmp_path / "here") and built.changed
    assert not build(f"{bucket}/paintings", bucket / "data", config, engine, Silent()).changed
