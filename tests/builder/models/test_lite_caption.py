import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from artsim_dataset.images import decode
from artsim_dataset.schema import GENRES
from builder.models.lite_caption import (
    FORM_NOUNS,
    LIGHT_NOUNS,
    MAX_CAPTION_WORDS,
    SURFACE_NOUNS,
    MeasuredCaptioner,
    describe,
    genre_words,
)
from builder.models.measure import Measurements, oklab

SHARED = Path(__file__).parents[4] / "shared" / "data" / "paintings"


def caption(pixels: np.ndarray, genre: str = "Baroque") -> str:
    (answer,) = MeasuredCaptioner().caption([pixels], [genre])
    assert isinstance(answer, str)
    return answer


def mirrored_words(text: str) -> str:
    return re.sub(r"\b(left|right)\b", lambda side: {"left": "right", "right": "left"}[side[0]], text)


def field(height: int = 90, width: int = 120, level: int = 90) -> np.ndarray:
    return np.full((height, width, 3), level, dtype=np.uint8)


def blobs(seed: int, height: int = 100, width: int = 130) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 255, (5, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize(
    ("colour", "word"),
    [((40, 90, 180), "blue"), ((200, 30, 30), "red"), ((60, 130, 60), "green"), ((5, 5, 5), "black")],
)
def test_a_picture_of_one_colour_says_that_colour(colour: tuple[int, int, int], word: str) -> None:
    pixels = np.empty((50, 70, 3), dtype=np.uint8)
    pixels[:] = colour
    assert caption(pixels).startswith(f"a Baroque painting in almost nothing but {word},")


def test_the_larger_colour_comes_first_and_a_vivid_spot_is_a_touch() -> None:
    pixels = field()
    pixels[:] = (44, 86, 168)
    pixels[:, :45] = (102, 69, 46)
    pixels[10:22, 80:92] = (230, 30, 30)
    assert "in mostly blue with brown and touches of red," in caption(pixels)


@pytest.mark.parametrize(
    ("level", "tone"), [(10, "very dark"), (50, "dark"), (100, "of middle tone"), (245, "very light")]
)
def test_tone_follows_the_lightness(level: int, tone: str) -> None:
    assert f", {tone}" in caption(field(level=level))


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [
        (slice(None), slice(0, 50), "brightest on the left"),
        (slice(None), slice(70, None), "brightest on the right"),
        (slice(0, 45), slice(0, 60), "brightest at the upper left"),
        (slice(45, None), slice(60, None), "brightest at the lower right"),
        (slice(0, 45), slice(None), "bright above and dark below"),
        (slice(45, None), slice(None), "dark above and bright below"),
        (slice(30, 60), slice(40, 80), "a bright centre"),
    ],
)
def test_the_place_of_the_light_follows_the_pixels(rows: slice, columns: slice, words: str) -> None:
    pixels = field(level=40)
    pixels[rows, columns] = 230
    assert words in caption(pixels)
    other_places = [phrase for phrase in LIGHT_NOUNS if "contrast" not in phrase and phrase != words]
    assert not any(phrase in caption(pixels) for phrase in other_places)


def test_an_even_field_is_said_to_be_even() -> None:
    assert "with soft contrasts, evenly lit" in caption(field())


@pytest.mark.parametrize(
    ("height", "width", "words"),
    [(90, 40, "tall narrow"), (90, 70, "portrait"), (90, 90, "square"), (70, 90, "landscape"), (40, 90, "panoramic")],
)
def test_the_format_follows_the_sides(height: int, width: int, words: str) -> None:
    assert f", {words} format" in caption(field(height, width))


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [
        (slice(30, 60), slice(40, 80), "in the middle"),
        (slice(None), slice(0, 40), "on the left"),
        (slice(None), slice(80, None), "on the right"),
        (slice(0, 30), slice(None), "in the upper part"),
        (slice(60, None), slice(None), "in the lower part"),
    ],
)
def test_the_place_of_the_detail_follows_the_edges(rows: slice, columns: slice, words: str) -> None:
    pixels = field(level=100)
    noise = np.random.default_rng(0).integers(70, 130, pixels.shape, dtype=np.uint8)
    pixels[rows, columns] = noise[rows, columns]
    assert f"detail gathered {words}" in caption(pixels)


