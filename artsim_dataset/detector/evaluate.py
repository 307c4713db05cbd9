"""Evaluates a detector: by generator, under degradations, beside what the file formats alone give away.

Each generator is scored against the originals of its own data sets. With one variant of a painting both classes are of
one size and 0.5 is chance; with more, accuracy, precision and ECE lean towards the variants. Numbers over all
generators are means over them, never over images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from artsim_dataset.detector.baseline import FormatBaseline, format_baseline
from artsim_dataset.detector.model import BATCH, Detector, EmbeddingJudge
from artsim_dataset.detector.pipeline import draw_recipe
from artsim_dataset.detector.robustness import DEGRADATIONS, Degradation, Degraded
from artsim_dataset.detector.rows import DetectorRows
from artsim_dataset.detector.scores import ROUNDS, DetectorScores, score
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import Progress

NONE = Degradation()
FEW_ROUNDS = 100


@dataclass(frozen=True)
class DetectorEvaluation:
    """``generators``: scores by generator, of pictures as they are; ``robustness``: by degradation and generator;
    ``formats``: the baseline that looks at no pixel, on the published files and after the pipeline, by generator."""

    generators: Mapping[str, DetectorScores]
    robustness: Mapping[str, Mapping[str, DetectorScores]]
    formats: Mapping[str, Mapping[str, FormatBaseline]]
    paintings: int
    images: int
    left_out: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "paintings": self.paintings,
            "images": self.images,
            "left_out": self.left_out,
            "generators": {name: scores.to_json() for name, scores in self.generators.items()},
            "robustness": {
                name: {generator: scores.to_json() for generator, scores in by.items()}
                for name, by in self.robustness.items()
            },
            "formats": {
                name: {where: found.to_json() for where, found in by.items()} for name, by in self.formats.items()
            },
        }


@dataclass(frozen=True)
class UnseenGenerator:
    """A detector trained without ``generator``: how it does on that one (``unseen``) and on those it knows (``seen``),
    all on paintings of the test side."""

    generator: str
    unseen: DetectorScores
    seen: Mapping[str, DetectorScores]

    @classmethod
    def of(
        cls, rows: DetectorRows, detector: Detector, generator: str, seed: int, cache: EmbeddingCache | None
    ) -> UnseenGenerator:
        """Scores a detector that was trained without ``generator``."""
        scores = _by_generator(rows, detector, NONE, seed, cache)
        return cls(generator, scores[generator], {n: found for n, found in scores.items() if n != generator})

    def to_json(self) -> dict[str, Any]:
        seen = {name: scores.to_json() for name, scores in self.seen.items()}
        return {"generator": self.generator, "unseen": self.unseen.to_json(), "seen": seen}


def evaluate_detector(
    datasets: Sequence[str | Path],
    detector: Detector,
    seed: int = 42,
    cache: EmbeddingCache | None = None,
    progress: Progress | None = None,
) -> DetectorEvaluation:
    """Evaluates ``detector`` on the test side of `real_vs_ai` of these data sets.

    The generators need not be those it was trained on: that is the question. Paintings that it was trained on are left
    out, whatever side they are on here; ``left_out`` says how many images that took.

    Raises:
        ConfigError: a side without originals or variants, or nothing is left to test on.
    """
    rows = DetectorRows(datasets)
    left_out = rows.leave_out(detector.trained_on)
    if isinstance(detector.judge, EmbeddingJudge) and cache is None:
        cache = EmbeddingCache(detector.judge.encoder)
    return replace(evaluate_rows(rows, detector, seed, cache, progress), left_out=left_out)


def evaluate_rows(
    rows: DetectorRows,
    detector: Detector,
    seed: int,
    cache: EmbeddingCache | None = None,
    progress: Progress | None = None,
) -> DetectorEvaluation:
    """As :func:`evaluate_detector`, of rows that were read already."""
    robustness = {}
    for number, degradation in enumerate(DEGRADATIONS, 1):
        robustness[degradation.name] = _by_generator(rows, detector, degradation, seed, cache, FEW_ROUNDS)
        if progress:
            progress("degrade", number, len(DEGRADATIONS))
    tested = rows.tested
    return DetectorEvaluation(
        _by_generator(rows, detector, NONE, seed, cache),
        robustness,
        {generator: formats_of(rows, generator, seed) for generator in rows.all_generators},
        len(set(rows.paintings[tested].tolist())),
        int(tested.sum()),
    )


def _by_generator(
    rows: DetectorRows,
    detector: Detector,
    degradation: Degradation,
    seed: int,
    cache: EmbeddingCache | None,
    rounds: int = ROUNDS,
) -> dict[str, DetectorScores]:
    tested = np.flatnonzero(rows.tested)
    probability = np.full(len(rows), np.nan)
    probability[tested] = detector.calibrated(logits_of(rows, tested, detector, degradation, cache))
    scores = {}
    for generator in rows.all_generators:
        own = np.flatnonzero(rows.tested & rows.of_generator(generator))
        scores[generator] = score(probability[own], rows.is_ai[own], rows.parts[own], seed, rounds)
    return scores


def logits_of(
    rows: DetectorRows,
    chosen: np.ndarray,
    detector: Detector,
    degradation: Degradation,
    cache: EmbeddingCache | None = None,
) -> np.ndarray:
    """The judge's logits of rows whose images were degraded first, (n,). Embeddings come from the cache if given."""
    step = Degraded(degradation)
    wanted = [(int(row), step) for row in chosen]
    judge = detector.judge
    if isinstance(judge, EmbeddingJudge) and cache is not None:
        return judge.of_embeddings(cache.take(rows.embed(wanted, judge.encoder, cache)))
    return np.concatenate([judge.logits(batch) for batch in rows.prepared(wanted, BATCH)])


def formats_of(rows: DetectorRows, generator: str, seed: int) -> dict[str, FormatBaseline]:
    """The format baseline of a generator's variants and their originals, of both sides: ``published`` and
    ``pipeline``. It is cross-validated, so training rows do no harm and make it surer."""
    own = np.flatnonzero(rows.of_generator(generator)).tolist()
    labels, parts = rows.is_ai[own], rows.parts[own]
    published = [rows.data(row) for row in own]
    piped = [draw_recipe(rows.paintings[row], 0, seed).encode(rows.image(row)) for row in own]
    return {
        "published": format_baseline(published, labels, parts, seed),
        "pipeline": format_baseline(piped, labels, parts, seed),
    }
