"""A small source and what a build of it makes when nothing happens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.gallery import write_gallery
from tests.faults.harness import Build, Ended


@dataclass(frozen=True)
class Reference:
    """An uninterrupted build: its content, how it ended, and its folder, which tests only read."""

    build: Build
    content: dict[str, str]
    ended: Ended


@pytest.fixture(scope="session")
def paintings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """27 pictures of 27 genres, 96 px."""
    folder = tmp_path_factory.mktemp("paintings")
    write_gallery(folder, per_genre=1, size=96)
    return folder


@pytest.fixture(scope="session")
def reference(paintings: Path, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    build = Build(paintings, tmp_path_factory.mktemp("reference") / "out")
    ended = build.finish()
    content = build.content()
    assert len(content) > 10
    return Reference(build, content, ended)
