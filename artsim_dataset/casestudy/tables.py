"""The case study of S3: how much of an artist's style a text-to-image generator brings back.

Reproduces the tables of "Measuring Style Similarity in Diffusion Models" (arXiv 2404.01292, section 6) for any
generator and any encoder: general style similarity (GSS) by artist, retrieval by the kind of prompt (their table 2) and
by subject (their table 3), and the diversity of an artist against how well the style generalises.

Two things are added. What a GSS means differs between encoders, so each artist's is set beside that of real works: of
the artist's own, each left out once, and of everybody else's. And every mean has a 95 % bootstrap interval over images
or artists. The authors' rule of thumb for CSD, below 0.5 absent, above 0.8 present, is not assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from artsim_dataset import metrics
from artsim_dataset.attribute import ArtistIndex
from artsim_dataset.errors import ConfigError
from artsim_dataset.retrieval import ranked_hits
from artsim_dataset.schema import seed_from, slug

KINDS = ("simple", "constrained", "user")
"""Of prompts: the artist's manner alone, with a subject, and what people really ask for."""
DEPTHS = (1, 10, 100)
SHARE = 0.05
ROUNDS = 1000


@dataclass(frozen=True)
class ArtistRow:
    """One artist. ``gss``: of the images of simple prompts (of all, when there are none), with its interval.

    ``own``: the 5th percentile of the artist's own works, each left out once. ``others``: the 95th percentile of other
    artists' works. ``recognised``: share of the images that are nearer to this artist than to any other in the index.
    ``diversity``: 1 - mean cosine of two works of the artist. ``constrained``: GSS of images with a subject, if any.
    """

    artist: str
    images: int
    gss: float
    gss_ci95: tuple[float, float]
    own: float
    others: float
    recognised: float
    diversity: float
    constrained: float | None

    @property
    def verdict(self) -> str:
        """``present``: as near as the artist's works are to each other; ``absent``: no nearer than anybody's; or
        ``between``. ``unclear``: nearer than anybody's, but the encoder does not tell the artist's works from others'.
        """
        if self.gss <= self.others:
            return "absent"
        if self.own <= self.others:
            return "unclear"
        return "present" if self.gss >= self.own else "between"


@dataclass(frozen=True)
class RetrievalRow:
    """Generated images as queries, real works as the database, the artist as the class. ``numbers``: csd_map@k,
    map@k, recall@k and mean GSS; k is 1, 10 and 100."""

    name: str
    images: int
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class CaseStudy:
    """All tables. ``correlation``: Spearman's rho of diversity and GSS over artists, with its interval; None for fewer
    than four artists. ``left_out``: artists of the images who are not in the index."""

    artists: list[ArtistRow]
    kinds: list[RetrievalRow]
    subjects: list[RetrievalRow]
    correlation: tuple[float, tuple[float, float]] | None
    left_out: list[str]

    def to_json(self) -> dict[str, Any]:
        tables = {"artists": [asdict(row) | {"verdict": row.verdict} for row in self.artists]}
        tables |= {"kinds": [asdict(row) for row in self.kinds], "subjects": [asdict(row) for row in self.subjects]}
        correlation = None
        if self.correlation:
            correlation = {"spearman": self.correlation[0], "ci95": list(self.correlation[1])}
        return tables | {"diversity_and_gss": correlation, "left_out": self.left_out}


