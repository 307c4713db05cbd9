"""`artsim publish` on a Hub that works: the real command, the real clients, byte for byte."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps

from artsim_dataset.features import STUDY_FEATURES
from artsim_dataset.schema import STUDY_COLUMNS
from builder.build import build
from builder.config import load_config
from builder.engine import LocalEngine
from builder.seal import seal, write_rejects
from builder.tables import SplitWriter
from tests.builder.publish.commands import Commands
from tests.builder.publish.conftest import SETTINGS, reseal
from tests.conftest import Silent
from tests.hub import Hub, refuse

MAIN = "refs/heads/main"
Publish = Callable[[], str]


def files_of(folder: Path) -> dict[str, bytes]:
    """What checksums.sha256 lists, and itself."""
    lines = (folder / "checksums.sha256").read_text().splitlines()
    names = [line.partition("  ")[2] for line in lines]
    return {name: (folder / name).read_bytes() for name in [*names, "checksums.sha256"]}


def on_hub(hub: Hub, repo: str, revision: str = "main") -> dict[str, bytes]:
    key = f"datasets/{repo}"
    return {name: hub.read(key, name, revision) for name in hub.repos[key].files(revision) if name != ".gitattributes"}


def sent(hub: Hub) -> int:
    """Bytes of large files that were uploaded since the record was cleared."""
    return sum(r.received for r in hub.requests if r.method == "PUT")


def changes(hub: Hub) -> list[str]:
    """Requests that change something."""
    return [f"{r.method} {r.path}" for r in hub.requests if r.method not in ("GET", "HEAD")]


# --- once, and again -----------------------------------------------------------------------------------------------


def test_all_of_a_folder_is_published_and_nothing_else(hub: Hub, artsim: Commands, folder: Path, repo: str) -> None:
    (folder / "my notes.txt").write_text("not of the data set")
    done = artsim("publish", folder, "--repo", repo)
    assert done.code == 0, done.err
    there, here = on_hub(hub, repo), files_of(folder)
    assert there.keys() == here.keys()
    of_repo = ("README.md", "checksums.sha256")
    assert {n: c for n, c in there.items() if n not in of_repo} == {n: c for n, c in here.items() if n not in of_repo}
    assert there["README.md"] == here["README.md"].replace(b"<this repository or folder>", repo.encode())
    assert f'load_dataset("{repo}"'.encode() in there["README.md"]
    for line in there["checksums.sha256"].decode().splitlines():
        sum_, _, name = line.partition("  ")
        assert sha256(there[name]).hexdigest() == sum_
    build_json = json.loads(there["build.json"])
    state = hub.repos[f"datasets/{repo}"]
    assert state.refs[f"refs/tags/v{build_json['schema']}-{build_json['digest']}"] == state.refs[MAIN]
    assert len(list(state.log())) == 2  # the one that the Hub makes, and ours
    assert "my notes.txt" in done.out
    assert f'load_dataset("{repo}", "pairs")' in done.out


def test_a_second_time_nothing_is_sent(hub: Hub, artsim: Commands, made: Path, repo: str, published: Publish) -> None:
    before = published()
    done = artsim("publish", made, "--repo", repo)
    assert done.code == 0, done.err
    assert "Nothing to send" in done.out
    assert changes(hub) == []
    assert hub.repos[f"datasets/{repo}"].refs[MAIN] == before


def test_a_dry_run_tells_the_plan_and_changes_nothing(hub: Hub, artsim: Commands, made: Path, repo: str) -> None:
    done = artsim("publish", made, "--repo", repo, "--dry-run", "--json")
    assert done.code == 0, done.err
    here = files_of(made)
    new = json.loads(done.out)["plan"]["new"]
    assert set(new["files"]) == set(here)
    card = len(repo) - len("<this repository or folder>")
    assert new["bytes"] == sum(map(len, here.values())) + card
    assert changes(hub) == []
    assert f"datasets/{repo}" not in hub.repos


def test_a_changed_painting_sends_only_the_files_that_show_it(
    hub: Hub, artsim: Commands, paintings: Path, engine: LocalEngine, tmp_path: Path, made: Path, repo: str,
    published: Publish,
) -> None:  # fmt: skip
    published()
    with open(made / "metadata.csv", newline="") as file:
        listed = {row["original_image"] for row in csv.DictReader(file)}
    source = Path(shutil.copytree(paintings, tmp_path / "source"))
    test_ids = pq.read_table(made / "metadata" / "test-00000-of-00001.parquet")["id"].to_pylist()
    painting = next(p for p in sorted(source.rglob("*.jpg")) if f"{p.parent.name}/{p.stem}-0" in test_ids)
    assert f"{painting.parent.name}/{painting.name}" in listed
    ImageOps.posterize(Image.open(painting), 5).save(painting, quality=95)
    folder = Path(shutil.copytree(made, tmp_path / "dataset"))
    (folder / "work" / "build.json").write_text(json.dumps({"source": str(source.resolve()), "preset": "lite"}))
    build(str(source), folder, load_config(assignments=SETTINGS), engine, Silent())
    changed = {name for name, content in files_of(folder).items() if content != files_of(made)[name]}
    assert "pairs/test-00000-of-00001.parquet" in changed
    assert len(changed) < len(files_of(made)) - 1

    done = artsim("publish", folder, "--repo", repo, "--json")
    assert done.code == 0, done.err
    assert set(json.loads(done.out)["plan"]["changed"]["files"]) == changed
    large = [name for name in changed if len(files_of(folder)[name]) >= hub.lfs_from and name != "README.md"]
    card = len(on_hub(hub, repo)["README.md"])
    assert sent(hub) == sum(len(files_of(folder)[name]) for name in large) + card


def test_files_of_an_older_build_go_and_those_of_others_stay(
    hub: Hub, artsim: Commands, folder: Path, repo: str
) -> None:
    table = pq.read_table(folder / "pairs" / "train-00000-of-00001.parquet")
    (folder / "pairs" / "train-00000-of-00001.parquet").unlink()
    half = table.num_rows // 2
    pq.write_table(table.slice(0, half), folder / "pairs" / "train-00000-of-00002.parquet")
    pq.write_table(table.slice(half), folder / "pairs" / "train-00001-of-00002.parquet")
    (folder / "extra.csv").write_text("of an older artsim\n")
    reseal(folder)
    assert artsim("publish", folder, "--repo", repo).code == 0
    api = hub.api()
    api.upload_file(path_or_fileobj=b"mine", path_in_repo="pairs/notes.md", repo_id=repo, repo_type="dataset")

    for name in ("train-00000-of-00002.parquet", "train-00001-of-00002.parquet"):
        (folder / "pairs" / name).unlink()
    pq.write_table(table, folder / "pairs" / "train-00000-of-00001.parquet")
    (folder / "extra.csv").unlink()
    reseal(folder)
    done = artsim("publish", folder, "--repo", repo, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["plan"]["removed"]["files"] == [
        "extra.csv",
        "pairs/train-00000-of-00002.parquet",
        "pairs/train-00001-of-00002.parquet",
    ]
    assert on_hub(hub, repo).keys() == {*files_of(folder), "pairs/notes.md"}
    assert ".gitattributes" in hub.repos[f"datasets/{repo}"].files()


def test_a_case_study_is_published_too(hub: Hub, artsim: Commands, made: Path, repo: str, tmp_path: Path) -> None:
    """Written as `builder.write_study` does, with pictures that are there."""
    facts = json.loads((made / "build.json").read_text())
    rows = pq.read_table(made / "pairs" / "train-00000-of-00001.parquet").slice(0, 3).to_pylist()
    with SplitWriter(tmp_path / "images", "train", STUDY_FEATURES["images"]) as writer:
        for row in rows:
            writer.write({column: row.get(column, "") for column in STUDY_COLUMNS} | {"image": row["generated"]})
    write_rejects(tmp_path, [])
    study = {**facts, "rows": {"images": {"train": 3}}, "artists": {"a": 3}, "rejects": []}
    seal(tmp_path, "mark", {k: v for k, v in study.items() if k not in ("inputs", "digest")}, "builder/study_card.md")
    done = artsim("publish", tmp_path, "--repo", repo)
    assert done.code == 0, done.err
    assert f'load_dataset("{repo}", "images")' in done.out
    assert on_hub(hub, repo).keys() == files_of(tmp_path).keys()
    refused = artsim("publish", tmp_path, "--repo", repo, "--without-originals")
    assert refused.code == 2
    assert "is a case study and has no originals" in refused.err


# --- where to ------------------------------------------------------------------------------------------------------


def test_a_branch_is_made_and_main_left_alone(hub: Hub, artsim: Commands, made: Path, repo: str) -> None:
    done = artsim("publish", made, "--repo", repo, "--revision", "next")
    assert done.code == 0, done.err
    assert on_hub(hub, repo) == {}
    assert on_hub(hub, repo, "next").keys() == files_of(made).keys()
    assert 'revision="next"' in done.out
    hub.requests.clear()
    assert "Nothing to send" in artsim("publish", made, "--repo", repo, "--revision", "next").out
    assert changes(hub) == []


@pytest.mark.parametrize("name", ["", " ", "a b", "..", "next/"])
def test_what_is_no_branch_is_refused_before_anything_is_asked(
    hub: Hub, artsim: Commands, made: Path, repo: str, name: str
) -> None:
    done = artsim("publish", made, "--repo", repo, "--revision", name)
    assert (done.code, hub.requests) == (2, [])
    assert f"--revision: '{name}' cannot be the name of a branch" in done.err


def test_private_is_private_and_never_goes_public(hub: Hub, artsim: Commands, made: Path, repo: str) -> None:
    done = artsim("publish", made, "--repo", repo, "--private", FORCE_COLOR="1")  # as in a terminal: with bars
    assert done.code == 0, done.err
    for part in ("check", "read", "upload", "read back"):
        assert f"{part:<10}" in done.err
    assert re.search(r"\d/\d+\.\d [kM]B", re.sub(r"\x1b\[[\d;?]*\w", "", done.err))
    assert hub.repos[f"datasets/{repo}"].private
    hub.repos[f"datasets/{repo}"].private = False
    hub.requests.clear()
    done = artsim("publish", made, "--repo", repo, "--private")
    assert done.code == 2
    assert f"{repo} is there and public" in done.err
    assert changes(hub) == []


def test_a_pull_request_is_left_for_review_and_continued(
    hub: Hub, artsim: Commands, made: Path, folder: Path, repo: str
) -> None:
    done = artsim("publish", made, "--repo", repo, "--create-pr")
    assert done.code == 0, done.err
    assert f"/datasets/{repo}/discussions/1" in done.out
    assert on_hub(hub, repo) == {}
    assert on_hub(hub, repo, "refs/pr/1").keys() == files_of(made).keys()
    assert not [ref for ref in hub.repos[f"datasets/{repo}"].refs if "tags" in ref]

    hub.requests.clear()
    again = artsim("publish", made, "--repo", repo, "--create-pr")
    assert again.code == 0, again.err
    assert changes(hub) == []

    (folder / "rejected.csv").write_text("id,stage,reason,message\n")  # another build
    (folder / "data.csv").write_text((folder / "data.csv").read_text() + "\n")
    reseal(folder)
    third = artsim("publish", folder, "--repo", repo, "--create-pr", "--json")
    assert third.code == 0, third.err
    assert json.loads(third.out)["pull_request"].endswith("/discussions/1")
    state = hub.repos[f"datasets/{repo}"]
    assert [d.status for d in state.discussions] == ["open"]
    assert on_hub(hub, repo, "refs/pr/1")["data.csv"] == (folder / "data.csv").read_bytes()
    state.merge(state.discussions[0], "user")
    assert "Nothing to send" in artsim("publish", folder, "--repo", repo, "--create-pr").out


def test_a_pull_request_of_somebody_else_is_not_continued(hub: Hub, artsim: Commands, made: Path, repo: str) -> None:
    from builder.publish.repository import REVIEW

    hub.api().create_repo(repo, repo_type="dataset")
    hub.repos[f"datasets/{repo}"].open(REVIEW, "guest", "open", pull_request=True)
    assert artsim("publish", made, "--repo", repo, "--create-pr").code == 0
    assert on_hub(hub, repo, "refs/pr/1") == {}
    assert on_hub(hub, repo, "refs/pr/2").keys() == files_of(made).keys()


def test_who_may_not_write_may_propose(hub: Hub, artsim: Commands, made: Path, folder: Path, repo: str) -> None:
    assert artsim("publish", made, "--repo", repo).code == 0
    (folder / "data.csv").write_text((folder / "data.csv").read_text() + "\n")
    reseal(folder)
    done = artsim("publish", folder, "--repo", repo, "--create-pr", HF_TOKEN=hub.guest_token)
    assert done.code == 0, done.err
    assert hub.repos[f"datasets/{repo}"].discussions[0].author == "guest"
    assert on_hub(hub, repo, "refs/pr/1")["data.csv"] == (folder / "data.csv").read_bytes()
    assert on_hub(hub, repo)["data.csv"] == (made / "data.csv").read_bytes()


def test_a_pull_request_to_a_branch_is_not_offered(hub: Hub, artsim: Commands, made: Path, repo: str) -> None:
    done = artsim("publish", made, "--repo", repo, "--create-pr", "--revision", "next")
    assert done.code == 2
    assert "leave out --revision or --create-pr" in done.err
    assert hub.requests == []


# --- more files than a commit takes --------------------------------------------------------------------------------


@pytest.fixture
def many(folder: Path) -> Path:
    """Its pairs for training in 120 files of a row each."""
    (shard,) = (folder / "pairs").glob("train-*")
    table = pq.read_table(shard)
    shard.unlink()
    for number in range(120):
        row = table.slice(number % table.num_rows, 1)
        pq.write_table(row, folder / "pairs" / f"train-{number:05d}-of-00120.parquet")
    build_json = json.loads((folder / "build.json").read_text())
    build_json["rows"]["pairs"]["train"] = 120
    (folder / "build.json").write_text(json.dumps(build_json))
    reseal(folder)
    return folder


def test_many_files_arrive_in_parts_and_appear_at_once(hub: Hub, artsim: Commands, many: Path, repo: str) -> None:
    """Cut in the middle, the same command goes on with the same pull request."""
    commits = f"/api/datasets/{repo}/commit/refs/pr/1"
    hub.fault = lambda r: refuse(403, "no more today") if r.path == commits and r.seen == 0 else None
    stopped = artsim("publish", many, "--repo", repo)
    assert stopped.code == 2
    assert "no more today" in stopped.err
    assert on_hub(hub, repo) == {}
    state = hub.repos[f"datasets/{repo}"]
    assert len(on_hub(hub, repo, "refs/pr/1")) == 100
    before = sent(hub)
    assert before > 0

    done = artsim("publish", many, "--repo", repo)
    assert done.code == 0, done.err
    assert [d.status for d in state.discussions] == ["merged"]
    assert on_hub(hub, repo).keys() == files_of(many).keys()
    main = list(state.log())
    assert [len(commit.tree) for commit in main] == [len(files_of(many)) + 1, 1]  # whole, or nothing
    parts = list(state.log("refs/pr/1"))
    assert all(
        len({n for n in newer.tree if newer.tree[n] != older.tree.get(n)}) <= 100
        for newer, older in zip(parts, parts[1:], strict=False)
    )
    large = sum(file.size for file in state.files().values() if file.lfs)
    assert sent(hub) <= large  # equal pictures are one blob; none was sent twice


def test_a_new_build_meets_a_half_arrived_one_and_replaces_it(
    hub: Hub, artsim: Commands, many: Path, made: Path, repo: str
) -> None:
    """Over an older data set, one file of which is no part of either."""
    commits = f"/api/datasets/{repo}/commit/refs/pr/1"
    older = Path(shutil.copytree(made, many.parent / "older", ignore=shutil.ignore_patterns("work")))
    (older / "extra.csv").write_text("of an older artsim\n")
    reseal(older)
    assert artsim("publish", older, "--repo", repo).code == 0
    hub.fault = lambda r: refuse(403, "no more today") if r.path == commits and r.seen == 0 else None
    assert artsim("publish", many, "--repo", repo).code == 2
    (many / "data.csv").write_text((many / "data.csv").read_text() + "\n")
    (many / "pairs" / "train-00000-of-00120.parquet").write_bytes(
        (many / "pairs" / "train-00001-of-00120.parquet").read_bytes()
    )
    reseal(many)
    done = artsim("publish", many, "--repo", repo)
    assert done.code == 0, done.err
    there = on_hub(hub, repo)
    assert there.keys() == files_of(many).keys()
    assert there["data.csv"] == (many / "data.csv").read_bytes()
