import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim_dataset.schema import MAX_PROMPT_WORDS, Painting
from builder.models import PromptTask
from builder.models.cleaning import clean_caption, clean_prompt, judge_caption, judge_prompt
from builder.models.facts import Guard, words
from builder.models.grammar import CHANGES
from builder.models.lite_prompt import GrammarWriter
from builder.stage import Reject

PAINTING = Painting("Realism/a_b", "Realism", "Winslow Homer", "The Gulf Stream")
PROMPT = "Turn the harbour into a glasshouse: ferns for masts, moss for water. Let a pale sun fog the panes."

WRAPPED = {
    "bare": PROMPT,
    "spaces": f"  {PROMPT.replace(' ', '  ')}\n",
    "quotes": f'"{PROMPT}"',
    "curly": f"“{PROMPT}”",
    "stop after quotes": f'"{PROMPT[:-1]}".',
    "lost quote": f'"{PROMPT}',
    "introduced": f"Here is the prompt:\n\n{PROMPT}",
    "introduced in line": f"Here's a radical prompt for this painting: {PROMPT}",
    "agreed": f"Sure! {PROMPT}",
    "agreed and introduced": f'Certainly! Here is a prompt that meets your constraints:\n\n"{PROMPT}"',
    "labelled": f"Prompt: {PROMPT}",
    "labelled in bold": f"**Prompt:** {PROMPT}",
    "labelled with a level": f"Radical prompt (change of scale): {PROMPT}",
    "labelled with a number": f"Prompt 1: {PROMPT}",
    "labelled with a dash": f"Prompt - {PROMPT}",
    "titled": f"**Moderate Change Prompt**\n\n{PROMPT}",
    "titled with the kind": f"Radical Change: Change of Scale\n\n{PROMPT}",
    "role": f"assistant\n\n{PROMPT}",
    "introduced at length": f"Based on what I was told, here's a prompt:\n\n{PROMPT}",
    "introduced with a word": f"A radical transformation prompt: {PROMPT}",
    "offered": f"I'd be happy to help! Here's a prompt: {PROMPT}",
    "ruled off": f"{PROMPT}\n\n---\n\nThis keeps an echo of the harbour.",
    "excused": f"{PROMPT}\n\nI've kept the composition.",
    "heading": f"## Prompt:\n{PROMPT}",
    "bold": f"**{PROMPT}**",
    "bold word": PROMPT.replace("glasshouse", "**glasshouse**"),
    "fenced": f"```text\n{PROMPT}\n```",
    "cited": f"> {PROMPT}",
    "listed": f"1. {PROMPT}",
    "counted": f"{PROMPT} (19 words)",
    "paragraphs": PROMPT.replace(". Let", ".\n\nLet"),
    "remark": f"{PROMPT}\n\nNote: this keeps the composition.",
    "two remarks": f"{PROMPT}\n\nWord count: 19\n\nLet me know if you want another!",
    "unknown remark": f'"{PROMPT}"\n\nBy growing ferns, the picture becomes another.',
    "thought": f"<think>\nA harbour... Prompt: boats?\n</think>\n\n{PROMPT}",
    "marks": f"<s>{PROMPT}<|eot_id|>",
    "control": PROMPT.replace("glass", "gl\x00a\u200bss").replace(" Let", "\u2028Let"),
}


@pytest.mark.parametrize("wrapping", WRAPPED)
def test_the_prompt_is_unwrapped_to_the_letter(wrapping: str) -> None:
    assert clean_prompt(WRAPPED[wrapping]) == PROMPT
    assert judge_prompt(WRAPPED[wrapping], PAINTING) == PROMPT


