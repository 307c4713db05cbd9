"""Options of `load_artsim`, against the published rows and against sums done here."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from artsim_dataset import load_artsim
from artsim_dataset.errors import ConfigError, DatasetNotFound
from artsim_dataset.schema import painting_id_of

BOX = ("content_left", "content_top", "content_right", "content_bottom")


@pytest.fixture
def load(sharded: Path, tmp_path: Path) -> Any:
    def loaded(config: str, split: str | None = None, **options: Any) -> Any:
        where = {} if options.get("streaming") else {"cache_dir": str(tmp_path)}
        return load_artsim(sharded, config, split, **options, **where)

    return loaded


def tables(splits: Any) -> dict[str, Any]:
    return {split: rows.with_format("arrow")[:] for split, rows in splits.items()}


def pixels(rows: Any, column: str) -> list[bytes]:
    return [image.tobytes() for image in rows[column]]


@pytest.mark.parametrize("config", ["pairs", "triplets", "real_vs_ai", "metadata"])
def test_the_builds_own_scheme_gives_the_published_rows_byte_for_byte(load: Any, config: str) -> None:
    assert tables(load(config, splits="80/20")) == tables(load(config))


def test_the_builds_own_seed_and_size_give_the_published_triplets_byte_for_byte(load: Any, sharded: Path) -> None:
    build = json.loads((sharded / "build.json").read_text())
    made = load("triplets", seed=build["seed"], image_size=build["settings"]["crop"]["size"])
    assert tables(made) == tables(load("triplets"))


def test_another_seed_draws_other_negatives_for_the_same_variants(load: Any) -> None:
    facts = {row["id"]: row for split in load("metadata").values() for row in split}
    old, new = load("triplets", "train"), load("triplets", "train", seed=7)
    assert old["positive_id"] == new["positive_id"] and old["negative_id"] != new["negative_id"]
    in_train = {painting_id_of(id_) for id_ in load("metadata", "train")["id"]}
    for row in new:
        negative = facts[f"{row['negative_id']}-0"]
        assert row["negative_id"] in in_train and row["negative_genre"] == negative["genre"] != row["anchor_genre"]
        assert row["negative_caption"] == negative["caption"]


def test_a_drawn_triplet_shows_the_pictures_that_its_ids_name(load: Any) -> None:
    shown = {}
    for rows in load("real_vs_ai").values():
        shown |= {(row["label"], row["id"]): row["image"].tobytes() for row in rows}
    for row in load("triplets", "train", seed=7):
        assert row["anchor"].tobytes() == shown[0, row["anchor_id"]]
        assert row["positive"].tobytes() == shown[1, row["positive_id"]]
        assert row["negative"].tobytes() == shown[0, row["negative_id"]]


@pytest.mark.parametrize("config", ["pairs", "triplets", "real_vs_ai", "metadata"])
def test_other_splits_divide_the_same_rows_alike_in_every_config(load: Any, config: str) -> None:
    wanted = {s: {painting_id_of(i) for i in rows["id"]} for s, rows in load("metadata", splits="40/60").items()}
    assert len(wanted["train"]) == 8 and len(wanted["test"]) == 12
    made = load(config, splits="40/60")
    column = {"triplets": "anchor_id", "real_vs_ai": "id"}.get(config, "id")
    for split, rows in made.items():
        found = {id_ if id_ in wanted[split] else painting_id_of(id_) for id_ in rows[column]}
        assert found == wanted[split]
    assert sum(map(len, made.values())) == sum(map(len, load(config).values()))


def test_artist_disjoint_splits_share_no_artist(load: Any) -> None:
    artists = [set(rows["artist"]) for rows in load("metadata", splits="artist-disjoint").values()]
    assert len(artists) == 2 and not artists[0] & artists[1]
    published = [set(rows["artist"]) for rows in load("metadata").values()]
    assert published[0] & published[1]  # else nothing was shown


def test_images_are_scaled_down_to_the_size_and_never_up(load: Any) -> None:
    for config, column, largest in (("triplets", "negative", 64), ("real_vs_ai", "image", 64)):
        assert max(max(image.size) for image in load(config, "test")[column]) == largest
    assert {max(image.size) for image in load("triplets", "test", image_size=40)["negative"]} == {40}
    assert {max(image.size) for image in load("real_vs_ai", "test", image_size=80)["image"]} == {80}
    assert {max(image.size) for image in load("triplets", "test", image_size=5000)["anchor"]} == {96}


def test_larger_triplets_are_cut_out_of_pairs(load: Any) -> None:
    pairs = {row["id"]: row for row in load("pairs", "test")}
    for row in load("triplets", "test", image_size=90):
        pair = pairs[row["positive_id"]]
        for column, image in (("anchor", pair["original"]), ("positive", pair["generated"])):
            content = image.crop([pair[side] for side in BOX])
            factor = 90 / max(content.size)
            size = tuple(round(side * factor) for side in content.size)
            buffer = io.BytesIO()
            content.resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=90, subsampling=2)
            assert row[column].tobytes() == Image.open(buffer).tobytes()


def test_scaled_pairs_have_no_bars_and_their_box_is_the_whole_image(load: Any) -> None:
    whole = load("pairs", "test")
    for row, old in zip(load("pairs", "test", image_size=48), whole, strict=True):
        assert tuple(row[side] for side in BOX) == (0, 0, *row["original"].size)
        assert row["original"].size == row["generated"].size and max(row["original"].size) == 48
        ratio = (old["content_right"] - old["content_left"]) / (old["content_bottom"] - old["content_top"])
        assert row["original"].width / row["original"].height == pytest.approx(ratio, abs=0.06)
        assert {**row, **dict.fromkeys((*BOX, "original", "generated"))} == {
            **old, **dict.fromkeys((*BOX, "original", "generated"))
        }  # fmt: skip


def test_slices_streams_and_processes_give_the_same_rows(load: Any) -> None:
    options = {"seed": 7, "splits": "40/60"}
    whole = load("triplets", **options)
    assert load("triplets", "train[2:5]+test[:1]", **options)["positive_id"] == [
        *whole["train"]["positive_id"][2:5], whole["test"]["positive_id"][0]
    ]  # fmt: skip
    assert tables(load("triplets", num_proc=2, **options)) == tables(whole)
    streamed = list(load("triplets", "train", streaming=True, **options))
    assert [row["positive_id"] for row in streamed] == list(whole["train"]["positive_id"])
    assert [row["negative"].tobytes() for row in streamed] == pixels(whole["train"], "negative")


@pytest.mark.parametrize("streaming", [False, True])
def test_a_split_made_here_has_its_own_name(load: Any, streaming: bool) -> None:
    made = load("triplets", seed=7, streaming=streaming)
    assert {name: str(rows.split) for name, rows in made.items()} == {"train": "train", "test": "test"}


def test_hard_negatives_are_those_of_the_config_triplets_hard(load: Any) -> None:
    assert tables(load("triplets", negatives="hard")) == tables(load("triplets_hard"))
    scaled = load("triplets", "train", negatives="hard", image_size=80)
    assert list(scaled["negative_id"]) == list(load("triplets_hard", "train")["negative_id"])


@pytest.mark.parametrize(
    ("config", "options", "sentence"),
    [
        ("triplets", {"image_size": 0}, "image_size is a number of pixels"),
        ("metadata", {"image_size": 64}, "has no images"),
        ("triplets", {"negatives": "semi"}, "negatives are 'random' or 'hard', not 'semi'"),
        ("pairs", {"negatives": "hard"}, "chosen for the config 'triplets', not for 'pairs'"),
        ("pairs", {"splits": "70/30"}, "splits are 'published', '80/20'"),
        ("triplets", {"seed": -1}, "the seed is 0 or more"),
        ("triplets", {"seed": 7.0}, "seed is a whole number, not 7.0"),
        ("pairs", {"image_size": "64"}, "image_size is a whole number, not '64'"),
        ("triplets_hard", {"splits": "80/20"}, "build with --set split.scheme"),
        ("triplets", {"negatives": "hard", "seed": 3}, "nothing is drawn here"),
        ("pairs", {"seed": 3}, "nothing is drawn here"),
        ("pairs", {"splits": "80/20", "split": "dev"}, "no split 'dev'; splits are: train, test"),
        ("pairs", {"splits": "80/20", "split": "test[900:]"}, "begins after the last row"),
        ("pairs", {"splits": "80/20", "columns": ["id"]}, "'columns' cannot be given together with splits"),
        ("pears", {}, "no config 'pears'"),
    ],
)
def test_options_that_cannot_work_are_named(load: Any, config: str, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load(config, **options)


def test_folder_without_its_listing_is_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "build.json").write_text("{}")
    with pytest.raises(DatasetNotFound, match="build.json or checksums.sha256 cannot be read"):
        load_artsim(tmp_path, "pairs", splits="80/20")


def test_folder_whose_name_datasets_takes_for_a_pattern_is_refused(sharded: Path, tmp_path: Path) -> None:
    (tmp_path / "a [1]").symlink_to(sharded)
    with pytest.raises(ConfigError, match="as a pattern: rename it"):
        load_artsim(tmp_path / "a [1]", "metadata", cache_dir=str(tmp_path))
