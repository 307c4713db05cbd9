"""What assembling looks at: the stage outputs, and a catalogue of their light columns with groups and splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from artsim_dataset import schema
from artsim_dataset.splits import assign_splits, group_paintings
from artsim_dataset.triplets import Work
from builder.config import BuildConfig
from builder.shards import StageFolder, read_rows
from builder.stage import Reject, Row

LIGHT = (
    *(
        "id",
        "painting_id",
        "genre",
        "artist",
        "level",
        "caption",
        "generated_caption",
        "phash",
        "thumb",
        "style_vector",
    ),
    *("prompt_tokens", "prompt_complete_tokens", "generator"),
)


@dataclass(frozen=True)
class Inputs:
    """What assembling reads: the stage outputs, the settings, and what the stages rejected."""

    folders: Sequence[StageFolder]
    shards: Sequence[str]
    config: BuildConfig
    rejects: Sequence[Reject]
    stages: Sequence[dict[str, Any]]
    digest: str


class Catalogue:
    """The light columns of all variants, and what is derived from looking at all of them: groups and splits."""

    def __init__(self, inputs: Inputs) -> None:
        self.variants: list[Row] = []
        for shard in inputs.shards:
            rows = read_rows(inputs.folders, shard, LIGHT)
            self.variants += [{c: row[c] for c in LIGHT} for row in rows]
        self.paintings: dict[str, Row] = {}
        for row in self.variants:
            self.paintings.setdefault(row["painting_id"], row)
        ids = list(self.paintings)
        groups = group_paintings(
            ids,
            [self.paintings[i]["phash"] for i in ids],
            np.stack([np.frombuffer(self.paintings[i]["thumb"], np.uint8) for i in ids]),
            np.stack([np.frombuffer(self.paintings[i]["style_vector"], np.float32) for i in ids]),
        )
        self.group = dict(zip(ids, groups, strict=True))
        splits = assign_splits(
            ids,
            groups,
            [self.paintings[i]["genre"] for i in ids],
            [schema.slug(self.paintings[i]["artist"]) for i in ids],
            scheme=inputs.config.split.scheme,
            train_share=inputs.config.split.train,
            seed=inputs.config.seed,
        )
        self.split = dict(zip(ids, splits, strict=True))
        self.variant = {row["id"]: row for row in self.variants}

    def embeddings(self) -> dict[str, np.ndarray]:
        """The style vector of each painting."""
        return {i: np.frombuffer(row["style_vector"], np.float32) for i, row in self.paintings.items()}

    def works(self) -> dict[str, Work]:
        return {i: Work(row["genre"], self.split[i], self.group[i]) for i, row in self.paintings.items()}
