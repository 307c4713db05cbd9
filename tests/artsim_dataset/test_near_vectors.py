"""The index against comparing all with all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim_dataset import near_vectors
from artsim_dataset.near_vectors import SCALE, nearest, whole_numbers


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def naive(queries: np.ndarray, keys: np.ndarray, top: int) -> list[list[int]]:
    """For each item the others by their highest product, the first of equals first."""
    product = np.einsum("vid,jkd->vkij", queries.astype(int), keys.astype(int)).max(axis=(0, 1))
    count = len(product)
    return [sorted((j for j in range(count) if j != i), key=lambda j: (-product[i, j], j))[:top] for i in range(count)]


def search(queries: np.ndarray, keys: np.ndarray, top: int, probes: int) -> list[list[int]]:
    items, others = nearest(queries, lambda first, last: keys[first:last], top, probes)
    found: list[list[int]] = [[] for _ in range(queries.shape[1])]
    for item, other in zip(items.tolist(), others.tolist(), strict=True):
        found[item].append(other)
    return found


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 90), st.integers(1, 2), st.integers(1, 4), st.integers(1, 6), st.integers(0, 99))
def test_search_of_all_cells_is_comparing_everything(count: int, views: int, each: int, top: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(-2, 3, (views + each, count, 3))  # many equal products
    vectors = whole_numbers(unit(coarse.astype(float)))
    queries, keys = vectors[:views], vectors[views:].transpose(1, 0, 2)
    assert search(queries, keys, top, probes=10**6) == naive(queries, keys, top)


def clusters(count: int, seed: int = 0) -> np.ndarray:
    """Pairs (i, i + count / 2) of noisy vectors, 12 dims."""
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(count // 2, 12))
    return whole_numbers(unit(np.concatenate([half, half + 0.3 * rng.normal(size=half.shape)])))


def test_few_cells_find_nearly_all_pairs_and_more_cells_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_vectors, "CELL", 16)
    vectors = clusters(2000)
    expected = naive(vectors[None], vectors[:, None], 1)
    shares = []
    for probes in (1, 16):
        found = search(vectors[None], vectors[:, None], 1, probes)
        shares.append(np.mean([a == b for a, b in zip(found, expected, strict=True)]))
    assert 0.4 < shares[0] < 0.95 and shares[1] > 0.98


@pytest.mark.parametrize("block", [7, 64])
def test_the_size_of_a_block_changes_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_vectors, "CELL", 16)
    vectors = clusters(600)
    whole = search(vectors[None], vectors[:, None], 3, 4)
    monkeypatch.setattr(near_vectors, "_BLOCK", block)
    assert search(vectors[None], vectors[:, None], 3, 4) == whole


def test_vectors_become_whole_numbers_whose_products_float32_adds_exactly() -> None:
    vectors = whole_numbers(unit(np.random.default_rng(0).normal(size=(50, 64))))
    assert vectors.dtype == np.int8 and np.abs(vectors).max() <= SCALE
    exact = vectors.astype(np.int64) @ vectors.T.astype(np.int64)
    assert (vectors.astype(np.float32) @ vectors.T.astype(np.float32) == exact).all()
    assert (whole_numbers(np.zeros((1, 64))) == 0).all()


def test_nothing_and_one_vector_have_no_neighbours() -> None:
    for count in (0, 1):
        vectors = np.zeros((count, 8), np.int8)
        assert search(vectors[None], vectors[:, None], 5, 1) == [[]] * count
