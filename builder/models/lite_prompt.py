"""Prompts without a language model: a grammar, chosen from by the seed of the variant.

Moderate keeps composition and subject and changes season, hour or light, colours and technique. Radical moves the
picture into a world of the given kind of change, one of ten in turn, so that no kind (cyberpunk least of all) becomes
the habit. Both use what the caption measured. Most prompts run close to 75 words, which is more than CLIP's 75 tokens,
and are shortened later; about one in seven is short from the start.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import MAX_PROMPT_WORDS, seed_from
from builder.models import PromptTask
from builder.models.facts import Facts, Guard, read_facts
from builder.models.grammar import CHANGES, World, moderate, radical, sentences
from builder.stage import Reject

T = TypeVar("T")

_ATTEMPTS = 64
_SHORT_PERCENT = 15
_SHORT_WORDS = (34, 48)
_PLACEHOLDER = re.compile(r"\{\w+\}")


class GrammarWriter:
    """PromptWriter that composes sentences. The same task gives the same prompt, on every machine."""

    batch = 16

    def write(self, tasks: Sequence[PromptTask]) -> list[str | Reject]:
        """One prompt for each task, at most 75 words.

        Raises ConfigError for a level or kind of change that does not exist. A painting whose artist or title cannot be
        kept out of the prompt is answered with a reject.
        """
        return [_write(task) for task in tasks]


class SilentWriter:
    """PromptWriter for generators that read no prompt: every prompt is empty."""

    batch = 1024

    def write(self, tasks: Sequence[PromptTask]) -> list[str | Reject]:
        return ["" for _ in tasks]


def _write(task: PromptTask) -> str | Reject:
    compose = {"moderate": _moderate, "radical": _radical}.get(task.level)
    if compose is None or (task.level == "radical" and task.change not in CHANGES):
        raise ConfigError(f"no prompt can be written for level '{task.level}', change '{task.change}'")
    guard = Guard(task.painting)
    facts = read_facts(task.caption, task.painting.genre).allowed(guard)
    for attempt in range(_ATTEMPTS):
        text = compose(task, facts, _Chooser(task.seed, attempt, guard))
        if guard.allows(text):
            return text
    return Reject(
        "prompt_names_painting", f"{_ATTEMPTS} prompts in a row named the artist or the title of the painting"
    )


class _Chooser:
    """Chooses by seed and slot, passing over what the guard forbids as long as something else is left."""

    def __init__(self, seed: int, attempt: int, guard: Guard) -> None:
        self._identity = (seed, attempt)
        self._guard = guard

    def number(self, *slot: object) -> int:
        """A number that only the seed, the attempt and the slot decide."""
        return seed_from(*self._identity, *slot)

    def thing(self, slot: str, things: Sequence[T], text: Callable[[T], str]) -> T:
        allowed = [thing for thing in things if self._guard.allows(_PLACEHOLDER.sub(" ", text(thing)))]
        return (allowed or things)[self.number(slot) % len(allowed or things)]

    def one(self, slot: str, options: Sequence[str]) -> str:
        return self.thing(slot, options, str)

    def some(self, slot: str, options: Sequence[str], number: int) -> list[str]:
        """``number`` of the options in a chosen order, fewer when the guard leaves fewer."""
        allowed = [option for option in options if self._guard.allows(option)]
        return sorted(allowed, key=lambda option: self.number(slot, option))[:number]


def _radical(task: PromptTask, facts: Facts, choose: _Chooser) -> str:
    kind, say = radical()[task.change], sentences("radical")
    fitting = [world for world in kind.worlds if task.painting.genre not in world.avoid]
    world = choose.thing("world", fitting, lambda w: " / ".join((w.into, w.palette, w.light, w.finish, w.mood)))
    opening = choose.one("opening", kind.openings).format(work=choose.one("work", facts.works), into=world.into)
    elements = choose.some("elements", world.elements, 3 if choose.number("elements") % 3 else 2)
    shown = _listed(sorted(elements, key=lambda element: " and " not in element))  # "a and b, c and d" reads better
    first = choose.one("show", say["show"]).format(opening=opening, elements=shown) if shown else f"{opening}."

    light, given_up = _light_sentence(choose, facts.light, world)
    anchors = [anchor for anchor in (*facts.light, *facts.forms) if anchor != given_up]
    middle = [light, _colour_sentence(choose, anchors, facts.colours, world.palette)]
    if choose.number("middle") % 2:
        middle.reverse()
    mood = choose.one("mood", say["mood"]).format(mood=world.mood)
    closing = [choose.one("tail", kind.tails), *choose.some("close", say["close"], 3)]
    return _fit([first, *middle, mood, *closing], choose)


def _light_sentence(choose: _Chooser, lights: Sequence[str], world: World) -> tuple[str, str]:
    """The sentence on light and finish, and which of the painting's ``lights`` it replaces ('' when none)."""
    replaceable = [light for light in lights if light != "the dark centre"]
    old = choose.one("old light", replaceable) if replaceable else ""
    patterns = [
        pattern
        for pattern in sentences("radical")["light_and_finish"]
        if (old or "{old}" not in pattern) and not (pattern.startswith("Let {light}") and " that " in world.light)
    ]
    pattern = choose.one("light", patterns)
    return pattern.format(old=old, light=world.light, finish=world.finish), old if "{old}" in pattern else ""


