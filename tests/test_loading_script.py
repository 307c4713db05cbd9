"""The script that `datasets` 2 and 3 run, used here as newer versions allow: its class, directly.

`tests/compat` runs it as a script, with older versions and without the library.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from datasets import Version, load_dataset

from artsim_dataset import load_artsim
from artsim_dataset.errors import ConfigError
from artsim_dataset.features import DESCRIPTIONS, FEATURES, STUDY_FEATURES
from artsim_dataset.schema import SCHEMA_VERSION
from builder.build import WORK
from builder.engine import LocalEngine
from loading_script import CONFIGS, ArtSim
from tests.compat.fixtures import build_sharded

SCRIPT = Path(__file__).parents[1] / "loading_script.py"


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as it is where the artsim library is not installed."""
    for name in [name for name in sys.modules if name.split(".")[0] == "artsim_dataset"]:
        monkeypatch.setitem(sys.modules, name, None)  # every import of it fails
    spec = importlib.util.spec_from_file_location("loading_script_alone", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "loading_script_alone", module)
    spec.loader.exec_module(module)
    return module


def prepared(cache: Path, **given: Any) -> Any:
    builder = ArtSim(cache_dir=str(cache), **given)
    builder.download_and_prepare()
    return builder.as_dataset()


def tables(splits: Any) -> dict[str, Any]:
    return {split: rows.with_format("arrow")[:] for split, rows in splits.items()}


def test_script_has_the_configs_of_the_library_with_it_and_without(alone: ModuleType) -> None:
    assert list(CONFIGS) == list(FEATURES)
    assert alone.CONFIGS == CONFIGS == {name: DESCRIPTIONS[name] for name in FEATURES}
    assert list(DESCRIPTIONS) == [*FEATURES, *STUDY_FEATURES]


def test_every_config_has_the_version_of_the_schema() -> None:
    assert {str(config.version) for config in ArtSim.BUILDER_CONFIGS} == {SCHEMA_VERSION}


def test_every_build_publishes_this_script(sharded: Path) -> None:
    assert (sharded / SCRIPT.name).read_bytes() == SCRIPT.read_bytes()


@pytest.mark.parametrize("config", ["triplets", "metadata"])
def test_class_gives_the_rows_of_load_dataset(sharded: Path, tmp_path: Path, config: str) -> None:
    ours, stock = prepared(tmp_path, config_name=config, data_dir=str(sharded)), load_dataset(str(sharded), config)
    assert ours["train"].features == stock["train"].features
    assert tables(ours) == tables(stock)


OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("triplets", {"negatives": "hard"}),
    ("triplets", {"seed": 7}),
    ("triplets", {"splits": "40/60", "image_size": 80}),
    ("pairs", {"image_size": 40, "splits": "artist-disjoint", "seed": 1}),
    ("real_vs_ai", {"image_size": 80}),
    ("metadata", {"splits": "40/60"}),
]


@pytest.mark.parametrize(("config", "options"), OPTIONS)
def test_options_give_the_rows_of_load_artsim(
    sharded: Path, tmp_path: Path, config: str, options: dict[str, Any]
) -> None:
    ours = prepared(tmp_path, config_name=config, data_dir=str(sharded), **options)
    library = load_artsim(sharded, config, cache_dir=str(tmp_path), **options)
    assert ours["train"].features == library["train"].features
    assert tables(ours) == tables(library)
    assert tables(ours) != tables(load_artsim(sharded, config, cache_dir=str(tmp_path)))
    streamed = next(iter(ArtSim(config_name=config, data_dir=str(sharded), **options).as_streaming_dataset("train")))
    assert streamed == ours["train"][0]


def test_pairs_are_the_default_with_options_too_and_all_versions_take_the_same_call(sharded: Path) -> None:
    builder = ArtSim(data_dir=str(sharded), image_size=40, trust_remote_code=True)
    assert (builder.config.name, builder.config.image_size) == ("pairs", 40)


def test_options_that_mean_nothing_are_refused(sharded: Path, tmp_path: Path) -> None:
    for given in ({"config_name": "metadata", "image_size": 64}, {"config_name": "pairs", "negatives": "random"}):
        with pytest.raises(ConfigError, match="image_size|negatives"):
            prepared(tmp_path, data_dir=str(sharded), **given)


def test_script_alone_has_what_is_published_and_says_what_the_rest_needs(
    alone: ModuleType, sharded: Path, tmp_path: Path
) -> None:
    given = {"config_name": "triplets", "data_dir": str(sharded), "cache_dir": str(tmp_path)}
    hard = alone.ArtSim(**given, negatives="hard")
    hard.download_and_prepare()
    assert (
        hard.as_dataset(split="train")["negative_id"]
        == load_dataset(str(sharded), "triplets_hard")["train"]["negative_id"]
    )
    drawn = alone.ArtSim(**given, negatives="random")
    drawn.download_and_prepare()
    assert tables(drawn.as_dataset()) == tables(load_dataset(str(sharded), "triplets"))
    with pytest.raises(ImportError, match="seed, splits: only the published rows .* pip install"):
        alone.ArtSim(**given, seed=7, splits="40/60").download_and_prepare()


def test_other_options_and_another_build_never_meet_an_old_cache(
    sharded: Path, tmp_path: Path, engine: LocalEngine
) -> None:
    data, cache = tmp_path / "dataset", tmp_path / "cache"
    shutil.copytree(sharded, data)

    def all_of_it() -> list[dict[str, Any]]:
        here = {"config_name": "triplets", "data_dir": str(data)}
        loaded = [prepared(cache, **here), prepared(cache, **here, seed=7), prepared(cache, **here, seed=8)]
        loaded += [load_artsim(data, "triplets", cache_dir=str(cache), **option) for option in ({}, {"seed": 7})]
        return [tables(splits) for splits in loaded]

    def version_on_card() -> Version:
        card = (data / "README.md").read_text(encoding="utf-8")
        return Version(yaml.safe_load(card.split("---")[1])["configs"][0]["version"])

    before, version = all_of_it(), version_on_card()
    assert before[0] != before[1] != before[2] and before[1] == before[4] and before[0] == before[3]
    assert all_of_it() == before
    build_sharded(sharded.parent / "gallery", data, engine, "split.train=0.5")
    after = all_of_it()
    assert all(new != old for new, old in zip(after, before, strict=True))
    assert version_on_card() != version  # all that `datasets` 2.14 looks at; it has its own test in tests/compat
    assert after[0] == after[3] and after[1] == after[4]


def test_folder_without_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"no artsim data set in {tmp_path}"):
        ArtSim(config_name="triplets", data_dir=str(tmp_path), cache_dir=str(tmp_path))


def test_config_that_was_not_built_is_named(sharded: Path, tmp_path: Path) -> None:
    shutil.copytree(sharded, tmp_path / "d", ignore=shutil.ignore_patterns(WORK))
    listing = (tmp_path / "d" / "checksums.sha256").read_text().splitlines(keepends=True)
    (tmp_path / "d" / "checksums.sha256").write_text("".join(line for line in listing if "_hard/" not in line))
    with pytest.raises(FileNotFoundError, match="no files of 'triplets_hard' below"):
        prepared(tmp_path, config_name="triplets_hard", data_dir=str(tmp_path / "d"))
