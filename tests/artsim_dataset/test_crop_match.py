from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from artsim_dataset import crop_match, near_vectors
from artsim_dataset.crop_match import SAME, THUMB, alike, candidates, scores

SHARED = Path(__file__).parents[3] / "shared" / "data" / "paintings"


def painting(seed: int, width: int = 360, height: int = 300) -> Image.Image:
    """Something with detail at every scale, so that it can be told from others, and from itself turned."""
    rng = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), 128.0)
    for cells, strength in ((4, 60), (9, 40), (20, 30), (40, 15)):
        noise = rng.integers(0, 256, (cells, cells, 1)) + rng.integers(-60, 60, (cells, cells, 3))
        fine = Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        pixels += strength * (np.asarray(fine) / 127.5 - 1)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def thumb(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L").resize((THUMB, THUMB), Image.Resampling.BOX))


def part(image: Image.Image, left: float, top: float, width: float, height: float) -> Image.Image:
    w, h = image.size
    return image.crop((int(w * left), int(h * top), int(w * (left + width)), int(h * (top + height))))


def hue(image: Image.Image) -> Image.Image:
    bands = image.convert("HSV").split()
    return Image.merge("HSV", (bands[0].point(lambda v: (v + 40) % 256), *bands[1:])).convert("RGB")


def frame(image: Image.Image) -> Image.Image:
    wood = painting(99, image.width + 50, image.height + 50)
    wood.paste(image, (25, 25))
    return wood


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "scaled": lambda i: i.resize((150, 200)),
    "crop of 95 %": lambda i: part(i, 0.05, 0.0, 0.95, 0.95),
    "crop of 85 %": lambda i: part(i, 0.02, 0.13, 0.85, 0.85),
    "crop of 75 %": lambda i: part(i, 0.20, 0.05, 0.75, 0.75),
    "crop of 72 %": lambda i: part(i, 0.14, 0.14, 0.72, 0.72),
    "crop of two sides": lambda i: part(i, 0.0, 0.2, 0.95, 0.75),
    "black border": lambda i: ImageOps.expand(i, 20, "black"),
    "white border": lambda i: ImageOps.expand(i, 35, "white"),
    "frame": frame,
    "mirrored": ImageOps.mirror,
    "grey": lambda i: i.convert("L").convert("RGB"),
    "other hue": hue,
    "dull": lambda i: ImageEnhance.Color(i).enhance(0.3),
    "dark": lambda i: i.point(lambda v: int(255 * (v / 255) ** 1.8)),
    "crop, mirrored": lambda i: ImageOps.mirror(part(i, 0.1, 0.08, 0.8, 0.85)),
    "crop, grey": lambda i: part(i.convert("L").convert("RGB"), 0.1, 0.0, 0.85, 0.9),
}


@pytest.mark.parametrize("kind", COPIES)
def test_copies_score_above_the_threshold_both_ways_round(kind: str) -> None:
    originals = [painting(seed) for seed in range(6)]
    thumbs = np.stack([thumb(i) for i in originals] + [thumb(COPIES[kind](i)) for i in originals])
    there = np.array([[i, i + 6] for i in range(6)])
    assert scores(thumbs, there).min() >= SAME
    assert scores(thumbs, there[:, ::-1]).min() >= SAME


def test_different_paintings_score_far_below_the_threshold() -> None:
    thumbs = np.stack([thumb(painting(seed)) for seed in range(40)])
    pairs = np.stack(np.triu_indices(40, 1), axis=1)
    assert scores(thumbs, pairs).max() < SAME - 0.2


