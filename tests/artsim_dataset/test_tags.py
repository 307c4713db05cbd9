from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim_dataset import tags as tags_module
from artsim_dataset.errors import ConfigError
from artsim_dataset.tags import MEDIA, MOVEMENTS, Tagged, cap, find_tags, merge, near_duplicates

patient = settings(max_examples=50, deadline=None)

phrases = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(" ".join)


def as_sets(tagged: Tagged) -> list[set[str]]:
    return [{tagged.names[column] for column in row.nonzero()[0]} for row in tagged.has.toarray()]


def naive(text: str, tags: list[str]) -> set[str]:
    """Every tag by a regex of its own; spans inside a longer span are dropped."""
    spans = [(m.start(1), m.end(1), tag) for tag in tags for m in re.finditer(rf"(?=\b({re.escape(tag)})\b)", text)]
    return {tag for a, b, tag in spans if not any(c <= a and b <= d and d - c > b - a for c, d, _ in spans)}


@patient
@given(
    st.lists(st.lists(st.sampled_from("abcd"), max_size=10).map(" ".join), max_size=5), st.lists(phrases, max_size=6)
)
def test_the_search_finds_what_a_regex_for_each_tag_finds(texts: list[str], tags: list[str]) -> None:
    found = find_tags(texts, tags)
    assert as_sets(found) == [naive(text, tags) for text in texts]
    assert list(found.names) == list(dict.fromkeys(tags))


def test_case_accents_and_punctuation_do_not_matter_and_whole_words_do() -> None:
    texts = ["By ÉDOUARD Manet (oil-on-canvas)", "Manetish, inkwell; not ink_y?", "stained\nglass"]
    found = find_tags(texts, ["Edouard Manet", "oil on canvas", "ink", "manet", "Stained Glass", "stained-glass"])
    assert as_sets(found) == [{"Edouard Manet", "oil on canvas"}, {"ink"}, {"Stained Glass"}]


def test_the_lists_that_come_along_are_tags_of_their_own() -> None:
    found = find_tags([*MEDIA, *MOVEMENTS], [*MEDIA, *MOVEMENTS])
    assert (found.has.toarray() == np.eye(len(found.names), dtype=bool)).all()
    assert len(found.names) == len(MEDIA) + len(MOVEMENTS)


def test_a_tag_without_a_word_is_refused() -> None:
    with pytest.raises(ConfigError, match="'--' has no word"):
        find_tags(["a"], ["--"])


class Counted(dict[Any, Any]):
    """A table that counts how often it is asked."""

    asked = 0

    def get(self, key: Any, default: Any = None) -> Any:
        self.asked += 1
        return super().get(key, default)


@pytest.mark.parametrize("count", [1, 40, 4000])
def test_thousands_of_tags_cost_no_more_questions_than_a_few(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [" ".join(f"w{(i * 7 + j) % 5000}" for j in range(30)) for i in range(40)]
    tables: list[Counted] = []
    search = tags_module._tags_of

    def counted(text: list[str], number: dict[Any, int], longest_first: dict[str, list[int]]) -> set[int]:
        tables.extend([Counted(number), Counted(longest_first)])
        return search(text, tables[-2], tables[-1])

    monkeypatch.setattr(tags_module, "_tags_of", counted)
    found = find_tags(texts, [f"w{i} w{i + 1}" for i in range(count)])
    assert 0 < sum(table.asked for table in tables) <= 40 * 30 * 2  # each word once in either table
    assert count == 1 or found.has.nnz


def test_tags_that_too_many_or_too_few_have_are_dropped() -> None:
    found = find_tags(["a b", "a c", "a c", "d"], ["a", "b", "c", "d", "e"])
    assert found.counts().tolist() == [3, 1, 2, 1, 0]
    assert cap(found).names == ("a", "b", "c", "d")
    capped = cap(found, most=2, least=2)
    assert capped.names == ("c",) and as_sets(capped) == [set(), {"c"}, {"c"}, set()]


@patient
@given(st.integers(0, 12), st.integers(0, 10_000))
def test_near_duplicates_are_the_connected_components_of_close_pairs(n: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    vectors = draw.normal(size=(n, 2))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = list(range(n))
    for _ in range(n):  # the smallest label spreads
        for i in range(n):
            for j in range(n):
                if float(np.float32(vectors[i] @ vectors[j])) > 0.9:
                    expected[i] = expected[j] = min(expected[i], expected[j])
    numbers = {label: at for at, label in enumerate(dict.fromkeys(expected))}
    assert near_duplicates(vectors, 0.9).tolist() == [numbers[label] for label in expected]


def test_components_reach_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    angles = np.array([0.0, 2.0, 0.4, 2.3, 0.8, 4.0, 1.1])  # a chain 0, 2, 4, 6: the ends are far from each other
    vectors = np.stack([np.cos(angles), np.sin(angles)], 1)
    whole = near_duplicates(vectors, 0.9)
    assert whole.tolist() == [0, 1, 0, 1, 0, 2, 0]
    monkeypatch.setattr(tags_module, "BLOCK", 2)
    assert near_duplicates(vectors, 0.9).tolist() == whole.tolist()


@patient
@given(st.lists(st.tuples(st.sets(st.sampled_from("abc")), st.integers(0, 3)), min_size=1, max_size=8))
def test_merged_images_have_the_tags_of_all(rows: list[tuple[set[str], int]]) -> None:
    found = find_tags([" ".join(sorted(own)) for own, _ in rows], "abc")
    component = [c for _, c in rows]
    kept, merged = merge(found, np.array(component))
    first = [at for at, c in enumerate(component) if c not in component[:at]]
    assert kept.tolist() == first
    assert as_sets(merged) == [set().union(*(own for own, c in rows if c == component[at])) for at in first]


def test_groups_of_the_data_set_are_components_too() -> None:
    found = find_tags(["a", "b", "c"], "abc")
    kept, merged = merge(found, np.array(["g", "f", "g"]))
    assert kept.tolist() == [0, 1] and as_sets(merged) == [{"a", "c"}, {"b"}]
    with pytest.raises(ConfigError, match="3 items have tags and 2"):
        merge(found, np.array(["g", "f"]))
