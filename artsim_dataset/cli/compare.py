"""`artsim compare`: how alike two images are."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from artsim_dataset.cli import app
from artsim_dataset.cli.learning import ENCODER, JSON, MODEL, pairs, reports, require_extra, subject_of
from artsim_dataset.cli.terminal import command, out, print_json

if TYPE_CHECKING:
    from artsim_dataset.encoders import Encoder
    from artsim_dataset.model import SimilarityModel
    from artsim_dataset.standing import Known


@app.command("compare", short_help="Say how alike two images are, and what that means.")
@command
def compare_command(
    first: Annotated[Path, typer.Argument(help="An image.", show_default=False)],
    second: Annotated[Path, typer.Argument(help="Another image.", show_default=False)],
    model: MODEL = None,
    encoder: ENCODER = "lite",
    dataset: Annotated[
        str | None, typer.Option(help="Data set whose test pairs the cosine is measured against.", show_default=False)
    ] = None,
    as_json: JSON = False,
) -> None:
    """Print the cosine similarity of two images, from -1 to 1, and where it stands among known pairs.

    The known pairs are those that the model was validated on, or the test split of --dataset: paintings with their
    variants, and with paintings of other genres.

    Example:  artsim compare one.jpg other.jpg --model my-model
    """
    require_extra("artsim compare")
    from artsim_dataset.images import open_image
    from artsim_dataset.model import unit

    pictures = [open_image(first), open_image(second)]
    subject = subject_of(model, encoder)
    vectors = unit(subject.encode(pictures))
    similarity = float(vectors[0] @ vectors[1])
    known = known_pairs(subject, dataset)
    standing = known.standing(similarity) if known else None
    if as_json:
        facts = {"similarity": similarity, "images": [str(first), str(second)], "model": str(model or encoder)}
        print_json(facts | ({"standing": asdict(standing), "known": known.of} if standing and known else {}))
        return
    out.print(f"{similarity:.4f}" + (f"  {standing.verdict}" if standing else ""))
    if standing and known:
        out.print(
            f"Of {known.of}: {standing.positives_below:.1%} of paintings and their variants are less alike, "
            f"{standing.negatives_above:.1%} of strangers are as much alike.",
            style="dim",
        )


def known_pairs(subject: SimilarityModel | Encoder, dataset: str | None) -> Known | None:
    """Cosines of known pairs: of a data set's test split, else those that the model was validated on, else None."""
    from artsim_dataset.evaluate import evaluate
    from artsim_dataset.model import SimilarityModel
    from artsim_dataset.standing import Known

    if dataset:
        with reports() as progress:
            scores = evaluate(pairs(dataset, "test"), subject, progress=progress).as_is
        return Known.measured(scores.positives, scores.negatives, f"the test split of {Path(dataset).name}")
    if isinstance(subject, SimilarityModel) and "known_pairs" in subject.facts:
        return Known.from_json(subject.facts["known_pairs"])
    return None
