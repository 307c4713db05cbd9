"""Builds from and into a store give the bytes of a local one, also when they are killed on the way."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from artsim_dataset.cli import app
from artsim_dataset.errors import ArtsimError, ConfigError, DatasetNotFound
from artsim_dataset.load import load_artsim
from artsim_dataset.object_store import ObjectPath
from artsim_dataset.storage import place
from artsim_dataset.validate import validate
from artsim_dataset.validate.folder import Folder, files_have_their_sums
from builder.build import BuildResult, build
from builder.config import load_config
from builder.engine import LocalEngine
from builder.gallery import write_gallery
from builder.shards import StageFolder
from builder.stages.source import list_source
from builder.status import status
from builder.without_originals import without_originals
from tests.conftest import Silent
from tests.storage.conftest import new_bucket, through, uploads, use
from tests.storage.proxy import Fault, Proxy

ROOT = Path(__file__).parents[2]
SETTINGS = ("preprocess.size=96", "crop.size=64", "source.shard_rows=2", "generate.kind=26-styles")
LIMIT = 6


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    engine = LocalEngine(1)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def paintings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paintings")
    write_gallery(folder, per_genre=1, size=96)
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture(scope="module")
def shop(store: str, paintings: Path) -> Iterator[ObjectPath]:
    """A bucket with the paintings in it, which all tests of this file share."""
    with pytest.MonkeyPatch.context() as patch:
        use(patch, store)
        bucket = new_bucket(store)
        for file in paintings.rglob("*.*"):
            (bucket / "paintings" / file.relative_to(paintings).as_posix()).put(file)
        yield bucket


def make(source: object, out: Path | ObjectPath, engine: LocalEngine) -> BuildResult:
    config = load_config("lite", None, SETTINGS, source={"limit": LIMIT})
    return build(str(source), out, config, engine, Silent())


@pytest.fixture(scope="module")
def here(paintings: Path, engine: LocalEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build of the same paintings on a disk."""
    out = tmp_path_factory.mktemp("here") / "data"
    make(paintings, out, engine)
    return out


def content(folder: Path | ObjectPath) -> dict[str, bytes]:
    if isinstance(folder, ObjectPath):
        return {name: (folder / name).read_bytes() for name in folder.files(but=("work",))}
    names = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    return {name.as_posix(): (folder / name).read_bytes() for name in names if name.parts[0] != "work"}


def sidecars(out: ObjectPath) -> int:
    return sum(name.endswith(".json") and name[:2].isdigit() for name in (out / "work").files())


@pytest.fixture(scope="module")
def there(shop: ObjectPath, here: Path, engine: LocalEngine) -> ObjectPath:
    """The build in the store, whose first run was killed in the middle of its stages."""
    out = shop / "data"
    command = [sys.executable, "-m", "artsim_dataset.cli", "build", "--workers", "1", "--limit", str(LIMIT)]
    command += ["--source", f"{shop}/paintings", "--out", str(out), *(a for s in SETTINGS for a in ("--set", s))]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while sidecars(out) < 20:  # of 72: the third of nine stages
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()

    assert not (out / "build.json").exists() and status(out).state in ("running", "starting")
    for folder in (out / "work").iterdir():
        if folder.name[:2].isdigit():
            named = {n.removesuffix(".json") for n in folder.files() if n.endswith(".json")}
            assert StageFolder(folder, ()).all_intact(named).keys() == named
    made = sidecars(out)
    result = make(f"{shop}/paintings", out, engine)
    assert sum(report.shards_kept for report in result.reports) >= made >= 20
    assert result.ignored == {".txt": 1}
    return out


def test_a_killed_build_goes_on_and_its_bytes_are_those_of_a_local_one(there: ObjectPath, here: Path) -> None:
    assert content(there) == content(here)
    assert uploads(there) == [] and not (there / "work" / "lock").exists()


def test_paintings_on_a_disk_go_into_a_store_and_those_of_a_store_onto_a_disk(
    shop: ObjectPath, paintings: Path, here: Path, engine: LocalEngine, tmp_path: Path
) -> None:
    make(paintings, shop / "mixed", engine)
    make(f"{shop}/paintings", tmp_path / "mixed", engine)
    assert content(shop / "mixed") == content(tmp_path / "mixed") == content(here)


