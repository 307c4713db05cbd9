"""`artsim train`: from a data set to a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from artsim_dataset.cli import app
from artsim_dataset.cli.learning import DATASET, ENCODER, JSON, SEED, check_out_folder, pairs, reports, require_extra
from artsim_dataset.cli.push import PRIVATE, PUSH, before_training, push_trained
from artsim_dataset.cli.terminal import command, out, print_json, shown
from artsim_dataset.errors import ConfigError

if TYPE_CHECKING:
    from artsim_dataset.train.config import TrainConfig, TrainResult

RECIPE = "the recipe's"
UNFROZEN_RATE = 1e-5
"""A learning rate that does not tear a trained encoder apart."""
train_app = typer.Typer(no_args_is_help=True, help="Train a model on a data set.")
app.add_typer(train_app, name="train")


@train_app.command("siamese")
@command
def siamese_command(
    dataset: DATASET,
    out_dir: Annotated[Path, typer.Option("--out", "-o", help="Folder of the model.")],
    encoder: ENCODER = "lite",
    recipe: Annotated[
        str, typer.Option(help="artsim, or s2: the Siamese CLIP, for a CLIP of 512 dimensions.")
    ] = "artsim",
    head: Annotated[str | None, typer.Option(help="linear, mlp or transformer.", show_default=RECIPE)] = None,
    captions: Annotated[
        bool | None,
        typer.Option("--captions/--no-captions", help="Train on captions too.", show_default=RECIPE),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="published (the data set's own), 80/20, 40/60 or artist-disjoint.", show_default=RECIPE),
    ] = None,
    mask_genre: Annotated[bool, typer.Option("--mask-genre", help="No negatives of the anchor's genre.")] = False,
    epochs: Annotated[int | None, typer.Option(help="At most; it stops early.", show_default=RECIPE)] = None,
    batch_size: Annotated[int | None, typer.Option(help="Paintings in a batch.", show_default=RECIPE)] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", "--lr", help="Of AdamW.", show_default=RECIPE)
    ] = None,
    unfreeze: Annotated[bool, typer.Option("--unfreeze", help="Train the encoder itself, not a head on it.")] = False,
    lora: Annotated[int, typer.Option(help="Train the encoder through LoRA of this rank.", min=0)] = 0,
    log: Annotated[str | None, typer.Option(help="Also log to tensorboard, trackio or wandb.")] = None,
    seed: SEED = 42,
    push: PUSH = None,
    private: PRIVATE = False,
    as_json: JSON = False,
) -> None:
    """Train a head on cached embeddings, or the encoder, so that a painting and its variants lie close together.

    The result is a SentenceTransformer folder with safetensors weights. A run that was stopped goes on with the same
    command.

    Example:  artsim train siamese my-dataset --out my-model
    """
    require_extra("artsim train")
    check_out_folder(out_dir)
    if (unfreeze or lora) and head:
        raise ConfigError("a head stands on an encoder that stays as it is: give --head, or --unfreeze, or --lora")
    if unfreeze and learning_rate is None:
        learning_rate = UNFROZEN_RATE
    given = {"head": head, "captions": captions, "split": split, "epochs": epochs, "batch_size": batch_size,
             "learning_rate": learning_rate}  # fmt: skip
    config = _config(recipe, {"mask_genre": mask_genre, "seed": seed, **given})
    data = before_training(dataset, push, private, None if unfreeze or lora else encoder)
    result = run_train(
        dataset, out_dir, encoder=encoder, config=config, end_to_end=unfreeze or lora > 0, lora=lora, tracker=log
    )
    pushed = push_trained(dataset, out_dir, push, private, data) if push else None
    best = result.history[result.best_epoch]
    if as_json:
        print_json(
            {
                "model": str(out_dir),
                "pushed": pushed,
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
    if pushed:
        out.print(f"Published: [bold]{shown(pushed)}[/bold]")
    where = shown(out_dir)
    out.print(f"[bold]{where}[/bold]  next: [cyan]artsim evaluate {shown(dataset)} --model {where}[/cyan]")


def _config(recipe: str, given: Mapping[str, Any]) -> TrainConfig:
    """The recipe's settings, but for those that were given."""
    from artsim_dataset.train.config import RECIPES

    if recipe not in RECIPES:
        raise ConfigError(f"no recipe '{recipe}'; recipes are: {', '.join(RECIPES)}")
    return replace(RECIPES[recipe], **{name: value for name, value in given.items() if value is not None})


def run_train(
    dataset: str | Path,
    out_dir: Path,
    *,
    encoder: str = "lite",
    config: TrainConfig | None = None,
    end_to_end: bool = False,
    lora: int = 0,
    tracker: str | None = None,
) -> TrainResult:
    """Trains with bars on the terminal. The command and the demo share it. ``end_to_end`` trains the encoder itself."""
    from artsim_dataset.encoders import get_encoder
    from artsim_dataset.model import PUBLISHED
    from artsim_dataset.train.config import TrainConfig
    from artsim_dataset.train.log import check_tracker
    from artsim_dataset.train.siamese import train_siamese

    config = config or TrainConfig()
    if tracker:
        check_tracker(tracker)
    rows = pairs(dataset, "train" if config.split == PUBLISHED else "train+test")
    name = Path(dataset).name
    with reports() as progress:
        if end_to_end:
            from artsim_dataset.train.end_to_end import train_end_to_end

            return train_end_to_end(rows, encoder, config, out_dir, lora, progress, name, tracker)
        return train_siamese(rows, get_encoder(encoder), config, out_dir, progress, dataset_name=name, tracker=tracker)
