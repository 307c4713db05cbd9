"""One data set repository on the Hub, through the Hub's own client: what it holds, and the few ways it is changed.

Every change names the commit that it was planned on, so that nobody's work is overwritten. Large files are sent before
the commit that makes them visible; the server keeps them by their sha256, and does not take them a second time.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, BinaryIO

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.constants import HF_HUB_DISABLE_XET
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)

from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.hub_errors import HubError, hub_errors, translated
from artsim_dataset.validate.findings import Watcher
from artsim_dataset.validate.folder import SHARD, SUMS
from builder.publish.plan import LocalFile, RemoteFile

KIND = "dataset"
MAIN = "main"
REVIEW = "Data set built by artsim, for review"
PARTS = "Data set built by artsim, arriving in parts"
"""Titles by which a pull request of an earlier run is known."""

_SUM = re.compile(r"[0-9a-f]{64}  (\S.*)")
_MAX_SUMS_BYTES = 100_000_000


@dataclass(frozen=True)
class Head:
    """What a revision holds: its commit, its files by name, and the names that artsim put there."""

    commit: str
    files: Mapping[str, RemoteFile]
    listed: frozenset[str] = frozenset()

    def owns(self, name: str) -> bool:
        """Whether artsim published this file: its checksums list it, or it is named as a shard is."""
        config, _, file = name.partition("/")
        return name in self.listed or (config in _configs() and bool(SHARD.fullmatch(file)))


def _configs() -> set[str]:
    from artsim_dataset.features import FEATURES, STUDY_FEATURES

    return {*FEATURES, *STUDY_FEATURES}


@dataclass
class _Upload(CommitOperationAdd):
    """A file that tells how much of it was sent. The client may begin again after a fault; bytes count once."""

    moved: Callable[[int], None] = field(default=lambda _: None, repr=False)
    seen: int = field(default=0, repr=False)

    def reached(self, position: int) -> None:
        if position > self.seen:
            self.moved(position - self.seen)
            self.seen = position

    @contextmanager
    def as_file(self, with_tqdm: bool = False) -> Iterator[BinaryIO]:
        with super().as_file() as plain:
            yield _Counted(plain, self) if with_tqdm else plain


class _Counted(io.BufferedReader):
    """A file that reports how far it was read."""

    def __init__(self, plain: Any, upload: _Upload) -> None:
        super().__init__(plain.raw if isinstance(plain, io.BufferedReader) else plain)
        self._upload = upload

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._upload.reached(self.tell())
        return data


@dataclass(frozen=True)
class Repository:
    """The data set repository ``name``, as ``api`` reaches it."""

    api: HfApi
    name: str

    @contextmanager
    def _asking(self) -> Iterator[None]:
        with hub_errors(self.name):
            yield

    # --- what is there ---------------------------------------------------------------------------------------------

    def info(self) -> Any:
        """The repository's facts; None when there is none."""
        with self._asking():
            try:
                return self.api.repo_info(self.name, repo_type=KIND)
            except RevisionNotFoundError:
                return None
            except RepositoryNotFoundError as error:
                _check_absent(error)
                return None

    def head(self, revision: str) -> Head | None:
        """What a branch or refs/pr/N holds; None when there is no such revision."""
        with self._asking():
            try:
                info = self.api.repo_info(self.name, repo_type=KIND, revision=revision)
            except (RevisionNotFoundError, RepositoryNotFoundError) as error:
                _check_absent(error)
                return None
            files = self.files(str(info.sha))
            return Head(str(info.sha), files, self._listed(str(info.sha), files))

    def files(self, commit: str) -> dict[str, RemoteFile]:
        """All files at a commit, by name."""
        with self._asking():
            entries = self.api.list_repo_tree(self.name, repo_type=KIND, revision=commit, recursive=True)
            found = [entry for entry in entries if isinstance(entry, RepoFile)]
        return {f.path: RemoteFile(f.size, f.blob_id, f.lfs.sha256 if f.lfs else None) for f in found}

    def content(self, name: str, commit: str) -> bytes:
        """The bytes of a file, through the client's cache."""
        with self._asking():
            path = self.api.hf_hub_download(self.name, name, repo_type=KIND, revision=commit)
        with open(path, "rb") as file:
            return file.read()

    def published_commits(self) -> list[str]:
        """Commits that hold a data set: branches, tags and pull requests that have a build.json, each commit once."""
        with self._asking():
            refs = self.api.list_repo_refs(self.name, repo_type=KIND, include_pull_requests=True)
            proposed = refs.pull_requests or ()
            commits = dict.fromkeys(ref.target_commit for ref in (*refs.branches, *refs.tags, *proposed))
        return [commit for commit in commits if "build.json" in self.files(commit)]

    def _listed(self, commit: str, files: Mapping[str, RemoteFile]) -> frozenset[str]:
        if SUMS not in files or files[SUMS].size > _MAX_SUMS_BYTES:
            return frozenset()
        lines = self.content(SUMS, commit).decode("utf-8", errors="replace").splitlines()
        return frozenset({SUMS, *(match[1] for line in lines if (match := _SUM.fullmatch(line)))})

    # --- changes ---------------------------------------------------------------------------------------------------

    def create(self, private: bool) -> None:
        with self._asking():
            # Not False but None: an organisation may have decided that its repositories begin as private ones.
            self.api.create_repo(self.name, repo_type=KIND, private=private or None, exist_ok=True)

    def branch(self, name: str) -> None:
        """A branch that starts as main is now."""
        with self._asking():
            self.api.create_branch(self.name, repo_type=KIND, branch=name, exist_ok=True)

    def upload(
        self, files: Sequence[LocalFile], revision: str, watcher: Watcher, pull_request: bool = False
    ) -> dict[str, CommitOperationAdd]:
        """Sends the large ones among the files; nothing is visible until they are committed.

        With Xet the client shows its own bars, since nobody else knows how far it is. ``pull_request``: they are for
        a new one, which takes no right to write. Returns what commits the files, by name.
        """
        ours = not _uses_xet()
        if ours:
            watcher.stage("upload", sum(file.size for file in files), 0)
        additions = {}
        for file in files:
            source = file.source if isinstance(file.source, bytes) else str(file.source)
            addition = _Upload(file.name, source)
            addition.upload_info.sha256 = bytes.fromhex(file.sha256)
            if ours:
                addition.moved = watcher.advance
            additions[file.name] = addition
        with self._asking(), _uploading(self.name), _bars(shown=not ours):
            self.api.preupload_lfs_files(
                self.name,
                list(additions.values()),
                repo_type=KIND,
                revision=revision,
                create_pr=pull_request,
                free_memory=False,
            )
        for addition in additions.values():
            addition.reached(addition.upload_info.size)  # small ones go with the commit; others were there already
        return dict(additions)

    def commit(
        self,
        additions: Sequence[CommitOperationAdd],
        removed: Sequence[str],
        message: str,
        revision: str,
        parent: str,
        pull_request: bool = False,
    ) -> Any:
        """One commit on top of ``parent``, which must still be the last of the revision. Returns the client's facts."""
        operations: list[Any] = [*additions, *(CommitOperationDelete(name, is_folder=False) for name in removed)]
        with self._asking(), _bars(shown=False):
            return self.api.create_commit(
                self.name,
                operations,
                commit_message=message,
                repo_type=KIND,
                revision=revision,
                parent_commit=parent,
                create_pr=pull_request,
            )

    def open_pull_request(self, title: str) -> int | None:
        """The number of the newest open pull request that an earlier run of this user made."""
        with self._asking():
            me = self.api.whoami()["name"]
            found = self.api.get_repo_discussions(
                self.name, repo_type=KIND, discussion_type="pull_request", discussion_status="open"
            )
            return max((d.num for d in found if d.title == title and d.author == me), default=None)

    def merge(self, number: int) -> None:
        """Makes a pull request part of main, as a whole."""
        try:
            with self._asking():
                self.api.merge_pull_request(self.name, number, repo_type=KIND)
        except HubError as error:
            if error.passing:
                raise
            raise HubError(
                f"pull request {number} of {self.name} cannot be merged ({error}); close it on the Hub, "
                "then run the same command again: what has arrived is kept",
                error.status,
            ) from error

    def tag(self, name: str, commit: str) -> str:
        """Tags a commit, unless the tag is there. Returns the commit that has it."""
        with self._asking():
            refs = self.api.list_repo_refs(self.name, repo_type=KIND)
            known = {tag.name: tag.target_commit for tag in refs.tags}
            if name not in known:
                self.api.create_tag(self.name, tag=name, revision=commit, repo_type=KIND, exist_ok=True)
        return str(known.get(name, commit))


