"""Evaluates a model or an encoder on one split of `pairs`: one pass as is, one with every variant perturbed.

Anchors are the originals of the split, positives their variants, negatives the originals of other genres. A painting
with several variants is one original. The perturbed pass is the honest one (see `views`), and a model is always shown
beside its own encoder without a head: a number without a baseline says little.

Similarities are computed in blocks of anchors; no array grows with the square of the number of paintings except the
sampled negatives, which stop at ``MAX_NEGATIVES``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from datasets import Dataset

from artsim_dataset import metrics
from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import PairRows, Progress, Wanted, embed
from artsim_dataset.errors import ConfigError
from artsim_dataset.model import SimilarityModel, unit
from artsim_dataset.schema import seed_from
from artsim_dataset.views import FULL, perturbation

BLOCK = 256
MAX_NEGATIVES = 200_000
TIE = 1e-6
"""Cosines this close are a tie, and a tie is wrong. Equal vectors differ by rounding; a blind model must score 0."""
BOOTSTRAP_ROUNDS = 1000
EXAMPLES = 6
UNTRAINED_TAU = 0.07


@dataclass(frozen=True)
class Example:
    """A triplet with the anchor's hardest negative, and both cosines. ``negative_id`` is a painting id."""

    anchor_id: str
    positive_id: str
    negative_id: str
    positive_similarity: float
    negative_similarity: float


@dataclass(frozen=True)
class Scores:
    """The numbers of one pass. ``ci``: 95 % bootstrap intervals over paintings. ``positives`` (variants,) and
    ``negatives`` (at most 200,000) are cosines for the report's plots; ``examples`` has best, typical and worst."""

    numbers: Mapping[str, float]
    ci: Mapping[str, tuple[float, float]]
    per_genre: Mapping[str, Mapping[str, float]]
    per_level: Mapping[str, Mapping[str, float]]
    positives: np.ndarray = field(repr=False)
    negatives: np.ndarray = field(repr=False)
    examples: Mapping[str, list[Example]] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        return {
            **self.numbers,
            "ci95": {name: list(interval) for name, interval in self.ci.items()},
            "per_genre": {name: dict(values) for name, values in self.per_genre.items()},
            "per_level": {name: dict(values) for name, values in self.per_level.items()},
        }


@dataclass(frozen=True)
class Evaluation:
    """What was evaluated and how it did. ``baseline`` is the result of a model's bare encoder; that has none itself."""

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
    baseline: Evaluation | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain numbers: those of the pass as is at the top, the others under ``perturbed`` and ``baseline``."""
        facts = {"encoder": self.encoder, "model": self.model, "dataset": self.dataset, "split": self.split,
                 "seed": self.seed, "tau": self.tau, "n_paintings": self.n_paintings,
                 "n_variants": self.n_variants}  # fmt: skip
        baseline = {"baseline": self.baseline.to_json()} if self.baseline else {}
        return {**self.as_is.to_json(), "perturbed": self.perturbed.to_json(), **facts, **baseline}


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
    wanted = [Wanted(int(row), "original", FULL) for row in rows.first_row]
    wanted += [Wanted(row, "generated", FULL) for row in range(len(rows))]
    wanted += [Wanted(row, "generated", perturbation(id_, seed)) for row, id_ in enumerate(rows.ids)]
    store = EmbeddingCache(encoder) if cache is None else cache
    positions = np.split(
        embed(rows, wanted, encoder, store, progress), [len(rows.first_row), len(rows.first_row) + len(rows)]
    )

    def measured(
        project: Callable[[np.ndarray], np.ndarray], tau: float, name: str | None, baseline: Evaluation | None
    ) -> Evaluation:
        originals, as_is, perturbed = (_projected(store, part, project) for part in positions)
        return Evaluation(
            encoder.name, name, dataset_name, split, seed, tau, len(originals), len(rows),
            score(rows, originals, as_is, tau, seed), score(rows, originals, perturbed, tau, seed), baseline,
        )  # fmt: skip

    untrained = measured(unit, UNTRAINED_TAU, None, None)
    return measured(model.project, model.tau, model.name, untrained) if model else untrained


def _projected(store: EmbeddingCache, positions: np.ndarray, project: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Unit vectors of cached embeddings, projected block by block."""
    blocks = [project(store.take(positions[at : at + BLOCK])) for at in range(0, len(positions), BLOCK)]
    return np.concatenate(blocks).astype(np.float32)


