"""A data set of several small shards, and what is in it according to pyarrow and Pillow alone."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from builder import tables
from builder.build import build
from builder.config import load_config
from builder.engine import LocalEngine
from builder.gallery import write_gallery
from tests.compat.environments import python_with
from tests.compat.probe import digest_of

PROBE = Path(__file__).with_name("probe.py")
GENRES = ("Baroque", "Cubism", "Pop_Art", "Ukiyo_e")
SETTINGS = ("preprocess.size=96", "crop.size=64", "prompt.variants=2")
Job = Mapping[str, Any]


class Silent:
    """A watcher that says nothing."""

    def stage(self, name: str, rows: int, done: int) -> None: ...

    def advance(self, rows: int) -> None: ...


@pytest.fixture(scope="session")
def sharded(engine: LocalEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 variants of 20 small paintings in files of a few rows. Tests only read it."""
    root = tmp_path_factory.mktemp("sharded")
    write_gallery(root / "gallery", per_genre=5, size=96, genres=GENRES)
    return build_sharded(root / "gallery", root / "dataset", engine)


def build_sharded(gallery: Path, out: Path, engine: LocalEngine, *settings: str) -> Path:
    """Builds with files of 16 rows, where the build makes them of 450 MB. Returns the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "ROW_GROUP_ROWS", 16)
        patch.setattr(tables, "MAX_SHARD_BYTES", 10_000)
        build(str(gallery), out, load_config(assignments=[*SETTINGS, *settings]), engine, Silent())
    return out


def truth(dataset: Path, config: str) -> dict[str, list[Any]]:
    """Split -> number and digest of its rows, read without `datasets`."""
    splits = ("train", "test")
    files = {split: sorted((dataset / config).glob(f"{split}-*.parquet")) for split in splits}
    return {split: digest_of(rows(paths)) for split, paths in files.items() if paths}


def rows(files: list[Path]) -> Iterator[dict[str, Any]]:
    """The rows of Parquet files, images decoded by Pillow."""
    for file in files:
        for row in pq.read_table(file).to_pylist():
            yield {name: opened(value) if isinstance(value, dict) else value for name, value in row.items()}


def opened(image: dict[str, Any]) -> Image.Image:
    return Image.open(io.BytesIO(image["bytes"]))


def probe(version: str, jobs: Mapping[str, Job], env: Mapping[str, str], *flags: str) -> dict[str, Any]:
    """What the jobs gave in the environment with this version of `datasets`."""
    done = subprocess.run(
        [python_with(version), PROBE, *flags],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        env={**env, "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"},
        cwd=PROBE.parent,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    results: dict[str, Any] = json.loads(done.stdout)
    assert results.pop("version") == version
    return results
