"""Prompts made short enough for CLIP by leaving out clauses, without a language model.

A summariser may invent (bart-large-cnn lengthens short prompts) and CLIP's tokenizer cuts in the middle of a sentence.
This compressor only leaves out: whole sentences, or clauses from the end of a sentence, so that what remains is
grammatical and says nothing new. The opening command always stays. Like S1, whose prompts went from a mean of 89
tokens to one of 55, it aims below the limit: a prompt that is too long comes down to three quarters of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from artsim_dataset.schema import MAX_PROMPT_TOKENS
from builder.models import clip_tokens
from builder.stage import Reject

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_CLAUSE_END = re.compile(r"(?<=[,;:])\s+|\s+(?=[—–]\s)")
_MARKS = " ,;:—–-"


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


_INTRODUCTORY = frozenset(
    _words(
        "above after against amid among as at before beneath between beyond by despite during for from if in instead "
        "into like on once over since taking through throughout to under unlike until upon when where while with "
        "within without"
    )
)
_OPENERS = _INTRODUCTORY | frozenset(
    _words("although because but never nor not only so than that then though which who whose yet lit seen set made")
)
_HEDGES = (
    *("so that", "as if", "as though", "above all", "should", "may", "nothing"),
    *("creating", "evoking", "giving", "adding", "making", "resulting", "allowing"),
    *("highly detailed", "masterpiece", "best quality", "8k", "4k", "trending"),
)
_FUNCTION_WORDS = frozenset(
    _words(
        "a an and are as at be been but by each every for from has have in into is it its let like more no none of off "
        "on only or other out over than that the their then these this those to under up was were what when where "
        "which while whole with"
    )
)
_DANGLING = _FUNCTION_WORDS - {"it", "out", "off", "up", "more", "whole"}


@dataclass(frozen=True)
class ClauseDropper:
    """Compressor that leaves out the least important clauses. ``max_tokens`` counts CLIP tokens without the marks."""

    max_tokens: int = MAX_PROMPT_TOKENS

    batch: ClassVar[int] = 16

    def count(self, text: str) -> int:
        """CLIP tokens of a text, without the begin and end marks."""
        return clip_tokens.count(text)

    def compress(self, prompts: Sequence[str]) -> list[str | Reject]:
        """Each prompt in at most ``max_tokens``; one that fits is returned unchanged, an empty one is rejected."""
        return [self._compress(prompt) for prompt in prompts]

    def _compress(self, prompt: str) -> str | Reject:
        if not prompt.strip():
            return Reject("empty_prompt", "the prompt is empty, so there is nothing to compress")
        if self.count(prompt) <= self.max_tokens:
            return prompt
        text = join(self._most_telling(split(prompt), self.max_tokens * 3 // 4))
        return text if self.count(text) <= self.max_tokens else self._cut(text)

    def _most_telling(self, sentences: list[list[str]], budget: int) -> list[list[str]]:
        """The clauses that say most within ``budget`` tokens: of each sentence its beginning or nothing.

        What stands before a clause does not need it, so only ends of sentences are left out; the first clause always
        stays. Tokens add up over sentences, which makes this a knapsack of a few dozen clauses, solved exactly.
        """
        worth = telling(sentences)
        best: dict[int, tuple[float, list[list[str]]]] = {0: (0.0, [])}
        for number, clauses in enumerate(sentences):
            grown: dict[int, tuple[float, list[list[str]]]] = {} if number == 0 else dict(best)
            for kept in range(1, len(clauses) + 1):
                size = self.count(join([clauses[:kept]]))
                value = sum(worth[number][:kept])
                for used, (total, chosen) in best.items():
                    opens = number == 0 and kept == 1
                    better = total + value > grown.get(used + size, (-1.0, []))[0]
                    if better and (used + size <= budget or opens):
                        grown[used + size] = (total + value, [*chosen, clauses[:kept]])
            best = grown
        return max(best.values(), key=lambda item: item[0])[1]

    def _cut(self, text: str) -> str:
        """As many items of a list as fit, else as many words, else (a single endless word) as many letters."""
        parts = text.lstrip(_MARKS).split(", ")
        items = _longest(len(parts) - 1, lambda n: self.count(_closed(", ".join(parts[:n]))) <= self.max_tokens)
        if items:
            return _closed(", ".join(parts[:items]))
        words = text.split()
        fitting = _longest(len(words), lambda n: self.count(" ".join(words[:n])) <= self.max_tokens)
        if not fitting:
            return text[: _longest(len(text), lambda n: self.count(text[:n]) <= self.max_tokens)]
        kept = words[:fitting]
        while len(kept) > 1 and kept[-1].strip(_MARKS).lower() in _DANGLING:
            kept.pop()
        return " ".join(kept).rstrip(_MARKS) or " ".join(words[:fitting])


def split(text: str) -> list[list[str]]:
    """Sentences, each a list of clauses with their closing marks, in the order of the text.

    A comma ends a clause only before a word that opens one; otherwise it separates the items of a list, which stays
    whole: "replace umber, black and tan with rose" must not lose its rose. An introduction ("In amber light, repaint
    the scene") stays with what it introduces.

    >>> split("In amber light, repaint the scene, with moss, slate and rust. Let it rest.")
    [['In amber light, repaint the scene,', 'with moss, slate and rust.'], ['Let it rest.']]
    """
    return [_clauses(sentence) for sentence in _SENTENCE_END.split(text.strip()) if sentence.strip()]


def _clauses(sentence: str) -> list[str]:
    clauses: list[str] = []
    introduced = True
    for part in _CLAUSE_END.split(sentence.strip()):
        if clauses and (introduced or not _opens(part, clauses[-1])):
            clauses[-1] = f"{clauses[-1]} {part}"
            introduced = False
        else:
            clauses.append(part)
            introduced = len(clauses) == 1 and _first(part) in _INTRODUCTORY
    return clauses


def _opens(part: str, before: str) -> bool:
    """Whether a part that follows a comma, semicolon, colon or dash begins a new clause."""
    if before[-1] in ";:" or part[0] in "—–":
        return True
    first, length = _first(part), len(part.split())
    if first in ("and", "or"):
        return length > 3  # "soot, oxblood, and brass" is a list
    return first in _OPENERS or (length > 2 and first.endswith(("ing", "ed")))


def _first(part: str) -> str:
    return part.split()[0].lower().strip(_MARKS)


def join(sentences: Sequence[Sequence[str]]) -> str:
    """The text of what is left. A sentence that lost its end is closed again."""
    return " ".join(_closed(" ".join(clauses)) for clauses in sentences)


def _closed(sentence: str) -> str:
    return sentence if sentence[-1] in ".!?" else sentence.rstrip(_MARKS) + "."


def telling(sentences: Sequence[Sequence[str]]) -> list[list[float]]:
    """What each clause is worth: its words that mean something and were not said before.

    They count half as much again at the beginning of the text as at its end, twice in the second clause of the opening
    (where the change stands after the command), and less than half in hedges and stock phrases.
    """
    said: set[str] = set()
    worth = []
    for number, clauses in enumerate(sentences):
        worth.append([0.0] * len(clauses))
        for place, clause in enumerate(clauses):
            words = _words(clause)
            new = {word for word in words if word not in _FUNCTION_WORDS} - said
            said |= new
            value = len(new) * (1 + 0.5 * (1 - number / len(sentences)))
            value *= 2 if number == 0 and place == 1 else 1
            hedged = any(f" {hedge} " in f" {' '.join(words)} " for hedge in _HEDGES)
            worth[-1][place] = value * (0.4 if hedged else 1)
    return worth


def _longest(length: int, fits: Callable[[int], bool]) -> int:
    """The largest n up to ``length`` that fits, by halving; 0 when not even 1 does."""
    low, high = 0, length
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
