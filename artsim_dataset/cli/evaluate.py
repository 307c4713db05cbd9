"""`artsim evaluate`: how well variants find their paintings, as is and perturbed."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from artsim_dataset.cli import app
from artsim_dataset.cli.detector import run_evaluate_detector
from artsim_dataset.cli.learning import DATASET, JSON, SEED, check_out_folder, pairs, reports, require_extra
from artsim_dataset.cli.retrieval import run_protocol
from artsim_dataset.cli.terminal import command, err, out, print_json, shown
from artsim_dataset.errors import ConfigError

if TYPE_CHECKING:
    from datasets import Dataset

    from artsim_dataset.evaluate import Evaluation
    from artsim_dataset.model import SimilarityModel


@app.command("evaluate", short_help="Measure how well variants find their paintings.")
@command
def evaluate_command(
    dataset: DATASET,
    model: Annotated[str | None, typer.Option(help="A model that 'artsim train' made: folder or Hub id.")] = None,
    encoder: Annotated[str | None, typer.Option(help="A bare encoder instead of a model.")] = None,
    detector: Annotated[Path | None, typer.Option(help="A detector, on the test side of real_vs_ai.")] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="train, test or train+test.",
            show_default="test without what the model was trained on, or what it held out",
        ),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Folder for a report with pictures and plots.")] = None,
    protocol: Annotated[
        str | None,
        typer.Option(help="csd: retrieval of artists and genres (arXiv 2404.01292) instead; also on folders."),
    ] = None,
    word_vectors: Annotated[
        Path | None, typer.Option(help="With --protocol csd on domain/class folders: word vectors as text.")
    ] = None,
    seed: SEED = 42,
    as_json: JSON = False,
) -> None:
    """Measure how well variants find their paintings, as is and perturbed.

    Perturbed: the variant is cropped to 75 to 95 % of each side and mirrored half of the time. Variants keep the
    layout of their painting, so these are the honest numbers.

    Example:  artsim evaluate my-dataset --model my-model --report my-report
    """
    require_extra("artsim evaluate")
    if [model, encoder, detector].count(None) != 2:
        raise ConfigError("give one of --model FOLDER, --encoder NAME and --detector FOLDER")
    if detector is not None:
        if split or report or protocol or word_vectors:
            raise ConfigError(
                "a detector is evaluated on the test side, without --split, --report, --protocol and --word-vectors"
            )
        run_evaluate_detector(dataset, detector, seed, as_json)
        return
    if word_vectors is not None and protocol is None:
        raise ConfigError("--word-vectors is for --protocol csd")
    if protocol is not None:
        if report:
            raise ConfigError("--protocol prints its numbers; --report is for the evaluation of variants")
        run_protocol(dataset, protocol, model, encoder, split, word_vectors, seed, as_json)
        return
    evaluation = run_evaluate(dataset, model=model, encoder=encoder, split=split, seed=seed, report=report)
    if as_json:
        print_json(evaluation.to_json())
        return
    show(evaluation)
    if report:
        out.print(f"\nThe report: [bold]{shown(report / 'index.html')}[/bold]")


def run_evaluate(
    dataset: str | Path,
    *,
    model: str | Path | None = None,
    encoder: str | None = None,
    split: str | None = None,
    seed: int = 42,
    report: Path | None = None,
) -> Evaluation:
    """Evaluates with bars on the terminal, and writes the report when a folder is given.

    Without ``split`` a model that was trained on a split of its own is evaluated on the paintings that it held out, and
    none on paintings that it was trained on, as the test side of another data set may have them.
    """
    from artsim_dataset.encoders import get_encoder
    from artsim_dataset.evaluate import evaluate
    from artsim_dataset.model import SimilarityModel, load_model
    from artsim_dataset.schema import painting_id_of

    if report:
        check_out_folder(report, "--report")
    subject = load_model(model) if model else get_encoder(encoder or "lite")
    held_out = subject.held_out() if isinstance(subject, SimilarityModel) and split is None else None
    chosen, split = split, split or ("train+test" if held_out else "test")
    rows = pairs(dataset, split)
    if held_out:
        rows = rows.filter(lambda id_: painting_id_of(id_) in held_out, input_columns="id", keep_in_memory=True)
        if not len(rows):
            raise ConfigError(f"{dataset} has none of the paintings that {model} held out; give --split test")
    elif isinstance(subject, SimilarityModel) and not chosen:
        rows = _unseen(rows, subject, dataset)
    with reports() as progress:
        evaluation = evaluate(rows, subject, seed, Path(dataset).name, split, progress=progress)
        evaluation = replace(evaluation, held_out=bool(held_out))
    if report:
        from artsim_dataset.report import write_report

        write_report(evaluation, dataset, report, shlex.join(["artsim", *sys.argv[1:]]))
    return evaluation


def _unseen(rows: Dataset, model: SimilarityModel, dataset: str | Path) -> Dataset:
    """The rows of paintings that the model was neither trained nor validated on; says how many others there are."""
    from artsim_dataset.schema import painting_id_of

    seen = {*model.parts.get("train", ()), *model.parts.get("validation", ())}
    kept = [at for at, id_ in enumerate(rows["id"]) if painting_id_of(id_) not in seen]
    if not kept:
        raise ConfigError(
            f"{model.name} was trained on all paintings to test on in {dataset}; give --split test for them"
        )
    if left_out := len(rows) - len(kept):
        err.print(f"{left_out:,} variants of paintings that {shown(model.name)} was trained on are left out")
    return rows.select(kept) if left_out else rows


def show(evaluation: Evaluation) -> None:
    """The short table: the model and its encoder without a head, as is and perturbed, with 95 % intervals."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("metric")
    for name in ("as is", "perturbed"):
        table.add_column(name, justify="right")
        table.add_column("95 %", style="dim")
    for metric in ("triplet_accuracy", "triplet_accuracy_same_genre", "recall@1"):
        name = metric.replace("_same_genre", ", same genre")
        for label, one in ((name, evaluation), ("  without the head", evaluation.baseline)):
            if one is None or metric not in one.as_is.numbers:
                continue
            cells = []
            for scores in (one.as_is, one.perturbed):
                low, high = scores.ci[metric]
                cells += [f"{scores.numbers[metric]:.4f}", f"{low:.3f} to {high:.3f}"]
            table.add_row(label, *cells)
    part = "held out by the model" if evaluation.held_out else f"split '{evaluation.split}'"
    out.print(f"{evaluation.n_variants} variants of {evaluation.n_paintings} paintings, {part}:")
    out.print(table)
