"""A user's whole way over the Hub: a build is published, loaded by name, trained on, and the model comes back.

Every step is a command, or the lines that a user would write, in a process of its own that only the environment sends
to the Hub of the tests. Author, reader, trainer and a stranger have a cache each, as if on machines of their own.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artsim_dataset import load_artsim
from builder.build import build
from builder.config import load_config
from builder.engine import LocalEngine
from builder.gallery import write_gallery
from tests.conftest import Silent
from tests.hub import Hub

LOAD = """
import hashlib, json, sys
from datasets import get_dataset_config_names, load_dataset

def rows(split):
    for row in split:
        pixels = b"".join(row[name].tobytes() for name in ("anchor", "positive", "negative"))
        yield [row["anchor_id"], row["positive_id"], row["negative_id"], hashlib.sha256(pixels).hexdigest()]

whole = load_dataset("user/artsim", "triplets")
streamed = load_dataset("user/artsim", "triplets", streaming=True)
json.dump({
    "configs": get_dataset_config_names("user/artsim"),
    "whole": {name: list(rows(split)) for name, split in whole.items()},
    "streamed": {name: list(rows(split)) for name, split in streamed.items()},
}, sys.stdout)
"""

ENCODE = """
import sys
import numpy as np
from datasets import load_dataset
from sentence_transformers import SentenceTransformer
from artsim_dataset.model import load_model

folder, vectors = sys.argv[1:]
pairs = load_dataset("user/artsim", "pairs", split="train[:3]")
SentenceTransformer(folder, trust_remote_code=True).push_to_hub("user/pushed", private=True)
models = [SentenceTransformer(name, trust_remote_code=True) for name in (folder, "user/trained", "user/pushed")]
ours = load_model("user/trained")
assert ours.name == "user/trained"
np.save(vectors, [model.encode([*pairs["original"], *pairs["generated"]]) for model in (*models, ours)])
"""


@dataclass(frozen=True)
class World:
    """A Hub, and the machines around it: folders in ``folder``."""

    hub: Hub
    folder: Path

    def run(self, machine: str, *command: str) -> str:
        """What a command printed on a machine, when it went well."""
        home = self.folder / machine
        home.mkdir(exist_ok=True)
        env = self.hub.env | {"HF_HOME": str(home / "hf"), "PYTHONPATH": str(Path(__file__).parents[1])}
        ended = subprocess.run([sys.executable, *command], env=env, cwd=home, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def publish(self, dataset: Path) -> dict[str, Any]:
        command = ["-m", "artsim_dataset.cli", "publish", str(dataset), "--repo", "user/artsim", "--json"]
        return json.loads(self.run("author", *command))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Hub() as hub:
        yield World(hub, tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def dataset(world: World, engine: LocalEngine) -> Path:
    """A build of 27 pictures of 27 genres, 96 px."""
    write_gallery(world.folder / "gallery", per_genre=1, size=96)
    config = load_config(assignments=["preprocess.size=96", "crop.size=64"])
    return build(str(world.folder / "gallery"), world.folder / "dataset", config, engine, Silent()).out


@pytest.fixture(scope="module")
def published(world: World, dataset: Path) -> dict[str, Any]:
    """What `artsim publish` said of it."""
    return world.publish(dataset)


def test_the_repository_holds_the_build_and_a_second_publish_sends_nothing(
    world: World, dataset: Path, published: dict[str, Any]
) -> None:
    repo = world.hub.repos["datasets/user/artsim"]
    assert repo.commit(published["tag"]).id == repo.commit().id == published["commit"]
    content = {path: world.hub.read("datasets/user/artsim", path) for path in repo.files()}
    for path in content.keys() - {".gitattributes", "README.md", "checksums.sha256"}:
        assert content[path] == (dataset / path).read_bytes()
    sums = dict(line.split(maxsplit=1)[::-1] for line in content["checksums.sha256"].decode().splitlines())
    assert sums == {path: hashlib.sha256(content[path]).hexdigest() for path in sums}
    assert any(path.startswith("triplets/") for path in repo.files())
    before, commit = len(world.hub.requests), repo.commit().id
    world.publish(dataset)
    assert repo.commit().id == commit
    assert not [request for request in world.hub.requests[before:] if request.method == "PUT"]


def test_load_dataset_by_name_gives_the_rows_of_the_build_whole_and_streamed(
    world: World, dataset: Path, published: dict[str, Any]
) -> None:
    loaded = json.loads(world.run("reader", "-c", LOAD))
    for name, split in load_artsim(dataset, "triplets").items():
        ids = list(zip(split["anchor_id"], split["positive_id"], split["negative_id"], strict=True))
        assert [tuple(row[:3]) for row in loaded["whole"][name]] == ids and ids
    assert loaded["streamed"] == loaded["whole"]
    assert {"pairs", "triplets", "metadata"} <= set(loaded["configs"])


def test_a_model_trained_on_the_repository_comes_back_from_the_hub_with_the_same_vectors(
    world: World, published: dict[str, Any]
) -> None:
    """Pushed twice: by `artsim train --push`, and by the user's own call of sentence-transformers."""
    model, vectors = (str(world.folder / name) for name in ("model", "vectors.npy"))
    train = ["-m", "artsim_dataset.cli", "train", "siamese", "user/artsim", "--out", model, "--epochs", "2"]
    world.run("trainer", *train, "--push", "user/trained", "--private")
    world.run("another", "-c", ENCODE, model, vectors)
    assert all(world.hub.repos[f"models/user/{name}"].private for name in ("trained", "pushed"))
    here, trained, pushed, ours = np.load(vectors)
    np.testing.assert_allclose(np.linalg.norm(here, axis=1), np.ones(6), atol=1e-5)
    assert np.array_equal(here, trained) and np.array_equal(here, pushed)
    np.testing.assert_allclose(ours, here, atol=1e-5)
    assert np.abs(here[0] - here[1]).max() > 1e-3, "different paintings have different vectors"
