"""`artsim export`: a data set as loose files, or as tars."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, get_args

import typer

from artsim_dataset.cli import app
from artsim_dataset.cli.learning import check_out_folder
from artsim_dataset.cli.terminal import bars, command, out, print_json, shown
from artsim_dataset.errors import ConfigError


@app.command("export", short_help="Write the images as loose files or as tars.")
@command
def export_command(
    dataset: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that 'artsim build' made.")],
    format: Annotated[str, typer.Option("--format", "-f", help="imagefolder, csv or webdataset.")],
    out_dir: Annotated[Path, typer.Option("--out", "-o", help="Folder of the files; the same one resumes.")],
    size: Annotated[
        int | None, typer.Option(help="Side of imagefolder's squares in pixels. 256 when not given.")
    ] = None,
    config: Annotated[
        str | None, typer.Option(help="What webdataset holds: pairs, triplets or triplets_hard. pairs when not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write the images as loose files, for tools that read folders, or as tars, for training that reads in order.

    imagefolder: ai/ and original/, squares of one size without bars, both classes encoded alike.
    csv: images/{genre}/ at full size, with data.csv and metadata.csv.
    webdataset: train-00000-of-000NN.tar, test-...: the images of a row and a .json of its texts under the variant's id.

    Example:  artsim export my-dataset --format imagefolder --out my-images
    """
    from artsim_dataset.export import Format, export

    if format not in get_args(Format):
        raise ConfigError(f"no format '{format}'; formats are: {', '.join(get_args(Format))}")
    check_out_folder(out_dir)
    with bars() as progress:
        result = export(dataset, format, out_dir, size, progress, config)  # type: ignore[arg-type] # checked above
    if as_json:
        print_json(asdict(result))
        return
    end = "" if format == "webdataset" else "/"
    counts = ", ".join(f"{shown(name)}{end} {count:,}" for name, count in result.images.items())
    files = result.written + result.kept
    tars = f" in {files:,} tar{'s' * (files > 1)}" if format == "webdataset" else ""
    kept = f" ({result.kept:,} were there already)" if result.kept else ""
    out.print(f"[bold]{shown(result.out)}[/bold]: {counts} images{tars}{kept}")
    if format in ("imagefolder", "webdataset"):
        out.print(f'Load it: [cyan]load_dataset("{format}", data_dir="{shown(result.out)}")[/cyan]')
