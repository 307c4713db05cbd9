"""`artsim status` and `artsim doctor`: what a build has done, and what a preset would need here. Both only look."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from artsim_dataset.cli import app
from artsim_dataset.cli.terminal import command, out, print_json

if TYPE_CHECKING:
    from builder.doctor import Machine, ModelCheck, Package, PresetReport
    from builder.status import BuildStatus

JSON = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("status", short_help="Show what a build has done, and the time left.")
@command
def status_command(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="The --out folder of a build.", show_default=False)],
    as_json: JSON = False,
) -> None:
    """Show what a build has done, rejected and still to do, with rate and time left.

    Works while the build runs, after a crash and on another machine: it only reads the work folder.

    Example:  artsim status my-dataset
    """
    from artsim_dataset.storage import place
    from builder.status import status

    found = status(place(folder))
    if as_json:
        print_json(asdict(found))
    else:
        show_status(found)


def show_status(found: BuildStatus) -> None:
    """The stages as a table, then what is under way, the rejects, the disk and the models."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("stage", "shards", "rows out", "rejected", "rows/s", ""):
        table.add_column(name, justify="left" if name in ("stage", "") else "right")
    for stage in found.stages:
        mark = "done" if stage.finished else f"{stage.rows:,} of {stage.rows_all:,}" if stage.shards else ""
        rate = "" if stage.rate is None else f"{stage.rate:,.1f}"
        shards = f"{stage.shards}/{stage.shards_all}"
        table.add_row(stage.name, shards, f"{stage.rows_out:,}", f"{sum(stage.rejects.values()):,}", rate, mark)
    if found.stages:
        out.print(table)
    _show_state(found)
    for stage in found.stages:
        if stage.rejects:
            listed = ", ".join(f"{reason} {count:,}" for reason, count in stage.rejects.items())
            out.print(f"[yellow]rejected[/yellow]  {stage.name}: {listed}")
    earlier = f", {size(found.disk_earlier)} of it of earlier settings" if found.disk_earlier else ""
    out.print(f"disk      data set {size(found.disk_dataset)}, work folder {size(found.disk_work)}{earlier}")
    if found.cost is not None:
        out.print(f"cost      {found.cost:.2f} US dollars so far")
    for name, commit in found.models.items():
        out.print(f"model     {name} is {commit[:12]}")


def _show_state(found: BuildStatus) -> None:
    again = "run the same 'artsim build' again to go on"
    where = found.running.name if found.running else ""
    if found.running and found.running.pace:
        pace = f"{found.running.pace:,.1f} rows/s, newest shard {duration(found.running.age or 0)} ago"
        where += f": {pace}" if found.state == "stalled" else f": {duration(found.running.eta or 0)} left, {pace}"
    text = {
        "starting": "no stage has begun",
        "running": f"running   {where}",
        "stalled": f"[yellow]stalled[/yellow]   {where}; if it is not running, {again}",
        "assembling": f"all stages are done, the data set is not in place yet; if it is not running, {again}",
        "finished": f"[green]finished[/green]  {found.out}",
    }[found.state]
    out.print(text)


@app.command("doctor", short_help="Show what is installed and missing, and what to run.")
@command
def doctor_command(
    preset: Annotated[str | None, typer.Option(help="Only this preset; exits with 1 when it is not ready.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="stage.key=value, over the preset.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nothing of the Hub.")] = False,
    as_json: JSON = False,
) -> None:
    """Show what each preset needs, what of it is here, and the command to run next.

    Packages, models, licences to accept, disk, GPU memory, keys. It loads no model and downloads nothing.

    Example:  artsim doctor --preset paper
    """
    from builder.doctor import examine, packages
    from builder.presets import PRESETS

    machine, reports = examine([preset] if preset else list(PRESETS), settings or (), offline)
    if as_json:
        told = [{**asdict(report), "ready": report.ready} for report in reports]
        print_json({"machine": asdict(machine), "presets": told})
    else:
        _show_machine(machine, packages("base"), packages("train"))
        for report in reports:
            _show_preset(report)
    if preset and not reports[0].ready:
        raise typer.Exit(1)


WIDTH = 80
MODEL_STATES = {
    "local": "local folder",
    "cached": "in the cache",
    "reachable": "on the Hub",
    "gated": "gated",
    "absent": "not on the Hub",
    "unreachable": "not in the cache",
    "not asked": "not in the cache",
}


def _show_machine(machine: Machine, base: list[Package], training: list[Package]) -> None:
    _line("packages", _listed(base))
    gpus = ", ".join(f"{name} {memory:.1f} GB" for name, memory in machine.gpus)
    nothing = "none that torch sees" if machine.device else "none seen"
    _line("GPU", gpus or nothing)
    _line("disk", f"{machine.disk_free_gb:.1f} GB free where models are kept")
    _line("API key", f"OPENAI_API_KEY is {'set' if machine.openai_key else 'not set'}")
    lacking = [package.name for package in training if package.version is None]
    _line("training", f"not installed: {', '.join(lacking)}; pip install 'artsim[train]'" if lacking else "ready")


def _show_preset(report: PresetReport) -> None:
    out.print(f"\n[bold]{report.preset}[/bold]  {'[green]ready[/green]' if report.ready else '[red]not ready[/red]'}")
    for extra, found in report.packages.items():
        if extra != "base":
            _line(extra, _listed(found))
    for model in report.models:
        out.print(f"{model.stage:<10}{model.model:<44} {_model_state(model)}", markup=False)
    if report.gpu_gb is not None:
        _line("GPU", f"about {report.gpu_gb:.1f} GB for the largest stage; one model is loaded at a time")
    for problem in report.problems:
        _line("missing", problem, "red")
    for warning in report.warnings:
        _line("note", warning, "yellow")
    out.print(Text.assemble(("next: ", "cyan"), report.next))


def _listed(found: list[Package]) -> str:
    return ", ".join(f"{package.name} {package.version or '(not installed)'}" for package in found)


def _model_state(model: ModelCheck) -> str:
    state = MODEL_STATES[model.state]
    fetched = model.state not in ("local", "cached", "absent")
    return f"{state}, {model.download_gb:.1f} GB" if fetched and model.download_gb else state


def _line(name: str, text: str, style: str = "") -> None:
    """A name and what is said of it, folded so that it fits the screen; addresses stay whole."""
    lines = textwrap.wrap(text, WIDTH - 10, break_long_words=False, break_on_hyphens=False)
    for number, line in enumerate(lines):
        out.print(Text.assemble((f"{'' if number else name:<10}", style), line))


def size(count: float) -> str:
    """Bytes for a person, in powers of 1000 as disks are sold.

    >>> size(812), size(34_984_000), size(1.2e10)
    ('812 B', '35.0 MB', '12.0 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"


def duration(seconds: float) -> str:
    """Seconds for a person, in two units at most.

    >>> duration(7.4), duration(190), duration(7260), duration(200_000)
    ('7 s', '3 min 10 s', '2 h 1 min', '2 d 7 h')
    """
    whole = round(seconds)
    for name, unit, below, small in (("d", 86400, 3600, "h"), ("h", 3600, 60, "min"), ("min", 60, 1, "s")):
        if whole >= unit:
            return f"{whole // unit} {name} {whole % unit // below} {small}"
    return f"{whole} s"
