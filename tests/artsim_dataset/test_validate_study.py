"""`artsim validate` on a case study: images from prompts alone, made by a tiny pipeline of the real class."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from artsim_dataset.validate import validate
from builder.build import build
from builder.config import load_config
from builder.engine import LocalEngine
from builder.models.clip_tokens import count
from tests.artsim_dataset.damage import tools
from tests.artsim_dataset.test_validate import told
from tests.builder.models import tiny_diffusion
from tests.conftest import Silent


@pytest.fixture(scope="module")
def study(engine: LocalEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    tiny_diffusion.stable_diffusion(folder / "sd")
    (folder / "artists.csv").write_text("artist\nClaude Monet\nvincent-van-gogh\n")
    settings = [f"generate.model={folder / 'sd'}", "generate.steps=1", "prompt.images=2", "prompt.templates=simple"]
    config = load_config("text2img", assignments=settings)
    build(str(folder / "artists.csv"), folder / "dataset", config, engine, Silent())
    return folder / "dataset"


@pytest.fixture
def damaged(study: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(study, tmp_path / "dataset", ignore=shutil.ignore_patterns("work")))


def test_study_passes_every_check_that_is_for_it(study: Path) -> None:
    found = validate(study, count)
    assert found.ok, told(found)
    assert (found.rows, found.images) == (4, 4)
    assert not [check for check in found.checks if check.startswith(("triplets", "real_vs_ai", "metadata", "csv"))]


@pytest.mark.parametrize(
    ("column", "value", "check"),
    [
        ("seed", 7, "rows: seed"),
        ("id", "claude-monet/simple-1", "ids: unique"),
        ("id", "monet", "ids: well formed"),
        ("prompt_complete", "", "prompts: there"),
        ("prompt_compressed", "a dog and " * 40, "prompts: 75 tokens at most"),
        ("prompt_tokens", 1, "prompts: tokens counted"),
        ("provenance", "{}", "rows: provenance"),
        ("subject", None, "rows: no empty cell"),
        ("subject", "/home/me/dog", "text: no machine path"),
        ("artist", "Nobody", "build.json: counts"),
    ],
)
def test_changed_cell_is_found(damaged: Path, column: str, value: object, check: str) -> None:
    tools.set_cell(damaged, "images", column, value)
    tools.reseal(damaged)
    found = validate(damaged, count)
    assert check in found.numbers, told(found)


def test_images_of_another_size_cut_short_or_black_are_found(damaged: Path) -> None:
    changes = (
        lambda data: tools.again(data, lambda image: image.resize((64, 64))),
        lambda data: data[:99],
        lambda data: tools.again(data, lambda image: image.point(lambda level: 0)),
    )
    for row, change in enumerate(changes, start=1):
        tools.set_picture(damaged, "images", "image", change, row)
    found = validate(damaged, count)
    assert {"images: size", "images: decode", "images: variant is a picture"} <= found.numbers.keys(), told(found)


def test_lost_shard_is_found(damaged: Path) -> None:
    tools.shard(damaged, "images").unlink()
    assert {"checksums: no file missing", "parquet: row counts"} <= validate(damaged, count).numbers.keys()
