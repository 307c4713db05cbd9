"""The paintings of a run: which part each is of, which rows are its variants, who may be whose negative.

The cached path and the one end to end share this; no image is opened here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor

from artsim_dataset.encoders.embed import PairRows
from artsim_dataset.errors import ConfigError
from artsim_dataset.losses import shared
from artsim_dataset.train.config import TrainConfig, TrainResult
from artsim_dataset.train.holdout import TEST, TRAIN, VALIDATION, divide

MIN_PAINTINGS = 4


@dataclass(frozen=True)
class Labels:
    """What decides who may be whose negative, one entry a painting: integers, -1 unknown (shared with nobody).

    ``barred`` are the columns that two images must not share to be negatives (painting, artist, group, and the genre
    when it is masked); ``genre`` is what a triplet's negative differs in.
    """

    barred: tuple[Tensor, ...]
    genre: Tensor

    def same(self, paintings: np.ndarray) -> Tensor:
        """True where two of these paintings must not be each other's negatives, (n, n)."""
        return shared(*((column[paintings], column[paintings]) for column in self.barred))


@dataclass(frozen=True)
class Paintings:
    """``part`` of each painting is train, validation or test. ``rows`` are the rows of `pairs` in the order of their
    paintings, ``first`` (paintings + 1,) where each painting's begin in it."""

    ids: np.ndarray
    part: np.ndarray
    labels: Labels
    rows: np.ndarray
    first: np.ndarray

    @property
    def parts(self) -> dict[str, list[str]]:
        """The ids of each part."""
        return {part: self.ids[self.of(part)].tolist() for part in (TRAIN, VALIDATION, TEST)}

    def of(self, part: str) -> np.ndarray:
        """The paintings of a part, ascending."""
        return np.flatnonzero(self.part == part)

    def rows_of(self, painting: int) -> np.ndarray:
        return self.rows[self.first[painting] : self.first[painting + 1]]

    def row(self, paintings: np.ndarray, which: np.ndarray) -> np.ndarray:
        """The ``which``-th row (modulo how many it has) of each painting, (n,)."""
        count = self.first[paintings + 1] - self.first[paintings]
        return self.rows[self.first[paintings] + which % count]

    def variants(self) -> int:
        """How many variants there are of paintings that are not kept for the test."""
        return int((np.diff(self.first) * (self.part != TEST)).sum())

    def hashed(self) -> hashlib._Hash:
        """A sha256 of ids, parts, labels and rows, to be fed with what else a run depends on."""
        hashed = hashlib.sha256()
        for number, text in enumerate(chain(self.ids, self.part)):
            hashed.update(f"\x1f{text}".encode() if number else text.encode())
        for column in (*self.labels.barred, self.labels.genre):
            hashed.update(column.numpy().tobytes())
        hashed.update(self.rows.tobytes() + self.first.tobytes())
        return hashed


def read_paintings(rows: PairRows, config: TrainConfig) -> Paintings:
    """The paintings of `pairs`, divided as the config says. ConfigError when there are too few."""
    count = len(rows.painting_ids)
    if count < MIN_PAINTINGS:
        raise ConfigError(f"training needs at least {MIN_PAINTINGS} paintings in the train split, got {count}")
    genres, artists, groups = (c[rows.first_row] for c in (rows.genres, rows.artists, rows.groups))
    part = divide(config.split, rows.painting_ids, groups, genres, artists, config.validation_share, config.seed)
    if not {TRAIN, VALIDATION} <= set(part):
        raise ConfigError(f"the split '{config.split}' leaves nothing to train on or to validate on: use another split")
    codes = [_codes(labels) for labels in (artists, groups, genres)]
    labels = Labels((torch.arange(count), *(codes if config.mask_genre else codes[:2])), codes[2])
    barred = (*labels.barred, *([codes[2]] if config.loss == "triplet" else []))
    for side, use in ((TRAIN, "train on"), (VALIDATION, "validate on")):
        _need_negatives(barred, np.flatnonzero(part == side), use)
    first = np.concatenate([[0], np.cumsum(np.bincount(rows.painting))])
    return Paintings(rows.painting_ids, part, labels, np.argsort(rows.painting, kind="stable"), first)


def _need_negatives(barred: Sequence[Tensor], chosen: np.ndarray, use: str) -> None:
    """ConfigError when any two of the chosen paintings share a label: every loss is 0 then, so that nothing is learned,
    or no epoch is better than another.

    ``barred``: label vectors (paintings,) of which negatives share none. ``use``: what the chosen are there for.
    """
    if all(bool(shared(*((column[[at]], column[chosen]) for column in barred)).all()) for at in chosen):
        raise ConfigError(
            f"none of the {len(chosen)} paintings to {use} can be another's negative: all are by one artist, "
            "near-duplicates, or of one genre where that counts; add paintings by others, or take another split or seed"
        )


def result_of(
    paintings: Paintings, out: Path, best_epoch: int, history: list[dict[str, float]], seconds: float
) -> TrainResult:
    """What a run did."""
    trained, validated = len(paintings.of(TRAIN)), len(paintings.of(VALIDATION))
    return TrainResult(out, best_epoch, history, trained, paintings.variants(), validated, seconds)


def facts_of(
    paintings: Paintings, config: TrainConfig, result: TrainResult, dataset_name: str, parameters: int
) -> dict[str, Any]:
    """What `artsim.json` says of a run. ``split``: the scheme, the seed that drew it, how many paintings each part has;
    which they are is in `parts.json`."""
    sizes = {part: len(paintings.of(part)) for part in (TRAIN, VALIDATION, TEST)}
    return {
        "config": asdict(config),
        "dataset": dataset_name,
        **asdict(result),
        "path": result.path.name,
        "parameters": parameters,
        "split": {"scheme": config.split, "seed": config.seed, **sizes},
    }


def read_captions(dataset: Dataset, rows: PairRows, part: np.ndarray) -> tuple[dict[int, str], dict[int, str]]:
    """The caption of each painting and of each variant that is not kept for the test, by painting and by row.

    ConfigError when one is missing.
    """
    kept = np.flatnonzero(part[rows.painting] != TEST).tolist()
    columns: list[dict[int, str]] = []
    for name in ("caption", "generated_caption"):
        column: list[str | None] = list(dataset[name])
        texts = {row: (column[row] or "").strip() for row in kept}
        empty = [row for row, text in texts.items() if not text]
        if empty:
            raise ConfigError(
                f"training with captions needs one in every row, and {len(empty)} of {len(texts)} have no {name}, "
                f"'{rows.ids[empty[0]]}' first: build with a preset that captions, or train without captions"
            )
        columns.append(texts)
    return {int(rows.painting[row]): columns[0][row] for row in reversed(kept)}, columns[1]


def _codes(labels: np.ndarray) -> Tensor:
    """Integers for names, -1 for the empty one."""
    names, codes = np.unique(labels, return_inverse=True)
    return torch.from_numpy(np.where(names[codes] == "", -1, codes))
