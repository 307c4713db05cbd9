"""A run's numbers to TensorBoard, trackio or W&B, through accelerate's trackers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from artsim_dataset.errors import ConfigError

TRACKERS: tuple[str, ...] = ("tensorboard", "trackio", "wandb")
RUNS, PROJECT = "runs", "artsim"

Log = Callable[[Mapping[str, float], int], None]
"""Takes the numbers of an epoch, and the epoch."""


def check_tracker(kind: str) -> None:
    """Raises ConfigError for a tracker that there is not, or that is not installed."""
    if kind not in TRACKERS:
        raise ConfigError(f"no tracker '{kind}'; trackers are: {', '.join(TRACKERS)}")
    from accelerate.utils import imports

    if not getattr(imports, f"is_{kind}_available")():
        raise ConfigError(f"logging to {kind} needs it installed: pip install {kind}")


@contextmanager
def tracked(kind: str | None, out: Path, settings: Mapping[str, Any]) -> Iterator[Log]:
    """A function that logs an epoch's numbers; one that does nothing when ``kind`` is None.

    TensorBoard's files are written to ``out/runs``; trackio and W&B have a project 'artsim' with a run of the name of
    ``out``. ConfigError as :func:`check_tracker`.
    """
    if kind is None:
        yield lambda numbers, epoch: None
        return
    check_tracker(kind)
    from accelerate import PartialState, tracking

    PartialState()  # trackers log through a logger that wants to know which process this is
    tracker: Any = (
        tracking.TensorBoardTracker(RUNS, out)
        if kind == "tensorboard"
        else {"trackio": tracking.TrackioTracker, "wandb": tracking.WandBTracker}[kind](PROJECT, name=out.name)
    )
    with redirect_stdout(sys.stderr):  # stdout is the command's
        tracker.start()
        tracker.store_init_configuration(dict(settings))
    try:
        yield lambda numbers, epoch: tracker.log(dict(numbers), step=epoch)
    finally:
        with redirect_stdout(sys.stderr):
            tracker.finish()
