"""How well a detector tells AI variants from paintings, and how far that carries: the tables of docs/detector.md.

    python -m benchmarks.detector                          builds, trains and prints; long, the cnn trains three times
    python -m benchmarks.detector --heads linear mlp       without the network on pixels
    python -m benchmarks.detector --history                what the pipeline cannot undo
    python -m benchmarks.detector --formats FOLDER         formats alone, on files in FOLDER/original and FOLDER/ai

Two data sets of the same 200 paintings, by two generators (`lite`, and the 26 styles of the same wheel), divided as the
build divides them. `--work DIR` keeps data sets and detectors: a second run prints without training.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from artsim_dataset.detector.baseline import format_baseline, read_labelled_folder
from artsim_dataset.detector.card import formats_table, robustness_table, scores_table
from artsim_dataset.detector.pipeline import USED, draw_recipe
from benchmarks.measure import header, paintings, run_artsim

GENERATORS = {"lite": "style-transfer", "26-styles": "26-styles"}
HEADS = ("linear", "mlp", "cnn")
HISTORIES = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", help="folder of paintings")
    parser.add_argument("--limit", type=int, default=200, help="paintings of each data set")
    parser.add_argument("--heads", nargs="+", default=HEADS, choices=HEADS)
    parser.add_argument("--work", type=Path, help="folder that keeps data sets and detectors")
    parser.add_argument("--history", action="store_true")
    parser.add_argument("--formats", type=Path, help="folder with original/ and ai/")
    options = parser.parse_args()
    print(header())
    if options.formats:
        formats(options.formats)
        return
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        datasets = [built(work / name, kind, options) for name, kind in GENERATORS.items()]
        if options.history:
            history(datasets[0])
            return
        for head in options.heads:
            report(head, trained(work / head, head, datasets))


def built(folder: Path, kind: str, options: argparse.Namespace) -> str:
    """The data set of one generator, at 384 px, where the style network of `lite` works."""
    if not (folder / "build.json").is_file():
        settings = ("--set", "preprocess.size=384", "--set", f"generate.kind={kind}")
        source = ("--source", str(paintings(options.paintings)), "--out", str(folder), "--limit", str(options.limit))
        run_artsim("build", *source, *settings)
    return str(folder)


def trained(folder: Path, head: str, datasets: list[str]) -> dict[str, Any]:
    """What `artsim_detector.json` says of a detector with this head."""
    if not (folder / "artsim_detector.json").is_file():
        epochs = ("--epochs", "15") if head == "cnn" else ()
        run_artsim("train", "detector", *datasets, "--out", str(folder), "--head", head, *epochs)
    facts: dict[str, Any] = json.loads((folder / "artsim_detector.json").read_text("utf-8"))
    return facts


def report(head: str, facts: dict[str, Any]) -> None:
    evaluation = facts["evaluation"]
    print(f"\n### {head}, images: {facts['images']}\n")
    print("\n".join(scores_table(evaluation["generators"], "generator, in training")), "\n")
    unseen = {row["generator"]: row["unseen"] for row in facts["leave_one_out"]}
    print("\n".join(scores_table(unseen, "generator, left out of training")), "\n")
    print("\n".join(robustness_table(evaluation)), "\n")
    print("\n".join(formats_table(evaluation)))


def formats(folder: Path) -> None:
    """The format baseline on files as they are, and after the pipeline."""
    files, labels, sources = read_labelled_folder(folder)
    piped = []
    for data, source in zip(files, sources, strict=True):
        with Image.open(io.BytesIO(data)) as image:
            piped.append(draw_recipe(source, 0, 42).encode(image))
    for name, some in (("published", files), ("pipeline", piped)):
        found = format_baseline(some, labels, sources)
        shown = ", ".join(f"{key} {auc:.3f} {found.ci[key]}" for key, auc in found.roc_auc.items())
        print(f"{name} ({found.files} files): ROC-AUC {shown}")


def _jpeg(quality: int) -> Callable[[Image.Image], Image.Image]:
    def again(image: Image.Image) -> Image.Image:
        data = io.BytesIO()
        image.save(data, "JPEG", quality=quality)
        return Image.open(data).convert("RGB")

    return again


def _from(share: float) -> Callable[[Image.Image], Image.Image]:
    def scaled(image: Image.Image) -> Image.Image:
        small = image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.BICUBIC)
        return small.resize(image.size, Image.Resampling.BICUBIC)

    return scaled


def history(dataset: str) -> None:
    """Paintings against the same paintings with another past: what is found is a trace that the pipeline leaves.

    A logistic regression on `lite` embeddings, five folds by painting; 0.5 would be a perfect pipeline.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from artsim_dataset.detector.rows import DetectorRows
    from artsim_dataset.encoders import get_encoder

    rows, encoder = DetectorRows([dataset]), get_encoder("lite")
    chosen = np.flatnonzero(~rows.is_ai)[:HISTORIES].tolist()
    pasts = {"jpeg 90": _jpeg(90), "jpeg 70": _jpeg(70), "jpeg 30": _jpeg(30), "enlarged from 0.75": _from(0.75)}
    plain = encoder.encode([USED.apply(rows.image(row)) for row in chosen])
    print("| past of one class | ROC-AUC after the pipeline |\n|---|---:|")
    for name, past in pasts.items():
        other = encoder.encode([USED.apply(past(rows.image(row))) for row in chosen])
        labels, groups = np.repeat([0, 1], len(chosen)), np.tile(np.arange(len(chosen)), 2)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
        found = cross_val_predict(
            model, np.concatenate([plain, other]), labels, groups=groups, cv=GroupKFold(5), method="decision_function"
        )
        print(f"| {name} | {roc_auc_score(labels, found):.3f} |", flush=True)


if __name__ == "__main__":
    main()
