"""The case study on paper: index.html with tables and plots, study.json with the same numbers, a CSV for each table."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from artsim_dataset import plots
from artsim_dataset.casestudy.tables import CaseStudy
from artsim_dataset.version import __version__

SHOWN = 40
"""Artists in the plot and the table of the page; study.json and artists.csv have all."""


def write_study(study: CaseStudy, facts: Mapping[str, Any], folder: Path) -> Path:
    """Writes everything into ``folder``, made when missing; returns the path of index.html.

    Args:
        study: the numbers.
        facts: what was studied: ``images``, ``index``, ``encoder``, ``model``, ``quality`` of the index, ``command``.
        folder: where to.
    """
    from markupsafe import Markup

    from artsim_dataset.report.page import environment

    told = study.to_json() | dict(facts)
    shown = study.artists[:SHOWN]
    page = (
        environment()
        .get_template("casestudy.html")
        .render(
            artsim=__version__,
            study=told,
            artists=told["artists"][:SHOWN],
            verdicts={
                verdict: sum(row.verdict == verdict for row in study.artists)
                for verdict in ("present", "between", "absent", "unclear")
            },
            drawings={name: Markup(svg) for name, svg in _drawings(study, len(shown)).items()},
        )
    )
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "study.json").write_text(text + "\n", encoding="utf-8")
    _write_csv(folder / "artists.csv", [_flat(row) for row in told["artists"]])
    for name in ("kinds", "subjects"):
        _write_csv(folder / f"{name}.csv", [_flat(row) for row in told[name]])
    (folder / "index.html").write_text(page, encoding="utf-8")
    return folder / "index.html"


def _drawings(study: CaseStudy, shown: int) -> dict[str, str]:
    artists = study.artists[:shown]
    ranges = [(row.artist, row.gss, row.gss_ci95, row.others, row.own) for row in artists]
    drawings = {"artists": plots.ranges("artists", ranges, "GSS of each artist's images beside that of real works")}
    if len(study.artists) > 1:
        points = [(row.diversity, row.gss) for row in study.artists]
        drawings["diversity"] = plots.scatter(
            "diversity",
            points,
            "diversity of the artist's works",
            "GSS of the images",
            "GSS by diversity of the artist",
        )
    return drawings


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Nested numbers beside the others, intervals as two columns."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            flat |= value
        elif isinstance(value, (list, tuple)):
            flat |= {f"{key}_low": value[0], f"{key}_high": value[1]}
        else:
            flat[key] = "" if value is None else value
    return flat


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)
