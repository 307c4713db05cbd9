from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from artsim_dataset.detector.calibration import fit_temperature
from artsim_dataset.detector.evaluate import UnseenGenerator, logits_of
from artsim_dataset.detector.examples import EmbeddedExamples, PixelExamples
from artsim_dataset.detector.model import Detector, EmbeddingJudge, load_detector, sigmoid
from artsim_dataset.detector.robustness import Degradation
from artsim_dataset.detector.rows import DetectorRows
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.errors import ConfigError
from artsim_dataset.train.detector import (
    DetectorConfig,
    DetectorResult,
    Fitted,
    _balanced,
    fit_detector,
    train_detector,
)
from tests.artsim_dataset.conftest import CONFIG
from tests.artsim_dataset.detector.painted import RoughEncoder, write_dataset

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(autouse=True)
def _rough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artsim_dataset.encoders.get_encoder", lambda name: RoughEncoder())


def layers(detector: Detector) -> list[np.ndarray]:
    assert isinstance(detector.judge, EmbeddingJudge)
    return [array for layer in detector.judge.layers for array in (layer.weight, layer.bias)]


def test_a_detector_tells_the_variants_of_generators_that_it_knows(trained: DetectorResult) -> None:
    assert set(trained.evaluation.generators) == {"noise", "steps"}
    for scores in trained.evaluation.generators.values():
        assert scores.numbers["roc_auc"] > 0.9
    assert trained.evaluation.images == 24 and trained.evaluation.paintings == 8
    counts = trained.detector.facts["images"]
    assert counts == {"trained on": 42, "validated on": 6, "tested on": 24} and trained.images == 48
    best = trained.history[trained.best_epoch - 1]
    assert best["validation_loss"] == min(row["validation_loss"] for row in trained.history)


def test_leaving_a_generator_out_is_never_having_had_it(trained: DetectorResult, two: Path, tmp_path: Path) -> None:
    """The detector without `noise` is the one that the data set without `noise` gives."""
    assert [row.generator for row in trained.leave_one_out] == ["noise", "steps"]
    fit = fitted(write_dataset(tmp_path / "steps", ("steps",)), tmp_path / "cache", CONFIG)
    detector = Detector("steps", fit.judge, fit.temperature, {"generators": ["steps"], "leave_one_out": []})
    encoder = RoughEncoder()
    cache = EmbeddingCache(encoder, tmp_path / "cache")
    alone = UnseenGenerator.of(DetectorRows([two]), detector, "noise", CONFIG.seed, cache)
    assert trained.leave_one_out[0].unseen.confusion == alone.unseen.confusion
    assert trained.leave_one_out[0].unseen.numbers == pytest.approx(alone.unseen.numbers, abs=1e-6)
    assert set(alone.seen) == {"steps"} and "was never measured" in detector.warning


def test_a_format_of_one_class_teaches_nothing(tmp_path: Path) -> None:
    """Variants are the paintings themselves, only written at another quality: the files give them away, the pixels
    and the detector do not."""
    dataset = write_dataset(tmp_path / "formats", ("blank",), paintings=30, tested=12, quality={"": 95, "blank": 85})
    encoder = RoughEncoder()
    result = train_detector([dataset], encoder, CONFIG, tmp_path / "m", cache=EmbeddingCache(encoder, tmp_path / "c"))
    formats = result.evaluation.formats["blank"]
    assert formats["published"].roc_auc["header"] == 1.0
    assert formats["pipeline"].roc_auc["header"] == pytest.approx(0.5, abs=1e-9)
    assert 0.3 < result.evaluation.generators["blank"].numbers["roc_auc"] < 0.7


def test_a_saved_detector_answers_as_its_evaluation_did(trained: DetectorResult, two: Path) -> None:
    loaded = load_detector(trained.path)
    rows = DetectorRows([two])
    chosen = np.flatnonzero(rows.tested)
    used = loaded.probability([rows.image(row) for row in chosen])
    assert used.shape == (24,) and ((used >= 0) & (used <= 1)).all()
    measured = trained.detector.calibrated(logits_of(rows, chosen, trained.detector, Degradation()))
    assert np.abs(used - measured).max() < 1e-5
    own = chosen[rows.of_generator("noise")[chosen]]
    called = used[np.isin(chosen, own)] >= 0.5
    assert int((called & rows.is_ai[own]).sum()) == trained.evaluation.generators["noise"].confusion.caught
    assert loaded.probability([]).shape == (0,)
    assert set(loaded.trained_on) == set(rows.paintings[~rows.tested]) and len(loaded.trained_on) == 16