def _colour_sentence(choose: _Chooser, anchors: Sequence[str], colours: Sequence[str], new: str) -> str:
    """The sentence on colours, with what is kept of the painting when something is known of it."""
    old = _listed([colour for colour in colours if colour not in new][: 2 + choose.number("old colours") % 2])
    say = sentences("radical")
    if anchors and old:
        anchor = choose.one("anchor", anchors)
        return choose.one("hold and colour", say["hold_and_colour"]).format(anchor=anchor, old=old, new=new)
    colour = _recolour(choose, old, new)
    return (
        f"{choose.one('hold', say['hold']).format(anchor=choose.one('anchor', anchors))} {colour}"
        if anchors
        else colour
    )


def _recolour(choose: _Chooser, old: str, new: str) -> str:
    return choose.one("colour words", sentences("colour")["retune" if old else "recolour"]).format(old=old, new=new)


def _moderate(task: PromptTask, facts: Facts, choose: _Chooser) -> str:
    material, say = moderate(), sentences("moderate")
    when = choose.thing("when", material.whens, lambda w: f"{w.name} / {w.signs}")
    ways = [technique for technique in material.techniques if task.painting.genre not in technique.avoid]
    technique = choose.thing("technique", ways, lambda t: t.name)
    colours = choose.one("colour", when.colours)

    axis = (when.axis, when.axis, "colour", "technique")[choose.number("axis") % 4]
    name = {when.axis: when.name, "colour": colours, "technique": technique.name}[axis]
    lead = choose.one("lead", material.leads[axis]).format(name=name)
    parts = [choose.one("opening", material.openings).format(work=choose.one("work", facts.works), lead=lead)]
    signs = say["signs" if axis == when.axis else when.axis]
    parts.append(choose.one("signs", signs).format(name=when.name, signs=when.signs))
    if axis != "colour":
        old = _listed([colour for colour in facts.colours if colour not in colours][:2])
        parts.append(_recolour(choose, old, colours))
    if axis != "technique":
        old = choose.one("surface", facts.surface) if facts.surface else ""
        parts.append(choose.one("handling", say["rework" if old else "technique"]).format(old=old, name=technique.name))
    parts.append(choose.one("detail", technique.details))
    if facts.forms:
        parts.append(choose.one("leave", say["leave"]).format(anchor=choose.one("anchor", facts.forms)))
    return _fit([*parts, *choose.some("restraint", say["restraint"], 3)], choose)


def _fit(parts: Sequence[str], choose: _Chooser) -> str:
    """The first sentence and as many of the others, in their order, as the budget of words has room for."""
    low, high = _SHORT_WORDS
    short = choose.number("short") % 100 < _SHORT_PERCENT
    budget = low + choose.number("words") % (high - low + 1) if short else MAX_PROMPT_WORDS
    text = parts[0]
    for part in parts[1:]:
        if len(f"{text} {part}".split()) <= budget:
            text = f"{text} {part}"
    return text


def _listed(phrases: Sequence[str]) -> str:
    """A list in words.

    >>> _listed(["moss", "slate", "rust"])
    'moss, slate and rust'
    """
    return " and ".join([", ".join(phrases[:-1]), phrases[-1]]) if len(phrases) > 1 else "".join(phrases)