def _uses_xet() -> bool:
    """As the client decides."""
    return not HF_HUB_DISABLE_XET and find_spec("hf_xet") is not None


def _check_absent(error: HfHubHTTPError) -> None:
    """Raises the error again unless it says that nothing is there. Who is not known is told that too, with a 401, and
    whom a gate stops, with a 403."""
    if error.response is None or error.response.status_code != 404:
        raise error


@contextmanager
def _uploading(repo: str) -> Iterator[None]:
    """What breaks an upload and is no answer of the Hub: the transfer library has errors of its own."""
    try:
        yield
    except (HfHubHTTPError, ArtsimError, OSError):
        raise
    except (RuntimeError, ValueError) as error:
        known = translated(error, repo)
        first = str(error).strip().partition("\n")[0][:200]
        raise known or HubError(f"the upload to {repo} broke off ({first}); run the same command again") from error


@contextmanager
def _bars(shown: bool) -> Iterator[None]:
    """Whether the client may draw within the block."""
    if shown or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()


def check_visibility(info: Any, repo: str, private: bool) -> None:
    """Raises ConfigError when a private data set would go into a public repository."""
    if private and info is not None and not info.private:
        raise ConfigError(
            f"{repo} is there and public: make it private in its settings on the Hub, or publish without --private"
        )
