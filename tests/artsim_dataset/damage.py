"""Kinds of damage that a data set can suffer, as small functions on its folder; each names the check that must find it.

A careless copy, an edit by hand, a writer with a bug: after each the checksums are made anew (unless they are what is
damaged), so that nothing is found merely because bytes differ.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from artsim_dataset.validate.folder import SUMS, digest_of

Row = dict[str, Any]


@dataclass(frozen=True)
class Damage:
    """What is done to a folder, and which check finds it. ``sealed``: the checksums are made anew."""

    do: Callable[[Path], None]
    check: str
    sealed: bool

    @property
    def name(self) -> str:
        return self.do.__name__


DAMAGES: list[Damage] = []


def found_by(check: str, sealed: bool = True) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    def note(function: Callable[[Path], None]) -> Callable[[Path], None]:
        DAMAGES.append(Damage(function, check, sealed))
        return function

    return note


# --- tools -------------------------------------------------------------------------------------------------------


def reseal(folder: Path) -> None:
    """New checksums, and a digest that fits them in build.json and on the card."""
    names = [p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file() and p.name != SUMS]
    sums = {name: sha256((folder / name).read_bytes()).hexdigest() for name in names}
    digest = digest_of({name: sum_ for name, sum_ in sums.items() if name not in ("README.md", "build.json")})
    try:
        old = json.loads((folder / "build.json").read_text())["digest"]
    except (OSError, ValueError, KeyError, TypeError):
        old = None
    for name in ("README.md", "build.json") if old else ():
        if (folder / name).is_file():
            (folder / name).write_text((folder / name).read_text().replace(old, digest))
            sums[name] = sha256((folder / name).read_bytes()).hexdigest()
    (folder / SUMS).write_text("".join(f"{sum_}  {name}\n" for name, sum_ in sorted(sums.items())))


def shard(folder: Path, config: str, split: str = "train") -> Path:
    return folder / config / f"{split}-00000-of-00001.parquet"


def rewrite(path: Path, change: Callable[[list[Row]], list[Row] | None]) -> None:
    """Reads all rows of a shard, lets ``change`` edit them in place or give others, and writes them back."""
    table = pq.read_table(path)
    rows = table.to_pylist()
    pq.write_table(pa.Table.from_pylist(change(rows) or rows, schema=table.schema), path)


def set_cell(folder: Path, config: str, column: str, value: Any, row: int = 0) -> None:
    """Puts ``value`` (or what it makes of the row, when it is a function) in one row of a config."""

    def change(rows: list[Row]) -> None:
        rows[row][column] = value(rows[row]) if callable(value) else value

    rewrite(shard(folder, config), change)


def set_in_both(folder: Path, column: str, value: Any, row: int = 0) -> None:
    """As ``set_cell``, in `pairs` and in `metadata`, whose rows stand in the same order."""
    for config in ("pairs", "metadata"):
        set_cell(folder, config, column, value, row)


def set_picture(folder: Path, config: str, column: str, change: Callable[[bytes], bytes], row: int = 0) -> None:
    set_cell(folder, config, column, lambda r: {**r[column], "bytes": change(r[column]["bytes"])}, row)


def again(data: bytes, change: Callable[[Image.Image], Image.Image] | None = None, **options: Any) -> bytes:
    """The picture encoded again, changed."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    buffer = io.BytesIO()
    (change(image) if change else image).save(buffer, **{"format": "JPEG", "quality": 95, **options})
    return buffer.getvalue()


def edit_json(folder: Path, change: Callable[[Row], None]) -> None:
    path = folder / "build.json"
    facts = json.loads(path.read_text())
    change(facts)
    path.write_text(json.dumps(facts))


