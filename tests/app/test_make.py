"""Make a variant, as a visitor uses it, and the functions behind it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from artsim_dataset.app.data import Shown
from artsim_dataset.app.make import PaintingLenders, checked_seed, download, lenders, results, source
from artsim_dataset.errors import ConfigError
from builder.gallery import paint
from builder.single import GalleryLenders, SingleVariants
from tests.app.harness import PATIENCE, Visit, look, open_tab, said
from tests.builder.odd_images import with_orientation


@pytest.fixture(scope="module")
def shown(studio: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return Shown(str(studio), encoder=str(clip), cache_root=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def turned() -> bytes:
    """A landscape that the camera's owner took upright: stored lying, with the EXIF turn for right side up."""
    return with_orientation(paint("Impressionism", 1, size=200).resize((200, 120)), 6)


def test_visitor_makes_a_variant_and_takes_it_home_with_its_provenance(
    studio_visit: Visit, shown: Shown, turned: bytes, tmp_path: Path
) -> None:
    page, answers = studio_visit.page, studio_visit.page.locator("#make-results")
    maker = SingleVariants(PaintingLenders(shown.rows))
    open_tab(page, "Make a variant")
    panel = page.get_by_role("tabpanel").locator("visible=true")
    expect(panel).to_contain_text("does not read the prompt")
    go, prompt = panel.get_by_role("button", name="Make a variant"), panel.get_by_label("Prompt")
    go.click()
    assert "Choose a picture first" in said(page)

    upload = tmp_path / "mine.jpg"
    upload.write_bytes(turned)
    panel.locator("input[type=file]").set_input_files(upload)
    expect(prompt).to_have_value(maker.prompt(turned, "moderate", 42), timeout=PATIENCE)
    panel.get_by_label("radical").check()
    expect(prompt).to_have_value(maker.prompt(turned, "radical", 42), timeout=PATIENCE)
    panel.get_by_label("Seed").fill("7")
    panel.get_by_label("Seed").press("Tab")
    expect(prompt).to_have_value(maker.prompt(turned, "radical", 7), timeout=PATIENCE)
    prompt.fill("Keep all, but let it rain.")
    go.click()
    expect(answers.locator("figure")).to_have_count(3, timeout=PATIENCE)

    wanted = maker.make(turned, "radical", 7, "Keep all, but let it rain.")
    one, two = shown.encode([wanted.original, wanted.variant])
    expect(answers.locator(".answer")).to_contain_text(f"{float(one @ two):.3f}")
    expect(answers).to_contain_text(source(wanted))
    width, height = answers.locator("figure img").nth(1).evaluate("i => [i.naturalWidth, i.naturalHeight]")
    assert height > width  # upright
    look(studio_visit, "make")
    with page.expect_download() as saved:
        panel.get_by_role("link", name="Download").or_(panel.get_by_role("button", name="Download")).first.click()
    with zipfile.ZipFile(saved.value.path()) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert files["variant_letterboxed.jpg"] == wanted.files["variant"]
    facts = json.loads(files["provenance.json"])
    assert facts == json.loads(json.dumps(wanted.facts)) and facts["prompt_complete"] == "Keep all, but let it rain."
    with Image.open(io.BytesIO(files["variant.png"])) as image:
        assert np.array_equal(np.asarray(image), np.asarray(wanted.variant))
        assert json.loads(image.text["artsim"]) == facts  # type: ignore[attr-defined]


def test_the_same_variant_is_the_same_file(turned: bytes, tmp_path: Path) -> None:
    maker = SingleVariants(GalleryLenders())
    first, second = (download(maker.make(turned, "moderate", 3), tmp_path).read_bytes() for _ in range(2))
    assert first == second
    page = results(maker.make(turned, "moderate", 3, "<script>x</script>"), 0.5, "<b>")
    assert "<script" not in page and "<b>" not in page and "an invented picture" in page


def test_paintings_of_the_data_set_lend_their_style_as_the_build_sees_them(shown: Shown) -> None:
    pool = PaintingLenders(shown.rows)
    assert len(pool.ids) == 12 and pool.ids[3] + "-0" in shown.rows.ids
    row = shown.rows.ids.tolist().index(pool.ids[3] + "-0")
    assert np.array_equal(np.asarray(pool.content(pool.ids[3])), np.asarray(shown.rows.picture(row, "original")))


def test_without_published_paintings_or_a_data_set_the_gallery_lends(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(lenders(shown), PaintingLenders) and lenders(Shown()) is None

    def unpublished(row: int, column: str) -> bytes:
        raise ConfigError("it was not published")

    monkeypatch.setattr(shown.rows, "image_bytes", unpublished)
    assert lenders(shown) is None


@pytest.mark.parametrize("seed", [None, -1, 0.5, 2.0**53])
def test_a_seed_is_a_whole_number_from_0_on(seed: float | None) -> None:
    with pytest.raises(ConfigError, match="whole number, 0 or more"):
        checked_seed(seed)
    assert checked_seed(7.0) == 7
