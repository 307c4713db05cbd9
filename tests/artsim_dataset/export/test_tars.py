"""Exports as WebDataset, read back by `webdataset` and `datasets`: keys, bytes, texts, bounded tars, going on."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq
import pytest
import webdataset as wds
from datasets import Image, load_dataset
from datasets.packaged_modules.webdataset.webdataset import base_plus_ext
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner
from webdataset.tariterators import group_by_keys, tar_file_iterator

from artsim_dataset.cli import app
from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.export import export, tars
from artsim_dataset.export.tars import key_of, plan
from artsim_dataset.features import FEATURES
from builder import tables
from builder.tables import SplitWriter
from tests.artsim_dataset.export.folders import make, picture, row

ODD = ["Realism/st.-ives_no.-5-0", "__Odd__/__x_y-0", "Cubism/édouard_" + "x" * 120 + "-0", "Cubism/a%2Eb_100%-0"]
"""Ids that a source of other names can bring about: dots, leading underscores, accents, great length, percent signs."""
VARIANTS = {"train": [*ODD, *(f"Cubism/a_{n}-0" for n in range(9))], "test": ["Ukiyo_e/hokusai_wave-0"]}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Row groups of three rows, so that a tar can be made of several."""
    folder = tmp_path_factory.mktemp("tars") / "dataset"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "ROW_GROUP_ROWS", 3)
        make(folder, VARIANTS)
        for split, variants in VARIANTS.items():
            with SplitWriter(folder / "triplets", split, FEATURES["triplets"]) as writer:
                for number, variant in enumerate(variants):
                    writer.write(triplet(variant, number))
    return folder


def triplet(variant: str, number: int) -> dict[str, Any]:
    values: dict[str, Any] = dict.fromkeys(FEATURES["triplets"], "é") | {"positive_id": variant}
    for place, column in enumerate(("anchor", "positive", "negative")):
        values[column] = {"bytes": picture(3 * number + place), "path": None}
    return values


def rows_of(dataset: Path, config: str, split: str) -> list[dict[str, Any]]:
    return [row for path in sorted((dataset / config).glob(f"{split}-*")) for row in pq.read_table(path).to_pylist()]


def samples(folder: Path, split: str) -> Iterator[dict[str, Any]]:
    """As a user of webdataset reads them, images left as bytes."""
    urls = [str(path) for path in sorted(folder.glob(f"{split}-*.tar"))]
    return iter(wds.WebDataset(urls, shardshuffle=False, empty_check=False))


@pytest.mark.parametrize(("config", "key"), [("pairs", "id"), ("triplets", "positive_id")])
def test_webdataset_reads_every_row_back(config: str, key: str, dataset: Path, tmp_path: Path) -> None:
    result = export(dataset, "webdataset", tmp_path / "out", config=config)
    columns = tars.CONFIGS[config][1]
    for split, variants in VARIANTS.items():
        rows = rows_of(dataset, config, split)
        read = list(samples(tmp_path / "out", split))
        assert [unquote(sample["__key__"]) for sample in read] == [row[key] for row in rows] == variants
        for sample, row_ in zip(read, rows, strict=True):
            assert {name for name in sample if name[:2] != "__"} == {"json", *(f"{c}.jpg" for c in columns)}
            assert all(sample[f"{column}.jpg"] == row_[column]["bytes"] for column in columns)
            assert json.loads(sample["json"]) == {name: value for name, value in row_.items() if name not in columns}
    assert result.images == {split: len(variants) * len(columns) for split, variants in VARIANTS.items()}


def test_webdataset_decodes_pictures_and_texts(dataset: Path, tmp_path: Path) -> None:
    export(dataset, "webdataset", tmp_path, config="triplets")
    urls = str(tmp_path / "train-{00000..00000}-of-00001.tar")
    loader = wds.WebDataset(urls, shardshuffle=False).decode("pil").to_tuple("anchor.jpg", "positive.jpg", "json")
    anchor, positive, texts = next(iter(loader))
    assert anchor.size == positive.size == (96, 96) and anchor.mode == "RGB"
    assert texts["positive_id"] == ODD[0] and texts["anchor_caption"] == "é"


def test_datasets_reads_every_row_back(dataset: Path, tmp_path: Path) -> None:
    export(dataset, "webdataset", tmp_path / "out", config="triplets")
    loaded = load_dataset("webdataset", data_dir=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(loaded[split]) for split in loaded} == {"train": 13, "test": 1}
    for split in VARIANTS:
        rows = rows_of(dataset, "triplets", split)
        for column in ("anchor", "positive", "negative"):
            encoded = loaded[split].cast_column(f"{column}.jpg", Image(decode=False))[f"{column}.jpg"]
            assert [image["bytes"] for image in encoded] == [row_[column]["bytes"] for row_ in rows]
        assert [texts["positive_id"] for texts in loaded[split]["json"]] == VARIANTS[split]
    assert loaded["train"][0]["anchor.jpg"].size == (96, 96)


