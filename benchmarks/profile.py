"""What one row of a `lite` build costs beside the networks, piece by piece: CPU milliseconds for one painting.

    python -m benchmarks.profile --paintings ../shared/data/paintings --size 768

The pieces are the functions that the stages call, in their order, on real paintings; `network` lines are the two ONNX
networks for comparison, which nothing here can make cheaper. CPU time, since a wall clock also counts the neighbours;
the smallest of five repeats. Which stage spends what in a whole build, py-spy tells: `py-spy record --subprocesses`
before `artsim build` with `--workers 1`. What was found, and what became of it: docs/scale.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from artsim_dataset import style_network
from artsim_dataset.images import content, content_image, encode, shrink
from artsim_dataset.letterbox import letterbox
from benchmarks.measure import header, paintings
from builder.checks import fault
from builder.models import style_transfer
from builder.models.lite_caption import describe
from builder.models.measure import COLOUR_SIDE, FORM_SIDE, clusters, measure, oklab
from builder.models.measure import shrink as averaged

REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", help="folder of paintings")
    parser.add_argument("--size", type=int, default=768, help="side of the letterbox in pixels")
    parser.add_argument("--count", type=int, default=12)
    options = parser.parse_args()
    files = sorted(paintings(options.paintings).rglob("*.jpg"))
    data = [file.read_bytes() for file in files[:: max(1, len(files) // options.count)][: options.count]]
    print(f"{header()}; {len(data)} paintings, {options.size} px; CPU ms a painting, the smallest of {REPEATS}")
    for name, work in pieces(data, options.size).items():
        print(f"{name:44} {cheapest(work) / len(data):8.2f}", flush=True)


def cheapest(work: Callable[[], object]) -> float:
    """CPU milliseconds of the cheapest run: the first of all fills caches."""
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return 1000 * min(times)


def pieces(data: Sequence[bytes], size: int) -> dict[str, Callable[[], object]]:
    """Piece -> what does it to all paintings."""
    boxed = [letterbox(one, size) for one in data]
    pictures = [content_image(one.jpeg, *one.box) for one in boxed]
    pixels = [np.asarray(picture) for picture in pictures]
    labs = [oklab(np.asarray(averaged(averaged(one, FORM_SIDE), COLOUR_SIDE))).reshape(-1, 3) for one in pictures]
    measured = [measure(one) for one in pixels]
    others = [np.ascontiguousarray(one[::-1]) for one in pixels]
    small = [style_transfer.network_input(one)[0] for one in pixels]
    painted = [Image.fromarray((one * 255).astype(np.uint8)) for one in small]
    vectors = style_network.style_vectors(pictures)
    square = np.zeros((1, style_network.STYLE_SIDE, style_network.STYLE_SIDE, 3), np.float32)
    side, lanczos, cubic = min(size, 256), Image.Resampling.LANCZOS, Image.Resampling.BICUBIC
    return {
        "preprocess: letterbox": partial(_each, lambda one: letterbox(one, size), data),
        "any stage: decode": partial(_each, lambda one: content(one.jpeg, *one.box), boxed),
        "style: scale to 256 (Lanczos)": partial(_each, lambda one: one.resize((256, 256), lanczos), pictures),
        "style: network": partial(_each, lambda _: style_network.run("predict", square), data),
        "caption, recaption: measure": partial(_each, measure, pixels),
        "  of it: k-means of the colours": partial(_each, clusters, labs),
        "caption, recaption: words": partial(_each, lambda one: describe(one, "Cubism"), measured),
        "generate: scale to 384 and pad": partial(_each, style_transfer.network_input, pixels),
        "generate: network (style-transfer)": lambda: [
            style_transfer.repaint(one, vector) for one, vector in zip(small, vectors, strict=True)
        ],
        "generate: scale back (bicubic)": lambda: [
            one.resize(full.size, cubic) for one, full in zip(painted, pictures, strict=True)
        ],
        "generate: check": lambda: [fault(one, other) for one, other in zip(others, pixels, strict=True)],
        "generate: encode": partial(_each, encode, pixels),
        "crop: decode, scale to 256, encode": partial(_each, lambda one: shrink(one.jpeg, one.box, side, 90), boxed),
    }


def _each(work: Callable[[Any], object], items: Sequence[Any]) -> None:
    for item in items:
        work(item)


if __name__ == "__main__":
    main()
