"""Loose files from a data set folder: names, pixels, labels, and going on after a stop."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import load_dataset
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from artsim_dataset.cli import app
from artsim_dataset.errors import ArtsimError, ConfigError, DatasetNotFound
from artsim_dataset.export import export
from artsim_dataset.export.files import file_names
from artsim_dataset.features import FEATURES
from artsim_dataset.schema import painting_id_of
from builder.tables import SplitWriter
from tests.artsim_dataset.export.folders import VARIANTS, make, picture, row


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("export") / "dataset", VARIANTS)


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name[0] != ".")


# --- imagefolder ---------------------------------------------------------------------------------------------------


def test_imagefolder_has_the_names_of_s4_and_nothing_else(dataset: Path, tmp_path: Path) -> None:
    result = export(dataset, "imagefolder", tmp_path / "out")
    paintings = ["Cubism_juan-gris_guitar.jpg", "Pop_Art_ann-onym_soup.jpg", "Ukiyo_e_hokusai_wave.jpg"]
    wanted = [f"original/{name}" for name in paintings] + [f"ai/{name}" for name in paintings]
    assert files(tmp_path / "out") == sorted([*wanted, "ai/Cubism_juan-gris_guitar_1.jpg"])
    assert (result.written, result.kept, result.images) == (7, 0, {"original": 3, "ai": 4})


def test_painting_whose_variants_come_in_different_batches_is_one_file(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artsim_dataset.export.files.ROWS_AT_ONCE", 1)
    result = export(dataset, "imagefolder", tmp_path / "out")
    assert (result.written, result.kept, result.images) == (7, 0, {"original": 3, "ai": 4})


def test_stock_datasets_reads_the_two_labels(dataset: Path, tmp_path: Path) -> None:
    export(dataset, "imagefolder", tmp_path / "out")
    loaded = load_dataset("imagefolder", data_dir=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))["train"]
    assert loaded.features["label"].names == ["ai", "original"]
    assert sorted(loaded["label"]) == [0, 0, 0, 0, 1, 1, 1]
    assert {image.size for image in loaded["image"]} == {(256, 256)}


def test_pixels_are_the_middle_square_of_the_content_and_no_bar_shows(dataset: Path, tmp_path: Path) -> None:
    export(dataset, "imagefolder", tmp_path / "out", size=40)
    for folder, stored in (("original", picture(sum(b"Ukiyo_e/hokusai_wave"))), ("ai", picture(1000))):
        whole = Image.open(io.BytesIO(stored))
        naive = Image.fromarray(np.asarray(whole)[12:84, 12:84]).resize((40, 40), Image.Resampling.LANCZOS)
        seen = Image.open(tmp_path / "out" / folder / "Ukiyo_e_hokusai_wave.jpg")
        buffer = io.BytesIO()
        naive.save(buffer, "JPEG", quality=95)
        assert np.array_equal(np.asarray(seen), np.asarray(Image.open(buffer)))
        assert np.asarray(seen).min() > 20


def test_both_classes_have_one_format(dataset: Path, tmp_path: Path) -> None:
    export(dataset, "imagefolder", tmp_path / "out")
    formats: dict[str, set[str]] = {"ai": set(), "original": set()}
    for path in (tmp_path / "out").glob("*/*.jpg"):
        image: Any = Image.open(path)
        formats[path.parent.name].add(repr((image.format, image.size, image.quantization, image.layer, image.info)))
    assert formats["ai"] == formats["original"] and len(formats["ai"]) == 1


@given(
    st.lists(
        st.tuples(st.sampled_from(["Pop", "Pop_art", "pop_Art"]), st.sampled_from(["art_a", "a", "A", "a_1"])),
        max_size=12,
        unique=True,
    ),
    st.integers(1, 3),
)
def test_no_two_pictures_get_one_file_name(paintings: list[tuple[str, str]], variants: int) -> None:
    ids = [f"{genre}/{name}-{index}" for genre, name in paintings for index in range(variants)]
    originals, names = file_names(ids)
    assert file_names(reversed(ids)) == (originals, names)
    assert len({names[id_].casefold() for id_ in ids}) == len(ids)
    for painting in {painting_id_of(id_) for id_ in ids}:
        assert originals[painting] == names[f"{painting}-0"]


def test_painting_with_the_id_of_anothers_second_variant_keeps_its_own_files(tmp_path: Path) -> None:
    ids = [f"Fauvism/who_untitled{end}" for end in ("-0", "-1", "-1-0", "-1-1")]
    result = export(make(tmp_path / "dataset", {"train": ids}), "imagefolder", tmp_path / "out")
    assert result.images == {"original": 2, "ai": 4}


def test_first_variant_that_was_rejected_still_leaves_the_painting_its_name() -> None:
    assert file_names(["Cubism/a_b-1"]) == ({"Cubism/a_b": "Cubism_a_b.jpg"}, {"Cubism/a_b-1": "Cubism_a_b_1.jpg"})


# --- csv -----------------------------------------------------------------------------------------------------------


def test_csv_has_the_bytes_as_they_are_and_every_file_that_its_tables_name(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = export(dataset, "csv", out)
    assert result.images == {"images": 7}
    named: set[str] = set()
    for number, text in enumerate((out / "metadata.csv").read_text().splitlines()):
        if number:
            original, _, _, made = text.split(",")
            named |= {f"images/{original}", f"images/{made}"}
    assert files(out) == sorted([*named, "data.csv", "metadata.csv"])
    generated = out / "images/Cubism/juan-gris_guitar_resize768_generated_1.jpg"
    assert generated.read_bytes() == picture(1001)
    assert (out / "data.csv").read_bytes() == (dataset / "data.csv").read_bytes()


# --- going on, and refusing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["imagefolder", "csv"])
def test_stopped_export_writes_only_what_is_missing(format: Any, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(dataset, format, out)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.rglob("*.jpg")}
    gone = sorted(before)[::3]
    for file in gone:
        file.unlink()
    result = export(dataset, format, out)
    assert (result.written, result.kept) == (len(gone), 7 - len(gone))
    for file, (data, time) in before.items():
        assert file.read_bytes() == data and (file in gone or file.stat().st_mtime_ns == time)


def test_export_of_something_else_is_never_mixed_in(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(dataset, "imagefolder", out, size=32)
    for format, size in (("imagefolder", 64), ("csv", None)):
        with pytest.raises(ConfigError, match="export of another data set, format, size or config"):
            export(dataset, format, out, size)  # type: ignore[arg-type]
    other = make(tmp_path / "other", VARIANTS, digest="4567")
    with pytest.raises(ConfigError, match="export of another"):
        export(other, "imagefolder", out, size=32)
    with pytest.raises(ConfigError, match="holds other files"):
        export(dataset, "csv", other)


def test_broken_picture_is_named_and_leaves_no_part_of_a_file(tmp_path: Path) -> None:
    folder = make(tmp_path / "dataset", {"train": ["Cubism/a_b-0"]})
    with SplitWriter(folder / "pairs", "test", FEATURES["pairs"]) as writer:
        broken = row("Cubism/c_d-0", 1)
        broken["generated"]["bytes"] = broken["generated"]["bytes"][:700]
        writer.write(broken)
    with pytest.raises(ArtsimError, match="row 'Cubism/c_d-0', column 'generated'"):
        export(folder, "imagefolder", tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_data_set_from_elsewhere_cannot_write_outside_of_its_folder(tmp_path: Path) -> None:
    folder = make(tmp_path / "dataset", {"train": ["Cubism/a_b-0"]})
    with SplitWriter(folder / "pairs", "test", FEATURES["pairs"]) as writer:
        hostile = row("Cubism/c_d-0", 1)
        hostile["original"]["path"] = "../../../escaped.jpg"
        writer.write(hostile)
    with pytest.raises(ArtsimError, match="outside of"):
        export(folder, "csv", tmp_path / "out" / "deep")
    assert not list(tmp_path.rglob("escaped.jpg"))


@pytest.mark.parametrize(
    ("image", "sentence"),
    [(None, "column 'original' holds no image"), ({"bytes": b"x", "path": None}, "names no file")],
)
def test_picture_that_is_not_there_or_has_no_name_is_named(image: Any, sentence: str, tmp_path: Path) -> None:
    folder = make(tmp_path / "dataset", {"train": ["Cubism/a_b-0"]})
    with SplitWriter(folder / "pairs", "test", FEATURES["pairs"]) as writer:
        writer.write(row("Cubism/c_d-0", 1) | {"original": image})
    with pytest.raises(ArtsimError, match=f"row 'Cubism/c_d-0'.*{sentence}"):
        export(folder, "csv", tmp_path / "out")


def test_study_has_no_pairs_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "build.json").write_text(json.dumps({"digest": "0123"}))
    with pytest.raises(ConfigError, match="has no pairs"):
        export(tmp_path, "imagefolder", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_command_tells_what_it_wrote_and_refuses_in_one_sentence(dataset: Path, tmp_path: Path) -> None:
    def artsim(*arguments: object) -> Any:
        return CliRunner().invoke(app, ["export", *(str(argument) for argument in arguments)])

    told = artsim(dataset, "--format", "imagefolder", "--out", tmp_path / "out", "--size", 32, "--json")
    assert json.loads(told.stdout)["images"] == {"original": 3, "ai": 4}
    again = artsim(dataset, "--format", "imagefolder", "--out", tmp_path / "out", "--size", 32)
    assert "7 were there already" in again.stdout and 'load_dataset("imagefolder"' in again.stdout
    for arguments, sentence in {
        (
            dataset,
            "--format",
            "zip",
            "--out",
            tmp_path / "x",
        ): "no format 'zip'; formats are: imagefolder, csv",
        (dataset, "--format", "csv", "--size", 32, "--out", tmp_path / "x"): "csv keeps every image as it is",
        (tmp_path, "--format", "csv", "--out", tmp_path / "x"): "holds no artsim data set",
        (dataset, "--format", "imagefolder", "--size", 0, "--out", tmp_path / "x"): "must be 16 to 4096 pixels, not 0",
        ("user/artsim", "--format", "csv", "--out", tmp_path / "x"): "hf download user/artsim",
    }.items():
        result = artsim(*arguments)
        assert result.exit_code == 2 and sentence in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_folder_without_a_data_set_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFound):
        export(tmp_path / "nowhere", "csv", tmp_path / "out")


@pytest.mark.parametrize("format", ["imagefolder", "csv", "webdataset"])
def test_data_set_without_originals_is_not_called_damaged(format: Any, tmp_path: Path) -> None:
    folder = make(tmp_path / "dataset", VARIANTS)
    build = json.loads((folder / "build.json").read_text()) | {"originals_published": False}
    (folder / "build.json").write_text(json.dumps(build))
    with pytest.raises(ConfigError, match="was published without its originals"):
        export(folder, format, tmp_path / "out")
    assert not (tmp_path / "out").exists()
