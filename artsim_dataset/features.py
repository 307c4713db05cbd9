"""The schema as `datasets` sees it: config name -> Features.

Only scalar columns and images: a list-typed feature written by `datasets` 4 or newer cannot be read by any
version before it (facts: 2.14, 2.19 and 3.6 refuse the whole file).
"""

from __future__ import annotations

from datasets import ClassLabel, Features, Image, Value

from artsim_dataset import schema

_INTEGERS = {"prompt_tokens", *schema.BOX_COLUMNS}
_IMAGES = {"original", "generated", "anchor", "positive", "negative", "image"}


def _feature(column: str) -> object:
    if column in _IMAGES:
        return Image()
    if column in _INTEGERS:
        return Value("int32")
    if column == "seed":
        return Value("int64")
    if column == "label":
        return ClassLabel(names=list(schema.LABELS))
    return Value("string")


def _features(columns: tuple[str, ...]) -> Features:
    return Features({column: _feature(column) for column in columns})


FEATURES: dict[str, Features] = {
    "pairs": _features(schema.PAIR_COLUMNS),
    "triplets": _features(schema.TRIPLET_COLUMNS),
    "triplets_hard": _features(schema.TRIPLET_COLUMNS),
    "real_vs_ai": _features(schema.REAL_VS_AI_COLUMNS),
    "metadata": _features(schema.METADATA_COLUMNS),
}
DEFAULT_CONFIG = "pairs"

STUDY_FEATURES: dict[str, Features] = {"images": _features(schema.STUDY_COLUMNS)}
"""Of a case study, which has no paintings and so neither pairs nor triplets."""

DESCRIPTIONS: dict[str, str] = {
    "pairs": "a painting and its variant at full resolution, with captions, prompts and provenance",
    "triplets": "anchor, positive, negative of another genre, without bars",
    "triplets_hard": "anchor, positive, and the most similar painting of the anchor's genre as negative",
    "real_vs_ai": "paintings and variants through one decode, resize and encode, labelled original or ai",
    "metadata": "pairs without the images",
    "images": "images made from prompts alone, by artist, template and subject",
}
