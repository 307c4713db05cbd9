"""What the training commands share to publish what they made: `--push` and `--private`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from artsim_dataset.cli.terminal import err, printable
from artsim_dataset.errors import ConfigError

if TYPE_CHECKING:
    from artsim_dataset.model_card import DataFacts

PUSH = Annotated[
    str | None,
    typer.Option(metavar="USER/NAME", help="Publish the model there on the Hub, with a card and held-out results."),
]
PRIVATE = Annotated[bool, typer.Option("--private", help="Only you may see a repository that --push makes.")]


def before_training(
    dataset: str | Path, push: str | None, private: bool, encoder: str | None = None
) -> DataFacts | None:
    """What the card will say of the data set, after a look whether the push can work; None without one. ``encoder``:
    what a head is trained on, which others must be able to get.

    Raises ConfigError or HubError now, and not when the training is done.
    """
    if push is None:
        if private:
            raise ConfigError("--private is for the repository of --push USER/NAME")
        return None
    from artsim_dataset.push import check_push, data_facts, refuse_local

    if encoder and encoder != "lite" and Path(encoder.rpartition(":")[2]).expanduser().exists():
        refuse_local(encoder)
    check_push(push)
    return data_facts(dataset)


def push_trained(dataset: str | Path, model: Path, push: str, private: bool, data: DataFacts | None) -> str:
    """Evaluates the model on paintings that it was kept from, where there are any, and publishes it. Returns the
    commit's address."""
    from huggingface_hub.utils import disable_progress_bars

    from artsim_dataset.push import push_model

    disable_progress_bars()  # a few MB
    return push_model(model, push, private, data, _held_out(dataset, model))


def _held_out(dataset: str | Path, model: Path) -> dict[str, Any] | None:
    """The model's numbers on paintings that it never saw, or None, and why on the terminal."""
    from artsim_dataset.cli.evaluate import run_evaluate
    from artsim_dataset.loading.published import find_published
    from artsim_dataset.model import load_model

    trained = load_model(model)
    if trained.held_out() is not None and not trained.parts.get("test"):
        why = "its split keeps no paintings to test on"
    elif trained.held_out() is None and not find_published(dataset).build["rows"]["pairs"].get("test"):
        why = "the data set has no test split"
    else:
        try:
            return run_evaluate(dataset, model=model).to_json()
        except ConfigError as error:
            why = str(error)
    err.print(f"Not evaluated, so the card shows the validation paintings' numbers: {printable(why)}", markup=False)
    return None
