from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from builder.checks import fault, generate_checked
from builder.models import ImageTask, Made, Pixels
from builder.stage import Reject


def picture(height: int = 60, width: int = 90, seed: int = 0) -> Pixels:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (6, 9, 3), dtype=np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


BLACK = np.zeros((60, 90, 3), np.uint8)


@pytest.mark.parametrize(
    ("variant", "reason"),
    [
        (BLACK, "black"),
        (np.full((60, 90, 3), 200, np.uint8), "constant"),
        (np.full((60, 90, 3), (229, 43, 31), np.uint8), "constant"),
        (picture(), "identical"),
        (picture(30, 90), "wrong_size"),
        (picture(seed=1), None),
    ],
)
def test_generated_image_with_a_fault_is_named(variant: Pixels, reason: str | None) -> None:
    found = fault(variant, picture())
    assert (found.reason if found else None) == reason


@given(
    height=st.integers(1, 40),
    lines=st.sampled_from([0, 1, 4, 8, 9]),
    start=st.integers(0, 39),
    more=st.integers(0, 12),
    grey=st.integers(0, 200),
)
def test_a_fault_is_what_all_pixels_say_wherever_the_few_that_differ_lie(
    height: int, lines: int, start: int, more: int, grey: int
) -> None:
    """Most of the picture is the painting, of one colour or black; some lines, or none, are a little apart."""
    painting = np.full((height, 30, 3), grey, np.uint8)
    variant = painting.copy()
    variant[start : start + lines] += more
    difference = np.abs(variant.astype(float) - painting).mean()
    expected = (
        "black" if variant.max() < 8 else "constant" if variant.std() < 1 else "identical" if difference < 0.5 else None
    )
    found = fault(variant, painting)
    assert (found.reason if found else None) == expected


def test_image_without_a_painting_can_be_black_but_not_of_another_size_or_identical() -> None:
    assert fault(picture(30, 90)) is None
    assert fault(BLACK) is not None


@dataclass
class Twice:
    """A generator with a first answer and a careful one; notes when it was asked for care."""

    first: Made | Reject
    second: Made | Reject | None
    asked: list[str] = field(default_factory=list)
    batch: int = 4

    def generate(self, tasks: Any) -> list[Made | Reject]:
        return [self.first for _ in tasks]

    def careful(self, task: ImageTask) -> Made | Reject | None:
        self.asked.append(task.id)
        return self.second


TASK = ImageTask("a-0", picture(), "", "radical", 1)
GOOD = Made(picture(seed=1), {"generator": "g"})
CAREFUL = Made(picture(seed=2), {"generator": "g", "vae_dtype": "float32"})


def test_good_image_is_not_made_again() -> None:
    generator = Twice(GOOD, CAREFUL)
    assert generate_checked(generator, [TASK]) == [GOOD]
    assert not generator.asked


@pytest.mark.parametrize("first", [Made(BLACK, {}), Made(picture(), {}), Reject("not_finite", "NaN")])
def test_image_with_a_fault_is_made_once_more_with_care(first: Made | Reject) -> None:
    generator = Twice(first, CAREFUL)
    assert generate_checked(generator, [TASK]) == [CAREFUL]
    assert generator.asked == ["a-0"]


def test_fault_that_stays_is_a_reject_with_the_last_reason() -> None:
    (answer,) = generate_checked(Twice(Reject("not_finite", "NaN"), Made(BLACK, {})), [TASK])
    assert isinstance(answer, Reject) and answer.reason == "black"


def test_generator_that_knows_no_other_way_is_believed_at_once() -> None:
    (answer,) = generate_checked(Twice(Made(BLACK, {}), None), [TASK])
    assert isinstance(answer, Reject) and answer.reason == "black"


@pytest.mark.parametrize("reason", ["safety_checker", "content_policy"])
def test_refusal_is_not_got_around(reason: str) -> None:
    generator = Twice(Reject(reason, "no"), CAREFUL)
    (answer,) = generate_checked(generator, [TASK])
    assert isinstance(answer, Reject) and answer.reason == reason
    assert not generator.asked
