"""One run of CSD's protocol: a source, an encoder or a trained model, every task answered, the bare encoder beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import Looks, Progress, embed_all
from artsim_dataset.model import SimilarityModel, unit
from artsim_dataset.retrieval.protocol import Retrieval, Side, Unanswerable, retrieve
from artsim_dataset.retrieval.sources import Source

BLOCK = 4096


@dataclass(frozen=True)
class RetrievalEvaluation:
    """``tasks``: a :class:`Retrieval` for each task that can be answered. ``baseline``: those of the bare encoder,
    empty for one, and for a model trained end to end, which has no other."""

    encoder: str
    model: str | None
    dataset: str
    split: str
    seed: int
    tasks: Mapping[str, Retrieval]
    baseline: Mapping[str, Retrieval]

    def to_json(self) -> dict[str, Any]:
        facts = {"protocol": "csd", "encoder": self.encoder, "model": self.model, "dataset": self.dataset,
                 "split": self.split, "seed": self.seed}  # fmt: skip
        tasks = {name: found.to_json() for name, found in self.tasks.items()}
        baseline = {name: found.to_json() for name, found in self.baseline.items()}
        return {**facts, "tasks": tasks, **({"baseline": baseline} if baseline else {})}


def evaluate_retrieval(
    source: Source,
    subject: SimilarityModel | Encoder,
    seed: int = 42,
    dataset_name: str = "",
    cache: EmbeddingCache | None = None,
    progress: Progress | None = None,
) -> RetrievalEvaluation:
    """Embeds the pictures of ``source``, whole, and answers its tasks. ``seed`` draws the bootstrap.

    A task that cannot be answered (no artist on both sides, say) is left out as long as another can be; ConfigError
    when none can.
    """
    model, encoder = (subject, subject.encoder) if isinstance(subject, SimilarityModel) else (None, subject)
    store = EmbeddingCache(encoder) if cache is None else cache
    (found,) = embed_all(source.rows, [Looks(source.row, source.column)], encoder, store, progress)
    positions = found[:, 0]

    def answers(project: Callable[[np.ndarray], np.ndarray]) -> dict[str, Retrieval]:
        blocks = [project(store.take(positions[at : at + BLOCK])) for at in range(0, len(positions), BLOCK)]
        vectors = np.concatenate(blocks).astype(np.float32)
        return _answered(source, vectors, seed, progress)

    bare = answers(unit)
    tasks, baseline = (answers(model.project), bare) if model and model.layers else (bare, {})
    return RetrievalEvaluation(
        encoder.name, model.name if model else None, dataset_name, source.split, seed, tasks, baseline
    )


def _answered(source: Source, vectors: np.ndarray, seed: int, progress: Progress | None) -> dict[str, Retrieval]:
    found: dict[str, Retrieval] = {}
    sides = [np.flatnonzero(source.query == flag) for flag in (True, False)]
    for task in source.tasks:
        queries, database = (Side(vectors, task.labels, task.pools).at(rows) for rows in sides)
        try:
            found[task.name] = retrieve(queries, database, seed=seed, progress=progress)
        except Unanswerable:
            continue
    if not found:
        raise Unanswerable(
            f"none of {len(sides[0])} queries can be answered by {len(sides[1])} pictures ({source.split}): they share "
            "no artist, genre or domain"
        )
    return found
