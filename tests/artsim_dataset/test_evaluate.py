from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset

from artsim_dataset import scores as scores_module
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import PairRows
from artsim_dataset.errors import ConfigError
from artsim_dataset.evaluate import Evaluation, evaluate
from artsim_dataset.model import Dense, SimilarityModel
from artsim_dataset.schema import painting_id_of
from artsim_dataset.scores import score
from artsim_dataset.views import perturbation
from tests.artsim_dataset.learning import PixelEncoder, pairs_dataset

PAINTINGS, VARIANTS = 21, 2


@pytest.fixture(scope="module")
def rows() -> PairRows:
    return PairRows(pairs_dataset(PAINTINGS, VARIANTS))


def vectors(n: int, seed: int) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(n, 5)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def evaluation(tmp_path: Path, **options: object) -> Evaluation:
    encoder = PixelEncoder()
    return evaluate(pairs_dataset(PAINTINGS, VARIANTS), encoder, cache=EmbeddingCache(encoder, tmp_path), **options)  # type: ignore[arg-type]


class ReadingEncoder(PixelEncoder):
    """Reads a title as the variant of that title looks."""

    def __init__(self, dataset: Dataset) -> None:
        super().__init__()
        rows = PairRows(dataset)
        shown = [rows.content(row, "generated", rows.image_bytes(row, "generated")) for row in range(len(rows))]
        self.looks = dict(zip(dataset["title"], self.encode(shown), strict=True))

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([self.looks[text] for text in texts])


