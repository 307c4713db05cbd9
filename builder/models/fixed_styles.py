"""The generator `26-styles`: one of 26 learned styles on the CPU (conditional instance norm, Dumoulin et al. 2017).

The second network in the wheel of `lite`, made by other people in another way: a second cheap generator, so that a
detector can be tested on one that it was not trained on. It reads neither the prompt nor another painting; which of
its styles a variant gets follows from the variant's seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from artsim_dataset import style_network
from artsim_dataset.errors import ConfigError
from builder.models import ImageTask, Made, Pixels
from builder.stage import Reject

STYLES = 26
STEP = 4
"""The network halves its input twice, so sides are multiples of this."""


@dataclass(frozen=True)
class FixedStyleGenerator:
    """Implements ``ImageGenerator``.

    Args:
        moderate_own_share: 0 to 1, how much of the painting's own pixels shines through at level moderate; at level
            radical nothing does.
    """

    moderate_own_share: float = 0.5

    batch: ClassVar[int] = 1

    def settings(self) -> dict[str, Any]:
        """What identifies this generator in fingerprints and in provenance."""
        return {
            "generator": "26-styles",
            "model": "multistyle26, conditional instance normalisation, Dumoulin et al. 2017",
            "revision": style_network.SHA256["26-styles"][:16],
            "moderate_own_share": self.moderate_own_share,
        }

    def generate(self, tasks: Sequence[ImageTask]) -> list[Made | Reject]:
        return [self._one(task) for task in tasks]

    def careful(self, task: ImageTask) -> None:
        """There is no other way to run this network."""
        return None

    def _one(self, task: ImageTask) -> Made | Reject:
        if task.image is None:
            raise ConfigError("the generator 26-styles repaints paintings, and cannot make images from prompts alone")
        settings = self.settings()
        share = settings.pop("moderate_own_share") if task.level == "moderate" else 0.0
        settings.pop("moderate_own_share", None)
        style = task.seed % STYLES
        painted = repaint(task.image, style)
        if not np.isfinite(painted).all():
            return Reject("not_finite", "the network gave NaN or infinite pixels")
        mixed = share * task.image + (1 - share) * 255 * painted.clip(0, 1)
        facts = {"style_index": style, "own_pixel_share": share, "dtype": "float32", "prompt_read": False}
        return Made((mixed + 0.5).astype(np.uint8), {**settings, **facts})


def repaint(image: Pixels, style: int, threads: int = 1) -> np.ndarray:
    """The network alone: uint8 pixels (height, width, 3) and a style from 0 to 25 -> float32, the same shape, in
    [0, 1]. The picture is filled up by reflection to sides that the network can halve."""
    height, width = image.shape[:2]
    fill = ((0, -height % STEP), (0, -width % STEP), (0, 0))
    pixels = np.pad(image, fill, mode="symmetric").astype(np.float32).transpose(2, 0, 1)[None] / 255
    weights = np.zeros(STYLES, np.float32)
    weights[style] = 1
    made = style_network.run("26-styles", np.ascontiguousarray(pixels), weights, threads=threads)[0]
    return made.transpose(1, 2, 0)[:height, :width]
