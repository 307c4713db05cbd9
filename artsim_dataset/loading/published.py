"""Where the published files of a data set are: in a folder, or in a Hub repository at one commit.

`checksums.sha256` lists every file and `build.json` says what was built; both are small. A Hub repository is pinned to
the commit that its branch has now, and found again in the Hub cache when there is no network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artsim_dataset.errors import ArtsimError, DatasetNotFound
from artsim_dataset.object_store import ObjectPath
from artsim_dataset.schema import SPLITS
from artsim_dataset.storage import Place, is_address, place

Files = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Config -> split -> paths or ``hf://`` addresses of its Parquet files, in order."""


@dataclass(frozen=True)
class Published:
    """A finished data set. ``folder``: where it lies, '' on the Hub; ``repo`` and ``commit``: on the Hub."""

    build: Mapping[str, Any]
    names: tuple[str, ...]
    folder: str = ""
    repo: str = ""
    commit: str = ""
    token: str | bool | None = None

    @property
    def digest(self) -> str:
        """Stands for the content of all data files."""
        return str(self.build["digest"])

    def files(self, configs: set[str], streaming: bool = False) -> Files:
        """The Parquet files of some configs; those on the Hub are downloaded first, unless ``streaming``."""
        return {
            config: {
                split: tuple(self.file(name, streaming) for name in self.names if _belongs(name, config, split))
                for split in SPLITS
            }
            for config in sorted(configs)
        }

    def file(self, name: str, streaming: bool = False) -> str:
        """The path of one of the files, downloaded first when it is on the Hub; its address when ``streaming``."""
        if not self.repo:
            return f"{self.folder}/{name}"
        if streaming:
            return f"hf://datasets/{self.repo}@{self.commit}/{name}"
        from huggingface_hub import hf_hub_download

        return str(hf_hub_download(self.repo, name, repo_type="dataset", revision=self.commit, token=self.token))


def _belongs(name: str, config: str, split: str) -> bool:
    return name.startswith(f"{config}/{split}-") and name.endswith(".parquet")


def find_published(path: str | Path, revision: str | None = None, token: str | bool | None = None) -> Published:
    """The data set at ``path``: a folder, here or in an object store, or a Hub id such as ``user/artsim``.

    Args:
        path: where.
        revision: branch, tag or commit on the Hub.
        token: for a private repository.

    Raises:
        DatasetNotFound: nothing there, not an artsim data set, or the Hub cannot be reached.
    """
    folder = place(path) if is_address(path) else Path(path)
    if isinstance(folder, ObjectPath):
        return Published(*_read(folder, folder, str(path)), folder=str(folder))
    if folder.is_dir():
        return Published(*_read(folder, folder, str(path)), folder=str(folder.resolve()))
    from huggingface_hub import hf_hub_download

    try:
        found = [
            Path(hf_hub_download(str(path), name, repo_type="dataset", revision=revision, token=token))
            for name in ("build.json", "checksums.sha256")
        ]
    except Exception as error:
        raise not_on_hub(path, error) from error
    build, names = _read(found[0].parent, found[1].parent, str(path))
    return Published(build, names, repo=str(path), commit=found[0].parent.name, token=token)


def _read(with_build: Place, with_names: Place, shown: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    try:
        build = dict(json.loads((with_build / "build.json").read_text(encoding="utf-8")))
        lines = (with_names / "checksums.sha256").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DatasetNotFound(
            f"{shown} holds no artsim data set that is whole: build.json or checksums.sha256 cannot be read; "
            "fetch it again, or run the same 'artsim build' again"
        ) from error
    return build, tuple(line.partition("  ")[2] for line in lines)


def not_on_hub(path: str | Path, error: Exception) -> ArtsimError:
    """The sentence for what the Hub's client raised; errors that are no answer of the Hub are raised as they are."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    chain = [error, error.__cause__, error.__context__]

    def is_a(*kinds: type[Exception]) -> bool:
        return any(isinstance(link, kinds) for link in chain)

    if is_a(GatedRepoError):
        return DatasetNotFound(f"{path} is gated: accept its terms on the Hub, then log in with 'hf auth login'")
    if is_a(RevisionNotFoundError):
        return DatasetNotFound(f"{path} has no such revision on the Hub")
    if is_a(EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError):
        return DatasetNotFound(f"{path} on the Hub is no artsim data set: it has no build.json")
    if is_a(RepositoryNotFoundError, HFValidationError) or type(error).__name__ == "DatasetNotFoundError":
        return DatasetNotFound(
            f"the Hub has no data set {path}, or it is private; check the name, or log in with 'hf auth login'"
        )
    if isinstance(error, OSError) or type(error).__module__.startswith("http"):
        first = str(error).strip().partition("\n")[0][:200]
        return DatasetNotFound(f"{path} cannot be fetched from the Hub and is not in its cache: {first}")
    raise error
