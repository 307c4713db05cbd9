"""`artsim report`: a page about a data set."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from artsim_dataset.cli import app
from artsim_dataset.cli.learning import DATASET, JSON, check_out_folder
from artsim_dataset.cli.terminal import bars, command, out, print_json, shown


@app.command("report", short_help="A page about a data set: pictures, counts, rejects.")
@command
def report_command(
    dataset: DATASET,
    to: Annotated[
        Path | None, typer.Option("--out", help="Folder of the page.", show_default="NAME-report, here")
    ] = None,
    as_json: JSON = False,
) -> None:
    """Write a page about a data set: contact sheets, counts, sizes, palettes, prompts, duplicates, rejects.

    index.html is one file that opens offline and prints; report.json and report.md beside it hold the same numbers.
    Of a model's results, 'artsim evaluate DATASET --report FOLDER' writes such a page.

    Example:  artsim report my-dataset
    """
    from artsim_dataset.report import write_data_report
    from builder.models.clip_tokens import count

    folder = to or Path(f"{Path(dataset).resolve().name}-report")
    check_out_folder(folder)
    line = shlex.join(["artsim", *sys.argv[1:]])
    with bars() as watch:
        report = write_data_report(dataset, folder, line, count, watch)
    if as_json:
        print_json(report)
        return
    out.print(f"{report['paintings']:,} paintings, {report['variants']:,} variants, {report['rejected']:,} rejects.")
    out.print(f"The report: [bold]{shown(folder / 'index.html')}[/bold]")
