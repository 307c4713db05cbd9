from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torchmetrics.functional.retrieval as peer
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

from artsim_dataset import metrics
from artsim_dataset.metrics import ranking

patient = settings(max_examples=50, deadline=None)

HITS = np.array([[1, 0, 1, 1, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
RELEVANT = np.array([3, 2, 4, 5])
matrices = st.integers(1, 6).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 3), min_size=width, max_size=width), min_size=1, max_size=5)
)
hit_matrices = matrices.map(lambda rows: np.array(rows) > 1)


@pytest.mark.parametrize(
    ("k", "recall", "csd", "textbook", "found_only", "mrr"),
    [
        (1, 0.5, 0.5, 0.5, 0.5, 1.0),
        (3, 0.75, 0.5, 0.451389, 0.583333, 0.833333),
        (5, 0.75, 0.5, 0.563889, 0.563889, 0.833333),
    ],
)
def test_golden_vectors_of_the_csd_protocol(
    k: int, recall: float, csd: float, textbook: float, found_only: float, mrr: float
) -> None:
    # Computed with CSD's released code, but for the two AP columns.
    assert metrics.recall_at_k(HITS, k) == recall
    assert metrics.csd_map_at_k(HITS, k) == pytest.approx(csd, abs=1e-12)
    assert metrics.map_at_k(HITS, k, RELEVANT) == pytest.approx(textbook, abs=1e-6)
    assert metrics.map_at_k(HITS[:, :k], k) == pytest.approx(found_only, abs=1e-6)
    assert metrics.mrr_at_k(HITS, k) == pytest.approx(mrr, abs=1e-6)


def _naive(row: list[bool], k: int, relevant: int) -> dict[str, float]:
    """All metrics of one query, in the plainest way."""
    top = row[:k]
    precisions = [sum(row[:j]) / j for j in range(1, len(top) + 1)]
    first = 1 / (top.index(True) + 1) if any(top) else 0.0
    return {
        "recall": float(any(top)),
        "precision": sum(top) / k,
        "csd_map": sum(precisions) / len(precisions) if any(top) else 0.0,
        "map": sum(p for p, h in zip(precisions, top, strict=True) if h) / max(1, min(k, relevant)),
        "mrr": first if first else float("nan"),
        "mrr_all": first,
    }


@patient
@given(hit_matrices, st.integers(1, 8), st.integers(0, 3))
def test_every_metric_is_the_mean_of_its_naive_value(hit: np.ndarray, k: int, unranked: int) -> None:
    relevant = hit.sum(1) + unranked
    naive = [_naive(row, k, int(r)) for row, r in zip(hit.tolist(), relevant, strict=True)]
    mean = {name: float(np.mean([one[name] for one in naive])) for name in naive[0]}
    assert metrics.recall_at_k(hit, k) == pytest.approx(mean["recall"])
    assert metrics.precision_at_k(hit, k) == pytest.approx(mean["precision"])
    assert metrics.csd_map_at_k(hit, k) == pytest.approx(mean["csd_map"])
    assert metrics.map_at_k(hit, k, relevant) == pytest.approx(mean["map"])
    hitting = [one["mrr"] for one in naive if one["mrr_all"]]
    assert metrics.mrr_at_k(hit, k) == pytest.approx(np.mean(hitting) if hitting else 0.0)
    assert metrics.mrr_at_k(hit, k) * metrics.recall_at_k(hit, k) == pytest.approx(mean["mrr_all"])
    for name, values in ranking.per_query(hit, k, relevant).items():
        assert values == pytest.approx(np.array([one[name] for one in naive]), nan_ok=True)


@patient
@given(hit_matrices, st.integers(1, 6))
def test_torchmetrics_agrees_where_it_defines_the_same(hit: np.ndarray, k: int) -> None:
    preds = torch.linspace(1, 0.5, hit.shape[1])

    def theirs(metric: Callable[..., torch.Tensor]) -> float:
        return float(np.mean([float(metric(preds, torch.from_numpy(row), top_k=k)) for row in hit]))

    assert metrics.recall_at_k(hit, k) == pytest.approx(theirs(peer.retrieval_hit_rate))
    assert metrics.precision_at_k(hit, k) == pytest.approx(theirs(peer.retrieval_precision))
    top = hit[:, :k]  # theirs divides by the hits found, so that R is those within k
    assert metrics.map_at_k(top, k) == pytest.approx(theirs(peer.retrieval_average_precision), abs=1e-6)
    assert ranking.per_query(hit, k, hit.sum(1))["mrr_all"].mean() == pytest.approx(
        theirs(peer.retrieval_reciprocal_rank)
    )
    r_precision = np.mean([float(peer.retrieval_r_precision(preds, torch.from_numpy(row))) for row in hit])
    assert metrics.r_precision(hit) == pytest.approx(r_precision)


