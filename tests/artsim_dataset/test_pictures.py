from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from artsim_dataset import pictures


@pytest.mark.parametrize(
    ("slug", "name"),
    [
        ("the-milkmaid", "The Milkmaid"),
        ("la-promenade-de-la-cour", "La Promenade de la Cour"),
        ("the-artist-s-uncle-as-a-monk", "The Artist's Uncle as a Monk"),
        ("guitar-1913", "Guitar 1913"),
        ("Water Lilies", "Water Lilies"),
        ("été", "Été"),
    ],
)
def test_titles_are_readable(slug: str, name: str) -> None:
    assert pictures.title_name(slug) == name


def test_an_artist_s_initial_is_no_possessive() -> None:
    assert pictures.artist_name("john-s-sargent") == "John S Sargent"
    assert pictures.artist_name("pieter-bruegel-the-elder") == "Pieter Bruegel the Elder"


def test_a_thumbnail_is_a_jpeg_of_the_same_shape_and_never_enlarged() -> None:
    for size, small in (((1280, 640), (320, 160)), ((100, 50), (100, 50)), ((300, 900), (107, 320))):
        uri, shown = pictures.thumbnail(Image.new("RGB", size, "teal"))
        image = Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))))
        assert image.format == "JPEG" and image.size == shown == small
