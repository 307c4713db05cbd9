"""What a chat model is told when it writes prompts: system and user message, in a file that can be edited without code.

After S1: moderate keeps composition and subject, radical makes a change of one of ten kinds. There the model chose the
kind itself and had to be told not to make everything cyberpunk; here the build has drawn the kind already, so that each
gets its tenth, and the model is told exactly which. The artist and the title are facts to think with and not to name:
`cleaning.judge_prompt` checks that.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import MAX_PROMPT_WORDS
from builder.models import PromptTask
from builder.models.grammar import CHANGES

_FILE = Path(__file__).with_name("instructions.toml")
_UNKNOWN = "not known"


def messages(task: PromptTask) -> list[dict[str, str]]:
    """The chat that asks for one prompt: a system message that only level and kind decide, and a user message.

    Raises ConfigError for a level or kind of change that does not exist.
    """
    return [
        {"role": "system", "content": _system(task.level, task.change)},
        {"role": "user", "content": _user(task)},
    ]


def digest() -> str:
    """Names the wording: a changed phrase changes it, and so the fingerprint of every stage that is told with it."""
    return blake2b(_FILE.read_bytes(), digest_size=6).hexdigest()


@lru_cache(maxsize=16)
def _system(level: str, change: str) -> str:
    text = _text()
    known = level == "moderate" or (level == "radical" and change in CHANGES)
    if not known:
        raise ConfigError(f"no prompt can be written for level '{level}', change '{change}'")
    meaning = text["changes"][change] if level == "radical" else ""
    wanted = text["levels"][level].format(change=_spoken(change), meaning=meaning)
    rules = "\n".join(f"- {rule.format(words=MAX_PROMPT_WORDS)}" for rule in text["system"]["rules"])
    return f"{text['system']['role'].strip()}\n\n{wanted.strip()}\n\n{rules}"


def _user(task: PromptTask) -> str:
    text = _text()["user"]
    painting = task.painting
    facts = {"genre": painting.genre.replace("_", " "), "artist": painting.artist, "title": painting.title}
    said = {key: " ".join(value.split()) or _UNKNOWN for key, value in (facts | {"caption": task.caption}).items()}
    user: str = text["facts"].format(level=task.level, **said).strip()
    if task.level == "radical":
        user += "\n" + text["change"].format(change=_spoken(task.change)).strip()
    return user


def _spoken(change: str) -> str:
    """The kind of change in words.

    >>> _spoken("change-of-scale"), _spoken("natural-organic")
    ('change of scale', 'natural or organic')
    """
    pairs = {"natural-organic", "abstract-surreal", "material-medium", "scientific-diagrammatic"}
    return change.replace("-", " or " if change in pairs else " ")


@lru_cache(maxsize=1)
def _text() -> dict[str, Any]:
    try:
        return tomllib.loads(_FILE.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"the instructions cannot be read from {_FILE}: {error}; reinstall artsim") from error
