import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim_dataset.schema import MAX_PROMPT_TOKENS, Painting
from builder.models import PromptTask, clip_tokens
from builder.models.grammar import CHANGES
from builder.models.lite_compress import ClauseDropper, join, split, telling
from builder.models.lite_prompt import GrammarWriter
from builder.stage import Reject

LONG = (
    "Transform the harbor into a luminous glass aquarium, with drifting jellyfish and coral towers. Replace umber, "
    "black and grey green with turquoise, violet and pearl, so that it feels weightless. Nothing should be explained. "
    "Light it from within, under a moon that pulses slowly. It may rain. Let the horizon curve like a lens, and let "
    "every mast become a reed that bends in an invisible current, as if the whole bay were breathing in its sleep."
)
CAPTION = (
    "a Realist painting in deep brown with grey and dark olive, dark, bright above and dark below, landscape format, "
    "detail gathered in the middle, fine detail"
)


def compress(text: str, limit: int = MAX_PROMPT_TOKENS) -> str:
    (answer,) = ClauseDropper(limit).compress([text])
    assert isinstance(answer, str)
    return answer


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def is_subsequence(short: list[str], long: list[str]) -> bool:
    rest = iter(long)
    return all(word in rest for word in short)


def test_a_prompt_that_fits_is_left_alone_to_the_last_space() -> None:
    text = "  Move it ,, to  dusk "
    assert compress(text) == text
    exactly = "boats " * 75
    assert compress(exactly) == exactly


def test_a_long_prompt_keeps_its_opening_and_loses_hedges_first() -> None:
    assert clip_tokens.count(LONG) > MAX_PROMPT_TOKENS
    short = compress(LONG)
    assert short.startswith(
        "Transform the harbor into a luminous glass aquarium, with drifting jellyfish and coral towers."
    )
    assert "so that it feels weightless" not in short and "as if the whole bay" not in short
    assert 45 <= clip_tokens.count(short) <= 56


def test_a_list_is_never_torn_from_what_it_belongs_to() -> None:
    short = compress(LONG)
    assert ("Replace umber" in short) == ("with turquoise, violet and pearl" in short)
    assert split("Replace umber, black and tan with rose, and keep the light low.") == [
        ["Replace umber, black and tan with rose,", "and keep the light low."]
    ]
    assert split("Use soot, oxblood, and brass.") == [["Use soot, oxblood, and brass."]]
    assert split("In low sun, paint it, as if asleep; then rest — slowly.") == [
        ["In low sun, paint it,", "as if asleep;", "then rest", "— slowly."]
    ]


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**63 - 1), st.sampled_from([*CHANGES, ""]))
def test_grammar_prompts_fit_and_say_only_what_was_said_in_whole_clauses(seed: int, change: str) -> None:
    level = "radical" if change else "moderate"
    task = PromptTask(Painting("a/b", "Realism", "x", "y"), CAPTION, level, change, seed)  # type: ignore[arg-type]
    (text,) = GrammarWriter().write([task])
    assert isinstance(text, str)
    short = compress(text)
    assert clip_tokens.count(short) <= MAX_PROMPT_TOKENS
    assert is_subsequence(words(short), words(text))
    assert short[-1] == "."
    clauses = [clause.strip(" ,;:.") for sentence in split(text) for clause in sentence]
    for sentence in split(short):
        assert " ".join(sentence).strip(" ,;:.") in text
        assert sentence[-1].strip(" ,;:.") in clauses
    assert split(short)[0][0].strip(" ,;:.") == clauses[0]


@settings(deadline=None, max_examples=200)
@given(
    st.one_of(
        st.text(min_size=1, max_size=400),
        st.lists(
            st.sampled_from(["moss", "a", ",", "und", "日本", "😀", ".", ";", "—", "the", "-", "x" * 90, "\n"])
        ).map(" ".join),
        st.lists(st.sampled_from(["moss,", "and", "rust,", "with", "ice."]), min_size=50, max_size=120).map(" ".join),
    ),
    st.sampled_from([8, 20, 75]),
)
def test_any_text_comes_out_short_enough_and_never_empty(text: str, limit: int) -> None:
    (answer,) = ClauseDropper(limit).compress([text])
    if not text.strip():
        assert isinstance(answer, Reject) and answer.reason == "empty_prompt"
        return
    assert isinstance(answer, str) and answer.strip()
    assert clip_tokens.count(answer) <= limit
    if clip_tokens.count(text) <= limit:
        assert answer == text


@pytest.mark.parametrize("first", range(6))
def test_one_endless_clause_is_cut_between_words_and_not_after_a_dangling_one(first: int) -> None:
    text = "slow " * first + "boats and ropes of the quay " * 30
    short = compress(text)
    assert 65 < clip_tokens.count(short) <= 75
    assert text.startswith(short) and short.split()[-1] in ("boats", "ropes", "quay")


def test_a_list_of_tags_loses_whole_tags() -> None:
    numbers = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    tags = [*(f"golden harbor number {n}" for n in numbers), *(f"small boat {n}" for n in numbers)]
    short = compress(", ".join(tags))
    kept = short.rstrip(".").split(", ")
    assert kept == tags[: len(kept)] and len(kept) > 10
    assert clip_tokens.count(", ".join(tags[: len(kept) + 1]) + ".") > 75


def test_a_single_word_without_end_is_cut_between_letters() -> None:
    short = compress("漢字" * 400)
    assert 60 < clip_tokens.count(short) <= 75 and ("漢字" * 400).startswith(short)


def test_the_choice_is_the_best_of_all_that_fit() -> None:
    sentences = split(LONG)
    worth = telling(sentences)
    budget = 56
    best = 0.0
    for kept in itertools.product(*(range(len(clauses) + 1) for clauses in sentences)):
        if kept[0] == 0:
            continue
        chosen = [clauses[:n] for clauses, n in zip(sentences, kept, strict=True) if n]
        if clip_tokens.count(join(chosen)) <= budget:
            best = max(best, sum(sum(of[:n]) for of, n in zip(worth, kept, strict=True)))
    chosen = split(compress(LONG))
    value = 0.0
    for clauses, of in zip(sentences, worth, strict=True):
        for sentence in chosen:
            if sentence[0].rstrip(".,") == clauses[0].rstrip(".,"):
                value += sum(of[: len(sentence)])
    assert value == pytest.approx(best)


def test_repeated_words_hedges_and_late_places_are_worth_less() -> None:
    worth = telling(split("Paint moss. Paint moss, with rust and slate. Maybe it should rain. Paint rust. Snow falls."))
    assert worth[0] == [2 * 1.5]
    assert worth[1] == [0.0, pytest.approx(2 * 1.4)]
    assert worth[2] == [pytest.approx(0.4 * 3 * 1.3)]
    assert worth[3] == [0.0]
    assert worth[4] == [pytest.approx(2 * 1.1)]


def test_the_change_that_follows_the_opening_command_is_worth_double() -> None:
    assert telling(
        split("Keep the poses, but repaint them in moss, and rest a good while. Rain falls, with wind and hail.")
    ) == [
        [2 * 1.5, 2 * 3 * 1.5, 2 * 1.5],
        [2 * 1.25, 2 * 1.25],
    ]


def test_counts_are_those_of_clip() -> None:
    assert ClauseDropper().count("a painting of three boats in a harbor") == 8
