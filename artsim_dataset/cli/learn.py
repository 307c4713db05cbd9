"""`artsim encode`, `train`, `evaluate`, `compare`: from a data set to a model and its numbers."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from artsim_dataset.cli import app
from artsim_dataset.cli.terminal import StageBars, bars, command, out, print_json
from artsim_dataset.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    from datasets import Dataset

    from artsim_dataset.encoders.embed import Progress
    from artsim_dataset.evaluate import Evaluation
    from artsim_dataset.train.siamese import TrainResult

train_app = typer.Typer(no_args_is_help=True, help="Train a model on a data set.")
app.add_typer(train_app, name="train")

DATASET = Annotated[str, typer.Argument(help="A folder that 'artsim build' made, or a Hub id.", show_default=False)]
ENCODER = Annotated[str, typer.Option(help="What turns an image into an embedding.")]
JSON = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
SEED = Annotated[int, typer.Option(help="Draws splits, views and batches.")]
SPLIT = Annotated[str, typer.Option(help="train, test, or train+test for all rows.")]


@app.command("encode")
@command
def encode_command(
    dataset: DATASET, encoder: ENCODER = "lite", split: SPLIT = "train+test", as_json: JSON = False
) -> None:
    """Compute the embeddings of a data set once; every later command finds them in the cache.

    Example:  artsim encode my-dataset --encoder lite
    """
    require_extra("artsim encode")
    from artsim_dataset.encoders import get_encoder
    from artsim_dataset.encoders.cache import EmbeddingCache
    from artsim_dataset.encoders.embed import PairRows, Wanted, embed
    from artsim_dataset.views import FULL

    rows = PairRows(_pairs(dataset, split))
    chosen = get_encoder(encoder)
    wanted = [Wanted(int(row), "original", FULL) for row in rows.first_row]
    wanted += [Wanted(row, "generated", FULL) for row in range(len(rows))]
    with _progress() as progress:
        embed(rows, wanted, chosen, EmbeddingCache(chosen), progress)
    facts = {"encoder": chosen.name, "revision": chosen.revision, "dim": chosen.dim, "embeddings": len(wanted)}
    if as_json:
        print_json(facts)
    else:
        out.print(f"{len(wanted):,} embeddings of {chosen.dim} numbers by '{chosen.name}' are in the cache")


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


@app.command("evaluate")
@command
def evaluate_command(
    dataset: DATASET,
    model: Annotated[Path | None, typer.Option(help="A model that 'artsim train' made.")] = None,
    encoder: Annotated[str | None, typer.Option(help="A bare encoder instead of a model.")] = None,
    split: SPLIT = "test",
    report: Annotated[Path | None, typer.Option(help="Folder for a report with pictures and plots.")] = None,
    seed: SEED = 42,
    as_json: JSON = False,
) -> None:
    """Measure how well variants find their paintings, as is and perturbed.

    Perturbed: the variant is cropped to 75 to 95 % of each side and mirrored half of the time. Variants keep the
    layout of their painting, so these are the honest numbers.

    Example:  artsim evaluate my-dataset --model my-model --report my-report
    """
    require_extra("artsim evaluate")
    if (model is None) == (encoder is None):
        raise ConfigError("give either --model FOLDER or --encoder NAME")
    evaluation = run_evaluate(dataset, model=model, encoder=encoder, split=split, seed=seed, report=report)
    if as_json:
        print_json(evaluation.to_json())
        return
    show(evaluation)
    if report:
        out.print(f"\nThe report: [bold]{report / 'index.html'}[/bold]")


@app.command("compare")
@command
def compare_command(
    first: Annotated[Path, typer.Argument(help="An image.", show_default=False)],
    second: Annotated[Path, typer.Argument(help="Another image.", show_default=False)],
    model: Annotated[Path | None, typer.Option(help="A trained model; the bare encoder without.")] = None,
    encoder: ENCODER = "lite",
    as_json: JSON = False,
) -> None:
    """Print the cosine similarity of two images, from -1 to 1.

    Example:  artsim compare one.jpg other.jpg --model my-model
    """
    require_extra("artsim compare")
    from artsim_dataset.encoders import get_encoder
    from artsim_dataset.images import open_image
    from artsim_dataset.model import load_model, unit

    pictures = [open_image(first), open_image(second)]
    vectors = load_model(model).encode(pictures) if model else unit(get_encoder(encoder).encode(pictures))
    similarity = float(vectors[0] @ vectors[1])
    if as_json:
        print_json({"similarity": similarity, "images": [str(first), str(second)], "model": str(model or encoder)})
    else:
        out.print(f"{similarity:.4f}")


def run_train(
    dataset: str | Path, out_dir: Path, *, encoder: str = "lite", head: str = "linear", epochs: int = 40, seed: int = 42
) -> TrainResult:
    """Trains with bars on the terminal. The command and the demo share it."""
    from artsim_dataset.encoders import get_encoder
    from artsim_dataset.train.siamese import TrainConfig, train_siamese

    config = TrainConfig(head=head, epochs=epochs, seed=seed)
    rows = _pairs(dataset, "train")
    with _progress() as progress:
        return train_siamese(rows, get_encoder(encoder), config, out_dir, progress, dataset_name=Path(dataset).name)


def run_evaluate(
    dataset: str | Path,
    *,
    model: Path | None = None,
    encoder: str | None = None,
    split: str = "test",
    seed: int = 42,
    report: Path | None = None,
) -> Evaluation:
    """Evaluates with bars on the terminal, and writes the report when a folder is given."""
    from artsim_dataset.encoders import get_encoder
    from artsim_dataset.evaluate import evaluate
    from artsim_dataset.model import load_model

    rows = _pairs(dataset, split)
    subject = load_model(model) if model else get_encoder(encoder or "lite")
    with _progress() as progress:
        evaluation = evaluate(rows, subject, seed, Path(dataset).name, split, progress=progress)
    if report:
        from artsim_dataset.report import write_report

        write_report(evaluation, dataset, report, shlex.join(["artsim", *sys.argv[1:]]))
    return evaluation


def show(evaluation: Evaluation) -> None:
    """The short table: the model and its encoder without a head, as is and perturbed, with 95 % intervals."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("metric")
    for name in ("as is", "perturbed"):
        table.add_column(name, justify="right")
        table.add_column("95 %", style="dim")
    for metric in ("triplet_accuracy", "recall@1"):
        for label, one in ((metric, evaluation), ("  without the head", evaluation.baseline)):
            if one is None:
                continue
            cells = []
            for scores in (one.as_is, one.perturbed):
                low, high = scores.ci[metric]
                cells += [f"{scores.numbers[metric]:.4f}", f"{low:.3f} to {high:.3f}"]
            table.add_row(label, *cells)
    out.print(f"{evaluation.n_variants} variants of {evaluation.n_paintings} paintings, split '{evaluation.split}':")
    out.print(table)


