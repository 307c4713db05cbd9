import re
import string
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import GENRES
from builder.models import grammar
from builder.models.grammar import CHANGES, moderate, radical, sentences


def fields(pattern: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(pattern) if name}


def phrases() -> Iterator[str]:
    for kind in radical().values():
        yield from (*kind.openings, *kind.tails)
        for world in kind.worlds:
            yield from (world.into, *world.elements, world.palette, world.light, world.finish, world.mood)
    material = moderate()
    yield from material.openings
    for when in material.whens:
        yield from (when.name, when.signs, *when.colours)
    for technique in material.techniques:
        yield from (technique.name, *technique.details)
    for part in ("radical", "moderate", "colour"):
        for patterns in sentences(part).values():
            yield from patterns


def test_there_are_ten_kinds_of_change_each_with_enough_material() -> None:
    assert len(CHANGES) == len(set(CHANGES)) == 10
    assert tuple(radical()) == CHANGES
    for kind in radical().values():
        assert len(kind.worlds) >= 8 and len(kind.openings) >= 5 and len(kind.tails) >= 4
        assert all(len(world.elements) == len(set(world.elements)) == 6 for world in kind.worlds)


def test_every_genre_is_left_with_worlds_and_techniques() -> None:
    avoided = [g for kind in radical().values() for world in kind.worlds for g in world.avoid]
    avoided += [g for technique in moderate().techniques for g in technique.avoid]
    assert avoided and set(avoided) <= set(GENRES)
    for genre in GENRES:
        for kind in radical().values():
            assert sum(genre not in world.avoid for world in kind.worlds) >= 6
        assert sum(genre not in technique.avoid for technique in moderate().techniques) >= 10


def test_patterns_use_only_the_placeholders_they_are_given() -> None:
    allowed = {
        "radical": {"show": {"opening", "elements"}, "hold": {"anchor"}, "mood": {"mood"}, "close": set()},
        "moderate": {"rework": {"old", "name"}, "technique": {"name"}, "leave": {"anchor"}, "restraint": set()},
        "colour": {"retune": {"old", "new"}, "recolour": {"new"}},
    }
    allowed["radical"] |= {"hold_and_colour": {"anchor", "old", "new"}, "light_and_finish": {"light", "finish", "old"}}
    allowed["moderate"] |= {axis: {"name", "signs"} for axis in ("season", "time", "light")} | {"signs": {"signs"}}
    for part, places in allowed.items():
        assert set(sentences(part)) == set(places)
        for place, names in places.items():
            for pattern in sentences(part)[place]:
                assert fields(pattern) <= names and pattern[-1] == "."
    assert all(fields(o) == {"work", "into"} for kind in radical().values() for o in kind.openings)
    assert all("{lead}" in o and fields(o) <= {"lead", "work"} for o in moderate().openings)
    assert set(moderate().leads) == {"season", "time", "light", "colour", "technique"}


def test_nouns_carry_their_article_and_articles_agree() -> None:
    for kind in radical().values():
        for world in kind.worlds:
            for noun in (world.into, world.finish):
                assert noun.split()[0] in ("a", "an", "the"), noun
    silent_or_you = {"hour", "honest", "unicorn", "university", "one", "uniform", "unrepeatable"}
    for phrase in phrases():
        for article, word in re.findall(r"\b(an?) ([a-z]+)", phrase.lower()):
            vowel = (word[0] in "aeiou") != (word in silent_or_you)
            assert article == ("an" if vowel else "a"), phrase


def test_phrases_are_clean_and_nothing_is_said_twice() -> None:
    for phrase in phrases():
        assert phrase == " ".join(phrase.split()) and ".." not in phrase and " ," not in phrase
    for kind in radical().values():
        intos = [world.into for world in kind.worlds]
        assert len(set(intos)) == len(intos)
    every = Counter(e for kind in radical().values() for world in kind.worlds for e in world.elements)
    assert max(every.values()) == 1


def test_no_cyberpunk_and_no_artist() -> None:
    text = " ".join(phrases()).lower()
    for word in ("cyberpunk", "van gogh", "picasso", "monet", "in the style of", "hokusai", "dalí", "escher", "mucha"):
        assert word not in text


def test_the_digest_follows_the_wording(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = grammar.digest()
    changed = tmp_path / "moderate.toml"
    changed.write_bytes(grammar._MODERATE.read_bytes().replace(b"autumn", b"fall", 1))
    monkeypatch.setattr(grammar, "_MODERATE", changed)
    assert grammar.digest() != before


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("openings = [")
    with pytest.raises(ConfigError, match="broken.toml"):
        grammar._read(broken)
