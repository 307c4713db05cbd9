"""What is retrieved from what: the paintings of a data set, a folder as WikiArt has it, a folder as DomainNet has it.

    a data set                        artist, genre, and artist within the genre
    Style/artist_title.jpg            the same, WikiArt's layout
    domain/class/*.jpg                the domain, DomainNet's layout

CSD's own query lists were not released for either. WikiArt is divided at random there, four fifths being the database,
as here. In DomainNet queries and database show different things: the classes are divided into two clusters of word
vectors, the smaller one being the queries; without word vectors, a seeded tenth of the classes is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import Dataset
from PIL import ExifTags, Image, UnidentifiedImageError

from artsim_dataset.encoders.embed import ImageRows, PairRows
from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.images import open_image
from artsim_dataset.schema import painting_id_of, seed_from
from artsim_dataset.tags import words
from artsim_dataset.views import Box

QUERY_SHARE = 0.2
CLASS_SHARE = 0.1
LEFT_OUT = "quickdraw"
"""The domain of DomainNet that CSD leaves out: too like the domain sketch."""
TURNED = (5, 6, 7, 8)
"""EXIF orientations that swap width and height."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class Task:
    """One question to the pictures: their ``labels`` (n,), "" unknown, and optionally pools (see `protocol.Side`)."""

    name: str
    labels: np.ndarray
    pools: np.ndarray | None = None


@dataclass(frozen=True)
class Source:
    """Pictures with questions, divided into queries and database.

    ``rows``, ``row`` (n,) and ``column`` say where each picture is read; ``query`` (n,) is True for queries; ``split``
    says in words how they were divided.
    """

    rows: ImageRows
    row: np.ndarray
    column: str
    query: np.ndarray
    tasks: tuple[Task, ...]
    split: str


def dataset_source(dataset: Dataset, seed: int, test: Dataset | None = None) -> Source:
    """The paintings of `pairs`. Queries are those of ``test``, rows that ``dataset`` has too; without it a seeded fifth
    of the near-duplicate groups, so that no group is on both sides."""
    rows = PairRows(dataset)
    first = rows.first_row
    artist, genre = rows.artists[first].astype(str), rows.genres[first].astype(str)
    if test is not None:
        query = np.isin(rows.painting_ids, [painting_id_of(id_) for id_ in test["id"]])
        split = "the data set's own: queries are its test split, the database its train split"
    else:
        groups = rows.groups[first]
        query = _drawn(np.where(groups == "", rows.painting_ids, groups).tolist(), QUERY_SHARE, seed)
        split = f"a seeded {QUERY_SHARE:.0%} of the near-duplicate groups are queries"
    return Source(rows, first, "original", query, _painting_tasks(artist, genre), split)


def folder_source(root: Path, seed: int, vectors: Path | None = None) -> Source:
    """The pictures of a folder in WikiArt's or in DomainNet's layout, told apart by how deep they lie.

    ``vectors``: word vectors as text, a word and its numbers a line (GloVe, word2vec), to divide DomainNet's classes.
    Raises ConfigError for a folder that is neither, or both.
    """
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
    depths = {name.count("/") for name in names}
    if depths not in ({1}, {2}):
        raise ConfigError(
            f"{root} is neither a data set, nor laid out as Style/artist_title.jpg or as domain/class/picture.jpg: "
            + (f"pictures lie {sorted(depths)} folders deep" if names else "it has no pictures")
        )
    if depths == {1}:
        if vectors is not None:
            raise ConfigError(f"word vectors divide the classes of domain/class/picture.jpg, and {root} has no classes")
        artist = np.array([_artist(name) for name in names])
        genre = np.array([name.split("/")[0] for name in names])
        query, split = _drawn(names, QUERY_SHARE, seed), f"a seeded {QUERY_SHARE:.0%} are queries"
        return _folder(root, names, query, _painting_tasks(artist, genre), split)
    names = [name for name in names if name.split("/")[0].lower() != LEFT_OUT]
    content = [name.split("/")[1] for name in names]
    classes = sorted(set(content))
    if vectors is not None:
        asked, split = smaller_cluster(word_vectors(vectors, classes), seed), "the smaller of two clusters of words"
    else:
        asked = {name for name, chosen in zip(classes, _drawn(classes, CLASS_SHARE, seed), strict=True) if chosen}
        split = f"a seeded {CLASS_SHARE:.0%} of the classes"
    query = np.isin(content, sorted(asked))
    domain = np.array([name.split("/")[0] for name in names])
    return _folder(root, names, query, (Task("domain", domain),), f"queries are of {split}: {len(asked)} classes")


