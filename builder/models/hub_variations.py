"""Stable Diffusion image variations (S4): the picture's CLIP embedding stands where a prompt would.

The layout is not kept, only what CLIP saw. The pixels are prepared as the model's authors ask: 224 px, bicubic, CLIP's
mean and deviation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image

from builder.model_config import Variations
from builder.models import ImageGenerator, ImageTask, Pixels
from builder.models.diffusion import Pipeline, opened
from builder.models.hub_generator import HubGenerator, noise
from builder.models.weights import Weights


@contextmanager
def open_variations(weights: Weights, config: Variations) -> Iterator[ImageGenerator]:
    """Loads the pipeline for as long as the block lasts."""
    with opened("StableDiffusionImageVariationPipeline", weights, config) as pipeline:
        yield VariationGenerator(pipeline, config)


class VariationGenerator(HubGenerator[Variations]):
    """painting -> variant of the same subject and mood, made at the model's own size and scaled to the painting's."""

    def __init__(self, pipeline: Pipeline, config: Variations) -> None:
        from transformers import CLIPImageProcessorPil

        side = pipeline.pipe.image_encoder.config.image_size
        square = {"height": side, "width": side}
        # Not the pipeline's own: that one is built on torchvision where it is installed, and resizes otherwise.
        self._processor = CLIPImageProcessorPil(size=square, crop_size=square)
        super().__init__(pipeline, config)

    def settings(self) -> dict[str, Any]:
        return {"prompt_read": False}

    def trial_task(self) -> ImageTask:
        return ImageTask("trial", noise(224), "", "", seed=0)

    def cut(self, image: Pixels, task: ImageTask) -> Pixels:
        return image if task.image is None else resized(image, *task.image.shape[:2])

    def arguments(self, tasks: Sequence[ImageTask]) -> dict[str, Any]:
        pictures = [Image.fromarray(task.image) for task in tasks if task.image is not None]
        pixels = self._processor(images=pictures, return_tensors="pt").pixel_values
        return {
            "image": pixels.to(self.pipeline.device, self.pipeline.dtype),
            "generator": self.pipeline.generators([task.seed for task in tasks]),
            "num_inference_steps": self.config.steps,
            "guidance_scale": self.config.guidance,
        }


def resized(image: Pixels, height: int, width: int) -> Pixels:
    """The image at another size, bicubic."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))
