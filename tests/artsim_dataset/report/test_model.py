from __future__ import annotations

import base64
import dataclasses
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset, config
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from playwright.sync_api import Browser

from artsim_dataset import plots
from artsim_dataset.errors import ConfigError, DatasetNotFound, MissingExtra
from artsim_dataset.evaluate import Evaluation, evaluate
from artsim_dataset.features import FEATURES
from artsim_dataset.model import Dense, SimilarityModel
from artsim_dataset.pictures import thumbnail
from artsim_dataset.reading import METRICS, SPACE, written
from artsim_dataset.report import write_report
from artsim_dataset.report.assemble import _verdict, on_map
from artsim_dataset.report.model import MAP_SIDE
from artsim_dataset.schema import painting_id_of
from artsim_dataset.scores import Example
from artsim_dataset.views import crop_content
from tests.artsim_dataset.learning import BOX, PixelEncoder, pairs_dataset
from tests.artsim_dataset.report.browsing import check_paper, look_at, opened
from tests.artsim_dataset.report.markup import Page, check_numbers, check_structure, report_of

COMMAND = "artsim evaluate <dataset> --model 'a & b'"
EVIL = "Baroque/artist-0_<script>alert('&amp;')</script>"
FACTS: dict[str, Any] = {
    "artsim": "0.1.0", "preset": "lite", "seed": 42, "paintings": 12, "variants": 24, "artists": 12,
    "genres": {"Baroque": 4, "Cubism": 4, "Rococo": 4}, "levels": {"moderate": 5, "radical": 19},
    "paintings_by_split": {"test": 12, "train": 0}, "near_duplicates": {"groups": 1, "paintings": 2},
    "rejects": [{"stage": "generate", "reason": "black", "count": 3},
                {"stage": "source", "reason": "unreadable", "count": 4}],
    "settings": {"split": {"scheme": "random"}, "generate": {"model": "style-transfer"}, "crop": {"size": 256}},
    "rows": {}, "digest": "0123456789abcdef", "schema": "1.0.0",
}  # fmt: skip
HEADER = "---\nconfigs:\n- config_name: pairs\n  data_files:\n  - split: test\n    path: pairs/test-*\n---\n"


