"""What assembling looks at: the stage outputs, and a catalogue of their light columns with groups and splits.

Shards are read one at a time. What is kept of a row are its id and a few dozen bytes, in Arrow columns; thumbnails and
style vectors, 1.4 KB a painting, lie in files that are mapped into memory. Rows are known by their numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from artsim_dataset import schema
from artsim_dataset.blocks import give_back
from artsim_dataset.splits import assign_splits, codes, components, copies
from artsim_dataset.triplets import Pool
from builder.config import BuildConfig
from builder.shards import StageFolder, read_rows
from builder.stage import Reject, Row

_VARIANT = pa.schema(
    [("id", pa.large_string()), ("painting", pa.int64()), ("level", pa.dictionary(pa.int32(), pa.string())),
     ("generator", pa.dictionary(pa.int32(), pa.string())),
     ("prompt_tokens", pa.int64()), ("prompt_complete_tokens", pa.int64())]
)  # fmt: skip
_PAINTING = pa.schema(
    [("id", pa.large_string()), ("genre", pa.dictionary(pa.int32(), pa.string())),
     ("artist", pa.dictionary(pa.int32(), pa.string())), ("phash", pa.uint64())]
)  # fmt: skip
_MEASURED = ("thumb", "style_vector")
LIGHT = ("id", "painting_id", *_VARIANT.names[2:], *_PAINTING.names[1:], *_MEASURED)


@dataclass(frozen=True)
class Inputs:
    """What assembling reads: the stage outputs, the settings, and what the stages rejected."""

    folders: Sequence[StageFolder]
    shards: Sequence[str]
    config: BuildConfig
    rejects: Sequence[Reject]
    stages: Sequence[dict[str, Any]]
    digest: str


class Catalogue:
    """The light columns of all variants, and what is derived from looking at all of them: groups and splits.

    Attributes:
        variants: a row for each variant, in the order of the shards; ``painting`` is the row of its painting.
        paintings: a row for each painting that has a variant, in the same order.
        group: row of the painting that each painting's group is named after, int64.
        test: whether each painting is in the test split, bool.
        vectors: style vectors, float32, shape (paintings, dims), memory-mapped.
    """

    def __init__(self, inputs: Inputs, scratch: Path) -> None:
        files = [scratch / f"{name}.bin" for name in _MEASURED]
        self.variants, self.paintings = _read(inputs, files)
        count = len(self.paintings)
        thumbs = _mapped(files[0], count, np.uint8)
        self.vectors = _mapped(files[1], count, np.float32)
        self.ids = self.paintings["id"].combine_chunks()
        order = pc.sort_indices(self.ids).to_numpy().astype(np.int64)
        rank = np.empty(count, np.int64)
        rank[order] = np.arange(count)
        same = rank[copies(self.paintings["phash"].to_numpy(), thumbs, self.vectors)]
        self.group = order[components(count, same)[rank]]
        artists = self.paintings["artist"].combine_chunks()
        slugs = pa.array([schema.slug(name) for name in artists.dictionary.to_pylist()], pa.large_string())
        splits = assign_splits(
            self.ids,
            self.ids.take(pa.array(self.group)),
            self.paintings["genre"].combine_chunks().cast(pa.large_string()),
            slugs.take(artists.indices),
            scheme=inputs.config.split.scheme,
            train_share=inputs.config.split.train,
            seed=inputs.config.seed,
        )
        self.test = np.fromiter((split == "test" for split in splits), bool, count)
        give_back()

    def split_of(self, painting: int) -> str:
        return "test" if self.test[painting] else "train"

    def pool(self) -> Pool:
        """What triplets need of all paintings."""
        genre = codes(self.paintings["genre"].combine_chunks().cast(pa.large_string()))[0]
        return Pool(self.ids, self.test.astype(np.int64), genre, self.group)


def _read(inputs: Inputs, files: Sequence[Path]) -> tuple[pa.Table, pa.Table]:
    """The two tables; thumbnails and vectors go to the files, one behind the other."""
    variants, paintings, count = [_VARIANT.empty_table()], [_PAINTING.empty_table()], 0
    with ExitStack() as stack:
        streams = [stack.enter_context(open(file, "wb")) for file in files]
        for shard in inputs.shards:
            rows = read_rows(inputs.folders, shard, LIGHT)
            numbers: dict[str, int] = {}  # all variants of a painting lie in one shard
            first: list[Row] = []
            for row in rows:
                row["painting"] = numbers.setdefault(row["painting_id"], count + len(numbers))
                if row["painting"] == count + len(first):
                    first.append({**row, "id": row["painting_id"], "phash": int(row["phash"], 16)})
                    for name, stream in zip(_MEASURED, streams, strict=True):
                        stream.write(row[name])
            variants.append(pa.Table.from_pylist(rows, schema=_VARIANT))
            paintings.append(pa.Table.from_pylist(first, schema=_PAINTING))
            count += len(first)
    return tuple(pa.concat_tables(tables).unify_dictionaries().combine_chunks() for tables in (variants, paintings))


def _mapped(file: Path, count: int, kind: type) -> np.ndarray:
    """A file of ``count`` equal rows, shape (count, values of each)."""
    return np.memmap(file, kind, "r").reshape(count, -1) if count else np.empty((0, 0), kind)