def test_a_second_run_makes_nothing_and_fetches_no_picture(there: ObjectPath, gate: Proxy, engine: LocalEngine) -> None:
    before = there.files()
    with pytest.MonkeyPatch.context() as patch:
        proxy = through(patch, gate)
        assert not make(f"{there.parent}/paintings", there, engine).changed
    assert there.files() == before
    assert not [path for method, path in proxy.asked if method == "GET" and path.endswith((".jpg", ".png"))]
    assert proxy.sent < sum(stored.st_size for stored in before.values())


def test_status_and_validate_read_the_store(there: ObjectPath, here: Path) -> None:
    found = status(there)
    assert (found.state, [stage.rows_out for stage in found.stages]) == ("finished", [LIMIT] * 9)
    assert found.disk_dataset == sum(len(data) for data in content(here).values())
    checked = validate(str(there))
    assert checked.ok and (checked.rows, checked.images) != (0, 0)
    shown = CliRunner().invoke(app, ["status", str(there)])
    assert shown.exit_code == 0 and f"finished  {there}" in shown.stdout


def test_an_altered_data_set_does_not_validate(there: ObjectPath) -> None:
    assert list(files_have_their_sums(Folder(there))) == []
    text = (there / "metadata.csv").read_text()
    (there / "metadata.csv").write_text(text + "x")
    try:
        found = list(files_have_their_sums(Folder(there)))
    finally:
        (there / "metadata.csv").write_text(text)
    assert [where for where, _ in found] == ["metadata.csv"] and "sha256 differs" in found[0][1]


