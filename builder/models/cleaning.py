"""What a language model says, made clean, and judged: what is kept of it, or why it cannot be used.

Chat models wrap prompts in introductions, quotes and remarks, refuse, run on, and name what they were told not to;
captioners fall silent, repeat themselves ("ray ban ray ban ray ban") or repeat the question. Cleaning only takes away,
and never cuts within a sentence: a prompt that would need it is a reject, which its writer may try again. Every
function here takes any text at all, and taking its own answer again changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable

from artsim_dataset.schema import MAX_PROMPT_WORDS, Painting
from builder.models.facts import Guard, words
from builder.stage import Reject

# --- marks that are no words --------------------------------------------------------------------------------------

_THOUGHT = re.compile(r"^.*</think(?:ing)?>|<think(?:ing)?>.*$", re.DOTALL | re.IGNORECASE)
_TOKEN = re.compile(r"<\|[\w-]{1,40}\|>|</?s>|\[/?INST\]")
_FENCE = re.compile(r"^ *(?:```|~~~)[\w-]* *$", re.MULTILINE)
_BULLET = re.compile(r"^ *(?:#{1,6} +|> *|[-*•] +|\d{1,2}[.)] +)+", re.MULTILINE)
_STRONG = re.compile(r"\*{1,3}(?=\S)([^*\n]+)(?<=\S)\*{1,3}|(?<!\w)_{1,3}(?=[^\s_])([^_\n]+)(?<=\S)_{1,3}(?!\w)")
_PARAGRAPH = re.compile(r"\n\s*\n")
_SENTENCE_END = re.compile(
    r"(?<!\bSt)(?<!\bMr)(?<!\bDr)(?<!\bca)(?<!\bvs)(?<!\b[A-Za-z])[.!?…]+[\"'”’»)\]]*(?=\s+[^\sa-z\d]|\s*$)"
)
_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "‘": "’", "«": "»", "`": "`"}
_APOSTROPHES = "'’"
_FORMULA = "=+-@＝＋－＠ "
"""Signs that begin no sentence, but a formula when a spreadsheet opens data.csv."""

# --- what chat models say around a prompt, or instead of one ------------------------------------------------------

_AGREEMENT = (
    r"(?:sure(?: thing)?|certainly|of course|okay|ok|absolutely|great|gladly|understood|got it|no problem"
    r"|(?:i['’]d be )?happy to(?: help)?)\s?[,.!:;—–-]+\s+"
)
_HEAD = (
    r"(?:here(?:['’]s| is| are| you go)\b|below is\b|this is\b[^\n:]{0,60}\bprompt\b|i(?:['’]ve| have) written\b)"
    r"(?:[^\n:.!?]|[.!?](?!\s+(?-i:[A-Z]))){0,200}:\s*"
    r"|(?:image |final |complete |radical |moderate )?prompt\s?[—–-]\s+"
    r"|[^\n:.!?]{0,120}\bprompt\b[^\n:.!?]{0,80}:\s*"
    r"|(?:(?:the|my|a|an|your|final|complete) ){0,3}(?:answer|output|response|result)\s?:\s*"
)
_OPENING = re.compile(f"(?:{_AGREEMENT}|{_HEAD})+", re.IGNORECASE)
_REMARK = re.compile(
    r"[(\[]?(?:(?:please )?note(?: that\b|:)|word count\b|\d+ words\b|let me know\b|i hope\b|feel free\b|explanation:"
    r"|this (?:prompt|keeps|version|change|transformation|radical|moderate)\b|i(?:['’]ve)? \w|would you like\b"
    r"|if you(?:['’]d| would) like\b)",
    re.IGNORECASE,
)
_TITLE = re.compile(
    r"(?=.{1,80}$).*\b(?:prompt|title|radical|moderate|change|level|variant|assistant)\b.*(?<![.!?,;:])$", re.IGNORECASE
)
_MIN_WORDS = 3
_COUNT = re.compile(r"(?:\s*[(\[](?:word count: ?)?\d+ words?[)\]]\.?){1,9}$", re.IGNORECASE)
_REFUSAL = re.compile(
    r"(?:(?:i['’]m|i am|we['’]re|we are) (?:(?:very|so|really) )?(?:sorry|afraid)\b|sorry(?=[,.!]| but\b| i\b|$))"
    r"|(?:i|we) (?:can ?not|can['’]t|couldn['’]t|won['’]t|will not|am unable|are unable|must decline|apologi[sz]e)\b"
    r"|(?:i['’]m|i am|we are) (?:unable|not able|not comfortable|not allowed)\b"
    r"|unfortunately,? (?:i|we)\b|my apologies\b|as an ai\b|as a (?:large )?language model\b",
    re.IGNORECASE,
)
_NO_PICTURE = re.compile(r"\bas an ai (?:language )?model\b|\bcan(?:not|['’]t) (?:fulfil|assist|comply)", re.IGNORECASE)

# --- captions -------------------------------------------------------------------------------------------------------

_CAPTION_HEAD = re.compile(r"(?:(?:the |image )?(?:caption|answer|description)\s?:\s*)+", re.IGNORECASE)
_FRAME = frozenset(words("a an the this is of in on with and by painting picture photo photograph image drawing print"))
_ENDLESS = re.compile(r"([^\W_]{1,6}?)\1{7,}")
_MAX_PERIOD = 12


def clean_prompt(answer: str) -> str:
    """The prompt in a chat model's answer: one paragraph without introduction, quotes, markdown and remarks.

    >>> clean_prompt('Sure! Here is the prompt:\\n\\n"**Repaint** the quay\\n at dusk."\\n\\nNote: 5 words.')
    'Repaint the quay at dusk.'
    """
    return _until_stable(_clean_prompt, _visible(answer))


def judge_prompt(answer: str, painting: Painting, finished: bool = True) -> str | Reject:
    """The cleaned prompt, of at most 75 words and naming neither artist nor title; or why there is none.

    Whole sentences are left out at the end where that makes it short enough.

    Args:
        finished: False when the model was stopped by a limit of tokens. The broken sentence at the end is left out.
    """
    text = clean_prompt(answer)
    whole = _until_stable(lambda said: _clean_prompt(_shortened(said, finished)), text)
    if any(_REFUSAL.match(said) or _NO_PICTURE.search(said) for said in (text, whole)):
        return Reject("refusal", f"the language model refused: {_excerpt(text)}")
    if len(words(text)) < _MIN_WORDS:
        return Reject("empty_prompt", f"the language model answered nothing that could be a prompt: {_excerpt(text)}")
    if len(words(whole)) < _MIN_WORDS:
        fault = f"is longer than {MAX_PROMPT_WORDS} words" if finished else "has no end within the limit of tokens"
        return Reject("prompt_too_long", f"the first sentence of the prompt {fault}: {_excerpt(text)}")
    if not Guard(painting).allows(whole):
        return Reject("prompt_names_painting", f"the prompt names the artist or the title: {_excerpt(whole)}")
    return whole


def clean_caption(text: str) -> str:
    """A captioner's answer as one line, without quotes, marks and the word "Caption:".

    >>> clean_caption(' Caption: "three boats\\nin a harbor" ')
    'three boats in a harbor'
    """
    return _until_stable(_clean_caption, _visible(text))


def judge_caption(text: str, echo: str = "") -> str | Reject:
    """The cleaned caption, or why it is none: it says nothing, repeats itself, or repeats the question.

    Args:
        echo: the question or the opening that the model was given, if any.
    """
    caption = clean_caption(text)
    said, asked = words(caption), words(echo)
    if not said:
        return Reject("empty_caption", "the captioner said nothing")
    if _loops(said) or _ENDLESS.search(caption):
        return Reject("looping_caption", f"the captioner repeats itself: {_excerpt(caption)}")
    if _FRAME.issuperset(said) or said == asked or (len(asked) > 3 and _within(asked, said)):
        return Reject("echo_caption", f"the captioner says nothing of the picture: {_excerpt(caption)}")
    return caption


def _clean_prompt(text: str) -> str:
    text = _TOKEN.sub(" ", _THOUGHT.sub("", text))
    text = _BULLET.sub("", _FENCE.sub("", text)).strip()
    text = _STRONG.sub(lambda found: found[1] or found[2], text).replace("**", "")
    text = _without(_OPENING, text)
    paragraphs = [" ".join(part.split()) for part in _PARAGRAPH.split(text) if words(part)]
    quoted = [inner for part in paragraphs if (inner := _quotation(part)) and len(inner.split()) > 4]
    if len(quoted) == 1:  # the others speak about the prompt
        return quoted[0].lstrip(_FORMULA)
    while len(paragraphs) > 1 and _REMARK.match(paragraphs[-1]):
        paragraphs.pop()
    if len(paragraphs) > 1 and _TITLE.match(paragraphs[0]):
        del paragraphs[0]
    return _unquoted(_COUNT.sub("", " ".join(paragraphs))).lstrip(_FORMULA)


def _clean_caption(text: str) -> str:
    text = _STRONG.sub(lambda found: found[1] or found[2], _TOKEN.sub(" ", text))
    return _unquoted(" ".join(_without(_CAPTION_HEAD, text.strip()).split())).lstrip(_FORMULA)


def _until_stable(step: Callable[[str], str], text: str) -> str:
    """Steps until nothing changes. They only take away, so this ends, and the result is a fixed point."""
    while (changed := step(text)) != text:
        text = changed
    return text


def _visible(text: str) -> str:
    """Without control, format and unassigned characters; lines end with a newline, other white space is a space."""
    text = re.sub(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]", "\n", text)
    text = re.sub(r"[^\S\n]", " ", text)
    return "".join(c for c in text if c == "\n" or unicodedata.category(c)[0] != "C")


def _without(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.match(text)
    return text[found.end() :] if found else text


def _unquoted(text: str) -> str:
    """Without the quotation marks around it, or a single one that has lost its partner."""
    inner = _quotation(text)
    if inner is not None:
        return inner
    if text[:1] in _QUOTES and text[0] != "'" and not {text[0], _QUOTES[text[0]]} & set(text[1:]):
        return text[1:].strip()
    openers = [opener for opener, closer in _QUOTES.items() if closer == text[-1:]]
    if openers and text[-1] not in _APOSTROPHES and not {text[-1], *openers} & set(text[:-1]):
        return text[:-1].strip()
    return text


def _quotation(text: str) -> str | None:
    """What stands between quotation marks that enclose the whole text; None when there are none."""
    body, stop = (text[:-1], ".") if text.endswith(tuple(f"{mark}." for mark in _QUOTES.values())) else (text, "")
    if len(body) < 2 or _QUOTES.get(body[0]) != body[-1] or {body[0], body[-1]} & set(body[1:-1]):
        return None
    inner = body[1:-1].strip()
    return inner if inner.endswith((".", "!", "?")) else inner + stop


def _shortened(text: str, finished: bool) -> str:
    """As many whole sentences as fit in 75 words, '' when not even the first does. A text that fits is left alone."""
    if len(text.split()) <= MAX_PROMPT_WORDS and (finished or _ends(text)):
        return text
    kept = ""
    for end in _SENTENCE_END.finditer(text):
        if len(text[: end.end()].split()) > MAX_PROMPT_WORDS:
            break
        kept = text[: end.end()]
    return kept


def _ends(text: str) -> bool:
    return any(end.end() == len(text) for end in _SENTENCE_END.finditer(text))


def _loops(said: list[str]) -> bool:
    """Whether a phrase is said again and again: in a row (three times, twice if it is long), or four times anywhere."""
    for period in range(1, min(_MAX_PERIOD, len(said) // 2) + 1):
        repeats = 0
        for here, there in zip(said, said[period:], strict=False):
            repeats = repeats + 1 if here == there else 0
            if repeats >= (2 * period if period < 4 else period):
                return True
    phrases = Counter(zip(said, said[1:], said[2:], strict=False))
    return max(phrases.values(), default=0) > 3


def _within(part: list[str], whole: list[str]) -> bool:
    return any(whole[start : start + len(part)] == part for start in range(len(whole) - len(part) + 1))


def _excerpt(text: str, length: int = 100) -> str:
    return f"'{text}'" if len(text) <= length else f"'{text[:length].rstrip()}...'"
