from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.errors import ConfigError
from artsim_dataset.train.config import TrainConfig
from artsim_dataset.train.log import TRACKERS, check_tracker, tracked
from artsim_dataset.train.siamese import train_siamese
from tests.artsim_dataset.learning import PixelEncoder, pairs_dataset


def test_tensorboard_gets_every_number_of_every_epoch(tmp_path: Path) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    encoder = PixelEncoder()
    config = TrainConfig(dim=8, views=0, epochs=2)
    result = train_siamese(pairs_dataset(12), encoder, config, tmp_path / "model",
                           cache=EmbeddingCache(encoder, tmp_path), tracker="tensorboard")  # fmt: skip
    events = accumulators.EventAccumulator(str(tmp_path / "model" / "runs"))
    events.Reload()
    for name in ("validation_loss", "validation_recall@1", "tau"):
        logged = [(event.step, event.value) for event in events.Scalars(name)]
        expected = [(row["epoch"], pytest.approx(row[name], rel=1e-6)) for row in result.history]
        assert logged == expected
    assert [event.step for event in events.Scalars("train_loss")] == [1, 2]


@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_tracker_that_is_missing_is_named_with_its_install(tracker: str) -> None:
    try:
        version(tracker)
        installed = True
    except PackageNotFoundError:
        installed = False
    if installed:
        check_tracker(tracker)
    else:
        with pytest.raises(ConfigError, match=f"needs it installed: pip install {tracker}"):
            check_tracker(tracker)


def test_an_unknown_tracker_names_the_known_ones(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match="no tracker 'paper'; trackers are: tensorboard, trackio, wandb"),
        tracked("paper", tmp_path, {}),
    ):
        pass