def test_a_common_horizon_makes_no_copies() -> None:
    def seascape(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        horizon = int(rng.uniform(0.3, 0.7) * 256)
        pixels = np.where(np.arange(256)[:, None] < horizon, rng.uniform(150, 220), rng.uniform(40, 110))
        waves = np.asarray(painting(seed, 256, 256).convert("L"), float) - 128
        return thumb(Image.fromarray(np.clip(pixels + 0.15 * waves, 0, 255).astype(np.uint8)))

    thumbs = np.stack([seascape(seed) for seed in range(24)])
    assert scores(thumbs, np.stack(np.triu_indices(24, 1), axis=1)).max() < SAME


def test_flat_pictures_are_no_copies_of_anything() -> None:
    thumbs = np.stack(
        [np.full((THUMB, THUMB), 90, np.uint8), np.full((THUMB, THUMB), 91, np.uint8), thumb(painting(0))]
    )
    assert scores(thumbs, np.array([[0, 1], [0, 2]])).max() < SAME


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_candidates_among_strangers(kind: str) -> None:
    originals = [painting(seed) for seed in range(60)]
    thumbs = np.stack([thumb(i) for i in originals] + [thumb(COPIES[kind](i)) for i in originals[:6]])
    found = {(int(a), int(b)) for a, b in candidates(thumbs)}
    assert {(i, 60 + i) for i in range(6)} <= found


def test_candidates_are_sorted_pairs_of_different_paintings_and_few() -> None:
    thumbs = np.stack([thumb(painting(seed)) for seed in range(50)])
    pairs = candidates(thumbs, np.random.default_rng(0).normal(size=(50, 10)))
    assert (pairs[:, 0] < pairs[:, 1]).all() and len(np.unique(pairs, axis=0)) == len(pairs) <= 50 * 15
    assert pairs.tolist() == sorted(pairs.tolist())
    assert candidates(thumbs[:1]).shape == (0, 2)
    assert candidates(thumbs[:2]).tolist() == [[0, 1]]


@cache
def crowd() -> np.ndarray:
    originals = [thumb(painting(seed, 120, 100)) for seed in range(16, 240)]
    own = [painting(seed, 180, 150) for seed in range(16)]
    copies = [copy(image) for image, copy in zip(own, COPIES.values(), strict=True)]
    return np.stack([*map(thumb, own), *originals, *map(thumb, copies)])


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """240 paintings and copies of the first 16, with limits at which they are many."""
    monkeypatch.setattr(crop_match, "EXACT", 100)
    monkeypatch.setattr(near_vectors, "CELL", 32)
    return crowd()


def test_the_index_finds_the_copies_that_comparing_everything_finds(
    many: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = np.random.default_rng(0).normal(size=(len(many), 20))
    vectors[7] = 3 * vectors[50]
    found = candidates(many, vectors)
    assert [7, 50] in found.tolist()
    monkeypatch.setattr(crop_match, "EXACT", len(many))
    exact = candidates(many, vectors)
    assert len(np.unique(np.concatenate([exact, found]), axis=0)) - len(exact) < 0.1 * len(exact)
    copies = exact[scores(many, exact) >= SAME]
    assert len(copies) >= len(COPIES)
    assert {tuple(pair) for pair in copies.tolist()} <= {tuple(pair) for pair in found.tolist()}


def test_the_index_does_not_depend_on_the_order_of_rows(many: np.ndarray) -> None:
    vectors = np.random.default_rng(0).normal(size=(len(many), 20))
    order = np.random.default_rng(1).permutation(len(many))
    straight, shuffled = candidates(many, vectors), candidates(many[order], vectors[order])
    assert np.unique(np.sort(order[shuffled], axis=1), axis=0).tolist() == straight.tolist()


def test_style_vectors_add_the_pairs_that_thumbnails_miss() -> None:
    thumbs = np.stack([thumb(painting(seed)) for seed in range(60)])
    vectors = np.random.default_rng(0).normal(size=(60, 20))
    vectors[7] = 3 * vectors[50]
    without = candidates(thumbs)
    pairs = candidates(thumbs, vectors)
    assert [7, 50] in pairs.tolist() and set(map(tuple, without.tolist())) < set(map(tuple, pairs.tolist()))


def test_whole_pictures_are_alike_in_all_eight_ways_and_only_then() -> None:
    image = painting(3, 300, 300)
    views = [image.transpose(way) for way in Image.Transpose]
    thumbs = np.stack([thumb(image), *(thumb(view) for view in views), thumb(painting(4))])
    pairs = np.array([[0, i] for i in range(len(thumbs))])
    assert alike(thumbs, pairs).tolist() == [True] * (len(views) + 1) + [False]


def test_blank_pages_are_alike_when_they_are_equally_bright() -> None:
    pages = np.stack([np.full((THUMB, THUMB), level, np.uint8) for level in (200, 201, 230)])
    assert alike(pages, np.array([[0, 1], [0, 2]])).tolist() == [True, False]


def test_answers_do_not_depend_on_what_else_is_asked() -> None:
    thumbs = np.stack([thumb(painting(seed)) for seed in range(30)])
    pairs = np.stack(np.triu_indices(30, 1), axis=1)
    assert np.allclose(scores(thumbs, pairs)[::7], scores(thumbs, pairs[::7]), atol=1e-4)


def test_real_paintings_are_told_apart_and_their_crops_found() -> None:
    files = sorted(SHARED.rglob("*.jpg"))[::12]
    if not files:
        pytest.skip("needs ../shared/data/paintings")
    originals = [Image.open(file).convert("RGB") for file in files]
    kinds = [COPIES[kind] for kind in ("crop of 75 %", "white border", "crop, mirrored", "frame")]
    copies = [kinds[i % 4](image) for i, image in enumerate(originals)]
    thumbs = np.stack([thumb(image) for image in originals + copies])
    count = len(originals)
    pairs = candidates(thumbs)
    joined = {(int(a), int(b)) for a, b in pairs[scores(thumbs, pairs) >= SAME]}
    assert all(b - a == count for a, b in joined)
    assert len(joined) >= 0.95 * count
