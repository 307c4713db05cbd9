"""Which artist an image looks like: artists ranked by style similarity, with a probability, and an honest "none".

The score of an artist is the general style similarity of S3 (arXiv 2404.01292, section 2): the mean cosine of the
image with the artist's works, which is its dot product with their mean. Raw cosines are not calibrated: an artist in a
crowded part of the space is near to everything. So artists are ranked by CSLS (Conneau et al. 2018, eq. 3), which takes
that away: ``2 gss - r(image) - mean r(work)``, where r is the mean cosine with the 15 nearest works.

What a score is worth is measured on the index itself. Every work is left out once and scored as a stranger: with its
artist among the others (does the right one win?), and with that artist taken away (what does the best wrong one
reach?). From the first comes the temperature of the softmax over artists, from both the probability that the artist is
known at all. Scores depend on the works in the index: never compare them between two of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from artsim_dataset import metrics
from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import Looks, PairRows, Progress, embed_all
from artsim_dataset.errors import ConfigError
from artsim_dataset.model import SimilarityModel, unit
from artsim_dataset.schema import seed_from

NEIGHBOURS = 15
MIN_WORKS = 3
"""Artists with fewer works are left out: one painting is no style, and leaving one out must leave two."""
BLOCK = 1024
COMPETITORS = 5
BOOTSTRAP_ROUNDS = 500


@dataclass(frozen=True)
class Likeness:
    """One artist for one image. ``probability`` is calibrated, 0 to 1; ``gss`` a cosine; ``csls`` what ranks."""

    artist: str
    probability: float
    gss: float
    csls: float


@dataclass(frozen=True)
class Attribution:
    """Of one image: artists from the most to the least likely, the probability of none of them, and the works nearest
    to it as ``(id, cosine)``."""

    artists: tuple[Likeness, ...]
    none: float
    nearest: tuple[tuple[str, float], ...]

    @property
    def answer(self) -> str | None:
        """The most likely artist, or None when none of them is likelier."""
        return self.artists[0].artist if self.artists[0].probability > self.none else None


@dataclass(frozen=True)
class ArtistIndex:
    """Works of artists as unit vectors, and what their scores are worth.

    ``works`` (n, d) by ``artist`` (n,), an index into ``artists``; ``quality`` was measured by leaving each work out:
    ``top1``, ``top5`` with the artist in the index, ``known_auc`` for telling known artists from unknown ones, ``ece``.
    """

    artists: tuple[str, ...]
    ids: tuple[str, ...]
    works: np.ndarray = field(repr=False)
    artist: np.ndarray = field(repr=False)
    prototypes: np.ndarray = field(repr=False)
    crowding: np.ndarray = field(repr=False)
    temperature: float
    known: tuple[float, float]
    quality: Mapping[str, float]

    @classmethod
    def of(cls, vectors: np.ndarray, artists: Sequence[str], groups: Sequence[str], ids: Sequence[str]) -> ArtistIndex:
        """An index of works: unit vectors (n, d), artist ('' is nobody), near-duplicate group and id of each.

        Of a group one work is kept: a copy left out would find itself. Raises ConfigError for fewer than two artists
        of at least three works.
        """
        first = np.unique(np.asarray(groups, str), return_index=True)[1]
        names, counts = np.unique(np.asarray(artists, str)[first], return_counts=True)
        chosen = [str(name) for name, count in zip(names, counts, strict=True) if name and count >= MIN_WORKS]
        if len(chosen) < 2:
            raise ConfigError(
                f"attribution needs two artists of at least {MIN_WORKS} works each; the index has {len(chosen)}"
            )
        number = {name: at for at, name in enumerate(chosen)}
        kept = np.sort([at for at in first if artists[at] in number])
        works = np.ascontiguousarray(vectors[kept], np.float32)
        artist = np.array([number[artists[at]] for at in kept])
        size = np.bincount(artist)
        prototypes = np.zeros((len(chosen), works.shape[1]), np.float32)
        np.add.at(prototypes, artist, works)
        prototypes /= size[:, None]
        near = _crowding(works, works, itself=True)
        crowding = np.bincount(artist, near) / size
        # Each work scored as if it were not in the index: its own cosine of 1 leaves the mean of its artist.
        gss = works @ prototypes.T
        own = (np.arange(len(works)), artist)
        gss[own] = (size[artist] * gss[own] - 1) / (size[artist] - 1)
        csls = 2 * gss - near[:, None] - crowding
        temperature, known, quality = _calibrate(csls, artist)
        return cls(
            tuple(chosen),
            tuple(ids[at] for at in kept),
            works,
            artist,
            prototypes,
            crowding,
            temperature,
            known,
            quality,
        )

    def attribute(self, vectors: np.ndarray, nearest: int = 3) -> list[Attribution]:
        """Attributions of images, unit vectors (m, d), in their order; ``nearest`` works of each."""
        gss = vectors @ self.prototypes.T
        csls = 2 * gss - _crowding(vectors, self.works)[:, None] - self.crowding
        known = _sigmoid(self.known[0] * csls.max(1) + self.known[1])
        share = _softmax(csls / self.temperature) * known[:, None]
        cosine = vectors @ self.works.T
        result = []
        for row in range(len(vectors)):
            order = np.argsort(-csls[row], kind="stable")
            works = np.argsort(-cosine[row], kind="stable")[:nearest]
            result.append(
                Attribution(
                    tuple(Likeness(self.artists[a], *(float(t[row, a]) for t in (share, gss, csls))) for a in order),
                    float(1 - known[row]),
                    tuple((self.ids[w], float(cosine[row, w])) for w in works),
                )
            )
        return result

    def gap(self, artist: str, seed: int = 0) -> tuple[float, tuple[float, float]]:
        """Discrimination gap of an artist, with a 95 % bootstrap interval over works: the median cosine of two of its
        works, less the largest median cosine with the works of another artist. Below 0 the artist cannot be told apart.

        The interval draws the works of the artist and of the five artists that come nearest.
        """
        at = self.artists.index(artist)
        own = np.flatnonzero(self.artist == at)
        cosine = self.works[own] @ self.works.T
        median = np.array([np.median(cosine[:, self.artist == other]) for other in range(len(self.artists))])
        median[at] = -np.inf
        rivals = [np.flatnonzero(self.artist == other) for other in np.argsort(-median)[:COMPETITORS] if other != at]
        within = self.works[own] @ self.works[own].T

        def measured(mine: np.ndarray, theirs: Sequence[np.ndarray]) -> float:
            pairs = mine[:, None] != mine[None]  # a work drawn twice is no pair with itself
            return float(np.median(within[np.ix_(mine, mine)][pairs])
                         - max(np.median(cosine[np.ix_(mine, columns)]) for columns in theirs))  # fmt: skip

        draw = np.random.default_rng(seed_from("gap", artist, seed))
        values = []
        for _ in range(BOOTSTRAP_ROUNDS):
            mine = draw.integers(len(own), size=len(own))
            if len(set(mine.tolist())) > 1:
                values.append(
                    measured(mine, [columns[draw.integers(len(columns), size=len(columns))] for columns in rivals])
                )
        low, high = np.quantile(values, [0.025, 0.975])
        return measured(np.arange(len(own)), rivals), (float(low), float(high))


def all_rows(dataset: str | Path) -> PairRows:
    """The rows of `pairs` of all splits that a data set has.

    Raises:
        DatasetNotFound: there is no data set.
        ConfigError: it has no pairs.
    """
    from datasets import concatenate_datasets

    from artsim_dataset.load import load_artsim

    splits: Any = load_artsim(dataset, "pairs")
    return PairRows(concatenate_datasets(list(splits.values())))


def artist_index(
    rows: PairRows,
    subject: SimilarityModel | Encoder,
    cache: EmbeddingCache | None = None,
    progress: Progress | None = None,
) -> ArtistIndex:
    """The index of a data set's paintings, through the embedding cache. Raises ConfigError as :meth:`ArtistIndex.of`.

    Example::

        encoder = get_encoder("lite")
        index = artist_index(all_rows("my-dataset"), encoder)
        index.attribute(unit(encoder.encode([Image.open("unknown.jpg").convert("RGB")])))[0].answer
    """
    model, encoder = (subject, subject.encoder) if isinstance(subject, SimilarityModel) else (None, subject)
    store = EmbeddingCache(encoder) if cache is None else cache
    (positions,) = embed_all(rows, [Looks(rows.first_row, "original")], encoder, store, progress)
    embeddings = store.take(positions[:, 0])
    vectors = model.project(embeddings) if model else unit(embeddings)
    artists, groups = (column[rows.first_row].tolist() for column in (rows.artists, rows.groups))
    return ArtistIndex.of(vectors.astype(np.float32), artists, groups, rows.painting_ids.tolist())


def _crowding(vectors: np.ndarray, works: np.ndarray, itself: bool = False) -> np.ndarray:
    """Mean cosine of each vector with its nearest works, (n,); ``itself``: the vectors are the works, none its own."""
    found = []
    k = min(NEIGHBOURS, len(works) - itself)
    for at in range(0, len(vectors), BLOCK):
        cosine = vectors[at : at + BLOCK] @ works.T
        if itself:
            cosine[np.arange(len(cosine)), at + np.arange(len(cosine))] = -np.inf
        found.append(np.partition(cosine, -k, axis=1)[:, -k:].mean(1))
    return np.concatenate(found)


def _calibrate(csls: np.ndarray, artist: np.ndarray) -> tuple[float, tuple[float, float], dict[str, float]]:
    """Temperature of the softmax, slope and intercept of the logistic curve for "known", and the measured quality."""
    from scipy.optimize import minimize_scalar
    from sklearn.linear_model import LogisticRegression

    rows = np.arange(len(artist))

    def surprise(log_temperature: float) -> float:
        return float(-np.log(np.maximum(_softmax(csls / np.exp(log_temperature))[rows, artist], 1e-12)).mean())

    temperature = float(np.exp(minimize_scalar(surprise, bounds=(-7, 2), method="bounded").x))
    without = csls.copy()
    without[rows, artist] = -np.inf
    best, stranger = csls.max(1), without.max(1)
    curve = LogisticRegression(C=1e6).fit(
        np.r_[best, stranger][:, None], np.r_[np.ones(len(best)), np.zeros(len(best))]
    )
    known = float(curve.coef_[0, 0]), float(curve.intercept_[0])
    share = _softmax(csls / temperature)
    rank = metrics.ranks(csls, artist)
    hit = metrics.target_hits(rank, 5)
    quality = {
        "works": float(len(artist)),
        "top1": metrics.recall_at_k(hit, 1),
        "top5": metrics.recall_at_k(hit, 5),
        "known_auc": metrics.roc_auc(best, stranger),
        "ece": metrics.ece(share.max(1), share.argmax(1) == artist),
    }
    return temperature, known, quality


def _softmax(scores: np.ndarray) -> np.ndarray:
    power = np.exp(scores - scores.max(1, keepdims=True))
    return power / power.sum(1, keepdims=True)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))
