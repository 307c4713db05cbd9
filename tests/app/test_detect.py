"""Detect, as a visitor uses it, and the functions behind it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from artsim_dataset.app.data import Shown
from artsim_dataset.app.detect import WITHOUT, in_words, record, shown_answer, verdict
from artsim_dataset.app.page import page as make_page
from artsim_dataset.detector.model import load_detector
from tests.app.harness import PATIENCE, Visit, look, open_tab, said
from tests.artsim_dataset.detector.painted import painting, variant


def test_visitor_gets_a_probability_in_words_and_never_without_the_warning(
    studio_visit: Visit, detector: Path, tmp_path: Path
) -> None:
    page, answers = studio_visit.page, studio_visit.page.locator("#detect-results")
    judge = load_detector(detector)
    open_tab(page, "Detect")
    expect(answers).to_have_text("Trained on noise alone: what it says of any other generator was never measured.")
    text = tmp_path / "<b>letter.png"
    text.write_text("no picture")
    chosen = page.get_by_role("tabpanel").locator("visible=true").locator("input[type=file]")
    chosen.set_input_files(text)
    page.get_by_role("button", name="AI or original?").click()
    message = said(page)
    assert "cannot be read as an image" in message and "Traceback" not in message and str(tmp_path) not in message
    page.get_by_role("button", name="Clear").locator("visible=true").click()

    made = tmp_path / "made.png"
    picture = variant(painting("new"), "noise", "x")
    picture.save(made)
    chosen.set_input_files(made)
    page.get_by_role("button", name="AI or original?").click()
    probability = float(judge.probability([picture])[0])
    expect(answers.locator(".answer")).to_have_text(verdict(probability), ignore_case=True, timeout=PATIENCE)
    expect(answers).to_contain_text(f"{100 * probability:.0f} % AI-made")
    expect(answers).to_contain_text(in_words(probability))
    expect(answers.get_by_role("note")).to_contain_text("Trained on noise alone")
    table = page.get_by_role("table", name="What the detector was trained on, and how it did")
    expect(table.get_by_role("row")).to_have_count(len(record(judge.facts)))
    look(studio_visit, "detect")
    page.get_by_role("button", name="Remove Image").locator("visible=true").click()
    expect(answers.locator(".answer")).to_have_count(0)  # no answer stays beside another picture, or none
    expect(answers.get_by_role("note")).to_contain_text("Trained on noise alone")


def test_without_a_detector_the_tab_says_how_to_get_one(tmp_path: Path) -> None:
    blocks = make_page(Shown(cache_root=tmp_path))
    assert any(
        WITHOUT.splitlines()[0] in str(block.value) for block in blocks.blocks.values() if hasattr(block, "value")
    )
    assert "artsim train detector DATASET --out my-detector" in WITHOUT


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.0, "very likely an original"),
        (0.05, "very likely an original"),
        (0.3, "probably an original"),
        (0.31, "it cannot tell"),
        (0.69, "it cannot tell"),
        (0.7, "probably AI-made"),
        (0.95, "very likely AI-made"),
        (1.0, "very likely AI-made"),
    ],
)
def test_words_follow_how_often_such_an_answer_is_right(probability: float, words: str) -> None:
    assert verdict(probability) == words


def test_a_bet_is_never_called_certain() -> None:
    assert "about 99 are AI-made and 1 is an original." in in_words(1.0)
    assert "about 1 is AI-made and 99 are originals." in in_words(0.0)
    assert "about 64 are AI-made and 36 are originals." in in_words(0.64)


def test_record_is_what_the_detectors_file_says(detector: Path) -> None:
    facts = json.loads((detector / "artsim_detector.json").read_text())
    told = dict(record(facts | {"leave_one_out": [{"generator": "dall-e", "unseen": {"accuracy": 0.51}}]}))
    found = facts["evaluation"]["generators"]["noise"]
    assert told["trained on pictures by"] == "noise" and told["tested on"] == "12 images of 6 other paintings"
    assert told["right on noise"].startswith(f"{found['accuracy']:.0%} (")
    assert told["right on dall-e, trained without it"] == "51%"
    assert told["calibration error of its percentages"] == f"{found['ece']:.0%}"


def test_names_of_strangers_are_shown_and_not_obeyed() -> None:
    assert "<script" not in shown_answer(0.5, "Trained on <script>x</script>.")
