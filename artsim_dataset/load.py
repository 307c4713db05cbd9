"""Loads a data set folder or Hub repository: `datasets.load_dataset` with errors that say what to do, and options.

Without options the rows are the published ones, read by `datasets` itself. With options they are made from the
published files (`derive.py`), by the same code that `loading_script.py` uses, and cached under options and build.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from artsim_dataset.errors import ConfigError, DatasetNotFound
from artsim_dataset.object_store import ObjectPath
from artsim_dataset.object_store import options as client_options
from artsim_dataset.storage import is_address, place
from artsim_dataset.version import __version__

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict

    from artsim_dataset.loading.derive import Derived, Part
    from artsim_dataset.loading.options import Options
    from artsim_dataset.loading.small_pictures import Row

MADE_HERE = ("revision", "token", "num_proc", "cache_dir", "keep_in_memory")
"""Arguments of `datasets.load_dataset` that can be given together with options."""

_PATTERN = re.compile(r"[\[*?]|::")
"""In the path of a folder: `datasets` finds no file there, or those of another folder that the pattern matches."""


def load_artsim(
    path: str | Path,
    config: str = "pairs",
    split: str | None = None,
    streaming: bool = False,
    *,
    image_size: int | None = None,
    negatives: Literal["random", "hard"] | None = None,
    seed: int | None = None,
    splits: Literal["published", "80/20", "40/60", "artist-disjoint"] = "published",
    originals: str | Path | None = None,
    **options: Any,
) -> Dataset | DatasetDict | IterableDataset | IterableDatasetDict:
    """Loads one config of an artsim data set.

    Args:
        path: a folder that `artsim build` made, here or in an object store (``s3://bucket/name``), or a Hub id such as
            ``user/artsim``.
        config: pairs, triplets, triplets_hard, real_vs_ai or metadata; images of a case study.
        split: train or test, slices such as ``train[:10]`` too; both when None.
        streaming: read rows as they are asked for, without a cache.
        image_size: longest side of the images in pixels, at most: nothing is scaled up. ``pairs`` are then cropped to
            their content too. Sizes over the published small pictures (256 px) are cut out of ``pairs``.
        negatives: of ``triplets``: ``random``, of another genre, or ``hard``, as in ``triplets_hard``.
        seed: draws other random negatives, and other splits when ``splits`` is given; that of the build when None.
        splits: ``80/20``, ``40/60`` or ``artist-disjoint`` instead of the published ones. Near-duplicates stay
            together.
        originals: of a data set that was published without its paintings: the folder that holds their files, under any
            names, or ``hf:owner/name``. They are found by sha256, and the rows are those of the full data set. Without
            it they load as published: what shows an original is None. Not together with the four above.
        options: passed on to `datasets.load_dataset`; with any of the four above only ``revision``, ``token``,
            ``num_proc``, ``cache_dir`` and ``keep_in_memory``.

    Triplets that are drawn anew look their pictures up in ``real_vs_ai``: streamed too, all of it is read before the
    first row.

    Raises:
        DatasetNotFound: there is no data set at ``path``.
        ConfigError: no such config, or an option that means nothing for it.
        ArtsimError: ``originals`` lacks paintings that the rows show; the message counts and names them.

    Examples::

        row = load_artsim("artsim-demo/dataset", "triplets", split="train")[0]
        row["anchor"], row["positive"], row["negative"]

        load_artsim("artsim-demo/dataset", "triplets", split="train", seed=7)           # other negatives
        load_artsim("artsim-demo/dataset", "triplets", splits="40/60", image_size=128)  # other splits, smaller
        load_artsim("user/artsim", "pairs", split="train", streaming=True, image_size=512)
    """
    from artsim_dataset.features import FEATURES, STUDY_FEATURES
    from artsim_dataset.loading.options import Options

    if config not in FEATURES | STUDY_FEATURES:
        raise ConfigError(f"no config '{config}'; configs are: {', '.join(FEATURES)}, and images of a case study")
    chosen = Options(image_size, negatives, seed, splits)
    chosen.check(config)
    check_dataset(path)
    if originals is not None:
        if chosen.given():
            raise ConfigError(f"'originals' cannot be given together with {', '.join(chosen.given())}")
        return _load_joined(path, config, split, streaming, originals, options)
    if chosen.given():
        return _load_derived(path, config, split, streaming, chosen, options)
    return _load_published(path, config, split, streaming, options)


def _load_published(path: str | Path, config: str, split: str | None, streaming: bool, options: dict[str, Any]) -> Any:
    from datasets import load_dataset

    from artsim_dataset.loading.published import not_on_hub

    if is_address(path):
        return _load_stored(path, config, split, streaming, options)
    if Path(path).is_dir() and _PATTERN.search(str(Path(path).absolute())):
        raise ConfigError(f"`datasets` would read the name of {path} as a pattern: rename it without [, *, ? and ::")
    try:
        return load_dataset(str(path), config, split=split, streaming=streaming, **options)
    except ValueError as error:
        # What `datasets` says of a config or a split that is not there; it lists those that are.
        if str(error).startswith((f"BuilderConfig '{config}' not found", "Unknown split")):
            raise ConfigError(f"{path}: {str(error).splitlines()[0]}") from error
        raise
    except (FileNotFoundError, ConnectionError) as error:
        if Path(path).is_dir():
            raise
        raise not_on_hub(path, error) from error


def _load_stored(path: str | Path, config: str, split: str | None, streaming: bool, options: dict[str, Any]) -> Any:
    """From an object store, where `datasets` reads Parquet files but no card; the checksums have their names."""
    from datasets import DownloadConfig, load_dataset
    from datasets import config as config_

    from artsim_dataset.loading.published import find_published
    from artsim_dataset.store_errors import store_errors

    files = find_published(path).files({config}, streaming=True)[config]
    given = {name: list(parts) for name, parts in files.items() if parts}
    if not given:
        raise ConfigError(f"{path} has no rows of config '{config}'")
    scheme = str(path).partition(":")[0].lower()
    # datasets keeps downloads by address alone unless told otherwise: after a rebuild it would show the rows of before.
    fresh = DownloadConfig(cache_dir=config_.DOWNLOADED_DATASETS_PATH, use_etag=True)
    options = {"storage_options": {scheme: dict(client_options(scheme))}, "download_config": fresh} | options
    try:
        with store_errors(path):
            return load_dataset("parquet", data_files=given, split=split, streaming=streaming, **options)
    except ValueError as error:
        if str(error).startswith("Unknown split"):
            raise ConfigError(f"{path}: {str(error).splitlines()[0]}") from error
        raise


def _load_joined(
    path: str | Path, config: str, split: str | None, streaming: bool, paintings: str | Path, options: dict[str, Any]
) -> Any:
    """The published rows with their originals, from one commit of a repository."""
    from artsim_dataset.loading.originals import join, may_fork, read_recipe
    from artsim_dataset.loading.published import find_published

    published = find_published(path, options.get("revision"), options.get("token"))
    recipe = read_recipe(published, path)
    if (options.get("num_proc") or 1) > 1 and not may_fork():
        options = options | {"num_proc": None}  # `datasets` forks to download and to prepare too
        warnings.warn(
            "originals are joined in one process: this one has read paintings already, which num_proc does not survive",
            stacklevel=3,
        )
    if published.repo:
        options = options | {"revision": published.commit}
    rows = _load_published(path, config, split, streaming, options)
    if not isinstance(rows, dict):
        return join(rows, config, recipe, paintings, options.get("num_proc"))
    joined = {name: join(part, config, recipe, paintings, options.get("num_proc")) for name, part in rows.items()}
    return type(rows)(joined)


def _load_derived(
    path: str | Path, config: str, split: str | None, streaming: bool, chosen: Options, options: dict[str, Any]
) -> Any:
    """The rows under ``chosen``, split by split; slices are taken of finished splits."""
    from datasets import DatasetDict, IterableDatasetDict

    from artsim_dataset.loading.derive import Derived
    from artsim_dataset.loading.published import find_published

    unknown = [name for name in options if name not in MADE_HERE]
    if unknown:
        raise ConfigError(f"'{unknown[0]}' cannot be given together with {', '.join(chosen.given())}")
    published = find_published(path, options.pop("revision", None), options.pop("token", None))
    if not published.build.get("originals_published", True) and config != "metadata":
        raise ConfigError(
            f"{path} was published without its originals: {', '.join(chosen.given())} cannot be given for '{config}'"
        )
    derived = Derived.of(published, config, chosen, streaming)
    if split is not None:
        return _sliced(derived, split, streaming, options)
    made = {name: _split(derived, name, streaming, options) for name in derived.splits()}
    return IterableDatasetDict(made) if streaming else DatasetDict(made)


def _sliced(derived: Derived, split: str, streaming: bool, options: dict[str, Any]) -> Any:
    """A split, or what a specification such as ``train[:10]+test[50%:]`` asks for."""
    from datasets import ReadInstruction, concatenate_datasets

    known = derived.splits()
    if split in known:
        return _split(derived, split, streaming, options)
    if streaming:
        raise ConfigError(f"there is no split '{split}' to stream; splits are: {', '.join(known)}; slices need a cache")
    made = {name: _split(derived, name, False, options) for name in known}
    try:
        parts = ReadInstruction.from_spec(split).to_absolute({name: len(rows) for name, rows in made.items()})
    except (ValueError, AssertionError) as error:
        raise ConfigError(
            f"no split '{split}'; splits are: {', '.join(known)}, and slices such as train[:10]"
        ) from error
    if beyond := [part.splitname for part in parts if part.from_ >= len(made[part.splitname])]:
        raise ConfigError(f"'{split}' begins after the last row: '{beyond[0]}' has {len(made[beyond[0]]):,}")
    return concatenate_datasets([made[part.splitname].select(range(part.from_, part.to)) for part in parts])


def _split(derived: Derived, split: str, streaming: bool, options: dict[str, Any]) -> Any:
    from datasets import Dataset, IterableDataset, NamedSplit

    from artsim_dataset.features import FEATURES

    given = {"parts": derived.parts(split), "derived": derived}
    features = FEATURES[derived.config]
    # Its name, which push_to_hub goes by. Before 3.0 `datasets` calls all that a generator made "train".
    named = {"split": NamedSplit(split)} if "split" in signature(Dataset.from_generator).parameters else {}
    if streaming:
        return IterableDataset.from_generator(generate, features=features, gen_kwargs=given, **named)
    given |= {"version": __version__}  # part of the cache's key, as are the options and the build's digest
    return Dataset.from_generator(generate, features=features, gen_kwargs=given, **named, **options)


def generate(parts: list[Part], derived: Derived, version: str = __version__) -> Iterator[Row]:
    """Rows for `from_generator`, which gives each process some of the parts and keys its cache on all arguments."""
    return derived.rows(parts)


def check_dataset(path: str | Path | ObjectPath) -> None:
    """Raises DatasetNotFound when ``path`` looks like a folder but holds no finished build."""
    folder = place(path) if isinstance(path, ObjectPath) or is_address(path) else Path(path)
    if (folder / "build.json").is_file():
        return
    if folder.is_dir():
        unfinished = (folder / "work").is_dir()
        fix = "its build is not finished: run the same 'artsim build' again" if unfinished else "make one: artsim build"
        raise DatasetNotFound(f"{path} holds no artsim data set; {fix}")
    if isinstance(folder, ObjectPath) or str(path).count("/") != 1 or str(path).startswith((".", "/", "~")):
        raise DatasetNotFound(f"{path} does not exist; give a folder that 'artsim build' made, or a Hub id user/name")
