from __future__ import annotations

import numpy as np
import pytest

from artsim_dataset import metrics
from artsim_dataset.errors import ConfigError
from artsim_dataset.retrieval import Side, retrieve


def side(vectors: object, labels: str, pools: str | None = None) -> Side:
    """One label a letter; "-" is unknown."""
    return Side(
        np.asarray(vectors, float),
        np.array(["" if c == "-" else c for c in labels]),
        None if pools is None else np.array(list(pools)),
    )


def circle(*degrees: float) -> np.ndarray:
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], 1)


def test_the_numbers_are_those_of_the_golden_vectors() -> None:
    # One-dimensional "embeddings": every query ranks the database by index (all scores are 1), so that each query's
    # row of hits is the row of labels it is compared with; the golden matrix row by row as pools.
    rows = ["10110", "01001", "11111"]
    letters = [c for row in rows for c in row.replace("1", "x").replace("0", "y")]
    database = side(np.ones((15, 1)), "".join(letters), "a" * 5 + "b" * 5 + "c" * 5)
    found = retrieve(side(np.ones((3, 1)), "xxx", "abc"), database, ks=(1, 3, 5))
    hits = np.array([[int(c) for c in row] for row in rows[:2]])
    assert (found.queries, found.dropped, found.classes) == (2, 1, 1)  # the last pool has nothing but relevant items
    for k in (1, 3, 5):
        assert found.numbers[f"recall@{k}"] == metrics.recall_at_k(hits, k)
        assert found.numbers[f"csd_map@{k}"] == pytest.approx(metrics.csd_map_at_k(hits, k))
        assert found.numbers[f"map@{k}"] == pytest.approx(metrics.map_at_k(hits, k, np.array([3, 2])))
        assert found.numbers[f"mrr@{k}"] == pytest.approx(metrics.mrr_at_k(hits, k))
    assert found.numbers["mrr@1"] == 1 and found.numbers["mrr_all@1"] == 0.5
    assert found.chance == pytest.approx((3 / 5 + 2 / 5) / 2)


def test_queries_without_a_chance_are_dropped_and_not_misses() -> None:
    database = side(circle(0, 90, 10), "mdm")
    found = retrieve(side(circle(1, 89, 0, 0), "mdc-"), database, ks=(1,))
    assert (found.queries, found.dropped, found.database, found.classes) == (2, 2, 3, 2)
    assert found.numbers["recall@1"] == 1.0


def test_items_of_unknown_label_are_no_distractors() -> None:
    database = side(circle(0, 40, 90), "-md")
    found = retrieve(side(circle(0), "m"), database, ks=(1,))
    assert found.database == 2 and found.numbers["recall@1"] == 1.0


def test_within_a_pool_only_its_items_are_ranked() -> None:
    database = side(circle(0, 20, 90), "dmd", "ccb")  # the nearest item of another artist is of the same genre
    query = side(circle(5), "m", "c")
    assert retrieve(query, database, ks=(1, 2)).numbers["recall@1"] == 0
    far = side(circle(5), "d", "b")  # alone in his genre: nothing to be told from
    with pytest.raises(ConfigError, match="no query can be answered"):
        retrieve(far, database)
    whole = retrieve(side(circle(5), "d"), side(circle(0, 20, 90), "dmd"), ks=(1,))
    assert whole.numbers["recall@1"] == 1


def test_intervals_surround_the_numbers_and_shrink_with_more_queries() -> None:
    draw = np.random.default_rng(1)
    labels = draw.integers(0, 5, 400).astype(str)
    vectors = draw.normal(size=(400, 3)) + 2 * np.eye(5)[labels.astype(int), :3]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    def width(n: int) -> float:
        found = retrieve(Side(vectors[:n], labels[:n]), Side(vectors[200:], labels[200:]), ks=(10,))
        assert all(low <= found.numbers[name] <= high for name, (low, high) in found.ci.items())
        low, high = found.ci["csd_map@10"]
        return high - low

    assert 0 < width(200) < 0.6 * width(30)


def test_json_has_every_number_and_says_what_was_dropped() -> None:
    found = retrieve(side(circle(0, 1), "mc"), side(circle(0, 90), "md")).to_json()
    names = {f"{name}@{k}" for name in ("csd_map", "map", "recall", "mrr", "mrr_all") for k in (1, 10, 100)}
    assert set(found) == names | {"ci95", "queries", "dropped", "database", "classes", "chance"}
    assert set(found["ci95"]) == names and (found["queries"], found["dropped"]) == (1, 1)


def test_pools_on_one_side_only_are_refused() -> None:
    with pytest.raises(ConfigError, match="either both"):
        retrieve(side(circle(0), "m", "c"), side(circle(0), "m"))
