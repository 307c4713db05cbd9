"""Writes the content of the data set folder: the five configs, the CSVs, the rejects, the card and build.json.

Rows stream shard by shard; only ids, labels and hashes are held, and small pictures and captions lie in memory-mapped
files because a triplet's negative may come from any shard. Imported when there is something to write: `datasets`
takes longer to import than a finished build takes to check.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from artsim_dataset import schema
from artsim_dataset.features import FEATURES
from artsim_dataset.triplets import mine, sample
from builder.card import describe
from builder.catalogue import Catalogue, Inputs
from builder.resources import resource
from builder.seal import seal, write_rejects
from builder.shards import read_rows
from builder.stage import Reject, Row
from builder.tables import Blobs, SplitWriter, write_csv

IMAGES = {"original": "image", "generated": "generated"}
SMALL = ("original_small", "generated_small")


class Kept:
    """What triplets need of any row, in two files: small pictures and captions. Keys of paintings are their numbers,
    those of variants lie below zero."""

    def __init__(self, pictures: Path, captions: Path) -> None:
        self._pictures, self._captions = Blobs(pictures), Blobs(captions)

    def add(self, key: int, picture: bytes, caption: str) -> None:
        self._pictures.add(key, picture)
        self._captions.add(key, caption.encode())

    def picture(self, key: int) -> dict[str, bytes | None]:
        """As a cell of an image column."""
        return {"bytes": self._pictures.get(key), "path": None}

    def caption(self, key: int) -> str:
        return self._captions.get(key).decode()

    def close(self) -> None:
        self._pictures.close()
        self._captions.close()


def write_dataset(
    inputs: Inputs, out: Path, blob_file: Path, mark: str
) -> tuple[dict[str, dict[str, int]], list[Reject]]:
    """Writes everything into the new folder ``out``. Returns the rows by config and split, and all rejects.

    Args:
        inputs: what to write.
        out: made here.
        blob_file: scratch for the small pictures; other scratch lies beside it.
        mark: names what went in; kept in build.json as ``inputs``.
    """
    out.mkdir()
    catalogue = Catalogue(inputs, blob_file.parent)
    kept = Kept(blob_file, blob_file.with_name("captions.bin"))
    rejects = list(inputs.rejects)
    rows = {"pairs": _write_pairs(inputs, catalogue, out, kept)}
    painting, pool = catalogue.variants["painting"].to_numpy(), catalogue.pool()
    for name, negative in {
        "triplets": sample(catalogue.variants["id"].combine_chunks(), painting, pool, inputs.config.seed),
        "triplets_hard": mine(pool, catalogue.vectors)[painting],
    }.items():
        rows[name] = _write_split(out, name, _triplet_rows(negative, catalogue, kept))
        rejects += [
            Reject("no_negative", "its split has no painting that could be the negative", v, name)
            for v in catalogue.variants["id"].filter(pa.array(negative < 0)).to_pylist()
        ]
    rows["real_vs_ai"] = _write_split(out, "real_vs_ai", _real_vs_ai_rows(catalogue, kept))
    rows["metadata"] = rows["pairs"]
    rows = {name: rows[name] for name in FEATURES}
    kept.close()
    write_rejects(out, rejects)
    shutil.copyfile(resource("loading_script.py"), out / "loading_script.py")
    seal(out, mark, describe(inputs, catalogue, rows, rejects), "dataset_card.md")
    return rows, rejects


# --- the configs -----------------------------------------------------------------------------------------------


def _write_pairs(inputs: Inputs, catalogue: Catalogue, out: Path, kept: Kept) -> dict[str, int]:
    """pairs, metadata and the two CSVs in one pass over the shards; keeps small pictures and captions for later."""
    columns = [*IMAGES.values(), *SMALL, *(c for c in schema.METADATA_COLUMNS if c != "group")]
    writers = {
        (config, split): SplitWriter(out / config, split, FEATURES[config])
        for config in ("pairs", "metadata")
        for split in schema.SPLITS
    }
    variant, last = 0, -1
    for shard in inputs.shards:
        numbers = catalogue.variants["painting"]
        for row in read_rows(inputs.folders, shard, columns):
            painting = numbers[variant].as_py()
            kept.add(_variant(variant), row["generated_small"], row["generated_caption"])
            if painting > last:
                kept.add(painting, row["original_small"], row["caption"])
                last = painting
            variant += 1
            row["group"] = catalogue.ids[catalogue.group[painting]].as_py()
            names = image_names(row["painting_id"], row["id"])
            for column, source, name in zip(IMAGES, IMAGES.values(), names, strict=True):
                row[column] = {"bytes": row[source], "path": name.rpartition("/")[2]}
            for config in ("pairs", "metadata"):
                writers[config, catalogue.split_of(painting)].write({c: row[c] for c in FEATURES[config]})
    for writer in writers.values():
        writer.close()
    _write_csvs(inputs, out)
    return {split: writers["pairs", split].rows for split in schema.SPLITS}


def _write_csvs(inputs: Inputs, out: Path) -> None:
    """data.csv and metadata.csv, one pass over the texts for each, so that no row waits in memory."""

    def texts() -> Iterator[tuple[str, str, str, str]]:
        for shard in inputs.shards:
            for row in read_rows(inputs.folders, shard, ("id", "painting_id", "prompt_complete", "prompt_compressed")):
                painting, variant = image_names(row["painting_id"], row["id"])
                yield painting, row["prompt_complete"], row["prompt_compressed"], variant

    write_csv(out / "data.csv", ("generated_image", "prompt"), ((row[3], row[2]) for row in texts()))
    header = ("original_image", "prompt_complete", "prompt_compressed", "generated_image")
    write_csv(out / "metadata.csv", header, texts())


def _variant(number: int) -> int:
    """Key of what is kept of a variant; a painting's is its number."""
    return -1 - number


