"""The gallery: every picture follows from its identity, no two are alike, and the genres can be told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artsim_dataset import schema
from artsim_dataset.errors import ConfigError
from builder.gallery import paint, write_gallery
from builder.gallery.easel import commission
from builder.gallery.genres import GENRES
from builder.gallery.names import PER_ARTIST, artist_of

SIZE = 128
PER_GENRE = 6


@pytest.fixture(scope="module")
def pictures() -> dict[tuple[str, int], Image.Image]:
    """Six pictures of every genre, small."""
    return {(genre, k): paint(genre, k, size=SIZE) for genre in schema.GENRES for k in range(PER_GENRE)}


def phash(image: Image.Image) -> np.ndarray:
    """The 64 bits of a perceptual hash: signs of the 8 x 8 lowest cosine coefficients around their median."""
    pixels = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.LANCZOS), dtype=float)
    k = np.arange(32)
    cosines = np.cos(np.pi * k[:, None] * (2 * k[None, :] + 1) / 64)
    low = (cosines @ pixels @ cosines.T)[:8, :8]
    return (low > np.median(low)).ravel()


def turned_and_mirrored(image: Image.Image) -> list[Image.Image]:
    sides = (image, image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    return [side.rotate(90 * k, expand=True) for side in sides for k in range(4)]


def statistics(image: Image.Image) -> np.ndarray:
    """Eleven plain numbers: channel means and deviations, saturation, edges at two scales, darkest and lightest."""
    pixels = np.asarray(image, dtype=float) / 255
    grey = pixels.mean(axis=2)
    saturation = pixels.max(axis=2) - pixels.min(axis=2)
    fine = np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()
    coarse = np.abs(grey[8:] - grey[:-8]).mean() + np.abs(grey[:, 8:] - grey[:, :-8]).mean()
    extremes = np.percentile(grey, [5, 95])
    return np.array([*pixels.mean((0, 1)), *pixels.std((0, 1)), saturation.mean(), fine, coarse, *extremes])


def test_the_gallery_paints_exactly_the_genres_of_the_schema() -> None:
    assert sorted(GENRES) == sorted(schema.GENRES)


@pytest.mark.parametrize("genre", schema.GENRES)
def test_a_picture_is_the_same_to_the_byte_when_painted_again(genre: str, pictures: dict) -> None:
    assert paint(genre, 1, size=SIZE).tobytes() == pictures[genre, 1].tobytes()


def test_painting_neither_reads_nor_moves_the_global_random_state() -> None:
    np.random.seed(1)
    before = np.random.get_state(legacy=False)["state"]["key"].copy()
    first = paint("Impressionism", 0, size=SIZE).tobytes()
    assert (np.random.get_state(legacy=False)["state"]["key"] == before).all()
    np.random.seed(2)
    assert paint("Impressionism", 0, size=SIZE).tobytes() == first


@pytest.mark.parametrize(("index", "seed"), [(0, 1), (len(GENRES["Baroque"].subjects), 0)])
def test_another_index_or_seed_gives_another_picture_of_the_same_subject(index: int, seed: int, pictures: dict) -> None:
    assert commission("Baroque", index, seed).subject == commission("Baroque", 0).subject
    other = paint("Baroque", index, seed, SIZE)
    assert other.size != pictures["Baroque", 0].size or other.tobytes() != pictures["Baroque", 0].tobytes()


def test_every_picture_is_rgb_with_its_longest_side_as_asked(pictures: dict) -> None:
    assert {(p.mode, max(p.size)) for p in pictures.values()} == {("RGB", SIZE)}
    assert max(paint("Pop_Art", 0, size=301).size) == 301


def test_formats_are_upright_lying_and_square(pictures: dict) -> None:
    ratios = [p.width / p.height for p in pictures.values()]
    assert min(ratios) < 0.7 and max(ratios) > 1.5
    assert sum(r < 1 for r in ratios) > 30 and sum(r > 1 for r in ratios) > 30 and ratios.count(1.0) > 5


def test_no_picture_is_blank_or_black(pictures: dict) -> None:
    for identity, picture in pictures.items():
        grey = np.asarray(picture.convert("L"), dtype=float)
        assert grey.std() > 4, identity
        assert 12 < grey.mean() < 250, identity


def test_a_small_picture_shows_the_same_work_as_a_large_one(pictures: dict) -> None:
    for genre in schema.GENRES:
        small, large = (np.asarray(p.convert("L").resize((16, 16)), dtype=float).ravel()
                        for p in (pictures[genre, 0], paint(genre, 0, size=2 * SIZE)))  # fmt: skip
        assert np.corrcoef(small, large)[0, 1] > 0.8, genre


def test_no_two_pictures_are_near_duplicates_even_turned_or_mirrored(pictures: dict) -> None:
    names = list(pictures)
    views = np.array([[phash(view) for view in turned_and_mirrored(pictures[name])] for name in names])
    apart = (views[:, None, 0] != views[None, :, 0]).sum(axis=-1)
    for view in range(1, 8):
        apart = np.minimum(apart, (views[:, None, 0] != views[None, :, view]).sum(axis=-1))
    np.fill_diagonal(apart, 64)
    i, j = np.unravel_index(int(apart.argmin()), apart.shape)
    assert apart[i, j] > 8, f"{names[i]} and {names[j]} differ in {apart[i, j]} bits"


def test_the_near_duplicate_check_itself_sees_a_mirrored_resized_copy(pictures: dict) -> None:
    picture = pictures["Ukiyo_e", 0]
    copy = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((96, 70))
    distances = [int((phash(picture) != phash(view)).sum()) for view in turned_and_mirrored(copy)]
    assert min(distances) <= 8


def test_genres_differ_more_between_than_within(pictures: dict) -> None:
    """Leave one out: eleven plain statistics find a picture's genre far better than chance (1 in 27)."""
    names = list(pictures)
    table = np.array([statistics(pictures[name]) for name in names])
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    genre = np.array([name[0] for name in names])
    distance = np.linalg.norm(table[:, None] - table[None, :], axis=-1)
    same = genre[:, None] == genre[None, :]
    others = ~np.eye(len(names), dtype=bool)
    assert distance[same & others].mean() < 0.75 * distance[~same].mean()
    found = 0
    for k in range(len(names)):
        rest = np.arange(len(names)) != k
        centres = {g: table[rest & (genre == g)].mean(axis=0) for g in schema.GENRES}
        found += min(centres, key=lambda g: float(np.linalg.norm(centres[g] - table[k]))) == genre[k]
    assert found / len(names) > 0.4


