"""Loads an artsim data set with `datasets` 2 and 3, where scripts are still run, and stands on its own there::

    load_dataset("path/to/dataset/loading_script.py", "triplets", trust_remote_code=True)
    load_dataset("path/to/loading_script.py", "triplets", repo_id="user/artsim", trust_remote_code=True)

(Before 2.16 `datasets` runs scripts unasked.) With every version, 4 and newer too, ``load_dataset(folder_or_repo,
"triplets")`` reads the same Parquet files without running code, and the class below can be used directly::

    from loading_script import ArtSim

    builder = ArtSim(config_name="triplets", data_dir="path/to/dataset")  # or repo_id="user/artsim"
    builder.download_and_prepare()
    builder.as_dataset(split="train")                                     # or as_streaming_dataset, unprepared

Options: ``image_size`` (longest side in pixels), ``negatives`` ("random" or "hard"), ``seed``, ``splits`` ("80/20",
"40/60", "artist-disjoint"), ``revision`` (on the Hub). Negatives "hard" are published; all else is made by the artsim
library, which must then be installed, and has the same options in `artsim_dataset.load_artsim`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import re
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

VERSION = datasets.Version("1.0.0")
SPLITS = ("train", "test")
OPTIONS = ("image_size", "negatives", "seed", "splits")
LISTING = "checksums.sha256"


def _library(module: str):  # noqa: ANN202 - a module, or None
    """A module of the artsim library. Not imported by name: `datasets` 2 and 3 refuse scripts with imports missing."""
    try:
        return importlib.import_module(f"artsim_dataset.{module}")
    except ModuleNotFoundError:
        return None


_FEATURES = _library("features")
CONFIGS = (
    {name: _FEATURES.DESCRIPTIONS[name] for name in _FEATURES.FEATURES}
    if _FEATURES
    else {
        "pairs": "a painting and its variant at full resolution, with captions, prompts and provenance",
        "triplets": "anchor, positive, negative of another genre, without bars",
        "triplets_hard": "anchor, positive, and the most similar painting of the anchor's genre as negative",
        "real_vs_ai": "paintings and variants through one decode, resize and encode, labelled original or ai",
        "metadata": "pairs without the images",
    }
)


@dataclasses.dataclass
class ArtSimConfig(datasets.BuilderConfig):
    """One table of the data set. ``build`` stands for the data and is filled in: another build has another cache."""

    image_size: int | None = None
    negatives: str | None = None
    seed: int | None = None
    splits: str = "published"
    revision: str | None = None
    build: str | None = None


class ArtSim(datasets.ArrowBasedBuilder):
    """Reads the Parquet files below ``data_dir``, in the Hub repository ``repo_id``, or beside this script."""

    # The version stands in each config: `datasets` ignores a class attribute VERSION.
    BUILDER_CONFIG_CLASS = ArtSimConfig
    BUILDER_CONFIGS = [ArtSimConfig(name=name, version=VERSION, description=text) for name, text in CONFIGS.items()]
    DEFAULT_CONFIG_NAME = "pairs"

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.pop("trust_remote_code", None)  # before 2.16 `datasets` takes it for an option of the script
        if len(args) < 3 and not kwargs.get("config_name"):
            kwargs["config_name"] = self.DEFAULT_CONFIG_NAME  # which it forgets where options are given
        self._root, listing = _find(kwargs)
        self._names = [line.partition("  ")[2] for line in listing.splitlines()]
        # What the cache is keyed on: the options by `datasets` itself, the data and the code here.
        kwargs["build"] = hashlib.sha256(listing.encode()).hexdigest()[:16]
        library = _library("version")
        if library and any(kwargs.get(name) is not None for name in OPTIONS):
            kwargs["build"] += f"+{library.__version__}"
        kwargs["hash"] = kwargs.get("hash") or hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
        super().__init__(*args, **kwargs)

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(description=CONFIGS[self.config.name])

    def _split_generators(self, dl_manager: datasets.DownloadManager) -> list[datasets.SplitGenerator]:
        asked = {name: getattr(self.config, name) for name in OPTIONS}
        plain = {"image_size": None, "seed": None, "splits": "published"}
        triplets = self.config.name == "triplets"
        hard = triplets and asked["negatives"] == "hard"
        if {**asked, **plain} == asked and (hard or asked["negatives"] in (None, "random" if triplets else None)):
            return self._published("triplets_hard" if hard else self.config.name, dl_manager)
        return self._derived(asked, dl_manager)

    def _published(self, config: str, dl_manager: datasets.DownloadManager) -> list[datasets.SplitGenerator]:
        found = {split: self._files(config, split, dl_manager) for split in SPLITS}
        found = {split: files for split, files in found.items() if files}  # a small data set may lack one
        if not found:
            raise FileNotFoundError(
                f"no files of '{config}' below {self._root}; give the data set as data_dir or repo_id"
            )
        with open(next(iter(found.values()))[0], "rb") as opened:
            self.info.features = datasets.Features.from_arrow_schema(pq.read_schema(opened))
        return [
            datasets.SplitGenerator(name=split, gen_kwargs={"shares": files, "derived": None})
            for split, files in found.items()
        ]

    def _derived(self, asked: dict, dl_manager: datasets.DownloadManager) -> list[datasets.SplitGenerator]:
        """Rows other than the published ones: the library says which, and makes them."""
        if not _FEATURES:
            which = ", ".join(name for name, value in asked.items() if value not in (None, "published"))
            raise ImportError(f"{which}: only the published rows can be had without the artsim library; pip install it")
        with open(dl_manager.download(f"{self._root}/build.json"), encoding="utf-8") as opened:
            build = json.load(opened)

        def files(configs: set) -> dict:
            return {c: {s: tuple(self._files(c, s, dl_manager)) for s in SPLITS} for c in sorted(configs)}

        options = _library("loading.options").Options(**asked)
        derived = _library("loading.derive").Derived.from_build(self.config.name, options, build, files)
        self.info.features = _FEATURES.FEATURES[self.config.name]
        return [
            datasets.SplitGenerator(name=split, gen_kwargs={"shares": derived.parts(split), "derived": derived})
            for split in derived.splits()
        ]

    def _files(self, config: str, split: str, dl_manager: datasets.DownloadManager) -> list[str]:
        names = sorted(n for n in self._names if n.startswith(f"{config}/{split}-") and n.endswith(".parquet"))
        return dl_manager.download([f"{self._root}/{name}" for name in names])

    def _generate_tables(self, shares: list, derived: object):  # noqa: ANN201 - the signature `datasets` expects
        if derived is not None:
            yield from enumerate(derived.tables(shares))
            return
        for number, file in enumerate(shares):
            with open(file, "rb") as opened:
                for part, batch in enumerate(pq.ParquetFile(opened).iter_batches(batch_size=100)):
                    yield f"{number}-{part}", pa.Table.from_batches([batch])


def _find(kwargs: dict) -> tuple[str, str]:
    """Where the data set is, and the list of its files. A Hub repository is pinned to the commit that it has now."""
    base, repo = str(kwargs.get("base_path") or ""), kwargs.get("repo_id")
    if repo and not kwargs.get("data_dir"):
        from huggingface_hub import hf_hub_download

        commit = re.search(r"(?:@|/resolve/)([^/]+)", base) if "://" in base else None  # of a script on the Hub
        revision = kwargs.get("revision") or (commit.group(1) if commit else None)
        token = kwargs.get("token")
        listing = Path(hf_hub_download(repo, LISTING, repo_type="dataset", revision=revision, token=token))
        return f"hf://datasets/{repo}@{listing.parent.name}", listing.read_text(encoding="utf-8")
    root = Path(str(kwargs.get("data_dir") or base or Path(__file__).parent)).expanduser().resolve()
    listing = root / LISTING
    if not listing.is_file():
        raise FileNotFoundError(f"no artsim data set in {root}: it has no {LISTING}; give one as data_dir or repo_id")
    return root.as_posix(), listing.read_text(encoding="utf-8")
