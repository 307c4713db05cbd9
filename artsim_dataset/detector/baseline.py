"""What the files alone give away: a classifier that looks at no pixel.

A detector that is no better than this one has learned the format. On published files it may well be perfect (originals
JPEG of many sizes, generated images PNG of one); after the pipeline its ``header`` part knows nothing, and what
the size of the file still knows is content: a smoother picture takes fewer bytes at the same quality.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, JpegImagePlugin, UnidentifiedImageError

from artsim_dataset.errors import ConfigError
from artsim_dataset.metrics import bootstrap_ci, roc_auc
from artsim_dataset.schema import LABELS, seed_from

FORMATS = ("JPEG", "PNG", "WEBP")
HEADER = (
    "width", "height", "aspect", *(name.lower() for name in FORMATS), "bands", "luma_table", "chroma_table",
    "subsampling", "progressive", "metadata",
)  # fmt: skip
BYTES = ("bytes", "bits_per_pixel")
MEASURES: dict[str, slice] = {
    "header": slice(0, len(HEADER)),
    "header_and_bytes": slice(0, len(HEADER) + len(BYTES)),
}
"""Which of the features a classifier gets, by name."""
FOLDS, TREES, ROUNDS = 5, 15, 400
_METADATA = ("exif", "icc_profile", "xmp", "comment", "parameters", "dpi")


@dataclass(frozen=True)
class FormatBaseline:
    """ROC-AUC of telling AI variants from originals by file format, by features (``MEASURES``), with 95 % intervals.

    0.5 is chance. Cross-validated in five folds; a painting and its variants are in one fold.
    """

    roc_auc: Mapping[str, float]
    ci: Mapping[str, tuple[float, float]]
    files: int

    def to_json(self) -> dict[str, Any]:
        return {
            "files": self.files,
            "roc_auc": dict(self.roc_auc),
            "ci95": {name: list(interval) for name, interval in self.ci.items()},
        }


def format_features(data: bytes) -> list[float]:
    """Numbers of a file that need no pixel, in the order of ``HEADER`` and ``BYTES``; -1 where there is none.

    ``luma_table`` and ``chroma_table``: mean of the quantisation table. ``metadata``: kinds of it that the file has.

    Raises:
        ConfigError: the bytes are no image.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            tables = getattr(image, "quantization", None) or {}
            width, height = image.size
            jpeg = isinstance(image, JpegImagePlugin.JpegImageFile)
            header = [
                width,
                height,
                width / height,
                *(image.format == name for name in FORMATS),
                len(image.getbands()),
                float(np.mean(tables[0])) if 0 in tables else -1,
                float(np.mean(tables[1])) if 1 in tables else -1,
                JpegImagePlugin.get_sampling(image) if jpeg else -1,
                bool(image.info.get("progressive")),
                sum(name in image.info for name in _METADATA),
            ]
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ConfigError(f"{len(data)} bytes are no image: {error}") from error
    return [float(value) for value in (*header, len(data), 8 * len(data) / (width * height))]


def format_baseline(
    files: Sequence[bytes], is_ai: np.ndarray, paintings: Sequence[Any] | np.ndarray, seed: int = 42
) -> FormatBaseline:
    """How well files are told apart without looking at them.

    Args:
        files: encoded images.
        is_ai: of each file, bool.
        paintings: of each file, what must stay in one fold: the source painting.
        seed: of folds, trees and the bootstrap.

    Raises:
        ConfigError: fewer than five paintings of either class, or bytes that are no image.
    """
    is_ai, part = np.asarray(is_ai, bool), np.unique(np.asarray(paintings), return_inverse=True)[1]
    fewest = min(len(set(part[is_ai].tolist())), len(set(part[~is_ai].tolist())))
    if fewest < FOLDS:
        raise ConfigError(f"the format baseline needs {FOLDS} source paintings of each class, got {fewest}")
    features = np.array([format_features(data) for data in files])
    scores = {name: _cross_validated(features[:, which], is_ai, part, seed) for name, which in MEASURES.items()}

    def auc(name: str, rows: np.ndarray) -> float:
        return roc_auc(scores[name][rows][is_ai[rows]], scores[name][rows][~is_ai[rows]])

    rows = np.arange(len(is_ai))
    return FormatBaseline(
        {name: auc(name, rows) for name in MEASURES},
        {
            name: bootstrap_ci(lambda drawn, name=name: auc(name, drawn), part, seed_from("formats", seed), ROUNDS)  # type: ignore[misc]
            for name in MEASURES
        },
        len(files),
    )


def _cross_validated(features: np.ndarray, is_ai: np.ndarray, part: np.ndarray, seed: int) -> np.ndarray:
    """The probability of 'ai' of each file, by boosted trees that saw other paintings only."""
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.model_selection import StratifiedGroupKFold

    state = seed_from("formats", seed, bits=32)
    trees = GradientBoostingClassifier(n_estimators=TREES, max_depth=3, learning_rate=0.3, random_state=state)
    scores = np.empty(len(is_ai))
    for train, test in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=state).split(features, is_ai, part):
        scores[test] = trees.fit(features[train], is_ai[train]).predict_proba(features[test])[:, 1]
    return scores


def read_labelled_folder(folder: str | Path) -> tuple[list[bytes], np.ndarray, list[str]]:
    """Files, labels and source paintings of a folder with sub-folders `original` and `ai` (as S4's, and as
    `artsim export --format imagefolder` writes them). A file's painting is its name up to ``_resize768_generated``.

    Raises:
        ConfigError: a sub-folder is missing or empty.
    """
    files: list[bytes] = []
    labels, paintings = [], []
    for label in LABELS:
        found = sorted(path for path in (Path(folder) / label).rglob("*") if path.is_file())
        if not found:
            raise ConfigError(f"{folder} has no files in a sub-folder '{label}'; it needs 'original' and 'ai'")
        for path in found:
            files.append(path.read_bytes())
            labels.append(label == "ai")
            paintings.append(path.stem.partition("_resize768_generated")[0])
    return files, np.array(labels), paintings
