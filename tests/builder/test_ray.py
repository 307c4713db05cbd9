"""`--engine ray` on a real cluster of three nodes: the same bytes as `local`, whoever is killed on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("ray", reason="needs the extra 'ray'")

import ray

from artsim_dataset.errors import ArtsimError, ConfigError, StageError
from builder.build import build
from builder.config import BuildConfig, RayConfig, load_config
from builder.engine import LocalEngine, open_engine
from builder.gallery import write_gallery
from builder.ray_crew import check_same
from builder.ray_engine import TRIES, RayEngine
from builder.ray_worker import Hello
from tests.builder import ray_tasks
from tests.conftest import Silent

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

ROOT = Path(__file__).parents[2]
SETTINGS = ("preprocess.size=96", "crop.size=64", "source.shard_rows=2", "generate.kind=26-styles")
STORE = 80 * 1024 * 1024
"""Bytes of each node's object store: Ray's smallest, since nothing of a build travels through it."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Three nodes: two CPUs, one CPU, and one with a CPU and (it says) a GPU."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.delenv("RAY_ADDRESS", raising=False)
        made = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 2,
                "include_dashboard": False,
                "object_store_memory": STORE,
            },
        )
        made.add_node(num_cpus=1, object_store_memory=STORE)
        made.add_node(num_cpus=1, num_gpus=1, object_store_memory=STORE)
        made.wait_for_nodes()
        yield made
        ray.shutdown()
        with suppress(Exception):
            made.shutdown()


@pytest.fixture(scope="module")
def engine_ray(cluster: Cluster) -> Iterator[RayEngine]:
    engine = RayEngine(RayConfig(address=cluster.address, gpus_per_worker=0.5, cpus_per_worker=0.5))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def paintings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paintings")
    write_gallery(folder, per_genre=1, size=96)
    return folder


@pytest.fixture(scope="module")
def config() -> BuildConfig:
    return load_config(assignments=SETTINGS, source={"limit": 12})


