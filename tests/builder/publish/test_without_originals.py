"""A data set published without its paintings holds none of their pixels, and is the full one for who has them."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import Dataset, Features, Image, load_dataset
from typer.testing import CliRunner

from artsim_dataset import ArtsimError, ConfigError, load_artsim
from artsim_dataset.cli import app
from artsim_dataset.features import FEATURES
from artsim_dataset.loading.originals import originals_of
from artsim_dataset.schema import SPLITS
from artsim_dataset.validate import validate
from builder.without_originals import without_originals
from tests.builder.publish.commands import Commands
from tests.builder.publish.conftest import reseal
from tests.builder.publish.test_publish import changes, files_of, on_hub
from tests.conftest import Silent
from tests.hub import Hub

Row = dict[str, Any]


@pytest.fixture(scope="module")
def stripped(made: Path) -> Path:
    return without_originals(made, Silent())


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def rows_of(folder: Path, config: str) -> Iterator[tuple[str, Row]]:
    """Rows as Parquet has them, without `datasets`."""
    for split in SPLITS:
        for shard in sorted((folder / config).glob(f"{split}-*.parquet")):
            for row in pq.read_table(shard).to_pylist():
                yield split, row


def encoded(rows: Any) -> list[Row]:
    """Rows of `datasets`, images as bytes and path."""
    for column, feature in rows.features.items():
        if isinstance(feature, Image):
            rows = rows.cast_column(column, Image(decode=False))
    return list(rows)


def test_nothing_is_gone_but_the_originals(made: Path, stripped: Path) -> None:
    for config in FEATURES:
        here, there = list(rows_of(made, config)), list(rows_of(stripped, config))
        assert len(here) == len(there) > 0
        for (split, full), (same, row) in zip(here, there, strict=True):
            nulls = {column for column, value in row.items() if value is None}
            assert split == same
            assert nulls == {column for column, _ in originals_of(config, full)} if config != "metadata" else not nulls
            assert row == {column: None if column in nulls else value for column, value in full.items()}


def test_no_pixel_of_a_painting_is_in_any_file(made: Path, stripped: Path) -> None:
    """Looked for as bytes: a piece of the middle of every JPEG of a painting, in every file."""
    pieces: set[bytes] = set()
    for config in ("pairs", "triplets", "triplets_hard", "real_vs_ai"):
        for _, row in rows_of(made, config):
            for column, _ in originals_of(config, row):
                data = row[column]["bytes"]
                pieces.add(data[len(data) // 2 : len(data) // 2 + 24])
    assert len(pieces) >= 2 * 20  # letterboxed and small
    full = b"".join(files_of(made).values())
    assert all(piece in full for piece in pieces)
    published = files_of(stripped)
    assert not [(name, piece) for name, content in published.items() for piece in pieces if piece in content]


@pytest.mark.parametrize("config", list(FEATURES))
def test_joined_it_is_the_full_data_set_to_the_byte(
    made: Path, stripped: Path, paintings: Path, tmp_path: Path, config: str
) -> None:
    """Wherever the files are and whatever they are called: they are known by their content."""
    other = tmp_path / "renamed"
    for number, path in enumerate(sorted(paintings.rglob("*.jpg"))):
        target = other / f"{number % 3}" / f"{number}.bin"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    joined = load_artsim(stripped, config, originals=other)
    full = load_dataset(str(made), config)
    assert joined.keys() == full.keys()
    for split in full:
        assert joined[split].features == full[split].features
        assert encoded(joined[split]) == encoded(full[split])


@pytest.mark.parametrize("config", ["pairs", "triplets", "real_vs_ai"])
def test_streamed_it_has_the_same_pixels(made: Path, stripped: Path, paintings: Path, config: str) -> None:
    def pixels(rows: Any) -> list[Row]:
        return [{c: v.tobytes() if hasattr(v, "tobytes") else v for c, v in row.items()} for row in rows]

    stream = load_artsim(stripped, config, split="train", streaming=True, originals=paintings)
    assert pixels(stream) == pixels(load_dataset(str(made), config, split="train"))


def test_no_process_is_forked_where_libvips_has_read_a_painting(stripped: Path, made: Path, paintings: Path) -> None:
    """`datasets` forks for num_proc while it downloads, prepares and maps; any of these may hang then."""
    next(iter(load_artsim(stripped, "pairs", "train", streaming=True, originals=paintings)))
    forks: list[str] = []
    os.register_at_fork(before=lambda: forks.append("fork"))  # stays for this process; hears nothing of subprocess
    with pytest.warns(UserWarning, match="joined in one process"):
        joined = load_artsim(stripped, "pairs", "train[:4]", originals=paintings, num_proc=2)
    assert not forks
    assert encoded(joined) == encoded(load_dataset(str(made), "pairs", split="train[:4]"))


def test_without_the_paintings_it_loads_as_it_is(stripped: Path) -> None:
    row = load_artsim(stripped, "pairs", split="train")[0]
    assert row["original"] is None
    assert row["generated"].size == (96, 96)


def test_missing_paintings_are_counted_and_named(stripped: Path, paintings: Path, tmp_path: Path) -> None:
    ids = sorted({row["anchor_id"] for split, row in rows_of(stripped, "triplets") if split == "train"})
    some = Path(shutil.copytree(paintings, tmp_path / "some"))
    gone = ids[:4]
    for id_ in gone:
        (some / f"{id_}.jpg").write_bytes(b"another scan")
    with pytest.raises(ArtsimError, match=f"4 of .* paintings are not in .*: {', '.join(gone[:3])} ...; they are"):
        load_artsim(stripped, "triplets", split="train", originals=some)
    with pytest.raises(ArtsimError, match="4 of 20 paintings are not in"):
        load_artsim(stripped, "triplets", split="train", originals=some, streaming=True)
    rows = load_artsim(stripped, "pairs", split="train", originals=paintings)
    needed = [n for n, id_ in enumerate(rows["id"]) if id_.rpartition("-")[0] not in gone]
    slice_ = f"train[{needed[0]}:{needed[0] + 1}]"
    assert load_artsim(stripped, "pairs", split=slice_, originals=some)[0]["original"].size == (96, 96)


def test_other_software_is_a_warning_and_another_painting_an_error(made: Path, paintings: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made / "work" / "without-originals", tmp_path / "stripped"))
    recipe = json.loads((folder / "originals.json").read_text())
    for sums in recipe["paintings"].values():
        sums["picture"] = sha256(b"of another libvips").hexdigest()
    (folder / "originals.json").write_text(json.dumps(recipe))
    with pytest.warns(UserWarning, match="built with other versions of pillow or pyvips"):
        assert load_artsim(folder, "pairs", split="train[:1]", originals=paintings)[0]["original"] is not None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"originals": "nowhere"}, "originals: nowhere is no folder"),
        ({"originals": ".", "seed": 1}, "'originals' cannot be given together with seed"),
        ({"image_size": 32}, "was published without its originals: image_size cannot be given"),
    ],
)
def test_what_cannot_be_is_said(stripped: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_artsim(stripped, "triplets", **options)


def test_a_full_data_set_needs_no_paintings(made: Path, paintings: Path) -> None:
    with pytest.raises(ConfigError, match="was published with its originals: leave out 'originals'"):
        load_artsim(made, "pairs", originals=paintings)


def test_a_broken_recipe_is_one_sentence(stripped: Path, paintings: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(stripped, tmp_path / "stripped"))
    (folder / "originals.json").write_text('{"paintings": []}')
    with pytest.raises(ArtsimError, match=r"originals.json is no recipe for originals"):
        load_artsim(folder, "pairs", originals=paintings)
    (folder / "originals.json").unlink()
    with pytest.raises(ArtsimError, match=r"has no originals.json: fetch the data set again"):
        load_artsim(folder, "pairs", originals=paintings)


def test_a_command_that_needs_the_paintings_says_so(stripped: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["encode", str(stripped)], env={"ARTSIM_CACHE": str(tmp_path)})
    assert done.exit_code == 2
    assert "has no picture in column 'original': the data set was published without its originals" in done.stderr


def test_it_is_written_once_and_again_when_the_build_changes(folder: Path) -> None:
    out = without_originals(folder, Silent())
    written = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    assert without_originals(folder, Silent()) == out
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")} == written
    (folder / "data.csv").write_text((folder / "data.csv").read_text() + "\n")
    reseal(folder)
    assert (without_originals(folder, Silent()) / "data.csv").read_bytes() == (folder / "data.csv").read_bytes()
    assert without_originals(out, Silent()) == out  # it has none to leave out


def test_it_is_made_where_the_paintings_are_known_and_from_an_intact_folder(folder: Path) -> None:
    with open(folder / "data.csv", "a") as file:
        file.write("\n")
    shutil.rmtree(folder / "work" / "without-originals", ignore_errors=True)
    with pytest.raises(ArtsimError, match="is not as it was built"):
        without_originals(folder, Silent())
    shutil.rmtree(folder / "work")
    with pytest.raises(ArtsimError, match="publish from where it was built"):
        without_originals(folder, Silent())


def test_it_passes_validation(stripped: Path) -> None:
    found = validate(stripped)
    assert found.ok, found.findings[:5]


def test_a_painting_that_slipped_in_is_found(made: Path, stripped: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(stripped, tmp_path / "stripped"))
    shutil.copyfile(*(next((f / "triplets").glob("train-*")) for f in (made, folder)))
    reseal(folder)
    found = validate(folder)
    assert set(found.numbers) == {"images: no original"}
    assert found.numbers["images: no original"] == 2 * sum(
        1 for split, _ in rows_of(made, "triplets") if split == "train"
    )


def _give_paintings(hub: Hub, paintings: Path, repo: str) -> None:
    """The collection as a data set on the Hub: the files as they are, in Parquet, and another among them."""
    images = [{"bytes": path.read_bytes(), "path": path.name} for path in sorted(paintings.rglob("*.jpg"))]
    buffer = io.BytesIO()
    Dataset.from_dict({"image": [*images[:3], None, *images[3:]]}, Features({"image": Image()})).to_parquet(buffer)
    hub.api().create_repo(repo, repo_type="dataset")
    hub.api().upload_file(
        path_or_fileobj=buffer.getvalue(), path_in_repo="train.parquet", repo_id=repo, repo_type="dataset"
    )


def test_from_the_hub_it_is_joined_in_three_lines(
    hub: Hub, artsim: Commands, made: Path, paintings: Path, repo: str
) -> None:
    done = artsim("publish", made, "--repo", repo, "--without-originals")
    assert done.code == 0, done.err
    there = on_hub(hub, repo)
    assert "originals.json" in there
    assert f'load_artsim("{repo}", "triplets", split="train", originals="paintings/")'.encode() in there["README.md"]
    _give_paintings(hub, paintings, f"{repo}-source")
    script = (
        "from artsim_dataset import load_artsim\n"
        f"for originals in ({str(paintings)!r}, 'hf:{repo}-source', 'hf:{repo}-source:default@main'):\n"
        f"    row = load_artsim({repo!r}, 'triplets', split='train', originals=originals)[0]\n"
        "    print(row['anchor_id'], row['anchor'].tobytes().hex())\n"
        f"load_artsim({repo!r}, 'pairs', originals='hf:{repo}')"
    )
    run = subprocess.run([sys.executable, "-c", script], env=hub.env, capture_output=True, text=True, check=False)
    row = load_dataset(str(made), "triplets", split="train")[0]
    assert run.stdout.split() == 3 * [row["anchor_id"], row["anchor"].tobytes().hex()], run.stderr
    assert run.stderr.strip().endswith(f"{repo} has 2 columns of images; originals come from one with one")

    hub.requests.clear()
    assert "Nothing to send" in artsim("publish", made, "--repo", repo, "--without-originals").out
    assert changes(hub) == []
    full = artsim("publish", made, "--repo", repo)
    assert full.code == 0, full.err
    assert "originals.json" not in on_hub(hub, repo)

    hub.requests.clear()  # what is in the history of a repository is published
    late = artsim("publish", made, "--repo", repo, "--without-originals")
    assert late.code == 2
    assert f"{repo} was published with originals before" in late.err
    assert changes(hub) == []


def test_originals_in_a_pull_request_are_published_too(hub: Hub, artsim: Commands, made: Path, repo: str) -> None:
    assert artsim("publish", made, "--repo", repo, "--create-pr").code == 0
    late = artsim("publish", made, "--repo", repo, "--without-originals")
    assert late.code == 2
    assert f"{repo} was published with originals before" in late.err
