"""`--engine ray` with an object store as source and target: the workers read and write it themselves."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("ray", reason="needs the extra 'ray'")

import ray

from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.object_store import ObjectPath
from builder.build import build
from builder.config import RayConfig, load_config
from builder.engine import LocalEngine
from builder.gallery import write_gallery
from builder.ray_engine import RayEngine
from tests.builder import ray_tasks
from tests.conftest import Silent
from tests.storage.conftest import new_bucket, use
from tests.storage.test_builds import content

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

ROOT = Path(__file__).parents[2]
SETTINGS = ("preprocess.size=64", "crop.size=64", "source.shard_rows=2", "generate.kind=26-styles")


@pytest.fixture(scope="module")
def cluster(store: str) -> Iterator[tuple[Cluster, str]]:
    """A cluster of one node that is spoken to as from another machine, by its client server; and its address."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        use(patch, store)
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.delenv("RAY_ADDRESS", raising=False)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        node = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 80 << 20}
        made = Cluster(initialize_head=True, head_node_args={**node, "ray_client_server_port": port})
        made.wait_for_nodes()
        yield made, f"ray://127.0.0.1:{port}"
        ray.shutdown()
        with suppress(Exception):
            made.shutdown()


@pytest.fixture
def engine(cluster: tuple[Cluster, str]) -> Iterator[RayEngine]:
    until = time.monotonic() + 120  # Ray's client server starts after the cluster, and on a busy machine late
    while True:
        try:
            engine = RayEngine(RayConfig(address=cluster[1]))
            break
        except ConfigError:
            if time.monotonic() > until:
                raise
            time.sleep(1)
    yield engine
    engine.close()


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


def test_a_cluster_whose_head_dies_ends_the_stage_with_a_sentence(
    engine: RayEngine, cluster: tuple[Cluster, str]
) -> None:
    """The last test of this file: the cluster is gone after it."""
    results = engine.map(ray_tasks.pid, [0.2] * 1000, lambda rows: None)
    assert next(results)
    cluster[0].remove_node(cluster[0].head_node, allow_graceful=False)
    with pytest.raises(ArtsimError, match=f"the Ray cluster at {cluster[1]} is gone; what is done is kept"):
        list(results)
