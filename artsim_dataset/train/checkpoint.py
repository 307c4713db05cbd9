"""A training run on disk after every epoch, so that a killed one goes on to the very weights it would have had.

One file, replaced as a whole: weights, optimiser, schedule, the random generator's state, history, and the best weights
so far. It is read back with ``weights_only``, so a stranger's checkpoint cannot run code. What a run depends on is
written with it; a checkpoint of other settings or other data is refused, never continued.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from artsim_dataset.errors import ConfigError

FOLDER = "checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    """The place of a run's state inside its output folder. ``identity``: all that the run's result depends on."""

    out: Path
    identity: Mapping[str, Any]

    @property
    def file(self) -> Path:
        return self.out / FOLDER / "state.pt"

    def write(self, state: Mapping[str, Any]) -> None:
        """Replaces what was there in one step: a kill at any moment leaves the old state or the new one."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.file.with_suffix(".tmp")
        with unfinished.open("wb") as file:
            torch.save({"identity": dict(self.identity), **state}, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.file)

    def read(self) -> dict[str, Any] | None:
        """The state of the run, None when there is none. ConfigError when it is another run's, or damaged."""
        if not self.file.exists():
            return None
        fix = f"remove {self.file.parent} to start again"
        try:
            state: dict[str, Any] = torch.load(self.file, weights_only=True)
            theirs = state["identity"]
        except (OSError, RuntimeError, KeyError, ValueError, EOFError, UnpicklingError) as error:
            said = " ".join(str(error).split())
            raise ConfigError(f"the checkpoint {self.file} cannot be read ({said}): {fix}") from error
        check_identity(theirs, self.identity, self.file.parent)
        return state

    def clear(self) -> None:
        """The run is over and its model written."""
        shutil.rmtree(self.file.parent, ignore_errors=True)


def check_identity(theirs: Mapping[str, Any], ours: Mapping[str, Any], folder: Path) -> None:
    """Raises ConfigError, naming the first difference, when the checkpoint in ``folder`` is another run's."""
    for name in {**theirs, **ours}:
        if theirs.get(name) != ours.get(name):
            raise ConfigError(
                f"{folder} holds a run with {name} {theirs.get(name)}, not {ours.get(name)}: give the same settings "
                f"and data to go on with it, or remove {folder} to start again"
            )
