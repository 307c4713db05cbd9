"""Attribution against definitions written out, and on artists whose manner is known."""

from __future__ import annotations

import numpy as np
import pytest

from artsim_dataset.attribute import ArtistIndex
from artsim_dataset.errors import ConfigError
from artsim_dataset.model import unit


def works(artists: int = 6, each: int = 12, spread: float = 0.25, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Works around the manner of each artist, a direction of its own in 16 dimensions."""
    draw = np.random.default_rng(seed)
    manner = np.eye(artists, 16)
    vectors = unit(np.repeat(manner, each, 0) + spread * draw.normal(size=(artists * each, 16)))
    return vectors.astype(np.float32), [f"artist {n}" for n in range(artists) for _ in range(each)]


def index(vectors: np.ndarray, artists: list[str], groups: list[str] | None = None) -> ArtistIndex:
    ids = [f"work {n}" for n in range(len(artists))]
    return ArtistIndex.of(vectors, artists, groups or ids, ids)


def painted_by(artist: int, seed: int = 9) -> np.ndarray:
    return unit(np.eye(6, 16)[[artist]] + 0.25 * np.random.default_rng(seed).normal(size=(1, 16))).astype(np.float32)


def test_scores_are_those_of_the_definitions() -> None:
    vectors, artists = works()
    made, image = index(vectors, artists), painted_by(2)
    found = made.attribute(image)[0]
    nearest = np.sort(vectors @ image[0])[::-1][:15].mean()
    for likeness in found.artists:
        own = [n for n, name in enumerate(artists) if name == likeness.artist]
        gss = np.mean([vectors[n] @ image[0] for n in own])
        crowded = [np.sort(np.delete(vectors @ vectors[n], n))[::-1][:15].mean() for n in own]
        assert likeness.gss == pytest.approx(gss, abs=1e-5)
        assert likeness.csls == pytest.approx(2 * gss - nearest - np.mean(crowded), abs=1e-5)
    assert [a.csls for a in found.artists] == sorted((a.csls for a in found.artists), reverse=True)
    assert found.none + sum(a.probability for a in found.artists) == pytest.approx(1)
    order = np.argsort(-(vectors @ image[0]))[:3]
    assert [id_ for id_, _ in found.nearest] == [f"work {n}" for n in order]


def test_an_artist_in_the_index_is_named_and_a_stranger_is_nobody() -> None:
    made = index(*works())
    assert made.attribute(painted_by(4))[0].answer == "artist 4"
    stranger = np.zeros((1, 16), np.float32)
    stranger[0, 11] = 1
    found = made.attribute(stranger)[0]
    assert found.answer is None and found.none > 0.9


def test_quality_is_that_of_works_left_out_one_by_one() -> None:
    vectors, artists = works(spread=0.9, seed=3)
    right = []
    for left_out in range(len(artists)):
        rest = [n for n in range(len(artists)) if n != left_out]
        others = index(vectors[rest], [artists[n] for n in rest])
        scores = {a.artist: a.gss for a in others.attribute(vectors[[left_out]])[0].artists}
        made = index(vectors, artists)
        crowding = dict(zip(made.artists, made.crowding, strict=True))
        right.append(max(scores, key=lambda name: 2 * scores[name] - crowding[name]) == artists[left_out])
    assert (
        index(vectors, artists).quality["top1"] == pytest.approx(np.mean(right), abs=0.02)
        and 0.2 < np.mean(right) < 0.9
    )


def test_probabilities_are_as_often_right_as_they_say() -> None:
    vectors, artists = works(each=60, spread=0.8, seed=1)
    made = index(vectors, artists)
    fresh, truth = works(each=60, spread=0.8, seed=2)
    found = made.attribute(fresh)
    share = np.array([f.artists[0].probability / (1 - f.none) for f in found])
    right = np.array([f.artists[0].artist for f in found]) == np.array(truth)
    assert 0.4 < right.mean() < 0.95 and share.mean() == pytest.approx(right.mean(), abs=0.06)
    assert made.quality["ece"] < 0.1 and made.quality["known_auc"] > 0.5


def test_copies_of_a_work_do_not_vouch_for_each_other() -> None:
    vectors, artists = works(2, 4, spread=2.0)
    copied = np.concatenate([vectors, vectors[:4]])
    groups = [f"g{n}" for n in range(8)] + [f"g{n}" for n in range(4)]
    made, plain = index(copied, artists + artists[:4], groups), index(vectors, artists)
    assert made.quality == plain.quality and len(made.ids) == 8


def test_gap_is_the_median_within_less_the_nearest_rival() -> None:
    vectors, artists = works(4, 7, spread=0.6)
    made = index(vectors, artists)
    cosine, name = vectors @ vectors.T, np.array(artists)
    own = name == "artist 1"
    within = np.median(cosine[np.ix_(own, own)][~np.eye(7, dtype=bool)])
    across = max(np.median(cosine[np.ix_(own, name == f"artist {n}")]) for n in (0, 2, 3))
    gap, (low, high) = made.gap("artist 1")
    assert gap == pytest.approx(within - across, abs=1e-6) and low < gap < high
    assert made.gap("artist 1") == (gap, (low, high))


def test_artists_of_one_manner_cannot_be_told_apart() -> None:
    vectors, artists = works(2, 20, spread=0.3)
    mixed = [f"artist {n % 2}" for n in range(40)]  # every second work signed by the other
    gap, (low, high) = index(vectors, mixed).gap("artist 0")
    assert low < 0 < index(vectors, artists).gap("artist 0")[1][0] and gap < 0.1 and high < 0.6


def test_artists_of_few_works_and_nobody_are_left_out() -> None:
    vectors, artists = works(3, 4)
    artists[0:2] = ["", ""]  # artist 0 keeps two works
    assert index(vectors, artists).artists == ("artist 1", "artist 2")
    with pytest.raises(ConfigError, match="two artists of at least 3 works each; the index has 1"):
        index(vectors[:8], artists[:8])