@pytest.mark.parametrize(
    "text",
    [
        'Paint the words "rest" and "sea" on the sails.',
        "Absolutely still water mirrors a bronze sky.",
        "Great waves of wool roll in: knit the foam.",
        "Sorry figures wait on a jetty of ice.",
        "'Tis dusk in the painters' quarter",
        "Set snake_case roofs against a 3-D sky, 5 * 4 tiles wide.",
        "This is a harbour of glass: its boats are bubbles.",
        "Here is a harbour. Glass is everywhere: on masts, on ropes.",
    ],
)
def test_a_prompt_that_only_looks_wrapped_is_left_alone(text: str) -> None:
    assert judge_prompt(text, PAINTING) == text


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**63 - 1), st.sampled_from([*CHANGES, ""]))
def test_prompts_of_the_grammar_are_left_alone(seed: int, change: str) -> None:
    task = PromptTask(PAINTING, "", "radical" if change else "moderate", change, seed)
    (text,) = GrammarWriter().write([task])
    assert isinstance(text, str)
    assert judge_prompt(text, PAINTING) == text
    assert judge_prompt(f'Here is the prompt:\n\n"{text}"', PAINTING) == text


@pytest.mark.parametrize(
    "answer", ["", " \n", '""', "Here is the prompt:", "***", "...", "<think>never ends", "\x00", "No."]
)
def test_no_answer_is_an_empty_prompt(answer: str) -> None:
    judged = judge_prompt(answer, PAINTING)
    assert isinstance(judged, Reject) and judged.reason == "empty_prompt"


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, I cannot write about this painting.",
        "I cannot create explicit content.",
        "Sorry, no.",
        "Unfortunately, I am not able to do this.",
        "As an AI language model, I have no eyes.",
        "Certainly! I apologize, but nudity is against the rules.",
        "Nudity is a delicate theme. I can't fulfill that request.",
    ],
)
def test_refusals_are_told_apart_from_prompts(answer: str) -> None:
    judged = judge_prompt(answer, PAINTING)
    assert isinstance(judged, Reject) and judged.reason == "refusal"
    assert len(judged.message) < 200


def test_whole_sentences_are_cut_from_the_end_until_75_words_are_left() -> None:
    sentence = "Let six calm words stand here."
    judged = judge_prompt(" ".join([sentence] * 20), PAINTING)
    assert judged == " ".join([sentence] * 12)  # 72 words; 13 would be 78
    exactly = " ".join(["word"] * 74) + " end."
    assert judge_prompt(exactly, PAINTING) == exactly
    assert judge_prompt(f"{exactly} More.", PAINTING) == exactly


@pytest.mark.parametrize("answer", [" ".join(["word"] * 76), " ".join(["word"] * 76) + ". Short one."])
def test_a_first_sentence_that_is_too_long_is_never_cut_inside(answer: str) -> None:
    judged = judge_prompt(answer, PAINTING)
    assert isinstance(judged, Reject) and judged.reason == "prompt_too_long"


def test_no_cut_after_an_abbreviation_or_a_decimal() -> None:
    start = "Show St. Petersburg in ca. 1880 by J. Doe, 3.5 times as tall."
    answer = start + " Then " + " ".join(["word"] * 70) + "."
    assert judge_prompt(answer, PAINTING) == start


def test_an_answer_that_was_stopped_loses_its_broken_sentence() -> None:
    assert judge_prompt(f"{PROMPT} And then the", PAINTING, finished=False) == PROMPT
    assert judge_prompt(PROMPT, PAINTING, finished=False) == PROMPT
    judged = judge_prompt("Turn the harbour into a", PAINTING, finished=False)
    assert isinstance(judged, Reject) and judged.reason == "prompt_too_long"


@pytest.mark.parametrize(
    "answer", ["Paint it as Homer would.", "Rename THE GULF STREAM in neon.", "A sea for Winslow's boats."]
)
def test_prompts_that_name_artist_or_title_are_rejected(answer: str) -> None:
    judged = judge_prompt(answer, PAINTING)
    assert isinstance(judged, Reject) and judged.reason == "prompt_names_painting"


def test_a_name_in_a_sentence_that_was_cut_does_no_harm() -> None:
    long = " ".join(["word"] * 74) + " end."
    assert judge_prompt(f"{long} Like Homer.", PAINTING) == long


@pytest.mark.parametrize("text", ["", " ", '""', "\n\n", ".", "</s>", "Caption:"])
def test_silence_is_an_empty_caption(text: str) -> None:
    judged = judge_caption(text)
    assert isinstance(judged, Reject) and judged.reason == "empty_caption"


