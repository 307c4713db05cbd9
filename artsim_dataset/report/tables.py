"""What `metadata` says of a data set, counted in Arrow: a data set of any size is read a batch at a time.

Of a row only short columns are kept (ids, names, numbers: about 200 bytes), in Arrow and never as Python objects;
prompts are handed on batch by batch (`prompts.py`) and forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from artsim_dataset.export.writing import Watcher
from artsim_dataset.loading.published import Files
from artsim_dataset.schema import BOX_COLUMNS, SPLITS
from artsim_dataset.storage import place, readable

KEPT = ("id", "genre", "artist", "level", "generator", "group", *BOX_COLUMNS)
TEXTS = ("level", "prompt_complete", "prompt_compressed", "prompt_tokens")
ROWS_AT_ONCE = 4096
ASPECT_EDGES = (0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.03, 1.15, 1.3, 1.45, 1.6, 1.8, 2.1, float("inf"))
"""Bins of width over height; the one about 1 is what counts as square."""


@contextmanager
def opened(file: str) -> Iterator[pq.ParquetFile]:
    """A Parquet file for reading: a path, or an address in an object store, of which only what is needed is fetched."""
    with readable(place(file)) as source:
        yield pq.ParquetFile(source, pre_buffer=False)


def read_metadata(files: Files, look: Callable[[pa.RecordBatch], None], watch: Watcher) -> pa.Table:
    """The short columns of all variants, with ``painting`` and ``split``; ``look`` sees the texts of each batch."""
    total = 0
    for split in SPLITS:
        for file in files["metadata"][split]:
            with opened(file) as parquet:
                total += parquet.metadata.num_rows
    watch.stage("metadata", total, 0)
    kept: list[pa.Table] = []
    for split in SPLITS:
        for file in files["metadata"][split]:
            with opened(file) as parquet:
                for batch in parquet.iter_batches(ROWS_AT_ONCE, columns=sorted({*KEPT, *TEXTS})):
                    look(batch.select(list(TEXTS)))
                    kept.append(_short(batch, split))
                    watch.advance(batch.num_rows)
    return pa.concat_tables(kept).combine_chunks() if kept else _empty()


def _short(batch: pa.RecordBatch, split: str) -> pa.Table:
    short = pa.table({name: batch.column(name) for name in KEPT})
    # painting_id_of, for a whole column: all before the last hyphen.
    painting = pc.replace_substring_regex(short["id"], r"-[^-]*$", "")
    return short.append_column("painting", painting).append_column("split", pa.array([split] * len(short)))


def _empty() -> pa.Table:
    texts = {name: pa.array([], pa.string()) for name in (*KEPT, "painting", "split") if name not in BOX_COLUMNS}
    return pa.table(texts | {name: pa.array([], pa.int32()) for name in BOX_COLUMNS})


def paintings_of(variants: pa.Table) -> pa.Table:
    """One row for each painting, in the order of the files: its first variant's."""
    columns = [name for name in variants.column_names if name != "painting"]
    found = variants.group_by("painting", use_threads=False).aggregate([(name, "first") for name in columns])
    return found.rename_columns([name.removesuffix("_first") for name in found.column_names])


def count_by(table: pa.Table, *keys: str) -> dict[Any, int]:
    """Rows by the values of one column, or by pairs of values of two.

    >>> count_by(pa.table({"level": ["radical", "moderate", "radical"]}), "level")
    {'radical': 2, 'moderate': 1}
    """
    counted = table.group_by(list(keys), use_threads=False).aggregate([([], "count_all")])
    names = zip(*(counted[key].to_pylist() for key in keys), strict=True)
    rows = zip(names, counted["count_all"].to_pylist(), strict=True)
    return {name if len(keys) > 1 else name[0]: n for name, n in rows}


def distinct(table: pa.Table, column: str) -> int:
    """Different values of a column, the empty one not counted."""
    values = table[column].filter(pc.not_equal(table[column], ""))
    return int(pc.count_distinct(values).as_py())


