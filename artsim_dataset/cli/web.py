"""`artsim app`: the web page. (The module is not called app: that is the Typer object of this package.)"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from artsim_dataset.cli import app
from artsim_dataset.cli.learning import ENCODER, MODEL
from artsim_dataset.cli.terminal import command, out, shown
from artsim_dataset.errors import MissingExtra

if TYPE_CHECKING:
    from artsim_dataset.app.make import Lenders, Maker


@app.command("app", short_help="Show the data set and the model on a web page.")
@command
def app_command(
    dataset: Annotated[
        str | None, typer.Option(help="A folder that 'artsim build' made, or a Hub id.", show_default=False)
    ] = None,
    model: MODEL = None,
    encoder: ENCODER = "lite",
    detector: Annotated[
        str | None, typer.Option(help="A folder that 'artsim train detector' made.", show_default=False)
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="0 for any free one; the first free one from 7860 without.",
                     show_default=False),
    ] = None,
) -> None:  # fmt: skip
    """Browse paintings and variants, compare, search and attribute pictures, on a page in your browser.

    It is served to this machine only, works offline, and sends nothing anywhere. Ctrl-C ends it.

    Example:  artsim app --dataset my-dataset --model my-model
    """
    if find_spec("gradio") is None:
        raise MissingExtra("artsim app", "app")
    from artsim_dataset.app.data import Shown
    from artsim_dataset.app.page import serve

    what = Shown(dataset, model, encoder, detector, maker=_maker)
    # What was named is opened now, so that a wrong name is told here and not to a visitor.
    if dataset:
        _ = what.rows
    if model:
        _ = what.subject
    if detector:
        _ = what.judge
    serve(what, lambda address: out.print(f"[bold]{shown(address)}[/bold]  Ctrl-C ends it"), port)


def _maker(lenders: Lenders | None) -> Maker:
    """What makes variants on the page: the builder, which the library does not know."""
    from builder.single import GalleryLenders, SingleVariants

    return SingleVariants(lenders or GalleryLenders())
