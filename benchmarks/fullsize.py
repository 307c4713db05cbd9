"""The whole way at full size: the real WikiArt list through every command, at 1K, 10K and 81K rows.

    python -m benchmarks.fullsize --out rehearsal --rows 1000 10000 81446

Genres, artists and titles are real, the pictures invented and small (`wikiart.py`), the generator the cheapest real one
(`26-styles`). Everything else is as a user has it: `artsim build` with all stages, configs, splits, triplets and the
card, `status`, a second `build`, `validate`, `publish` to a Hub on this machine (`tests/hub`), loading all configs from
there, `encode`, `train`, `evaluate`. Encoding, training and evaluating take a tiny DINOv2 with random weights: its
numbers mean nothing, but every row passes. 200 rows go through the real encoder `lite`.

Each size has its own folder; a step that is done is not done again. Goals: from the last size but one to the last, a
row costs at most 1.1 times as much CPU time, and memory grows at most 1.2 times. The card's counts by genre must be
those of the list, and of the published table but for two rows. Exit 1 when a check fails.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from artsim_dataset.schema import painting_id_of
from benchmarks.measure import header
from benchmarks.watch import Cost, watched
from benchmarks.wikiart import PUBLISHED, copies, counts, paths, write_source
from builder.stages.source import list_source

REPO = "user/rehearsal"
BUILD = ("--set", "generate.kind=26-styles", "--set", "preprocess.size=64", "--set", "crop.size=64")
TRAIN = ("--recipe", "s2", "--head", "linear", "--no-captions", "--split", "published", "--epochs", "1")
SAMPLE = 200
DIFFER = {"Post Impressionism": 1, "Baroque": 1}
"""Genre -> how many rows more the list has than the published table."""

LOAD = """
import json, sys
from artsim_dataset import load_artsim
rows = {}
for config in ("pairs", "triplets", "triplets_hard", "real_vs_ai", "metadata"):
    parts = load_artsim(sys.argv[1], config)
    rows[config] = {split: len(part) for split, part in parts.items()}
    for part in parts.values():
        part[0], part[len(part) - 1]