def test_load_artsim_gives_the_rows_of_the_folder(
    there: ObjectPath, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    ours, theirs = (load_artsim(path, "triplets", split="train") for path in (str(there), here))
    assert ours.features == theirs.features
    assert ours.with_format("arrow")[:] == theirs.with_format("arrow")[:]
    streamed = list(load_artsim(str(there), "metadata", split="train", streaming=True))
    assert streamed == list(load_artsim(here, "metadata", split="train"))
    drawn = [load_artsim(path, "triplets", split="train", seed=7)["negative_id"][:] for path in (str(there), here)]
    assert drawn[0] == drawn[1]


def test_originals_are_joined_to_a_data_set_in_the_store(
    here: Path, paintings: Path, shop: ObjectPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    for name, data in content(without_originals(here, Silent())).items():
        (shop / "stripped" / name).write_bytes(data)
    joined = load_artsim(str(shop / "stripped"), "triplets", split="train", originals=paintings)
    assert joined.with_format("arrow")[:] == load_artsim(here, "triplets", split="train").with_format("arrow")[:]


def test_rows_of_a_data_set_that_was_replaced_are_not_shown_again(
    there: ObjectPath, here: Path, shop: ObjectPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """datasets would keep a download by its address alone."""
    for name in ("HF_DATASETS_CACHE", "DOWNLOADED_DATASETS_PATH"):
        monkeypatch.setattr(f"datasets.config.{name}", tmp_path / name)
    moved, before = shop / "replaced", content(here)
    after = dict(before)
    train, test = (
        next(name for name in before if name.startswith(f"metadata/{split}-")) for split in ("train", "test")
    )
    after[train], after[test] = before[test], before[train]
    shown = []
    for data in (before, after):
        for name in data:
            (moved / name).write_bytes(data[name])
        shown.append(load_artsim(str(moved), "metadata", split="train")["id"][:])
    assert shown == [load_artsim(here, "metadata", split=split)["id"][:] for split in ("train", "test")]


def test_load_dataset_reads_the_parquet_files_by_address(
    there: ObjectPath, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datasets import load_dataset

    for name in ("HF_DATASETS_CACHE", "DOWNLOADED_DATASETS_PATH"):  # a download is kept by its address alone
        monkeypatch.setattr(f"datasets.config.{name}", tmp_path / name)
    rows = load_dataset("parquet", data_files={"train": f"{there}/metadata/train-*.parquet"}, split="train")
    assert rows["id"][:] == load_artsim(here, "metadata", split="train")["id"][:]


@pytest.mark.parametrize(
    ("name", "config", "split", "kind", "said"),
    [
        ("nothing", "pairs", None, DatasetNotFound, "does not exist"),
        ("unfinished", "pairs", None, DatasetNotFound, "not finished: run the same 'artsim build'"),
        ("data", "pairs", "val", ConfigError, "Unknown split"),
        ("data", "images", None, ConfigError, "no rows of config 'images'"),
    ],
)
def test_what_cannot_be_loaded_is_said_in_a_sentence(
    there: ObjectPath, name: str, config: str, split: str | None, kind: type[ArtsimError], said: str
) -> None:
    (there.parent / "unfinished" / "work" / "plan.json").write_text("{}")
    with pytest.raises(kind, match=said):
        load_artsim(str(there.parent / name), config, split)


@pytest.mark.parametrize("command", ["publish {} --repo a/b", "export {} --format csv --out {{}}"])
def test_commands_that_need_a_disk_say_so(there: ObjectPath, command: str, tmp_path: Path) -> None:
    given = command.format(there).replace("{}", str(tmp_path / "x")).split()
    ended = CliRunner().invoke(app, given)
    assert ended.exit_code == 2 and not (tmp_path / "x").exists()
    assert f"aws s3 sync {there} data" in re.sub(r"\s+", " ", ended.stderr)


# --- sources ---


def test_a_table_beside_or_away_from_its_images(shop: ObjectPath, paintings: Path) -> None:
    names = sorted(p.relative_to(paintings).as_posix() for p in paintings.rglob("*.jpg"))[:4]
    cells = [
        *names,
        f"{shop}/paintings/{names[0]}",
        "Cubism/none.jpg",
        "../x.jpg",
        f"{shop}/other/x.jpg",
        "/etc/x.jpg",
        "",
    ]
    table = "file_name,artist\n" + "".join(f"{cell},somebody\n" for cell in cells)
    (shop / "tables" / "t.csv").write_text(table)
    (shop / "paintings" / "t.csv").write_text(table)
    away = list_source(f"{shop}/tables/t.csv", f"{shop}/paintings")
    beside = list_source(f"{shop}/paintings/t.csv")
    (shop / "paintings" / "t.csv").unlink()
    assert sorted(entry.path for entry in away.entries) == names
    assert away.entries == beside.entries
    reasons = ["duplicate_path", "missing_file", "outside_root", "outside_root", "outside_root", "empty_path"]
    assert [reject.reason for reject in away.rejects] == reasons
    assert all("bucket" not in r.message and "/etc" not in r.message for r in away.rejects[1:])


def test_a_source_that_is_not_there_is_said_in_a_sentence(shop: ObjectPath) -> None:
    for source, said in ((f"{shop}/nothing", "does not exist"), (f"{shop}/tables", "no images in")):
        (shop / "tables" / "readme.md").write_text("")
        with pytest.raises(ConfigError, match=said):
            list_source(source)


def test_what_would_lose_paid_answers_or_needs_a_folder_is_refused_before_any_work(shop: ObjectPath) -> None:
    from builder.pipeline import stages

    with pytest.raises(ConfigError, match="on a disk"):
        stages(load_config("openai"), place("paintings"), shop / "work")
    with pytest.raises(ConfigError, match="brought to a folder first"):
        build("hf:owner/name", shop / "x", load_config(), LocalEngine(1), Silent())
    assert (shop / "x").files() == {}


def test_a_painting_that_vanishes_is_a_reject_and_a_store_that_fails_is_not(
    shop: ObjectPath, gate: Proxy, engine: LocalEngine
) -> None:
    from builder.digests import DIGESTS
    from builder.store_source import add_stored_digests

    listing = list_source(f"{shop}/paintings")
    three = listing.entries[:3]
    gone, *others = three
    bytes_ = (shop / "paintings" / gone.path).read_bytes()
    (shop / "paintings" / gone.path).unlink()
    told = Silent()
    taken, facts = add_stored_digests(listing, three, DIGESTS.empty_table(), engine, told.stage, told.advance)
    (shop / "paintings" / gone.path).write_bytes(bytes_)
    assert [entry.path for entry in taken] == [entry.path for entry in others] == facts["path"].to_pylist()
    assert [(r.reason, r.id) for r in listing.rejects] == [("unreadable", gone.id)]
    # Known ones are not read: every GET would fail now.
    with pytest.MonkeyPatch.context() as patch:
        proxy = through(patch, gate)
        proxy.faults.append(Fault(lambda method, _: method == "GET", answer=(403, "AccessDenied")))
        again, _ = add_stored_digests(listing, three[1:], facts, engine, told.stage, told.advance)
    assert again == taken