def test_pytorch_metric_learning_agrees_where_it_defines_the_same() -> None:
    draw = np.random.default_rng(5)
    queries, database = draw.normal(size=(40, 8)), draw.normal(size=(60, 8))
    query_labels, labels = draw.integers(0, 9, 40), draw.integers(0, 7, 60)  # two classes are in the queries only
    labels[labels == 6] = 5
    labels[0] = 6  # a class of a single member
    queries, database = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (queries, database))
    theirs = AccuracyCalculator(exclude=("AMI", "NMI"), k=60, device=torch.device("cpu")).get_accuracy(
        *(torch.from_numpy(x).float() for x in (queries,)), torch.from_numpy(query_labels),
        torch.from_numpy(database).float(), torch.from_numpy(labels))  # fmt: skip
    answered = np.isin(query_labels, labels)  # theirs leaves out queries without a relevant item
    relevant = query_labels[answered, None] == labels[None]
    hit, total = metrics.hits(queries[answered] @ database.T, relevant), relevant.sum(1)
    assert len(hit) < 40 and total.min() == 1
    assert metrics.precision_at_k(hit, 1) == pytest.approx(theirs["precision_at_1"])
    assert metrics.map_at_r(hit, total) == pytest.approx(theirs["mean_average_precision_at_r"])
    assert metrics.map_at_k(hit, 60, total) == pytest.approx(theirs["mean_average_precision"])
    assert metrics.r_precision(hit, total) == pytest.approx(theirs["r_precision"])
    # Theirs is the textbook one; with every query answered at full depth the two are the same.
    assert metrics.mrr_at_k(hit, 60) == pytest.approx(theirs["mean_reciprocal_rank"])
    assert metrics.mrr(hit.argmax(1)) == pytest.approx(theirs["mean_reciprocal_rank"])


def test_csd_map_is_not_average_precision() -> None:
    late = np.array([[0, 0, 1]])
    assert metrics.csd_map_at_k(late, 3) == pytest.approx(1 / 9)
    assert metrics.map_at_k(late, 3) == pytest.approx(1 / 3)


def test_map_at_k_divides_by_the_smaller_of_k_and_relevant() -> None:
    assert metrics.map_at_k(np.array([[1, 0]]), 2, np.array([10])) == pytest.approx(0.5)
    assert metrics.map_at_k(np.array([[1, 0]]), 2, np.array([1])) == pytest.approx(1.0)


def test_map_at_r_looks_no_further_than_r() -> None:
    assert metrics.map_at_r(np.array([[0, 1, 0]]), np.array([1])) == 0.0
    assert metrics.map_at_r(np.array([[1, 1, 0]]), np.array([2])) == 1.0
    assert metrics.r_precision(np.array([[0, 1, 1]])) == 0.5


def test_queries_that_miss_lower_everything_but_the_mrr_of_csd() -> None:
    miss = np.vstack([HITS, np.zeros((4, 5), int)])
    more = np.r_[RELEVANT, [0, 0, 1, 1]]
    for metric in (metrics.recall_at_k, metrics.csd_map_at_k, metrics.precision_at_k):
        assert metric(miss, 3) == pytest.approx(metric(HITS, 3) / 2)
    assert metrics.map_at_k(miss, 3, more) == pytest.approx(metrics.map_at_k(HITS, 3, RELEVANT) / 2)
    assert metrics.mrr_at_k(miss, 3) == metrics.mrr_at_k(HITS, 3)
    assert metrics.mrr_at_k(np.zeros((2, 3)), 2) == 0.0


def test_blocks_of_queries_do_not_change_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    hit = np.random.default_rng(1).random((23, 9)) < 0.3
    whole = ranking.per_query(hit, 7, hit.sum(1))
    monkeypatch.setattr(ranking, "BLOCK", 4)
    for name, values in ranking.per_query(hit, 7, hit.sum(1)).items():
        assert np.array_equal(values, whole[name], equal_nan=True)


