"""Damage to the cells of a row, and texts that must not be published."""

from __future__ import annotations

from pathlib import Path

from tests.artsim_dataset.damage.tools import (
    edit_csv,
    edit_json,
    edit_text,
    found_by,
    rewrite,
    set_cell,
    set_in_both,
    shard,
    with_table,
)


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


@found_by("rows: phash")
def phash_is_of_another_painting(folder: Path) -> None:
    set_in_both(folder, "phash", lambda row: f"{int(row['phash'], 16) ^ 0xFFFFF:016x}")


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
    with_table(
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
