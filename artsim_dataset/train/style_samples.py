"""What a style run trains on: originals only, their labels of several kinds, and paintings of known artists held out.

Near-duplicates (the data set's groups) become one painting with the labels of all, as in LAION-Styles. Validation asks
for the artist, so the paintings held out are by artists of whom others stay; with an artist-disjoint part, retrieval
would have nothing to find.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from datasets import Dataset
from scipy.sparse import csr_array, hstack
from torch import Tensor

from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import Looks, PairRows, Progress, embed_all
from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import seed_from
from artsim_dataset.tags import MAX_HITS, MEDIA, MOVEMENTS, Tagged, cap, find_tags, merge
from artsim_dataset.views import FULL, View, csd_view

LABELS: tuple[str, ...] = ("artist", "genre", "tags")


@dataclass(frozen=True)
class StyleSamples:
    """One entry a painting.

    ``full`` (n,) and ``views`` (n, views) are cache positions of the whole picture and of CSD's views; ``artist`` (n,)
    names, "" unknown; ``labels`` says which label a painting has; ``held_out`` (n,) is the validation part.
    """

    ids: np.ndarray
    artist: np.ndarray
    labels: Tagged
    held_out: np.ndarray
    full: np.ndarray
    views: np.ndarray
    cache: EmbeddingCache

    def load(self, positions: np.ndarray) -> Tensor:
        """Embeddings at positions (n,): (n, inputs)."""
        return torch.from_numpy(self.cache.take(positions))

    def multi_hot(self, paintings: np.ndarray) -> Tensor:
        """Their labels, (n, labels), 0 or 1, float32. Labels that none of them has are left out."""
        rows = self.labels.has[paintings]
        used = np.unique(rows.indices)
        return torch.from_numpy(rows[:, used].toarray().astype(np.float32))

    def digest(self) -> str:
        """Names what is trained on: ids, labels, parts, and the content of every view."""
        hashed = hashlib.sha256("\x1f".join([*self.ids, *self.artist, *self.labels.names]).encode())
        for array in (self.labels.has.indptr, self.labels.has.indices, self.held_out):
            hashed.update(np.asarray(array, np.int64).tobytes())
        hashed.update(self.cache.keys(np.concatenate([self.full, self.views.ravel()])))
        return hashed.hexdigest()


def embed_style(
    dataset: Dataset,
    encoder: Encoder,
    labels: Sequence[str],
    views: int,
    validation_share: float,
    seed: int,
    cache: EmbeddingCache,
    progress: Progress | None,
) -> StyleSamples:
    """Embeds what the cache has not: every painting whole, and ``views`` views of it as CSD takes them.

    Raises ConfigError when no artist has two paintings, or no two paintings share a label.
    """
    rows = PairRows(dataset)
    first = rows.first_row
    captions = [str(caption or "") for caption in dataset.select_columns(["caption"])["caption"]]
    # Prompts say what the variants show, not what the originals do, and are not searched.
    tagged = label_table(labels, rows.artists[first], rows.genres[first], [captions[row] for row in first])
    kept, tagged = merge(tagged, _groups(rows.groups[first]))
    tagged = cap(tagged, least=2)
    if not tagged.names:
        raise ConfigError(f"no two paintings of the train split share a label ({', '.join(labels)}): use other labels")
    ids, artist = rows.painting_ids[kept], rows.artists[first][kept].astype(str)
    held_out = known_artists(ids.tolist(), artist.tolist(), validation_share, seed)

    def seen(row: int) -> list[View]:
        left, top, right, bottom = rows.boxes[row]
        painting, aspect = rows.painting_ids[rows.painting[row]], (right - left) / (bottom - top)
        return [FULL, *(csd_view(painting, index, seed, aspect) for index in range(views))]

    looks = [Looks(first[kept], "original", seen, 1 + views)]
    (positions,) = embed_all(rows, looks, encoder, cache, progress)
    return StyleSamples(ids, artist, tagged, held_out, positions[:, 0], positions[:, 1:], cache)


def label_table(kinds: Sequence[str], artists: np.ndarray, genres: np.ndarray, texts: Sequence[str]) -> Tagged:
    """One table of all kinds of labels: who painted it, its genre, and what its caption names.

    Names are ``artist:...``, ``genre:...`` and ``tag:...``. Tags are media, movements and the artists of the data set;
    one that more than half of the texts (or 100,000) name says nothing and is dropped. Unknown artists are no label.
    """
    tables: list[Tagged] = []
    for kind, names in (("artist", artists), ("genre", genres)):
        if kind in kinds:
            known, code = np.unique(names.astype(str), return_inverse=True)
            has = csr_array((np.ones(len(code), bool), code, np.arange(len(code) + 1)), (len(code), len(known)))
            tables.append(Tagged(tuple(f"{kind}:{name}" for name in known), has).without(f"{kind}:"))
    if "tags" in kinds:
        named = [str(artist).replace("-", " ") for artist in np.unique(artists.astype(str)) if artist]
        found = cap(find_tags(texts, [*named, *MEDIA, *MOVEMENTS]), most=min(MAX_HITS, len(texts) // 2))
        tables.append(Tagged(tuple(f"tag:{name}" for name in found.names), found.has))
    return Tagged(
        tuple(name for table in tables for name in table.names), csr_array(hstack([table.has for table in tables]))
    )


def known_artists(ids: Sequence[str], artists: Sequence[str], share: float, seed: int) -> np.ndarray:
    """True for the paintings held out, (n,): a seeded choice, of whose artist at least one other painting stays.

    As many as ``share`` of all, at least one, or as many as there can be. ConfigError when there can be none, or
    there is only one artist.
    """
    left: dict[str, int] = {}
    for artist in artists:
        left[artist] = left.get(artist, 0) + bool(artist)
    held = np.zeros(len(ids), bool)
    wanted = max(1, round(share * len(ids)))
    for at in sorted(range(len(ids)), key=lambda at: seed_from("known artists", ids[at], seed)):
        if wanted and left[artists[at]] > 1:
            held[at] = True
            wanted -= 1
            left[artists[at]] -= 1
    if not held.any():
        raise ConfigError(
            "training style descriptors needs an artist with at least two paintings in the train split: add paintings, "
            "or name their artists in the source (Genre/artist_title.jpg)"
        )
    if len(left) < 2:
        raise ConfigError(
            "all paintings of the train split are by one artist: whoever asks for the artist finds nothing else; add "
            "paintings by others"
        )
    return held


def _groups(groups: np.ndarray) -> np.ndarray:
    """The groups as integers; a painting without one is alone."""
    names, code = np.unique(groups, return_inverse=True)
    return np.where(names[code] == "", len(names) + np.arange(len(code)), code)
