"""`artsim attribute`: which artist of a data set an image looks like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from artsim_dataset.cli import app
from artsim_dataset.cli.learning import ENCODER, JSON, MODEL, quiet_datasets, reports, require_extra, subject_of
from artsim_dataset.cli.terminal import command, err, out, print_json, shown

if TYPE_CHECKING:
    from artsim_dataset.attribute import ArtistIndex, Attribution

TOP = 5


@app.command("attribute", short_help="Rank artists by how much an image is in their style.")
@command
def attribute_command(
    images: Annotated[list[Path], typer.Argument(help="Images to attribute.", show_default=False)],
    index: Annotated[str, typer.Option(help="Data set whose paintings are the index: a folder or a Hub id.")],
    model: MODEL = None,
    encoder: ENCODER = "lite",
    top: Annotated[int, typer.Option(min=1, help="Artists to show.")] = TOP,
    as_json: JSON = False,
) -> None:
    """Rank the artists of a data set by how much their style is that of an image, or say that none fits.

    Probabilities are calibrated on the index, by leaving each of its works out once; artists of fewer than three works
    are left out. Style is no proof of authorship: read the measured accuracy that is printed first.

    Example:  artsim attribute unknown.jpg --index my-dataset
    """
    require_extra("artsim attribute")
    from artsim_dataset.attribute import all_rows, artist_index
    from artsim_dataset.images import open_image
    from artsim_dataset.model import unit

    pictures = [open_image(path) for path in images]
    subject = subject_of(model, encoder)
    quiet_datasets()
    with reports() as progress:
        made = artist_index(all_rows(index), subject, progress=progress)
    found = made.attribute(unit(subject.encode(pictures)))
    if as_json:
        facts = {"index": Path(index).name, "artists": len(made.artists), "quality": dict(made.quality)}
        print_json(facts | {"images": [_told(path, one, made, top) for path, one in zip(images, found, strict=True)]})
        return
    quality = made.quality
    err.print(
        f"{quality['works']:,.0f} works of {len(made.artists)} artists. Left out one by one, {quality['top1']:.0%} "
        f"went to their artist, and {quality['top5']:.0%} had it among the first five.",
        style="dim",
    )
    for path, one in zip(images, found, strict=True):
        _show(path, one, made, top)


def _told(path: Path, found: Attribution, made: ArtistIndex, top: int) -> dict[str, Any]:
    ranked = []
    for likeness in found.artists[:top]:
        gap, interval = made.gap(likeness.artist)
        ranked.append({"artist": likeness.artist, "probability": likeness.probability, "gss": likeness.gss,
                       "csls": likeness.csls, "gap": gap, "gap_ci95": list(interval)})  # fmt: skip
    nearest = [{"id": id_, "similarity": cosine} for id_, cosine in found.nearest]
    return {"image": str(path), "answer": found.answer, "none": found.none, "artists": ranked, "nearest": nearest}


def _show(path: Path, found: Attribution, made: ArtistIndex, top: int) -> None:
    answer = shown(found.answer) if found.answer else f"none of the {len(made.artists)} artists"
    chance = max(found.none, found.artists[0].probability) if found.answer is None else found.artists[0].probability
    out.print(f"\n[bold]{shown(path)}[/bold]: {answer} ({chance:.0%})")
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("artist")
    for name in ("probability", "style similarity", "gap", "95 %"):
        table.add_column(name, justify="right")
    for likeness in found.artists[:top]:
        gap, (low, high) = made.gap(likeness.artist)
        cells = (f"{likeness.probability:.1%}", f"{likeness.gss:.3f}", f"{gap:.3f}", f"{low:.3f} to {high:.3f}")
        table.add_row(shown(likeness.artist), *cells)
    out.print(table)
    nearest = ", ".join(f"{shown(id_)} ({cosine:.3f})" for id_, cosine in found.nearest)
    out.print(f"nearest works: {nearest}", style="dim")
