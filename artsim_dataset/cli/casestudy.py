"""`artsim casestudy`: how much of its artists' styles a text-to-image generator brings back."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from artsim_dataset.cli import app
from artsim_dataset.cli.learning import JSON, quiet_datasets, reports, require_extra
from artsim_dataset.cli.terminal import command, out, print_json, shown

TOP = 10


@app.command("casestudy", short_help="Measure how much of its artists a generator brings back.")
@command
def casestudy_command(
    config: Annotated[Path, typer.Option("--config", "-c", help="YAML: images, index, and model or encoder.")],
    out_dir: Annotated[Path, typer.Option("--out", "-o", help="Folder of the page, the JSON and the CSVs.")],
    as_json: JSON = False,
) -> None:
    """Measure style copying: similarity by artist, by kind of prompt, by subject, and against the artist's diversity.

    The images are a data set made by a text-to-image preset, the index is one with real works by the same artists:

        images: my-study

        index: my-dataset

    Example:  artsim casestudy --config study.yaml --out my-case-study
    """
    require_extra("artsim casestudy")
    from artsim_dataset.casestudy import read_config, run
    from artsim_dataset.casestudy.page import write_study

    settings = read_config(config)
    quiet_datasets()
    with reports() as progress:
        study, index, encoder = run(settings, progress)
    facts = {"images": Path(settings.images).name, "index": Path(settings.index).name, "encoder": encoder,
             "model": Path(settings.model).name if settings.model else None, "quality": dict(index.quality),
             "command": shlex.join(["artsim", *sys.argv[1:]])}  # fmt: skip
    page = write_study(study, facts, out_dir)
    if as_json:
        print_json(study.to_json() | facts)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("artist")
    for name in ("images", "GSS", "95 %", "others", "own", "recognised"):
        table.add_column(name, justify="right")
    table.add_column("style")
    for row in study.artists[:TOP]:
        low, high = row.gss_ci95
        table.add_row(shown(row.artist), str(row.images), f"{row.gss:.3f}", f"{low:.3f} to {high:.3f}",
                      f"{row.others:.3f}", f"{row.own:.3f}", f"{row.recognised:.0%}", row.verdict)  # fmt: skip
    out.print(table)
    if len(study.artists) > TOP:
        out.print(f"... and {len(study.artists) - TOP:,} more in {shown(out_dir / 'artists.csv')}", style="dim")
    if study.left_out:
        out.print(f"Left out, fewer than three works in the index: {shown(', '.join(study.left_out))}", style="dim")
    out.print(f"\nThe study: [bold]{shown(page)}[/bold]")
