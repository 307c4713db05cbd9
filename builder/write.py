"""Writes the content of the data set folder: the five configs, the CSVs, the rejects, the card and build.json.

Rows stream shard by shard; only ids, short texts and hashes are held, and the small pictures lie in a memory-mapped
file because a triplet's negative may come from any shard. Imported when there is something to write: `datasets`
takes longer to import than a finished build takes to check.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from artsim_dataset import schema
from artsim_dataset.features import FEATURES
from artsim_dataset.schema import Triplet
from artsim_dataset.triplets import mine_triplets, sample_triplets
from builder.card import describe
from builder.catalogue import Catalogue, Inputs
from builder.resources import resource
from builder.seal import seal, write_rejects
from builder.shards import read_rows
from builder.stage import Reject, Row
from builder.tables import Blobs, SplitWriter, write_csv

IMAGES = {"original": "image", "generated": "generated"}
SMALL = ("original_small", "generated_small")


def write_dataset(
    inputs: Inputs, out: Path, blob_file: Path, mark: str
) -> tuple[dict[str, dict[str, int]], list[Reject]]:
    """Writes everything into the new folder ``out``. Returns the rows by config and split, and all rejects.

    Args:
        inputs: what to write.
        out: made here.
        blob_file: scratch for the small pictures.
        mark: names what went in; kept in build.json as ``inputs``.
    """
    out.mkdir()
    catalogue = Catalogue(inputs)
    blobs = Blobs(blob_file)
    rejects = list(inputs.rejects)
    rows = {"pairs": _write_pairs(inputs, catalogue, out, blobs)}
    pairs = [(row["id"], row["painting_id"]) for row in catalogue.variants]
    works = catalogue.works()
    for name, (triplets, missing) in {
        "triplets": sample_triplets(pairs, works, inputs.config.seed),
        "triplets_hard": mine_triplets(pairs, works, catalogue.embeddings()),
    }.items():
        rows[name] = _write_split(out, name, _triplet_rows(triplets, catalogue, blobs))
        rejects += [
            Reject("no_negative", "its split has no painting that could be the negative", v, name) for v in missing
        ]
    rows["real_vs_ai"] = _write_split(out, "real_vs_ai", _real_vs_ai_rows(catalogue, blobs))
    rows["metadata"] = rows["pairs"]
    rows = {name: rows[name] for name in FEATURES}
    blobs.close()
    write_rejects(out, rejects)
    shutil.copyfile(resource("loading_script.py"), out / "loading_script.py")
    seal(out, mark, describe(inputs, catalogue, rows, rejects), "dataset_card.md")
    return rows, rejects


# --- the configs -----------------------------------------------------------------------------------------------


def _write_pairs(inputs: Inputs, catalogue: Catalogue, out: Path, blobs: Blobs) -> dict[str, int]:
    """pairs, metadata and the two CSVs in one pass over the shards; keeps the small pictures for later."""
    columns = [*IMAGES.values(), *SMALL, *(c for c in schema.METADATA_COLUMNS if c != "group")]
    writers = {
        (config, split): SplitWriter(out / config, split, FEATURES[config])
        for config in ("pairs", "metadata")
        for split in schema.SPLITS
    }
    data: list[tuple[str, str]] = []
    metadata: list[tuple[str, str, str, str]] = []
    for shard in inputs.shards:
        for row in read_rows(inputs.folders, shard, columns):
            painting = row["painting_id"]
            blobs.add(_painting(painting), row["original_small"])
            blobs.add(_variant(row["id"]), row["generated_small"])
            row["group"] = catalogue.group[painting]
            names = image_names(painting, row["id"])
            data.append((names[1], row["prompt_compressed"]))
            metadata.append((names[0], row["prompt_complete"], row["prompt_compressed"], names[1]))
            for column, source, name in zip(IMAGES, IMAGES.values(), names, strict=True):
                row[column] = {"bytes": row[source], "path": name.rpartition("/")[2]}
            for config in ("pairs", "metadata"):
                writers[config, catalogue.split[painting]].write({c: row[c] for c in FEATURES[config]})
    for writer in writers.values():
        writer.close()
    write_csv(out / "data.csv", ("generated_image", "prompt"), data)
    header = ("original_image", "prompt_complete", "prompt_compressed", "generated_image")
    write_csv(out / "metadata.csv", header, metadata)
    return {split: writers["pairs", split].rows for split in schema.SPLITS}


def _painting(id_: str) -> str:
    """Key of a painting's small picture: the second variant of "untitled" has the id of the painting "untitled-1"."""
    return f"painting {id_}"


def _variant(id_: str) -> str:
    return f"variant {id_}"


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


def _triplet_rows(triplets: Iterable[Triplet], catalogue: Catalogue, blobs: Blobs) -> Iterator[tuple[str, Row]]:
    for triplet in triplets:
        anchor, negative = catalogue.paintings[triplet.anchor_id], catalogue.paintings[triplet.negative_id]
        positive = catalogue.variant[triplet.positive_id]
        yield (
            catalogue.split[triplet.anchor_id],
            {
                "anchor": {"bytes": blobs.get(_painting(triplet.anchor_id)), "path": None},
                "positive": {"bytes": blobs.get(_variant(triplet.positive_id)), "path": None},
                "negative": {"bytes": blobs.get(_painting(triplet.negative_id)), "path": None},
                "anchor_id": triplet.anchor_id,
                "positive_id": triplet.positive_id,
                "negative_id": triplet.negative_id,
                "anchor_genre": anchor["genre"],
                "negative_genre": negative["genre"],
                "level": positive["level"],
                "anchor_caption": anchor["caption"],
                "positive_caption": positive["generated_caption"],
                "negative_caption": negative["caption"],
            },
        )


def _real_vs_ai_rows(catalogue: Catalogue, blobs: Blobs) -> Iterator[tuple[str, Row]]:
    """Each painting once and each variant, side by side in the order of the shards."""
    seen: set[str] = set()
    for row in catalogue.variants:
        painting = row["painting_id"]
        split = catalogue.split[painting]
        if painting not in seen:
            seen.add(painting)
            image = {"bytes": blobs.get(_painting(painting)), "path": None}
            yield split, {"image": image, "label": schema.LABELS.index("original"), "generator": "", "id": painting}
        image = {"bytes": blobs.get(_variant(row["id"])), "path": None}
        yield (
            split,
            {"image": image, "label": schema.LABELS.index("ai"), "generator": row["generator"], "id": row["id"]},
        )