def test_the_folder_says_what_was_done_and_names_no_path(trained: DetectorResult, tmp_path: Path) -> None:
    facts = json.loads((trained.path / "artsim_detector.json").read_text())
    assert facts["generators"] == ["noise", "steps"] and facts["encoder"] == "rough" and facts["datasets"] == ["two"]
    assert facts["temperature"] == trained.detector.temperature and facts["config"]["head"] == "linear"
    assert facts["leave_one_out"][0]["unseen"]["confusion"] == vars(trained.leave_one_out[0].unseen.confusion)
    card = (trained.path / "README.md").read_text()
    worst = min(row.unseen.numbers["accuracy"] for row in trained.leave_one_out)
    assert f"{100 * worst:.0f} %" in card and "| jpeg 30 |" in card and "| noise | published |" in card
    assert str(trained.path.parent) not in card + json.dumps(facts)


def fitted(dataset: Path, folder: Path, config: DetectorConfig) -> Fitted:
    rows, encoder = DetectorRows([dataset]), RoughEncoder()
    if config.head == "cnn":
        return fit_detector(rows, PixelExamples(rows, config.seed), None, config, rows.all_generators, None)
    examples = EmbeddedExamples(
        rows, np.flatnonzero(~rows.tested), encoder, EmbeddingCache(encoder, folder), config.views, config.seed
    )
    return fit_detector(rows, examples, encoder, config, rows.all_generators, None)


@pytest.mark.parametrize("head", ["linear", "mlp"])
def test_the_same_seed_gives_the_same_weights_whatever_torch_did_before(two: Path, tmp_path: Path, head: str) -> None:
    made = []
    for number, seed in enumerate((1, 1, 2)):
        torch.manual_seed(number)
        before = torch.get_rng_state()
        fit = fitted(two, tmp_path, replace(CONFIG, head=head, seed=seed, epochs=2))
        made.append(layers(Detector(head, fit.judge, fit.temperature, {})))
        assert torch.equal(torch.get_rng_state(), before)
    one, same, other = made
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0]) and len(one) == (2 if head == "linear" else 4)


def test_the_network_on_pixels_learns_and_comes_back_from_disk(two: Path, tmp_path: Path) -> None:
    small = replace(CONFIG, head="cnn", epochs=2, learning_rate=3e-3)
    result = train_detector([two], None, small, tmp_path / "a", leave_one_out=False)
    assert result.evaluation.generators["noise"].numbers["roc_auc"] > 0.8
    assert fitted(two, tmp_path, small).history == result.history
    picture = DetectorRows([two]).image(0)
    again = load_detector(tmp_path / "a").probability([picture, picture.resize((300, 200)), picture])
    before = result.detector.probability([picture])
    assert again.shape == (3,) and again[2] == pytest.approx(again[0], abs=1e-6)
    assert again[0] == pytest.approx(float(before[0]), abs=1e-6)


def test_temperature_is_the_most_likely_one() -> None:
    draw = np.random.default_rng(3)
    logits = draw.normal(0, 2, 4000)
    is_ai = draw.random(4000) < sigmoid(logits)
    assert fit_temperature(logits, is_ai) == pytest.approx(1.0, abs=0.12)
    assert fit_temperature(5 * logits, is_ai) == pytest.approx(5 * fit_temperature(logits, is_ai), rel=0.01)


def test_a_part_without_errors_does_not_ask_for_certainty() -> None:
    separated, labels = np.array([3.0, 2.0, -3.0, -2.0]), np.array([True, True, False, False])
    probability = sigmoid(separated / fit_temperature(separated, labels))
    assert 0.6 < probability[0] < 0.9
    assert fit_temperature(separated, np.ones(4, bool)) == 1.0


def test_both_classes_weigh_the_same_however_many_variants_there_are() -> None:
    is_ai = np.array([True] * 9 + [False] * 3)
    weights = _balanced(is_ai)(np.arange(12)).numpy()
    assert weights[is_ai].sum() == pytest.approx(weights[~is_ai].sum()) == pytest.approx(6)


def test_detectors_that_cannot_be_read_are_named(trained: DetectorResult, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no artsim detector; make one: artsim train detector DATASET --out"):
        load_detector(tmp_path)
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in trained.path.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    facts = json.loads((broken / "artsim_detector.json").read_text())
    (broken / "artsim_detector.json").write_text(json.dumps({**facts, "revision": "0"}))
    with pytest.raises(ConfigError, match="revision 0"):
        load_detector(broken)
    (broken / "artsim_detector.json").write_text(json.dumps(facts))
    (broken / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ConfigError, match="cannot be read .* train it again"):
        load_detector(broken)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"head": "deep"}, "heads of a detector are: linear, mlp, cnn"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0"),
        ({"validation_share": 0.5}, "between 0 and 0.5"),
        ({"dropout": 1.0}, "below 1"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DetectorConfig(**setting)  # type: ignore[arg-type]


def test_a_head_on_embeddings_needs_an_encoder_and_pixels_take_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'linear' takes an encoder"):
        train_detector(["x"], None, DetectorConfig(), tmp_path)
    with pytest.raises(ConfigError, match="'cnn' takes no encoder"):
        train_detector(["x"], RoughEncoder(), DetectorConfig(head="cnn"), tmp_path)
