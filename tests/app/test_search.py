"""Search, as a visitor uses it, and the functions behind it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from artsim_dataset.app.data import Shown
from artsim_dataset.app.search import Hit, Index, Kept, encode_text, first_rows, make_index, results, takes_text
from artsim_dataset.errors import ConfigError
from artsim_dataset.model import unit
from artsim_dataset.schema import painting_id_of
from builder.without_originals import without_originals
from tests.app.harness import PATIENCE, Visit, look, open_tab, said
from tests.conftest import Silent


@pytest.fixture(scope="module")
def shown(studio: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return Shown(str(studio), encoder=str(clip), cache_root=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def index(shown: Shown) -> Index:
    return make_index(shown)


def captions(page: Page) -> list[str]:
    return page.locator("#search-results figcaption").all_inner_texts()


def test_visitor_searches_with_a_picture_and_with_words(
    studio_visit: Visit, shown: Shown, index: Index, tmp_path: Path
) -> None:
    page = studio_visit.page
    open_tab(page, "Search")
    page.get_by_role("button", name="Search with the picture").click()
    assert "Choose a picture first" in said(page)

    upload = tmp_path / "mine.png"
    shown.rows.picture(4, "original").save(upload)
    page.get_by_role("tabpanel").locator("visible=true").locator("input[type=file]").set_input_files(upload)
    page.get_by_role("button", name="Search with the picture").click()
    expect(page.locator("#search-results figure")).to_have_count(12, timeout=PATIENCE)
    expect(page.locator("#search-results .answer")).to_have_text("The 12 pictures nearest to your picture, best first")
    wanted = index.nearest(shown.encode([shown.rows.picture(4, "original")])[0], ["paintings", "variants"], 12)
    assert wanted[0].row == 4 and wanted[0].column == "original" and wanted[0].similarity > 0.999
    for hit, text in zip(wanted, captions(page), strict=True):
        assert f"similarity {hit.similarity:.3f}" in text and ("Painting" in text) == (hit.column == "original")
    look(studio_visit, "search")

    page.get_by_label("variants", exact=True).uncheck()
    words = page.get_by_label("Or words to search with")
    words.fill("a harbour at dusk")
    words.press("Enter")
    expect(page.locator("#search-results .answer")).to_contain_text("“a harbour at dusk”", timeout=PATIENCE)
    wanted = index.nearest(encode_text(shown, "a harbour at dusk"), ["paintings"], 12)
    for hit, text in zip(wanted, captions(page), strict=True):
        assert f"similarity {hit.similarity:.3f}" in text and "AI variant" not in text
    page.get_by_label("paintings", exact=True).uncheck()
    words.press("Enter")
    assert said(page).endswith("Choose paintings, variants or both")


def test_keyboard_alone_searches(studio_visit: Visit) -> None:
    page = studio_visit.page
    open_tab(page, "Search")
    page.get_by_label("paintings", exact=True).focus()
    page.keyboard.press("Space")
    expect(page.get_by_label("paintings", exact=True)).not_to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Search with the picture")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("blue")
    page.keyboard.press("Enter")
    expect(page.locator("#search-results figure")).to_have_count(12, timeout=PATIENCE)
    assert all("AI variant" in text for text in captions(page))


def test_nearest_is_what_sorting_all_cosines_finds() -> None:
    draw = np.random.default_rng(0)
    vectors = {
        "paintings": unit(draw.normal(size=(7, 5))).astype(np.float32),
        "variants": unit(draw.normal(size=(9, 5))).astype(np.float32),
    }
    rows = {"paintings": np.array([0, 1, 3, 4, 6, 7, 8]), "variants": np.arange(9)}
    vectors["variants"][3] = vectors["paintings"][2]  # a tie: row 3 as a painting and as its variant
    made = Index(vectors, rows)  # type: ignore[arg-type]
    for query in (vectors["paintings"][2], unit(draw.normal(size=(1, 5))).astype(np.float32)[0]):
        for kinds in (["paintings"], ["variants"], ["variants", "paintings"]):
            naive = sorted(
                (-float(query @ vectors[kind][at]), int(rows[kind][at]), kind == "variants")
                for kind in kinds
                for at in range(len(rows[kind]))
            )[:6]
            found = made.nearest(query, kinds, 6)  # type: ignore[arg-type]
            assert [(hit.row, hit.column == "generated") for hit in found] == [(row, made_) for _, row, made_ in naive]
            assert [hit.similarity for hit in found] == pytest.approx([-score for score, _, _ in naive], abs=1e-6)
    with pytest.raises(ConfigError, match="choose paintings, variants or both"):
        made.nearest(query, [], 6)


def test_index_has_each_painting_once_and_each_variant_and_is_read_from_the_cache_the_second_time(
    shown: Shown, index: Index
) -> None:
    told: list[tuple[int, int]] = []
    again = make_index(shown, lambda done, total: told.append((done, total)))
    assert told[-1] == (24, 24) and told == sorted(told)
    before = len(shown.cache)
    for kind, column in (("paintings", "original"), ("variants", "generated")):
        pictures = [shown.rows.picture(int(row), column) for row in index.row[kind]]  # type: ignore[index]
        assert np.abs(index.vectors[kind] - shown.encode(pictures)).max() < 2e-3  # type: ignore[index]
        assert np.array_equal(again.vectors[kind], index.vectors[kind])  # type: ignore[index]
    assert len(shown.cache) == before == 24


def test_several_variants_of_a_painting_are_one_painting(shown: Shown) -> None:
    class Rows:
        ids = np.array(["B/x-0", "B/x-1", "A/y-0", "B/x-2"], object)

    assert first_rows(Rows()).tolist() == [0, 2]  # type: ignore[arg-type]
    first = first_rows(shown.rows)
    assert len({painting_id_of(shown.rows.ids[row]) for row in first}) == len(first) == 12


def test_an_encoder_without_a_text_side_takes_no_words(shown: Shown) -> None:
    lite = Shown(shown.dataset)
    assert takes_text(shown) and not takes_text(lite)
    assert "subject" not in vars(lite)  # not opened for the answer
    with pytest.raises(ConfigError, match="write what the picture should show"):
        encode_text(shown, "  ")


def test_the_index_is_made_once_and_again_after_it_failed() -> None:
    calls: list[str] = []

    def make(progress: object) -> int:
        calls.append("made")
        if len(calls) == 1:
            raise ConfigError("no")
        return 7

    kept = Kept(make)
    with pytest.raises(ConfigError):
        kept.get(lambda done, total: None)
    assert [kept.get(lambda done, total: None) for _ in range(2)] == [7, 7] and len(calls) == 2


def test_names_of_strangers_are_shown_and_not_obeyed(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    for column in ("titles", "artists", "genres"):
        monkeypatch.setattr(shown.rows, column, np.array(['"><script>x</script>'] * len(shown.rows), object))
    page = results(shown, [Hit(0, "original", 0.5), Hit(0, "generated", 0.5)], "<b>")
    assert "<script" not in page and "<b>" not in page and page.count("&lt;script&gt;") == 10


def test_without_originals_variants_are_searched_and_two_uploads_compared(
    studio: Path, clip: Path, tmp_path: Path
) -> None:
    folder = without_originals(Path(shutil.copytree(studio, tmp_path / "studio")), Silent())
    shown = Shown(str(folder), encoder=str(clip), cache_root=tmp_path / "cache")
    index, query = make_index(shown), shown.encode([shown.rows.picture(3, "generated")])[0]
    assert index.nearest(query, ["variants"], 1)[0].row == 3
    with pytest.raises(ConfigError, match="paintings were not published"):
        index.nearest(query, ["paintings", "variants"], 1)
    assert shown.known is None
