"""Browse, as a visitor uses it, and the functions behind it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from artsim_dataset.app.browse import PAGE, Filters, artist_choices, cards, cosines, detail, genre_choices
from artsim_dataset.app.data import Rows, Shown
from artsim_dataset.loading.published import find_published
from tests.app.harness import PATIENCE, Visit, look


def read(dataset: Path, *columns: str) -> list[dict]:
    """The rows in order, read naively."""
    return [
        row
        for split in ("train", "test")
        for path in sorted((dataset / "pairs").glob(f"{split}-*.parquet"))
        for row in pq.read_table(path, columns=list(columns)).to_pylist()
    ]


def cosines_are_there(page: Page) -> None:
    expect(page.locator("button.pair .cosine", has_text="…")).to_have_count(0, timeout=PATIENCE)


def test_visitor_filters_turns_pages_and_opens_a_pair(both: Visit, dataset: Path) -> None:
    page, position = both.page, both.page.locator("#position")
    expect(position).to_have_text("1 to 12 of 27")
    cosines_are_there(page)
    look(both, "browse")

    page.get_by_role("button", name="Next").click()
    expect(position).to_have_text("13 to 24 of 27")
    page.get_by_role("button", name="Next").click()
    expect(position).to_have_text("25 to 27 of 27")
    expect(page.locator("button.pair")).to_have_count(3)
    expect(page.get_by_role("button", name="Next")).to_be_disabled()

    genre = page.get_by_role("combobox", name="Genre")
    genre.fill("Ukiyo")
    genre.press("Enter")
    expect(position).to_have_text("1 to 3 of 3")
    wanted = [row["id"] for row in read(dataset, "id") if row["id"].startswith("Ukiyo_e/")]
    cosines_are_there(page)

    page.locator("button.pair").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(wanted[0])
    expect(dialog.locator("img")).to_have_count(2)
    expect(dialog.locator(".cosine")).to_have_text(page.locator("button.pair .cosine").first.inner_text())
    look(both, "browse-pair")


def test_keyboard_alone_walks_through_the_pairs_and_over_the_end_of_a_page(desktop: Visit, dataset: Path) -> None:
    page, dialog = desktop.page, desktop.page.get_by_role("dialog")
    ids = [row["id"] for row in read(dataset, "id")]
    page.get_by_role("button", name="Next").focus()
    page.keyboard.press("Tab")
    expect(page.locator("button.pair").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("button.pair").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text(ids[1])
    page.keyboard.press("ArrowLeft")
    expect(dialog).to_contain_text(ids[0])
    expect(dialog.get_by_role("button", name="Previous")).to_be_disabled()
    for at in range(1, PAGE + 1):
        page.keyboard.press("ArrowRight")
        expect(dialog).to_contain_text(ids[at])
    expect(page.locator("#position")).to_have_text("13 to 24 of 27")
    page.keyboard.press("ArrowLeft")
    expect(dialog).to_contain_text(ids[PAGE - 1])
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator(f'button.pair[data-row="{PAGE - 1}"]')).to_be_focused()


@pytest.fixture(scope="module")
def rows(dataset: Path) -> Rows:
    return Rows(find_published(dataset))


def test_rows_are_those_of_the_files_in_order(rows: Rows, dataset: Path) -> None:
    naive = read(dataset, "id", "genre", "level", "seed", "prompt_complete", "original", "generated")
    assert len(rows) == len(naive) == 27
    for at in (0, 13, 26):
        assert rows.facts(at)["prompt_complete"] == naive[at]["prompt_complete"]
        assert rows.image_bytes(at, "original") == naive[at]["original"]["bytes"]
        assert rows.image_bytes(at, "generated") == naive[at]["generated"]["bytes"]
    assert rows.ids.tolist() == [row["id"] for row in naive]
    assert rows.levels.tolist() == [row["level"] for row in naive]


def test_filters_are_what_a_loop_over_the_rows_finds(rows: Rows) -> None:
    for genre in ("", "Cubism"):
        for level in ("", "radical"):
            for split in ("", "test"):
                naive = [
                    at
                    for at in range(len(rows))
                    if genre in ("", rows.genres[at])
                    and level in ("", rows.levels[at])
                    and split in ("", rows.splits[at])
                ]
                assert Filters(genre, "", level, split).matching(rows).tolist() == naive
    artist = rows.artists[5]
    assert Filters(artist=artist).matching(rows).tolist() == np.flatnonzero(rows.artists == artist).tolist()


def test_choices_count_the_rows(rows: Rows) -> None:
    assert ("Pop Art (3)", "Pop_Art") in genre_choices(rows)
    assert len(artist_choices(rows)) == 1 + len(set(rows.artists))


def test_a_page_reads_no_more_pictures_than_its_row_groups_have(rows: Rows) -> None:
    rows._pictures._read.cache_clear()
    cards(rows, range(PAGE))
    groups = {int(np.searchsorted(rows._pictures._starts, at, "right")) for at in range(PAGE)}
    assert rows._pictures._read.cache_info().misses == 2 * len(groups)  # one for each of the two columns


def test_cosine_is_that_of_the_two_contents(rows: Rows, dataset: Path, tmp_path: Path) -> None:
    shown = Shown(str(dataset), cache_root=tmp_path)
    left, right = shown.encode([rows.picture(4, "original"), rows.picture(4, "generated")])
    assert cosines(shown, [4]) == pytest.approx([float(left @ right)], abs=2e-3)  # the cache keeps half precision


def test_text_of_strangers_is_shown_and_not_obeyed(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = rows.facts(0) | {
        "title": "<script>x</script>",
        "artist": '"><img src=x>',
        "prompt_compressed": "<b>",
        "id": "<i>",
    }
    monkeypatch.setattr(rows, "facts", lambda row: facts)
    for page in (cards(rows, [0]), detail(rows, 0)):
        assert "<script" not in page and "<img src=x" not in page and "<b>" not in page and "<i>" not in page
