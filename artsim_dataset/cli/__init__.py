"""The `artsim` command: the one place that composes the builder with the library, and only when a command needs it."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from artsim_dataset.cli import terminal
from artsim_dataset.version import __version__

CHAPTERS: dict[str, tuple[str, ...]] = {
    "begin": ("demo", "doctor"),
    "make": ("build", "status", "validate", "report", "publish", "export"),
    "learn": ("encode", "train", "evaluate"),
    "use": ("compare", "attribute", "casestudy", "detect", "app"),
}
"""The commands in the order in which one meets them: what --help lists."""
PIPELINE = tuple(name for names in CHAPTERS.values() for name in names)


class _Commands(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(self.commands, key=PIPELINE.index)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """One screen of 80 x 24 that says where to begin; what a command takes is in its own help."""
        say = terminal.out.print
        say(f"Usage: [bold]artsim COMMAND[/bold] [dim]...[/dim]\n{WHAT}\n")
        for chapter, names in CHAPTERS.items():
            for name in names:
                told = self.commands[name].get_short_help_str(60)
                first = chapter if name == names[0] else ""
                say(f"  [dim]{first:<6}[/dim] [bold cyan]{name:<10}[/bold cyan] {told}")
        say("\n[bold]artsim COMMAND --help[/bold] explains one, with an example.  Also: --version, --debug,")
        say("--install-completion.  Begin with [bold]artsim demo[/bold]: offline, in minutes.")


WHAT = "Paintings in; AI variants, a data set and a similarity model out."

app = typer.Typer(
    cls=_Commands,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=WHAT,
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
    """Entry point of the console script. A line that is not understood gets a sentence, as every error does."""
    if "--debug" in sys.argv[2:]:
        # A person adds --debug to the end of the line that failed, so it is taken wherever it stands.
        sys.argv.remove("--debug")
        terminal.debug = True
    misused: Any = typer.BadParameter.__base__  # click's UsageError, which typer carries under changing names
    terminal.heed_signals()
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name="artsim", standalone_mode=False) or 0
        sys.exit(terminal.say_stopped(code))
    except misused as error:
        help_of = error.ctx.command_path if error.ctx else "artsim"
        if said := " ".join(error.format_message().split()).rstrip("."):
            said = terminal.shown(said[:1].lower() + said[1:])
            terminal.err.print(f"[bold red]artsim: [/bold red]{said}; see {help_of} --help")
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt, terminal.Terminated):
        sys.exit(terminal.say_stopped(130))
    finally:
        terminal.ignore_signals()


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
    report,
    style,
    train,
    validate,
    web,
)
