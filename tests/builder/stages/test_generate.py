from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from artsim_dataset import style_network
from artsim_dataset.images import content, encode
from artsim_dataset.schema import seed_from
from builder.models import ImageGenerator, ImageTask, Made, Pixels
from builder.models.style_transfer import SIZE, StyleTransferGenerator
from builder.stage import Reject, Row
from builder.stages.generate import GenerateStage, choose_styles


def picture(height: int = 60, width: int = 90, seed: int = 0) -> Pixels:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (6, 9, 3), dtype=np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def task(level: str = "radical", **changes: Any) -> ImageTask:
    own, other = style_network.style_vectors([Image.fromarray(picture()), Image.fromarray(picture(seed=1))])
    facts: dict[str, Any] = {
        "id": "Cubism/a_b-0",
        "image": picture(),
        "prompt": "",
        "level": level,
        "seed": 1,
        "style": other,
        "own_style": own,
    }
    return ImageTask(**{**facts, **changes})


def pixels(answer: Made | Reject) -> Pixels:
    assert isinstance(answer, Made)
    return answer.pixels


# --- the style transfer generator -------------------------------------------------------------------------------


def test_variant_has_the_size_of_its_painting() -> None:
    for height, width in ((60, 90), (90, 60), (400, 30), (33, 33)):
        (variant,) = StyleTransferGenerator().generate([task(image=picture(height, width))])
        assert isinstance(variant, Made) and variant.pixels.shape == (height, width, 3)


def test_moderate_keeps_half_of_the_own_style_and_radical_none() -> None:
    moderate, radical = StyleTransferGenerator(0.5).generate([task("moderate"), task("radical")])
    mixed = task("radical")
    by_hand = task("radical", style=(mixed.own_style + mixed.style) / 2)  # type: ignore[operator]
    (expected,) = StyleTransferGenerator().generate([by_hand])
    assert np.array_equal(pixels(moderate), pixels(expected))
    assert not np.array_equal(pixels(moderate), pixels(radical))


def test_variant_does_not_depend_on_its_batch() -> None:
    alone = StyleTransferGenerator().generate([task()])[0]
    among = StyleTransferGenerator().generate([task("moderate"), task(), task(image=picture(seed=5))])[1]
    assert np.array_equal(pixels(alone), pixels(among))


def test_network_sees_the_picture_and_its_reflection_and_no_bars() -> None:
    from builder.models.style_transfer import network_input

    small, height, width = network_input(picture(60, 90))
    assert small.shape == (SIZE, SIZE, 3) and (height, width) == (256, 384)
    assert np.array_equal(small[256], small[255])
    assert np.array_equal(small[256 + 10], small[255 - 10])


# --- whose style ------------------------------------------------------------------------------------------------


def lenders(paintings: list[str], genres: list[str], seed: int, variants: int = 1) -> list[str]:
    """The lender of each variant, by name."""
    of = [painting for painting in paintings for _ in range(variants)]
    ids = [f"{painting}-{index}" for painting in paintings for index in range(variants)]
    genre_of = dict(zip(paintings, genres, strict=True))
    chosen = choose_styles(pa.array(ids), pa.chunked_array([of]), pa.array([genre_of[p] for p in of]), seed)
    return [of[row] for row in chosen.to_pylist()]


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=30), st.integers(0, 5), st.integers(1, 3))
def test_style_is_that_of_the_first_painting_of_another_genre_round_the_ring(
    genres: list[str], seed: int, variants: int
) -> None:
    paintings = [f"p{k}" for k in range(len(genres))]
    genre_of = dict(zip(paintings, genres, strict=True))
    ring = sorted(paintings, key=lambda p: seed_from("style", p))
    chosen = iter(lenders(paintings, genres, seed, variants))
    for painting in paintings:
        firsts = []
        for index in range(variants):
            place = seed_from("style", f"{painting}-{index}", seed)
            after = [p for p in ring if seed_from("style", p) >= place]
            around = [*after, *(p for p in ring if p not in after)]
            others = [p for p in around if genre_of[p] != genre_of[painting]] or [p for p in around if p != painting]
            firsts.append(others or [painting])
        expected: list[str | None] = [
            p[0] if p[0] not in [q[0] for q in firsts[:k]] else None for k, p in enumerate(firsts)
        ]
        for index, others in enumerate(firsts):
            if expected[index] is None:
                expected[index] = next((p for p in others if p not in expected), others[0])
        assert [next(chosen) for _ in range(variants)] == expected