def test_stripes_noise_flats_and_symmetry_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (120, 120, 3), dtype=np.uint8)
    assert "a broken dabbed surface" in caption(noise) and "crowded forms" in caption(noise)
    assert "large calm areas" in caption(field()) and "a smooth surface" in caption(field())
    columns = field(100, 100, 20)
    columns[:, ::10] = 220
    assert "strong verticals" in caption(columns)
    assert "horizontal bands" in caption(columns.transpose(1, 0, 2).copy())
    half = blobs(4)[:, :65]
    assert "near symmetry" in caption(np.concatenate([half, half[:, ::-1]], axis=1))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000))
def test_mirroring_a_picture_only_swaps_left_and_right_in_its_caption(seed: int) -> None:
    pixels = blobs(seed, 36, 48)  # small enough not to be shrunk: both have exactly the same colours
    assert caption(pixels[:, ::-1].copy()) == mirrored_words(caption(pixels))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 60), st.sampled_from([*GENRES, ""]))
def test_any_picture_gets_a_short_sentence_made_of_known_phrases(
    seed: int, height: int, width: int, genre: str
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    text = caption(pixels, genre)
    assert text == caption(pixels, genre)
    assert len(text.split()) <= MAX_CAPTION_WORDS
    assert text.startswith(genre_words(genre) + " in ")
    known = {*LIGHT_NOUNS, *FORM_NOUNS, *SURFACE_NOUNS}
    tones = ("very dark", "dark", "of middle tone", "light", "very light")
    for clause in text.split(", ")[1:]:
        assert clause in known or clause.endswith(" format") or clause.startswith(tones)


def test_a_caption_that_would_be_too_long_loses_its_last_clauses() -> None:
    colours = oklab(np.array([(54, 36, 24), (134, 182, 223), (98, 106, 58), (203, 42, 39)], dtype=np.uint8))
    light = np.array([[0.4, 0.4, 0.4], [0.4, 0.9, 0.4], [0.4, 0.4, 0.4]])
    detail = np.array([[0.1, 0.1, 0.1], [0.1, 0.2, 0.1], [0.1, 0.1, 0.1]])
    shares = np.array([0.45, 0.3, 0.22, 0.03])
    everything = Measurements(colours, shares, 0.5, 0.25, light, detail, 0.5, 0.2, 0.1, 0.12, 0.2, 0.9)
    text = describe(everything, "Mannerism_Late_Renaissance")
    assert text == (
        "a Mannerist painting in deep brown with sky blue and moss green and touches of red, of middle tone with stark "
        "contrasts and a bright centre, tall narrow format, detail gathered in the middle, crowded forms, "
        "strong verticals, near symmetry"
    )
    shorter = replace(everything, contrast=0.15, symmetry=0.0)
    assert describe(shorter, "Baroque").endswith("strong verticals, a broken dabbed surface")


def test_each_genre_has_its_words_and_the_right_article() -> None:
    spoken = {genre: genre_words(genre) for genre in GENRES}
    assert len(set(spoken.values())) == len(GENRES)
    for words in spoken.values():
        article, first, *_ = words.split()
        assert article == ("an" if first[0].lower() in "aeiou" else "a")
        assert "_" not in words
    assert genre_words("Ink_and_wash") == "an Ink and wash painting"


def test_a_genre_that_is_not_told_is_not_guessed() -> None:
    assert caption(blobs(1), "").startswith("a picture in ")


def test_captions_of_real_paintings_differ_from_each_other_and_name_no_artist() -> None:
    if not SHARED.is_dir():
        pytest.skip("needs ../shared/data, which a user's clone has not")
    files = sorted(SHARED.glob("*/*.jpg"))[::12]
    captions = [caption(decode(file.read_bytes()), file.parent.name) for file in files]
    assert len(set(captions)) >= len(files) - 1
    for file, text in zip(files, captions, strict=True):
        assert file.stem.split("_")[0].split("-")[-1] not in text.split()
