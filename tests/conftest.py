"""Fixtures that many tests share: a painted gallery and a data set built from it, made once in a session."""

from __future__ import annotations

import os

# Tiny models gain nothing from threads, and threads that spin while others work cost them most of their time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Read by huggingface_hub when it is imported: without it uploads need a storage service that tests/hub is not.
os.environ["HF_HUB_DISABLE_XET"] = "1"

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from artsim_dataset.cli import terminal
from builder.build import BuildResult, build
from builder.config import load_config
from builder.engine import LocalEngine
from builder.gallery import write_gallery
from tests.compat.fixtures import sharded as sharded
from tests.hub.fixtures import hub as hub

# How long an example takes tells of the machine, not of the code.
settings.register_profile("artsim", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("artsim")

SHARED = Path(__file__).parents[2] / "shared" / "data"


class Silent:
    """A watcher that says nothing."""

    def stage(self, name: str, rows: int, done: int) -> None: ...

    def advance(self, rows: int) -> None: ...


@pytest.fixture(autouse=True)
def quiet_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """--debug holds for a process; here it must not outlive the test that gave it."""
    monkeypatch.setattr(terminal, "debug", False)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real paintings beside the checkout; a user's clone has none."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared/data, which a user's clone has not")
    return SHARED


@pytest.fixture(scope="session")
def engine() -> Iterator[LocalEngine]:
    """Two worker processes for the whole session: starting them is the slow part."""
    engine = LocalEngine(2)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """81 pictures of 27 genres, 320 px."""
    folder = tmp_path_factory.mktemp("gallery")
    write_gallery(folder, per_genre=3, size=320)
    return folder


@pytest.fixture(scope="session")
def built(gallery: Path, engine: LocalEngine, tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    """The data set of the gallery, as `artsim build` makes it. Tests only read it."""
    out = tmp_path_factory.mktemp("built") / "dataset"
    return build(str(gallery), out, load_config(), engine, Silent())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadfile`, but all tests of the page in one process: they share one app and one browser."""
    from xdist.scheduler import LoadFileScheduling

    class ByFileOrApp(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "tests/app" if nodeid.startswith("tests/app/") else str(super()._split_scope(nodeid))

    return ByFileOrApp(config, log) if config.getvalue("dist") == "loadfile" else None
