"""The pairs that a model was validated on, against its own cosines of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import PairRows
from artsim_dataset.model import load_model
from artsim_dataset.standing import Known
from artsim_dataset.train.config import TrainConfig
from artsim_dataset.train.siamese import train_siamese
from tests.artsim_dataset.learning import PixelEncoder, pairs_dataset


def test_model_knows_its_cosines_of_the_paintings_it_was_validated_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artsim_dataset.encoders.get_encoder", lambda name: PixelEncoder())
    dataset, encoder = pairs_dataset(30, variants=2), PixelEncoder()
    config = TrainConfig(dim=16, views=1, epochs=2, validation_share=0.3)
    train_siamese(dataset, encoder, config, tmp_path / "m", cache=EmbeddingCache(encoder, tmp_path / "cache"))
    model, rows = load_model(tmp_path / "m"), PairRows(dataset)
    known = Known.from_json(json.loads((tmp_path / "m" / "artsim.json").read_text())["known_pairs"])

    def seen(row: int, column: str) -> np.ndarray:
        return model.encode([rows.content(row, column, rows.image_bytes(row, column))])[0]

    validated = model.parts["validation"]
    mine = [p for p, id_ in enumerate(rows.painting_ids) if id_ in validated]
    original = {p: seen(rows.first_row[p], "original") for p in mine}
    positive = [original[p] @ seen(row, "generated") for row, p in enumerate(rows.painting) if p in original]
    negative = [original[a] @ original[b] for a in mine for b in mine
                if a < b and rows.genres[rows.first_row[a]] != rows.genres[rows.first_row[b]]]  # fmt: skip
    assert known.pairs == (len(positive), len(negative)) and len(mine) == 9
    assert (known.positive[0], known.positive[-1]) == pytest.approx((min(positive), max(positive)), abs=2e-3)
    assert np.median(negative) == pytest.approx(known.negative[100], abs=2e-3)
