"""The evaluation report: one HTML file that opens anywhere, and report.json with the same numbers.

Decision: the JSON is made first and the page is made of it. A number reaches the page only as a path into the JSON,
and is marked there as ``<data value=... data-key=...>``, so the two cannot disagree. Pictures, plots and styles are
inside the file; it loads nothing. The same evaluation and data set give the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from artsim_dataset import plots
from artsim_dataset.pictures import GENERATED, ORIGINAL, PERTURBED, Key, Picture, artist_name, genre_name, load_pictures
from artsim_dataset.reading import ALIGNMENT, METRICS, SPACE, Numbers
from artsim_dataset.report.assemble import WORST_PERTURBED, assemble, build_facts, on_map
from artsim_dataset.report.page import environment, setting_rows, write_pages
from artsim_dataset.views import FULL, View, perturbation

if TYPE_CHECKING:
    from artsim_dataset.evaluate import Evaluation

ARTISTS = 12
"""Artists in the table, those with most variants first; report.json has all."""

MAP_SIDE = 128
"""Longest side of a picture on the map."""

COLUMNS = (
    ("as_is", "As is", ()),
    ("perturbed", "Cropped and mirrored", ("perturbed",)),
    ("untrained", "Untrained", ("baseline",)),
    ("untrained", "Untrained, cropped and mirrored", ("baseline", "perturbed")),
)
"""Kind, name and place in the JSON of the four measurements; the last two are absent when nothing was trained."""

ROLES = (("anchor_id", ORIGINAL), ("positive_id", GENERATED), ("negative_id", ORIGINAL))


def write_report(evaluation: Evaluation, dataset: str | Path, folder: Path, command: str) -> Path:
    """Writes ``folder/index.html``, and its numbers as ``report.json`` and ``report.md``.

    Args:
        evaluation: what :func:`artsim_dataset.evaluate.evaluate` returned for ``dataset``.
        dataset: build folder or Hub id; its `pairs` config gives the pictures, its build.json the facts.
        folder: made when it does not exist.
        command: the line that repeats this evaluation, shown at the end of the page.

    Returns:
        The path of index.html.

    Raises:
        MissingExtra: matplotlib is not installed.
        ConfigError: an example names a painting or variant that the data set does not have.
        DatasetNotFound: there is no data set at ``dataset``.
    """
    report = assemble(evaluation, build_facts(dataset), command)
    pictures = load_pictures(dataset, evaluation.split, _wanted(report))
    small = {key: FULL for pair in on_map(report) for key in zip((ORIGINAL, GENERATED), pair, strict=True)}
    small_pictures = load_pictures(dataset, evaluation.split, small, MAP_SIDE)
    page = render(report, _drawings(evaluation), pictures, small_pictures)
    return write_pages(folder, page, report, render_markdown(report))


def _wanted(report: Mapping[str, Any]) -> dict[Key, View]:
    """The pictures on the page and their views; variants as they were perturbed have a key of their own."""
    wanted: dict[Key, View] = {}
    for kind, triplets in report["examples"].items():
        for triplet in triplets:
            wanted |= {(what, triplet[role]): FULL for role, what in ROLES}
            if kind == WORST_PERTURBED:
                variant = triplet["positive_id"]
                wanted[PERTURBED, variant] = perturbation(variant, report["seed"])
    return wanted


def _drawings(evaluation: Evaluation) -> dict[str, str]:
    """The plots as SVG, by name."""
    passes = {"as_is": evaluation.as_is, "perturbed": evaluation.perturbed}
    if evaluation.baseline:
        passes["untrained"] = evaluation.baseline.as_is
    pairs = {kind: (scores.positives, scores.negatives) for kind, scores in passes.items()}
    axis = plots.Axis.of([*pairs["as_is"], *pairs["perturbed"]])
    drawings = {
        kind: plots.histogram(
            kind, *pairs[kind], axis, f"Histogram of the similarities of positive and negative pairs, {text}"
        )
        for kind, text in (("as_is", "variants as they are"), ("perturbed", "variants cropped and mirrored"))
    }
    curves = [plots.Curve(kind, *both) for kind, both in pairs.items()]
    wrong = evaluation.perturbed.mistaken or evaluation.as_is.mistaken
    if wrong:
        genres = sorted({genre for own, found in wrong.items() for genre in (own, *found)})
        table = np.array([[wrong.get(own, {}).get(other, 0) for other in genres] for own in genres], float)
        drawings["mistaken"] = plots.heatmap(
            "mistaken", table, [genre_name(genre) for genre in genres], "a variant of", "finds a painting of",
            "Genre of the painting found in place of the right one, by genre of the right one",
        )  # fmt: skip
    if evaluation.structure:
        names = [genre_name(genre) for genre in evaluation.structure.genres]
        drawings |= {
            "similarity": plots.heatmap("similarity", evaluation.structure.similarity, names, "paintings of",
                                        "and paintings of", "Mean cosine similarity of the paintings of two genres"),
            "confusion": plots.heatmap("confusion", evaluation.structure.confusion, names, "a painting of",
                                       "its nearest other is of", "Genre of the nearest other painting, by genre"),
        }  # fmt: skip
    return drawings | {
        "roc": plots.roc(
            "roc", curves, "Share of positive pairs found against the share of negative pairs taken for positive"
        )
    }


def render(
    report: Mapping[str, Any],
    drawings: Mapping[str, str],
    pictures: Mapping[Key, Picture],
    small_pictures: Mapping[Key, Picture],
) -> str:
    """The page as HTML text."""
    from markupsafe import Markup

    numbers = Numbers(report)
    artists = report["per_artist"]
    template = environment().get_template("report.html")
    return template.render(
        report=report,
        number=numbers.number,
        between=numbers.between,
        geometry=numbers.geometry,
        columns=[column for column in COLUMNS if numbers.value(*column[2], "recall@1") is not None],
        metrics=[metric for metric in METRICS if metric.key in report],
        recalls=[key for key in report if key.startswith("recall@")],
        genres=sorted(report["per_genre"], key=lambda name: (-report["per_genre"][name]["n_variants"], name)),
        levels=list(report["per_level"]),
        artists=sorted(artists, key=lambda name: (-artists[name]["n_variants"], name))[:ARTISTS],
        space=[(("structure", *where), metric) for where, metric in SPACE],
        alignment=[metric for metric in ALIGNMENT if metric.key in report.get("alignment", {})],
        points=_points(report),
        on_map=small_pictures,
        artist_name=artist_name,
        drawings={name: Markup(svg) for name, svg in drawings.items()},
        pictures=pictures,
        genre_name=genre_name,
        facts=report["dataset_facts"],
        settings=setting_rows(report["dataset_facts"]["settings"]),
        mistaken=_mistaken(report),
        contents=_contents(report),
    )


def _points(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The paintings of the map, each with the place of its variant: they come in the same order."""
    originals, variants = ([p for p in report["map"] if p["kind"] == kind] for kind in ("original", "variant"))
    return [
        dict(o, variant=v["id"], variant_x=v["x"], variant_y=v["y"]) for o, v in zip(originals, variants, strict=True)
    ]


