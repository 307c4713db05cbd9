"""The generate stage against a bare diffusers loop: the same pipeline, the same paintings, the same settings.

    python -m benchmarks.orchestration

Both start from letterboxed JPEGs in memory and end with JPEGs. The bare loop is what one would write in a notebook:
decode, call the pipeline with a generator for each image, encode. The stage crops, frames, checks every image, writes
provenance, and decodes and encodes while the model works. The checkpoint is tiny but has SDXL Refiner's shape and
class, with a UNet wide enough that a batch takes about a second. On a CPU the stage makes images one by one, so the
bare loop does too; its time with whole batches is printed beside. At most 3 % of overhead is the goal.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from artsim_dataset.images import encode
from benchmarks.measure import header, interleave, record, spread
from builder.model_config import Img2Img
from builder.models.hub_generator import HubGenerator
from builder.models.hub_img2img import open_img2img
from builder.models.weights import resolve
from builder.stage import Reject, Row
from builder.stages.generate import GenerateStage
from tests.builder.models import tiny_diffusion

SIDE = 128
WIDE = {"block_out_channels": (64, 128), "layers_per_block": 2, "attention_head_dim": (4, 8)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=12, help="paintings; a multiple of the batch of 6")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tiny_diffusion.refiner(folder / "refiner", **WIDE)
        tiny_diffusion.taesd(folder / "taesd")
        config = Img2Img(model=str(folder / "refiner"), vae=str(folder / "taesd"))
        weights, vae = resolve(config.model, "", folder), resolve(str(config.vae), "", folder)
        with open_img2img(weights, vae, config, SIDE) as generator:
            assert isinstance(generator, HubGenerator)
            _measure(generator, _rows(options.count), config, options.repeats)


def _measure(generator: HubGenerator[Any], rows: list[Row], config: Img2Img, repeats: int) -> None:
    stage = GenerateStage(lambda: _opened(generator), {}, quality=95, seed=1)
    pipe = generator.pipeline.pipe
    with stage.open() as run:

        def ours() -> None:
            if bad := [made for made in run(iter(rows)) if isinstance(made, Reject)]:
                raise SystemExit(f"the stage rejected {len(bad)} images: {bad[0]}")

        work: dict[str, Callable[[], object]] = {
            "bare": partial(_bare, pipe, rows, config, 1),
            "stage": ours,
            "batches": partial(_bare, pipe, rows, config, config.batch),
        }
        _bare(pipe, rows[:1], config, 1)  # chooses kernels
        times = interleave(work, repeats)
    overhead = [ours / bare - 1 for bare, ours in zip(times["bare"], times["stage"], strict=True)]
    share = [t / len(rows) * config.batch for t in times["bare"]]
    print(f"{header()}; {len(rows)} paintings of {SIDE} px, {repeats} repeats; min / median / max")
    print(f"bare loop, one by one:    {spread(times['bare'])} s ({spread(share)} s for each {config.batch})")
    print(f"bare loop, batches of {config.batch}:  {spread(times['batches'])} s")
    print(f"stage 'generate':         {spread(times['stage'])} s")
    print(f"overhead of the stage:    {spread([100 * o for o in overhead], 1)} % (goal 3)")
    record("stage `generate` over a bare diffusers loop, % more time", [100 * o for o in overhead], "<= 3", 1)


class _opened:
    """A generator that is open already, as a context."""

    def __init__(self, generator: HubGenerator[Any]) -> None:
        self.generator = generator

    def __enter__(self) -> HubGenerator[Any]:
        return self.generator

    def __exit__(self, *_: object) -> None: ...


def _bare(pipe: Any, rows: list[Row], config: Img2Img, batch: int) -> list[bytes]:
    """What S1's script did, with seeds."""
    import torch

    made = []
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        images = pipe(
            prompt=[row["prompt_compressed"] for row in part],
            image=[Image.open(io.BytesIO(row["image"])).convert("RGB") for row in part],
            generator=[torch.Generator().manual_seed(row["seed"]) for row in part],
            num_inference_steps=config.steps,
            strength=config.strength,
            guidance_scale=config.guidance,
            aesthetic_score=config.aesthetic_score,
            negative_aesthetic_score=config.negative_aesthetic_score,
        ).images
        for image in images:
            stream = io.BytesIO()
            image.save(stream, "JPEG", quality=95)
            made.append(stream.getvalue())
    return made


def _rows(count: int) -> list[Row]:
    rng = np.random.default_rng(0)
    rows = []
    for number in range(count):
        frame = np.zeros((SIDE, SIDE, 3), np.uint8)
        small = Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8))
        frame[16:-16] = np.asarray(small.resize((SIDE, SIDE - 32), Image.Resampling.BICUBIC))
        rows.append(
            {
                "id": f"Cubism/a_{number}-0",
                "image": encode(frame),
                **{"content_left": 0, "content_top": 16, "content_right": SIDE, "content_bottom": SIDE - 16},
                **{"level": "radical", "seed": number, "prompt_compressed": f"harbour {number} in winter"},
                "style_vector": np.zeros(100, np.float32).tobytes(),
            }
        )
    return rows


if __name__ == "__main__":
    main()