def edit_text(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def edit_csv(folder: Path, name: str, change: Callable[[list[list[str]]], None]) -> None:
    with open(folder / name, newline="") as file:
        rows = list(csv.reader(file))
    change(rows)
    with open(folder / name, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# --- files -------------------------------------------------------------------------------------------------------


@found_by("checksums: same bytes", sealed=False)
def one_bit_flips_in_an_image(folder: Path) -> None:
    path = shard(folder, "pairs")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@found_by("checksums: no file missing", sealed=False)
def file_is_lost(folder: Path) -> None:
    shard(folder, "triplets").unlink()


@found_by("checksums: no other file", sealed=False)
def stray_file_lies_there(folder: Path) -> None:
    (folder / "pairs" / "notes.txt").write_text("mine")


@found_by("checksums: list", sealed=False)
def list_of_checksums_is_lost(folder: Path) -> None:
    (folder / SUMS).unlink()


@found_by("checksums: list", sealed=False)
def list_of_checksums_is_cut(folder: Path) -> None:
    text = (folder / SUMS).read_text()
    (folder / SUMS).write_text(text[: len(text) // 2])


@found_by("build.json: of these files", sealed=False)
def build_json_is_of_another_build(folder: Path) -> None:
    edit_json(folder, lambda facts: facts.update(digest="0123456789abcdef"))


@found_by("build.json: complete")
def build_json_is_lost(folder: Path) -> None:
    (folder / "build.json").unlink()


@found_by("build.json: complete")
def build_json_is_cut(folder: Path) -> None:
    text = (folder / "build.json").read_text()
    (folder / "build.json").write_text(text[: len(text) // 2])


@found_by("build.json: counts")
def build_json_counts_a_painting_too_many(folder: Path) -> None:
    edit_json(folder, lambda facts: facts.update(paintings=facts["paintings"] + 1))


@found_by("build.json: counts")
def build_json_counts_levels_wrong(folder: Path) -> None:
    edit_json(folder, lambda facts: facts["levels"].update(moderate=0))


@found_by("shards: numbered")
def shard_is_said_to_be_one_of_two(folder: Path) -> None:
    shard(folder, "pairs").rename(folder / "pairs" / "train-00000-of-00002.parquet")


@found_by("shards: numbered")
def shard_of_no_config_lies_there(folder: Path) -> None:
    shard(folder, "metadata", "test").rename(folder / "metadata" / "rest.parquet")


# --- Parquet -----------------------------------------------------------------------------------------------------


@found_by("parquet: can be read")
def shard_is_cut_short(folder: Path) -> None:
    path = shard(folder, "pairs")
    path.write_bytes(path.read_bytes()[:-1000])


@found_by("parquet: can be read")
def pages_are_overwritten(folder: Path) -> None:
    path = shard(folder, "metadata")
    data = bytearray(path.read_bytes())
    data[4:2000] = bytes(1996)
    path.write_bytes(data)


@found_by("parquet: can be read")
def shard_is_a_web_page(folder: Path) -> None:
    shard(folder, "real_vs_ai").write_text("<html>502 Bad Gateway</html>")


def _with_table(folder: Path, config: str, change: Callable[[pa.Table], pa.Table]) -> None:
    path = shard(folder, config)
    pq.write_table(change(pq.read_table(path)), path)


@found_by("parquet: columns")
def column_is_left_out(folder: Path) -> None:
    _with_table(folder, "pairs", lambda table: table.drop_columns(["phash"]))


@found_by("parquet: columns")
def column_changes_its_type(folder: Path) -> None:
    place = pq.read_schema(shard(folder, "metadata")).names.index("prompt_tokens")
    _with_table(
        folder, "metadata",
        lambda table: table.set_column(place, "prompt_tokens", table["prompt_tokens"].cast(pa.int64())),
    )  # fmt: skip


@found_by("parquet: columns")
def columns_change_their_order(folder: Path) -> None:
    _with_table(folder, "metadata", lambda table: table.select(sorted(table.column_names)))


@found_by("parquet: no lists")
def column_of_lists_is_added(folder: Path) -> None:
    _with_table(folder, "metadata", lambda table: table.append_column("tags", pa.array([["a"]] * len(table))))


@found_by("parquet: loads as images and labels")
def footer_forgets_what_is_an_image(folder: Path) -> None:
    _with_table(folder, "triplets", lambda table: table.replace_schema_metadata(None))


@found_by("parquet: row counts")
def row_is_dropped(folder: Path) -> None:
    rewrite(shard(folder, "pairs"), lambda rows: rows[:-1])


@found_by("rows: no empty cell")
def cell_is_null(folder: Path) -> None:
    set_in_both(folder, "caption", None)


# --- card and CSV ------------------------------------------------------------------------------------------------


@found_by("card: can be read")
def card_is_lost(folder: Path) -> None:
    (folder / "README.md").unlink()


@found_by("card: can be read")
def card_has_broken_yaml(folder: Path) -> None:
    edit_text(folder, "README.md", "configs:\n", "configs: [\n")


@found_by("card: configs and splits")
def card_forgets_a_split(folder: Path) -> None:
    edit_text(folder, "README.md", "  - split: test\n    path: pairs/test-*\n", "")


@found_by("card: default config")
def card_has_no_default(folder: Path) -> None:
    edit_text(folder, "README.md", "  default: true\n", "")


@found_by("card: file patterns")
def card_looks_in_another_folder(folder: Path) -> None:
    edit_text(folder, "README.md", "path: triplets/train-*", "path: data/triplets/train-*")


@found_by("card: file patterns")
def card_mixes_train_into_test(folder: Path) -> None:
    edit_text(folder, "README.md", "path: pairs/test-*", "path: pairs/*")


@found_by("card: counts")
def card_shows_other_counts(folder: Path) -> None:
    rows = json.loads((folder / "build.json").read_text())["rows"]["pairs"]
    edit_text(folder, "README.md", f"| {rows['train']} | {rows['test']} |", f"| {rows['train'] + 1} | {rows['test']} |")


@found_by("rejected.csv")
def reject_vanishes_without_a_trace(folder: Path) -> None:
    edit_csv(folder, "rejected.csv", lambda rows: rows.pop())


@found_by("rejected.csv")
def rejects_lose_a_column(folder: Path) -> None:
    edit_csv(folder, "rejected.csv", lambda rows: [row.pop() for row in rows] and None)


@found_by("csv: as in pairs")
def csv_has_another_prompt(folder: Path) -> None:
    edit_csv(folder, "data.csv", lambda rows: rows[1].__setitem__(1, "a cat"))


@found_by("csv: as in pairs")
def csv_row_is_doubled(folder: Path) -> None:
    edit_csv(folder, "metadata.csv", lambda rows: rows.append(rows[1]))


@found_by("csv: as in pairs")
def csv_breaks_in_a_quoted_cell(folder: Path) -> None:
    text = (folder / "metadata.csv").read_text()
    (folder / "metadata.csv").write_text(text[: text.rindex('"')])


# --- rows --------------------------------------------------------------------------------------------------------


@found_by("ids: unique")
def id_stands_in_two_rows(folder: Path) -> None:
    for config in ("pairs", "metadata"):
        rewrite(shard(folder, config), lambda rows: [*rows[:-1], rows[0]])


@found_by("ids: well formed")
def id_is_of_no_variant(folder: Path) -> None:
    set_in_both(folder, "id", "42")


@found_by("metadata: as in pairs")
def metadata_has_another_title(folder: Path) -> None:
    set_cell(folder, "metadata", "title", "Another")


@found_by("metadata: as in pairs")
def html_in_a_title_is_escaped_in_one_config(folder: Path) -> None:
    set_cell(folder, "pairs", "title", "<b>Nacht</b> &amp; Tag")
    set_cell(folder, "metadata", "title", "&lt;b&gt;Nacht&lt;/b&gt; &amp;amp; Tag")


@found_by("rows: variants of a painting agree")
def variants_disagree_on_the_genre(folder: Path) -> None:
    set_in_both(folder, "genre", "Rococo")


@found_by("rows: level")
def level_is_unknown(folder: Path) -> None:
    set_in_both(folder, "level", "extreme")


@found_by("rows: seed")
def seed_is_another(folder: Path) -> None:
    set_in_both(folder, "provenance", lambda row: row["provenance"].replace(str(row["seed"]), "7"))
    set_in_both(folder, "seed", 7)


@found_by("rows: provenance")
def provenance_has_another_seed(folder: Path) -> None:
    set_in_both(folder, "provenance", lambda row: row["provenance"].replace(str(row["seed"]), "7"))


@found_by("rows: provenance")
def provenance_is_no_json(folder: Path) -> None:
    set_in_both(folder, "provenance", lambda row: row["provenance"][:-1])


@found_by("rows: phash")
def phash_loses_a_digit(folder: Path) -> None:
    set_in_both(folder, "phash", lambda row: row["phash"][1:])


@found_by("rows: content box")
def content_box_leaves_the_picture(folder: Path) -> None:
    set_in_both(folder, "content_right", 9999)


@found_by("rows: content box")
def content_box_is_empty(folder: Path) -> None:
    set_in_both(folder, "content_bottom", lambda row: row["content_top"])


@found_by("prompts: there")
def prompt_is_empty(folder: Path) -> None:
    set_in_both(folder, "prompt_compressed", " ")


@found_by("prompts: 75 tokens at most")
def prompt_is_too_long_for_clip(folder: Path) -> None:
    set_in_both(folder, "prompt_compressed", "a cat and " * 30)


@found_by("prompts: tokens counted")
def prompt_tokens_are_miscounted(folder: Path) -> None:
    set_in_both(folder, "prompt_tokens", lambda row: row["prompt_tokens"] - 1)


# --- splits and joins --------------------------------------------------------------------------------------------


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


# --- images ------------------------------------------------------------------------------------------------------


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


# --- text --------------------------------------------------------------------------------------------------------


@found_by("text: no machine path")
def provenance_names_a_folder_of_the_machine(folder: Path) -> None:
    set_in_both(folder, "provenance", lambda row: row["provenance"][:-1] + ', "weights": "/home/me/models/sd"}')


@found_by("text: no machine path")
def reject_names_a_windows_folder(folder: Path) -> None:
    edit_csv(folder, "rejected.csv", lambda rows: rows[1].__setitem__(3, r"C:\Users\me\cat.jpg cannot be read"))


@found_by("text: no machine path")
def build_json_names_its_own_folder(folder: Path) -> None:
    edit_json(folder, lambda facts: facts["settings"]["source"].update(root=str(folder.resolve())))


@found_by("text: no machine path")
def image_remembers_the_file_that_it_was(folder: Path) -> None:
    set_cell(folder, "triplets", "negative", lambda row: {**row["negative"], "path": "/mnt/disk/art/x.jpg"})


@found_by("text: no machine path")
def footer_names_a_folder(folder: Path) -> None:
    _with_table(
        folder, "metadata",
        lambda table: table.replace_schema_metadata({**table.schema.metadata, b"made_in": b"/Users/me/build"}),
    )  # fmt: skip


@found_by("text: no key")
def build_json_keeps_a_key(folder: Path) -> None:
    edit_json(folder, lambda facts: facts["settings"]["generate"].update(api_key="sk-proj-" + "a1B2c3D4e5" * 4))


@found_by("text: no key")
def prompt_keeps_a_hub_token(folder: Path) -> None:
    set_in_both(folder, "prompt_complete", "a cat, hf_" + "aBcDeFgHiJ" * 4)


@found_by("text: no key")
def card_keeps_a_cloud_key(folder: Path) -> None:
    edit_text(folder, "README.md", "## Citation", "AKIA" + "ABCDEFGH12345678\n\n## Citation")


@found_by("text: no e-mail address")
def caption_keeps_an_address(folder: Path) -> None:
    set_cell(folder, "triplets", "anchor_caption", "a painting, ask jane.doe+art@example.org")


@found_by("text: no e-mail address")
def reject_keeps_an_address(folder: Path) -> None:
    edit_csv(folder, "rejected.csv", lambda rows: rows[1].__setitem__(3, "write to jane@museum.example.nl"))
