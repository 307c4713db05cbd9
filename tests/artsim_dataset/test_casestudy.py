"""The tables of the case study, against definitions written out, on generators whose faithfulness is known."""

from __future__ import annotations

import numpy as np
import pytest

from artsim_dataset import metrics
from artsim_dataset.attribute import ArtistIndex
from artsim_dataset.casestudy.tables import CaseStudy, case_study
from artsim_dataset.errors import ConfigError
from artsim_dataset.model import unit

ARTISTS = [f"Artist {n}" for n in range(5)]


def index(seed: int = 0) -> ArtistIndex:
    """Works of five artists, each spread wider than the one before."""
    draw = np.random.default_rng(seed)
    vectors = np.concatenate([unit(np.eye(5, 12)[n] + (0.1 + 0.1 * n) * draw.normal(size=(10, 12))) for n in range(5)])
    names = [f"artist-{n}" for n in range(5) for _ in range(10)]
    ids = [f"w{n}" for n in range(50)]
    return ArtistIndex.of(vectors.astype(np.float32), names, ids, ids)


def study(
    faithful: float, templates: tuple[str, ...] = ("simple", "constrained"), artists: list[str] = ARTISTS
) -> CaseStudy:
    """Images that follow the artist by ``faithful``, and something of their own by the rest."""
    draw = np.random.default_rng(1)
    manner, foreign = np.eye(5, 12), np.eye(12)[11]
    names, kinds, subjects, images = [], [], [], []
    for n, name in enumerate(artists):
        for kind in templates:
            for subject in ("dog", "house") if kind == "constrained" else ("",):
                for _ in range(4):
                    share = faithful * (0.5 if subject == "house" else 1)
                    images.append(share * manner[n % 5] + (1 - share) * foreign + 0.1 * draw.normal(size=12))
                    names, kinds, subjects = [*names, name], [*kinds, kind], [*subjects, subject]
    return case_study(index(), unit(np.array(images)).astype(np.float32), names, kinds, subjects, seed=3)


def test_a_faithful_generator_brings_every_style_back_and_a_deaf_one_none() -> None:
    faithful, deaf = study(1.0), study(0.0)
    verdicts = {row.artist: row.verdict for row in faithful.artists}
    # Works of the last two artists are spread so wide that some are no nearer to the others than strangers' are.
    assert verdicts == {f"artist-{n}": "present" if n < 3 else "unclear" for n in range(5)}
    assert all(row.recognised == 1 for row in faithful.artists)
    assert {row.verdict for row in deaf.artists} == {"absent"}
    assert all(row.gss_ci95[0] <= row.gss <= row.gss_ci95[1] for row in faithful.artists + deaf.artists)
    assert [row.gss for row in faithful.artists] == sorted((row.gss for row in faithful.artists), reverse=True)


def test_numbers_are_those_of_the_definitions() -> None:
    made, found = index(), study(0.7)
    for row in found.artists:
        works = made.works[made.artist == int(row.artist[-1])]
        pairs = [works[a] @ works[b] for a in range(10) for b in range(10) if a != b]
        assert row.diversity == pytest.approx(1 - np.mean(pairs), abs=1e-5)
        left_out = [np.mean([works[a] @ works[b] for b in range(10) if b != a]) for a in range(10)]
        assert row.own == pytest.approx(np.quantile(left_out, 0.05), abs=1e-5)
    simple = next(row for row in found.kinds if row.name == "simple")
    assert simple.numbers["gss"] == pytest.approx(np.mean([row.gss for row in found.artists]), abs=1e-5)
    assert simple.images == 20 and set(simple.numbers) == {
        "gss",
        *(f"{m}@{k}" for m in ("csd_map", "map", "recall") for k in (1, 10)),
    }


def test_retrieval_takes_images_as_queries_and_works_as_database() -> None:
    made = index()
    image = made.works[[0]]
    row = case_study(made, image, ["artist 0"], ["simple"], [""]).kinds[0]
    order = np.argsort(-(made.works @ image[0]), kind="stable")[:10]
    hits = (made.artist[order] == 0)[None]
    assert row.numbers["csd_map@10"] == metrics.csd_map_at_k(hits, 10) and row.numbers["recall@1"] == 1


def test_subjects_and_kinds_have_rows_of_their_own() -> None:
    found = study(0.8)
    assert [row.name for row in found.kinds] == ["simple", "constrained"] and [row.name for row in found.subjects] == [
        "dog",
        "house",
    ]
    dog, house = (row.numbers["gss"] for row in found.subjects)
    assert dog > house, "a subject that drowns the style is seen"
    constrained = [row.constrained for row in found.artists]
    assert np.mean(constrained) == pytest.approx((dog + house) / 2, abs=1e-5)  # type: ignore[arg-type]
    assert study(0.8, ("user",)).artists[0].constrained is None


def test_artists_of_many_manners_are_harder_to_bring_back() -> None:
    rho, (low, high) = study(1.0).correlation or (0, (0, 0))
    assert rho < -0.8 and low <= rho <= high
    assert study(1.0, artists=ARTISTS[:3]).correlation is None


def test_artists_without_works_are_named_and_a_study_without_any_is_refused() -> None:
    assert study(1.0, artists=["Artist 1", "Nobody"]).left_out == ["Nobody"]
    with pytest.raises(ConfigError, match="no artist of the study is in the index, for example not Nobody"):
        study(1.0, artists=["Nobody"])
