"""The whole build on the painted gallery, with the real stages and models of the `lite` preset."""

from __future__ import annotations

import io
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from datasets import load_dataset
from PIL import Image

from artsim_dataset.errors import ConfigError
from artsim_dataset.features import FEATURES
from artsim_dataset.schema import GENRES, painting_id_of
from builder.assemble import is_intact
from builder.build import BuildResult, build
from builder.config import load_config
from builder.engine import LocalEngine, R, T, Tick
from builder.models.clip_tokens import count
from builder.stage import Lane
from builder.write import image_names
from tests.conftest import Silent


class NoEngine:
    """Fails when it is given any work: a finished build has none."""

    def map(self, task: Callable[[T, Tick], R], items: Sequence[T], advance: Tick, lane: Lane = "cpu") -> Iterator[R]:
        assert not items, f"{len(items)} shards were run again"
        yield from ()


@pytest.fixture(scope="module")
def few(gallery: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source of eight pictures in four genres, for tests that build more than once."""
    folder = tmp_path_factory.mktemp("few")
    for genre in ("Cubism", "Ukiyo_e", "Pointillism", "Minimalism"):
        for path in sorted((gallery / genre).iterdir())[:2]:
            (folder / genre).mkdir(exist_ok=True)
            shutil.copy(path, folder / genre)
    return folder


def rows(built: BuildResult, config: str) -> pd.DataFrame:
    """Both splits of a config without decoding images, with a column that names the split."""
    parts = []
    for split, dataset in load_dataset(str(built.out), config).items():
        images = [name for name, feature in FEATURES[config].items() if type(feature).__name__ == "Image"]
        parts.append(dataset.remove_columns(images).to_pandas().assign(split=split))
    return pd.concat(parts, ignore_index=True)


def content(row: dict[str, Any], column: str) -> np.ndarray:
    box = [row[f"content_{side}"] for side in ("left", "top", "right", "bottom")]
    return np.asarray(row[column].crop(box))


# --- what anyone sees who types load_dataset ---------------------------------------------------------------------


@pytest.mark.parametrize("config", FEATURES)
def test_stock_datasets_loads_every_config_with_its_columns(built: BuildResult, config: str) -> None:
    loaded = load_dataset(str(built.out), config)
    expected = built.dataset.rows[config]
    assert list(loaded) == [split for split in ("train", "test") if expected[split]]
    for split in loaded:
        assert loaded[split].features == FEATURES[config]
        assert loaded[split].num_rows == expected[split]


def test_default_config_is_pairs_and_streams(built: BuildResult) -> None:
    row = next(iter(load_dataset(str(built.out), split="test", streaming=True)))
    assert list(row) == list(FEATURES["pairs"])
    assert row["original"].size == row["generated"].size == (768, 768)


def test_triplets_show_three_pictures_without_bars(built: BuildResult) -> None:
    for row in load_dataset(str(built.out), "triplets", split="test"):
        for name in ("anchor", "positive", "negative"):
            assert max(row[name].size) == 256
        assert row["anchor"].size == row["positive"].size


def test_both_classes_of_real_vs_ai_have_one_format(built: BuildResult) -> None:
    dataset = load_dataset(str(built.out), "real_vs_ai", split="train")
    tables: dict[int, set[str]] = {0: set(), 1: set()}
    for cell, label in zip(dataset.with_format("arrow")["image"].to_pylist(), dataset["label"], strict=True):
        picture = Image.open(io.BytesIO(cell["bytes"]))
        tables[label].add(json.dumps([picture.format, max(picture.size), picture.quantization]))
    assert tables[0] == tables[1] and len(tables[0]) == 1


# --- what the rows say -------------------------------------------------------------------------------------------


def test_every_painting_has_its_variant_and_nothing_is_lost(built: BuildResult) -> None:
    pairs = rows(built, "pairs")
    assert len(pairs) == pairs["id"].nunique() == 81
    assert set(pairs["genre"]) == set(GENRES)
    for report in built.reports:
        assert report.rows_in == report.rows_out + len(report.rejects)


def test_no_group_is_on_both_sides_and_both_sides_have_every_genre_that_allows_it(built: BuildResult) -> None:
    pairs = rows(built, "pairs")
    assert (pairs.groupby("group")["split"].nunique() == 1).all()
    assert 0.7 < (pairs["split"] == "train").mean() < 0.9


@pytest.mark.parametrize("config", ["triplets", "triplets_hard"])
def test_negatives_obey_the_contract(built: BuildResult, config: str) -> None:
    pairs, triplets = rows(built, "pairs"), rows(built, config)
    paintings = pairs.assign(painting=pairs["id"].map(painting_id_of)).set_index("painting")
    for row in triplets.to_dict("records"):
        anchor, negative = paintings.loc[row["anchor_id"]], paintings.loc[row["negative_id"]]
        assert row["anchor_id"] == painting_id_of(row["positive_id"])
        assert row["split"] == anchor["split"] == negative["split"]
        assert anchor["group"] != negative["group"]
        assert (row["negative_genre"] != row["anchor_genre"]) == (config == "triplets")
        assert row["negative_caption"] == negative["caption"]


def test_prompts_fit_clip_and_name_neither_artist_nor_title(built: BuildResult) -> None:
    for row in rows(built, "metadata").to_dict("records"):
        assert row["prompt_tokens"] == count(row["prompt_compressed"]) <= 75
        assert len(row["prompt_complete"].split()) <= 75
        for text in (row["prompt_complete"], row["prompt_compressed"]):
            assert row["artist"].replace("-", " ") not in text.lower()


def test_a_fifth_of_the_prompts_of_each_genre_is_moderate(built: BuildResult) -> None:
    pairs = rows(built, "metadata")
    for _, genre in pairs.groupby("genre"):
        assert (genre["level"] == "moderate").sum() == round(0.2 * len(genre))


def test_variant_is_another_picture_with_the_layout_of_its_painting(built: BuildResult) -> None:
    for row in load_dataset(str(built.out), "pairs", split="test"):
        painting, variant = content(row, "original"), content(row, "generated")
        assert np.abs(painting.astype(int) - variant).mean() > 2
        bars = np.asarray(row["generated"]).astype(int)
        bars[row["content_top"] : row["content_bottom"], row["content_left"] : row["content_right"]] = 0
        assert np.percentile(bars, 99.9) < 24


def test_provenance_says_how_each_variant_was_made(built: BuildResult) -> None:
    pairs = rows(built, "pairs")
    genre_of = {painting_id_of(row["id"]): row["genre"] for row in pairs.to_dict("records")}
    for row in pairs.to_dict("records"):
        facts = json.loads(row["provenance"])
        assert facts["generator"] == row["generator"] == "style-transfer"
        assert facts["seed"] == row["seed"] and facts["watermarked"] is False
        assert genre_of[facts["style_of"]] != row["genre"]
        assert facts["own_style_share"] == (0.5 if row["level"] == "moderate" else 0.0)


def test_csv_files_have_the_columns_of_the_wikiart_sdxl_data_set(built: BuildResult) -> None:
    data, metadata = pd.read_csv(built.out / "data.csv"), pd.read_csv(built.out / "metadata.csv")
    assert list(data) == ["generated_image", "prompt"]
    assert list(metadata) == ["original_image", "prompt_complete", "prompt_compressed", "generated_image"]
    expected = {image_names(painting_id_of(i), i)[1] for i in rows(built, "pairs")["id"]}
    assert set(data["generated_image"]) == set(metadata["generated_image"]) == expected
    assert all(name.endswith("_resize768_generated.jpg") for name in expected)


def test_card_and_build_json_count_what_the_files_hold(built: BuildResult) -> None:
    pairs, facts = rows(built, "pairs"), json.loads((built.out / "build.json").read_text())
    assert facts["rows"] == built.dataset.rows
    assert facts["genres"] == dict(Counter(pairs["genre"]).most_common()) or sum(facts["genres"].values()) == 81
    assert facts["levels"] == dict(Counter(pairs["level"]))
    card = (built.out / "README.md").read_text()
    assert "81 AI variants of 81 paintings" in card
    for genre, number in facts["genres"].items():
        assert f"| {genre} | {number} |" in card


def test_no_path_of_this_machine_is_in_what_is_published(built: BuildResult, gallery: Path) -> None:
    for path in built.out.rglob("*"):
        if path.is_file() and "work" not in path.relative_to(built.out).parts:
            assert str(gallery).encode() not in path.read_bytes()
            assert str(built.out).encode() not in path.read_bytes()


# --- doing it again ----------------------------------------------------------------------------------------------


def test_second_run_opens_no_model_and_writes_nothing(built: BuildResult, gallery: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in built.out.rglob("*")}
    again = build(str(gallery), built.out, load_config(), NoEngine(), Silent())
    assert not again.changed
    assert {path: path.stat().st_mtime_ns for path in built.out.rglob("*")} == before
    assert again.dataset.rows == built.dataset.rows


def test_same_source_gives_the_same_bytes_in_another_folder_with_other_workers(
    few: Path, tmp_path: Path, engine: LocalEngine
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(few, moved)
    alone = LocalEngine(1)
    build(str(few), tmp_path / "one", load_config(), engine, Silent())
    build(str(moved), tmp_path / "two", load_config(), alone, Silent())
    alone.close()
    one, two = ((tmp_path / name / "checksums.sha256").read_text() for name in ("one", "two"))
    assert one == two and one.count("\n") > 10


def test_new_painting_is_the_only_one_made(few: Path, gallery: Path, tmp_path: Path, engine: LocalEngine) -> None:
    source = tmp_path / "source"
    shutil.copytree(few, source)
    build(str(source), tmp_path / "out", load_config(), engine, Silent())
    before = generated(tmp_path / "out")
    (source / "Rococo").mkdir()
    shutil.copy(sorted((gallery / "Rococo").iterdir())[0], source / "Rococo")
    result = build(str(source), tmp_path / "out", load_config(), engine, Silent())
    after = generated(tmp_path / "out")
    assert len(after) == len(before) + 1
    assert sum(before[i] != after[i] for i in before) <= 2
    ran = {report.name: report for report in result.reports if report.shards_run}
    assert ran["preprocess"].rows_reused >= 0 and ran["preprocess"].shards_run == 1


def test_data_sets_in_folders_of_one_name_are_not_mixed_up_by_the_cache(
    few: Path, tmp_path: Path, engine: LocalEngine
) -> None:
    config = load_config(source={"limit": 6})
    build(str(few), tmp_path / "a" / "same", load_config(), engine, Silent())
    build(str(few), tmp_path / "b" / "same", config, engine, Silent())
    assert len(generated(tmp_path / "a" / "same")) == 8
    assert len(generated(tmp_path / "b" / "same")) == 6
    build(str(few), tmp_path / "b" / "same", load_config(), engine, Silent())
    assert len(generated(tmp_path / "b" / "same")) == 8


def test_changed_prompts_leave_captions_alone(few: Path, tmp_path: Path, engine: LocalEngine) -> None:
    build(str(few), tmp_path / "out", load_config(), engine, Silent())
    config = load_config(assignments=["prompt.moderate_share=1"])
    result = build(str(few), tmp_path / "out", config, engine, Silent())
    ran = [report.name for report in result.reports if report.shards_run]
    assert ran == ["prompt", "compress", "generate", "recaption", "crop"]
    assert json.loads((tmp_path / "out" / "build.json").read_text())["levels"] == {"moderate": 8, "radical": 0}


def test_several_variants_of_a_painting_are_told_apart(few: Path, tmp_path: Path, engine: LocalEngine) -> None:
    config = load_config(assignments=["prompt.variants=3"])
    result = build(str(few), tmp_path / "out", config, engine, Silent())
    pairs = rows(result, "pairs")
    assert len(pairs) == 24 and pairs["id"].nunique() == 24 and pairs["seed"].nunique() == 24
    assert pd.read_csv(tmp_path / "out" / "data.csv")["generated_image"].nunique() == 24
    real = rows(result, "real_vs_ai")
    assert (real["label"] == 0).sum() == 8 and (real["label"] == 1).sum() == 24


def test_damaged_file_of_the_data_set_is_found_and_written_again(
    few: Path, tmp_path: Path, engine: LocalEngine
) -> None:
    out = tmp_path / "out"
    build(str(few), out, load_config(), engine, Silent())
    good = (out / "checksums.sha256").read_text()
    victim = next((out / "triplets").iterdir())
    victim.write_bytes(victim.read_bytes()[:-1] + b"x")
    assert not is_intact(out)
    build(str(few), out, load_config(), NoEngine(), Silent())
    assert is_intact(out) and (out / "checksums.sha256").read_text() == good


def generated(out: Path) -> dict[str, bytes]:
    images = {}
    for dataset in load_dataset(str(out), "pairs").values():
        table = dataset.with_format("arrow")
        for i, cell in zip(dataset["id"], table["generated"].to_pylist(), strict=True):
            images[i] = cell["bytes"]
    return images


# --- what goes wrong ---------------------------------------------------------------------------------------------


def test_broken_pictures_become_rejects_and_the_build_goes_on(few: Path, tmp_path: Path, engine: LocalEngine) -> None:
    source = tmp_path / "source"
    shutil.copytree(few, source)
    whole = next((source / "Cubism").iterdir()).read_bytes()
    (source / "Cubism" / "a_empty.jpg").write_bytes(b"")
    (source / "Cubism" / "a_half.jpg").write_bytes(whole[: len(whole) // 2])
    (source / "Cubism" / "a_page.jpg").write_text("<html><body>404</body></html>")
    result = build(str(source), tmp_path / "out", load_config(), engine, Silent())
    listed = pd.read_csv(tmp_path / "out" / "rejected.csv")
    assert dict(zip(listed["id"], listed["reason"], strict=True)).items() >= {
        "Cubism/a_empty": "empty", "Cubism/a_half": "truncated", "Cubism/a_page": "unreadable",
    }.items()  # fmt: skip
    assert result.dataset.rows["pairs"]["train"] + result.dataset.rows["pairs"]["test"] == 8


def test_source_of_one_genre_is_refused_with_the_reason(few: Path, tmp_path: Path, engine: LocalEngine) -> None:
    with pytest.raises(ConfigError, match="paintings of one genre only"):
        build(str(few / "Cubism"), tmp_path / "out", load_config(), engine, Silent())


def test_source_of_which_all_is_refused_says_why(tmp_path: Path, engine: LocalEngine) -> None:
    (tmp_path / "t.csv").write_text("path,style\nmoved/1.jpg,Cubism\nmoved/2.jpg,Realism\n")
    with pytest.raises(ConfigError, match="none of the 2 paintings .* 'moved/1.jpg' is not below the image root"):
        build(str(tmp_path / "t.csv"), tmp_path / "out", load_config(), engine, Silent())


def test_folder_of_another_build_or_of_other_files_is_refused(few: Path, built: BuildResult, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds a build of .* with preset 'lite'; give another folder"):
        build(str(few), built.out, load_config(), NoEngine(), Silent())
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds other files; give an empty or new folder"):
        build(str(few), tmp_path, load_config(), NoEngine(), Silent())
    assert (tmp_path / "notes.txt").read_text() == "mine" and len(list(tmp_path.iterdir())) == 1
