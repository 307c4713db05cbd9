"""Loads a data set folder or Hub repository: `datasets.load_dataset` with errors that say what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from artsim_dataset.errors import ConfigError, DatasetNotFound

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict


def load_artsim(
    path: str | Path, config: str = "pairs", split: str | None = None, streaming: bool = False, **options: Any
) -> Dataset | DatasetDict | IterableDataset | IterableDatasetDict:
    """Loads one config of an artsim data set.

    Args:
        path: a folder that `artsim build` made, or a Hub id such as ``user/artsim``.
        config: pairs, triplets, triplets_hard, real_vs_ai or metadata; images of a case study.
        split: train or test, slices such as ``train[:10]`` too; both when None.
        streaming: read rows as they are asked for, without a cache.
        options: passed on to `datasets.load_dataset`.

    Raises:
        DatasetNotFound: there is no data set at ``path``.
        ConfigError: no such config.

    Example::

        row = load_artsim("artsim-demo/dataset", "triplets", split="train")[0]
        row["anchor"], row["positive"], row["negative"]
    """
    from datasets import load_dataset

    from artsim_dataset.features import FEATURES, STUDY_FEATURES

    if config not in FEATURES | STUDY_FEATURES:
        raise ConfigError(f"no config '{config}'; configs are: {', '.join(FEATURES)}, and images of a case study")
    check_dataset(path)
    return load_dataset(str(path), config, split=split, streaming=streaming, **options)


def check_dataset(path: str | Path) -> None:
    """Raises DatasetNotFound when ``path`` looks like a folder but holds no finished build."""
    folder = Path(path)
    if (folder / "build.json").is_file():
        return
    if folder.is_dir():
        unfinished = (folder / "work").is_dir()
        fix = "its build is not finished: run the same 'artsim build' again" if unfinished else "make one: artsim build"
        raise DatasetNotFound(f"{path} holds no artsim data set; {fix}")
    if str(path).count("/") != 1 or str(path).startswith((".", "/", "~")):
        raise DatasetNotFound(f"{path} does not exist; give a folder that 'artsim build' made, or a Hub id user/name")