def first_triplet(dataset: Path) -> dict[str, Any]:
    """Loads the triplets as a user does, and tells what is there."""
    from artsim_dataset.load import load_artsim

    _quiet_datasets()
    loaded: Any = load_artsim(dataset, "triplets", split="train")
    return {"rows": len(loaded), "columns": len(loaded.column_names), "anchor_id": loaded[0]["anchor_id"]}


def require_extra(what: str) -> None:
    """Says which extra is missing before any work is done."""
    if find_spec("torch") is None or find_spec("efficientnet_lite_pytorch") is None:
        raise MissingExtra(what, "train")


def _pairs(dataset: str | Path, split: str) -> Dataset:
    from artsim_dataset.load import load_artsim

    _quiet_datasets()
    if not set(split.split("+")) <= {"train", "test"}:
        raise ConfigError(f"no split '{split}'; splits are: train, test, train+test")
    loaded: Any = load_artsim(dataset, "pairs", split=split)
    return loaded


def _quiet_datasets() -> None:
    """Our own bars are enough."""
    import datasets

    datasets.disable_progress_bars()


@contextmanager
def _progress() -> Iterator[Progress]:
    """Bars for the library's ``(what, done, total)`` reports."""
    with bars() as shown:
        yield _Reports(shown)


class _Reports:
    def __init__(self, shown: StageBars) -> None:
        self._shown = shown
        self._what, self._done = "", 0

    def __call__(self, what: str, done: int, total: int) -> None:
        if what != self._what:
            self._shown.stage(what, total, 0)
            self._what, self._done = what, 0
        self._shown.advance(done - self._done)
        self._done = done
