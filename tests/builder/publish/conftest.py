"""A small data set, and a Hub with the command beside it, for all tests of publishing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builder.build import build
from builder.config import load_config
from builder.engine import LocalEngine
from builder.gallery import write_gallery
from tests.artsim_dataset.damage import tools
from tests.builder.publish.commands import Commands
from tests.conftest import Silent
from tests.hub import Hub

SETTINGS = ["preprocess.size=96", "crop.size=64", "split.train=0.6"]


@pytest.fixture(scope="session")
def paintings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 pictures of 96 px in four genres."""
    folder = tmp_path_factory.mktemp("paintings")
    write_gallery(folder, per_genre=5, size=96, genres=("Baroque", "Cubism", "Pointillism", "Ukiyo_e"))
    return folder


@pytest.fixture(scope="session")
def made(paintings: Path, engine: LocalEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 20 paintings with its work folder, as `artsim build` makes it. Tests only read it."""
    out = tmp_path_factory.mktemp("made") / "dataset"
    build(str(paintings), out, load_config(assignments=SETTINGS), engine, Silent())
    return out


def reseal(folder: Path) -> None:
    """New checksums for a folder that a test changed; its work folder is no part of it."""
    work, aside = folder / "work", folder.parent / "work-aside"
    if work.is_dir():
        work.rename(aside)
    tools.reseal(folder)
    if aside.is_dir():
        aside.rename(work)


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "dataset"))


@pytest.fixture(scope="session")
def shop() -> Iterator[tuple[Hub, Commands]]:
    with Hub() as hub:
        hub.lfs_from = 4096  # so that the small CSV files stay with git, and the small shards do not
        with Commands(hub.env) as commands:
            yield hub, commands


@pytest.fixture
def hub(shop: tuple[Hub, Commands]) -> Iterator[Hub]:
    """The Hub, without faults and with its record of requests empty."""
    hub, _ = shop
    hub.requests.clear()
    hub.fault = lambda request: None
    yield hub
    hub.fault = lambda request: None


@pytest.fixture
def artsim(shop: tuple[Hub, Commands]) -> Commands:
    return shop[1]


_numbers = iter(range(10_000))


@pytest.fixture
def repo() -> str:
    """A repository that no other test has."""
    return f"user/art-{next(_numbers)}"


@pytest.fixture
def published(hub: Hub, artsim: Commands, made: Path, repo: str) -> Callable[[], str]:
    """Publishes the data set; gives the commit of main."""

    def publish() -> str:
        done = artsim("publish", made, "--repo", repo)
        assert done.code == 0, done.err
        hub.requests.clear()
        return hub.repos[f"datasets/{repo}"].refs["refs/heads/main"]

    return publish
