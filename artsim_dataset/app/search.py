"""The tab *Search*: the paintings and variants of the data set that are nearest to an image, or to a text.

The search is exact (`retrieval.exact`): no picture is missed. The pictures of the data set are encoded once, by the
first visitor who searches, and their embeddings are kept in the cache of `artsim encode`, which does the same work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import numpy as np

from artsim_dataset.app.figures import answer, figure_list, note, work_figure
from artsim_dataset.app.page import cannot, forget_answer, picture_input, told, uploaded
from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import painting_id_of

if TYPE_CHECKING:
    from artsim_dataset.app.data import Rows, Shown

T = TypeVar("T")
Kind = Literal["paintings", "variants"]
KINDS: tuple[Kind, ...] = ("paintings", "variants")
COLUMNS: dict[Kind, str] = {"paintings": "original", "variants": "generated"}
NEAREST = 12
TEXT_SIDE = "openai/clip-vit-base-patch32"
AT_ONCE = 128
"""Pictures that are encoded between two reports of progress; other visitors get their turn then."""

Progress = Callable[[int, int], None]
"""Told (done, total) as pictures are encoded."""


@dataclass(frozen=True)
class Hit:
    """A picture that was found: its row and ``column`` (original or generated), and its cosine with the query."""

    row: int
    column: str
    similarity: float


@dataclass(frozen=True)
class Index:
    """Unit vectors of all pictures of a data set, (n, d) float32, and the row of each, by kind."""

    vectors: dict[Kind, np.ndarray]
    row: dict[Kind, np.ndarray]

    def nearest(self, query: np.ndarray, kinds: Sequence[Kind], number: int) -> list[Hit]:
        """The ``number`` pictures of these kinds with the largest cosine, best first.

        Equal cosines are in the order of the rows, a painting before its variant. ``query``: a unit vector, (d,).
        Raises ConfigError when no kind is wanted, or one that was not published, or for a vector of another length.
        """
        from artsim_dataset.retrieval.exact import search

        if not kinds:
            raise ConfigError("choose paintings, variants or both")
        if missing := [kind for kind in kinds if kind not in self.vectors]:
            raise ConfigError(f"the {missing[0]} were not published with this data set; search without them")
        hits = []
        for kind in (kind for kind in KINDS if kind in kinds):
            found = next(search(query[None], self.vectors[kind], number))
            rows = self.row[kind][found.index[0]].tolist()
            hits += [Hit(row, COLUMNS[kind], score) for row, score in zip(rows, found.score[0].tolist(), strict=True)]
        return sorted(hits, key=lambda hit: (-hit.similarity, hit.row, hit.column == "generated"))[:number]


def first_rows(rows: Rows) -> np.ndarray:
    """A row of each painting, in order: several variants of a painting are several rows with the same original."""
    paintings = np.array([painting_id_of(id_) for id_ in rows.ids])
    return np.sort(np.unique(paintings, return_index=True)[1])


def encoded(shown: Shown, rows: Sequence[int], column: str, progress: Progress | None = None) -> np.ndarray:
    """Unit vectors of pictures of the data set, (n, d) float32, from the cache as far as it has them."""
    from artsim_dataset.encoders.embed import Wanted
    from artsim_dataset.views import FULL

    parts = []
    for at in range(0, len(rows), AT_ONCE):
        parts.append(shown.vectors([Wanted(int(row), column, FULL) for row in rows[at : at + AT_ONCE]]))
        if progress:
            progress(min(at + AT_ONCE, len(rows)), len(rows))
    return np.concatenate(parts).astype(np.float32)


def make_index(shown: Shown, progress: Progress | None = None) -> Index:
    """The index of the data set, without its paintings when they were not published. ConfigError without a data set."""
    row: dict[Kind, np.ndarray] = {"paintings": first_rows(shown.rows), "variants": np.arange(len(shown.rows))}
    row = {kind: rows for kind, rows in row.items() if shown.rows.published(COLUMNS[kind])}
    total = sum(map(len, row.values()))
    before = 0
    vectors: dict[Kind, np.ndarray] = {}
    for kind in row:

        def counted(done: int, _: int, before: int = before) -> None:
            if progress:
                progress(before + done, total)

        vectors[kind] = encoded(shown, row[kind].tolist(), COLUMNS[kind], counted)
        before += len(row[kind])
    return Index(vectors, row)


def takes_text(shown: Shown) -> bool:
    """Whether the encoder has a text side. `lite` is not opened for the answer: it has none."""
    from artsim_dataset.encoders import TextEncoder
    from artsim_dataset.model import SimilarityModel

    if shown.model is None and shown.encoder == "lite":
        return False
    subject = shown.subject
    return isinstance(subject.encoder if isinstance(subject, SimilarityModel) else subject, TextEncoder)


def encode_text(shown: Shown, text: str) -> np.ndarray:
    """The unit vector of a text, (d,), in the space of the images. ConfigError for an empty one, or no text side."""
    from artsim_dataset.encoders.text import text_encoder
    from artsim_dataset.model import SimilarityModel, unit

    if not text.strip():
        raise ConfigError("write what the picture should show")
    with shown.lock:
        subject: Any = shown.subject if isinstance(shown.subject, SimilarityModel) else text_encoder(shown.subject)
        vector: np.ndarray = unit(subject.encode_text([text.strip()]))[0]
    return vector


class Kept(Generic[T]):
    """What is made once, by the first visitor who needs it; those who come meanwhile wait for it.

    Not kept when making it fails: the next visitor may have more luck.
    """

    def __init__(self, make: Callable[[Progress], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: list[T] = []

    def get(self, progress: Progress) -> T:
        with self._lock:
            if not self._made:
                self._made.append(self._make(progress))
            return self._made[0]


def results(shown: Shown, hits: Sequence[Hit], of: str) -> str:
    """The pictures that were found, as HTML, best first. ``of``: what they are like."""
    rows = shown.rows
    figures = [work_figure(rows, hit.row, hit.column, f"similarity {hit.similarity:.3f}") for hit in hits]
    told_ = f"The {len(figures)} pictures nearest to {of}, best first"
    return answer(told_) + figure_list(figures, label=told_)


def counting(progress: Any) -> Progress:
    """A report of Gradio's progress bar, for encoding the data set."""

    def report(done: int, total: int) -> None:
        progress((done, total), desc="Looking at every picture of the data set, once", unit="pictures")

    return report


