"""The evaluation report: one HTML file that opens anywhere, and report.json with the same numbers.

Decision: the JSON is made first and the page is made of it. A number reaches the page only as a path into the JSON,
and is marked there as ``<data value=... data-key=...>``, so the two cannot disagree. Pictures, plots and styles are
inside the file; it loads nothing. The same evaluation and data set give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artsim_dataset import plots
from artsim_dataset.errors import ConfigError, DatasetNotFound
from artsim_dataset.load import check_dataset
from artsim_dataset.pictures import Picture, artist_name, genre_name, load_pictures
from artsim_dataset.reading import ALIGNMENT, METRICS, SPACE, Numbers
from artsim_dataset.report.page import environment
from artsim_dataset.structure import flat_map
from artsim_dataset.version import __version__
from artsim_dataset.views import FULL, View, perturbation

if TYPE_CHECKING:
    from artsim_dataset.evaluate import Evaluation
    from artsim_dataset.scores import Example

SHOWN = 3
"""Triplets of each kind on the page: one row. Wrong ones may fill a second row."""

ARTISTS = 12
"""Artists in the table, those with most variants first; report.json has all."""

MAP_THUMBNAILS, MAP_SIDE = 120, 96
"""Pictures on the map, and their longest side: together about half a megabyte."""

COLUMNS = (
    ("as_is", "As is", ()),
    ("perturbed", "Cropped and mirrored", ("perturbed",)),
    ("untrained", "Untrained", ("baseline",)),
    ("untrained", "Untrained, cropped and mirrored", ("baseline", "perturbed")),
)
"""Kind, name and place in the JSON of the four measurements; the last two are absent when nothing was trained."""

PERTURBED = "worst_perturbed"
ROLES = ("anchor_id", "positive_id", "negative_id")
FACTS = (
    "artsim",
    "preset",
    "seed",
    "paintings",
    "variants",
    "artists",
    "genres",
    "levels",
    "paintings_by_split",
    "near_duplicates",
    "rejects",
    "settings",
    "rows",
)


def write_report(evaluation: Evaluation, dataset: str | Path, folder: Path, command: str) -> Path:
    """Writes ``folder/index.html`` and ``folder/report.json``.

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
    on_map = load_pictures(dataset, evaluation.split, _on_map(report), MAP_SIDE)
    page = render(report, _drawings(evaluation), pictures, on_map)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    (folder / "index.html").write_text(page, encoding="utf-8")
    return folder / "index.html"


def assemble(evaluation: Evaluation, facts: dict[str, Any], command: str) -> dict[str, Any]:
    """Everything that the page tells, as JSON: the evaluation's numbers, then headline, examples and facts."""
    report = evaluation.to_json()
    report["headline"] = _headline(report)
    report["examples"] = _examples(evaluation)
    report["map"] = _map(evaluation)
    report["dataset_facts"] = facts | {"rejected": sum(reject["count"] for reject in facts["rejects"])}
    return report | {"artsim": __version__, "command": command}


