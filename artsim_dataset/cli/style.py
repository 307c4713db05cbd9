"""`artsim train style`: from a data set to a style descriptor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from artsim_dataset.cli.learning import DATASET, ENCODER, JSON, SEED, check_out_folder, pairs, reports, require_extra
from artsim_dataset.cli.terminal import command, out, print_json, shown
from artsim_dataset.cli.train import train_app

if TYPE_CHECKING:
    from artsim_dataset.train.style import StyleConfig, StyleResult


@train_app.command("style")
@command
def style_command(
    dataset: DATASET,
    out_dir: Annotated[Path, typer.Option("--out", "-o", help="Folder of the model.")],
    encoder: ENCODER = "lite",
    head: Annotated[str, typer.Option(help="linear or mlp.")] = "linear",
    labels: Annotated[
        str, typer.Option(help="What pictures attract each other by: any of artist,genre,tags (found in captions).")
    ] = "artist,genre,tags",
    variant: Annotated[
        str, typer.Option(help="CSD's loss as in the paper, or as in the released code: paper or released.")
    ] = "paper",
    epochs: Annotated[int, typer.Option(help="At most; it stops early.")] = 60,
    seed: SEED = 42,
    as_json: JSON = False,
) -> None:
    """Train a head on cached embeddings, so that pictures of one artist or style lie close together.

    Learns from the originals of the train split alone. The best epoch is the one that finds the artists of paintings
    held out. A run that was stopped goes on with the same command.

    Example:  artsim train style my-dataset --out my-style
    """
    require_extra("artsim train")
    check_out_folder(out_dir)
    from artsim_dataset.train.style import StyleConfig

    kinds = tuple(kind.strip() for kind in labels.split(",") if kind.strip())
    config = StyleConfig(head=head, labels=kinds, variant=variant, epochs=epochs, seed=seed)
    result = run_style(dataset, out_dir, encoder=encoder, config=config)
    best, untrained = result.history[result.best_epoch], result.history[0]
    if as_json:
        print_json(
            {
                "model": str(out_dir),
                "best_epoch": result.best_epoch,
                "paintings": result.paintings,
                "validation_paintings": result.validation_paintings,
                "labels": result.labels,
                "seconds": result.seconds,
                "history": result.history,
            }
        )
        return
    out.print(
        f"Trained on {result.paintings:,} paintings with {result.labels:,} labels; {result.validation_paintings:,} more"
        f" find their artist with map@10 {best['validation_map@10']:.3f} at epoch {result.best_epoch}"
        f" ({untrained['validation_map@10']:.3f} before the first epoch; {result.seconds:.0f} s)"
    )
    where = shown(out_dir)
    again = f"artsim evaluate {shown(dataset)} --protocol csd --model {where}"
    out.print(f"[bold]{where}[/bold]  next: [cyan]{again}[/cyan]")


def run_style(dataset: str | Path, out_dir: Path, *, encoder: str, config: StyleConfig) -> StyleResult:
    """Trains with bars on the terminal."""
    from artsim_dataset.encoders import get_encoder
    from artsim_dataset.train.style import train_style

    rows = pairs(dataset, "train")
    with reports() as progress:
        return train_style(rows, get_encoder(encoder), config, out_dir, progress, dataset_name=Path(dataset).name)