print(json.dumps(rows))
"""
ENCODE = """
import sys
from artsim_dataset import load_artsim
from artsim_dataset.encoders import get_encoder
pairs = load_artsim(sys.argv[1], "pairs", split=f"train[:{sys.argv[2]}]")
print(get_encoder("lite").encode([image for row in pairs for image in (row["original"], row["generated"])]).shape)
"""


@dataclass(frozen=True)
class Step:
    """A command of the rehearsal, and what tells which part of it is under way."""

    name: str
    command: Sequence[str]
    phase: Callable[[], str] | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="everything is made and kept here")
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 10000, 81446])
    options = parser.parse_args()
    sizes: dict[int, dict[str, Cost]] = {}
    checks: dict[int, dict[str, str]] = {}
    for rows in options.rows:
        folder = (options.out / f"{rows}").resolve()
        chosen = paths(rows)
        sizes[rows] = rehearse(folder, chosen)
        checks[rows] = check(folder, chosen)
        text = report(sizes, checks)
        (options.out / "fullsize.md").write_text(text, encoding="utf-8")
        facts = {str(n): {name: asdict(cost) for name, cost in of.items()} for n, of in sizes.items()}
        result = {"machine": header(), "sizes": facts, "checks": checks}
        (options.out / "fullsize.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(text)
    sys.exit(any(not said.startswith("ok") for of in checks.values() for said in of.values()))


def rehearse(folder: Path, chosen: Sequence[str]) -> dict[str, Cost]:
    """Does what is not done of one size. Returns the cost of every step; those of the build, of each of its stages."""
    from tests.hub import Hub

    write_source(folder / "source", chosen)
    encoder = _encoder(folder / "encoder")
    (folder / "hub").mkdir(exist_ok=True)
    costs: dict[str, Cost] = {}
    with Hub(folder=folder / "hub") as hub:
        env = {**hub.env, "ARTSIM_CACHE": str(folder / "cache")}
        todo = steps(folder, encoder)
        if not all((folder / f"{step.name}.json").exists() for step in todo if step.name in ("publish", "load")):
            (folder / "publish.json").unlink(missing_ok=True)  # the Hub forgets when it ends: load needs both in a row
        for step in todo:
            done = folder / f"{step.name}.json"
            if not done.exists():
                print(f"{len(chosen)} rows: {step.name}", file=sys.stderr, flush=True)
                phase = step.phase or partial(str, step.name)
                result = watched(step.command, env, phase, folder / "log.txt")
                phases = {name: asdict(cost) for name, cost in result.phases.items()}
                done.write_text(json.dumps({"phases": phases, "output": result.output}, indent=1), encoding="utf-8")
            known = json.loads(done.read_text(encoding="utf-8"))["phases"]
            costs |= {name: Cost(**cost) for name, cost in known.items()}
    return costs


def steps(folder: Path, encoder: Path) -> list[Step]:
    """What is done with a source, in order."""
    data, model = str(folder / "data"), str(folder / "model")

    def artsim(*arguments: str) -> Sequence[str]:
        return (sys.executable, "-m", "artsim_dataset.cli", *arguments, "--json")

    build = artsim("build", "--source", str(folder / "source"), "--out", data, *BUILD)
    return [
        Step("build", build, Phases(folder / "data" / "work")),
        Step("status", artsim("status", data)),
        Step("build again", build),
        Step("validate", artsim("validate", data)),
        Step("publish", artsim("publish", data, "--repo", REPO)),
        Step("load", (sys.executable, "-c", LOAD, REPO)),
        Step(f"encode {SAMPLE} rows (lite)", (sys.executable, "-c", ENCODE, data, str(SAMPLE))),
        Step("encode", artsim("encode", data, "--encoder", str(encoder))),
        Step("train", artsim("train", "siamese", data, "--encoder", str(encoder), *TRAIN, "--out", model)),
        Step("evaluate", artsim("evaluate", data, "--model", model)),
    ]


class Phases:
    """Tells from the work folder of a build which stage is under way: the first that has not all of its sidecars."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._folders: list[str] = []
        self._shards = 0
        self._at = 0

    def __call__(self) -> str:
        if not self._folders:
            try:
                plan = json.loads((self._work / "plan.json").read_text(encoding="utf-8"))
            except (OSError, ValueError):
                return "list source"
            self._folders, self._shards = plan["folders"], len(plan["shards"])
        while self._at < len(self._folders) and self._sidecars() == self._shards:
            self._at += 1
        if self._at < len(self._folders):
            return self._folders[self._at].split("-")[1]
        return "write" if (self._work / "assembled" / "dataset" / "pairs").exists() else "group and split"

    def _sidecars(self) -> int:
        folder = self._work / self._folders[self._at]
        return sum(name.suffix == ".json" for name in folder.iterdir()) if folder.is_dir() else 0


def _encoder(folder: Path) -> Path:
    """A DINOv2 of one layer with random weights: the same class as the real one, next to no work."""
    if not (folder / "config.json").exists():
        from transformers import Dinov2Config, Dinov2Model
        from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil

        from tests.builder.models.tiny_parts import seeded

        config = Dinov2Config(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=8)
        side = {"height": 32, "width": 32}
        seeded(lambda: Dinov2Model(config)).save_pretrained(folder)
        BitImageProcessorPil(size={"shortest_edge": 32}, crop_size=side).save_pretrained(folder)
    return folder


# --- what must hold ---------------------------------------------------------------------------------------------


def check(folder: Path, chosen: Sequence[str]) -> dict[str, str]:
    """What was looked at -> ``ok: ...``, or what is wrong."""
    built = json.loads(json.loads((folder / "build.json").read_text(encoding="utf-8"))["output"])
    loaded = json.loads(json.loads((folder / "load.json").read_text(encoding="utf-8"))["output"])
    rows = {config: {split: n for split, n in of.items() if n} for config, of in built["rows"].items()}
    drawn = [reject for reject in built["rejects"] if reject["stage"] in built["rows"]]  # of a config: triplets
    lost = [reject for reject in built["rejects"] if reject not in drawn]
    return {
        "rejects": f"{lost[:3]} and so on, {len(lost)}" if lost else f"ok: none; {len(drawn)} triplets not drawn",
        "rows loaded from the Hub": "ok: as built" if loaded == rows else f"{loaded}, built {rows}",
        "genres on the card": _genres(folder / "data" / "README.md", chosen),
        "planted near-duplicates": _near_duplicates(folder, chosen),
    }


