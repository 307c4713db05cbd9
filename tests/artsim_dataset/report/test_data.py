"""`artsim report` on a painted data set: what it counts, against counts made row by row."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser
from typer.testing import CliRunner

from artsim_dataset.cli import app
from artsim_dataset.report import tables
from artsim_dataset.report.colours import palette
from artsim_dataset.report.data import SAID
from artsim_dataset.report.prompts import COMMON, Prompts
from artsim_dataset.report.sheets import contact_sheets, sample
from artsim_dataset.schema import painting_id_of
from builder.models.clip_tokens import count
from tests.artsim_dataset.report.browsing import check_paper, look_at
from tests.artsim_dataset.report.markup import Page, check_numbers, check_structure, report_of

EVIL = "<script>alert('&amp;')</script> | `x`"
Row = dict[str, Any]


def artsim(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.stderr if code else result.stdout


GENRES = ("Baroque", "Cubism", "Fauvism", "Impressionism", "Pop_Art", "Realism", "Rococo", "Ukiyo_e")
"""Of the 27 that were painted: enough for every table, and a third of the work."""


def rewrite(file: Path, change: Any) -> None:
    """Changes the rows of a Parquet file in place, and leaves only those of GENRES."""
    table = pq.read_table(file)
    rows = [row for row in table.to_pylist() if row["id"].partition("/")[0] in GENRES]
    for number, row in enumerate(rows):
        change(number, row)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), file, row_group_size=20)


@pytest.fixture(scope="module")
def dataset(built: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The painted data set with some things that a real one has: artists, near-duplicates, rejects, odd names."""
    folder = tmp_path_factory.mktemp("report") / "paintings"
    shutil.copytree(built.out, folder, ignore=shutil.ignore_patterns("work", "pairs", "triplets*"))
    leader: dict[str, str] = {}

    def change(number: int, row: Row) -> None:
        row["artist"] = ("", "claude-monet", EVIL)[number % 3]
        row["group"] = leader.setdefault(row["genre"], painting_id_of(row["id"])) if number < 12 else row["group"]
        row["content_right"] -= 7 * (number % 5)

    for file in sorted((folder / "metadata").glob("*.parquet")):
        rewrite(file, change)
    for file in (folder / "real_vs_ai").glob("*.parquet"):
        rewrite(file, lambda number, row: None)
    with open(folder / "rejected.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "stage", "reason", "message"))
        writer.writerows([("a/b_c", "source", "unreadable", EVIL), ("a/b_d", "source", "unreadable", "short"),
                          ("a/b_e-0", "generate", "black", "all of it")])  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def page(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "page"
    told = artsim("report", dataset, "--out", out)
    assert str(out / "index.html") in told.replace("\n", "")
    return out / "index.html"


@pytest.fixture(scope="module")
def rows(dataset: Path) -> list[Row]:
    """All rows of `metadata` with their split."""
    found = []
    for split in ("train", "test"):
        for file in sorted((dataset / "metadata").glob(f"{split}-*.parquet")):
            found += [{**row, "split": split} for row in pq.read_table(file).to_pylist()]
    return found


def test_page_is_one_file_that_loads_nothing_and_can_be_read_aloud(page: Path) -> None:
    check_structure(page)


def test_every_number_on_the_page_stands_in_the_json(page: Path) -> None:
    paths = check_numbers(page)
    assert {("paintings",), ("leaks", "groups"), ("rejected",), ("near_duplicates", "groups")} <= paths
    assert ("prompts", "radical", "tokens_before", "mean") in paths and ("genres", "Cubism", "variants") in paths


def test_counts_are_those_of_the_rows(page: Path, rows: list[Row]) -> None:
    report = report_of(page)
    first = {painting_id_of(row["id"]): row for row in reversed(rows)}
    assert report["paintings"] == len(first) and report["variants"] == len(rows)
    assert report["artists"] == len({row["artist"] for row in first.values()} - {""}) == 2
    assert report["levels"] == dict(Counter(row["level"] for row in rows))
    assert report["generators"] == dict(Counter(row["generator"] for row in rows))
    assert list(report["genres"]) == sorted(
        report["genres"], key=lambda name: (-report["genres"][name]["paintings"], name)
    )
    for genre, told in report["genres"].items():
        mine = [row for row in rows if row["genre"] == genre]
        works = [row for row in first.values() if row["genre"] == genre]
        assert told["variants"] == len(mine) and told["paintings"] == len(works)
        assert told["train"] == sum(row["split"] == "train" for row in works)
        assert told.get("radical", 0) == sum(row["level"] == "radical" for row in mine)
        assert told["artists"] == len({row["artist"] for row in works} - {""})
    for split, told in report["splits"].items():
        works = [row for row in first.values() if row["split"] == split]
        assert told["paintings"] == len(works) and told["share"] == len(works) / len(first)
        assert told["genres"] == len({row["genre"] for row in works})


def test_what_lies_on_both_sides_of_the_split_is_counted(page: Path, rows: list[Row]) -> None:
    def shared(name: Any) -> int:
        sides: dict[str, set[str]] = {}
        for row in rows:
            if name(row):
                sides.setdefault(name(row), set()).add(row["split"])
        return sum(len(known) > 1 for known in sides.values())

    told = report_of(page)["leaks"]
    assert told == {
        "paintings": shared(lambda row: painting_id_of(row["id"])),
        "groups": shared(lambda row: row["group"]),
        "artists": shared(lambda row: row["artist"]),
    }
    assert told["paintings"] == 0 and told["artists"] == 2
    assert ("are not to be trusted" in Page(page).text) == (told["groups"] > 0)


def test_a_group_or_a_painting_on_both_sides_is_a_leak() -> None:
    table = pa.table({"painting": ["a", "a", "b", "c"], "group": ["g", "g", "h", "h"], "artist": ["", "", "x", "x"],
                      "split": ["train", "test", "train", "test"]})  # fmt: skip
    assert tables.leaks(table) == {"paintings": 1, "groups": 2, "artists": 1}


def test_sizes_are_those_of_the_content(page: Path, rows: list[Row]) -> None:
    first = {painting_id_of(row["id"]): row for row in reversed(rows)}.values()
    width = np.array([row["content_right"] - row["content_left"] for row in first])
    height = np.array([row["content_bottom"] - row["content_top"] for row in first])
    told = report_of(page)["sizes"]
    assert told["width"]["median"] == round(float(np.median(width))) and told["height"]["most"] == height.max()
    assert told["aspect"]["least"] == round(float((width / height).min()), 3)
    shapes = ["portrait" if a < 0.97 else "square" if a < 1.03 else "landscape" for a in width / height]
    assert {k: n for k, n in told["orientation"].items() if n} == dict(Counter(shapes))
    assert sum(told["aspect_histogram"]["counts"]) == len(width)


def test_prompts_are_measured_before_and_after_compression(page: Path, rows: list[Row]) -> None:
    told = report_of(page)["prompts"]
    assert set(told) == {"moderate", "radical"}
    for level, one in told.items():
        mine = [row for row in rows if row["level"] == level]
        before = [count(row["prompt_complete"]) for row in mine]
        after = [row["prompt_tokens"] for row in mine]
        assert one["prompts"] == len(mine)
        assert one["tokens_before"]["mean"] == pytest.approx(np.mean(before), abs=0.0051)
        assert one["tokens_after"]["mean"] == pytest.approx(np.mean(after), abs=0.0051)
        assert one["tokens_after"]["most"] == max(after) and one["tokens_before"]["least"] == min(before)
        assert one["tokens_before"]["median"] == sorted(before)[(len(before) - 1) // 2]
        assert one["over_limit_before"] == np.mean([n > 75 for n in before])
        assert one["histogram"]["after"] == np.bincount(after).tolist()
        word = one["dropped"][0]
        has = re.compile(rf"(?<![\w'-]){re.escape(word['word'])}(?![\w'-])", re.IGNORECASE)
        lost = [row for row in mine if has.search(row["prompt_complete"]) and not has.search(row["prompt_compressed"])]
        assert word["prompts"] == len(lost) > 0 and word["share"] == len(lost) / len(mine)


def test_words_of_every_language_count_once_for_each_prompt() -> None:
    prompts = Prompts(lambda text: len(text.split()))
    texts = ["the \xe9tude, an \xc9tude of snow", "snow with red snow", ""]
    table = pa.table({"level": ["radical"] * 3, "prompt_complete": texts, "prompt_compressed": ["snow", "snow", ""],
                      "prompt_tokens": [1, 1, 0]})  # fmt: skip
    for batch in table.to_batches(max_chunksize=2):
        prompts.look(batch)
    told = prompts.to_json()["radical"]
    assert told["prompts"] == 2, "a row without a prompt has none"
    assert told["words"] == [{"word": "snow", "prompts": 2, "share": 1.0}]
    assert [one["word"] for one in told["dropped"]] == ["red", "\xe9tude"]
    assert "with" in COMMON and "the" in COMMON


def test_near_duplicates_are_shown_group_by_group(page: Path, rows: list[Row]) -> None:
    members: dict[str, set[str]] = {}
    for row in rows:
        members.setdefault(row["group"], set()).add(painting_id_of(row["id"]))
    several = {name: sorted(ids) for name, ids in members.items() if len(ids) > 1}
    told = report_of(page)["near_duplicates"]
    assert several and told["groups"] == len(several)
    assert told["paintings"] == sum(map(len, several.values())) and told["largest"] == max(map(len, several.values()))
    assert {tuple(group["ids"]) for group in told["examples"]} <= {tuple(ids[:4]) for ids in several.values()}


def test_rejects_stand_with_the_first_of_each_reason(page: Path) -> None:
    report, seen = report_of(page), Page(page)
    assert report["rejects"] == [{"stage": "generate", "reason": "black", "count": 1},
                                 {"stage": "source", "reason": "unreadable", "count": 2}]  # fmt: skip
    assert report["rejected"] == 3 and [one["id"] for one in report["reject_examples"]] == ["a/b_e-0", "a/b_c"]
    assert EVIL in seen.text, "what strangers wrote is text"


def test_contact_sheets_show_a_painting_beside_each_variant(page: Path, rows: list[Row]) -> None:
    report, seen = report_of(page), Page(page)
    for level, shown in report["sheets"].items():
        known = {row["id"]: row for row in rows if row["level"] == level}
        assert all(painting_id_of(one["id"]) == one["painting"] and one["id"] in known for one in shown)
        assert len(shown) == min(24, len({painting_id_of(id_) for id_ in known}))
    alts = [attrs["alt"] for tag, attrs in seen.tags if tag == "img"]
    shown = [one for sheet in report["sheets"].values() for one in sheet]
    assert sum(alt.startswith("Variant of ") for alt in alts) == len(shown)


def test_a_contact_sheet_has_every_genre_before_a_second_of_any() -> None:
    works = [(genre, n) for genre, many in (("A", 50), ("B", 2), ("C", 9)) for n in range(many)]
    table = pa.table({"id": [f"{g}/x_{n}-{k}" for g, n in works for k in (0, 1)],
                      "painting": [f"{g}/x_{n}" for g, n in works for k in (0, 1)],
                      "genre": [g for g, _ in works for k in (0, 1)], "artist": ["x"] * 122,
                      "level": ["radical"] * 122})  # fmt: skip
    for wanted, expected in (
        (3, {"A": 1, "B": 1, "C": 1}),
        (9, {"A": 4, "B": 2, "C": 3}),
        (99, {"A": 50, "B": 2, "C": 9}),
    ):
        shown = contact_sheets(table, wanted, 42)["radical"]
        assert Counter(one["genre"] for one in shown) == expected
        assert len({one["painting"] for one in shown}) == len(shown), "a painting is shown once"


def test_a_sample_hardly_changes_when_rows_are_added() -> None:
    before = sample([f"p{n}" for n in range(1000)], 50, "sheet", 42)
    after = sample([f"p{n}" for n in range(1010)], 50, "sheet", 42)
    assert len(set(before) & set(after)) >= 45 and before != sample([f"p{n}" for n in range(1000)], 50, "sheet", 43)


def test_a_palette_has_the_colours_of_its_pictures_by_area() -> None:
    tile = np.zeros((24, 24, 3), np.uint8)
    tile[:6] = (200, 40, 30)
    found = palette([tile, tile])
    assert [one["colour"] for one in found] == ["#c8281e", "#000000"]
    assert [one["share"] for one in found] == [0.25, 0.75]


def test_palettes_cover_every_genre_and_add_up_to_all_of_the_area(page: Path) -> None:
    report = report_of(page)
    assert set(report["palettes"]) == set(report["genres"])
    for told in report["palettes"].values():
        for kind in ("paintings", "variants"):
            assert sum(one["share"] for one in told[kind]) == pytest.approx(1, abs=0.001)


def test_markdown_says_the_same_numbers(page: Path) -> None:
    report, text = report_of(page), (page.parent / "report.md").read_text(encoding="utf-8")
    assert f"{report['paintings']} paintings of {len(report['genres'])} genres" in text
    for name in ("train", "test"):
        told = report["splits"][name]
        assert f"| {name} | {told['paintings']} | {told['variants']} | {told['genres']} | {told['artists']} |" in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) > len(report["genres"]) and "<script" not in text


def test_same_data_set_gives_the_same_bytes_and_json_is_printed(dataset: Path, page: Path, tmp_path: Path) -> None:
    told = json.loads(artsim("report", dataset, "--out", tmp_path / "again", "--json"))
    for name in ("index.html", "report.json", "report.md"):
        assert (tmp_path / "again" / name).read_bytes() == (page.parent / name).read_bytes()
    assert told == report_of(page)


def test_paintings_that_were_not_published_are_said_to_be_so(dataset: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(dataset, bare)

    def withhold(_: int, row: Row) -> None:
        if row["label"] == 0:
            row["image"] = None

    for file in (bare / "real_vs_ai").glob("*.parquet"):
        rewrite(file, withhold)
    artsim("report", bare, "--out", tmp_path / "page")
    check_structure(tmp_path / "page" / "index.html")
    assert "not published" in Page(tmp_path / "page" / "index.html").text
    told = report_of(tmp_path / "page" / "index.html")["palettes"]
    assert all("paintings" not in one and "variants" in one for one in told.values())


def test_what_an_older_build_did_not_write_down_is_left_out(dataset: Path, tmp_path: Path) -> None:
    older = tmp_path / "older"
    shutil.copytree(dataset, older)
    said = json.loads((older / "build.json").read_text(encoding="utf-8"))
    (older / "build.json").write_text(json.dumps({"rows": said["rows"]}))
    artsim("report", older, "--out", tmp_path / "page")
    check_structure(tmp_path / "page" / "index.html")
    assert not set(SAID) & set(report_of(tmp_path / "page" / "index.html"))
    assert "None" not in (tmp_path / "page" / "report.md").read_text(encoding="utf-8")


def test_what_is_no_data_set_is_refused_in_a_sentence(dataset: Path, tmp_path: Path) -> None:
    assert "does not exist" in artsim("report", tmp_path / "nowhere", "--out", tmp_path / "page", code=2)
    for inside in (dataset, dataset / "pages" / "mine"):
        for line in (["report", dataset, "--out"], ["export", dataset, "--format", "csv", "--out"],
                     ["evaluate", dataset, "--encoder", "lite", "--report"],
                     *(["train", kind, dataset, "--out"] for kind in ("siamese", "style", "detector"))):  # fmt: skip
            told = artsim(*line, inside, code=2)
            assert f"{dataset.resolve()} is a data set, and nothing else belongs in it" in told and line[-1] in told
    assert "is a file; give a folder" in artsim("report", dataset, "--out", dataset / "rejected.csv", code=2)
    study = tmp_path / "study"
    study.mkdir()
    (study / "build.json").write_text(json.dumps({"rows": {"images": {"train": 3}}, "digest": "0"}))
    (study / "checksums.sha256").write_text("")
    assert "made from prompts alone" in artsim("report", study, "--out", tmp_path / "page", code=2)
    assert not (tmp_path / "page").exists()


@pytest.mark.parametrize(("damage", "said"), [("gone", "has no picture of"), ("spoilt", "cannot be decoded")])
def test_a_picture_that_cannot_be_shown_is_named(dataset: Path, tmp_path: Path, damage: str, said: str) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(dataset, broken)

    def spoil(_: int, row: Row) -> None:
        row["image"]["bytes"] = b"no picture"

    for file in (broken / "real_vs_ai").glob("*.parquet"):
        if damage == "gone":
            pq.write_table(pq.read_table(file).slice(0, 5), file)
        else:
            rewrite(file, spoil)
    assert said in artsim("report", broken, "--out", tmp_path / "page", code=2)
    assert not (tmp_path / "page").exists(), "nothing is written of a report that cannot be made"


def test_page_is_good_in_a_browser(browser: Browser, page: Path) -> None:
    look_at(browser, page, "desktop")


def test_page_is_light_on_paper(browser: Browser, page: Path) -> None:
    check_paper(browser, page)