def test_an_artist_paints_two_pictures_in_one_genre_and_never_in_another() -> None:
    artists = [(genre, artist_of(genre, k), k // PER_ARTIST) for genre in schema.GENRES for k in range(160)]
    assert len({name for _, name, _ in artists}) == len({(genre, pair) for genre, _, pair in artists})
    assert {sum(name == artists[0][1] for _, name, _ in artists)} == {PER_ARTIST}


def test_files_are_named_as_wikiart_names_them_and_no_name_comes_twice() -> None:
    paths = [commission(genre, k).path for genre in schema.GENRES for k in range(40)]
    assert len(set(paths)) == len(paths)
    for path in paths:
        artist, _, title = path.stem.partition("_")
        assert schema.slug(artist) == artist and schema.slug(title) == title
        assert title[-4:].isdigit() and path.suffix == ".jpg" and path.parent.name in schema.GENRES


def test_a_title_tells_the_mood_that_is_painted() -> None:
    orders = [commission("Impressionism", k) for k in range(60)]
    assert {o.mood for o in orders} > {"", "at dusk"}
    assert all(o.mood in o.title for o in orders)


def test_writing_the_gallery_again_touches_nothing_and_mends_what_is_broken(tmp_path: Path) -> None:
    genres = ("Cubism", "Ukiyo_e")
    paths = write_gallery(tmp_path, per_genre=3, size=SIZE, genres=genres)
    assert [p.parent.name for p in paths] == ["Cubism"] * 3 + ["Ukiyo_e"] * 3
    assert sorted(paths) == sorted(p for p in tmp_path.rglob("*") if p.is_file())
    bytes_, times = [p.read_bytes() for p in paths], [p.stat().st_mtime_ns for p in paths]
    assert write_gallery(tmp_path, per_genre=3, size=SIZE, genres=genres) == paths
    assert [p.stat().st_mtime_ns for p in paths] == times
    paths[1].write_bytes(b"half a pict")
    write_gallery(tmp_path, per_genre=3, size=SIZE, genres=genres)
    assert [p.read_bytes() for p in paths] == bytes_
    with Image.open(paths[0]) as written:
        assert written.format == "JPEG" and max(written.size) == SIZE


def test_one_genre_is_painted_the_same_alone_as_among_all(tmp_path: Path) -> None:
    alone = write_gallery(tmp_path / "a", per_genre=1, size=SIZE, genres=("Rococo",))
    among = write_gallery(tmp_path / "b", per_genre=2, size=SIZE, genres=("Baroque", "Rococo"))
    assert alone[0].read_bytes() == among[2].read_bytes()


@pytest.mark.parametrize(
    ("genre", "index", "size", "sentence"),
    [
        ("Vaporwave", 0, 128, "no genre 'Vaporwave'"),
        ("Baroque", -1, 128, "no picture -1"),
        ("Baroque", 0, 20, "too small"),
    ],
)
def test_an_impossible_order_is_refused_with_a_sentence(genre: str, index: int, size: int, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        paint(genre, index, size=size)
