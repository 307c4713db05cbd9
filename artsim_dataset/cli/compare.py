"""`artsim compare`: the cosine similarity of two images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from artsim_dataset.cli import app
from artsim_dataset.cli.learning import ENCODER, JSON, require_extra
from artsim_dataset.cli.terminal import command, out, print_json


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