def rows() -> Dataset:
    """24 variants of 12 paintings; the first painting's id and title are full of HTML."""
    given = pairs_dataset(12, variants=2).to_list()
    for row in given[:2]:
        row["id"] = EVIL + row["id"][-2:]
        row["title"] = "<script>alert('&amp;')</script>"
    return Dataset.from_list(given, features=FEATURES["pairs"])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("dataset")
    (folder / "pairs").mkdir()
    rows().to_parquet(folder / "pairs" / "test-00000-of-00001.parquet")
    (folder / "README.md").write_text(HEADER)
    (folder / "build.json").write_text(json.dumps(FACTS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
        yield folder


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """A model that throws away what tells paintings apart, so that there is something to get wrong."""
    weight = np.diag(np.r_[np.full(48, 0.1), np.ones(3)]).astype(np.float32)
    layers = (Dense(weight, np.full(51, -0.2, np.float32)),)
    model = SimilarityModel("models/<siamese>", PixelEncoder(), layers, 0.1, {})
    return evaluate(rows(), model, dataset_name="user/paintings")


@pytest.fixture(scope="module")
def page(evaluation: Evaluation, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(evaluation, dataset, tmp_path_factory.mktemp("report"), COMMAND)


def test_the_page_is_one_file_that_loads_nothing_and_can_be_read_aloud(page: Path) -> None:
    check_structure(page)
    text = page.read_text(encoding="utf-8")
    assert "http:" not in text and "https:" not in text and "@import" not in text
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", text))


def test_every_number_on_the_page_stands_in_the_json(page: Path) -> None:
    paths = check_numbers(page)
    for place in ((), ("perturbed",), ("baseline",), ("baseline", "perturbed")):
        assert {(*place, metric.key) for metric in METRICS} <= paths
    assert {("per_genre", g, "recall@1") for g in FACTS["genres"]} <= paths
    assert {("per_level", level, "triplet_accuracy") for level in FACTS["levels"]} <= paths
    assert ("dataset_facts", "near_duplicates", "groups") in paths
    assert {
        (*where, *at, metric.key) for where in (("structure",), ("baseline", "structure")) for at, metric in SPACE
    } <= paths
    assert ("per_artist", "artist-3", "recall@1") in paths


def test_the_map_shows_each_painting_with_a_line_to_its_variant(page: Path) -> None:
    report, tags = report_of(page), Page(page).tags
    originals = [point for point in report["map"] if point["kind"] == "original"]
    variants = {painting_id_of(point["id"]): point for point in report["map"] if point["kind"] == "variant"}
    assert len(originals) == 12 and set(variants) == {point["id"] for point in originals}
    lines = [tuple(float(attrs[end]) for end in ("x1", "y1", "x2", "y2")) for tag, attrs in tags if tag == "line"]
    expected = [(p["x"], p["y"], variants[p["id"]]["x"], variants[p["id"]]["y"]) for p in originals]
    assert np.allclose(lines, 1000 * np.array(expected))
    placed = [attrs["style"] for tag, attrs in tags if attrs.get("class", "").startswith("spot")]
    assert placed == [f"left:{100 * p['x']}%;top:{100 * p['y']}%" for p in originals]
    assert sum(attrs.get("alt") == "Its variant" for _, attrs in tags) == 12
    assert report["map_sample"] == {"paintings": 12, "pictures": 12}


def test_shades_of_a_heatmap_follow_its_numbers() -> None:
    matrix = np.array([[1.0, np.nan], [0.0, 0.5]])
    svg = plots.heatmap("m", matrix, ["a", "b"], "rows", "columns", "what it shows")
    shades = [float(v) for v in re.findall(r"<path[^>]*?style=\"fill: var\(--positive\); opacity: ([0-9.]+)", svg)]
    assert shades == [0.9, 0.45], "nothing is drawn for nothing"


def test_the_json_holds_the_whole_evaluation(page: Path, evaluation: Evaluation) -> None:
    report = report_of(page)
    assert {key: report[key] for key in evaluation.to_json()} == json.loads(json.dumps(evaluation.to_json()))
    assert report["command"] == COMMAND
    assert report["dataset_facts"]["rejected"] == 7


def test_every_metric_of_the_evaluation_is_explained(evaluation: Evaluation) -> None:
    assert {metric.key for metric in METRICS} == set(evaluation.as_is.numbers)


def test_the_title_counts_the_variants_that_find_their_painting(page: Path, evaluation: Evaluation) -> None:
    found = evaluation.as_is.numbers["recall@1"] * 24
    cropped = evaluation.perturbed.numbers["recall@1"] * 24
    assert 0 < cropped < found < 24
    text = " ".join(Page(page).text.split())
    assert f"Of 24 variants, {found:.0f} find their own painting among all 12; a random guess would find 2." in text
    assert f"Cropped and mirrored, {cropped:.0f} still do." in text
    assert evaluation.baseline is not None
    alone = evaluation.baseline.as_is.numbers["recall@1"] * 24
    assert f"The same encoder without training finds {alone:.0f}, and" in text


def test_a_perfect_result_is_said_in_one_word(evaluation: Evaluation, dataset: Path, tmp_path: Path) -> None:
    numbers = {**evaluation.as_is.numbers, "recall@1": 1.0}
    perfect = dataclasses.replace(evaluation, as_is=dataclasses.replace(evaluation.as_is, numbers=numbers))
    text = " ".join(Page(write_report(perfect, dataset, tmp_path, COMMAND)).text.split())
    assert "All 24 variants find their own painting among 12;" in text


def test_intervals_stand_beside_their_numbers(page: Path, evaluation: Evaluation) -> None:
    low, high = evaluation.perturbed.ci["recall@1"]
    assert f"{100 * low:.1f}–{100 * high:.1f}\u00a0%".replace("100.0", "100") in Page(page).text


def test_names_with_html_in_them_are_text(page: Path) -> None:
    seen = Page(page)
    assert "script" not in {tag for tag, _ in seen.tags}
    assert "<script>alert('&amp;')</script>" in seen.text
    assert "models/<siamese>" in seen.text and COMMAND in seen.text
    assert "<script" not in page.read_text(encoding="utf-8")


def test_the_same_input_gives_the_same_bytes_whatever_matplotlib_is_set_to(
    page: Path, evaluation: Evaluation, dataset: Path, tmp_path: Path
) -> None:
    import matplotlib

    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "svg.fonttype": "path"}):
        again = write_report(evaluation, dataset, tmp_path / "deep" / "er", COMMAND)
        assert matplotlib.rcParams["font.size"] == 30
    assert again.read_bytes() == page.read_bytes()
    assert (again.parent / "report.json").read_bytes() == (page.parent / "report.json").read_bytes()
    assert again == tmp_path / "deep" / "er" / "index.html"


def test_pictures_are_cropped_to_their_content(page: Path) -> None:
    images = [attrs for tag, attrs in Page(page).tags if tag == "img"]
    assert len(images) >= 30 and all(attrs["alt"] for attrs in images)
    size = (BOX[2] - BOX[0], BOX[3] - BOX[1])
    whole = 0
    for attrs in images:
        image = Image.open(io.BytesIO(base64.b64decode(attrs["src"].removeprefix("data:image/jpeg;base64,"))))
        assert image.size == (int(attrs["width"]), int(attrs["height"]))
        assert np.asarray(image.convert("L")).max(1).min() > 16, "a row of the picture is a black bar"
        whole += image.size == size
        assert image.width <= size[0] and image.height <= size[1]
    assert whole < len(images), "some variants are shown cropped and mirrored"


def test_a_painting_and_a_variant_of_the_same_id_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "HF_DATASETS_CACHE", tmp_path / "cache")
    given = pairs_dataset(6, variants=2).to_list()
    for k, row in enumerate(given[6:8]):  # the painting "work-0-1", beside the second variant of "work-0"
        row |= {"id": f"{given[1]['id']}-{k}", "genre": given[1]["genre"], "artist": given[1]["artist"]}
    clashing = Dataset.from_list(given, features=FEATURES["pairs"])
    (tmp_path / "pairs").mkdir()
    clashing.to_parquet(tmp_path / "pairs" / "test-00000-of-00001.parquet")
    (tmp_path / "README.md").write_text(HEADER)
    (tmp_path / "build.json").write_text(json.dumps(FACTS))
    page = write_report(evaluate(clashing, PixelEncoder()), tmp_path, tmp_path / "report", COMMAND)
    stand_in = {}
    for row in clashing:
        stand_in["original", painting_id_of(row["id"])] = thumbnail(crop_content(row["original"], BOX), MAP_SIDE)[0]
        stand_in["generated", row["id"]] = thumbnail(crop_content(row["generated"], BOX), MAP_SIDE)[0]
    points = report_of(page)["map"]
    assert {point["id"] for point in points} >= {given[1]["id"], f"{given[1]['id']}-0"}
    expected = [stand_in["generated" if p["kind"] == "variant" else "original", p["id"]] for p in points]
    assert len(set(expected)) == 12
    spots = page.read_text(encoding="utf-8").split('<figure class="spot')[1:]
    originals, variants = expected[:6], expected[6:]
    assert all(o in spot and v in spot for spot, o, v in zip(spots, originals, variants, strict=True))


