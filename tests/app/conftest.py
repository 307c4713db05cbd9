"""One app process and one browser for all tests of the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from artsim_dataset.encoders import get_encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.train.detector import DetectorConfig, train_detector
from builder.build import build
from builder.config import load_config
from builder.engine import LocalEngine
from builder.gallery import paint, write_gallery
from tests.app.harness import SIZES, Running, Visit, chromium, no_console_errors, start_app, visit
from tests.artsim_dataset.detector.painted import write_dataset
from tests.artsim_dataset.encoders.tiny import tiny_clip
from tests.conftest import Silent

GENRES = ("Baroque", "Cubism", "Fauvism", "Minimalism", "Pointillism", "Pop_Art", "Rococo", "Symbolism", "Ukiyo_e")
ARTISTS = {"Cubism": ["juan-gris", "georges-braque"], "Ukiyo_e": ["katsushika-hokusai", "suzuki-harunobu"]}
SETTINGS = ("generate.kind=26-styles", "preprocess.size=96", "crop.size=64")


@pytest.fixture(scope="session")
def dataset(engine: LocalEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 27 small painted pictures, three of each of nine genres. Tests only read it."""
    folder = tmp_path_factory.mktemp("app")
    write_gallery(folder / "gallery", per_genre=3, size=96, genres=GENRES)
    build(str(folder / "gallery"), folder / "tiny", load_config(assignments=SETTINGS), engine, Silent())
    return folder / "tiny"


@pytest.fixture(scope="package")
def app(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`artsim app` on the data set with the bare encoder."""
    running = start_app(["--dataset", str(dataset)], tmp_path_factory.mktemp("running"))
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def desktop(app: Running, browser: Browser) -> Iterator[Visit]:
    """The app in a window of 1280 pixels, light."""
    yield from _visit(app, browser, "desktop")


@pytest.fixture
def phone(app: Running, browser: Browser) -> Iterator[Visit]:
    """The app in a window of 390 pixels, dark."""
    yield from _visit(app, browser, "phone")


@pytest.fixture(params=SIZES)
def both(request: pytest.FixtureRequest, app: Running, browser: Browser) -> Iterator[Visit]:
    """The app on a desktop, light, and again on a phone, dark."""
    yield from _visit(app, browser, request.param)


def _visit(app: Running, browser: Browser, size: str) -> Iterator[Visit]:
    seen = visit(browser, app.address, size)
    yield seen
    seen.page.close()
    no_console_errors(seen)


# --- for the tabs Search, Attribute, Detect and Make a variant ----------------------------------------------------


@pytest.fixture(scope="session")
def studio(engine: LocalEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of twelve small pictures: two genres with two artists each, who made three works each."""
    folder = tmp_path_factory.mktemp("studio")
    for genre, artists in ARTISTS.items():
        (folder / "source" / genre).mkdir(parents=True)
        for number, artist in enumerate(sorted(artists * 3)):
            paint(genre, number, size=96).save(folder / "source" / genre / f"{artist}_work-{number}.jpg")
    build(str(folder / "source"), folder / "studio", load_config(assignments=SETTINGS), engine, Silent())
    return folder / "studio"


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny CLIP with random weights: an encoder with a text side."""
    return tiny_clip(tmp_path_factory.mktemp("encoder") / "tiny-clip")


@pytest.fixture(scope="session")
def detector(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of grain, on the tiny CLIP."""
    folder, encoder = tmp_path_factory.mktemp("detector"), get_encoder(str(clip))
    dataset = write_dataset(folder / "dataset", ("noise",), paintings=18, tested=6)
    config = DetectorConfig(epochs=10, views=0, learning_rate=0.03, batch_size=16)
    train_detector([dataset], encoder, config, folder / "grain", cache=EmbeddingCache(encoder, folder / "cache"))
    return folder / "grain"


@pytest.fixture(scope="package")
def studio_app(studio: Path, clip: Path, detector: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`artsim app` on the studio's data set with the tiny CLIP and the detector."""
    given = ("--dataset", str(studio), "--encoder", str(clip), "--detector", str(detector))
    running = start_app(given, tmp_path_factory.mktemp("studio-app"))
    yield running
    assert running.stop() == 0


@pytest.fixture(params=SIZES)
def studio_visit(request: pytest.FixtureRequest, studio_app: Running, browser: Browser) -> Iterator[Visit]:
    """The studio's app on a desktop, light, and again on a phone, dark."""
    yield from _visit(studio_app, browser, request.param)
