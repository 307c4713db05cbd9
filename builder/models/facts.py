"""What a prompt may use of a painting, and what it must not say.

Facts are read back from the caption: colours, light, form, and a subject when the captioner named one. The guard
keeps the artist's name and the title out, even where they are everyday words: Ford Madox Brown's prompts do
without "brown", and those of a painting called "Winter" without that season.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from artsim_dataset.schema import Painting
from builder.models.lite_caption import FORM_NOUNS, LIGHT_NOUNS, SURFACE_NOUNS, genre_words
from builder.models.palette import NAMES

_SUBJECT = re.compile(
    r"^an? (?:[\w-]+ )?(?:painting|picture|drawing|print|photo|photograph|portrait|image|view) (?:of|showing) "
    r"(?P<subject>[^,.;:]+)",
    re.IGNORECASE,
)
_MAX_SUBJECT_WORDS = 10


@dataclass(frozen=True)
class Facts:
    """What the caption says, as nouns. Each may be empty: a prompt then says less.

    ``works``: ways to name the picture as a whole. ``colours``: names, the most common first. ``light``, ``forms``,
    ``surface``: noun phrases with their article, for where the light is, how the picture is built and how it is worked.
    """

    works: tuple[str, ...]
    colours: tuple[str, ...]
    light: tuple[str, ...]
    forms: tuple[str, ...]
    surface: tuple[str, ...]

    def allowed(self, guard: Guard) -> Facts:
        """What remains of the facts when none may name the painting."""
        kept = {key: tuple(p for p in phrases if guard.allows(p)) for key, phrases in vars(self).items()}
        return Facts(**{**kept, "works": kept["works"] or ("it",)})


def read_facts(caption: str, genre: str) -> Facts:
    """The facts in a caption, measured ones (`lite_caption`) or a subject ("a painting of three boats in a harbor")."""
    first, *clauses = caption.strip().rstrip(".").split(", ")
    works = [
        "the scene",
        "the picture",
        "the whole image",
        "the original",
        f"this {genre_words(genre).split(' ', 1)[1]}",
    ]
    subject = _SUBJECT.match(caption.strip())
    if subject and len(subject["subject"].split()) <= _MAX_SUBJECT_WORDS:
        of = subject["subject"].strip()
        works = [f"the picture of {of}", f"this scene of {of}", f"the view of {of}"]
    colours = _colours(first)
    said = (
        [part for clause in clauses for part in (clause, *re.split(r" with | and (?=a )", clause))] if colours else []
    )
    return Facts(
        works=tuple(works),
        colours=colours,
        light=tuple(noun for phrase, noun in LIGHT_NOUNS.items() if phrase in said),
        forms=tuple(noun for phrase, noun in FORM_NOUNS.items() if phrase in said),
        surface=tuple(noun for phrase, noun in SURFACE_NOUNS.items() if phrase in said),
    )


def _colours(clause: str) -> tuple[str, ...]:
    """The palette in "a Baroque painting in mostly brown with grey"; nothing when it holds a word that is no colour."""
    names = re.split(r" and touches of | and | with ", clause.partition(" in ")[2])
    names = [name.removeprefix("mostly ").removeprefix("almost nothing but ") for name in names]
    return tuple(names) if all(name in NAMES for name in names) else ()


class Guard:
    """Knows the words that would give the painting away.

    No word of the artist's name (three letters or more, function words aside) and not the whole title (years and
    numbers aside) may be said. Case and accents do not matter.

    >>> guard = Guard(Painting("Baroque/x", "Baroque", "Ford Madox Brown", "Winter, 1855"))
    >>> guard.allows("deep brown earth"), guard.allows("a wintry field"), guard.allows("early winter")
    (False, True, False)
    """

    def __init__(self, painting: Painting) -> None:
        self._names = frozenset(word for word in words(painting.artist) if _telling(word))
        title = [word for word in words(painting.title) if not word.isdigit()]
        self._title = f" {' '.join(title)} " if any(_telling(word) for word in title) else ""

    def allows(self, text: str) -> bool:
        """True when the text names neither artist nor title."""
        said = words(text)
        if self._names.intersection(said):
            return False
        return not self._title or self._title not in f" {' '.join(said)} "


def words(text: str) -> list[str]:
    """The words of a text, without case, accents and punctuation.

    >>> words("Pierre-Auguste Renoir: Été, no. 2")
    ['pierre', 'auguste', 'renoir', 'ete', 'no', '2']
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", plain)


def _telling(word: str) -> bool:
    return len(word) >= 3 and word not in _FUNCTION_WORDS and not word.isdigit()


_FUNCTION_WORDS = frozenset(
    words("the and with for from into but not its this that van von der den del della des dos das los las les ter ten")
)
