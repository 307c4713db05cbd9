"""`artsim validate`: whether a data set folder is what it says it is."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from artsim_dataset.cli import app
from artsim_dataset.cli.terminal import bars, command, out, print_json

if TYPE_CHECKING:
    from artsim_dataset.validate import Validation

WIDTH = 80


@app.command("validate", short_help="Check files, schema, splits, images and texts.")
@command
def validate_command(
    dataset: Annotated[
        str, typer.Argument(metavar="DIR", help="A data set folder, built or downloaded, or s3://bucket/name.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check a data set: files, schema, joins, splits, every image, and text that must not be published.

    It only reads. Exits with 0 when nothing is wrong, 1 when something is, 2 when DIR holds no data set.

    Example:  artsim validate my-dataset
    """
    from artsim_dataset.validate import validate
    from builder.models.clip_tokens import count

    with bars() as shown:
        found = validate(dataset, count, shown)
    if as_json:
        print_json({"dataset": str(dataset), "ok": found.ok, **asdict(found)})
    else:
        show(found)
    if not found.ok:
        raise typer.Exit(1)


def show(found: Validation) -> None:
    """One line when all is well; else a row for each check that found something, with the first example."""
    from artsim_dataset.validate.findings import KEPT

    size = f"{found.rows:,} rows, {found.images:,} images"
    if found.ok:
        out.print(f"[green]All {len(found.checks)} checks passed[/green]: {size}.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold", width=WIDTH)
    table.add_column("check", ratio=3, overflow="fold")
    table.add_column("number", justify="right", no_wrap=True)
    table.add_column("first example", ratio=6, overflow="fold")
    first = {finding.check: finding for finding in reversed(found.findings)}
    for check in found.checks:
        if check in first:
            finding = first[check]
            example = f"{finding.where}: {finding.message}" if finding.where else finding.message
            table.add_row(Text(check, style="red"), f"{found.numbers[check]:,}", Text(example))
    out.print(table, soft_wrap=False)
    out.print(f"\n[red]{len(found.numbers)} of {len(found.checks)} checks found something wrong[/red] in {size}.")
    out.print(f"--json lists the findings, the first {KEPT:,} of each check.")