@pytest.fixture(scope="module")
def checksums(
    paintings: Path, config: BuildConfig, engine: LocalEngine, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Of the data set as the local engine makes it."""
    out = tmp_path_factory.mktemp("local") / "out"
    build(str(paintings), out, config, engine, Silent())
    return (out / "checksums.sha256").read_text()


def nothing(rows: int) -> None: ...


def wait_until(true: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until, f"never: {what}"
        time.sleep(0.05)


def test_four_cpus_run_four_shards_at_once(cluster: Cluster, tmp_path: Path) -> None:
    engine = RayEngine(RayConfig(address=cluster.address))
    places = [(tmp_path, number, 4) for number in range(4)]
    assert [seen for seen, _, _ in engine.map(ray_tasks.meet, places, nothing)] == [4] * 4
    engine.close()
    assert not ray.is_initialized()


def test_halves_of_a_gpu_are_two_workers(engine_ray: RayEngine, tmp_path: Path) -> None:
    found = list(engine_ray.map(ray_tasks.meet, [(tmp_path, number, 2) for number in range(6)], nothing, "gpu"))
    assert min(seen for seen, _, _ in found) >= 2
    assert len({pid for _, pid, _ in found}) == 2
    assert {gpu for _, _, gpu in found} == {"0"}


def test_another_lane_ends_the_workers_of_the_one_before(engine_ray: RayEngine) -> None:
    before = set(engine_ray.map(ray_tasks.pid, [0.1] * 6, nothing, "gpu"))
    assert len(set(engine_ray.map(ray_tasks.pid, [0.01] * 6, nothing, "api"))) == 1
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in before), "the first lane's workers have ended")


def test_worker_that_dies_gives_its_item_back_and_no_row_counts_twice(engine_ray: RayEngine, tmp_path: Path) -> None:
    counted: list[int] = []
    results = list(engine_ray.map(ray_tasks.die, [tmp_path / "flag"], counted.append))
    assert len(results) == 1 and sum(counted) == 5
    assert 3 in counted and -3 in counted  # it was seen at work before it died


def test_item_that_kills_every_worker_ends_the_stage_and_is_named(
    engine_ray: RayEngine, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ArtsimError, match=f"{TRIES} Ray workers died, one after the other, at None"):
        list(engine_ray.map(ray_tasks.die, [None], nothing))
    assert len([r for r in caplog.records if "a Ray worker died at None" in r.message]) == TRIES - 1
    assert list(engine_ray.map(ray_tasks.pid, [0.0], nothing))  # the engine goes on


def test_errors_arrive_as_themselves_and_logs_come_home(
    engine_ray: RayEngine, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StageError) as stage:
        list(engine_ray.map(ray_tasks.fail, ["stage"], nothing))
    assert (stage.value.stage, stage.value.shard, stage.value.message) == ("caption", "00003", "the model broke")
    assert "this will be a stage" in caplog.text
    with pytest.raises(ConfigError, match="/nowhere/00001.parquet.*same path on every node"):
        list(engine_ray.map(ray_tasks.fail, ["file"], nothing))
    with pytest.raises(ArtsimError, match="Odd: of this process alone"):
        list(engine_ray.map(ray_tasks.fail, ["odd"], nothing))
    with pytest.raises(ValueError, match="plain") as plain:
        list(engine_ray.map(ray_tasks.fail, ["plain"], nothing))
    assert "ray_tasks.py" in "".join(plain.value.__notes__)  # --debug shows where


def test_worker_that_no_node_can_hold_is_refused(cluster: Cluster, engine_ray: RayEngine) -> None:
    big = RayEngine(RayConfig(address=cluster.address, cpus_per_worker=64))
    with pytest.raises(ConfigError, match="takes 64 CPU, and no node"):
        list(big.map(ray_tasks.pid, [0.0], nothing))


@pytest.mark.parametrize("other", [Hello("0.0.1", sys.version.split()[0], "n" * 8, 1), Hello("", "2.7.18", "n" * 8, 1)])
def test_worker_with_another_artsim_or_python_is_refused(other: Hello) -> None:
    with pytest.raises(ConfigError, match=f"artsim {other.artsim} on Python {other.python}.*same on every node"):
        check_same(other)


class Killer(Silent):
    """Kills a worker in one stage and a node in another, when some rows of it are done."""

    def __init__(self, engine: RayEngine, cluster: Cluster) -> None:
        self.engine, self.cluster = engine, cluster
        self.name = ""
        self.done: list[str] = []

    def stage(self, name: str, rows: int, done: int) -> None:
        self.name = name

    def advance(self, rows: int) -> None:
        if not rows or self.name in self.done:
            return
        if self.name == "caption":
            self.done.append(self.name)
            assert self.engine._crew is not None
            os.kill(next(seat.pid for seat in self.engine._crew.seats if seat.item is not None), signal.SIGKILL)
        if self.name == "generate":
            self.done.append(self.name)
            self.cluster.remove_node(
                sorted(self.cluster.worker_nodes, key=lambda n: n.node_id)[0], allow_graceful=False
            )


def test_build_is_the_same_though_a_worker_and_a_node_are_killed(
    cluster: Cluster, engine_ray: RayEngine, paintings: Path, config: BuildConfig, checksums: str, tmp_path: Path
) -> None:
    killer = Killer(engine_ray, cluster)
    result = build(str(paintings), tmp_path / "out", config, engine_ray, killer)
    assert killer.done == ["caption", "generate"]
    assert (tmp_path / "out" / "checksums.sha256").read_text() == checksums
    assert not build(str(paintings), tmp_path / "out", config, engine_ray, Silent()).changed and result.changed


def test_build_whose_driver_is_killed_is_completed_by_the_next_one(
    cluster: Cluster, engine_ray: RayEngine, paintings: Path, checksums: str, tmp_path: Path
) -> None:
    engine_ray.close()
    out, env = tmp_path / "out", {**os.environ, "PYTHONPATH": str(ROOT)}
    sets = [word for setting in SETTINGS for word in ("--set", setting)]
    command = [sys.executable, "-m", "artsim_dataset.cli", "build", "--source", str(paintings), "--out", str(out)]
    command += ["--limit", "12", "--engine", "ray", *sets, "--set", f"ray.address={cluster.address}"]
    driver = subprocess.Popen(command, cwd="/", env=env, stdout=subprocess.PIPE)
    wait_until(lambda: any(out.glob("work/02-*/*.json")), "a shard is done")
    driver.kill()
    driver.communicate()
    ended = subprocess.run(command, cwd="/", env=env, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert "(raylet)" not in ended.stdout + ended.stderr and "INFO" not in ended.stderr
    assert (out / "checksums.sha256").read_text() == checksums
    assert not list(out.rglob(".*.tmp"))


def test_no_cluster_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match="no Ray cluster answers at '127.0.0.1:1'; start one with 'ray start --head'"):
        open_engine("ray", None, RayConfig(address="127.0.0.1:1"))


def test_missing_ray_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"--engine ray needs the 'ray' extra: pip install 'artsim\[ray\]'"):
        open_engine("ray", None, RayConfig())


def test_engine_of_another_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown engine 'spark'; engines are: local, ray"):
        open_engine("spark", None, RayConfig())
