"""Repositories: commits, the refs that name them, discussions and pull requests. Who may do what is in access.py."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.hub.errors import ApiError
from tests.hub.objects import Commit, File, Tree, make_commit

MAIN = "refs/heads/main"


@dataclass
class Discussion:
    """A discussion, or a pull request when it has a ``base``: the commit of main that it was opened on.

    ``status``: "draft", "open", "closed" or "merged"; ``events`` are as the API gives them.
    """

    num: int
    title: str
    author: str
    date: datetime
    status: str
    base: str | None = None
    merge_commit: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ref(self) -> str:
        return f"refs/pr/{self.num}"


@dataclass
class Repo:
    """A repository. ``kind``: "models", "datasets" or "spaces"; ``id``: "owner/name"; ``refs``: full name -> commit."""

    kind: str
    id: str
    private: bool = False
    gated: str | bool = False
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    discussions: list[Discussion] = field(default_factory=list)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def owner(self) -> str:
        return self.id.partition("/")[0]

    @property
    def url(self) -> str:
        """The path of its page: models have no prefix."""
        return f"/{self.id}" if self.kind == "models" else f"/{self.kind}/{self.id}"

    def ref(self, revision: str) -> str | None:
        """The full name of a branch, tag or pull request, or None."""
        names = (revision, f"refs/heads/{revision}", f"refs/tags/{revision}")
        return next((name for name in names if name in self.refs), None)

    def commit(self, revision: str = "main") -> Commit:
        """The commit that a branch, a tag, refs/pr/N or a (shortened) commit hash names.

        Raises:
            ApiError: 404 RevisionNotFound.
        """
        ref = self.ref(revision)
        if ref:
            return self.commits[self.refs[ref]]
        if re.fullmatch("[0-9a-f]{7,40}", revision):
            for commit in self.commits.values():
                if commit.id.startswith(revision):
                    return commit
        raise ApiError(404, f"Invalid rev id: {revision}", "RevisionNotFound")

    def files(self, revision: str = "main") -> Tree:
        return self.commit(revision).tree

    def log(self, revision: str = "main") -> Iterator[Commit]:
        """The commits of a revision, newest first, along first parents."""
        commit = self.commit(revision)
        yield commit
        while commit.parents:
            commit = self.commits[commit.parents[0]]
            yield commit

    def add(self, ref: str, tree: Tree, title: str, message: str, author: str, merged: str | None = None) -> Commit:
        """A new commit on a ref; ``merged`` is its second parent."""
        parents = tuple(oid for oid in (self.refs.get(ref), merged) if oid)
        commit = make_commit(tree, parents, title, message, author, datetime.now(UTC))
        self.commits[commit.id] = commit
        self.refs[ref] = commit.id
        return commit

    def last_change(self, path: str, revision: str) -> Commit:
        """The newest commit that changed a file, or anything in a folder."""

        def part(tree: Tree) -> dict[str, File]:
            return {name: file for name, file in tree.items() if name == path or name.startswith(f"{path}/")}

        log = list(self.log(revision))
        for newer, older in zip(log, log[1:], strict=False):
            if part(newer.tree) != part(older.tree):
                return newer
        return log[-1]

    def open(self, title: str, author: str, status: str, pull_request: bool) -> Discussion:
        """A new discussion; a pull request starts on today's main."""
        base = self.refs[MAIN] if pull_request else None
        discussion = Discussion(len(self.discussions) + 1, title, author, datetime.now(UTC), status, base)
        self.discussions.append(discussion)
        if base:
            self.refs[discussion.ref] = base
        return discussion

    def discussion(self, num: int) -> Discussion:
        if not 1 <= num <= len(self.discussions):
            raise ApiError(404, f"Discussion {num} not found", "EntryNotFound")
        return self.discussions[num - 1]

    def conflicts(self, pull: Discussion) -> list[str]:
        """The paths that main and a pull request changed since it was opened, each in another way."""
        base, ours, theirs = (self.commits[oid].tree for oid in (pull.base or "", self.refs[MAIN], self.refs[pull.ref]))
        paths = sorted({*base, *ours, *theirs})
        return [p for p in paths if len({base.get(p), ours.get(p), theirs.get(p)}) == 3]

    def merge(self, pull: Discussion, author: str) -> Commit:
        """What the pull request changed, on top of main.

        Raises:
            ApiError: 409 when it is not open or both sides changed a file; main is as it was.
        """
        if pull.base is None or pull.status not in ("open", "draft"):
            raise ApiError(409, f"Discussion {pull.num} cannot be merged: it is {pull.status}")
        if self.conflicts(pull):
            raise ApiError(409, f"Merge conflict in {', '.join(self.conflicts(pull))}")
        base, theirs = self.commits[pull.base].tree, self.files(pull.ref)
        merged = dict(self.files())
        for path in {*base, *theirs}:
            if theirs.get(path) != base.get(path):
                merged.pop(path, None)
                if path in theirs:
                    merged[path] = theirs[path]
        commit = self.add(MAIN, merged, f"{pull.title} (#{pull.num})", "", author, merged=self.refs[pull.ref])
        pull.status, pull.merge_commit = "merged", commit.id
        return commit
