"""Generation of the `lite` preset against a bare onnxruntime loop over the same paintings.

    python -m benchmarks.generate --count 60

The bare loop holds decoded, resized float arrays ready and does nothing but run the network, with as many threads
as there are cores; the stage reads Parquet, decodes, resizes, runs, checks, scales back, encodes and writes, in
worker processes. At least 0.90 is the goal.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measure import header, interleave, paintings, record, spread
from builder.build import build
from builder.config import load_config
from builder.engine import LocalEngine
from builder.models.style_transfer import network_input, repaint
from builder.shards import StageFolder


class Quiet:
    def stage(self, name: str, rows: int, done: int) -> None: ...

    def advance(self, rows: int) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", help="folder of paintings")
    parser.add_argument("--count", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    source = str(paintings(options.paintings))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "data"
        engine = LocalEngine()
        config = load_config(source={"limit": options.count})
        build(source, out, config, engine, Quiet())
        arrays = _arrays(out)
        cores = os.cpu_count() or 1

        def ours() -> None:
            for stage in ("generate", "recaption", "crop"):
                for made in (out / "work").glob(f"*-{stage}-*"):
                    shutil.rmtree(made)
            result = build(source, out, config, engine, Quiet())
            took.append(next(report.seconds for report in result.reports if report.name == "generate"))

        def bare() -> None:
            for image, vector in arrays:
                repaint(image, vector, threads=cores)

        took: list[float] = []
        bare()  # opens the session
        ours()  # opens the workers' sessions
        took.clear()
        times = interleave({"bare": bare, "ours": ours}, options.repeats)
        engine.close()
    ratios = [b / o for b, o in zip(times["bare"], took, strict=True)]
    print(f"{header()}; {len(arrays)} variants, {options.repeats} repeats; min / median / max")
    print(f"bare onnxruntime loop, {cores} threads: {spread([len(arrays) / t for t in times['bare']])} images/s")
    print(f"stage 'generate', {engine.workers} workers:    {spread([len(arrays) / t for t in took])} images/s")
    print(f"ratio: {spread(ratios)}")
    record("stage `generate` : bare onnxruntime loop, images/s", ratios, ">= 0.90")


def _arrays(out: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Network inputs of all variants, ready in memory."""
    from artsim_dataset.images import content

    (preprocess,) = (out / "work").glob("*-preprocess-*")
    (style,) = (out / "work").glob("*-style-*")
    arrays = []
    boxes = ("content_left", "content_top", "content_right", "content_bottom")
    for data in sorted(preprocess.glob("*.parquet")):
        rows = StageFolder(preprocess, ("image", *boxes)).read(data.stem, ("image", *boxes)).to_pylist()
        vectors = StageFolder(style, ("style_vector",)).read(data.stem, ("style_vector",)).to_pylist()
        for row, vector in zip(rows, vectors, strict=True):
            image, _, _ = network_input(content(row["image"], *(row[side] for side in boxes)))
            arrays.append((image, np.frombuffer(vector["style_vector"], np.float32)))
    return arrays


if __name__ == "__main__":
    main()
