"""`artsim export`: a data set as loose files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, get_args

import typer

from artsim_dataset.cli import app
from artsim_dataset.cli.terminal import bars, command, out, print_json
from artsim_dataset.errors import ConfigError


@app.command("export")
@command
def export_command(
    dataset: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that 'artsim build' made.")],
    format: Annotated[str, typer.Option("--format", "-f", help="imagefolder or csv.")],
    out_dir: Annotated[Path, typer.Option("--out", "-o", help="Folder of the files; the same one resumes.")],
    size: Annotated[
        int | None, typer.Option(help="Side of imagefolder's squares in pixels. 256 when not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write the images as loose files, for tools that read folders.

    imagefolder: ai/ and original/, squares of one size without bars, both classes encoded alike.
    csv: images/{genre}/ at full size, with data.csv and metadata.csv.

    Example:  artsim export my-dataset --format imagefolder --out my-images
    """
    from artsim_dataset.export import Format, export

    if format not in get_args(Format):
        raise ConfigError(f"no format '{format}'; formats are: {', '.join(get_args(Format))}")
    with bars() as shown:
        result = export(dataset, format, out_dir, size, shown)  # type: ignore[arg-type] # checked above
    if as_json:
        print_json(asdict(result))
        return
    counts = ", ".join(f"{folder}/ {count:,}" for folder, count in result.images.items())
    kept = f" ({result.kept:,} were there already)" if result.kept else ""
    out.print(f"[bold]{result.out}[/bold]: {counts} images{kept}")
    if result.format == "imagefolder":
        out.print(f'Load it: [cyan]load_dataset("imagefolder", data_dir="{result.out}")[/cyan]')
