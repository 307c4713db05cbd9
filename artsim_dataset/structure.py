"""What the space of embeddings looks like: which genres lie together, what the neighbours of a painting are.

These are the views that the Siamese CLIP's evaluation offers (similarity matrix, k-means quality, neighbourhood
consistency, t-SNE), over the originals of a split and, where it says so, their variants. They describe; they are no
test of finding a variant, and a space that ignores genre can do that perfectly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from artsim_dataset.blocks import blocks
from artsim_dataset.schema import seed_from

NEIGHBOURS = 10
BLOCK = 512
MAP_PAINTINGS = 400
"""Paintings on the map, each with one variant: more points than this are neither legible nor quick."""
SILHOUETTE_PAINTINGS = 4000
SILHOUETTE_MB = 32
"""Of distances at a time."""


@dataclass(frozen=True)
class Structure:
    """The space of one model on one split.

    Attributes:
        genres: the names of rows and columns of the two matrices.
        similarity: mean cosine of two different originals of genres a and b, (genres, genres); NaN for a genre with a
            single painting against itself.
        confusion: for originals of genre a (row), the share whose nearest other original is of genre b; rows sum to 1.
        neighbours: ``same_genre``, ``same_artist``: mean share among the ``k`` nearest other originals, each with the
            share that ``..._chance`` would give; ``kept``: mean share of an original's k nearest others that its
            variant has too. k is 10, or all there are.
        kmeans: agreement of as many clusters as genres with the genres: ``nmi``, ``ari``, ``purity``; ``silhouette`` of
            the genres themselves, -1 to 1.
    """

    genres: tuple[str, ...]
    similarity: np.ndarray = field(repr=False)
    confusion: np.ndarray = field(repr=False)
    neighbours: Mapping[str, float]
    kmeans: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        return {
            "genres": list(self.genres),
            "similarity": [[None if np.isnan(v) else round(float(v), 6) for v in row] for row in self.similarity],
            "confusion": [[round(float(v), 6) for v in row] for row in self.confusion],
            "neighbours": dict(self.neighbours),
            "kmeans": dict(self.kmeans),
        }


def structure(
    originals: np.ndarray,
    variants: np.ndarray,
    painting: np.ndarray,
    genres: Sequence[str],
    artists: Sequence[str],
    groups: Sequence[str],
    seed: int,
) -> Structure:
    """Measures the space.

    Args:
        originals: unit vectors, (paintings, d).
        variants: unit vectors, (rows, d).
        painting: index of each variant's painting, (rows,).
        genres, artists, groups: of each painting. Near-duplicates (one group) are nobody's neighbours, nor are works
            of an unknown artist (empty) works of one artist.
        seed: of k-means and of the samples that large splits are measured on.

    Raises:
        ValueError: fewer than three paintings or two genres.
    """
    names, genre = np.unique(genres, return_inverse=True)
    if len(originals) < 3 or len(names) < 2:
        raise ValueError(f"needs three paintings and two genres, got {len(originals)} and {len(names)}")
    group = np.unique(groups, return_inverse=True)[1]
    artist_names, artist = np.unique(artists, return_inverse=True)
    named = (artist_names != "")[artist]
    k = min(NEIGHBOURS, len(originals) - 1)
    near, known = _nearest(originals, originals, np.arange(len(originals)), group, k)
    others, other_known = _nearest(variants, originals, painting, group, k)
    same_artist = (artist[near] == artist[:, None]) & named[:, None]
    kept = (np.isin(others[row][other_known[row]], near[p][known[p]]).mean() if other_known[row].any() else 0.0
            for row, p in enumerate(painting))  # fmt: skip
    return Structure(
        tuple(names.tolist()),
        genre_similarity(originals, genre, len(names)),
        _confusion(genre, near[:, 0], known[:, 0], len(names)),
        {
            "k": k,
            "same_genre": float((genre[near] == genre[:, None])[known].mean()),
            "same_genre_chance": chance(genre),
            "same_artist": float(same_artist[known].mean()),
            "same_artist_chance": chance(artist[named], len(artist)),
            "kept": float(np.fromiter(kept, float, len(painting)).mean()),
        },
        _kmeans(originals, genre, len(names), seed),
    )


def _nearest(
    queries: np.ndarray, originals: np.ndarray, own: np.ndarray, group: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest originals of other groups than the query's, and which of them there are: both (queries, k).

    Sorted by score descending, then index ascending.
    """
    found, known = [], []
    for block in blocks(len(queries), len(originals), BLOCK):
        scores = queries[block] @ originals.T
        scores[group[own[block]][:, None] == group[None]] = -np.inf
        order = _best(scores, k)
        found.append(order)
        known.append(np.take_along_axis(scores, order, 1) > -np.inf)
    return np.concatenate(found), np.concatenate(known)