def _mistaken(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs of genres of which a variant of the first finds a painting of the second, the commonest first."""
    total: Counter[tuple[str, str]] = Counter()
    for one in (report, report["perturbed"]):
        total.update({(own, other): n for own, found in one["mistaken"].items() for other, n in found.items()})
    return [pair for pair, _ in sorted(total.items(), key=lambda item: (-item[1], item[0]))]


def _contents(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The table of contents: ids of sections, and how they are called there."""
    sections = [("examples", "Examples"), ("distances", "Distances"), ("threshold", "ROC"), ("genres", "Genres"),
                ("mistaken", "Confusion"), ("map", "Map"), ("numbers", "Numbers")]  # fmt: skip
    sections += [("artists", "Artists")] if report["per_artist"] else []
    return [*sections, ("data", "Data set"), ("again", "Settings")]


def render_markdown(report: Mapping[str, Any]) -> str:
    """The most important numbers as Markdown, for a card."""
    numbers = Numbers(report)
    columns = [column for column in COLUMNS if numbers.value(*column[2], "recall@1") is not None]
    template = environment().get_template("report.md")
    return template.render(
        report=report,
        columns=columns,
        metrics=[metric for metric in METRICS if metric.key in report],
        genres=sorted(report["per_genre"], key=lambda name: (-report["per_genre"][name]["n_variants"], name)),
        genre_name=genre_name,
        text=lambda path, key: numbers.text(*path, key),
        between=numbers.between,
    )