def tab(shown: Shown) -> None:
    """Makes the components of the tab in the current `gr.Tab`."""
    import gradio as gr

    if shown.dataset is None:
        cannot("Search needs a data set to search in: artsim app --dataset DATASET")
        return
    index = Kept(lambda progress: make_index(shown, progress))

    @told
    def by_picture(path: str | None, kinds: list[Kind], progress: Any = gr.Progress()) -> str:  # noqa: B008
        vector = shown.encode([uploaded(path)])[0]
        return results(shown, index.get(counting(progress)).nearest(vector, kinds, NEAREST), "your picture")

    @told
    def by_text(text: str, kinds: list[Kind], progress: Any = gr.Progress()) -> str:  # noqa: B008
        vector = encode_text(shown, text)
        return results(shown, index.get(counting(progress)).nearest(vector, kinds, NEAREST), f"“{text.strip()}”")

    with gr.Row(elem_classes="ask"):
        with gr.Column(scale=1, min_width=280):
            picture = picture_input("Picture to search with")
            there = [kind for kind in KINDS if shown.rows.published(COLUMNS[kind])]
            kinds = gr.CheckboxGroup(there, value=there, label="Search among")
            search = gr.Button("Search with the picture", variant="primary")
            if takes_text(shown):
                text = gr.Textbox(label="Or words to search with", placeholder="a harbour at dusk", max_length=300)
                search_text = gr.Button("Search with the words")
            else:
                gr.HTML(note(f"{shown.name} takes no words. To search by text, start the app with an encoder that "
                             f"does: artsim app --encoder {TEXT_SIDE}"))  # fmt: skip
        with gr.Column(scale=3, min_width=280):
            found = gr.HTML(_HELP, elem_id="search-results", elem_classes="answers")
    search.click(by_picture, [picture, kinds], found)
    forget_answer(picture, found, _HELP)
    if takes_text(shown):
        gr.on([search_text.click, text.submit], by_text, [text, kinds], found)


_HELP = """<p>Finds the paintings and variants of the data set that are nearest to a picture. The similarity is a cosine
from -1 to 1, as the model sees it: every model has its own scale, so read the order, and compare two pictures in
<em>Compare</em> to learn what a number means. Cosines of words and pictures are lower than those of two pictures.</p>
<p>The first search encodes the data set; later ones take a moment.</p>"""
