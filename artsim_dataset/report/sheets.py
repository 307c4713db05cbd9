"""Which pictures of a data set the page shows, and where they come from: samples that depend on identity alone.

Pictures are those of `real_vs_ai`, small and without bars. Only row groups that hold a wanted picture are read, one at
a time, so the work follows from the size of the sample and not of the data set.
"""

from __future__ import annotations

import heapq
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from artsim_dataset.errors import ConfigError
from artsim_dataset.export.writing import Watcher
from artsim_dataset.loading.published import Files
from artsim_dataset.report.tables import opened, paintings_of
from artsim_dataset.schema import LABELS, SPLITS, seed_from

ORIGINAL, AI = (LABELS.index(label) for label in ("original", "ai"))
Key = tuple[int, str]
"""Label and id: a painting "untitled-1" and the second variant of "untitled" have the same id."""


def sample(ids: Iterable[str], wanted: int, purpose: str, seed: int) -> list[str]:
    """The ``wanted`` ids with the smallest seeds: the same whatever their order, nearly the same when rows are added.

    >>> sample(["a", "b", "c"], 2, "sheet", 42) == sample(["c", "b", "a"], 2, "sheet", 42)
    True
    """
    return heapq.nsmallest(wanted, ids, key=lambda id_: (seed_from(purpose, id_, seed), id_))


def by_genre(paintings: pa.Table, wanted: int, seed: int) -> dict[str, list[tuple[str, str]]]:
    """Up to ``wanted`` paintings of each genre, each with its first variant, for the palettes."""
    chosen = {}
    for genre in sorted(pc.unique(paintings["genre"]).to_pylist()):
        mine = _where(paintings, "genre", genre)
        variant = dict(zip(mine["painting"].to_pylist(), mine["id"].to_pylist(), strict=True))
        chosen[genre] = [(id_, variant[id_]) for id_ in sample(variant, wanted, "palette", seed)]
    return chosen


def contact_sheets(variants: pa.Table, wanted: int, seed: int) -> dict[str, list[dict[str, str]]]:
    """For each level up to ``wanted`` variants, of different paintings: one of each genre, then a second, and so on.

    A sheet in proportion to the genres would show little but the largest; its order is by genre.
    """
    sheets = {}
    for level in sorted(pc.unique(variants["level"]).to_pylist()):
        of_level = paintings_of(_where(variants, "level", level))
        genres = sorted(pc.unique(of_level["genre"]).to_pylist())
        drawn = [sample(_where(of_level, "genre", g)["id"].to_pylist(), wanted, "sheet", seed) for g in genres]
        in_turn = [id_ for round_ in zip_longest(*drawn) for id_ in round_ if id_ is not None][:wanted]
        rows = of_level.filter(pc.is_in(of_level["id"], pa.array(in_turn)))
        shown = rows.select(["id", "painting", "genre", "artist"]).to_pylist()
        sheets[level] = sorted(shown, key=lambda row: (row["genre"], row["id"]))
    return sheets


def _where(table: pa.Table, column: str, value: str) -> pa.Table:
    return table.filter(pc.equal(table[column], value))


def pictures(files: Files, wanted: set[Key], watch: Watcher) -> Iterator[tuple[Key, Image.Image | None]]:
    """Every wanted picture as RGB; None where the data set was published without it.

    Raises:
        ConfigError: ``real_vs_ai`` lacks one, or one cannot be decoded.
    """
    watch.stage("pictures", len(wanted), 0)
    ids = pa.array(sorted({id_ for _, id_ in wanted}), pa.string())
    missing = set(wanted)
    for split in SPLITS:
        for file in files["real_vs_ai"][split]:
            with opened(file) as parquet:
                for group, rows in _places(parquet, ids, missing).items():
                    column = parquet.read_row_group(group, columns=["image"])["image"]
                    for row, key in rows:
                        data = column[row].as_py()
                        yield key, decoded(key[1], data and data["bytes"])
                        missing.discard(key)
                        watch.advance(1)
    if missing:
        raise ConfigError(
            f"real_vs_ai has no picture of {min(missing)[1]}, which metadata lists: run 'artsim validate' on the folder"
        )


def _places(parquet: Any, ids: pa.Array, missing: set[Key]) -> Mapping[int, Sequence[tuple[int, Key]]]:
    """Row group -> (row in it, key) of the pictures that are wanted and not yet found."""
    places: dict[int, list[tuple[int, Key]]] = {}
    for group in range(parquet.num_row_groups):
        names = parquet.read_row_group(group, columns=["id", "label"])
        mask = pc.is_in(names["id"], ids)
        for row in pc.indices_nonzero(mask).to_pylist():
            key = (names["label"][row].as_py(), names["id"][row].as_py())
            if key in missing:
                places.setdefault(group, []).append((row, key))
    return places


def decoded(id_: str, data: bytes | None) -> Image.Image | None:
    """The picture as RGB. Raises ConfigError when it is none."""
    if not data:
        return None
    try:
        with Image.open(io.BytesIO(data)) as opened_image:
            return opened_image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as broken:
        raise ConfigError(
            f"the picture of {id_} in real_vs_ai cannot be decoded ({broken}): run 'artsim validate' on the folder"
        ) from broken
