"""Labels from words: which artists, media and movements captions or prompts name (LAION-Styles, arXiv 2404.01292).

In the manner of LAION-Styles: a list of tags is searched in the texts, tags with too many hits say nothing and are
dropped, and near-duplicate images become one that has the tags of all. Every step is a function from a table to a
table, and none loops over tags x texts: one pass over the words of each text, sparse matrices for the rest.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import GENRES

MAX_HITS = 100_000
"""LAION-Styles drops tags with more, "oil painting" for one."""
SAME_IMAGE = 0.8
"""LAION-Styles: two images whose SSCD descriptors have a larger inner product are near-duplicates."""
BLOCK = 1024

MOVEMENTS: tuple[str, ...] = tuple(sorted({*(g.replace("_", " ").lower() for g in GENRES), "art nouveau", "surrealism",
                                           "dadaism", "futurism", "gothic", "neoclassicism", "constructivism",
                                           "suprematism", "pre raphaelite", "tonalism", "art deco"}))  # fmt: skip
MEDIA: tuple[str, ...] = (
    "acrylic", "airbrush", "aquatint", "charcoal", "collage", "drypoint", "engraving", "etching", "fresco", "gouache",
    "ink", "linocut", "lithograph", "mezzotint", "mosaic", "mural", "oil on canvas", "oil on panel", "oil painting",
    "pastel", "pencil", "screenprint", "silkscreen", "stained glass", "tapestry", "tempera", "watercolor",
    "watercolour", "woodblock print", "woodcut",
)  # fmt: skip


@dataclass(frozen=True)
class Tagged:
    """Which item has which tag. ``names``: the tags. ``has``: sparse bool matrix, (items, tags)."""

    names: tuple[str, ...]
    has: csr_array

    def counts(self) -> np.ndarray:
        """How many items have each tag, (tags,)."""
        return np.bincount(self.has.indices, minlength=len(self.names))

    def without(self, name: str) -> Tagged:
        """The table without that tag, if it has it."""
        kept = [at for at, own in enumerate(self.names) if own != name]
        return Tagged(tuple(self.names[at] for at in kept), csr_array(self.has[:, kept]))


def words(text: str) -> list[str]:
    """The words of a text as they are compared: without case, accents and punctuation.

    >>> words("Édouard Manet, oil-on-canvas")
    ['edouard', 'manet', 'oil', 'on', 'canvas']
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", plain)


def find_tags(texts: Sequence[str], tags: Iterable[str]) -> Tagged:
    """Searches every tag in every text, as whole words.

    A tag inside a longer tag that is found there does not count: "post-impressionism" is no impressionism. Tags that
    are the same words ("Post Impressionism", "post-impressionism") are one, called as the first of them. One pass over
    the texts, whatever the number of tags. Raises ConfigError for a tag without a word.

    >>> found = find_tags(["a Post-Impressionism by van Gogh"], ["impressionism", "post impressionism", "Van Gogh"])
    >>> [found.names[tag] for tag in sorted(found.has.indices.tolist())]
    ['post impressionism', 'Van Gogh']
    """
    names: dict[tuple[str, ...], str] = {}
    for tag in tags:
        key = tuple(words(tag))
        if not key:
            raise ConfigError(f"the tag '{tag}' has no word in it")
        names.setdefault(key, tag)
    number = {key: at for at, key in enumerate(names)}
    lengths: dict[str, list[int]] = {}
    for key in names:
        lengths.setdefault(key[0], []).append(len(key))
    longest_first = {word: sorted(set(found), reverse=True) for word, found in lengths.items()}
    items: list[int] = []
    columns: list[int] = []
    for item, text in enumerate(texts):
        for column in _tags_of(words(text), number, longest_first):
            items.append(item)
            columns.append(column)
    return Tagged(tuple(names.values()), _matrix(items, columns, (len(texts), len(names))))


def _tags_of(text: list[str], number: dict[tuple[str, ...], int], longest_first: dict[str, list[int]]) -> set[int]:
    """The tags of a text. A tag that ends no later than one that began before it lies inside that one."""
    found: set[int] = set()
    reach = 0
    for start, word in enumerate(text):
        for length in longest_first.get(word, ()):
            if start + length <= reach:
                break
            if start + length > len(text):
                continue
            tag = number.get(tuple(text[start : start + length]))
            if tag is not None:
                found.add(tag)
                reach = start + length
                break
    return found


def cap(tagged: Tagged, most: int = MAX_HITS, least: int = 1) -> Tagged:
    """Without the tags that more than ``most`` or fewer than ``least`` items have. Items stay, with fewer tags.

    A label of one item alone teaches a contrastive loss nothing: ``least=2`` drops it.
    """
    counts = tagged.counts()
    kept = np.flatnonzero((counts <= most) & (counts >= least))
    return Tagged(tuple(tagged.names[at] for at in kept), csr_array(tagged.has[:, kept]))


def near_duplicates(vectors: np.ndarray, threshold: float = SAME_IMAGE) -> np.ndarray:
    """Connected components of "inner product above ``threshold``": (n,) labels from 0, in order of first appearance.

    ``vectors`` (n, d): unit vectors of a copy detector or of any encoder that is strict enough. All pairs are looked
    at, block by block; memory is n x 1024 scores at most, however many pairs there are.
    """
    vectors = np.ascontiguousarray(vectors, np.float32)
    component = np.arange(len(vectors))
    for start in range(0, len(vectors), BLOCK):
        left, right = np.nonzero(vectors[start : start + BLOCK] @ vectors[start:].T > threshold)
        component = _joined(component, component[left + start], component[right + start])
    return component


def _joined(component: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Components after joining left[i] with right[i], numbered by first appearance."""
    count = int(component.max(initial=-1)) + 1
    edges = coo_array((np.ones(len(left), bool), (left, right)), shape=(count, count))
    _, joined = connected_components(edges, directed=False)
    _, first, labels = np.unique(joined[component], return_index=True, return_inverse=True)
    order = np.empty(len(first), np.int64)
    order[np.argsort(first)] = np.arange(len(first))
    return order[labels]


def merge(tagged: Tagged, component: np.ndarray) -> tuple[np.ndarray, Tagged]:
    """One item for each component, with the tags of all its members.

    ``component``: (items,), equal for items to be merged: :func:`near_duplicates`, or the data set's ``group``. Returns
    the first item of each component, ascending, and their tags in that order. ConfigError when the numbers differ.
    """
    items = tagged.has.shape[0]
    if len(component) != items:
        raise ConfigError(f"{items} items have tags and {len(component)} have a component")
    _, first, member = np.unique(component, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(first), np.int64)
    rank[order] = np.arange(len(first))
    entries = tagged.has.tocoo()
    rows = rank[member[entries.row]]
    return first[order], Tagged(tagged.names, _matrix(rows, entries.col, (len(first), len(tagged.names))))


def _matrix(rows: Sequence[int] | np.ndarray, columns: Sequence[int] | np.ndarray, shape: tuple[int, int]) -> csr_array:
    """A bool matrix that is True at these places, which may be named more than once."""
    matrix = csr_array((np.ones(len(rows), bool), (np.asarray(rows, np.int64), np.asarray(columns, np.int64))), shape)
    matrix.sum_duplicates()
    matrix.data[:] = True
    return matrix