def test_what_is_wrong_is_called_wrong(page: Path, evaluation: Evaluation) -> None:
    report, text = report_of(page), Page(page).text
    shown = [triplet for kind in report["examples"].values() for triplet in kind]
    assert all(t["margin"] == t["positive_similarity"] - t["negative_similarity"] for t in shown)
    assert text.count("Wrong, with a margin of") == sum(t["margin"] <= 0 for t in shown) > 0
    assert text.count("Right, with a margin of") == sum(t["margin"] > 0 for t in shown) > 0
    assert "The most wrong first" in text
    given = [t.positive_id for t in evaluation.as_is.examples["worst"]]
    assert [t["positive_id"] for t in report["examples"]["worst"]] == given[: len(report["examples"]["worst"])]
    variants = [t["positive_id"] for kind in ("best", "typical", "worst") for t in report["examples"][kind]]
    assert len(variants) == len(set(variants)), "each variant is shown once"


def test_without_a_wrong_triplet_the_closest_calls_are_shown_as_such(
    evaluation: Evaluation, dataset: Path, tmp_path: Path
) -> None:
    right = {k: [dataclasses.replace(t, negative_similarity=-0.5, positive_similarity=0.5) for t in v]
             for k, v in evaluation.as_is.examples.items()}  # fmt: skip
    changed = dataclasses.replace(
        evaluation,
        as_is=dataclasses.replace(evaluation.as_is, examples=right),
        perturbed=dataclasses.replace(evaluation.perturbed, examples=right),
    )
    text = Page(write_report(changed, dataset, tmp_path, COMMAND)).text
    assert "No triplet is wrong" in text and "Wrong" not in text and "most wrong" not in text


