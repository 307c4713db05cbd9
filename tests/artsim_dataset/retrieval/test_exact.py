from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim_dataset import metrics
from artsim_dataset.errors import ConfigError
from artsim_dataset.retrieval import hits as hits_module
from artsim_dataset.retrieval import ranked_hits, search

patient = settings(max_examples=50, deadline=None)


def whole_numbers(rows: int, seed: int, low: int = -2, high: int = 3) -> np.ndarray:
    """Vectors whose products are exact in fp32, and often equal."""
    return np.random.default_rng(seed).integers(low, high, (rows, 4)).astype(np.float32)


def by_rule(queries: np.ndarray, database: np.ndarray) -> list[list[int]]:
    """The whole ranking, in the plainest way."""
    products = [[sum(a * b for a, b in zip(q, x, strict=True)) for x in database.tolist()] for q in queries.tolist()]
    return [sorted(range(len(row)), key=lambda j: (-row[j], j)) for row in products]


def found(queries: np.ndarray, database: np.ndarray, k: int) -> np.ndarray:
    return np.concatenate([block.index for block in search(queries, database, k)])


@patient
@given(st.integers(1, 8), st.integers(1, 40), st.integers(1, 50), st.integers(0, 1000), st.booleans())
def test_equal_scores_rank_by_index_also_at_the_cut(n: int, m: int, k: int, seed: int, blind: bool) -> None:
    queries = np.zeros((n, 4), np.float32) if blind else whole_numbers(n, seed)
    database = whole_numbers(m, seed + 1)
    expected = [row[:k] for row in by_rule(queries, database)]
    assert found(queries, database, k).tolist() == expected


@patient
@given(st.integers(1, 8), st.integers(1, 40), st.sampled_from([1, 2, 4, 9, 50]), st.integers(0, 1000), st.booleans())
def test_hits_are_where_the_rule_puts_the_relevant_items(n: int, m: int, k: int, seed: int, blind: bool) -> None:
    queries = np.zeros((n, 4), np.float32) if blind else whole_numbers(n, seed)
    database = whole_numbers(m, seed + 1)
    draw = np.random.default_rng(seed)
    wanted, known = draw.integers(0, 4, n), draw.integers(1, 6, m)  # label 0 is in no database
    hits, relevant = ranked_hits(queries, database, wanted, known, k)
    order = by_rule(queries, database)
    assert hits.tolist() == [[bool(known[j] == w) for j in row[:k]] for row, w in zip(order, wanted, strict=True)]
    assert relevant.tolist() == [int((known == w).sum()) for w in wanted]


def test_both_ways_agree_on_real_numbers_and_with_metrics() -> None:
    draw = np.random.default_rng(3)
    queries, database = draw.normal(size=(50, 16)), draw.normal(size=(300, 16))
    wanted, known = draw.integers(0, 9, 50), draw.integers(0, 9, 300)
    hits, relevant = ranked_hits(queries, database, wanted, known, 40)
    assert np.array_equal(ranked_hits(queries, database, wanted, known, 30)[0], hits[:, :30])  # by faiss
    scores = queries.astype(np.float32) @ database.astype(np.float32).T
    assert np.array_equal(hits, metrics.hits(scores, known == wanted[:, None])[:, :40])
    assert np.array_equal(hits, known[found(queries, database, 40)] == wanted[:, None])
    assert np.array_equal(relevant, (known == wanted[:, None]).sum(1))


def test_scores_come_with_their_indices() -> None:
    queries, database = whole_numbers(5, 1), whole_numbers(30, 2)
    for block in search(queries, database, 7):
        rows = queries[block.start : block.start + len(block.index)]
        assert np.array_equal(block.score, np.take_along_axis(rows @ database.T, block.index, 1))


def test_blocks_do_not_change_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, database = whole_numbers(23, 5), whole_numbers(60, 6)
    labels = np.arange(60) % 7
    nearest = found(queries, database, 9)
    hits, _ = ranked_hits(queries, database, labels[:23], labels, 9)
    shallow, _ = ranked_hits(queries, database, labels[:23], labels, 5)
    told: list[tuple[str, int, int]] = []
    monkeypatch.setattr("artsim_dataset.retrieval.exact.QUERIES_AT_ONCE", 5)
    monkeypatch.setattr("artsim_dataset.retrieval.exact.ROWS_AT_ONCE", 2)
    monkeypatch.setattr(hits_module, "SCORES_AT_ONCE", 5 * 60)
    assert np.array_equal(found(queries, database, 9), nearest)
    again, _ = ranked_hits(queries, database, labels[:23], labels, 9, lambda *step: told.append(step))
    assert np.array_equal(again, hits)
    assert np.array_equal(ranked_hits(queries, database, labels[:23], labels, 5)[0], shallow)
    assert told == [("search", done, 23) for done in (5, 10, 15, 20, 23)]


def test_labels_may_be_names() -> None:
    hits, relevant = ranked_hits(np.eye(2), np.eye(2), ["ann", "bob"], ["bob", "ann"], 2)  # type: ignore[arg-type]
    assert hits.tolist() == [[False, True], [False, True]] and relevant.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("queries", "database", "k", "message"),
    [
        (np.ones((0, 3)), np.ones((2, 3)), 1, "queries are embeddings"),
        (np.ones((2, 3)), np.ones((0, 3)), 1, "database are embeddings"),
        (np.ones((2, 3)), np.ones((2, 4)), 1, "3 dimensions and the database 4"),
        (np.ones((2, 3)), np.ones((2, 3)), 0, "from 1"),
        (np.ones((2, 3)), np.array([[1.0], [np.nan]]).repeat(3, 1), 1, "not finite in row 1"),
        (np.array([[1.0], [np.inf]]).repeat(3, 1), np.ones((2, 3)), 1, "not finite in row 1"),
    ],
)
def test_what_cannot_be_searched_is_refused(queries: np.ndarray, database: np.ndarray, k: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        list(search(queries, database, k))
    with pytest.raises(ConfigError, match=message):
        ranked_hits(queries, database, np.zeros(len(queries)), np.zeros(len(database)), k)


def test_labels_and_embeddings_must_be_as_many() -> None:
    with pytest.raises(ConfigError, match="database: 2 embeddings and labels of shape"):
        ranked_hits(np.eye(2), np.eye(2), np.zeros(2), np.zeros(3), 1)
