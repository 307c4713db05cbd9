"""Three ways to load, on `datasets` 2, 3, 4 and 5: the same names, types, splits and pixels on every road.

The truth is what pyarrow and Pillow read from the files. Each version does all its jobs in one process, with the
oldest and the newest version in every run of the tests; `make compat` takes those between as well.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from artsim_dataset.features import FEATURES
from builder.build import WORK
from tests.compat.environments import ALL, NEWEST, OLDEST, VERSIONS
from tests.compat.fixtures import Job, probe, rows, truth
from tests.compat.probe import digest_of, shown
from tests.hub import Hub

REPO = "user/artsim"
SCRIPT = Path(__file__).parents[2] / "loading_script.py"
CONFIGS = list(FEATURES)
CHOSEN = VERSIONS if ALL else (OLDEST, NEWEST)


def runs_scripts(version: str) -> bool:
    return int(version.split(".")[0]) < 4


def roads(version: str, dataset: Path) -> dict[str, Job]:
    """Every way to every config, by a name of it."""
    trust = {"trust_remote_code": True}
    jobs: dict[str, Job] = {
        "names of folder": {"do": "configs", "path": str(dataset)},
        "names on hub": {"do": "configs", "path": REPO},
        "folder, no config": {"do": "load", "path": str(dataset)},
        "folder, two processes": {"do": "load", "path": str(dataset), "config": "real_vs_ai", "given": {"num_proc": 2}},
        "hub, two processes": {"do": "load", "path": REPO, "config": "real_vs_ai", "given": {"num_proc": 2}},
    }
    for place, path in {"folder": str(dataset), "hub": REPO}.items():
        sliced = {"split": "train[:10]"}
        jobs[f"{place}, slice"] = {"do": "load", "path": path, "config": "triplets", "given": sliced}
    for config in CONFIGS:
        by_class = {"do": "class", "script": str(SCRIPT), "config": config}
        for streaming in (False, True):
            how = {"streaming": True} if streaming else {}
            tail = f"{', streamed' * streaming}: {config}"
            jobs["folder" + tail] = {"do": "load", "path": str(dataset), "config": config, "given": how}
            jobs["hub" + tail] = {"do": "load", "path": REPO, "config": config, "given": how}
            jobs["class" + tail] = {**by_class, **how, "given": {"data_dir": str(dataset)}}
            if runs_scripts(version):
                beside = {"do": "load", "path": str(dataset / SCRIPT.name), "config": config}
                jobs["script" + tail] = {**beside, "given": {**how, **trust}}
    jobs["class, hub"] = {**jobs["class: triplets"], "given": {"repo_id": REPO}}
    jobs["class, hub, streamed"] = {**jobs["class, streamed: triplets"], "given": {"repo_id": REPO}}
    jobs["class, two processes"] = {**jobs["class: triplets"], "num_proc": 2}
    if runs_scripts(version):
        from_hub = {"do": "load", "path": str(SCRIPT), "config": "triplets"}
        jobs["script, hub"] = {**from_hub, "given": {"repo_id": REPO, **trust}}
        jobs["script, hub, streamed"] = {**from_hub, "given": {"repo_id": REPO, "streaming": True, **trust}}
    return jobs


@pytest.fixture(scope="module")
def hub(sharded: Path) -> Iterator[Hub]:
    """A Hub that has the data set as ``user/artsim``."""
    with Hub() as running:
        api = running.api()
        api.create_repo(REPO, repo_type="dataset")
        api.upload_folder(repo_id=REPO, repo_type="dataset", folder_path=sharded, ignore_patterns=[f"{WORK}/**"])
        yield running


@pytest.fixture(scope="module", params=CHOSEN)
def went(request: pytest.FixtureRequest, sharded: Path, hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What came out of every road with one version, and the version. There is no artsim library on the way."""
    version: str = request.param
    dataset = tmp_path_factory.mktemp("of") / f"dataset-{version}"
    shutil.copytree(sharded, dataset, ignore=shutil.ignore_patterns(WORK))
    env = {**hub.env, "HF_HOME": str(tmp_path_factory.mktemp("home")), "PYTHONPATH": ""}
    return version, probe(version, roads(version, dataset), env, "--alone")


def along(results: dict[str, Any], config: str, *but: str) -> dict[str, Any]:
    """The results of all roads to a config."""
    found = {road: result for road, result in results.items() if road.endswith(f": {config}")}
    assert len(found) >= 6
    return found


def test_configs_have_the_names_of_the_card(went: Any) -> None:
    _, results = went
    assert results["names of folder"] == results["names on hub"] == CONFIGS


@pytest.mark.parametrize("config", CONFIGS)
def test_every_road_has_the_same_columns_of_the_same_types(went: Any, config: str) -> None:
    _, results = went
    expected = shown(FEATURES[config])
    assert {
        road: r.get("features", r) for road, r in along(results, config).items() if r.get("features") != expected
    } == {}


@pytest.mark.parametrize("config", CONFIGS)
def test_every_road_has_the_rows_and_pixels_of_the_files(went: Any, config: str, sharded: Path) -> None:
    _, results = went
    expected = truth(sharded, config)
    assert expected["train"][0] > 10
    assert {road: r.get("splits", r) for road, r in along(results, config).items() if r.get("splits") != expected} == {}


def test_folder_without_a_config_gives_pairs(went: Any, sharded: Path) -> None:
    _, results = went
    assert results["folder, no config"].get("splits", results["folder, no config"]) == truth(sharded, "pairs")


@pytest.mark.parametrize("place", ["folder", "hub"])
def test_two_processes_give_the_rows_of_one(went: Any, sharded: Path, place: str) -> None:
    _, results = went
    assert len(list((sharded / "real_vs_ai").glob("train-*"))) > 2  # else one process would do it
    assert results[f"{place}, two processes"].get("splits") == truth(sharded, "real_vs_ai")


@pytest.mark.parametrize("place", ["folder", "hub"])
def test_slice_gives_the_first_rows(went: Any, sharded: Path, place: str) -> None:
    _, results = went
    files = sorted((sharded / "triplets").glob("train-*"))
    first = [row for row, _ in zip(rows(files), range(10), strict=False)]
    assert results[f"{place}, slice"].get("splits") == {"": digest_of(first)}


def test_script_and_its_class_read_from_the_hub(went: Any, sharded: Path) -> None:
    version, results = went
    expected = truth(sharded, "triplets")
    names = ["class, hub", "class, hub, streamed", "class, two processes"]
    names += ["script, hub", "script, hub, streamed"] if runs_scripts(version) else []
    assert {name: results[name].get("splits", results[name]) for name in names} == dict.fromkeys(names, expected)