def _genres(card: Path, chosen: Sequence[str]) -> str:
    """The card's table against the list, and at full size against the published table."""
    lines = [line.split("|") for line in card.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    start = next(n for n, cells in enumerate(lines) if cells[1].strip() == "genre")
    shown: dict[str, int] = {}
    for cells in lines[start + 1 :]:
        if cells[1].strip() == "**all**":
            break
        shown[cells[1].strip().replace("_", " ")] = int(cells[2])
    if shown != counts(chosen):
        return f"the card has {shown}, the list {counts(chosen)}"
    if len(chosen) < sum(PUBLISHED.values()):
        return f"ok: {len(shown)} genres, counts as in the list"
    more = {genre: shown.get(genre, 0) - count for genre, count in PUBLISHED.items() if shown.get(genre, 0) != count}
    said = ", ".join(f"{genre} {shown[genre]} instead of {PUBLISHED[genre]}" for genre in more if genre in shown)
    if more != DIFFER or set(shown) != set(PUBLISHED):
        return f"other than the published table: {said}"
    return f"ok: the published table but for {said}"


def _near_duplicates(folder: Path, chosen: Sequence[str]) -> str:
    """How many of the planted copies share a group with their original; at least nine of ten must."""
    id_of = {entry.path: entry.id for entry in list_source(str(folder / "source")).entries}
    group: dict[str, int] = {}
    for part in sorted((folder / "data" / "metadata").glob("*.parquet")):
        with closing(pq.ParquetFile(part)) as file:
            table = file.read(["id", "group"])
        ids = [painting_id_of(variant) for variant in table["id"].to_pylist()]
        group |= zip(ids, table["group"].to_pylist(), strict=True)
    planted = copies(chosen)
    found = sum(group[id_of[copy]] == group[id_of[original]] for copy, original in planted)
    more = len(group) - len(set(group.values())) - found
    said = f"{found} of {len(planted)} found, {more} other paintings joined to a group"
    return f"ok: {said}" if found >= 0.9 * len(planted) else said


# --- what it cost -----------------------------------------------------------------------------------------------


def report(sizes: Mapping[int, Mapping[str, Cost]], checks: Mapping[int, Mapping[str, str]]) -> str:
    """Two tables, time and memory, with the ratio of the last two sizes; then the checks."""
    lines = [f"{header()}; rows: {', '.join(f'{n:,}' for n in sizes)}", ""]
    time = {"CPU ms a row": lambda cost, n: 1000 * cost.cpu / n, "wall s": lambda cost, n: cost.wall}
    memory = {
        "largest process, MB": lambda cost, n: cost.largest,
        "all processes, MB": lambda cost, n: cost.together,
        "largest with mapped files, MB": lambda cost, n: cost.resident,
    }
    lines += [*_table(sizes, time, 0), "", *_table(sizes, memory, 0, 1), ""]
    for rows, said in checks.items():
        lines += [f"* {rows:,} rows, {what}: {text}" for what, text in said.items()]
    return "\n".join(lines) + "\n"


def _table(
    sizes: Mapping[int, Mapping[str, Cost]], columns: Mapping[str, Callable[[Cost, int], float]], *ratios: int
) -> list[str]:
    """A row for each step, columns for each size; a ratio of the last two sizes after the columns of these numbers."""
    heads, kinds = ["step"], ["---"]
    for number, name in enumerate(columns):
        heads += [f"{name}: {rows:,}" for rows in sizes]
        heads += ["ratio"] if number in ratios and len(sizes) > 1 else []
    kinds += ["---:"] * (len(heads) - 1)
    lines = ["| " + " | ".join(heads) + " |", "|" + "|".join(kinds) + "|"]
    for step in dict.fromkeys(name for costs in sizes.values() for name in costs):
        cells = [step]
        for number, value in enumerate(columns.values()):
            found = [value(costs[step], rows) if step in costs else 0.0 for rows, costs in sizes.items()]
            cells += [f"{one:.1f}" for one in found]
            if number in ratios and len(sizes) > 1:
                cells.append(f"{found[-1] / found[-2]:.2f}" if found[-2] else "")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


if __name__ == "__main__":
    main()