def image_names(painting: str, variant: str) -> tuple[str, str]:
    """File names of S1: of the painting and of its variant. Variants after the first carry their index.

    >>> image_names("Cubism/juan-gris_guitar", "Cubism/juan-gris_guitar-0")[1]
    'Cubism/juan-gris_guitar_resize768_generated.jpg'
    """
    index = variant.rpartition("-")[2]
    extra = "" if index == "0" else f"_{index}"
    return f"{painting}.jpg", f"{painting}_resize768_generated{extra}.jpg"


def _write_split(out: Path, config: str, rows: Iterable[tuple[str, Row]]) -> dict[str, int]:
    writers = {split: SplitWriter(out / config, split, FEATURES[config]) for split in schema.SPLITS}
    for split, row in rows:
        writers[split].write(row)
    for writer in writers.values():
        writer.close()
    return {split: writer.rows for split, writer in writers.items()}


def _triplet_rows(negative: np.ndarray, catalogue: Catalogue, kept: Kept) -> Iterator[tuple[str, Row]]:
    """``negative``: the number of each variant's negative; below 0, none."""
    for number, (variant, other) in enumerate(zip(_rows(catalogue.variants), negative.tolist(), strict=True)):
        if other < 0:
            continue
        anchor_number = variant["painting"]
        anchor = catalogue.paintings.slice(anchor_number, 1).to_pylist()[0]
        against = catalogue.paintings.slice(other, 1).to_pylist()[0]
        yield (
            catalogue.split_of(anchor_number),
            {
                "anchor": kept.picture(anchor_number),
                "positive": kept.picture(_variant(number)),
                "negative": kept.picture(other),
                "anchor_id": anchor["id"],
                "positive_id": variant["id"],
                "negative_id": against["id"],
                "anchor_genre": anchor["genre"],
                "negative_genre": against["genre"],
                "level": variant["level"],
                "anchor_caption": kept.caption(anchor_number),
                "positive_caption": kept.caption(_variant(number)),
                "negative_caption": kept.caption(other),
            },
        )


def _real_vs_ai_rows(catalogue: Catalogue, kept: Kept) -> Iterator[tuple[str, Row]]:
    """Each painting once and each variant, side by side in the order of the shards."""
    last = -1
    for number, row in enumerate(_rows(catalogue.variants)):
        painting = row["painting"]
        split = catalogue.split_of(painting)
        if painting > last:
            last = painting
            image = kept.picture(painting)
            id_ = catalogue.ids[painting].as_py()
            yield split, {"image": image, "label": schema.LABELS.index("original"), "generator": "", "id": id_}
        image = kept.picture(_variant(number))
        yield (
            split,
            {"image": image, "label": schema.LABELS.index("ai"), "generator": row["generator"], "id": row["id"]},
        )


def _rows(table: pa.Table) -> Iterator[Row]:
    """The rows of a table as Python objects, a few at a time."""
    for batch in table.to_batches(max_chunksize=1024):
        yield from batch.to_pylist()
