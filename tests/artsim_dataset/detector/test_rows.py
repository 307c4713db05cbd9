from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artsim_dataset.detector.pipeline import USED, draw_recipe
from artsim_dataset.detector.rows import DetectorRows
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.load import load_artsim
from tests.artsim_dataset.detector import painted
from tests.artsim_dataset.detector.painted import RoughEncoder, write_dataset

pytestmark = pytest.mark.usefixtures("own_cache")


def test_rows_know_their_source_painting_class_and_generator(two: Path) -> None:
    rows = DetectorRows([two])
    assert len(rows) == 72 and rows.all_generators == ["noise", "steps"] and rows.is_ai.sum() == 48
    one = rows.ids.index("Cubism/artist-1_work-3-1")
    assert rows.paintings[one] == "Cubism/artist-1_work-3" and rows.generators[one] == "steps" and rows.is_ai[one]
    stored = load_artsim(two, "real_vs_ai", split="train")
    assert np.array_equal(np.asarray(rows.image(one)), np.asarray(stored[stored["id"].index(rows.ids[one])]["image"]))  # type: ignore[index,union-attr]
    with Image.open(io.BytesIO(rows.data(one))) as image:
        assert image.format == "JPEG"


def test_a_generator_comes_with_the_originals_of_its_data_sets(tmp_path: Path) -> None:
    """The two data sets share no paintings: each generator has its own originals."""
    a = write_dataset(tmp_path / "a", ("noise",), paintings=6, tested=2)
    b = write_dataset(tmp_path / "b", ("steps",), paintings=4, tested=2, start=50)
    rows = DetectorRows([a, b])
    for generator, count in (("noise", 6), ("steps", 4)):
        own = rows.of_generator(generator)
        assert own.sum() == 2 * count and set(rows.generators[own]) == {generator, ""}
        assert set(rows.paintings[own & rows.is_ai]) == set(rows.paintings[own & ~rows.is_ai])


def test_an_original_that_two_data_sets_share_counts_once_and_belongs_to_both(tmp_path: Path) -> None:
    a = write_dataset(tmp_path / "a", ("noise",), paintings=6, tested=2)
    b = write_dataset(tmp_path / "b", ("steps",), paintings=6, tested=2)
    rows = DetectorRows([a, b])
    assert len(rows) == 18 and (~rows.is_ai).sum() == 6 and rows.member[~rows.is_ai].all()
    assert rows.of_generator("noise").sum() == rows.of_generator("steps").sum() == 12


def test_a_painting_that_is_tested_anywhere_is_trained_on_nowhere(tmp_path: Path) -> None:
    """Other originals (another quality), so nothing is shared but the painting."""
    a = write_dataset(tmp_path / "a", ("noise",), paintings=6, tested=2)
    b = write_dataset(tmp_path / "b", ("steps",), paintings=6, tested=4, quality={"": 70})
    rows = DetectorRows([a, b])
    assert (~rows.is_ai).sum() == 12
    tested, trained = set(rows.paintings[rows.tested]), set(rows.paintings[~rows.tested])
    assert len(tested) == 4 and len(trained) == 2 and not tested & trained


def test_a_picture_that_is_tested_under_one_name_is_trained_on_under_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = write_dataset(tmp_path / "a", ("noise",), paintings=6, tested=4)
    of = painted.painting
    monkeypatch.setattr(painted, "painting", lambda name: of(f"Cubism/artist-{int(name[-1]) // 2}_work-{name[-1]}"))
    b = write_dataset(tmp_path / "b", ("steps",), paintings=6, tested=2, start=90)
    rows = DetectorRows([a, b])
    assert (~rows.is_ai).sum() == 6, "every picture is in both"
    trained = set(rows.paintings[~rows.tested])
    assert trained == {f"Cubism/artist-{n // 2}_work-{n}" for n in (0, 1, 90, 91)}


def test_near_duplicates_of_a_tested_painting_are_tested_too(tmp_path: Path) -> None:
    group = "Cubism/artist-0_work-0"
    rows = DetectorRows([write_dataset(tmp_path / "a", ("noise",), 6, 2, groups={0: group, 5: group})])
    assert rows.tested[rows.paintings == group].all() and rows.tested.sum() == 6
    assert len(set(rows.parts)) == 5
    artists = {number // 2 for number in range(6)}
    assert len(set(rows.artist_parts)) == len(artists) - 1


def test_paintings_that_a_detector_was_trained_on_are_not_tested(tmp_path: Path) -> None:
    group = "Cubism/artist-2_work-5"
    dataset = write_dataset(tmp_path / "a", ("noise",), paintings=6, tested=3, groups={4: group, 5: group})
    rows = DetectorRows([dataset])
    assert rows.leave_out(["Cubism/artist-0_work-0", "elsewhere"]) == 0 and rows.tested.sum() == 6
    assert rows.leave_out(["Cubism/artist-2_work-4"]) == 4
    assert set(rows.paintings[rows.tested]) == {"Cubism/artist-1_work-3"}
    with pytest.raises(ConfigError, match="nothing is left to test it on"):
        rows.leave_out(["Cubism/artist-1_work-3"])


def test_embeddings_are_computed_once_and_are_those_of_the_prepared_images(two: Path, tmp_path: Path) -> None:
    rows, encoder = DetectorRows([two]), RoughEncoder()
    cache = EmbeddingCache(encoder, tmp_path)
    other = draw_recipe("x", 0, 1)
    wanted = [(3, USED), (4, USED), (3, other), (3, USED)]
    told: list[tuple[str, int, int]] = []
    found = cache.take(rows.embed(wanted, encoder, cache, lambda *step: told.append(step)))
    assert encoder.encoded == 3 and told == [("encode", 3, 3)] and np.array_equal(found[0], found[3])
    assert np.array_equal(cache.take(rows.embed(wanted, encoder, cache)), found) and encoder.encoded == 3
    alone = encoder.encode([other.apply(rows.image(3))])[0]
    assert np.abs(found[2] - alone).max() < 1e-2 < np.abs(found[0] - alone).max()


def test_data_sets_that_cannot_work_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least one data set"):
        DetectorRows([])
    untested = write_dataset(tmp_path / "untested", ("noise",), paintings=4, tested=0)
    with pytest.raises(ConfigError, match="untested: no originals on the test side"):
        DetectorRows([untested])


def test_an_image_that_cannot_be_decoded_is_named(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = DetectorRows([two])
    monkeypatch.setattr(rows, "data", lambda row: b"\xff\xd8 half a jpeg")
    with pytest.raises(ArtsimError, match="row 'Cubism/artist-0_work-0' cannot be decoded"):
        rows.image(0)