def counts(variants: pa.Table, paintings: pa.Table) -> dict[str, Any]:
    """Paintings, variants and artists, in all and by genre, level, split and generator."""
    genres = {name: {"paintings": n} for name, n in _largest_first(count_by(paintings, "genre")).items()}
    by_split, by_level = count_by(paintings, "genre", "split"), count_by(variants, "genre", "level")
    per_genre = count_by(variants, "genre")
    for name, row in genres.items():
        row["variants"] = per_genre[name]
        row |= {split: by_split.get((name, split), 0) for split in SPLITS}
        row |= {level: n for (genre, level), n in sorted(by_level.items()) if genre == name and level}
        row["artists"] = distinct(paintings.filter(pc.equal(paintings["genre"], name)), "artist")
    return {
        "paintings": len(paintings),
        "variants": len(variants),
        "artists": distinct(paintings, "artist"),
        "genres": genres,
        "levels": dict(sorted(count_by(variants, "level").items())),
        "generators": _largest_first(count_by(variants, "generator")),
        "splits": {split: _split(variants, paintings, split) for split in SPLITS},
        "variants_per_painting": len(variants) / max(1, len(paintings)),
    }


def _split(variants: pa.Table, paintings: pa.Table, split: str) -> dict[str, Any]:
    mine, works = (table.filter(pc.equal(table["split"], split)) for table in (variants, paintings))
    share = len(works) / max(1, len(paintings))
    return {"paintings": len(works), "variants": len(mine), "share": share, "genres": distinct(works, "genre"),
            "artists": distinct(works, "artist"), "levels": dict(sorted(count_by(mine, "level").items()))}  # fmt: skip


def leaks(variants: pa.Table) -> dict[str, int]:
    """How many paintings, near-duplicate groups and named artists lie on both sides of the split.

    The first two must be 0; artists are shared unless the scheme is artist-disjoint.
    """
    found = {}
    for name, column in (("paintings", "painting"), ("groups", "group"), ("artists", "artist")):
        named = variants.filter(pc.not_equal(variants[column], ""))
        sides = named.group_by(column).aggregate([("split", "count_distinct")])["split_count_distinct"]
        found[name] = int(pc.sum(pc.greater(sides, 1)).as_py() or 0)
    return found


def near_duplicates(paintings: pa.Table, shown: int, members: int) -> dict[str, Any]:
    """Groups of more than one painting: how many, their sizes, and the ids of some, the largest groups first."""
    sizes = count_by(paintings, "group")
    groups = _largest_first({name: n for name, n in sizes.items() if n > 1 and name})
    examples = []
    for name in list(groups)[:shown]:
        ids = sorted(paintings.filter(pc.equal(paintings["group"], name))["painting"].to_pylist())
        examples.append({"paintings": len(ids), "ids": ids[:members]})
    return {"groups": len(groups), "paintings": sum(groups.values()), "largest": max(groups.values(), default=0),
            "examples": examples}  # fmt: skip


def sizes(paintings: pa.Table) -> dict[str, Any]:
    """Width, height and aspect ratio of the paintings' content, in pixels as published, without the bars."""
    left, top, right, bottom = (paintings[name].to_numpy().astype(float) for name in BOX_COLUMNS)
    width, height = right - left, bottom - top
    aspect = width / np.maximum(height, 1)
    histogram = np.histogram(aspect, ASPECT_EDGES)[0]
    square = (aspect >= 0.97) & (aspect < 1.03)
    return {
        "width": quantiles(width, 0),
        "height": quantiles(height, 0),
        "aspect": quantiles(aspect, 3),
        "orientation": {"portrait": int((aspect < 0.97).sum()), "square": int(square.sum()),
                        "landscape": int((aspect >= 1.03).sum())},
        "aspect_histogram": {"edges": [*ASPECT_EDGES[:-1], None], "counts": histogram.tolist()},
    }  # fmt: skip


def quantiles(values: np.ndarray | Sequence[float], digits: int) -> dict[str, float]:
    """Least, 5 %, median, 95 % and largest of some numbers, rounded (whole ones are ints); zeros when there are none.

    >>> quantiles([1, 2, 3, 5], 0)
    {'least': 1, 'low': 1, 'median': 2, 'high': 5, 'most': 5}
    """
    given = np.asarray(values, float)
    at = np.quantile(given, [0, 0.05, 0.5, 0.95, 1]) if len(given) else np.zeros(5)
    rounded = (round(float(v), digits or None) for v in at)
    return dict(zip(("least", "low", "median", "high", "most"), rounded, strict=True))


def _largest_first(counted: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))