@pytest.mark.parametrize("block", [4, 256])
def test_numbers_agree_with_a_naive_count_of_all_triplets(
    rows: PairRows, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scores_module, "BLOCK", block)
    o, tau = vectors(PAINTINGS, 1), 0.1
    v = vectors(PAINTINGS * VARIANTS, 2) + 1.2 * o[rows.painting]
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    right, losses, ranks, negatives, same = [], [], [], [], []
    mistaken: dict[str, dict[str, int]] = {}
    genre = rows.genres[rows.first_row]
    for row, own in enumerate(rows.painting):
        positive = float(o[own] @ v[row])
        for other in range(PAINTINGS):
            if genre[other] != genre[own]:
                negative = float(o[own] @ o[other])
                negatives.append(negative)
                right.append(positive > negative)
                losses.append(np.log1p(np.exp((negative - positive) / tau)))
            elif other != own:
                same.append(positive > float(o[own] @ o[other]))
        similarity = [float(v[row] @ o[p]) for p in range(PAINTINGS)]
        ranked = sorted(range(PAINTINGS), key=lambda p: -similarity[p])
        ranks.append(ranked.index(own))
        if ranked[0] != own:
            found = mistaken.setdefault(genre[own], {})
            found[genre[ranked[0]]] = found.get(genre[ranked[0]], 0) + 1
    scores = score(rows, o, v.astype(np.float32), tau, seed=1)
    numbers = scores.numbers
    assert numbers["triplet_accuracy"] == pytest.approx(np.mean(right), abs=1e-9) and 0.6 < np.mean(right) < 1
    assert numbers["triplet_accuracy_same_genre"] == pytest.approx(np.mean(same), abs=1e-9) and np.mean(same) < 1
    assert numbers["loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    assert numbers["recall@1"] == pytest.approx(np.mean(np.array(ranks) < 1)) and 0 < numbers["recall@1"] < 1
    assert numbers["recall@5"] == pytest.approx(np.mean(np.array(ranks) < 5))
    assert numbers["mrr"] == pytest.approx(np.mean(1 / (np.array(ranks) + 1)))
    np.testing.assert_allclose(np.sort(scores.negatives), np.sort(negatives), atol=1e-6)
    at = rows.genres == "Cubism"
    by_genre = np.array(right).reshape(PAINTINGS * VARIANTS, -1)[at]
    assert scores.per_genre["Cubism"]["triplet_accuracy"] == pytest.approx(by_genre.mean())
    assert scores.per_genre["Cubism"]["n_variants"] == at.sum()
    assert scores.mistaken == mistaken and sum(len(found) for found in mistaken.values()) > 1
    low, high = scores.per_genre["Cubism"]["ci95"]["recall@1"]
    share = scores.per_genre["Cubism"]["recall@1"]
    n, z = len(set(rows.painting[at].tolist())), 1.959964
    for end in (low, high):  # where the end is the true share, the one that was seen is z standard errors away
        assert abs(share - end) == pytest.approx(z * (end * (1 - end) / n) ** 0.5, rel=1e-5)
    assert low < share < high
    assert sum(level["n_variants"] for level in scores.per_level.values()) == PAINTINGS * VARIANTS
    low, high = scores.ci["triplet_accuracy"]
    assert low <= numbers["triplet_accuracy"] <= high and low < high


def test_a_model_that_sees_no_difference_gets_no_triplet_right(rows: PairRows) -> None:
    o = np.tile(np.float32([1, 0]), (PAINTINGS, 1))
    scores = score(rows, o, np.tile(np.float32([1, 0]), (len(rows), 1)), 0.07, 1)
    assert scores.numbers["triplet_accuracy"] == 0 and scores.numbers["loss"] == pytest.approx(np.log(2))
    assert scores.numbers["recall@1"] == pytest.approx(1 / PAINTINGS)


def test_perfect_vectors_are_perfect_and_examples_are_ordered_by_margin(rows: PairRows) -> None:
    o = vectors(PAINTINGS, 3)
    scores = score(rows, o, o[rows.painting], 0.07, 1)
    assert all(scores.numbers[m] == 1 for m in ("triplet_accuracy", "recall@1", "mrr", "roc_auc", "tpr@fpr=1%"))
    assert scores.numbers["eer"] == 0 and scores.ci["recall@1"] == (1.0, 1.0)
    margins = {k: [e.positive_similarity - e.negative_similarity for e in v] for k, v in scores.examples.items()}
    assert min(margins["best"]) >= max(margins["typical"]) and min(margins["typical"]) >= max(margins["worst"])
    for example in (e for examples in scores.examples.values() for e in examples):
        assert painting_id_of(example.positive_id) == example.anchor_id
        assert example.negative_id.split("/")[0] != example.anchor_id.split("/")[0]


def test_near_duplicates_are_no_negatives(rows: PairRows) -> None:
    o = vectors(PAINTINGS, 3)
    o[3] = o[0]  # the same genre
    o[20] = o[0]  # another genre
    alone = copy.copy(rows)
    assert score(alone, o, o[rows.painting], 0.07, 1).numbers["triplet_accuracy"] < 1
    group = rows.groups.copy()
    group[np.isin(rows.painting, (0, 3, 20))] = "copies"
    alone.groups = group
    numbers = score(alone, o, o[rows.painting], 0.07, 1).numbers
    assert numbers["triplet_accuracy"] == numbers["triplet_accuracy_same_genre"] == 1


def test_genres_of_one_painting_have_no_same_genre_accuracy() -> None:
    rows = PairRows(pairs_dataset(3))
    assert "triplet_accuracy_same_genre" not in score(rows, vectors(3, 1), vectors(3, 2), 0.07, 1).numbers


def test_interval_leaves_out_draws_without_a_pair_of_one_genre() -> None:
    rows = PairRows(pairs_dataset(4))  # two of the four share a genre; many draws hold one of them at most
    o = np.eye(4, 5, dtype=np.float32)
    assert score(rows, o, o[rows.painting], 0.07, 1).ci["triplet_accuracy_same_genre"] == (1.0, 1.0)


def test_artists_are_told_apart_and_nobody_is_no_artist() -> None:
    rows = PairRows(pairs_dataset(12, artists=4))
    o = vectors(12, 5)
    o[rows.artists[rows.first_row] == "artist-2"] *= -1
    scores = score(rows, o, np.abs(o), 0.07, 1)
    assert set(scores.per_artist) == {f"artist-{n}" for n in range(4)}
    rows.artists[:] = ""
    assert score(rows, o, np.abs(o), 0.07, 1).per_artist == {}


def test_prompts_are_matched_with_their_variants(tmp_path: Path) -> None:
    dataset = pairs_dataset(9).map(lambda row: {"prompt_compressed": row["title"]})
    encoder = ReadingEncoder(dataset)
    told = evaluate(dataset, encoder, cache=EmbeddingCache(encoder, tmp_path)).alignment
    assert told is not None and told["clip_score"] == pytest.approx(100, abs=0.1)
    assert told["prompt_to_image_recall@1"] == told["image_to_prompt_recall@1"] == 1
    assert evaluation(tmp_path).alignment is None
    unworded = pairs_dataset(9)
    assert evaluate(unworded, encoder, cache=EmbeddingCache(encoder, tmp_path)).alignment is None


def test_negatives_are_sampled_when_there_are_too_many(rows: PairRows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores_module, "MAX_NEGATIVES", 100)
    o = vectors(PAINTINGS, 4)
    first, again = (score(rows, o, o[rows.painting], 0.07, 1) for _ in range(2))
    assert 20 < len(first.negatives) < 160 and (first.negatives == again.negatives).all()


def test_the_perturbed_pass_looks_at_the_perturbed_variants(tmp_path: Path) -> None:
    dataset, encoder = pairs_dataset(6), PixelEncoder()
    rows, result = PairRows(dataset), evaluate(dataset, encoder, seed=5, cache=EmbeddingCache(encoder, tmp_path))
    seen = [
        perturbation(i, 5).apply(rows.content(r, "generated", rows.image_bytes(r, "generated")))
        for r, i in enumerate(rows.ids)
    ]
    anchors = [rows.content(r, "original", rows.image_bytes(r, "original")) for r in range(6)]
    a, b = encoder.encode(anchors), encoder.encode(seen)
    expected = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    np.testing.assert_allclose(np.sort(result.perturbed.positives), np.sort(expected), atol=2e-3)
    assert (
        result.as_is.numbers["mrr"] != result.perturbed.numbers["mrr"]
        or result.as_is.numbers["loss"] < result.perturbed.numbers["loss"]
    )


def test_a_painting_with_several_variants_is_one_original(tmp_path: Path) -> None:
    result = evaluation(tmp_path)
    assert (result.n_paintings, result.n_variants) == (PAINTINGS, PAINTINGS * VARIANTS)


def test_json_has_what_the_command_line_promises(tmp_path: Path) -> None:
    told = json.loads(json.dumps(evaluation(tmp_path, dataset_name="painted", split="test").to_json()))
    assert {"triplet_accuracy", "recall@1", "recall@5", "mrr", "roc_auc", "average_precision", "eer",
            "tpr@fpr=1%", "loss", "ci95", "per_genre", "per_level", "n_paintings", "n_variants", "encoder", "model",
            "split", "dataset"} <= set(told)  # fmt: skip
    assert {"triplet_accuracy", "recall@1", "per_genre"} <= set(told["perturbed"])
    assert (told["encoder"], told["model"], told["dataset"], told["split"]) == ("pixels", None, "painted", "test")


def test_a_model_is_shown_beside_its_bare_encoder(tmp_path: Path) -> None:
    encoder = PixelEncoder()
    blind = np.zeros((2, encoder.dim), np.float32)
    model = SimilarityModel("blind", encoder, (Dense(blind, np.float32([1, 1])),), 0.05, {})
    result = evaluate(pairs_dataset(9), model, cache=EmbeddingCache(encoder, tmp_path))
    assert result.baseline is not None and result.baseline.model is None and result.baseline.baseline is None
    assert result.as_is.numbers["triplet_accuracy"] == 0 < result.baseline.as_is.numbers["triplet_accuracy"]
    assert (result.model, result.tau, result.to_json()["baseline"]["model"]) == ("blind", 0.05, None)


def test_a_split_of_one_genre_is_refused(tmp_path: Path) -> None:
    encoder, dataset = PixelEncoder(), pairs_dataset(6)
    with pytest.raises(ConfigError, match="at least two genres, the split has only Baroque"):
        evaluate(
            dataset.filter(lambda row: row["genre"] == "Baroque"), encoder, cache=EmbeddingCache(encoder, tmp_path)
        )
