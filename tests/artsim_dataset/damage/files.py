"""Damage to files: lost, cut, exchanged, of another build; to Parquet, the card and the CSV."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from artsim_dataset.validate.folder import SUMS
from tests.artsim_dataset.damage.tools import (
    edit_csv,
    edit_json,
    edit_text,
    found_by,
    rewrite,
    set_in_both,
    shard,
    with_table,
)


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


@found_by("parquet: columns")
def column_is_left_out(folder: Path) -> None:
    with_table(folder, "pairs", lambda table: table.drop_columns(["phash"]))


@found_by("parquet: columns")
def column_changes_its_type(folder: Path) -> None:
    place = pq.read_schema(shard(folder, "metadata")).names.index("prompt_tokens")
    with_table(
        folder, "metadata",
        lambda table: table.set_column(place, "prompt_tokens", table["prompt_tokens"].cast(pa.int64())),
    )  # fmt: skip


@found_by("parquet: columns")
def columns_change_their_order(folder: Path) -> None:
    with_table(folder, "metadata", lambda table: table.select(sorted(table.column_names)))


@found_by("parquet: no lists")
def column_of_lists_is_added(folder: Path) -> None:
    with_table(folder, "metadata", lambda table: table.append_column("tags", pa.array([["a"]] * len(table))))


@found_by("parquet: loads as images and labels")
def footer_forgets_what_is_an_image(folder: Path) -> None:
    with_table(folder, "triplets", lambda table: table.replace_schema_metadata(None))


@found_by("parquet: row counts")
def row_is_dropped(folder: Path) -> None:
    rewrite(shard(folder, "pairs"), lambda rows: rows[:-1])


@found_by("rows: no empty cell")
def cell_is_null(folder: Path) -> None:
    set_in_both(folder, "caption", None)


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
