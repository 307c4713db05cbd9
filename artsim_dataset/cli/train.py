"""`artsim train`: from a data set to a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from artsim_dataset.cli import app
from artsim_dataset.cli.learning import DATASET, ENCODER, JSON, SEED, pairs, reports, require_extra
from artsim_dataset.cli.terminal import command, out, print_json

if TYPE_CHECKING:
    from artsim_dataset.train.config import TrainResult

train_app = typer.Typer(no_args_is_help=True, help="Train a model on a data set.")
app.add_typer(train_app, name="train")


@train_app.command("siamese")
@command
def siamese_command(
    dataset: DATASET,
    out_dir: Annotated[Path, typer.Option("--out", "-o", help="Folder of the model.")],
    encoder: ENCODER = "lite",
    head: Annotated[str, typer.Option(help="linear, or the mlp of the Siamese CLIP.")] = "linear",
    epochs: Annotated[int, typer.Option(help="At most; it stops early.")] = 40,
    seed: SEED = 42,
    as_json: JSON = False,
) -> None:
    """Train a head on cached embeddings, so that a painting and its variants lie close together.

    The result is a SentenceTransformer folder with safetensors weights.

    Example:  artsim train siamese my-dataset --out my-model
    """
    require_extra("artsim train")
    result = run_train(dataset, out_dir, encoder=encoder, head=head, epochs=epochs, seed=seed)
    best = result.history[result.best_epoch]
    if as_json:
        print_json(
            {
                "model": str(out_dir),
                "best_epoch": result.best_epoch,
                "seconds": result.seconds,
                "history": result.history,
            }
        )
        return
    out.print(
        f"Trained on {result.paintings:,} paintings and their variants, validated on {result.validation_paintings:,}"
        f" others: recall@1 {best['validation_recall@1']:.3f} at epoch {result.best_epoch} ({result.seconds:.0f} s)"
    )
    out.print(f"[bold]{out_dir}[/bold]  next: [cyan]artsim evaluate {dataset} --model {out_dir}[/cyan]")


def run_train(
    dataset: str | Path, out_dir: Path, *, encoder: str = "lite", head: str = "linear", epochs: int = 40, seed: int = 42
) -> TrainResult:
    """Trains with bars on the terminal. The command and the demo share it."""
    from artsim_dataset.encoders import get_encoder
    from artsim_dataset.train.config import TrainConfig
    from artsim_dataset.train.siamese import train_siamese

    config = TrainConfig(head=head, epochs=epochs, seed=seed)
    rows = pairs(dataset, "train")
    with reports() as progress:
        return train_siamese(rows, get_encoder(encoder), config, out_dir, progress, dataset_name=Path(dataset).name)
