"""Evaluates a model or an encoder on one split of `pairs`: one pass as is, one with every variant perturbed.

What is counted stands in `scores`. The perturbed pass is the honest one (see `views`), and a model is always shown
beside its own encoder without a head: a number without a baseline says little. Beside the passes: what the space of
originals looks like (`structure`), and, for encoders that read text, how well prompts and variants agree (`alignment`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from datasets import Dataset

from artsim_dataset.alignment import align
from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import Looks, PairRows, Progress, embed_all
from artsim_dataset.errors import ConfigError
from artsim_dataset.model import SimilarityModel, unit
from artsim_dataset.schema import seed_from
from artsim_dataset.scores import BLOCK, Scores, score
from artsim_dataset.structure import MAP_PAINTINGS, Structure, structure
from artsim_dataset.views import FULL, perturbation

UNTRAINED_TAU = 0.07


@dataclass(frozen=True)
class Sample:
    """A seeded choice of paintings, each with its first variant, for the map: ids (n,), kinds (n,), vectors (n, d)."""

    ids: tuple[str, ...]
    kinds: tuple[str, ...]
    genres: tuple[str, ...]
    vectors: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Evaluation:
    """What was evaluated and how it did. ``baseline`` is the result of a model's bare encoder; that has none itself,
    nor has a model trained end to end: its encoder is the trained one.

    ``structure`` is None for fewer than three paintings; ``alignment`` for encoders that read no text. ``held_out``:
    not all of ``split``, but the paintings of it that the model held out when it was trained.
    """

    encoder: str
    model: str | None
    dataset: str
    split: str
    seed: int
    tau: float
    n_paintings: int
    n_variants: int
    as_is: Scores
    perturbed: Scores
    structure: Structure | None
    sample: Sample
    alignment: Mapping[str, float] | None = None
    baseline: Evaluation | None = None
    held_out: bool = False
    encoder_revision: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain numbers: those of the pass as is at the top, the others under ``perturbed`` and ``baseline``."""
        facts = {"encoder": self.encoder, "encoder_revision": self.encoder_revision, "model": self.model,
                 "dataset": self.dataset, "split": self.split, "seed": self.seed, "tau": self.tau,
                 "n_paintings": self.n_paintings, "n_variants": self.n_variants, "held_out": self.held_out}  # fmt: skip
        more: dict[str, Any] = {"structure": self.structure.to_json()} if self.structure else {}
        more |= {"alignment": dict(self.alignment)} if self.alignment else {}
        more |= {"baseline": self.baseline.to_json()} if self.baseline else {}
        return {**self.as_is.to_json(), "perturbed": self.perturbed.to_json(), **facts, **more}


def evaluate(
    dataset: Dataset,
    subject: SimilarityModel | Encoder,
    seed: int = 42,
    dataset_name: str = "",
    split: str = "test",
    cache: EmbeddingCache | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Evaluates ``subject`` on ``dataset``, one split of `pairs`. ``seed`` draws the perturbations and the bootstrap.

    Raises ConfigError when the split has fewer than two genres: there would be no negatives.
    """
    rows = PairRows(dataset)
    if len(set(rows.genres)) < 2:
        raise ConfigError(f"evaluation needs paintings of at least two genres, the split has only {rows.genres[0]}")
    model, encoder = (subject, subject.encoder) if isinstance(subject, SimilarityModel) else (None, subject)
    store = EmbeddingCache(encoder) if cache is None else cache
    looks = [
        Looks(rows.first_row, "original"),
        Looks(np.arange(len(rows)), "generated", lambda row: (FULL, perturbation(rows.ids[row], seed)), 2),
    ]
    found = embed_all(rows, looks, encoder, store, progress)
    at_originals, (at_variants, at_perturbed) = found[0][:, 0], found[1].T

    def measured(
        project: Callable[[np.ndarray], np.ndarray], tau: float, name: str | None, baseline: Evaluation | None
    ) -> Evaluation:
        originals, variants = (_projected(store, at, project) for at in (at_originals, at_variants))
        as_is = score(rows, originals, variants, tau, seed)
        space, sample = _structure(rows, originals, variants, seed), _sample(rows, originals, variants, seed)
        alignment = baseline.alignment if baseline else align(dataset, encoder, variants)
        variants = _projected(store, at_perturbed, project)  # in the place of those as they are
        return Evaluation(
            encoder.name, name, dataset_name, split, seed, tau, len(originals), len(rows), as_is,
            score(rows, originals, variants, tau, seed), space, sample, alignment, baseline,
            encoder_revision=encoder.revision,
        )  # fmt: skip

    if model and not model.layers:
        return measured(model.project, model.tau, model.name, None)
    untrained = measured(unit, UNTRAINED_TAU, None, None)
    return measured(model.project, model.tau, model.name, untrained) if model else untrained


def _projected(store: EmbeddingCache, positions: np.ndarray, project: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Unit vectors of cached embeddings, projected block by block."""
    blocks = [project(store.take(positions[at : at + BLOCK])) for at in range(0, len(positions), BLOCK)]
    return np.concatenate(blocks, dtype=np.float32)


def _structure(rows: PairRows, originals: np.ndarray, variants: np.ndarray, seed: int) -> Structure | None:
    if len(originals) < 3:
        return None
    genres, artists, groups = (column[rows.first_row] for column in (rows.genres, rows.artists, rows.groups))
    return structure(originals, variants, rows.painting, genres, artists, groups, seed)


def _sample(rows: PairRows, originals: np.ndarray, variants: np.ndarray, seed: int) -> Sample:
    drawn = np.fromiter((seed_from("map", id_, seed) for id_ in rows.painting_ids), np.int64, len(originals))
    chosen = np.sort(np.argsort(drawn, kind="stable")[:MAP_PAINTINGS])
    first = rows.first_row[chosen]
    return Sample(
        (*map(str, rows.painting_ids[chosen]), *map(str, rows.ids[first])),
        ("original",) * len(chosen) + ("variant",) * len(chosen),
        (*map(str, rows.genres[first]), *map(str, rows.genres[first])),
        np.concatenate([originals[chosen], variants[first]]),
    )
