"""Similarity metrics as pure numpy functions: arrays in, numbers out; nothing of data sets, models or files.

Two rules hold everywhere, because peers leave them open and results then depend on the sorting library:
*larger means more similar*, and *ties never help*: a triplet tie is wrong, and a ranking sorts by (score
descending, index ascending). Nothing to average is an error that names what is empty, never a NaN or a zero.

Accuracy, precision, recall and F1 of a classifier are scikit-learn's; they are not written again here.
"""

from artsim_dataset.metrics.calibration import ece
from artsim_dataset.metrics.intervals import bootstrap_ci, mean_intervals, wilson
from artsim_dataset.metrics.pairs import (
    Array,
    average_precision,
    clip_score,
    eer,
    roc_auc,
    roc_curve,
    tpr_at_fpr,
    triplet_accuracy,
)
from artsim_dataset.metrics.ranking import (
    csd_map_at_k,
    hits,
    map_at_k,
    map_at_r,
    mrr,
    mrr_at_k,
    precision_at_k,
    r_precision,
    ranks,
    recall_at_k,
    target_hits,
)

__all__ = [
    "Array",
    "average_precision",
    "bootstrap_ci",
    "clip_score",
    "csd_map_at_k",
    "ece",
    "eer",
    "hits",
    "map_at_k",
    "map_at_r",
    "mean_intervals",
    "mrr",
    "mrr_at_k",
    "precision_at_k",
    "r_precision",
    "ranks",
    "recall_at_k",
    "roc_auc",
    "roc_curve",
    "target_hits",
    "tpr_at_fpr",
    "triplet_accuracy",
    "wilson",
]