EVERY_METRIC: list[Callable[[np.ndarray], float]] = [
    lambda hit: metrics.recall_at_k(hit, 1),
    lambda hit: metrics.precision_at_k(hit, 1),
    lambda hit: metrics.csd_map_at_k(hit, 1),
    lambda hit: metrics.map_at_k(hit, 1, np.zeros(len(hit), int)),
    lambda hit: metrics.mrr_at_k(hit, 1),
    lambda hit: metrics.map_at_r(hit),
    lambda hit: metrics.r_precision(hit),
]


@pytest.mark.parametrize("metric", EVERY_METRIC)
def test_nothing_to_average_is_an_error_that_names_what_is_empty(metric: Callable[[np.ndarray], float]) -> None:
    with pytest.raises(ValueError, match="no queries"):
        metric(np.zeros((0, 5), bool))
    with pytest.raises(ValueError, match="no ranks"):
        metric(np.zeros((5, 0), bool))
    with pytest.raises(ValueError, match="a matrix"):
        metric(np.zeros(5, bool))


@pytest.mark.parametrize("metric", [metrics.recall_at_k, metrics.csd_map_at_k, metrics.map_at_k, metrics.mrr_at_k])
def test_ranks_count_from_one(metric: Callable[[np.ndarray, int], float]) -> None:
    with pytest.raises(ValueError, match="from 1"):
        metric(HITS, 0)


def test_a_number_of_relevant_items_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="query 3 has 5 hits but only 4"):
        metrics.map_at_k(HITS, 3, np.array([3, 2, 4, 4]))
    with pytest.raises(ValueError, match="one number for each query"):
        metrics.map_at_k(HITS, 3, np.array([3]))
    with pytest.raises(ValueError, match="9 relevant items"):
        metrics.map_at_r(HITS, np.array([9, 9, 9, 9]))


@patient
@given(matrices)
def test_ranks_agree_with_a_stable_sort_and_with_hits(rows: list[list[int]]) -> None:
    values = np.array(rows, float)
    target = np.arange(len(values)) % values.shape[1]
    expected = [
        sorted(range(values.shape[1]), key=lambda j: (-row[j], j)).index(t)
        for row, t in zip(values, target, strict=True)
    ]
    assert metrics.ranks(values, target).tolist() == expected
    relevant = np.arange(values.shape[1])[None] == target[:, None]
    assert metrics.hits(values, relevant).argmax(1).tolist() == expected


def test_a_target_without_a_score_is_last() -> None:
    assert metrics.ranks(np.array([[np.nan, 0.1, 0.2]]), np.array([0])).tolist() == [2]


@patient
@given(matrices)
def test_an_item_that_ties_never_climbs_above_a_lower_index(rows: list[list[int]]) -> None:
    values = np.array(rows, float)
    relevant = np.zeros(values.shape, bool)
    relevant[:, -1] = True
    blind = metrics.hits(np.zeros_like(values), relevant)
    assert (blind.argmax(1) == values.shape[1] - 1).all()
    assert np.array_equal(metrics.hits(values * 2 + 1, relevant), metrics.hits(values, relevant))


def test_recall_and_mrr_from_ranks_count_from_zero() -> None:
    rank = np.array([0, 1, 4])
    hit = metrics.target_hits(rank, 2)
    assert metrics.recall_at_k(hit, 1) == pytest.approx(1 / 3)
    assert metrics.recall_at_k(hit, 2) == pytest.approx(2 / 3)
    assert metrics.mrr(rank) == pytest.approx((1 + 1 / 2 + 1 / 5) / 3)
    assert metrics.mrr(rank, k=2) == pytest.approx((1 + 1 / 2) / 3)
    with pytest.raises(ValueError, match="from 1"):
        metrics.target_hits(rank, 0)
    with pytest.raises(ValueError, match="at least one rank"):
        metrics.mrr(np.array([]))


@pytest.mark.parametrize("kind", ["uint8", "bool", "int64", "float16"])
def test_scores_of_any_kind_of_number_rank_the_same(kind: str) -> None:
    scores = np.array([[1, 0, 1, 0], [0, 0, 1, 1]])
    relevant = np.array([[True, False, False, False], [False, True, True, False]])
    ranked = metrics.hits(scores.astype(kind), relevant)
    assert ranked.astype(int).tolist() == [[1, 0, 0, 0], [1, 0, 0, 1]]


def test_hits_need_a_score_of_every_candidate() -> None:
    with pytest.raises(ValueError, match="a score of every candidate"):
        metrics.hits(np.zeros((2, 3)), np.zeros((2, 4), bool))
