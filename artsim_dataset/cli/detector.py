"""`artsim train detector` and `artsim detect`: was this picture painted or generated?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from artsim_dataset.cli import app
from artsim_dataset.cli.learning import ENCODER, JSON, SEED, check_out_folder, quiet_datasets, reports, require_extra
from artsim_dataset.cli.terminal import command, out, print_json, shown
from artsim_dataset.cli.train import train_app

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artsim_dataset.detector.scores import DetectorScores

COLUMNS = ("accuracy", "precision", "recall", "f1", "roc_auc", "ece")


@train_app.command("detector")
@command
def detector_command(
    datasets: Annotated[
        list[str], typer.Argument(help="Data sets, folders or Hub ids; several for several generators.")
    ],
    out_dir: Annotated[Path, typer.Option("--out", "-o", help="Folder of the detector.")],
    encoder: ENCODER = "lite",
    head: Annotated[str, typer.Option(help="linear or mlp on the encoder, or cnn on pixels, without one.")] = "linear",
    epochs: Annotated[int, typer.Option(help="At most; it stops early.")] = 40,
    leave_one_out: Annotated[
        bool, typer.Option(help="With several generators, also train once without each and test on it.")
    ] = True,
    seed: SEED = 42,
    as_json: JSON = False,
) -> None:
    """Train a detector that tells AI variants from paintings, and measure how far it carries.

    Both classes go through one decode, size and JPEG first. A detector is good on generators that it knows; how it does
    on one that it never saw is the second table.

    Example:  artsim train detector my-dataset other-dataset --out my-detector
    """
    require_extra("artsim train")
    check_out_folder(out_dir)
    from artsim_dataset.encoders import get_encoder
    from artsim_dataset.train.detector import DetectorConfig, train_detector

    quiet_datasets()
    config = DetectorConfig(head=head, epochs=epochs, seed=seed)
    with reports() as progress:
        chosen = None if head == "cnn" else get_encoder(encoder)
        result = train_detector(datasets, chosen, config, out_dir, progress, leave_one_out=leave_one_out)
    if as_json:
        print_json({"model": str(out_dir), "seconds": result.seconds, **result.detector.facts})
        return
    out.print(f"Trained on {result.images:,} images; best epoch {result.best_epoch} ({result.seconds:.0f} s)")
    show_scores("generator", result.evaluation.generators)
    if result.leave_one_out:
        show_scores("unseen generator", {row.generator: row.unseen for row in result.leave_one_out})
    out.print(f"\n{shown(result.detector.warning)}")
    out.print(f"[bold]{shown(out_dir)}[/bold]  next: [cyan]artsim detect IMAGE --model {shown(out_dir)}[/cyan]")


@app.command("detect", short_help="Say how likely a picture is AI-made.")
@command
def detect_command(
    images: Annotated[list[Path], typer.Argument(help="Pictures.", show_default=False)],
    model: Annotated[Path, typer.Option(help="A detector that 'artsim train detector' made.")],
    as_json: JSON = False,
) -> None:
    """Print how likely each picture is AI-made, from 0 to 1, if one of two such pictures is.

    Only generators that the detector was trained on are known to it: read its card, and accuse nobody.

    Example:  artsim detect picture.jpg --model my-detector
    """
    require_extra("artsim detect")
    from artsim_dataset.detector.model import BATCH, load_detector
    from artsim_dataset.images import open_image

    detector = load_detector(model)
    found: list[float] = []
    for at in range(0, len(images), BATCH):
        found += detector.probability([open_image(path) for path in images[at : at + BATCH]]).tolist()
    if as_json:
        rows = [{"image": str(path), "probability": value} for path, value in zip(images, found, strict=True)]
        print_json({"model": str(model), "warning": detector.warning, "images": rows})
        return
    for path, value in zip(images, found, strict=True):
        out.print(f"{value:.3f}  {shown(path)}")
    out.print(f"[dim]{shown(detector.warning)}[/dim]")


def run_evaluate_detector(dataset: str, model: Path, seed: int, as_json: bool) -> None:
    """What `artsim evaluate DATASET --detector MODEL` does and prints."""
    from artsim_dataset.detector.evaluate import evaluate_detector
    from artsim_dataset.detector.model import load_detector

    quiet_datasets()
    detector = load_detector(model)
    with reports() as progress:
        evaluation = evaluate_detector([dataset], detector, seed, progress=progress)
    if as_json:
        print_json({"model": str(model), "warning": detector.warning, **evaluation.to_json()})
        return
    out.print(f"{evaluation.images} images of {evaluation.paintings} paintings, test side of real_vs_ai:")
    if evaluation.left_out:
        out.print(f"({evaluation.left_out} images of paintings that it was trained on are left out)")
    known = set(detector.facts["generators"])
    names = {name: name if name in known else f"{name} (unseen)" for name in evaluation.generators}
    show_scores("generator", {names[name]: scores for name, scores in evaluation.generators.items()})
    degraded = {f"{name}: {names[g]}": scores for name, by in evaluation.robustness.items() for g, scores in by.items()}
    show_scores("degraded", degraded)
    for generator, formats in evaluation.formats.items():
        found = ", ".join(f"{where} {baseline.roc_auc['header']:.3f}" for where, baseline in formats.items())
        out.print(f"ROC-AUC by file headers alone, {shown(generator)}: {found}")
    out.print(f"\n{shown(detector.warning)}")


def show_scores(first: str, scores: Mapping[str, DetectorScores]) -> None:
    """A line for each name, with the 95 % interval of the accuracy."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first)
    for name in COLUMNS:
        table.add_column(name, justify="right")
        if name == "accuracy":
            table.add_column("95 %", style="dim")
    for name, found in scores.items():
        cells = [f"{found.numbers[column]:.3f}" for column in COLUMNS]
        low, high = found.ci["accuracy"]
        cells.insert(1, f"{low:.2f} to {high:.2f}")
        table.add_row(shown(name), *cells)
    out.print(table)