def test_variants_of_a_painting_have_different_styles_while_there_are_enough() -> None:
    paintings = [f"p{k}" for k in range(6)]
    genres = ["a", "a", "a", "b", "b", "b"]
    for seed in range(30):
        found = np.array(lenders(paintings, genres, seed, 3)).reshape(6, 3)
        assert all(len(set(styles)) == 3 for styles in found)
        assert {len(set(styles)) for styles in np.array(lenders(paintings[:3], ["a"] * 3, seed, 3)).reshape(3, 3)} == {
            2
        }


def test_one_more_painting_changes_few_styles() -> None:
    paintings = [f"p{k}" for k in range(200)]
    genres = [f"g{k % 4}" for k in range(200)]
    before = lenders(paintings, genres, 1)
    after = lenders([*paintings, "new"], [*genres, "g9"], 1)
    assert sum(a != b for a, b in zip(before, after, strict=False)) < 20


# --- the stage --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scripted:
    """A generator that inverts colours, or fails where the prompt says so."""

    batch: int = 2

    def generate(self, tasks: Sequence[ImageTask]) -> list[Made | Reject]:
        return [self._one(task) for task in tasks]

    def careful(self, task: ImageTask) -> Made | Reject | None:
        return None

    def _one(self, task: ImageTask) -> Made | Reject:
        if task.prompt == "nan":
            return Reject("not_finite", "NaN")
        assert task.image is not None
        image = np.zeros((60, 90, 3), np.uint8) if task.prompt == "black" else 255 - task.image
        return Made(image, {"generator": "scripted", "strength": 0.4})


@contextmanager
def scripted() -> Iterator[ImageGenerator]:
    yield Scripted()


def row(prompt: str) -> Row:
    frame = np.zeros((100, 100, 3), np.uint8)
    frame[20:80, 5:95] = picture()
    vector = np.zeros(100, np.float32).tobytes()
    box = {"content_left": 5, "content_top": 20, "content_right": 95, "content_bottom": 80}
    facts = {"id": "Cubism/a_b-0", "image": encode(frame), "level": "radical", "seed": 7, "prompt_compressed": prompt}
    return {**facts, **box, "style_vector": vector, "style": vector, "style_of": "Rococo/c_d"}


def test_stage_keeps_the_letterbox_and_says_how_the_variant_was_made() -> None:
    with GenerateStage(scripted, {}, quality=95, seed=1, styled=True).open() as run:
        results = list(run([row("invert"), row("nan"), row("black")]))
    made, *faults = results
    assert isinstance(made, dict)
    image = np.asarray(Image.open(io.BytesIO(made["generated"])))
    assert image.shape == (100, 100, 3)
    assert image[:18].max() < 16 and image[:, :3].max() < 16
    assert np.abs(content(made["generated"], 5, 20, 95, 80).astype(int) - (255 - picture())).mean() < 6
    assert made["generator"] == "scripted"
    assert json.loads(made["provenance"]) == {
        "generator": "scripted", "strength": 0.4, "style_of": "Rococo/c_d", "seed": 7, "watermarked": False,
    }  # fmt: skip
    assert [answer.reason for answer in faults if isinstance(answer, Reject)] == ["not_finite", "black"]


def test_plan_gives_each_variant_the_style_vector_of_its_lender() -> None:
    rows = pa.table(
        {
            "id": ["a-0", "a-1", "b-0"],
            "painting_id": ["a", "a", "b"],
            "genre": ["Cubism", "Cubism", "Rococo"],
            "style_vector": [b"A", b"A", b"B"],
        }
    )
    plan = GenerateStage(scripted, {}, quality=95, seed=1, styled=True).plan(rows).to_pylist()
    assert plan == [
        {"id": "a-0", "style_of": "b", "style": b"B"},
        {"id": "a-1", "style_of": "b", "style": b"B"},
        {"id": "b-0", "style_of": "a", "style": b"A"},
    ]
