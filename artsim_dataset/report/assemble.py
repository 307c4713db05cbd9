"""The JSON of a model's report: the evaluation's numbers, which triplets are shown, the map, the verdict, the facts."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artsim_dataset.errors import ConfigError, DatasetNotFound
from artsim_dataset.load import check_dataset
from artsim_dataset.structure import flat_map
from artsim_dataset.version import __version__

if TYPE_CHECKING:
    from artsim_dataset.evaluate import Evaluation
    from artsim_dataset.scores import Example

SHOWN = 3
"""Triplets of each kind on the page: one row. Wrong ones may fill a second row."""

MAP_PAIRS = 120
"""Paintings that the map shows as pictures, each with its variant: together about 1.5 MB."""

FEW = 10
"""A genre with fewer variants than this is not called the weakest."""

WORST_PERTURBED = "worst_perturbed"
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
"""What a build.json must say; what it may say besides:"""
MORE_FACTS = ("digest", "schema", "software", "makers")
SOFTWARE = ("datasets", "numpy", "pillow", "scikit-learn", "sentence-transformers", "torch", "transformers")
"""What the numbers may depend on."""


def assemble(evaluation: Evaluation, facts: dict[str, Any], command: str) -> dict[str, Any]:
    """Everything that the page tells, as JSON: the evaluation's numbers, then headline, examples and facts."""
    report = evaluation.to_json()
    report["headline"] = _headline(report)
    report["verdict"] = _verdict(report)
    report["examples"] = _examples(evaluation)
    report["map"] = _map(evaluation)
    originals = sum(point["kind"] == "original" for point in report["map"])
    report["map_sample"] = {"paintings": originals, "pictures": len(on_map(report))}
    report["dataset_facts"] = facts | {"rejected": sum(reject["count"] for reject in facts["rejects"])}
    return report | {"artsim": __version__, "software": _software(), "command": command}


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
    return chosen | {WORST_PERTURBED: [_example(t) for t in evaluation.perturbed.examples["worst"][:SHOWN]]}


def _example(triplet: Example) -> dict[str, Any]:
    return asdict(triplet) | {"margin": triplet.positive_similarity - triplet.negative_similarity}


def _map(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Places of paintings and of their first variants in the plane, 0 to 1 from the left and from the top."""
    sample = evaluation.sample
    places = flat_map(sample.vectors, evaluation.seed)
    return [
        {"id": id_, "kind": kind, "genre": genre, "x": round(float(x), 4), "y": round(float(y), 4)}
        for id_, kind, genre, (x, y) in zip(sample.ids, sample.kinds, sample.genres, places, strict=True)
    ]


def on_map(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Ids of the paintings that the map shows as pictures, each with its variant: as many as fit, taken evenly."""
    ids = {kind: [p["id"] for p in report["map"] if p["kind"] == kind] for kind in ("original", "variant")}
    step = -(-len(ids["original"]) // MAP_PAIRS)
    return list(zip(ids["original"], ids["variant"], strict=True))[:: max(1, step)]


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


def _verdict(report: Mapping[str, Any]) -> dict[str, Any]:
    """What the paragraph at the top says, beyond the numbers themselves.

    ``layout``: the share of variants that are found only as long as they are neither cropped nor mirrored.
    ``weakest_genre``: the lowest recall@1 on perturbed variants, or None when all genres are small or equal.
    ``training``: better, worse or unclear, by the intervals of recall@1 on perturbed variants; None without training.
    """
    perturbed = report["perturbed"]
    recalls = {g: r["recall@1"] for g, r in perturbed["per_genre"].items() if r["n_variants"] >= FEW}
    lowest = min(recalls, key=lambda genre: (recalls[genre], genre), default=None)
    if lowest is not None and recalls[lowest] == max(recalls.values()):
        lowest = None
    training = None
    if "baseline" in report:
        (low, high), (least, most) = (one["ci95"]["recall@1"] for one in (perturbed, report["baseline"]["perturbed"]))
        training = "better" if low > most else "worse" if high < least else "unclear"
    return {
        "layout": report["recall@1"] - perturbed["recall@1"],
        "weakest_genre": lowest,
        "training": training,
    }


def _software() -> dict[str, str]:
    """Versions of Python and of the installed packages that the numbers may depend on."""
    found = {"python": platform.python_version()}
    for name in SOFTWARE:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


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
    return {name: facts[name] for name in (*FACTS, *MORE_FACTS) if name in facts}
