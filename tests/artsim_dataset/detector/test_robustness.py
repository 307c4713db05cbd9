from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from artsim_dataset.detector.pipeline import USED
from artsim_dataset.detector.robustness import DEGRADATIONS, Degradation, Degraded
from tests.artsim_dataset.detector.painted import painting


def difference(a: Image.Image, b: Image.Image) -> float:
    return float(np.abs(np.asarray(a, float) - np.asarray(b, float)).mean())


@pytest.mark.parametrize("degradation", DEGRADATIONS, ids=lambda d: d.name)
def test_every_degradation_does_the_same_twice_and_changes_the_image(degradation: Degradation) -> None:
    rough = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8))
    one, two = degradation.apply(rough), degradation.apply(rough)
    assert np.array_equal(np.asarray(one), np.asarray(two)) and one.mode == "RGB"
    assert one.size != rough.size or difference(one, rough) > 1


def test_sizes_after_resize_and_crop() -> None:
    image = painting("a").resize((80, 60))
    assert Degradation("resize", 0.5).apply(image).size == (40, 30)
    cropped = Degradation("crop", 0.5).apply(image)
    assert np.array_equal(np.asarray(cropped), np.asarray(image)[15:45, 20:60])
    assert Degradation("crop", 0.01).apply(Image.new("RGB", (3, 3))).size == (1, 1)


def test_lower_quality_and_wider_blur_take_more_away() -> None:
    rough = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8))
    lost = [difference(Degradation("jpeg", quality).apply(rough), rough) for quality in (90, 70, 50, 30)]
    assert lost == sorted(lost) and lost[0] < lost[-1]
    assert difference(Degradation("blur", 1).apply(rough), rough) < difference(
        Degradation("blur", 2).apply(rough), rough
    )


def test_no_degradation_is_the_recipe_of_use_and_shares_its_cache_key() -> None:
    none = Degraded(Degradation())
    image = painting("a")
    assert none.key == USED.key and difference(none.apply(image), USED.apply(image)) == 0
    assert len({Degraded(degradation).key for degradation in (Degradation(), *DEGRADATIONS)}) == 11
