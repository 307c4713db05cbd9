"""What the commands of the learning side share: their options, the rows they read, their progress bars."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from artsim_dataset.cli.terminal import StageBars, bars
from artsim_dataset.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    from datasets import Dataset

    from artsim_dataset.encoders import Encoder
    from artsim_dataset.encoders.embed import Progress
    from artsim_dataset.model import SimilarityModel

DATASET = Annotated[str, typer.Argument(help="A folder that 'artsim build' made, or a Hub id.", show_default=False)]
ENCODER = Annotated[str, typer.Option(help="What turns an image into an embedding.")]
MODEL = Annotated[str | None, typer.Option(help="A trained model, folder or Hub id; the bare encoder without.")]
JSON = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
SEED = Annotated[int, typer.Option(help="Draws splits, views and batches.")]
SPLIT = Annotated[str, typer.Option(help="train, test, or train+test for all rows.")]


def require_extra(what: str) -> None:
    """Says which extra is missing before any work is done."""
    if find_spec("torch") is None or find_spec("efficientnet_lite_pytorch") is None:
        raise MissingExtra(what, "train")


def pairs(dataset: str | Path, split: str) -> Dataset:
    from artsim_dataset.load import load_artsim

    quiet_datasets()
    if sorted(split.split("+")) not in (["train"], ["test"], ["test", "train"]):
        raise ConfigError(f"no split '{split}'; splits are: train, test, train+test")
    loaded: Any = load_artsim(dataset, "pairs", split=split)
    return loaded


def check_out_folder(folder: Path, option: str = "--out") -> None:
    """Says before any work is done that ``folder``, which ``option`` named, is no place for a page or a model.

    Raises ConfigError for a file, for a data set (its card would be overwritten), and for a folder within one.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; give a folder for {option}")
    for outer in (folder.resolve(), *folder.resolve().parents):
        if (outer / "build.json").is_file():
            raise ConfigError(f"{outer} is a data set, and nothing else belongs in it; give another {option}")


def subject_of(model: str | None, encoder: str) -> SimilarityModel | Encoder:
    """The model, or the bare encoder without one. ConfigError for both: a model brings its own encoder."""
    from artsim_dataset.encoders import get_encoder
    from artsim_dataset.model import load_model

    if model and encoder != "lite":
        raise ConfigError(f"a model brings its own encoder: give --model {model} or --encoder {encoder}, not both")
    return load_model(model) if model else get_encoder(encoder)


def quiet_datasets() -> None:
    """Our own bars are enough."""
    import datasets

    datasets.disable_progress_bars()


@contextmanager
def reports() -> Iterator[Progress]:
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
