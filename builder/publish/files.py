"""The files that a data set folder publishes: those that checksums.sha256 lists, whole, without secrets, no others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.load import check_dataset
from artsim_dataset.validate.findings import Log, Watcher
from artsim_dataset.validate.folder import SUMS, Folder, checksums
from artsim_dataset.validate.rows import Rules, read_rows
from artsim_dataset.validate.tables import Tables
from artsim_dataset.validate.text import KEYS, MACHINE_PATHS, MAIL, Reader, texts_of_files
from builder.card import PLACE
from builder.publish.plan import LocalFile

BLOCK = 1 << 20
_SECRETS = (MACHINE_PATHS, KEYS, MAIL)


@dataclass(frozen=True)
class Content:
    """What is published: the files by name, what build.json says, and entries of the folder that stay behind."""

    files: Mapping[str, LocalFile]
    build: Mapping[str, Any]
    left: tuple[str, ...]

    @property
    def rows(self) -> dict[str, dict[str, int]]:
        """Rows by config and split, the default config first; what has no rows is not there, nor on the card."""
        from artsim_dataset.features import FEATURES, STUDY_FEATURES

        stated = self.build["rows"]
        rows = {
            config: {split: number for split, number in stated[config].items() if number}
            for config in (*FEATURES, *STUDY_FEATURES)
            if config in stated
        }
        return {config: splits for config, splits in rows.items() if splits}

    @property
    def digest(self) -> str:
        return str(self.build["digest"])

    @property
    def tag(self) -> str:
        return f"v{self.build['schema']}-{self.digest}"


class _Listed(Folder):
    """A data set folder seen without the entries that its checksums do not list."""

    @cached_property
    def files(self) -> tuple[str, ...]:
        return tuple(sorted({*checksums(self), SUMS}))


def read_content(folder: Path, repo: str, watcher: Watcher) -> Content:
    """Reads a data set folder for publication, and checks that every file is as it was built and fit for the public.

    Args:
        folder: what `artsim build` made.
        repo: where it goes: the card says so in the lines that load it.
        watcher: told of the bytes that are read.

    Raises:
        DatasetNotFound: there is no finished build.
        ArtsimError: a file is missing or altered, or holds a key, a path of a machine or an e-mail address.
    """
    check_dataset(folder)
    listed = _Listed(folder)
    sums = checksums(listed)
    if not {"README.md", "build.json"} <= sums.keys():
        raise ArtsimError(f"{folder / SUMS} lists no data set; build it again, or look with: artsim validate {folder}")
    for name in sums:
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or parts[0] == "work" or any(p.startswith(".") for p in parts):
            raise ArtsimError(f"{folder / SUMS} lists '{name}', which is no file of a data set")
    files = _intact(folder, sums, watcher)
    build = json.loads((folder / "build.json").read_text(encoding="utf-8"))
    _without_secrets(listed, watcher)
    left = sorted(set(Folder(folder).files) - set(listed.files))
    return Content(_for_repository(files, repo), build, tuple(left))


def _intact(folder: Path, sums: Mapping[str, str], watcher: Watcher) -> dict[str, LocalFile]:
    """The files, each read once and found to be what was built."""
    paths = {name: folder / name for name in sums}
    missing = [name for name, path in paths.items() if not path.is_file()]
    if missing:
        raise ArtsimError(f"{folder} is not whole: {missing[0]} is missing ({len(missing)} in all); build it again")
    sizes = {name: path.stat().st_size for name, path in paths.items()}
    watcher.stage("check", sum(sizes.values()), 0)
    for name, expected in sums.items():
        state = sha256()
        with open(paths[name], "rb") as file:
            while block := file.read(BLOCK):
                state.update(block)
                watcher.advance(len(block))
        if state.hexdigest() != expected:
            raise ArtsimError(
                f"{paths[name]} is not as it was built (sha256 differs): build it again, or fetch it again"
            )
    return {name: LocalFile(name, sizes[name], sums[name], paths[name]) for name in sums}


def _without_secrets(folder: Folder, watcher: Watcher) -> None:
    """Raises ArtsimError when a text says what is nobody's business. Pictures are not looked at."""
    log, reader = Log(), Reader(folder)
    for where, text in texts_of_files(folder):
        for check, message in reader.look(text):
            log.add(check, where, message)
    tables, rules = Tables(folder, Log()), Rules(folder, None, watcher)
    watcher.stage("read", sum(tables.rows.values()), 0)
    for config in folder.features:
        for _ in read_rows(tables, config, {}, rules, reader, log):
            pass
    found = [finding for finding in log.findings if finding.check in _SECRETS]
    if found:
        more = f" ({len(found)} such places in all)" if len(found) > 1 else ""
        raise ArtsimError(
            f"{found[0].where} must not be published: it {found[0].message}{more}; "
            f"'artsim validate {folder.path}' lists what there is"
        )


def _for_repository(files: Mapping[str, LocalFile], repo: str) -> dict[str, LocalFile]:
    """The files with a card that names the repository, and checksums that fit."""
    card = files["README.md"].content.decode("utf-8").replace(PLACE, repo)
    _check_card(card)
    changed = {**files, "README.md": in_memory("README.md", card.encode())}
    return {**changed, SUMS: in_memory(SUMS, sums_text(changed.values()).encode())}


def sums_text(files: Iterable[LocalFile]) -> str:
    """The content of checksums.sha256."""
    return "".join(f"{file.sha256}  {file.name}\n" for file in sorted(files, key=lambda f: f.name))


def in_memory(name: str, content: bytes) -> LocalFile:
    return LocalFile(name, len(content), sha256(content).hexdigest(), content)


def _check_card(text: str) -> None:
    """What the Hub would refuse or could not use, found before anything is sent."""
    from huggingface_hub import DatasetCard

    try:
        data = DatasetCard(text).data.to_dict()
    except (ValueError, TypeError, AttributeError) as error:
        first = str(error).strip().partition("\n")[0]
        raise ArtsimError(f"the card README.md has no YAML that the Hub can read: {first}; build it again") from error
    missing = [key for key in ("license", "configs", "pretty_name") if not data.get(key)]
    if missing:
        raise ArtsimError(f"the card README.md does not say its {missing[0]}: build it again")


def check_name(repo: str, content: Iterable[str]) -> None:
    """Raises ConfigError for a repository that could not be made, or that `datasets` would refuse to load.

    ``content``: names of files at its root, here and there.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        first = str(error).strip().partition("\n")[0].rstrip(".")
        raise ConfigError(f"'{repo}' cannot be the name of a repository: {first}") from error
    if repo.count("/") != 1:
        raise ConfigError(f"give the repository with its owner: --repo user/{repo}")
    name = repo.partition("/")[2]
    if f"{name}.py" in content:
        raise ConfigError(
            f"no repository that holds {name}.py may be called '{name}': `datasets` takes the file for a loading "
            "script and refuses the whole repository; choose another name"
        )