@given(st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: f"{text}-0"))
@example("__meta__/x-0")
@example("a/.hidden_b.c-0")
@example("/absolute\n-0")
def test_no_id_is_misread(id_: str) -> None:
    name = f"{key_of(id_)}.original.jpg"
    assert unquote(key_of(id_)) == id_
    assert base_plus_ext(name) == (key_of(id_), "original.jpg")
    assert not name.rpartition("/")[2].startswith((".", "__"))  # what `datasets` passes over
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        tars._add_file(tar, name, b"x")
    made.seek(0)
    (sample,) = group_by_keys({"__url__": "u"} | file for file in tar_file_iterator(made))
    assert (sample["__key__"], sample["original.jpg"]) == (key_of(id_), b"x")


def test_usual_ids_are_keys_as_they_are() -> None:
    for id_ in ("Art_Nouveau_Modern/alphonse-mucha_f-champenois-1897-0", "Fauvism/andré-derain_le-port-12"):
        assert key_of(id_) == id_


def test_tars_stay_below_the_limit_and_hold_every_row_once(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tars, "MAX_TAR_BYTES", 100_000)
    result = export(dataset, "webdataset", tmp_path)
    made = sorted(path.name for path in tmp_path.glob("*.tar"))
    assert made == ["test-00000-of-00001.tar", *(f"train-{n:05d}-of-00004.tar" for n in range(4))]
    assert result.written == 5
    assert all(path.stat().st_size <= 100_000 for path in tmp_path.glob("*.tar"))
    assert [unquote(sample["__key__"]) for sample in samples(tmp_path, "train")] == VARIANTS["train"]


def test_a_row_group_above_the_limit_is_a_tar_of_its_own(dataset: Path) -> None:
    files = sorted((dataset / "pairs").glob("train-*"))
    assert [tar.rows for tar in plan({"train": files}, limit=1)] == [3, 3, 3, 3, 1]


def test_same_data_set_gives_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export(dataset, "webdataset", tmp_path / name)
    for path in (tmp_path / "one").glob("*.tar"):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
        with tarfile.open(path) as tar:
            assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in tar} == {(0, 0, 0, "", "", 0o644)}


def test_stopped_export_makes_only_what_is_missing(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tars, "MAX_TAR_BYTES", 100_000)
    export(dataset, "webdataset", tmp_path)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.glob("*.tar")}
    gone = tmp_path / "train-00001-of-00004.tar"
    gone.unlink()
    (tmp_path / f".{gone.name}.tmp").write_bytes(b"the part that was written before the power went")
    result = export(dataset, "webdataset", tmp_path)
    assert (result.written, result.kept) == (1, 4)
    assert sum(result.images.values()) == 2 * sum(map(len, VARIANTS.values()))
    for path, (data, time) in before.items():
        assert path.read_bytes() == data and (path == gone or path.stat().st_mtime_ns == time)
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.mark.parametrize(("image", "sentence"), [(None, "holds no image"), (b"\x89PNG\r\n", "is no JPEG")])
def test_picture_that_is_missing_or_no_jpeg_is_named_and_no_tar_looks_whole(
    image: bytes | None, sentence: str, tmp_path: Path
) -> None:
    folder = make(tmp_path / "dataset", {"train": ["Cubism/a_b-0"]})
    with SplitWriter(folder / "pairs", "test", FEATURES["pairs"]) as writer:
        writer.write(row("Cubism/c_d-0", 1) | {"generated": image and {"bytes": image, "path": "x.jpg"}})
    with pytest.raises(ArtsimError, match=f"row 'Cubism/c_d-0', column 'generated' {sentence}"):
        export(folder, "webdataset", tmp_path / "out")
    left = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert left == [".artsim-export.json", "train-00000-of-00001.tar"]


def test_what_cannot_be_is_refused_before_anything_is_written(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    for arguments, sentence in {
        ("webdataset", 64, None): "--size is for imagefolder; webdataset keeps every image",
        ("webdataset", None, "metadata"): "configs are: pairs, triplets, triplets_hard",
        ("webdataset", None, "triplets_hard"): "has no rows of triplets_hard to export",
        ("csv", None, "triplets"): "--config is for webdataset; csv is made from pairs",
    }.items():
        format, size, config = arguments
        with pytest.raises(ConfigError, match=sentence):
            export(dataset, format, out, size, config=config)  # type: ignore[arg-type]
    assert not out.exists()
    export(dataset, "webdataset", out)
    with pytest.raises(ConfigError, match="export of another data set, format, size or config"):
        export(dataset, "webdataset", out, config="triplets")
    monkeypatch.setattr(tars, "MAX_TAR_BYTES", 100_000)
    with pytest.raises(ConfigError, match="export of another"):  # names of tars would not fit together
        export(dataset, "webdataset", out)


def test_command_tells_what_it_wrote_and_prints_a_folder_as_it_is_called(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "[red]tars"
    told = CliRunner().invoke(app, ["export", str(dataset), "--format", "webdataset", "--out", str(out)])
    assert told.exit_code == 0 and "train 26, test 2 images in 2 tars" in told.stdout
    assert f'load_dataset("webdataset", data_dir="{out}")' in told.stdout
    again = CliRunner().invoke(app, ["export", str(dataset), "--format", "webdataset", "--out", str(out), "--json"])
    assert json.loads(again.stdout)["kept"] == 2