def case_study(
    index: ArtistIndex,
    images: np.ndarray,
    artists: Sequence[str],
    kinds: Sequence[str],
    subjects: Sequence[str],
    seed: int = 0,
) -> CaseStudy:
    """Measures a study.

    Args:
        index: real works.
        images: unit vectors of the generated images, (n, d).
        artists: of each image, as its prompt names them; matched with the index by their slugs.
        kinds: simple, constrained or user, of each image.
        subjects: of each image, '' for none.
        seed: of the bootstrap.

    Raises:
        ConfigError: no image is by an artist of the index.
    """
    number = {slug(name): at for at, name in enumerate(index.artists)}
    artist = np.array([number.get(slug(name), -1) for name in artists])
    known = artist >= 0
    left_out = sorted({name for name in artists if slug(name) not in number})
    if not known.any():
        raise ConfigError(
            f"no artist of the study is in the index, for example not {left_out[0]}: "
            "an artist needs at least three works there"
        )
    images, artist = images[known], artist[known]
    kind, subject = np.asarray(kinds, str)[known], np.asarray(subjects, str)[known]
    gss = images @ index.prototypes.T
    rows = [_artist(index, gss, np.flatnonzero(artist == at), at, kind, seed) for at in np.unique(artist).tolist()]
    rows.sort(key=lambda row: (-row.gss, row.artist))

    def table(labels: np.ndarray, names: Sequence[str]) -> list[RetrievalRow]:
        found = [(name, np.flatnonzero(labels == name)) for name in names]
        return [_retrieval(name, index, images, artist, gss, at) for name, at in found if len(at)]

    return CaseStudy(
        rows,
        table(kind, KINDS),
        table(subject, sorted(set(subject.tolist()) - {""})),
        _correlation(rows, seed),
        left_out,
    )


def _artist(index: ArtistIndex, gss: np.ndarray, at: np.ndarray, artist: int, kind: np.ndarray, seed: int) -> ArtistRow:
    simple, constrained = at[kind[at] == "simple"], at[kind[at] == "constrained"]
    shown = simple if len(simple) else at
    works = index.works[index.artist == artist]
    size = len(works)
    own = (size * (works @ index.prototypes[artist]) - 1) / (size - 1)
    others = index.works[index.artist != artist] @ index.prototypes[artist]
    name = index.artists[artist]

    def mean(rows: np.ndarray) -> float:
        return float(gss[shown[rows], artist].mean())

    return ArtistRow(
        name, len(shown), mean(np.arange(len(shown))),
        metrics.bootstrap_ci(mean, np.arange(len(shown)), seed_from("gss", name, seed), ROUNDS),
        float(np.quantile(own, SHARE)), float(np.quantile(others, 1 - SHARE)),
        float((gss[shown].argmax(1) == artist).mean()), 1 - float(own.mean()),
        float(gss[constrained, artist].mean()) if len(constrained) else None,
    )  # fmt: skip


def _retrieval(
    name: str, index: ArtistIndex, images: np.ndarray, artist: np.ndarray, gss: np.ndarray, at: np.ndarray
) -> RetrievalRow:
    hits, relevant = ranked_hits(images[at], index.works, artist[at], index.artist, max(DEPTHS))
    numbers = {"gss": float(gss[at, artist[at]].mean())}
    for k in DEPTHS:
        if k <= hits.shape[1]:
            numbers[f"csd_map@{k}"] = metrics.csd_map_at_k(hits, k)
            numbers[f"map@{k}"] = metrics.map_at_k(hits, k, relevant)
            numbers[f"recall@{k}"] = metrics.recall_at_k(hits, k)
    return RetrievalRow(name, len(at), numbers)


def _correlation(rows: Sequence[ArtistRow], seed: int) -> tuple[float, tuple[float, float]] | None:
    from scipy.stats import spearmanr

    if len(rows) < 4:
        return None
    values = np.array([(row.diversity, row.gss) for row in rows])

    def rho(at: np.ndarray) -> float:
        drawn = values[at]
        # An artist drawn alone, again and again, has no rank to agree on.
        return float(spearmanr(drawn).statistic) if (np.ptp(drawn, axis=0) > 0).all() else 0.0

    statistic: Callable[[np.ndarray], float] = rho
    return rho(np.arange(len(rows))), metrics.bootstrap_ci(
        statistic, np.arange(len(rows)), seed_from("rho", seed), ROUNDS
    )


def kind_of(template: str) -> str:
    """The kind of a template's prompts, from its name in the data set.

    >>> kind_of("simple"), kind_of("constrained3"), kind_of("user")
    ('simple', 'constrained', 'user')
    """
    name = template.rstrip("0123456789")
    if name not in KINDS:
        raise ConfigError(f"the template '{template}' is of no known kind; kinds are: {', '.join(KINDS)}")
    return name