@pytest.mark.parametrize(
    "text",
    [
        "ray ban ray ban ray ban",
        "a painting of a sea sea sea",
        "a man in a boat with a man in a boat with a man in a boat",
        "two women on a beach two women on a beach",
        "a bird, a dog in a hat, a cat in a hat, a cow in a hat, a rat in a hat",
        "hahahahahahahahahahaha",
    ],
)
def test_loops_are_heard(text: str) -> None:
    judged = judge_caption(text)
    assert isinstance(judged, Reject) and judged.reason == "looping_caption"


QUESTION = "Question: what does this picture show? Answer:"


@pytest.mark.parametrize("text", ["a photo of", "A painting of a", "a painting", QUESTION, f"{QUESTION} a", "Question"])
def test_echoes_are_heard(text: str) -> None:
    judged = judge_caption(text, "Question" if text == "Question" else QUESTION)
    assert isinstance(judged, Reject) and judged.reason == "echo_caption"


@pytest.mark.parametrize(
    "text",
    [
        "a painting of three boats in a harbor",
        "a man with a hat and a man with a beard",
        "a very very old man, and a bird on a branch on a tree",
        "boats",
        "two women and two men",
        "a poster that says 'yes yes'",
        "a painting of a man in the middle of a field of wheat",
    ],
)
def test_good_captions_are_left_alone(text: str) -> None:
    assert judge_caption(text, QUESTION) == text
    assert judge_caption(f' "{text}"\n', QUESTION) == text


PIECES = [
    *("Here is the prompt:", "Prompt:", "Sure!", "**", "_", '"', "“", "”", "'", "`", "```", "#", "- ", "1. "),
    *("\n", "\n\n", " ", ". ", ".", "Note: ", "(9 words)", "<think>", "</think>", "<s>", "I'm sorry, ", "Homer"),
    *(
        "Turn the sea to glass",
        "rust",
        "word " * 30,
        "Caption: ",
        "ray ban ",
        "\x00",
        "\u200b",
        "\u2028",
        "\ud800",
        ">",
    ),
]
anything = st.one_of(st.text(max_size=300), st.lists(st.sampled_from(PIECES), max_size=25).map("".join))


def is_clean(text: str) -> bool:
    printable = all(unicodedata.category(c)[0] != "C" for c in text)
    return printable and text == " ".join(text.split())


@settings(deadline=None, max_examples=500)
@given(anything)
def test_any_text_is_cleaned_once_and_for_all(text: str) -> None:
    for clean in (clean_prompt, clean_caption):
        cleaned = clean(text)
        assert is_clean(cleaned)
        assert clean(cleaned) == cleaned
        assert len(cleaned) <= len(text)


@settings(deadline=None, max_examples=500)
@given(anything, st.booleans())
def test_any_answer_is_a_good_prompt_or_a_reject(text: str, finished: bool) -> None:
    judged = judge_prompt(text, PAINTING, finished)
    if isinstance(judged, Reject):
        assert judged.reason in ("empty_prompt", "refusal", "prompt_too_long", "prompt_names_painting")
        assert is_clean(judged.message)
        return
    assert is_clean(judged) and words(judged)
    assert len(judged.split()) <= MAX_PROMPT_WORDS
    assert Guard(PAINTING).allows(judged)
    assert judge_prompt(judged, PAINTING) == judged == judge_prompt(judged, PAINTING, finished)


@settings(deadline=None, max_examples=300)
@given(anything, st.sampled_from(["", "a photo of", QUESTION]))
def test_any_caption_is_a_good_one_or_a_reject(text: str, echo: str) -> None:
    judged = judge_caption(text, echo)
    if isinstance(judged, Reject):
        assert judged.reason in ("empty_caption", "looping_caption", "echo_caption")
    else:
        assert is_clean(judged) and words(judged)
        assert judge_caption(judged, echo) == judged


def test_a_very_long_answer_never_makes_a_pattern_go_back_and_forth() -> None:
    """With a pattern that backtracks, these would not end before the build does."""
    for piece in ("a ", "Prompt: ", "a. B ", '"', "*a", "_", "<", "Here is ", "```\n", "(1 words)", "a.\n\n", "é"):
        judge_prompt(piece * 1_000, PAINTING)
        judge_caption(piece * 1_000)
