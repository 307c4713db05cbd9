"""How well texts and images agree, for encoders that read both: CLIPScore, and finding one by the other.

The text of a variant is the prompt that its generator read. A generator that reads no prompt (`lite`) is measured
all the same: its numbers are the floor that the prompt's painting alone gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from artsim_dataset import metrics
from artsim_dataset.blocks import blocks
from artsim_dataset.encoders import Encoder, TextEncoder
from artsim_dataset.model import unit

if TYPE_CHECKING:
    from datasets import Dataset

BLOCK = 512
WEIGHT = 100
"""Of CLIPScore: 0 to 100, as torchmetrics has it; the paper's is 2.5."""


def align(dataset: Dataset, encoder: Encoder, variants: np.ndarray) -> dict[str, float] | None:
    """Agreement of each row's ``prompt_compressed`` with its variant; None when encoder or data set have no text.

    Args:
        dataset: one split of `pairs`.
        encoder: one with ``encode_text``, whose vectors lie in the space of its images.
        variants: the encoder's unit vectors of the variants, (rows, d), in the order of the rows.

    Returns:
        ``clip_score`` (0 to 100), the same by level, and recall@1, recall@5 and mean reciprocal rank of the variant
        among all variants for its prompt (``prompt_to_image_...``), and the other way round (``image_to_prompt_...``).
    """
    if not isinstance(encoder, TextEncoder):
        return None
    columns: Any = dataset.select_columns(["prompt_compressed", "level"]).with_format("arrow")[:]
    prompts, levels = (columns[name].fill_null("") for name in ("prompt_compressed", "level"))
    if pc.any(pc.equal(prompts, "")).as_py():
        return None
    some = (prompts.slice(at, BLOCK).to_pylist() for at in range(0, len(prompts), BLOCK))
    texts = np.concatenate([unit(encoder.encode_text(block)) for block in some])
    numbers = {"clip_score": metrics.clip_score(variants, texts, WEIGHT)}
    for level in sorted(set(levels.unique().to_pylist()) - {""}):
        at = pc.equal(levels, level).to_numpy()
        numbers[f"clip_score_{level}"] = metrics.clip_score(variants[at], texts[at], WEIGHT)
    for name, queries, candidates in (("prompt_to_image", texts, variants), ("image_to_prompt", variants, texts)):
        rank = _ranks(queries, candidates)
        hit = metrics.target_hits(rank, 5)
        numbers |= {f"{name}_recall@{k}": metrics.recall_at_k(hit, k) for k in (1, 5)}
        numbers[f"{name}_mrr"] = metrics.mrr(rank)
    return numbers


def _ranks(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """0-based rank of candidate i for query i, in blocks."""
    own = np.arange(len(queries))
    parts = blocks(len(queries), len(candidates), BLOCK)
    return np.concatenate([metrics.ranks(queries[block] @ candidates.T, own[block]) for block in parts])
