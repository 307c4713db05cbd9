"""Writes the data set of a case study: one config, `images`, of what a generator made from prompts alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from artsim_dataset import schema
from artsim_dataset.features import STUDY_FEATURES
from artsim_dataset.version import __version__
from builder.card import common_facts
from builder.catalogue import Inputs
from builder.seal import seal, write_rejects
from builder.shards import read_rows
from builder.stage import Reject
from builder.tables import SplitWriter

SPLIT = "train"


def write_study(inputs: Inputs, out: Path, mark: str) -> tuple[dict[str, dict[str, int]], list[Reject]]:
    """Writes everything into the new folder ``out``. Returns the rows by config and split, and all rejects."""
    out.mkdir()
    features = STUDY_FEATURES["images"]
    counts: Counter[str] = Counter()
    with SplitWriter(out / "images", SPLIT, features) as writer:
        for shard in inputs.shards:
            for row in read_rows(inputs.folders, shard, [*schema.STUDY_COLUMNS]):
                counts[row["artist"]] += 1
                row["image"] = {"bytes": row["image"], "path": f"{row['id'].replace('/', '_')}.jpg"}
                writer.write({column: row[column] for column in schema.STUDY_COLUMNS})
    rows = {"images": {SPLIT: writer.rows}}
    write_rejects(out, inputs.rejects)
    seal(out, mark, _describe(inputs, rows, counts, inputs.rejects), "builder/study_card.md")
    return rows, list(inputs.rejects)


def _describe(
    inputs: Inputs, rows: dict[str, dict[str, int]], artists: Counter[str], rejects: Sequence[Reject]
) -> dict[str, Any]:
    return {
        "artsim": __version__,
        **common_facts(inputs, rows, rejects),
        "artists": dict(sorted(artists.items())),
    }
