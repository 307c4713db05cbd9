"""Rows of `real_vs_ai`, of one data set or of several built from the same paintings, split by source painting.

The sides are those of the data sets, with one rule more: a painting that is tested anywhere, or shares a group of
near-duplicates with one that is, is trained on nowhere. A picture that two data sets share (an original, usually)
counts once.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from artsim_dataset.encoders import Encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import Progress
from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.load import load_artsim
from artsim_dataset.schema import LABELS, SPLITS, painting_id_of
from artsim_dataset.train.holdout import components

AT_ONCE = 16


class Step(Protocol):
    """What is done to an image before a detector sees it: a recipe, or a degradation and a recipe."""

    def apply(self, image: Image.Image) -> Image.Image: ...

    @property
    def key(self) -> str: ...


@dataclass(frozen=True)
class _Painting:
    """What the `metadata` of a data set says of a painting. An artist or group that is not known is empty."""

    artist: str
    group: str


class DetectorRows:
    """All rows, with labels in memory and images on demand.

    Attributes (one entry a row): ``ids``; ``paintings``, the id of the source painting; ``is_ai`` (bool);
    ``generators``, '' for originals; ``digests``, sha256 of the encoded image; ``parts`` and ``artist_parts``, numbers
    that rows share when they must stay together (a painting, its variants and near-duplicates; for ``artist_parts``
    also all works of an artist); ``tested`` (bool): on the test side. ``member``: (rows, data sets), bool.
    """

    def __init__(self, datasets: Sequence[str | Path]) -> None:
        if not datasets:
            raise ConfigError("a detector needs at least one data set")
        self.names = [Path(dataset).name for dataset in datasets]
        self._images: list[tuple[Any, int]] = []
        columns: dict[str, list[Any]] = {name: [] for name in ("id", "ai", "generator", "tested", "sets")}
        place: dict[tuple[bytes, bool], int] = {}
        known: list[tuple[str, _Painting]] = []
        for number, dataset in enumerate(datasets):
            known += _paintings(dataset).items()
            for split, images, at, row, digest in _read(dataset):
                ai = row["label"] == LABELS.index("ai")
                if not ai:  # one picture is one painting, also where two data sets call it by two names
                    known.append((row["id"], _Painting("", f"picture {digest.hex()}")))
                if (digest, ai) in place:
                    columns["sets"][place[digest, ai]].add(number)
                    columns["tested"][place[digest, ai]] |= split == "test"
                    continue
                place[digest, ai] = len(self._images)
                self._images.append((images, at))
                facts = (row["id"], ai, row["generator"] if ai else "", split == "test", {number})
                for column, fact in zip(columns.values(), facts, strict=True):
                    column.append(fact)
        self.digests = [digest for digest, _ in place]
        self.ids: list[str] = columns["id"]
        self.is_ai = np.array(columns["ai"], bool)
        self.generators = np.array(columns["generator"], object)
        self.paintings = np.array(
            [painting_id_of(id_) if ai else id_ for id_, ai in zip(self.ids, self.is_ai, strict=True)], object
        )
        self.member = np.array([[number in sets for number in range(len(datasets))] for sets in columns["sets"]])
        self._divide(known, np.array(columns["tested"], bool))
        self._check()

    def _divide(self, known: Sequence[tuple[str, _Painting]], tested: np.ndarray) -> None:
        """Finds what must stay together, and moves all of it to the test side when any of it is tested."""
        paintings = [*self.paintings, *(painting for painting, _ in known)]
        groups = [*[""] * len(self.ids), *(facts.group for _, facts in known)]
        artists = [*[""] * len(self.ids), *(facts.artist for _, facts in known)]
        self.parts = components(paintings, groups)[: len(self.ids)]
        self.artist_parts = components(paintings, groups, artists)[: len(self.ids)]
        self.tested = np.isin(self.parts, self.parts[tested])

    def _check(self) -> None:
        for side, rows in (("train", ~self.tested), ("test", self.tested)):
            for label, wanted in (("originals", ~self.is_ai), ("AI variants", self.is_ai)):
                if not (rows & wanted).any():
                    raise ConfigError(
                        f"{', '.join(self.names)}: no {label} on the {side} side; build a data set of more paintings"
                    )
        if (self.generators[self.is_ai] == "").any():
            raise ConfigError(f"{', '.join(self.names)}: an AI variant names no generator; build the data set again")

    def leave_out(self, paintings: Sequence[str]) -> int:
        """Takes paintings (and their near-duplicates) that a detector was trained on off the test side.

        Returns how many images that were. Raises ConfigError when no originals or no variants are left to test on.
        """
        known = np.isin(self.parts, self.parts[np.isin(self.paintings.astype(str), list(paintings))])
        count = int((known & self.tested).sum())
        self.tested = self.tested & ~known
        if count and not ((self.tested & self.is_ai).any() and (self.tested & ~self.is_ai).any()):
            raise ConfigError(
                f"{', '.join(self.names)}: the detector was trained on the paintings of the test side, and nothing is "
                "left to test it on; build the data set with the seed and split settings of the one it was trained on"
            )
        return count

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def all_generators(self) -> list[str]:
        """Names of the generators, sorted."""
        return sorted(set(self.generators[self.is_ai]))

    def of_generator(self, generator: str) -> np.ndarray:
        """Rows (bool) of a generator's variants and of the originals in the data sets that have such variants."""
        own = self.generators == generator
        return own | (~self.is_ai & self.member[:, self.member[own].any(0)].any(1))

    def data(self, row: int) -> bytes:
        """The encoded image as published."""
        images, at = self._images[row]
        return _stored(images[at]["image"])

    def image(self, row: int) -> Image.Image:
        """The decoded image, RGB. ArtsimError names the row of one that cannot be read."""
        try:
            with Image.open(io.BytesIO(self.data(row))) as image:
                return image.convert("RGB")
        except (OSError, SyntaxError, ValueError) as error:
            raise ArtsimError(f"real_vs_ai, row '{self.ids[row]}' cannot be decoded: {error}") from error

    def embed(
        self,
        wanted: Sequence[tuple[int, Step]],
        encoder: Encoder,
        cache: EmbeddingCache,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Positions in ``cache`` of the embeddings of rows after steps, one each, encoded when missing; shape (n,).

        Written to the cache every few images, so an interrupted run goes on where it was.
        """
        keys = [self._key(row, step) for row, step in wanted]
        missing = {key: want for key, want in zip(keys, wanted, strict=True) if key not in cache}
        done = 0
        for batch in self.prepared(list(missing.values())):
            some = list(missing)[done : done + len(batch)]
            cache.add(dict(zip(some, encoder.encode(batch), strict=True)))
            done += len(batch)
            if progress:
                progress("encode", done, len(missing))
        return cache.positions(keys)

    def prepared(self, wanted: Sequence[tuple[int, Step]], size: int = AT_ONCE) -> Iterator[list[Image.Image]]:
        """Images of rows after steps, in batches of ``size``; the next is prepared while the last one is used."""
        todo = iter(wanted)

        def prepare(want: tuple[int, Step]) -> Image.Image:
            return want[1].apply(self.image(want[0]))

        with ThreadPoolExecutor(2, thread_name_prefix="detector") as pool:
            ahead = [pool.submit(prepare, want) for want in islice(todo, size)]
            while ahead:
                batch, ahead = ahead, [pool.submit(prepare, want) for want in islice(todo, size)]
                yield [future.result() for future in batch]

    def _key(self, row: int, step: Step) -> bytes:
        return hashlib.sha256(self.digests[row] + step.key.encode()).digest()


def _paintings(dataset: str | Path) -> Mapping[str, _Painting]:
    metadata: Any = load_artsim(dataset, "metadata")
    found = {}
    for split in metadata.values():
        table = split.select_columns(["id", "artist", "group"])[:]
        for variant, artist, group in zip(table["id"], table["artist"], table["group"], strict=True):
            found[painting_id_of(variant)] = _Painting(artist or "", group or "")
    return found


def _read(dataset: str | Path) -> Iterator[tuple[str, Any, int, Mapping[str, Any], bytes]]:
    """(split, its images undecoded, number, labels, sha256 of the image) of each row, train first."""
    from datasets import Image as ImageFeature

    loaded: Any = load_artsim(dataset, "real_vs_ai")
    for split in SPLITS:
        if split not in loaded:
            continue
        rows = loaded[split].cast_column("image", ImageFeature(decode=False))
        for at, row in enumerate(rows):
            yield split, rows, at, row, hashlib.sha256(_stored(row["image"])).digest()


def _stored(image: Mapping[str, Any]) -> bytes:
    """The encoded image of an undecoded cell: in the Parquet file, or beside it."""
    data: bytes | None = image["bytes"]
    return data if data is not None else Path(image["path"]).read_bytes()
