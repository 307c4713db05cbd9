from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, JpegImagePlugin, PngImagePlugin

from artsim_dataset.detector.pipeline import QUALITY, SIDE, SUBSAMPLING, USED, Recipe, draw_recipe
from tests.artsim_dataset.detector.painted import painting

recipes = st.builds(
    Recipe,
    left=st.floats(0, 1),
    top=st.floats(0, 1),
    share=st.floats(0.01, 1),
    detail=st.integers(1, 300),
    mirrored=st.booleans(),
    quality=st.integers(1, 100),
    subsampling=st.sampled_from(SUBSAMPLING),
)


@settings(max_examples=25, deadline=None)
@given(recipes, st.integers(1, 300), st.integers(1, 300), st.sampled_from(["RGB", "L", "RGBA", "P", "CMYK"]))
def test_any_image_becomes_the_one_format(recipe: Recipe, width: int, height: int, mode: str) -> None:
    with Image.open(io.BytesIO(recipe.encode(Image.new(mode, (width, height))))) as made:
        assert (made.format, made.mode, made.size) == ("JPEG", "RGB", (SIDE, SIDE))


def test_what_the_file_says_is_the_same_for_png_and_jpeg_for_any_size_and_with_metadata() -> None:
    picture, headers = painting("a"), set()
    profile = PngImagePlugin.PngInfo()
    profile.add_text("parameters", "prompt: a castle")
    for size, options in (((96, 96), {"format": "PNG", "pnginfo": profile, "dpi": (300, 300)}),
                          ((200, 200), {"format": "JPEG", "quality": 50, "comment": b"made by a camera"}),
                          ((64, 64), {"format": "WEBP", "exif": Image.Exif().tobytes()})):  # fmt: skip
        data = io.BytesIO()
        picture.resize(size).save(data, **options)  # type: ignore[arg-type]
        with Image.open(io.BytesIO(USED.encode(Image.open(data)))) as made:
            assert isinstance(made, JpegImagePlugin.JpegImageFile)
            tables = tuple(tuple(table) for table in made.quantization.values())
            headers.add((made.size, tables, JpegImagePlugin.get_sampling(made), tuple(sorted(made.info))))
    assert len(headers) == 1
    assert not {"comment", "exif", "icc_profile", "dpi", "parameters"} & set(next(iter(headers))[3]) - {"dpi"}


def test_a_painting_and_its_variants_get_the_same_draw_and_others_another() -> None:
    assert draw_recipe("Cubism/a_b", 0, 42) == draw_recipe("Cubism/a_b", 0, 42)
    drawn = {draw_recipe(name, index, seed) for name in ("a", "b") for index in (0, 1) for seed in (1, 2)}
    assert len(drawn) == 8 and len({recipe.key for recipe in drawn}) == 8


def test_draws_use_the_whole_range() -> None:
    drawn = [draw_recipe(f"p{number}", 0, 1) for number in range(400)]
    assert {recipe.subsampling for recipe in drawn} == set(SUBSAMPLING)
    assert (min(r.quality for r in drawn), max(r.quality for r in drawn)) == QUALITY
    assert 0.4 < np.mean([recipe.mirrored for recipe in drawn]) < 0.6


@pytest.mark.parametrize(("place", "channel"), [(0.0, 0), (1.0, 2)])
def test_the_square_lies_where_the_recipe_says(place: float, channel: int) -> None:
    halves = np.zeros((50, 100, 3), np.uint8)
    halves[:, :50, 0] = halves[:, 50:, 2] = 255
    seen = np.asarray(Recipe(left=place, quality=100, subsampling="4:4:4").apply(Image.fromarray(halves)))
    assert seen[..., channel].min() > 240 and seen[..., 2 - channel].max() < 15
    mirrored = np.asarray(Recipe(left=0.5, mirrored=True).apply(Image.fromarray(halves)))
    plain = np.asarray(Recipe(left=0.5).apply(Image.fromarray(halves)))
    assert np.abs(mirrored[:, ::-1].astype(int) - plain).mean() < 3 and plain[0, 0, 0] > 240 > plain[0, -1, 0]


def test_detail_above_the_limit_is_gone() -> None:
    stripes = np.zeros((SIDE, SIDE, 3), np.uint8)
    stripes[:, ::2] = 255
    fine = np.asarray(Recipe(quality=100).apply(Image.fromarray(stripes)), float)
    coarse = np.asarray(Recipe(quality=100, detail=64).apply(Image.fromarray(stripes)), float)
    assert fine.std() > 100 and coarse.std() < 10
