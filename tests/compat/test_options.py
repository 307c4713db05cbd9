"""Options on the script path, with the library and an old `datasets`; caches that outlive a build; the Hub's answers.

Whatever the road and the version, the rows under an option are those that `load_artsim` gives with the newest.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from artsim_dataset import load_artsim
from builder.build import WORK
from builder.engine import LocalEngine
from tests.compat.environments import ALL, NEWEST, OLDEST
from tests.compat.fixtures import Job, build_sharded, probe, truth
from tests.compat.probe import digest_of
from tests.hub import Hub, refuse

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "loading_script.py"
REPO = "user/artsim"
OPTIONS: dict[str, Any] = {"seed": 7, "splits": "40/60", "image_size": 40}


def here(dataset: Path, cache: Path, **options: Any) -> dict[str, list[Any]]:
    """The rows of `load_artsim` in this process."""
    loaded: Any = load_artsim(dataset, "triplets", cache_dir=str(cache), **options)
    return {split: digest_of(rows) for split, rows in loaded.items()}


def jobs_for(dataset: Path) -> dict[str, Job]:
    """The published rows and those of options, by folder, script, class and library."""
    folder = {"data_dir": str(dataset)}
    load = {"do": "load", "path": str(SCRIPT), "config": "triplets"}
    by_class = {"do": "class", "script": str(SCRIPT), "config": "triplets"}
    return {
        "published, folder": {"do": "load", "path": str(dataset), "config": "triplets"},
        "published, script": {**load, "given": folder},
        "published, class": {**by_class, "given": folder},
        "options, script": {**load, "given": {**folder, **OPTIONS}},
        "options, class": {**by_class, "given": {**folder, **OPTIONS}},
        "options, library": {"do": "library", "path": str(dataset), "config": "triplets", "given": OPTIONS},
    }


@pytest.mark.skipif(not ALL, reason="takes half a minute: make compat")
def test_options_and_builds_have_caches_of_their_own_on_the_oldest_version(
    sharded: Path, engine: LocalEngine, hub: Hub, tmp_path: Path
) -> None:
    dataset = tmp_path / "dataset"
    shutil.copytree(sharded, dataset)
    env = {**hub.env, "HF_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}

    def is_right() -> dict[str, Any]:
        published, derived = truth(dataset, "triplets"), here(dataset, tmp_path / "cache", **OPTIONS)
        assert published != derived
        results = probe(OLDEST, jobs_for(dataset), env)
        expected = {name: published if name.startswith("published") else derived for name in results}
        assert {name: result.get("splits", result) for name, result in results.items()} == expected
        return expected

    before = is_right()
    build_sharded(sharded.parent / "gallery", dataset, engine, "split.train=0.5")
    after = is_right()
    assert before["published, folder"] != after["published, folder"]


@pytest.fixture(scope="module")
def published(sharded: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Hub() as running:
        running.api().create_repo(REPO, repo_type="dataset")
        running.api().upload_folder(
            repo_id=REPO, repo_type="dataset", folder_path=sharded, ignore_patterns=f"{WORK}/**"
        )
        running.api().create_repo("user/other", repo_type="dataset")
        running.api().upload_file(
            path_or_fileobj=b"# other", path_in_repo="README.md", repo_id="user/other", repo_type="dataset"
        )
        yield running


def test_options_work_on_a_hub_repository_and_offline_from_its_cache(
    published: Hub, sharded: Path, tmp_path: Path
) -> None:
    env = {**published.env, "HF_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    by_class = {"do": "class", "script": str(SCRIPT), "config": "triplets"}
    library = {"do": "library", "path": REPO, "config": "triplets"}
    jobs: dict[str, Job] = {
        "library": {**library, "given": OPTIONS},
        "library, streamed": {**library, "given": {**OPTIONS, "streaming": True}},
        "class": {**by_class, "given": {"repo_id": REPO, **OPTIONS}},
        "class, streamed": {**by_class, "streaming": True, "given": {"repo_id": REPO, **OPTIONS}},
    }
    expected = here(sharded, tmp_path / "cache", **OPTIONS)
    results = probe(NEWEST, jobs, env)
    assert {name: r.get("splits", r) for name, r in results.items()} == dict.fromkeys(jobs, expected)
    offline = {name: job for name, job in jobs.items() if "streamed" not in name}
    results = probe(NEWEST, offline, {**env, "HF_HUB_OFFLINE": "1"})
    assert {name: r.get("splits", r) for name, r in results.items()} == dict.fromkeys(offline, expected)


def test_what_the_hub_answers_becomes_a_sentence(published: Hub, tmp_path: Path) -> None:
    env = {**published.env, "HF_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}

    def told(path: str, **given: Any) -> dict[str, Any]:
        return {"do": "library", "path": path, "config": "pairs", "given": given}

    jobs = {
        "no such": told("user/none", image_size=64),
        "no such, published": told("user/none"),
        "not ours": told("user/other", image_size=64),
        "no revision": told(REPO, image_size=64, revision="v9"),
        "private": told("user/private", image_size=64),
    }
    published.fault = lambda r: refuse(401, code="RepoNotFound") if "user/private" in r.path else None
    answers = {name: result["error"] for name, result in probe(NEWEST, jobs, env).items()}
    published.fault = lambda request: None
    assert all(answer.startswith("DatasetNotFound: ") for answer in answers.values()), answers
    assert "the Hub has no data set user/none, or it is private" in answers["no such"]
    assert "the Hub has no data set user/none, or it is private" in answers["no such, published"]
    assert "user/other on the Hub is no artsim data set: it has no build.json" in answers["not ours"]
    assert "has no such revision" in answers["no revision"]
    assert "the Hub has no data set user/private, or it is private" in answers["private"]