def _best(scores: np.ndarray, k: int) -> np.ndarray:
    """The columns of the k highest scores of each row, (rows, k): by score descending, then column ascending.

    Only those that reach the k-th score are sorted, not all.
    """
    least = np.partition(scores, -k, axis=1)[:, -k]
    row, column = np.nonzero(scores >= least[:, None])
    order = np.lexsort((column, -scores[row, column], row))
    row, column = row[order], column[order]
    place = np.arange(len(row)) - np.searchsorted(row, np.arange(len(scores)))[row]
    return column[place < k].reshape(len(scores), k)


def genre_similarity(originals: np.ndarray, genre: np.ndarray, count: int) -> np.ndarray:
    """Mean cosine over all pairs of different originals of two genres, (count, count), from the genres' sums alone.

    >>> genre_similarity(np.array([[1.0, 0], [0, 1], [1, 0]]), np.array([0, 0, 1]), 2).tolist()
    [[0.0, 0.5], [0.5, nan]]
    """
    size = np.bincount(genre, minlength=count).astype(float)
    total = np.zeros((count, originals.shape[1]))
    np.add.at(total, genre, originals)
    products = total @ total.T
    # A painting with itself is no pair: its squared length leaves the diagonal.
    squared = [(originals[at].astype(float) ** 2).sum(1) for at in blocks(len(originals), originals.shape[1], BLOCK)]
    products[np.diag_indices(count)] -= np.bincount(genre, np.concatenate(squared), count)
    pairs = np.outer(size, size) - np.diag(size)
    return np.divide(products, pairs, out=np.full_like(products, np.nan), where=pairs > 0)


def chance(labels: np.ndarray, total: int | None = None) -> float:
    """The share of neighbours with one's own label if neighbours were drawn blindly, averaged over the items.

    ``total``: number of items, with those that have no label.

    >>> chance(np.array(["a", "a", "b"]))
    0.3333333333333333
    """
    total = len(labels) if total is None else total
    size = np.unique(labels, return_counts=True)[1]
    return float((size * (size - 1)).sum() / (total * (total - 1)))


def _confusion(genre: np.ndarray, nearest: np.ndarray, known: np.ndarray, count: int) -> np.ndarray:
    table = np.zeros((count, count))
    np.add.at(table, (genre[known], genre[nearest[known]]), 1)
    return table / np.maximum(table.sum(1, keepdims=True), 1)


def _kmeans(originals: np.ndarray, genre: np.ndarray, count: int, seed: int) -> dict[str, float]:
    from sklearn import config_context
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, silhouette_score

    draw = seed_from("kmeans", seed) % 2**32
    cluster = KMeans(count, n_init=4, random_state=draw).fit_predict(originals)
    table = np.zeros((count, count))
    np.add.at(table, (cluster, genre), 1)
    sample = min(SILHOUETTE_PAINTINGS, len(genre))
    with config_context(working_memory=SILHOUETTE_MB):
        silhouette = (
            silhouette_score(originals, genre, metric="cosine", sample_size=sample, random_state=draw)
            if count < len(genre)
            else 0.0
        )
    return {
        "nmi": float(normalized_mutual_info_score(genre, cluster)),
        "ari": float(adjusted_rand_score(genre, cluster)),
        "purity": float(table.max(1).sum() / len(genre)),
        "silhouette": float(silhouette),
    }


def flat_map(vectors: np.ndarray, seed: int) -> np.ndarray:
    """Places in the plane by t-SNE (van der Maaten and Hinton 2008), (n, 2), each axis scaled to 0..1.

    Near points were near; distances between far ones mean nothing.
    """
    from sklearn.manifold import TSNE

    perplexity = min(30.0, max(1.0, (len(vectors) - 1) / 3))
    places = TSNE(
        2, perplexity=perplexity, metric="cosine", init="random" if len(vectors) < 4 else "pca",
        random_state=seed_from("map", seed) % 2**32, n_jobs=1,
    ).fit_transform(vectors.astype(np.float32))  # fmt: skip
    low, high = places.min(0), places.max(0)
    return (places - low) / np.maximum(high - low, 1e-12)
