"""Ask the texts and settings of a data set questions with pandas, Polars or DuckDB, without fetching an image.

    python examples/tables.py user/artsim
    python examples/tables.py my-dataset

The config `metadata` is `pairs` without its two images: a few hundred bytes a row, in Parquet. On the Hub all three
read it through HfFileSystem, which logs in with your token and obeys HF_ENDPOINT; Polars and DuckDB also have readers
of their own for ``hf://`` addresses, which do neither.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as pads
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from huggingface_hub import HfFileSystem


def files_of(dataset: str) -> tuple[AbstractFileSystem, list[str]]:
    """The Parquet files of `metadata`, and the file system that they are in."""
    if Path(dataset).is_dir():
        return LocalFileSystem(), sorted(str(path) for path in Path(dataset, "metadata").glob("*.parquet"))
    hub = HfFileSystem()
    return hub, sorted(hub.glob(f"datasets/{dataset}/metadata/*.parquet"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="Hub id, or a folder that 'artsim build' made")
    system, files = files_of(parser.parse_args().dataset)
    prefix = "hf://" if isinstance(system, HfFileSystem) else ""

    # pandas: everything in memory. Of one file, pd.read_parquet("hf://datasets/user/artsim/metadata/...") is enough.
    frame = pd.concat([pd.read_parquet(prefix + file) for file in files])
    print("variants by genre and level, by pandas:")
    print(pd.crosstab(frame["genre"], frame["level"]).to_string())

    # Polars: lazy, so only the two columns that are asked for are read.
    lazy = pl.scan_pyarrow_dataset(pads.dataset(files, filesystem=system))
    tokens = lazy.group_by("level").agg(pl.col("prompt_tokens").mean().round(1)).sort("level").collect()
    print("\nmean length of prompts in CLIP tokens, by Polars:")
    for level, mean in tokens.iter_rows():
        print(f"{level} {mean}")

    # DuckDB: SQL over the files where they are.
    if prefix:
        duckdb.register_filesystem(system)
    artists = duckdb.sql(
        f"""
        SELECT artist, count(DISTINCT "group") AS paintings, count(*) AS variants
        FROM read_parquet({[prefix + file for file in files]})
        GROUP BY artist ORDER BY paintings DESC, artist LIMIT 5
        """
    )
    print("\nartists with the most paintings, by DuckDB:")
    for artist, paintings, variants in artists.fetchall():
        print(f"{artist}: {paintings} paintings, {variants} variants")


if __name__ == "__main__":
    main()