def _examples(evaluation: Evaluation) -> dict[str, list[dict[str, Any]]]:
    """The triplets to show by kind. As they are, each variant once: a small split has fewer than all kinds want."""
    given = evaluation.as_is.examples
    wrong = [t for t in given["worst"] if t.positive_similarity <= t.negative_similarity]
    centre = max(0, (len(given["typical"]) - SHOWN) // 2)
    chosen: dict[str, list[dict[str, Any]]] = {"best": [], "typical": []}  # the order on the page
    seen: set[str] = set()
    for kind, triplets in (
        ("worst", given["worst"][: max(SHOWN, len(wrong))]),
        ("best", given["best"][:SHOWN]),
        ("typical", given["typical"][centre : centre + SHOWN]),
    ):
        chosen[kind] = [_example(t) for t in triplets if t.positive_id not in seen]
        seen |= {t.positive_id for t in triplets}
    return chosen | {PERTURBED: [_example(t) for t in evaluation.perturbed.examples["worst"][:SHOWN]]}


def _example(triplet: Example) -> dict[str, Any]:
    return asdict(triplet) | {"margin": triplet.positive_similarity - triplet.negative_similarity}


def _wanted(report: Mapping[str, Any]) -> dict[str, tuple[str, View]]:
    """The pictures on the page by name: by their ids, and variants as they were perturbed by ``perturbed <id>``."""
    wanted: dict[str, tuple[str, View]] = {}
    for kind, triplets in report["examples"].items():
        for triplet in triplets:
            wanted |= {triplet[role]: (triplet[role], FULL) for role in ROLES}
            if kind == PERTURBED:
                variant = triplet["positive_id"]
                wanted[f"perturbed {variant}"] = (variant, perturbation(variant, report["seed"]))
    return wanted


def _map(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Places of paintings and of their first variants in the plane, 0 to 1 from the left and from the top."""
    sample = evaluation.sample
    places = flat_map(sample.vectors, evaluation.seed)
    return [
        {"id": id_, "kind": kind, "genre": genre, "x": round(float(x), 4), "y": round(float(y), 4)}
        for id_, kind, genre, (x, y) in zip(sample.ids, sample.kinds, sample.genres, places, strict=True)
    ]


def _on_map(report: Mapping[str, Any]) -> dict[str, tuple[str, View]]:
    """The paintings that the map shows as pictures: as many as fit, taken evenly."""
    originals = [point["id"] for point in report["map"] if point["kind"] == "original"]
    step = -(-len(originals) // MAP_THUMBNAILS)
    return {id_: (id_, FULL) for id_ in originals[::step]}


def _headline(report: Mapping[str, Any]) -> dict[str, float]:
    """Counts of variants that find their painting: what recall@1 means, in whole pictures."""
    variants = report["n_variants"]
    counts = {
        "found": round(report["recall@1"] * variants),
        "guess": variants / report["n_paintings"],
        "found_perturbed": round(report["perturbed"]["recall@1"] * variants),
    }
    if "baseline" in report:
        counts["found_baseline"] = round(report["baseline"]["recall@1"] * variants)
        counts["found_baseline_perturbed"] = round(report["baseline"]["perturbed"]["recall@1"] * variants)
    return counts


def build_facts(dataset: str | Path) -> dict[str, Any]:
    """What the build.json of a folder or of a Hub repository says. Raises DatasetNotFound when there is none."""
    check_dataset(dataset)
    path = Path(dataset) / "build.json"
    if not path.is_file():
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError

        try:
            path = Path(hf_hub_download(str(dataset), "build.json", repo_type="dataset"))
        except (EntryNotFoundError, RepositoryNotFoundError) as missing:
            raise DatasetNotFound(f"build.json of {dataset} cannot be read from the Hub: {missing}") from missing
    facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    lacking = [name for name in FACTS if name not in facts]
    if lacking:
        raise ConfigError(
            f"build.json of {dataset} does not say '{lacking[0]}': build the data set with this version of artsim"
        )
    return {name: facts[name] for name in FACTS}


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
    pictures: Mapping[str, Picture],
    on_map: Mapping[str, Picture],
) -> str:
    """The page as HTML text."""
    from markupsafe import Markup

    numbers = Numbers(report)
    artists = report["per_artist"]
    return (
        environment()
        .get_template("report.html")
        .render(
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
            on_map=on_map,
            artist_name=artist_name,
            drawings={name: Markup(svg) for name, svg in drawings.items()},
            pictures=pictures,
            genre_name=genre_name,
            facts=report["dataset_facts"],
        )
    )


def _points(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The paintings of the map, each with the place of its variant: they come in the same order."""
    originals, variants = ([p for p in report["map"] if p["kind"] == kind] for kind in ("original", "variant"))
    return [dict(o, variant_x=v["x"], variant_y=v["y"]) for o, v in zip(originals, variants, strict=True)]