@dataclass(frozen=True)
class _Tally:
    """Per variant: cosine with its original; other-genre negatives, how many are below it, their loss; the hardest one
    (index and cosine); 0-based rank of its original. ``negatives``: a sample of negative cosines."""

    positive: np.ndarray
    count: np.ndarray
    right: np.ndarray
    loss: np.ndarray
    hardest: np.ndarray
    hardest_similarity: np.ndarray
    rank: np.ndarray
    negatives: np.ndarray


def score(rows: PairRows, originals: np.ndarray, variants: np.ndarray, tau: float, seed: int) -> Scores:
    """All numbers of one pass. ``originals`` (paintings, d) and ``variants`` (rows, d) are unit vectors."""
    tally = _tally(rows, originals, variants, tau, seed)
    everything = np.arange(len(rows))
    numbers = _numbers(tally, everything)
    numbers |= {
        "roc_auc": metrics.roc_auc(tally.positive, tally.negatives),
        "average_precision": metrics.average_precision(tally.positive, tally.negatives),
        "eer": metrics.eer(tally.positive, tally.negatives),
        "tpr@fpr=1%": metrics.tpr_at_fpr(tally.positive, tally.negatives, 0.01),
    }
    ci = {
        name: metrics.bootstrap_ci(lambda at, name=name: _numbers(tally, at)[name], rows.painting,  # type: ignore[misc]
                                   seed_from("bootstrap", seed), BOOTSTRAP_ROUNDS)
        for name in ("triplet_accuracy", "recall@1")
    }  # fmt: skip

    def by(labels: np.ndarray) -> dict[str, dict[str, float]]:
        found = {name: np.flatnonzero(labels == name) for name in sorted(set(labels.tolist()))}
        return {name: {**_numbers(tally, at), "n_variants": len(at)} for name, at in found.items()}

    return Scores(
        numbers, ci, by(rows.genres), by(rows.levels), tally.positive, tally.negatives, _examples(rows, tally)
    )


def _numbers(tally: _Tally, at: np.ndarray) -> dict[str, float]:
    """The metrics that are means over variants or triplets, for the rows ``at``."""
    rank, triplets = tally.rank[at], max(1, int(tally.count[at].sum()))
    hit = metrics.target_hits(rank, 5)
    return {
        "triplet_accuracy": float(tally.right[at].sum() / triplets),
        "recall@1": metrics.recall_at_k(hit, 1),
        "recall@5": metrics.recall_at_k(hit, 5),
        "mrr": metrics.mrr(rank),
        "loss": float(tally.loss[at].sum() / triplets),
    }


def _tally(rows: PairRows, originals: np.ndarray, variants: np.ndarray, tau: float, seed: int) -> _Tally:
    """One walk over blocks of variants: each against all originals, and its anchor against all originals."""
    genre = rows.genres[rows.first_row]
    draw = np.random.default_rng(seed_from("negatives", seed))
    share = min(1.0, MAX_NEGATIVES / (len(rows) * len(originals)))
    parts: list[tuple[np.ndarray, ...]] = []
    for at in range(0, len(rows), BLOCK):
        block = slice(at, at + BLOCK)
        anchor = rows.painting[block]
        positive = (originals[anchor] * variants[block]).sum(1)
        counted = genre[anchor][:, None] != genre[None]
        negative = np.where(counted, originals[anchor] @ originals.T, -np.inf)
        right = counted & (positive[:, None] > negative + TIE)
        loss = np.logaddexp(0, (negative - positive[:, None]) / tau)
        hardest = negative.argmax(1)
        parts.append((
            positive, counted.sum(1), right.sum(1), loss.sum(1),
            hardest, negative[np.arange(len(anchor)), hardest], metrics.ranks(variants[block] @ originals.T, anchor),
            negative[counted & (draw.random(negative.shape) < share)],
        ))  # fmt: skip
    return _Tally(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _examples(rows: PairRows, tally: _Tally) -> dict[str, list[Example]]:
    """Triplets with their hardest negative, by margin: the widest, the middle, the narrowest (wrong ones first)."""
    margin = tally.positive - tally.hardest_similarity
    order = np.argsort(-margin, kind="stable")
    order = order[tally.count[order] > 0]
    shown = min(EXAMPLES, len(order))
    middle = (len(order) - shown) // 2

    def example(row: int) -> Example:
        values = float(tally.positive[row]), float(tally.hardest_similarity[row])
        anchor, negative = rows.painting_ids[rows.painting[row]], rows.painting_ids[tally.hardest[row]]
        return Example(str(anchor), str(rows.ids[row]), str(negative), *values)

    chosen = {"best": order[:shown], "typical": order[middle : middle + shown], "worst": order[::-1][:shown]}
    return {name: [example(int(row)) for row in picked] for name, picked in chosen.items()}
