"""Damage to what holds between rows: splits, triplets, pairs, labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from tests.artsim_dataset.damage.tools import (
    Row,
    edit_json,
    found_by,
    rewrite,
    set_cell,
    shard,
)


@found_by("splits: groups")
def near_duplicates_stand_on_both_sides(folder: Path) -> None:
    other = pq.read_table(shard(folder, "metadata", "test"))["group"][0].as_py()
    rewrite(shard(folder, "pairs"), lambda rows: _regroup(rows, other))
    rewrite(shard(folder, "metadata"), lambda rows: _regroup(rows, other))


def _regroup(rows: list[Row], group: str) -> None:
    first = rows[0]["group"]
    for row in rows:
        if row["group"] == first:
            row["group"] = group


@found_by("splits: artists")
def artist_stands_on_both_sides_of_an_artist_disjoint_split(folder: Path) -> None:
    edit_json(folder, lambda facts: facts["settings"]["split"].update(scheme="artist-disjoint"))
    names = []
    for config in ("pairs", "metadata"):
        for split in ("train", "test"):

            def change(rows: list[Row]) -> None:
                for row in rows:
                    row["artist"] = "One Painter"

            rewrite(shard(folder, config, split), change)
            names.append(split)


@found_by("splits: rows of one side")
def triplets_of_train_and_test_are_exchanged(folder: Path) -> None:
    train, test = (shard(folder, "triplets", split) for split in ("train", "test"))
    train.rename(folder / "x")
    test.rename(train)
    (folder / "x").rename(test)


@found_by("triplets: ids in pairs")
def triplet_names_an_unknown_painting(folder: Path) -> None:
    set_cell(folder, "triplets", "negative_id", "Rococo/nobody_nothing")


@found_by("triplets: positive of its anchor")
def positive_is_of_another_painting(folder: Path) -> None:
    rewrite(shard(folder, "triplets"), lambda rows: _exchange(rows, "anchor_id"))


def _exchange(rows: list[Row], column: str) -> None:
    other = next(row for row in rows if row[column] != rows[0][column])
    rows[0][column], other[column] = other[column], rows[0][column]


def _make_negative(folder: Path, config: str, fits: Callable[[Row, Row], bool]) -> None:
    """Gives a triplet a negative out of its split, with all that a row says of it: only the choice is wrong."""
    pairs = pq.read_table(shard(folder, "metadata")).to_pylist()
    paintings = {row["id"].rpartition("-")[0]: row for row in pairs}
    labelled = pq.read_table(shard(folder, "real_vs_ai")).to_pylist()
    small = {row["id"]: row["image"] for row in labelled if row["label"] == 0}

    def change(rows: list[Row]) -> None:
        for row in rows:
            for id_, painting in paintings.items():
                if fits(paintings[row["anchor_id"]], painting) and id_ != row["anchor_id"]:
                    row.update(
                        negative=small[id_], negative_id=id_, negative_genre=painting["genre"],
                        negative_caption=painting["caption"],
                    )  # fmt: skip
                    return
        raise AssertionError("there is no such painting")

    rewrite(shard(folder, config), change)


@found_by("triplets: genre of the negative")
def negative_is_of_the_anchors_genre(folder: Path) -> None:
    _make_negative(folder, "triplets", lambda anchor, other: anchor["genre"] == other["genre"])


@found_by("triplets: genre of the negative")
def hard_negative_is_of_another_genre(folder: Path) -> None:
    _make_negative(folder, "triplets_hard", lambda anchor, other: anchor["genre"] != other["genre"])


@found_by("triplets: group of the negative")
def negative_is_a_near_duplicate_of_its_anchor(folder: Path) -> None:
    anchor, negative = (
        pq.read_table(shard(folder, "triplets"))[f"{role}_id"][0].as_py() for role in ("anchor", "negative")
    )

    def change(rows: list[Row]) -> None:
        for row in rows:
            if row["id"].rpartition("-")[0] in (anchor, negative):
                row["group"] = anchor

    for config in ("pairs", "metadata"):
        rewrite(shard(folder, config), change)


@found_by("triplets: texts as in pairs")
def caption_of_a_triplet_is_another(folder: Path) -> None:
    set_cell(folder, "triplets", "positive_caption", "a cat")


@found_by("triplets: one for each variant")
def triplet_is_lost(folder: Path) -> None:
    rewrite(shard(folder, "triplets"), lambda rows: rows[:-1])
    edit_json(folder, lambda facts: facts["rows"]["triplets"].update(train=facts["rows"]["triplets"]["train"] - 1))


@found_by("real_vs_ai: label")
def label_is_turned_round(folder: Path) -> None:
    set_cell(folder, "real_vs_ai", "label", lambda row: 1 - row["label"])


@found_by("real_vs_ai: generator")
def painting_is_said_to_be_generated(folder: Path) -> None:
    set_cell(folder, "real_vs_ai", "generator", lambda row: "" if row["label"] else "style-transfer")


@found_by("real_vs_ai: all there once")
def class_loses_a_picture(folder: Path) -> None:
    rewrite(shard(folder, "real_vs_ai"), lambda rows: rows[1:])
    edit_json(folder, lambda facts: facts["rows"]["real_vs_ai"].update(train=facts["rows"]["real_vs_ai"]["train"] - 1))
