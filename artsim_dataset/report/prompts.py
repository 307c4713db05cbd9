"""What the prompts of a data set are like: how long, what they ask for most often, what compression leaves out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from artsim_dataset.schema import MAX_PROMPT_TOKENS

WORD = re.compile(r"[^\W\d_][\w'\u2019-]{2,}")
COMMON = frozenset(
    WORD.findall("""
        about after against all also and any are around back been before behind being beneath between both but can each
        else ever every far few for from had has have her here his how into its itself just keep keeps kept let like
        made make many may more most much must not now off one only onto other our out over own same she should show
        shown shows since some still such than that the their them then there these they thing this those through too
        turn under until upon use very was were what when where which while who whole whose will with within without
        would you your
    """)
)
"""Words that say nothing of a picture, and those that every prompt begins with."""
LISTED = 15
LONGEST = 512
"""Tokens: longer prompts count as this long in the histogram."""


class Prompts:
    """Looks at batches of prompts and keeps counts alone: by level, tokens before and after, and words.

    Args:
        count: CLIP tokens of a text, without the marks at both ends.
    """

    def __init__(self, count: Callable[[str], int]) -> None:
        self._count = count
        self._levels: dict[str, _Level] = {}

    def look(self, batch: pa.RecordBatch) -> None:
        """``batch``: columns level, prompt_complete, prompt_compressed, prompt_tokens. Rows without a prompt pass."""
        columns = (batch.column(name).to_pylist() for name in batch.schema.names)
        for level, complete, compressed, tokens in zip(*columns, strict=True):
            if complete:
                known = self._levels.setdefault(level, _Level())
                known.add(self._count(complete), tokens, _words(complete), _words(compressed))

    def to_json(self) -> dict[str, Any]:
        """By level: prompts, tokens before and after, words with the share of prompts that have them."""
        return {level: self._levels[level].to_json() for level in sorted(self._levels)}


class _Level:
    def __init__(self) -> None:
        self.before, self.after = np.zeros(LONGEST + 1, np.int64), np.zeros(LONGEST + 1, np.int64)
        self.shortened = self.lost = 0
        self.kept: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()

    def add(self, before: int, after: int, complete: frozenset[str], compressed: frozenset[str]) -> None:
        self.before[min(before, LONGEST)] += 1
        self.after[min(after, LONGEST)] += 1
        self.shortened += after < before
        self.kept.update(compressed)
        self.dropped.update(complete - compressed)

    def to_json(self) -> dict[str, Any]:
        prompts = int(self.before.sum())
        return {
            "prompts": prompts,
            "tokens_before": _summary(self.before),
            "tokens_after": _summary(self.after),
            "shortened": self.shortened / prompts,
            "over_limit_before": float(self.before[MAX_PROMPT_TOKENS + 1 :].sum() / prompts),
            "over_limit_after": float(self.after[MAX_PROMPT_TOKENS + 1 :].sum() / prompts),
            "words": _shares(self.kept, prompts),
            "dropped": _shares(self.dropped, prompts),
            "histogram": {"before": _trimmed(self.before), "after": _trimmed(self.after)},
        }


def _words(text: str) -> frozenset[str]:
    return frozenset(WORD.findall(text.lower())) - COMMON


def _summary(histogram: np.ndarray) -> dict[str, float]:
    """Mean, least, quantiles and most of what a histogram over 0, 1, 2, ... holds."""
    total, reached = histogram.sum(), np.cumsum(histogram)
    at = {
        name: int(np.searchsorted(reached, share * total))
        for name, share in (("low", 0.05), ("median", 0.5), ("high", 0.95))
    }
    seen = np.flatnonzero(histogram)
    mean = float((np.arange(len(histogram)) * histogram).sum() / total)
    return {"mean": round(mean, 2), "least": int(seen[0]), **at, "most": int(seen[-1])}


def _shares(words: Counter[str], prompts: int) -> list[dict[str, Any]]:
    common = sorted(words.items(), key=lambda item: (-item[1], item[0]))[:LISTED]
    return [{"word": word, "prompts": n, "share": n / prompts} for word, n in common]


def _trimmed(histogram: np.ndarray) -> list[int]:
    return [int(n) for n in histogram[: int(np.flatnonzero(histogram)[-1]) + 1]]
