"""`artsim demo`: the whole loop on a small set. It does nothing that the other commands do not do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.rule import Rule

from artsim_dataset.cli import app, build, evaluate, train
from artsim_dataset.cli.learning import quiet_datasets, require_extra
from artsim_dataset.cli.terminal import bars, command, err, out, print_json

PER_GENRE = 8


@app.command("demo", short_help="The whole loop on a small set, offline, in minutes.")
@command
def demo_command(
    source: Annotated[
        str | None, typer.Option("--source", "-s", help="Your paintings; a painted gallery without.")
    ] = None,
    out_dir: Annotated[Path, typer.Option("--out", "-o", help="Where everything goes.")] = Path("artsim-demo"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Paint, build, load, train, evaluate, report: the whole loop, offline, in minutes.

    Without --source a small gallery is painted by code. Run it again to resume or to look at the result.

    Example:  artsim demo --source paintings/ --out my-demo
    """
    started = time.perf_counter()
    require_extra("artsim demo")
    dataset, model, report = out_dir / "dataset", out_dir / "model", out_dir / "report"
    if source is None:
        _step(1, "Paint a gallery")
        source = str(paint_gallery(out_dir / "gallery"))
    _step(2, f"Build the data set from {source}")
    result = build.run_build(source, dataset)
    _step(3, "Load it as anyone would: load_dataset(folder, 'triplets')")
    first = first_triplet(dataset)
    err.print(f"{first['columns']} columns, {first['rows']} rows; the first anchor is {first['anchor_id']}")
    _step(4, "Train the siamese model on cached embeddings")
    train.run_train(dataset, model)
    _step(5, "Evaluate it on the test split, as is and perturbed")
    evaluation = evaluate.run_evaluate(dataset, model=model, report=report)
    seconds = time.perf_counter() - started
    if as_json:
        paths = {"dataset": str(dataset), "model": str(model), "report": str(report / "index.html")}
        numbers = {"rows": result.dataset.rows, "seconds": round(seconds, 1), "evaluation": evaluation.to_json()}
        print_json(paths | numbers)
        return
    err.print(Rule(style="dim"))
    evaluate.show(evaluation)
    build.show_rejects(result)
    out.print(f"\nThe report: [bold]{report / 'index.html'}[/bold]  ({seconds:.0f} s in all)\n\nNext:")
    out.print(f"  artsim compare IMAGE IMAGE --model {model}")
    out.print(f"  artsim evaluate {dataset} --encoder lite")
    out.print("  artsim build --source YOUR_PAINTINGS --out my-dataset")


def first_triplet(dataset: Path) -> dict[str, Any]:
    """Loads the triplets as a user does, and tells what is there."""
    from artsim_dataset.load import load_artsim

    quiet_datasets()
    loaded: Any = load_artsim(dataset, "triplets", split="train")
    return {"rows": len(loaded), "columns": len(loaded.column_names), "anchor_id": loaded[0]["anchor_id"]}


def paint_gallery(folder: Path) -> Path:
    """Paints the demo's gallery, unless it is there."""
    from artsim_dataset.schema import GENRES
    from builder.gallery import write_gallery

    with bars() as watcher:
        watcher.stage("paint", len(GENRES) * PER_GENRE, 0)
        for genre in GENRES:
            write_gallery(folder, per_genre=PER_GENRE, genres=(genre,))
            watcher.advance(PER_GENRE)
    return folder


def _step(number: int, text: str) -> None:
    err.print(f"\n[bold cyan]{number}[/bold cyan] [bold]{text}[/bold]")
