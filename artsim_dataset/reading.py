"""How the report's numbers are named, explained and written. No number is computed here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup

PERCENT = "\u00a0%"


@dataclass(frozen=True)
class Metric:
    """A metric as a reader meets it. ``style``: percent or decimal. ``lower``: smaller is better."""

    key: str
    name: str
    style: str
    reading: str
    lower: bool = False


METRICS: tuple[Metric, ...] = (
    Metric(
        "triplet_accuracy",
        "Triplet accuracy",
        "percent",
        "Share of triplets in which a painting is more similar to its variant than to a painting of another genre, "
        "over all such paintings of the split; a tie counts as wrong.",
    ),
    Metric(
        "triplet_accuracy_same_genre",
        "Triplet accuracy, same genre",
        "percent",
        "The same against the other paintings of its own genre, near-duplicates left out: the harder question.",
    ),
    Metric(
        "recall@1",
        "Recall@1",
        "percent",
        "Share of variants whose own painting is the most similar one among all paintings of the split.",
    ),
    Metric("recall@5", "Recall@5", "percent", "The same, when it is enough to be among the first five."),
    Metric(
        "mrr",
        "Mean reciprocal rank",
        "decimal",
        "The mean of 1/rank of the own painting: 1 when it is always first, 0.5 when it is always second.",
    ),
    Metric(
        "roc_auc",
        "ROC AUC",
        "decimal",
        "The chance that a random positive pair is more similar than a random negative one; a tie counts half.",
    ),
    Metric(
        "average_precision",
        "Average precision",
        "decimal",
        "Precision averaged over all positive pairs, when all pairs are listed from the most to the least similar.",
    ),
    Metric(
        "eer",
        "Equal error rate",
        "percent",
        "The error at the threshold where the share of positive pairs missed is the share of negative pairs that pass.",
        lower=True,
    ),
    Metric(
        "tpr@fpr=1%",
        "Found at 1\u00a0% false alarms",
        "percent",
        "The share of positive pairs above a threshold that at most 1\u00a0% of the negative pairs pass.",
    ),
    Metric(
        "loss",
        "Loss",
        "decimal",
        "Triplet InfoNCE: 0 is certainty, 0.693 a coin toss. It depends on the temperature, so compare it only "
        "between models of the same one.",
        lower=True,
    ),
)
SPACE: tuple[tuple[tuple[str, ...], Metric], ...] = (
    (
        ("neighbours",),
        Metric(
            "same_genre",
            "Neighbours of the same genre",
            "percent",
            "Among the nearest other paintings of a painting, the share that is of its genre.",
        ),
    ),
    (
        ("neighbours",),
        Metric("same_genre_chance", "\u2026 by chance", "percent", "The share that blind neighbours would have."),
    ),
    (
        ("neighbours",),
        Metric(
            "same_artist", "Neighbours by the same artist", "percent", "The same for the artist, where one is named."
        ),
    ),
    (
        ("neighbours",),
        Metric("same_artist_chance", "\u2026 by chance", "percent", "The share that blind neighbours would have."),
    ),
    (
        ("neighbours",),
        Metric(
            "kept",
            "Neighbourhood kept",
            "percent",
            "The share of a painting's nearest others that are also the nearest of its variant.",
        ),
    ),
    (
        ("kmeans",),
        Metric(
            "nmi",
            "Clusters and genres, NMI",
            "decimal",
            "k-means with as many clusters as genres: 1 when they are the genres, 0 when they tell nothing of them.",
        ),
    ),
    (
        ("kmeans",),
        Metric("ari", "Clusters and genres, adjusted Rand", "decimal", "The same by pairs, corrected for chance."),
    ),
    (
        ("kmeans",),
        Metric("purity", "Purity", "percent", "The share of paintings whose genre is the commonest of their cluster."),
    ),
    (
        ("kmeans",),
        Metric(
            "silhouette", "Silhouette of the genres", "decimal", "Near 1: compact, far apart. About 0: they overlap."
        ),
    ),
)
"""Numbers on the space of paintings: where they stand below ``structure``, and how to read them."""

ALIGNMENT: tuple[Metric, ...] = (
    Metric("clip_score", "CLIPScore", "decimal", "100 times the mean cosine of prompt and variant, never below 0."),
    Metric("clip_score_moderate", "\u2026 of moderate variants", "decimal", "The same for one level."),
    Metric("clip_score_radical", "\u2026 of radical variants", "decimal", "The same for one level."),
    Metric(
        "prompt_to_image_recall@1",
        "Variant found by its prompt",
        "percent",
        "Share of prompts whose variant is the most similar of all variants.",
    ),
    Metric(
        "image_to_prompt_recall@1",
        "Prompt found by its variant",
        "percent",
        "Share of variants whose prompt is the most similar of all prompts.",
    ),
)
STYLES = {metric.key: metric.style for metric in (*METRICS, *(metric for _, metric in SPACE), *ALIGNMENT)}
STYLES |= dict.fromkeys(("share", "over_limit_before", "over_limit_after", "layout"), "percent")
STYLES |= dict.fromkeys(("mean", "variants_per_painting"), "tenths")

Step = str | int


class Numbers:
    """Looks numbers up in the report and writes them for people. A path is the keys from the top, in tuples or bare."""

    def __init__(self, report: Mapping[str, Any]) -> None:
        self._report = report

    def value(self, *path: Step) -> Any:
        """What stands at ``path``, or None when the evaluation did not measure it."""
        found: Any = self._report
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else found[key]
            if found is None:
                return None
        return found

    def number(self, *parts: Step | tuple[Step, ...]) -> Markup:
        """The number as text, in an element that carries its exact value and its path."""
        from markupsafe import Markup

        path = _flat(parts)
        value = self.value(*path)
        if value is None:
            return Markup('<span class="quiet" title="not measured">–</span>')
        key = json.dumps(path, ensure_ascii=False)
        return Markup('<data value="{}" data-key="{}">{}</data>').format(
            repr(value), key, written(str(path[-1]), value)
        )

    def text(self, *path: Step) -> str:
        """The number as plain text, a dash when it was not measured."""
        value = self.value(*path)
        return "–" if value is None else written(str(path[-1]), value)

    def between(self, path: tuple[Step, ...]) -> str:
        """The 95 % interval as text, empty when there is none."""
        ends = self.value(*path[:-1], "ci95", path[-1])
        if ends is None:
            return ""
        low, high = (written(str(path[-1]), end) for end in ends)
        return f"{low.removesuffix(PERCENT)}–{high}"

    def geometry(self, path: tuple[Step, ...]) -> str:
        """The CSS lengths of a bar from 0 to 1 with its interval."""
        value = self.value(*path) or 0.0
        low, high = self.value(*path[:-1], "ci95", path[-1]) or (value, value)
        return f"--v:{value:.4f};--lo:{low:.4f};--hi:{high:.4f}"


def _flat(parts: Iterable[Step | tuple[Step, ...]]) -> tuple[Step, ...]:
    return tuple(step for part in parts for step in (part if isinstance(part, tuple) else (part,)))


def written(key: str, value: float) -> str:
    """A number as it stands on the page; ``key`` decides how. What is not all or nothing is never rounded to it.

    >>> written("recall@1", 0.9771), written("recall@1", 0.9999), written("mrr", 0.98814), written("n_variants", 1310)
    ('97.7\xa0%', '>99.9\xa0%', '0.988', '1,310')
    """
    if isinstance(value, int):
        return f"{value:,}"
    if key == "guess":
        return f"{value:,.0f}" if value >= 1 and abs(value - round(value)) < 0.05 else f"about {value:.1f}"
    if STYLES.get(key) == "percent":
        return _rounded(100 * value, 1, 100).replace("100.0", "100") + PERCENT
    if STYLES.get(key) == "tenths":
        return f"{value:,.1f}"
    return _rounded(value, 3, 1).replace("-", "\u2212")


def _rounded(value: float, digits: int, whole: float) -> str:
    step = 10.0**-digits
    if whole - step / 2 <= value < whole:
        return f">{whole - step:.{digits}f}"
    return f"<{step:.{digits}f}" if 0 < value < step / 2 else f"{value:.{digits}f}"
