"""What the app was started with: a data set, a model, an embedding cache; each opened when a tab first asks for it.

A visitor looks at a dozen rows of a data set of a hundred thousand. So only labels are held in memory, a few columns of
the `metadata` config. Texts and pictures of the shown rows are read from the row groups that hold them: from the local
files, or by range requests from the Hub.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.schema import BOX_COLUMNS, SPLITS

if TYPE_CHECKING:
    from PIL import Image

    from artsim_dataset.app.make import Lenders, Maker
    from artsim_dataset.detector.model import Detector
    from artsim_dataset.encoders import Encoder
    from artsim_dataset.encoders.cache import EmbeddingCache
    from artsim_dataset.encoders.embed import Wanted
    from artsim_dataset.loading.published import Published
    from artsim_dataset.model import SimilarityModel
    from artsim_dataset.standing import Known
    from artsim_dataset.views import Box

T = TypeVar("T")

LABELS = ("id", "genre", "artist", "title", "level", "group")
GROUPS_KEPT = 8
"""Row groups of pictures that are kept, so that neighbours on a page are read once; 64 rows, some 10 MB each."""


class once(cached_property[T]):  # noqa: N801 - reads as a decorator, as its base does
    """A cached property that two threads do not make twice: visitors come at the same time, models are large."""

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        if instance is None:
            return self
        with instance.lock:
            return super().__get__(instance, owner)


@dataclass(frozen=True)
class Shown:
    """What the app was started with.

    Attributes:
        dataset: build folder or Hub id; None when there is none.
        model: a trained model, folder or Hub id; the bare encoder when None.
        encoder: its name.
        detector: folder of a detector, or None.
        cache_root: where embeddings are kept; the usual place when None.
        maker: opens what makes variants, given the paintings that lend their style (None: it has its own); None when
            the page makes none. The library knows no builder, so who starts the page brings it.
    """

    dataset: str | None = None
    model: str | None = None
    encoder: str = "lite"
    detector: str | None = None
    cache_root: Path | None = None
    maker: Callable[[Lenders | None], Maker] | None = None
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    @property
    def name(self) -> str:
        """What measures similarity, as a visitor reads it."""
        if self.model:
            return Path(self.model).name
        # Of a folder its own name: where the server keeps it is not for visitors.
        return f"{Path(self.encoder).name if Path(self.encoder).is_dir() else self.encoder} (untrained)"

    @property
    def dataset_name(self) -> str:
        """The data set, as a visitor reads it: no path of this machine."""
        return "" if self.dataset is None else Path(self.dataset).name

    @once
    def rows(self) -> Rows:
        """The data set. ConfigError when the app was started without one, DatasetNotFound when it is not there."""
        if self.dataset is None:
            raise ConfigError("this needs a data set: artsim app --dataset DATASET")
        from artsim_dataset.load import check_dataset
        from artsim_dataset.loading.published import find_published

        check_dataset(self.dataset)  # a mistyped folder is told at once, and not asked for on the Hub
        return Rows(find_published(self.dataset))

    @once
    def subject(self) -> SimilarityModel | Encoder:
        """The trained model, or the bare encoder."""
        from artsim_dataset.encoders import get_encoder
        from artsim_dataset.model import load_model

        return load_model(self.model) if self.model else get_encoder(self.encoder)

    @once
    def cache(self) -> EmbeddingCache:
        """Where the embeddings of the encoder are kept, before any head."""
        from artsim_dataset.encoders.cache import EmbeddingCache

        return EmbeddingCache(self._encoder, self.cache_root)

    @property
    def _encoder(self) -> Encoder:
        from artsim_dataset.model import SimilarityModel

        return self.subject.encoder if isinstance(self.subject, SimilarityModel) else self.subject

    def encode(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Unit vectors of RGB images, (n, dim). One visitor at a time: a model computes in all cores anyway."""
        from artsim_dataset.model import unit

        with self.lock:
            return unit(self.subject.encode(images))

    def vectors(self, wanted: Sequence[Wanted]) -> np.ndarray:
        """Unit vectors of pictures of the data set, (n, dim): from the cache, after encoding those it did not have."""
        from artsim_dataset.encoders.embed import embed
        from artsim_dataset.model import SimilarityModel, unit

        with self.lock:
            found = self.cache.take(embed(self.rows, wanted, self._encoder, self.cache))
            return self.subject.project(found) if isinstance(self.subject, SimilarityModel) else unit(found)

    @once
    def judge(self) -> Detector:
        """The detector. ConfigError when the app was started without one."""
        if self.detector is None:
            raise ConfigError("this needs a detector: artsim app --detector DETECTOR")
        from artsim_dataset.detector.model import load_detector

        return load_detector(self.detector)

    @once
    def known(self) -> Known | None:
        """Cosines of known pairs: those that the model was validated on, else a sample of the data set's test split;
        None without either."""
        from artsim_dataset.app.compare import measured
        from artsim_dataset.model import SimilarityModel
        from artsim_dataset.standing import Known

        if isinstance(self.subject, SimilarityModel) and "known_pairs" in self.subject.facts:
            return Known.from_json(self.subject.facts["known_pairs"])
        return measured(self) if self.dataset else None


