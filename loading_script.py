"""Loads an artsim data set with `datasets` 2 and 3, where scripts are still run, and stands on its own there.

With `datasets` 4 and newer use ``load_dataset(folder_or_repo, "triplets")``: it reads the same Parquet files
without running code. The class below can also be used directly::

    from loading_script import ArtSim

    builder = ArtSim(config_name="triplets", data_dir="path/to/dataset")
    builder.download_and_prepare()
    builder.as_dataset(split="train")
"""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

VERSION = datasets.Version("1.0.0")

CONFIGS = {
    "pairs": "a painting and its AI variant at full resolution, with captions, prompts and provenance",
    "triplets": "anchor, positive, negative of another genre",
    "triplets_hard": "anchor, positive, the most similar painting of the anchor's genre as negative",
    "real_vs_ai": "paintings and variants, labelled original or ai",
    "metadata": "pairs without the images",
}


class ArtSim(datasets.ArrowBasedBuilder):
    """Reads the Parquet files beside this script, or below ``data_dir``."""

    # The version stands in each config: `datasets` ignores a class attribute VERSION.
    BUILDER_CONFIGS = [
        datasets.BuilderConfig(name=name, version=VERSION, description=text) for name, text in CONFIGS.items()
    ]
    DEFAULT_CONFIG_NAME = "pairs"

    def __init__(self, *args: object, **kwargs: object) -> None:
        root = kwargs.get("data_dir") or Path(__file__).parent
        build = Path(str(root)) / "build.json"
        if build.is_file() and not kwargs.get("hash"):
            # A class used directly is cached by name only: another data set must not meet an old cache.
            kwargs["hash"] = json.loads(build.read_text(encoding="utf-8"))["digest"]
        super().__init__(*args, **kwargs)

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(description=CONFIGS[self.config.name])

    def _split_generators(self, dl_manager: datasets.DownloadManager) -> list[datasets.SplitGenerator]:
        root = self.config.data_dir or self.base_path or "."
        splits = []
        for split in ("train", "test"):
            folder = Path(root, self.config.name) if Path(root).is_dir() else None
            found = sorted(folder.glob(f"{split}-*.parquet")) if folder else []
            if not found:
                continue  # a small data set may have no row for this split
            if self.info.features is None:
                self.info.features = datasets.Features.from_arrow_schema(pq.read_schema(found[0]))
            files = dl_manager.download([str(path) for path in found])
            splits.append(datasets.SplitGenerator(name=split, gen_kwargs={"files": files}))
        if not splits:
            raise FileNotFoundError(f"no files of '{self.config.name}' below {root}; give the data set as data_dir")
        return splits

    def _generate_tables(self, files: list[str]):  # noqa: ANN201 - the signature `datasets` expects
        for number, file in enumerate(files):
            with open(file, "rb") as opened:
                parquet = pq.ParquetFile(opened)
                for part, batch in enumerate(parquet.iter_batches(batch_size=100)):
                    yield f"{number}-{part}", pa.Table.from_batches([batch])