def test_an_encoder_alone_has_no_untrained_column(evaluation: Evaluation, dataset: Path, tmp_path: Path) -> None:
    assert evaluation.baseline is not None
    written_page = write_report(evaluation.baseline, dataset, tmp_path, COMMAND)
    seen = Page(written_page)
    assert "Untrained" not in seen.text and "without training" not in seen.text
    assert "The untrained encoder pixels" in seen.text
    assert "baseline" not in report_of(written_page)


def test_the_report_of_another_data_set_is_refused(evaluation: Evaluation, dataset: Path, tmp_path: Path) -> None:
    stranger = Example("Rococo/nobody_nothing", "Rococo/nobody_nothing-0", EVIL, 0.1, 0.2)
    examples = {**evaluation.as_is.examples, "worst": [stranger]}
    strange = dataclasses.replace(evaluation, as_is=dataclasses.replace(evaluation.as_is, examples=examples))
    with pytest.raises(ConfigError, match="Rococo/nobody_nothing, which the test split"):
        write_report(strange, dataset, tmp_path / "report", COMMAND)
    assert not (tmp_path / "report").exists(), "nothing is written of a report that cannot be made"


def test_a_missing_data_set_or_extra_is_said_in_a_sentence(
    evaluation: Evaluation, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DatasetNotFound, match="does not exist"):
        write_report(evaluation, tmp_path / "nowhere", tmp_path, COMMAND)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"pip install 'artsim\[train\]'"):
        write_report(evaluation, dataset, tmp_path, COMMAND)


def test_a_build_of_another_version_is_refused(evaluation: Evaluation, dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "build.json").write_text(json.dumps({k: v for k, v in FACTS.items() if k != "rejects"}))
    with pytest.raises(ConfigError, match="does not say 'rejects'"):
        write_report(evaluation, tmp_path, tmp_path, COMMAND)


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_what_is_neither_all_nor_nothing_is_not_written_so(value: float) -> None:
    assert written("recall@1", value) not in ("100\u00a0%", "0.0\u00a0%")
    assert written("roc_auc", value) not in ("1.000", "0.000")


def test_the_verdict_says_what_the_numbers_say(page: Path, evaluation: Evaluation) -> None:
    report, text = report_of(page), " ".join(Page(page).text.split())
    assert evaluation.baseline is not None
    told = report["verdict"]
    assert told["layout"] == report["recall@1"] - report["perturbed"]["recall@1"] > 0
    (low, high), other = evaluation.perturbed.ci["recall@1"], evaluation.baseline.perturbed.ci["recall@1"]
    expected = "better" if low > other[1] else "worse" if high < other[0] else "unclear"
    assert told["training"] == expected == "worse", "the model of these tests throws away what it needs"
    assert "Training harms" in text and "Training helps" not in text
    assert told["weakest_genre"] is None, "eight variants of a genre are too few to call one the weakest"


def test_a_weakest_genre_is_named_only_among_those_with_enough_variants(page: Path) -> None:
    report = report_of(page)
    genres = {"Baroque": (0.9, 12), "Cubism": (0.7, 10), "Rococo": (0.1, 9)}
    report["perturbed"]["per_genre"] = {g: {"recall@1": r, "n_variants": n} for g, (r, n) in genres.items()}
    assert _verdict(report)["weakest_genre"] == "Cubism"
    report["perturbed"]["per_genre"]["Cubism"]["recall@1"] = 0.9
    assert _verdict(report)["weakest_genre"] is None, "two that are equal are not weak"


