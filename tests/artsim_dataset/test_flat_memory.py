"""No step of `artsim encode`, `train siamese` and `evaluate` holds rows as Python objects, or squares of rows.

A single Python string takes 90 bytes here, a `Wanted` 90, a text in an array of fixed width 120 to 400, a similarity
with what is computed beside it 40 for each other painting.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from datasets import Dataset
from PIL import Image

from artsim_dataset import blocks, scores
from artsim_dataset.encoders import key_index
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import Looks, PairRows, embed_all
from artsim_dataset.features import FEATURES
from artsim_dataset.metrics import clip_score
from artsim_dataset.model import unit
from artsim_dataset.structure import structure
from artsim_dataset.train.config import TrainConfig
from artsim_dataset.train.paintings import read_paintings
from artsim_dataset.views import FULL, MIRROR
from tests.memory import python_bytes_a_row


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG")
    return buffer.getvalue()


@cache
def made_up(rows: int) -> Dataset:
    """`pairs` of so many paintings, in Arrow from the start. All pictures look the same and differ in their bytes."""
    name = [f"some-artist-{n % 90}_a-title-of-usual-length-{n}" for n in range(rows)]
    images = [{"bytes": picture() + str(n).encode(), "path": None} for n in range(rows)]
    columns = {
        "id": [f"Cubism/{name}-0" for name in name],
        "group": [f"Cubism/{name}" for name in name],
        "genre": [f"genre {n % 5}" for n in range(rows)],
        "artist": [f"some artist {n % 90}" for n in range(rows)],
        "level": ["radical"] * rows,
        **{f"content_{side}": [size] * rows for side, size in (("left", 0), ("top", 0), ("right", 4), ("bottom", 4))},
        "original": images,
        "generated": images,
    }
    features = FEATURES["pairs"]
    wanted = {column: features[column] for column in columns}
    return Dataset(pa.table(columns, schema=type(features)(wanted).arrow_schema))


class Dots:
    """An encoder that looks at nothing."""

    name, revision, dim, batch = "dots", "1", 4, 32

    def encode(self, images: list[Image.Image]) -> np.ndarray:
        return np.ones((len(images), self.dim), np.float32)


def vectors(rows: int, of: int) -> np.ndarray:
    return unit(np.random.default_rng(of).normal(size=(rows, 8)).astype(np.float32))


def grows(work: Callable[[int], object], few: int, many: int) -> float:
    for rows in (few, many):
        made_up(rows)
    return python_bytes_a_row(work, few, many)


def test_labels_are_no_objects() -> None:
    """Half of this stays: three texts of 50 letters, in 66 to 80 bytes each. The other half sorts the paintings."""
    assert grows(lambda rows: PairRows(made_up(rows)), 2_000, 8_000) < 600
    rows = PairRows(made_up(2_000))
    assert all(type(column[7]) is str for column in (rows.ids, rows.groups, rows.painting_ids, rows.genres))
    for column, differing in ((rows.genres, 5), (rows.artists, 90), (rows.levels, 1), (rows.boxes, 1)):
        assert len({id(value) for value in column}) == differing == len(set(column))


def test_what_is_wanted_is_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row here is one image in two views: two positions and two keys."""
    monkeypatch.setattr(key_index, "RECENT", 64)
    looked = {rows: PairRows(made_up(rows)) for rows in (300, 900)}

    def embedded(rows: int) -> list[np.ndarray]:
        looks = [Looks(np.arange(rows), "generated", lambda row: (FULL, MIRROR), 2)]
        return embed_all(looked[rows], looks, Dots(), EmbeddingCache(Dots(), tmp_path))

    assert grows(embedded, 300, 900) < 400


def test_paintings_are_divided_without_their_names() -> None:
    looked = {rows: PairRows(made_up(rows)) for rows in (2_000, 8_000)}
    read = {rows: read_paintings(of, TrainConfig()) for rows, of in looked.items()}
    assert grows(lambda rows: read_paintings(looked[rows], TrainConfig()), 2_000, 8_000) < 900
    assert grows(lambda rows: read[rows].hashed(), 2_000, 8_000) < 40


def test_scores_and_structure_are_measured_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "CELLS", 1 << 13)
    monkeypatch.setattr(scores, "MAX_NEGATIVES", 1000)
    monkeypatch.setattr(scores, "BOOTSTRAP_ROUNDS", 3)
    looked = {rows: PairRows(made_up(rows)) for rows in (200, 600)}

    def scored(rows: int) -> object:
        return scores.score(looked[rows], vectors(rows, 1), vectors(rows, 2), 0.07, 1)

    def described(rows: int) -> object:
        of = looked[rows]
        return structure(vectors(rows, 1), vectors(rows, 2), of.painting, of.genres, of.artists, of.groups, 1)

    described(200)  # imports scikit-learn, which takes long while memory is traced
    assert grows(scored, 200, 600) < 600
    monkeypatch.setattr("artsim_dataset.structure.SILHOUETTE_PAINTINGS", 100)
    assert grows(described, 200, 600) < 1500


def test_clip_score_is_not_computed_of_all_at_once() -> None:
    made = {rows: np.ones((rows, 64), np.float32) for rows in (10_000, 20_000)}
    assert grows(lambda rows: clip_score(made[rows], made[rows]), 10_000, 20_000) < 64