def smaller_cluster(vectors: Mapping[str, np.ndarray], seed: int) -> set[str]:
    """The names in the smaller of two k-means clusters of their vectors. ConfigError for fewer than two names."""
    from sklearn.cluster import KMeans

    if len(vectors) < 2:
        raise ConfigError(f"two clusters need at least two classes, got {len(vectors)}")
    table = np.stack(list(vectors.values()))
    member = KMeans(2, n_init=10, random_state=seed_from("clusters", seed, bits=31)).fit_predict(table)
    small = int(np.argmin(np.bincount(member, minlength=2)))
    return {name for name, cluster in zip(vectors, member, strict=True) if cluster == small}


def word_vectors(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The mean unit vector of the words of each name, read from a text file. ConfigError for a name without any."""
    wanted = {word for name in names for word in words(name)}
    found: dict[str, np.ndarray] = {}
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                word, _, numbers = line.rstrip().partition(" ")
                if word.lower() in wanted and " " in numbers:
                    vector = np.array(numbers.split(), np.float32)
                    found.setdefault(word.lower(), vector / max(float(np.linalg.norm(vector)), 1e-12))
    except OSError as error:
        raise ConfigError(f"the word vectors in {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"the word vectors in {path} cannot be read: {error}") from error
    if len({len(vector) for vector in found.values()}) > 1:
        raise ConfigError(f"the word vectors in {path} have different lengths")
    result = {name: [found[word] for word in words(name) if word in found] for name in names}
    missing = [name for name, own in result.items() if not own]
    if missing:
        raise ConfigError(f"{path} has no vector for the class '{missing[0]}', one of {len(missing)} without")
    return {name: np.mean(own, axis=0) for name, own in result.items()}


def _painting_tasks(artist: np.ndarray, genre: np.ndarray) -> tuple[Task, ...]:
    return Task("artist", artist), Task("genre", genre), Task("artist within genre", artist, genre)


def _artist(name: str) -> str:
    artist, _, title = Path(name).stem.partition("_")
    return artist if title else ""


def _drawn(names: Sequence[str], share: float, seed: int) -> np.ndarray:
    """True for a seeded share of the names, (n,); equal names go together. At least one, and not all."""
    order = sorted(set(names), key=lambda name: seed_from("query", name, seed))
    if len(order) < 2:
        raise ConfigError(f"queries and a database need at least two pictures (or classes), got {len(order)}")
    chosen = order[: min(len(order) - 1, max(1, round(share * len(order))))]
    return np.isin(np.array(names), chosen)


class FolderRows:
    """Picture files as rows: their size is read now, their pixels on demand. The column of a row is not looked at."""

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self.ids = np.array(names, object)
        self.boxes: list[Box] = []
        self._root = root
        for name in names:
            try:
                with Image.open(root / name) as image:
                    width, height = image.size
                    turned = image.getexif().get(ExifTags.Base.Orientation, 1) in TURNED
                self.boxes.append((0, 0, height, width) if turned else (0, 0, width, height))
            except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
                raise ArtsimError(f"the picture {root / name} cannot be read: {error}") from error

    def image_bytes(self, row: int, column: str) -> bytes:
        return (self._root / self.ids[row]).read_bytes()

    def content(self, row: int, column: str, data: bytes) -> Image.Image:
        return open_image(self._root / self.ids[row])


def _folder(root: Path, names: Sequence[str], query: np.ndarray, tasks: tuple[Task, ...], split: str) -> Source:
    return Source(FolderRows(root, names), np.arange(len(names)), "original", query, tasks, split)