class Rows:
    """The rows of `pairs`, both splits, in order: labels in memory, texts and pictures on demand. Safe for threads.

    Implements `encoders.embed.ImageRows`, so that ``embed(rows, wanted, encoder, cache)`` works on it.

    Attributes (one entry a row, all shape (n,)): ``ids, genres, artists, titles, levels, groups, splits`` strings;
    ``boxes`` (left, top, right, bottom) in pixels.

    Raises:
        ArtsimError: the data set has no `pairs`, as that of a case study, or its files cannot be read.
    """

    def __init__(self, published: Published) -> None:
        self._texts = _Files(published, "metadata")
        self._pictures = _Files(published, "pairs")
        if not len(self._texts) or len(self._texts) != len(self._pictures):
            raise ConfigError(
                f"{published.repo or published.folder} has no pairs to show, or not all of its files are there: "
                "check it with 'artsim validate'"
            )
        table = self._texts.labels((*LABELS, *BOX_COLUMNS))
        self.ids, self.genres, self.artists, self.titles, self.levels, self.groups = (table[c] for c in LABELS)
        self.splits = self._texts.splits
        self.boxes: list[Box] = list(zip(*(table[c].tolist() for c in BOX_COLUMNS), strict=True))

    def __len__(self) -> int:
        return len(self.ids)

    def facts(self, row: int) -> dict[str, Any]:
        """All texts and numbers of a row: the columns of the `metadata` config, and ``split``."""
        return self._texts.row(row) | {"split": str(self.splits[row])}

    def image_bytes(self, row: int, column: str) -> bytes:
        """The encoded picture in ``column`` (original or generated). ConfigError for one that was not published."""
        found = self._pictures.row(row, ("id", column))
        if found["id"] != self.ids[row]:
            raise ArtsimError(f"row '{self.ids[row]}' is not the same in pairs and metadata: see 'artsim validate'")
        if found[column] is None or found[column]["bytes"] is None:
            raise ConfigError(f"{self.ids[row]} has no picture in column '{column}': it was not published")
        data: bytes = found[column]["bytes"]
        return data

    def published(self, column: str) -> bool:
        """Whether the data set has the pictures of ``column``: it has those of all rows or, without originals, none."""
        first = self._pictures.row(0, (column,))[column]
        return first is not None and first["bytes"] is not None

    def content(self, row: int, column: str, data: bytes) -> Image.Image:
        """The decoded picture without its bars, RGB. ArtsimError names the row of one that cannot be read."""
        from PIL import Image

        from artsim_dataset.views import crop_content

        try:
            with Image.open(io.BytesIO(data)) as image:
                return crop_content(image.convert("RGB"), self.boxes[row])
        except (OSError, SyntaxError, ValueError, ConfigError, Image.DecompressionBombError) as error:
            raise ArtsimError(f"row '{self.ids[row]}', column '{column}': {error}") from error

    def picture(self, row: int, column: str) -> Image.Image:
        """The picture without its bars, RGB, in its full size."""
        return self.content(row, column, self.image_bytes(row, column))


class _Files:
    """The Parquet files of one config, both splits, as one list of rows that are read by row group."""

    def __init__(self, published: Published, config: str) -> None:
        # Pictures on the Hub stay there; texts are small and are downloaded.
        files = published.files({config}, streaming=config == "pairs")[config]
        self._paths = [path for split in SPLITS for path in files[split]]
        split_of = [split for split in SPLITS for _ in files[split]]
        try:
            self._metadata = [self._open(path).metadata for path in self._paths]
        except (OSError, ValueError) as error:
            raise ArtsimError(f"a file of the data set cannot be read: {error}") from error
        self._groups = [(f, g) for f, meta in enumerate(self._metadata) for g in range(meta.num_row_groups)]
        sizes = [self._metadata[f].row_group(g).num_rows for f, g in self._groups]
        self._starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        self.splits = np.repeat(np.array(split_of, object), [meta.num_rows for meta in self._metadata])
        self._read = lru_cache(GROUPS_KEPT)(self._read_group)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def labels(self, columns: Sequence[str]) -> Mapping[str, np.ndarray]:
        """Some columns of all rows. Equal strings are one object: 27 genres are not held a hundred thousand times."""
        import pyarrow as pa

        opened = zip(self._paths, self._metadata, strict=True)
        table = pa.concat_tables([self._open(path, meta).read(list(columns)) for path, meta in opened])
        return {name: _objects(table[name]) for name in columns}

    def row(self, row: int, columns: tuple[str, ...] | None = None) -> dict[str, Any]:
        """One row as Python values; all columns when None."""
        at = int(np.searchsorted(self._starts, row, "right")) - 1
        found: dict[str, Any] = self._read(at, columns).slice(row - int(self._starts[at]), 1).to_pylist()[0]
        return found

    def _read_group(self, group: int, columns: tuple[str, ...] | None) -> Any:
        file, number = self._groups[group]
        try:
            opened = self._open(self._paths[file], self._metadata[file])
            return opened.read_row_group(number, list(columns) if columns else None)
        except (OSError, ValueError) as error:
            raise ArtsimError(f"{Path(self._paths[file]).name} cannot be read: {error}") from error

    @staticmethod
    def _open(path: str, metadata: Any = None) -> Any:
        """A new reader for each read: one reader is not safe for several threads."""
        import pyarrow.parquet as pq

        if not path.startswith("hf://"):
            return pq.ParquetFile(path, metadata=metadata, memory_map=True)
        from huggingface_hub import HfFileSystem

        return pq.ParquetFile(HfFileSystem().open(path, "rb"), metadata=metadata, pre_buffer=True)


def _objects(column: Any) -> np.ndarray:
    """A column as an array of Python objects, one for each distinct value; what is missing is ''."""
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    distinct = np.array(["" if value is None else value for value in encoded.dictionary.to_pylist()], object)
    return distinct[encoded.indices.to_numpy()]
