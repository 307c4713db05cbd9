"""Damage to pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from PIL import Image

from tests.artsim_dataset.damage.tools import (
    Row,
    again,
    found_by,
    rewrite,
    set_cell,
    set_picture,
    shard,
)


@found_by("images: decode")
def image_is_cut_short(folder: Path) -> None:
    set_picture(folder, "pairs", "generated", lambda data: data[: len(data) // 2])


@found_by("images: decode")
def image_is_empty(folder: Path) -> None:
    set_picture(folder, "real_vs_ai", "image", lambda data: b"")


@found_by("images: decode")
def image_is_an_error_page(folder: Path) -> None:
    set_picture(folder, "triplets", "negative", lambda data: b"<html>404</html>")


@found_by("images: plain JPEG")
def image_is_a_png(folder: Path) -> None:
    set_picture(folder, "pairs", "generated", lambda data: again(data, format="PNG"))


@found_by("images: plain JPEG")
def image_is_grey(folder: Path) -> None:
    set_picture(folder, "pairs", "generated", lambda data: again(data, lambda image: image.convert("L")))


@found_by("images: plain JPEG")
def image_carries_exif(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x013B] = "A. Painter"
    set_picture(folder, "pairs", "generated", lambda data: again(data, exif=exif))


@found_by("images: plain JPEG")
def image_carries_a_comment(folder: Path) -> None:
    set_picture(folder, "pairs", "generated", lambda data: again(data, comment=b"made by a machine"))


@found_by("images: plain JPEG")
def image_hides_bytes_behind_its_end(folder: Path) -> None:
    set_picture(folder, "pairs", "generated", lambda data: data + b"hidden")


@found_by("images: size")
def image_has_another_size(folder: Path) -> None:
    set_picture(folder, "pairs", "generated", lambda data: again(data, lambda image: image.resize((80, 96))))


def _with_bars(folder: Path) -> tuple[Path, int, tuple[int, int, int, int]]:
    """A row of `pairs` whose bars are wide enough to be looked at: its shard, its number, its content box."""
    for split in ("train", "test"):
        for number, row in enumerate(pq.read_table(shard(folder, "metadata", split)).to_pylist()):
            box = tuple(row[f"content_{side}"] for side in ("left", "top", "right", "bottom"))
            if max(box[:2]) > 20:
                return shard(folder, "pairs", split), number, box
    raise AssertionError("no painting has wide bars")


def _change_variant(folder: Path, change: Callable[[Image.Image, Any], Image.Image]) -> None:
    path, number, box = _with_bars(folder)

    def of_row(rows: list[Row]) -> None:
        picture = rows[number]["generated"]
        picture["bytes"] = again(picture["bytes"], lambda image: change(image, box))

    rewrite(path, of_row)


@found_by("images: bars are black")
def bars_are_white(folder: Path) -> None:
    _change_variant(folder, lambda image, box: image.point(lambda level: 255 - level))


@found_by("images: variant is a picture")
def variant_is_of_one_colour_between_its_bars(folder: Path) -> None:
    def paint(image: Image.Image, box: Any) -> Image.Image:
        image.paste((200, 20, 20), box)
        return image

    _change_variant(folder, paint)


@found_by("images: variant is a picture")
def variant_is_black(folder: Path) -> None:
    set_picture(folder, "pairs", "generated", lambda data: again(data, lambda image: Image.new("RGB", image.size)))


@found_by("images: variant is a picture")
def variant_is_the_painting(folder: Path) -> None:
    set_cell(folder, "pairs", "generated", lambda row: {**row["generated"], "bytes": row["original"]["bytes"]})


@found_by("images: one original")
def variants_have_different_originals(folder: Path) -> None:
    set_picture(folder, "pairs", "original", lambda data: again(data, quality=80), row=1)


@found_by("small pictures: size")
def small_picture_has_its_bars(folder: Path) -> None:
    def letterbox(image: Image.Image) -> Image.Image:
        frame = Image.new("RGB", (64, 80))
        frame.paste(image)
        return frame

    set_picture(folder, "real_vs_ai", "image", lambda data: again(data, letterbox, quality=90))


@found_by("small pictures: the same everywhere")
def triplet_shows_the_painting_slightly_changed(folder: Path) -> None:
    set_picture(folder, "triplets", "anchor", lambda data: again(data, quality=50))


@found_by("small pictures: show their row")
def anchor_and_negative_are_exchanged(folder: Path) -> None:
    def change(rows: list[Row]) -> None:
        rows[0]["anchor"], rows[0]["negative"] = rows[0]["negative"], rows[0]["anchor"]

    rewrite(shard(folder, "triplets"), change)


@found_by("real_vs_ai: one encoding")
def class_is_told_by_its_jpeg_quality(folder: Path) -> None:
    def change(rows: list[Row]) -> None:
        for row in rows:
            if row["label"] == 1:
                row["image"]["bytes"] = again(row["image"]["bytes"], quality=60)

    for split in ("train", "test"):
        rewrite(shard(folder, "real_vs_ai", split), change)


@found_by("real_vs_ai: one encoding")
def one_picture_is_progressive(folder: Path) -> None:
    set_picture(folder, "real_vs_ai", "image", lambda data: again(data, quality=90, progressive=True))
