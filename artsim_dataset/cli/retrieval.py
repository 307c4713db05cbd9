"""`artsim evaluate --protocol csd`: how well pictures find others of their artist, genre or domain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from artsim_dataset.cli.learning import pairs, reports
from artsim_dataset.cli.terminal import out, print_json, shown
from artsim_dataset.errors import ConfigError

if TYPE_CHECKING:
    from artsim_dataset.retrieval.evaluate import RetrievalEvaluation
    from artsim_dataset.retrieval.sources import Source

PROTOCOLS = ("csd",)
METRICS = ("csd_map", "map", "recall", "mrr", "mrr_all")


def run_protocol(
    dataset: str,
    protocol: str,
    model: str | None,
    encoder: str | None,
    split: str | None,
    word_vectors: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Evaluates with bars on the terminal, and prints a table or JSON.

    Without a split the queries are the data set's test split and the database its train split; with one, both are
    drawn from it.
    """
    if protocol not in PROTOCOLS:
        raise ConfigError(f"no protocol '{protocol}'; there is: --protocol csd")
    from artsim_dataset.encoders import get_encoder
    from artsim_dataset.model import load_model
    from artsim_dataset.retrieval.evaluate import evaluate_retrieval

    source = _source(dataset, split, word_vectors, seed)
    subject = load_model(model) if model else get_encoder(encoder or "lite")
    with reports() as progress:
        found = evaluate_retrieval(source, subject, seed, Path(dataset).resolve().name, progress=progress)
    if as_json:
        print_json(found.to_json())
    else:
        show(found)


def _source(dataset: str, split: str | None, word_vectors: Path | None, seed: int) -> Source:
    """A folder without a build in it is one of pictures."""
    from artsim_dataset.retrieval.sources import dataset_source, folder_source

    folder = Path(dataset)
    if folder.is_dir() and not (folder / "build.json").exists():
        if split:
            raise ConfigError(f"{dataset} is a folder of pictures and has no splits: leave --split out")
        return folder_source(folder, seed, word_vectors)
    if word_vectors is not None:
        raise ConfigError("--word-vectors divides the classes of a folder laid out as domain/class/picture.jpg")
    if split:
        return dataset_source(pairs(dataset, split), seed)
    return dataset_source(pairs(dataset, "train+test"), seed, test=pairs(dataset, "test"))


def show(found: RetrievalEvaluation) -> None:
    """A table for each task: the model, the bare encoder beside it, and 95 % intervals."""
    out.print(f"{shown(found.dataset)}: {shown(found.split)}")
    for name, task in found.tasks.items():
        bare = found.baseline.get(name)
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("metric")
        table.add_column(shown(found.model or found.encoder), justify="right")
        table.add_column("95 %", style="dim")
        if bare:
            table.add_column("without the head", justify="right")
            table.add_column("95 %", style="dim")
        for metric in METRICS:
            for key in (key for key in task.numbers if key.startswith(f"{metric}@")):
                cells = []
                for one in (task, bare) if bare else (task,):
                    low, high = one.ci[key]
                    cells += [f"{one.numbers[key]:.4f}", f"{low:.3f} to {high:.3f}"]
                table.add_row(key, *cells)
        out.print(
            f"\n[bold]{name}[/bold]: {task.queries:,} queries of {task.classes:,} labels, {task.dropped:,} dropped, "
            f"{task.database:,} in the database, chance {task.chance:.4f}"
        )
        out.print(table)
