"""`artsim publish`: a data set folder becomes a repository on the Hub, whole or not at all.

The folder is read and checked (`files`), compared with what the repository holds (`plan`), and only the difference is
sent (`repository`). Main never shows half a data set: large files are stored before one commit makes them visible, and
what needs more than one commit arrives in a pull request that is merged at the end. Nothing is remembered on this
machine; the state is the Hub's, so the same command goes on after any cut. At the end everything is read back
(`verify`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from artsim_dataset.errors import ArtsimError, ConfigError
from artsim_dataset.hub_errors import HubError
from artsim_dataset.loading.originals import PUBLISHED
from artsim_dataset.storage import local
from artsim_dataset.validate.findings import Watcher
from artsim_dataset.version import __version__
from builder.publish.files import Content, check_name, read_content
from builder.publish.patience import patiently
from builder.publish.plan import FILES_PER_COMMIT, Plan, make_plan, strangers
from builder.publish.repository import MAIN, PARTS, REVIEW, Head, Repository, check_visibility

__all__ = ["Publication", "Target", "Teller", "publish"]

_BRANCH = re.compile(r"[^\s/~^:?*\[\\]+(/[^\s/~^:?*\[\\]+)*")
"""What git takes for one, nearly; an empty variable of a shell is none."""


class Teller(Watcher, Protocol):
    """Told of progress, and of what a person should know, in sentences."""

    def say(self, sentence: str) -> None: ...


@dataclass(frozen=True)
class Target:
    """Where a data set goes, and how.

    ``revision``: a branch, made when it is missing. ``pull_request``: main is not touched; a person decides on the Hub.
    ``dry_run``: nothing is sent, made or changed there. ``originals``: False leaves out the pictures of paintings.
    """

    repo: str
    revision: str = MAIN
    private: bool = False
    pull_request: bool = False
    dry_run: bool = False
    originals: bool = True


@dataclass(frozen=True)
class Publication:
    """What was done. ``plan`` is that of the beginning. ``commit``, ``tag`` and ``pull_request`` are '' where there is
    none; ``checked`` are the configs that were read back; ``left`` are entries of the folder that were not published.
    """

    repo: str
    revision: str
    url: str
    plan: Plan
    commit: str = ""
    tag: str = ""
    pull_request: str = ""
    checked: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def sent_nothing(self) -> bool:
        return self.plan.operations == 0


def publish(folder: Path, target: Target, tell: Teller) -> Publication:
    """Publishes a data set folder; a second time, what changed since.

    Args:
        folder: what `artsim build` made.
        target: where to, and how.
        tell: told of progress.

    Raises:
        ConfigError: the name cannot be used, there is no token, or it may not do this.
        DatasetNotFound: there is no finished build in ``folder``.
        ArtsimError: the folder is not whole or holds what must not be published; or what the Hub has now differs.
        HubError: the Hub or the network failed for longer than is waited; the same command goes on.
    """
    from huggingface_hub import HfApi, get_token

    folder = local(folder, "publishing")
    has_token = bool(get_token())
    if target.pull_request and target.revision != MAIN:
        raise ConfigError("a pull request proposes changes to main: leave out --revision or --create-pr")
    if not _BRANCH.fullmatch(target.revision) or ".." in target.revision:
        raise ConfigError(f"--revision: '{target.revision}' cannot be the name of a branch")
    check_name(target.repo, [path.name for path in folder.glob("*.py")])
    if not target.dry_run and not has_token:
        raise ConfigError("there is no token for the Hub: 'hf auth login' stores one, or set HF_TOKEN")
    if not target.originals:
        from builder.without_originals import without_originals

        folder = without_originals(folder, tell)
    content = read_content(folder, target.repo, tell)
    return _Run(Repository(HfApi(), target.repo), content, target, tell, has_token).run()


@dataclass(frozen=True)
class _Run:
    """One run of the command, against a Hub that changes only by it (if it does not, the run ends)."""

    repository: Repository
    content: Content
    target: Target
    tell: Teller
    has_token: bool

    def run(self) -> Publication:
        from builder.publish.verify import verify

        first = self._patiently(self._first_plan)
        done = Publication(
            self.target.repo,
            self.target.revision,
            f"{self.repository.api.endpoint}/datasets/{self.target.repo}",
            first,
            left=self.content.left,
        )
        if self.target.dry_run:
            return done
        commit, number = self._patiently(self._until_done)
        self._patiently(lambda: verify(self.repository, commit, self.content, self.tell))
        done = replace(done, commit=commit, checked=tuple(self.content.rows))
        if number is not None:
            return replace(done, pull_request=f"{done.url}/discussions/{number}")
        self._patiently(lambda: self.repository.tag(self.content.tag, commit))
        return replace(done, tag=self.content.tag)

    def _patiently(self, step: Callable[[], Any]) -> Any:
        return patiently(step, self.target.repo, self.tell.say)

    # --- planning --------------------------------------------------------------------------------------------------

    def _first_plan(self) -> Plan:
        """What differs now, looked at only; raises ConfigError for a repository that cannot be published to."""
        info = self.repository.info()
        check_visibility(info, self.target.repo, self.target.private)
        if info is None:
            return self._plan(None)
        if not self.target.originals:
            self._check_history()
        head = self.repository.head(self.target.revision) or self.repository.head(MAIN)
        if self.target.pull_request and head and self.has_token and self._plan(head).operations:
            head = self._pull_request(REVIEW, head)[0] or head
        return self._plan(head)

    def _check_history(self) -> None:
        """Raises ConfigError when an earlier publication had the originals: git keeps what a later commit removes."""
        for commit in self.repository.published_commits():
            try:
                build = json.loads(self.repository.content("build.json", commit))
            except ValueError:
                continue  # of something else
            if isinstance(build, dict) and build.get(PUBLISHED, True):
                raise ConfigError(
                    f"{self.target.repo} was published with originals before (commit {commit[:7]}), and its history "
                    "keeps them: publish to a new repository, or delete this one on the Hub first"
                )

    def _plan(self, head: Head | None) -> Plan:
        files = head.files if head else {}
        check_name(self.target.repo, {*files, *self.content.files})
        plan = make_plan(self.content.files, files, head.owns if head else lambda name: False)
        others = strangers(files, plan, self.content.rows)
        if others:
            raise ArtsimError(
                f"{self.target.repo} holds {others[0]}, which artsim did not publish and `datasets` would load with "
                "its rows: remove or rename it on the Hub first"
            )
        foreign = [name for name in plan.changed if head and name != "README.md" and not head.owns(name)]
        if foreign:
            raise ConfigError(
                f"{self.target.repo} has a {foreign[0]} that artsim did not publish, and it would be replaced: take "
                "another repository, or remove the file on the Hub first"
            )
        return plan

    # --- doing -----------------------------------------------------------------------------------------------------

    def _until_done(self) -> tuple[str, int | None]:
        """Whatever is left to do, from the state that the Hub is in. Returns the commit that holds it all, and the
        number of the pull request that it waits in, if it does."""
        head = self.repository.head(self.target.revision)
        if head is None:
            head = self._made()
        plan = self._plan(head)
        if plan.operations == 0:
            return head.commit, None
        if self.target.pull_request:
            return self._propose(head, plan, REVIEW)
        if plan.operations <= FILES_PER_COMMIT or self.target.revision != MAIN:
            return self._commit(head, plan, self.target.revision), None
        _, number = self._propose(head, plan, PARTS)
        self.tell.say(f"all files have arrived in pull request {number}; merging it")
        self.repository.merge(number)
        merged = self.repository.head(MAIN)
        if merged is None or self._plan(merged).operations:
            raise HubError(
                f"{self.target.repo} was changed by somebody else meanwhile; run the same command again", 409
            )
        return merged.commit, None

    def _made(self) -> Head:
        """The branch to publish to, made with all that it needs."""
        self.repository.create(self.target.private)
        if self.target.revision != MAIN:
            self.repository.branch(self.target.revision)
        made = self.repository.head(self.target.revision)
        if made is None:
            raise HubError(f"{self.target.repo} was made, but the Hub does not show it yet; run the same command again")
        return made

    def _propose(self, head: Head, plan: Plan, title: str) -> tuple[str, int]:
        """Brings a pull request to hold the data set: an open one of an earlier run, or a new one."""
        found, number = self._pull_request(title, head)
        if found is not None and number is not None:
            return self._commit(found, self._plan(found), f"refs/pr/{number}"), number
        added, removed = next(plan.commits())
        files = [self.content.files[name] for name in added]
        additions = self.repository.upload(files, MAIN, self.tell, pull_request=True)
        made = self.repository.commit(list(additions.values()), removed, title, MAIN, head.commit, pull_request=True)
        begun = self.repository.head(made.pr_revision)
        if begun is None:
            raise ArtsimError(f"{self.target.repo} does not show the pull request {made.pr_num} that was just opened")
        begun = replace(begun, listed=begun.listed | head.listed)
        return self._commit(begun, self._plan(begun), made.pr_revision), int(made.pr_num)

    def _pull_request(self, title: str, main: Head) -> tuple[Head | None, int | None]:
        """What an open pull request of an earlier run holds, and its number."""
        number = self.repository.open_pull_request(title)
        head = None if number is None else self.repository.head(f"refs/pr/{number}")
        return (replace(head, listed=head.listed | main.listed) if head else None), number

    def _commit(self, head: Head, plan: Plan, revision: str) -> str:
        """Carries out a plan on a revision, in as many commits as it needs. Returns the last one."""
        commit = head.commit
        if plan.operations == 0:
            return commit
        files = [self.content.files[name] for name in plan.sent]
        additions = self.repository.upload(files, revision, self.tell)
        for added, removed in plan.commits():
            message = f"artsim {__version__}: build {self.content.digest}"
            made = self.repository.commit([additions[n] for n in added], removed, message, revision, commit)
            commit = str(made.oid)
        return commit
