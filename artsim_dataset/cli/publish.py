"""`artsim publish`: a data set folder becomes a repository on the Hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from artsim_dataset.cli import app
from artsim_dataset.cli.terminal import command, err, out, print_json, printable, shown

if TYPE_CHECKING:
    from builder.publish import Publication
    from builder.publish.plan import Plan

_SHOWN_NAMES = 10
_COUNTED = ("strip", "read", "read back")
"""Parts of the work that are not measured in bytes."""


@app.command("publish", short_help="Publish on the Hub what changed.")
@command
def publish_command(
    dataset: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that 'artsim build' made.")],
    repo: Annotated[str, typer.Option("--repo", "-r", help="Repository on the Hub, user/name; made when missing.")],
    revision: Annotated[str, typer.Option(help="Branch to publish to; made when missing.")] = "main",
    private: Annotated[bool, typer.Option("--private", help="Only you may see a repository that is made.")] = False,
    no_originals: Annotated[
        bool,
        typer.Option("--without-originals", help="No pictures of paintings; a recipe that joins them at load time."),
    ] = False,
    create_pr: Annotated[bool, typer.Option("--create-pr", help="Leave main alone: open a pull request.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent; send nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Publish a data set on the Hugging Face Hub, or what changed of it since the last time.

    Only files that differ are sent, files of an older build are removed, everything else in the repository is left
    alone. Main shows the whole data set or the one before, never a half. After a cut, the same command goes on.
    In the end every file and every config is read back.

    May the paintings not be published? --without-originals sends variants, texts and hashes only; who has the
    paintings loads all of it with load_artsim("user/name", originals="paintings/").

    Log in first, with 'hf auth login', or set HF_TOKEN to a token with write access.

    Example:  artsim publish my-dataset --repo user/paintings --dry-run
    """
    from builder.publish import Target, publish

    target = Target(repo, revision, private, create_pr, dry_run, originals=not no_originals)
    with _bars() as bars:
        done = publish(dataset, target, bars)
    if as_json:
        print_json(_as_json(done, dry_run))
    else:
        _show(done, dry_run)


def _as_json(done: Publication, dry_run: bool) -> dict[str, object]:
    plan = done.plan
    names = {"new": plan.new, "changed": plan.changed, "unchanged": plan.unchanged, "removed": plan.removed}
    return {
        "repo": done.repo,
        "revision": done.revision,
        "url": done.url,
        "dry_run": dry_run,
        "plan": {kind: {"files": list(files), "bytes": plan.bytes(files)} for kind, files in names.items()},
        "commit": done.commit,
        "tag": done.tag,
        "pull_request": done.pull_request,
        "checked": list(done.checked),
        "left": list(done.left),
    }


def _show(done: Publication, dry_run: bool) -> None:
    if done.sent_nothing and not dry_run:
        out.print(f"[green]Nothing to send[/green]: {shown(done.repo)} has this build already.")
    else:
        _show_plan(done.plan)
    if done.left:
        names = ", ".join(done.left[:_SHOWN_NAMES]) + (" ..." if len(done.left) > _SHOWN_NAMES else "")
        out.print(f"Not of the data set, so not published: {shown(names)}")
    if dry_run:
        out.print(f"Nothing was sent. Without --dry-run this goes to [bold]{shown(done.url)}[/bold]")
        return
    if done.pull_request:
        out.print(f"It waits for you to merge it: [bold]{shown(done.pull_request)}[/bold]")
        return
    where = "" if done.revision == "main" else f", branch {done.revision}"
    out.print(f"[bold]{shown(done.url)}[/bold]{shown(where)}, tag {shown(done.tag)}: read back, all is there.")
    more = "" if done.revision == "main" else f', revision="{done.revision}"'
    code = f'load_dataset("{done.repo}", "{done.checked[0]}"{more})'
    out.print(f"Load it: [cyan]{shown(code)}[/cyan]")


def _show_plan(plan: Plan) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "files", "size"):
        table.add_column(title, justify="left" if not title else "right")
    rows = {"new": plan.new, "changed": plan.changed, "unchanged": plan.unchanged, "removed": plan.removed}
    for kind, names in rows.items():
        table.add_row(kind, f"{len(names):,}", decimal(plan.bytes(names)))
    out.print(table, soft_wrap=False)


# --- bars --------------------------------------------------------------------------------------------------------


class _Bars:
    """One bar for each part of the work, most of them in bytes. Implements the publication's ``Teller``."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def stage(self, name: str, rows: int, done: int) -> None:
        self._task = self._progress.add_task(name, total=rows, completed=done, unit="" if name in _COUNTED else "B")

    def advance(self, rows: int) -> None:
        if self._task is not None:
            self._progress.advance(self._task, rows)

    def say(self, sentence: str) -> None:
        err.print(Text(printable(sentence), style="yellow"))


class _Amount(ProgressColumn):
    """How much is done, and how fast: bytes, or a number of things."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes, self._rate, self._number = DownloadColumn(), TransferSpeedColumn(), MofNCompleteColumn()

    def render(self, task: Task) -> Text:
        if not task.fields["unit"]:
            return self._number.render(task)
        return Text.assemble(self._bytes.render(task), "  ", self._rate.render(task))


@contextmanager
def _bars() -> Iterator[_Bars]:
    progress = Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=None),
        _Amount(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=err,
        disable=not err.is_terminal,
        expand=True,
    )
    with progress:
        yield _Bars(progress)
