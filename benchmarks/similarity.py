"""How well the `lite` encoder and a head trained on it find a variant's painting, on artists never seen.

    python -m benchmarks.similarity
    python -m benchmarks.similarity --dataset FOLDER      # a data set that is already built

Builds the paintings once, with two variants each. Then, for each of five seeds, keeps a quarter of the paintings by
other artists (and of other near-duplicate groups) for the test, trains the default head on the rest, and evaluates on
that quarter as `artsim evaluate` does: as is, and with variants cropped and mirrored. The untrained encoder stands
beside. All numbers are means over the splits, with the lowest and the highest in brackets.

Goals: as is triplet accuracy 0.999 and recall@1 0.97; perturbed 0.995 and 0.90; with negatives of the painting's own
genre, perturbed, 0.985.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from datasets import Dataset, disable_progress_bars

from artsim_dataset.encoders import Encoder, get_encoder
from artsim_dataset.encoders.cache import EmbeddingCache
from artsim_dataset.encoders.embed import PairRows
from artsim_dataset.evaluate import evaluate
from artsim_dataset.layers import LAYERS, read_layer
from artsim_dataset.load import load_artsim
from artsim_dataset.model import FACTS_FILE, SimilarityModel
from artsim_dataset.train.config import TrainConfig
from artsim_dataset.train.holdout import components, holdout
from artsim_dataset.train.siamese import train_siamese
from benchmarks.measure import header, paintings, record, run_artsim

METRICS = ("triplet_accuracy", "recall@1", "triplet_accuracy_same_genre")
SHORT = ("triplets", "recall@1", "same genre")
TEST_SHARE = 0.25

Numbers = dict[str, list[float]]
"""Values of METRICS as is, then perturbed, by subject."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", help="folder of paintings to build from")
    parser.add_argument("--dataset", help="a built data set, instead of building one")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="each gives another split")
    options = parser.parse_args()
    print(header())
    with tempfile.TemporaryDirectory() as folder:
        rows = all_rows(options.dataset or built(str(paintings(options.paintings)), Path(folder) / "data"))
        encoder = get_encoder("lite")
        cache = EmbeddingCache(encoder)
        found = [one_split(rows, encoder, cache, Path(folder), seed, TrainConfig()) for seed in options.seeds]
    print(f"{len(options.seeds)} artist-disjoint splits of {len(PairRows(rows).painting_ids)} paintings")
    for subject in found[0]:
        print(f"{subject:<10} {table_row([one[subject] for one in found])}")
        for place, metric in enumerate((*METRICS, *(f"{metric}, perturbed" for metric in METRICS))):
            record(f"`lite`, {subject}, {metric}, unseen artists", [one[subject][place] for one in found], digits=4)


def built(source: str, folder: Path) -> str:
    run_artsim("build", "--source", source, "--out", str(folder), "--set", "prompt.variants=2")
    return str(folder)


def all_rows(dataset: str) -> Dataset:
    disable_progress_bars()
    loaded = load_artsim(dataset, "pairs", split="train+test")
    assert isinstance(loaded, Dataset)
    return loaded


def one_split(
    rows: Dataset, encoder: Encoder, cache: EmbeddingCache, folder: Path, seed: int, config: TrainConfig
) -> Numbers:
    """Trains on three quarters and evaluates on the last one, which is by other artists."""
    table = PairRows(rows)
    artists, groups = table.artists[table.first_row], table.groups[table.first_row]
    held = holdout(table.painting_ids.tolist(), components(artists.tolist(), groups.tolist()), TEST_SHARE, seed)
    test = held[table.painting]
    model = folder / f"model-{seed}"
    train_siamese(rows.select(np.flatnonzero(~test)), encoder, config, model, cache=cache)
    result = evaluate(rows.select(np.flatnonzero(test)), trained(model, encoder), cache=cache)
    assert result.baseline is not None
    return {
        name: [scores.numbers[metric] for scores in (one.as_is, one.perturbed) for metric in METRICS]
        for name, one in (("trained", result), ("untrained", result.baseline))
    }


def trained(folder: Path, encoder: Encoder) -> SimilarityModel:
    """The model in a folder, on an encoder that is open already."""
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    facts = json.loads((folder / FACTS_FILE).read_text("utf-8"))
    layers = tuple(read_layer(folder / m["path"], m["type"]) for m in modules if m["type"] in LAYERS)
    return SimilarityModel(folder.name, encoder, layers, float(facts["tau"]), facts)


def table_row(splits: Sequence[Sequence[float]]) -> str:
    """Means over the splits, with the lowest and the highest: as is, then perturbed."""
    columns = np.array(splits).T
    cells = [
        f"{name} {c.mean():.4f} [{c.min():.4f}, {c.max():.4f}]" for name, c in zip(SHORT * 2, columns, strict=True)
    ]
    return f"as is: {', '.join(cells[:3])}   perturbed: {', '.join(cells[3:])}"


if __name__ == "__main__":
    main()
