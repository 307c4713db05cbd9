"""The script that `datasets` 2 and 3 run, used here as newer versions allow: its class, directly."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets import load_dataset

from artsim_dataset.features import DESCRIPTIONS, FEATURES, STUDY_FEATURES
from builder.build import BuildResult
from loading_script import CONFIGS, ArtSim


def test_script_has_the_configs_of_the_library() -> None:
    assert list(CONFIGS) == list(FEATURES)
    assert list(DESCRIPTIONS) == [*FEATURES, *STUDY_FEATURES]
    assert all(str(config.version) == "1.0.0" for config in ArtSim.BUILDER_CONFIGS)


@pytest.mark.parametrize("config", ["triplets", "metadata"])
def test_script_gives_the_rows_of_load_dataset(built: BuildResult, tmp_path: Path, config: str) -> None:
    builder = ArtSim(config_name=config, data_dir=str(built.out), cache_dir=str(tmp_path))
    builder.download_and_prepare()
    ours, stock = builder.as_dataset(split="train"), load_dataset(str(built.out), config, split="train")
    assert ours.features == stock.features
    assert ours.with_format("arrow")[:] == stock.with_format("arrow")[:]


def test_script_beside_the_data_finds_it_and_streams(built: BuildResult, tmp_path: Path) -> None:
    builder = ArtSim(config_name="triplets", data_dir=str(built.out), cache_dir=str(tmp_path))
    row = next(iter(builder.as_streaming_dataset(split="test")))
    assert row["anchor"].size == row["positive"].size
    assert (built.out / "loading_script.py").read_bytes() == Path("loading_script.py").resolve().read_bytes()


def test_folder_without_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no files of 'triplets' below"):
        ArtSim(config_name="triplets", data_dir=str(tmp_path), cache_dir=str(tmp_path)).download_and_prepare()
