"""Attribute, as a visitor uses it, and the functions behind it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from artsim_dataset.app.attribute import explained, make_index, rank, verdict
from artsim_dataset.app.data import Shown
from artsim_dataset.attribute import ArtistIndex, all_rows, artist_index
from artsim_dataset.pictures import artist_name
from tests.app.harness import PATIENCE, Visit, look, open_tab, said


@pytest.fixture(scope="module")
def shown(studio: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return Shown(str(studio), encoder=str(clip), cache_root=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def index(shown: Shown) -> ArtistIndex:
    return make_index(shown)


def test_visitor_learns_whose_style_it_is_and_what_that_is_worth(
    studio_visit: Visit, shown: Shown, index: ArtistIndex, tmp_path: Path
) -> None:
    page, answers = studio_visit.page, studio_visit.page.locator("#attribute-results")
    open_tab(page, "Attribute")
    expect(answers).to_contain_text("Style is no proof of authorship")
    upload = tmp_path / "unknown.png"
    picture = shown.rows.picture(7, "generated")
    picture.save(upload)
    broken = tmp_path / "broken.png"
    broken.write_bytes(upload.read_bytes()[:200])
    chosen = page.get_by_role("tabpanel").locator("visible=true").locator("input[type=file]")
    ask = page.get_by_role("button", name="Whose style is it?")
    chosen.set_input_files(broken)
    ask.click()
    assert "broken.png cannot be read as an image" in said(page)
    page.get_by_role("button", name="Clear").locator("visible=true").click()
    chosen.set_input_files(upload)
    ask.focus()
    page.keyboard.press("Enter")
    found, ranked = rank(index, shown.encode([picture])[0])
    expect(answers.locator(".answer")).to_have_text(verdict(found, 4), ignore_case=True, timeout=PATIENCE)
    expect(answers.locator("ol.artists h3")).to_have_text(
        [f"{place}. {artist_name(one.likeness.artist)}" for place, one in enumerate(ranked, 1)]
    )
    expect(answers.locator("ol.artists figure")).to_have_count(12)
    expect(answers).to_contain_text(f"similarity {ranked[0].works[0][1]:.3f}")
    expect(answers).to_contain_text("no proof of authorship: pupils, copies, forgeries")
    look(studio_visit, "attribute")


def test_index_is_that_of_the_command(shown: Shown, index: ArtistIndex, studio: Path) -> None:
    command = artist_index(all_rows(studio), shown.subject, shown.cache)
    assert index.artists == command.artists and set(index.ids) == set(command.ids) and len(index.ids) == 12
    order = [command.ids.index(id_) for id_ in index.ids]
    assert np.allclose(index.works, command.works[order], atol=1e-6)
    assert index.quality == pytest.approx(dict(command.quality), abs=1e-3)


def test_works_of_each_artist_are_ranked_by_their_cosine(shown: Shown, index: ArtistIndex) -> None:
    vector = shown.encode([shown.rows.picture(2, "generated")])[0]
    found, ranked = rank(index, vector, top=3, works=2)
    assert [one.likeness for one in ranked] == list(found.artists[:3])
    for one in ranked:
        naive = sorted(
            ((float(work @ vector), id_) for work, id_ in zip(index.works, index.ids, strict=True)
             if id_.split("/")[1].startswith(one.likeness.artist)),
            reverse=True,
        )  # fmt: skip
        assert [id_ for id_, _ in one.works] == [id_ for _, id_ in naive[:2]]
        assert [cosine for _, cosine in one.works] == pytest.approx([cosine for cosine, _ in naive[:2]])


def test_what_it_is_worth_is_said_with_measured_numbers(index: ArtistIndex) -> None:
    text = " ".join(explained(index))
    assert "12 works of 4 artists" in text and "By chance it would be 25.0%" in text
    assert f"{index.quality['top1']:.0%} of these works went to their own artist" in text