def test_genres_taken_for_another_stand_on_the_page_the_commonest_first(page: Path, evaluation: Evaluation) -> None:
    report = report_of(page)
    assert report["mistaken"] == evaluation.as_is.mistaken and report["perturbed"]["mistaken"]
    wrong = sum(n for found in evaluation.as_is.mistaken.values() for n in found.values())
    assert wrong == round(24 * (1 - evaluation.as_is.numbers["recall@1"])) > 0
    shown = [tuple(path[-2:]) for path in check_numbers(page) if path[:2] == ("perturbed", "mistaken")]
    assert set(shown) <= {(own, other) for own, found in report["perturbed"]["mistaken"].items() for other in found}
    svg = next(
        attrs for tag, attrs in Page(page).tags if tag == "svg" and "in place of the right" in attrs["aria-label"]
    )
    assert svg["viewbox"]


def test_markdown_has_every_metric_with_its_interval(page: Path, evaluation: Evaluation) -> None:
    text = (page.parent / "report.md").read_text(encoding="utf-8")
    lines = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("| ")}
    for metric in METRICS:
        value = evaluation.as_is.numbers[metric.key]
        assert written(metric.key, value) in lines[metric.name]
    low, high = (written("recall@1", end).removesuffix("\u00a0%") for end in evaluation.as_is.ci["recall@1"])
    assert f"({low}–{high}\u00a0%)" in lines["Recall@1"]
    assert lines["metric"].count("|") == lines["Recall@1"].count("|") == 6
    assert "models/&lt;siamese&gt;" in text and "<siamese>" not in text


def test_what_the_numbers_depend_on_is_named(page: Path) -> None:
    report, text = report_of(page), Page(page).text
    assert report["software"]["numpy"] == np.__version__ and report["encoder_revision"] == "1"
    assert "0123456789abcdef" in text and report["dataset_facts"]["digest"] == "0123456789abcdef"
    assert COMMAND in text and "crop.size" in text


def test_the_map_shows_no_more_pictures_than_fit() -> None:
    def point(kind: str, number: int) -> dict[str, str]:
        return {"kind": kind, "id": f"{kind}-{number}"}

    for many, pictures in ((3, 3), (120, 120), (121, 61), (400, 100)):
        report = {"map": [point(kind, n) for kind in ("original", "variant") for n in range(many)]}
        shown = on_map(report)
        assert len(shown) == pictures and shown[0] == ("original-0", "variant-0")


def test_page_is_good_in_a_browser(browser: Browser, page: Path) -> None:
    look_at(browser, page, "phone")


def test_page_prints(browser: Browser, page: Path) -> None:
    assert check_paper(browser, page).startswith(b"%PDF-")


def test_map_and_table_of_contents_work_by_mouse_and_keyboard(browser: Browser, page: Path) -> None:
    shown = opened(browser, page, "desktop")
    for how, number in (("mouse", 5), ("keyboard", 7)):
        spot = shown.locator(".spot").nth(number)
        small = spot.bounding_box()
        assert spot.locator("figcaption").is_hidden() and spot.get_by_alt_text("Its variant").is_hidden()
        if how == "mouse":
            spot.hover()
        else:
            shown.locator(".spot").nth(number - 1).focus()
            shown.keyboard.press("Tab")
        assert spot.locator("figcaption").is_visible() and spot.get_by_alt_text("Its variant").is_visible(), how
        large = spot.bounding_box()
        assert small and large and large["width"] > 2 * small["width"]
    shown.get_by_role("link", name="Settings").click()
    place = shown.locator("nav").bounding_box()
    assert place and place["y"] == 0 and shown.locator("#again h2").is_visible()
    heading = shown.locator("#again h2").bounding_box()
    assert heading and heading["y"] >= place["height"], "the heading is not behind the navigation"
    shown.context.close()
