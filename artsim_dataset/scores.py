"""The numbers of one pass over a split: unit vectors of originals and variants in, :class:`Scores` out.

Anchors are the originals, positives their variants. Negatives are originals of another genre, or, for the harder
``triplet_accuracy_same_genre``, other originals of the anchor's own genre; a near-duplicate of the anchor (one group)
is neither. A painting with several variants is one original.

Similarities are computed in blocks of anchors; no array grows with the square of the number of paintings except the
sampled negatives, which stop at ``MAX_NEGATIVES``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from artsim_dataset import metrics
from artsim_dataset.blocks import blocks
from artsim_dataset.encoders.embed import PairRows
from artsim_dataset.schema import seed_from

BLOCK = 256
MAX_NEGATIVES = 200_000
TIE = 1e-6
"""Cosines this close are a tie, and a tie is wrong. Equal vectors differ by rounding; a blind model must score 0."""
BOOTSTRAP_ROUNDS = 1000
EXAMPLES = 6
INTERVALS = ("triplet_accuracy", "triplet_accuracy_same_genre", "recall@1", "recall@5", "mrr")


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
    """The numbers of one pass.

    ``ci``: 95 % bootstrap intervals over paintings. ``per_genre``, ``per_level`` and ``per_artist`` (named artists)
    hold the means, ``n_variants``, and in ``ci95`` the 95 % Wilson interval of ``recall@1`` over the group's paintings:
    many groups are too small for a bootstrap. ``mistaken``: of the variants that do not find their painting, how many
    of each genre find one of which genre first. ``positives`` (variants,) and ``negatives`` (at most 200,000) are
    cosines for the report's plots; ``examples`` has best, typical and worst.
    """

    numbers: Mapping[str, float]
    ci: Mapping[str, tuple[float, float]]
    per_genre: Mapping[str, Mapping[str, Any]]
    per_level: Mapping[str, Mapping[str, Any]]
    per_artist: Mapping[str, Mapping[str, Any]] = field(repr=False)
    mistaken: Mapping[str, Mapping[str, int]]
    positives: np.ndarray = field(repr=False)
    negatives: np.ndarray = field(repr=False)
    examples: Mapping[str, list[Example]] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        tables = {"per_genre": self.per_genre, "per_level": self.per_level, "per_artist": self.per_artist}
        return {
            **self.numbers,
            "ci95": {name: list(interval) for name, interval in self.ci.items()},
            **{name: {label: dict(values) for label, values in table.items()} for name, table in tables.items()},
            "mistaken": {genre: dict(found) for genre, found in self.mistaken.items()},
        }


@dataclass(frozen=True)
class _Tally:
    """Per variant: cosine with its original; negatives of other genres, how many are below it, their loss; the same
    counts for negatives of its own genre; the hardest of the first (index and cosine); 0-based rank of its original;
    the most similar original that is not its own. ``negatives``: a sample of negative cosines."""

    positive: np.ndarray
    count: np.ndarray
    right: np.ndarray
    loss: np.ndarray
    same_count: np.ndarray
    same_right: np.ndarray
    hardest: np.ndarray
    hardest_similarity: np.ndarray
    rank: np.ndarray
    other: np.ndarray
    negatives: np.ndarray


def score(rows: PairRows, originals: np.ndarray, variants: np.ndarray, tau: float, seed: int) -> Scores:
    """All numbers of one pass. ``originals`` (paintings, d) and ``variants`` (rows, d) are unit vectors."""
    tally = _tally(rows, originals, variants, tau, seed)
    numbers = _numbers(tally, np.arange(len(rows)))
    ci = {
        name: metrics.bootstrap_ci(lambda at, name=name: _numbers(tally, at).get(name, np.nan), rows.painting,  # type: ignore[misc]
                                   seed_from("bootstrap", seed), BOOTSTRAP_ROUNDS)
        for name in INTERVALS if name in numbers
    }  # fmt: skip
    numbers |= {
        "roc_auc": metrics.roc_auc(tally.positive, tally.negatives),
        "average_precision": metrics.average_precision(tally.positive, tally.negatives),
        "eer": metrics.eer(tally.positive, tally.negatives),
        "tpr@fpr=1%": metrics.tpr_at_fpr(tally.positive, tally.negatives, 0.01),
    }

    def group(at: np.ndarray) -> dict[str, Any]:
        means = _numbers(tally, at)
        # Variants of one painting succeed and fail together, so paintings are counted and not variants.
        interval = metrics.wilson(means["recall@1"], len(np.unique(rows.painting[at])))
        return {**means, "n_variants": len(at), "ci95": {"recall@1": list(interval)}}

    def by(labels: np.ndarray) -> dict[str, dict[str, Any]]:
        names = sorted(set(labels.tolist()) - {""})
        return {name: group(np.flatnonzero(labels == name)) for name in names}

    return Scores(
        numbers, ci, by(rows.genres), by(rows.levels), by(rows.artists), _mistaken(rows, tally),
        tally.positive, tally.negatives, _examples(rows, tally),
    )  # fmt: skip


def _numbers(tally: _Tally, at: np.ndarray) -> dict[str, float]:
    """The metrics that are means over variants or triplets, for the rows ``at``.

    ``triplet_accuracy_same_genre`` is left out where no anchor has another painting of its genre.
    """
    rank, triplets, same = tally.rank[at], max(1, int(tally.count[at].sum())), int(tally.same_count[at].sum())
    hit = metrics.target_hits(rank, 5)
    return {
        "triplet_accuracy": float(tally.right[at].sum() / triplets),
        **({"triplet_accuracy_same_genre": float(tally.same_right[at].sum() / same)} if same else {}),
        "recall@1": metrics.recall_at_k(hit, 1),
        "recall@5": metrics.recall_at_k(hit, 5),
        "mrr": metrics.mrr(rank),
        "loss": float(tally.loss[at].sum() / triplets),
    }


def _tally(rows: PairRows, originals: np.ndarray, variants: np.ndarray, tau: float, seed: int) -> _Tally:
    """One walk over blocks of variants: each against all originals, and its anchor against all originals."""
    genre, group = (np.unique(of[rows.first_row], return_inverse=True)[1] for of in (rows.genres, rows.groups))
    draw = np.random.default_rng(seed_from("negatives", seed))
    share = min(1.0, MAX_NEGATIVES / (len(rows) * len(originals)))
    parts: list[tuple[np.ndarray, ...]] = []
    for block in blocks(len(rows), len(originals), BLOCK):
        anchor = rows.painting[block]
        positive = (originals[anchor] * variants[block]).sum(1)
        similarity = originals[anchor] @ originals.T
        below = positive[:, None] > similarity + TIE
        stranger = group[anchor][:, None] != group[None]
        other = genre[anchor][:, None] != genre[None]
        counted, same = other & stranger, ~other & stranger
        negative = np.where(counted, similarity, -np.inf)
        loss = np.logaddexp(0, (negative - positive[:, None]) / tau)
        hardest = negative.argmax(1)
        found = variants[block] @ originals.T
        rank = metrics.ranks(found, anchor)
        found[np.arange(len(anchor)), anchor] = -np.inf
        parts.append((
            positive, counted.sum(1), (counted & below).sum(1), loss.sum(1), same.sum(1), (same & below).sum(1),
            hardest, negative[np.arange(len(anchor)), hardest], rank, found.argmax(1),
            negative[counted & (draw.random(negative.shape) < share)],
        ))  # fmt: skip
    return _Tally(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _mistaken(rows: PairRows, tally: _Tally) -> dict[str, dict[str, int]]:
    """Genre of the painting -> genre of the painting found in its place -> variants. Both in order of name."""
    genre = rows.genres[rows.first_row]
    wrong = np.flatnonzero(tally.rank > 0)
    pairs = Counter(zip(genre[rows.painting[wrong]].tolist(), genre[tally.other[wrong]].tolist(), strict=True))
    table: dict[str, dict[str, int]] = {}
    for (own, other), n in sorted(pairs.items()):
        table.setdefault(own, {})[other] = n
    return table


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
