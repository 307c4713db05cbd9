"""The `lite` generator: arbitrary neural style transfer on the CPU (Ghiasi et al. 2017).

A real generator, and labelled as what it is: it repaints a painting in the style of another one. It does not read
the prompt. The network works at 384 px; the variant is scaled back to the painting's size, so it is a little soft.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from artsim_dataset import style_network
from artsim_dataset.errors import ConfigError
from builder.models import ImageTask, Made, Pixels
from builder.stage import Reject

SIZE = style_network.TRANSFORM_SIDE


@dataclass(frozen=True)
class StyleTransferGenerator:
    """Implements ``ImageGenerator``. A moderate variant keeps a share of the painting's own style, a radical none.

    Args:
        moderate_own_share: 0 to 1, weight of the painting's own style vector at level moderate.
    """

    moderate_own_share: float = 0.5

    batch: ClassVar[int] = 1

    def settings(self) -> dict[str, Any]:
        """What identifies this generator in fingerprints and in provenance."""
        return {
            "generator": "style-transfer",
            "model": "arbitrary-image-stylization, Ghiasi et al. 2017",
            "revision": {network: style_network.SHA256[network][:16] for network in ("predict", "transform")},
            "moderate_own_share": self.moderate_own_share,
        }

    def generate(self, tasks: Sequence[ImageTask]) -> list[Made | Reject]:
        return [self._one(task) for task in tasks]

    def careful(self, task: ImageTask) -> None:
        """There is no other way to run this network."""
        return None

    def _provenance(self, task: ImageTask) -> dict[str, Any]:
        settings = self.settings()
        share = settings.pop("moderate_own_share") if task.level == "moderate" else 0.0
        return {**settings, "own_style_share": share, "network_size": SIZE, "dtype": "float32", "prompt_read": False}

    def _one(self, task: ImageTask) -> Made | Reject:
        if task.style is None or task.own_style is None or task.image is None:
            raise ConfigError(
                "the style-transfer generator needs style vectors: put the stage 'style' before 'generate'"
            )
        share = self.moderate_own_share if task.level == "moderate" else 0.0
        vector = share * task.own_style + (1 - share) * task.style
        small, height, width = network_input(task.image)
        painted = repaint(small, vector)[:height, :width]
        if not np.isfinite(painted).all():
            return Reject("not_finite", "the network gave NaN or infinite pixels")
        pixels = (painted.clip(0, 1) * 255 + 0.5).astype(np.uint8)
        back = Image.fromarray(pixels).resize(task.image.shape[1::-1], Image.Resampling.BICUBIC)
        return Made(np.asarray(back), self._provenance(task))


def repaint(image: np.ndarray, vector: np.ndarray, threads: int = 1) -> np.ndarray:
    """Runs the network alone: float32 (384, 384, 3) in [0, 1] and a style vector (100,) -> the same shape."""
    style = vector.astype(np.float32).reshape(1, 1, 1, style_network.STYLE_DIM)
    return style_network.run("transform", image[None], style, threads=threads)[0]


def network_input(image: Pixels) -> tuple[np.ndarray, int, int]:
    """The image fitted into 384 x 384 and filled up by reflection: black bars would bleed into the picture."""
    height, width = image.shape[:2]
    scale = SIZE / max(height, width)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(Image.fromarray(image).resize((w, h), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    # 'symmetric' also fills where the picture is narrower than its margin, as 'reflect' does not for one pixel
    return np.pad(small, ((0, SIZE - h), (0, SIZE - w), (0, 0)), mode="symmetric"), h, w
