"""A small trained detector, made once for the tests of the detector, its training and its commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import datasets
import pytest

from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.train.detector import DetectorConfig, DetectorResult, train_detector
from tests.artsim_dataset.detector.painted import RoughEncoder, write_dataset

CONFIG = DetectorConfig(epochs=30, views=1, learning_rate=0.03, batch_size=16)


@pytest.fixture(scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`datasets` keeps what it read; not in the user's cache, and silently."""
    before = datasets.config.HF_DATASETS_CACHE
    datasets.config.HF_DATASETS_CACHE = tmp_path_factory.mktemp("hf")
    yield
    datasets.config.HF_DATASETS_CACHE = before


@pytest.fixture(scope="session")
def two(own_cache: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 paintings with a grainy and a posterised variant of each; 8 are on the test side."""
    return write_dataset(tmp_path_factory.mktemp("two") / "two", ("noise", "steps"))


@pytest.fixture(scope="session")
def trained(two: Path, tmp_path_factory: pytest.TempPathFactory) -> DetectorResult:
    """A linear detector of both generators. Tests only read it."""
    folder = tmp_path_factory.mktemp("trained")
    encoder = RoughEncoder()
    return train_detector([two], encoder, CONFIG, folder / "model", cache=EmbeddingCache(encoder, folder / "cache"))
