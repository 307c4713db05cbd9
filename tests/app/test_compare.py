"""Compare, as a visitor uses it, and the functions behind it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from scipy.stats import gaussian_kde

from artsim_dataset.app.compare import answer, as_html, density, from_dataset, measured
from artsim_dataset.app.data import Rows, Shown
from artsim_dataset.encoders import get_encoder
from artsim_dataset.errors import ConfigError
from artsim_dataset.loading.published import find_published
from artsim_dataset.model import unit
from artsim_dataset.schema import painting_id_of
from artsim_dataset.standing import Known
from builder.build import build
from builder.config import load_config
from builder.engine import LocalEngine
from tests.app.conftest import SETTINGS
from tests.app.harness import PATIENCE, Visit, look, open_tab, said
from tests.conftest import Silent


@pytest.fixture(scope="module")
def rows(dataset: Path) -> Rows:
    return Rows(find_published(dataset))


def give(page: Page, which: int, path: Path) -> None:
    """Uploads a file as the first (0) or second (1) picture, in place of the one that is there."""
    place = page.locator("#compare-pictures > *").nth(which)
    if (remove := place.get_by_role("button", name="Remove Image")).is_visible():
        remove.click()
    place.locator("input[type=file]").set_input_files(path)
    expect(place.get_by_role("button", name="Remove Image")).to_be_visible(timeout=PATIENCE)


def picture(folder: Path, name: str, seed: int = 0, size: tuple[int, int] = (80, 60)) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), np.uint8)
    image = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
    image.save(folder / name)
    return image


def shown_cosine(page: Page) -> float:
    number = page.locator("#verdict strong")
    expect(number).to_have_text(re.compile(r"^-?\d\.\d{4}$"), timeout=PATIENCE)
    return float(number.inner_text())


def test_visitor_compares_pictures_of_the_data_set_by_id(both: Visit, rows: Rows) -> None:
    page, variant = both.page, str(rows.ids[3])
    open_tab(page, "Compare")
    for name, wanted in (("First", painting_id_of(variant)), ("Second", variant)):
        box = page.get_by_label(f"{name} picture from the data set")
        box.fill(wanted)
        box.press("Enter")
    expect(page.locator("#compare-pictures img")).to_have_count(2, timeout=PATIENCE)
    page.get_by_role("button", name="Compare", exact=True).click()
    vectors = unit(get_encoder("lite").encode([rows.picture(3, "original"), rows.picture(3, "generated")]))
    assert shown_cosine(page) == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-3)
    expect(page.get_by_role("img", name=re.compile("on an axis from"))).to_be_visible()
    expect(page.locator("#verdict")).to_contain_text("27 paintings and their variants")
    look(both, "compare")


def test_uploads_that_are_no_pictures_get_a_sentence(desktop: Visit, tmp_path: Path) -> None:
    page = desktop.page
    open_tab(page, "Compare")
    page.get_by_role("button", name="Compare", exact=True).click()
    assert "Choose a first picture" in said(page)
    picture(tmp_path, "good.png")
    give(page, 1, tmp_path / "good.png")
    (tmp_path / "text.jpg").write_text("no picture")
    picture(tmp_path, "whole.jpg", size=(400, 400))
    (tmp_path / "half.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:3000])
    for name in ("text.jpg", "half.jpg"):
        give(page, 0, tmp_path / name)
        page.get_by_role("button", name="Compare", exact=True).click()
        message = said(page)
        assert f"The file {name} cannot be read as an image" in message
        assert "/" not in message and "Traceback" not in message
    box = page.get_by_label("First picture from the data set")
    box.fill("<b>nobody</b>")
    box.press("Enter")
    assert "no painting and no variant '<b>nobody</b>'" in said(page)  # shown as it is, not obeyed


def test_odd_pictures_are_compared_as_they_are_seen(desktop: Visit, tmp_path: Path) -> None:
    page = desktop.page
    open_tab(page, "Compare")
    plain = picture(tmp_path, "plain.png")
    plain.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=100, subsampling=0)
    turned = Image.Exif()
    turned[0x0112] = 6  # shown turned by a quarter clockwise
    plain.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.jpg", quality=100, subsampling=0, exif=turned)
    plain.save(tmp_path / "moving.gif", save_all=True, append_images=[plain.transpose(Image.Transpose.ROTATE_180)])
    glass = plain.copy()
    glass.putalpha(255)
    glass.save(tmp_path / "glass.png")
    give(page, 0, tmp_path / "plain.png")
    for name in ("cmyk.jpg", "turned.jpg", "moving.gif", "glass.png"):
        give(page, 1, tmp_path / name)
        expect(page.locator("#verdict strong")).to_have_count(0)  # the verdict on the pictures before is gone
        page.get_by_role("button", name="Compare", exact=True).click()
        with Image.open(tmp_path / name) as opened:
            seen = opened.convert("RGB")
        if name == "turned.jpg":
            seen = seen.transpose(Image.Transpose.ROTATE_270)
        vectors = unit(get_encoder("lite").encode([plain, seen]))
        assert shown_cosine(page) == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-3), name


def test_id_that_is_not_there_gets_a_sentence(rows: Rows) -> None:
    with pytest.raises(ConfigError, match="no painting and no variant 'Cubism/nobody'"):
        from_dataset(rows, "Cubism/nobody")
    with pytest.raises(ConfigError, match="type the id"):
        from_dataset(rows, " ")


def test_id_of_a_painting_gives_the_painting_and_of_a_variant_the_variant(rows: Rows) -> None:
    variant = str(rows.ids[7])
    assert from_dataset(rows, f" {variant} ").tobytes() == rows.picture(7, "generated").tobytes()
    assert from_dataset(rows, painting_id_of(variant)).tobytes() == rows.picture(7, "original").tobytes()


def test_density_is_that_of_scipy_with_the_same_width() -> None:
    sample = np.sort(np.random.default_rng(1).normal(0.5, 0.1, 201))
    grid = np.linspace(0, 1, 50)
    quartiles = np.quantile(sample, [0.25, 0.75])
    width = 0.9 * min(sample.std(), (quartiles[1] - quartiles[0]) / 1.34) * 201**-0.2
    theirs = gaussian_kde(sample, bw_method=width / sample.std(ddof=1))(grid)
    assert density(sample, grid) == pytest.approx(theirs, abs=1e-6)


KNOWN = Known.measured(np.linspace(0.6, 0.9, 1000), np.linspace(0.1, 0.4, 1000), "a test")


@pytest.mark.parametrize(
    ("cosine", "verdict"),
    [
        (0.8, "As alike as a painting and its variant"),
        (0.5, "More alike than strangers, less than a painting and its variant"),
        (0.2, "No more alike than strangers are"),
    ],
)
def test_far_from_the_border_the_verdict_is_sure(cosine: float, verdict: str) -> None:
    found = answer(cosine, KNOWN)
    assert (found.verdict, found.sure) == (verdict, True)
    assert f"{verdict}</span>" in as_html(found, KNOWN)


def test_near_the_border_the_verdict_says_that_it_is_not_sure() -> None:
    found = answer(0.615, KNOWN)  # 5 % of the positives are below
    assert not found.sure and "near the border" in found.reasons
    few = Known.measured(np.linspace(0.6, 0.9, 9), np.linspace(0.1, 0.4, 9), "nine paintings")
    assert not answer(0.8, few).sure  # nine strangers cannot say that fewer than 5 % are as much alike


def test_without_known_pairs_nothing_is_claimed() -> None:
    found = answer(0.9, None)
    assert found.verdict == "Not known" and "--dataset" in found.reasons
    assert "<svg" not in as_html(found, None)


def test_known_pairs_of_a_data_set_are_paintings_with_their_variants_and_with_strangers(
    dataset: Path, rows: Rows, tmp_path: Path
) -> None:
    shown = Shown(str(dataset), cache_root=tmp_path)
    known = measured(shown)
    assert known is not None and known.pairs == (27, 27)
    originals = shown.encode([rows.picture(row, "original") for row in range(27)])
    variants = shown.encode([rows.picture(row, "generated") for row in range(27)])
    assert known.positive[[0, -1]] == pytest.approx(np.sort((originals * variants).sum(1))[[0, -1]], abs=2e-3)
    strangers = (originals @ originals.T)[rows.genres[:, None] != rows.genres[None]]
    assert strangers.min() - 2e-3 <= known.negative[0] and known.negative[-1] <= strangers.max() + 2e-3


def test_known_pairs_count_each_painting_once_however_many_variants_it_has(
    dataset: Path, engine: LocalEngine, tmp_path: Path
) -> None:
    source, two = tmp_path / "source", tmp_path / "two"
    for genre in ("Cubism", "Rococo"):
        shutil.copytree(dataset.parent / "gallery" / genre, source / genre)
    build(str(source), two, load_config(assignments=(*SETTINGS, "prompt.variants=2")), engine, Silent())
    shown = Shown(str(two), cache_root=tmp_path)
    known = measured(shown)
    assert len(shown.rows) == 12 and known is not None
    assert (known.pairs, known.of) == ((6, 6), "6 paintings of two")
