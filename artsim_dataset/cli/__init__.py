"""The `artsim` command: the one place that composes the builder with the library, and only when a command needs it."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from artsim_dataset.cli import terminal
from artsim_dataset.version import __version__

PIPELINE = ("demo", "build", "status", "validate", "publish", "export", "encode", "train", "evaluate", "compare",
            "attribute", "casestudy", "detect", "doctor")  # fmt: skip
"""The commands in the order in which one meets them: what --help lists."""


class _Commands(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(self.commands, key=PIPELINE.index)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Paintings in; AI variants, a data set and a similarity model out.\n\n"
    "Start with **artsim demo**: everything on a small set, offline, in minutes.",
)


def _version(wanted: bool) -> None:
    if wanted:
        terminal.out.print(f"artsim {__version__}")
        raise typer.Exit()


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere in the line.")] = False,
) -> None:
    terminal.debug = terminal.debug or debug


def main() -> None:
    """Entry point of the console script."""
    if "--debug" in sys.argv[2:]:
        # A person adds --debug to the end of the line that failed, so it is taken wherever it stands.
        sys.argv.remove("--debug")
        terminal.debug = True
    app()


from artsim_dataset.cli import (  # noqa: E402, F401 - each adds its commands to `app`
    attribute,
    build,
    casestudy,
    compare,
    demo,
    detector,
    encode,
    evaluate,
    export,
    inspect,
    publish,
    style,
    train,
    validate,
)
