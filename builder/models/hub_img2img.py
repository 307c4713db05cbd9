"""Image-to-image with any diffusers pipeline; SDXL Refiner 1.0 as S1 ran it by default.

The painting stands in its black frame, as S1's did: all inputs have one size, so a batch is one tensor and is compiled
once. What comes out is cut to the painting again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image

from builder.model_config import Img2Img
from builder.models import ImageGenerator, ImageTask, Pixels
from builder.models.diffusion import Pipeline, opened
from builder.models.hub_generator import HubGenerator, noise
from builder.models.weights import Weights

_EMBEDDINGS = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
_CACHED_PROMPTS = 256


@contextmanager
def open_img2img(weights: Weights, vae: Weights | None, config: Img2Img, size: int) -> Iterator[ImageGenerator]:
    """Loads the pipeline for as long as the block lasts. ``size`` is the side of the letterbox in pixels."""
    with opened("AutoPipelineForImage2Image", weights, config, vae) as pipeline:
        yield Img2ImgGenerator(pipeline, config, size)


class Img2ImgGenerator(HubGenerator[Img2Img]):
    """painting and prompt -> variant with the painting's layout."""

    def __init__(self, pipeline: Pipeline, config: Img2Img, size: int) -> None:
        self.side = -(-size // 8) * 8  # a VAE halves three times
        self._embedded: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._scores: dict[str, float] = {}
        if getattr(pipeline.pipe.config, "requires_aesthetics_score", False):
            self._scores = {
                "aesthetic_score": config.aesthetic_score,
                "negative_aesthetic_score": config.negative_aesthetic_score,
            }
        super().__init__(pipeline, config)

    def settings(self) -> dict[str, Any]:
        steps, strength = self.config.steps, self.config.strength
        return {
            "strength": strength,
            "effective_steps": min(int(steps * strength), steps),
            "negative_prompt": self.config.negative_prompt,
            "size": self.side,
            "prompt_read": True,
            **self._scores,
        }

    def trial_task(self) -> ImageTask:
        return ImageTask("trial", noise(self.side), "a painting", "radical", seed=0)

    def cut(self, image: Pixels, task: ImageTask) -> Pixels:
        top, left, height, width = _place(_painting(task), self.side)
        return image[top : top + height, left : left + width]

    def arguments(self, tasks: Sequence[ImageTask]) -> dict[str, Any]:
        return {
            "image": [Image.fromarray(framed(_painting(task), self.side)) for task in tasks],
            "generator": self.pipeline.generators([task.seed for task in tasks]),
            "num_inference_steps": self.config.steps,
            "strength": self.config.strength,
            "guidance_scale": self.config.guidance,
            **self._prompts([task.prompt for task in tasks]),
            **self._scores,
        }

    def _prompts(self, prompts: Sequence[str]) -> dict[str, Any]:
        """The prompts as texts, or as embeddings that are kept for the next image with the same prompt."""
        import torch

        if not self.config.cache_prompts:
            return {"prompt": list(prompts), "negative_prompt": [self.config.negative_prompt] * len(prompts)}
        rows = [self._embed(prompt) for prompt in prompts]
        return {name: torch.cat([row[name] for row in rows]) for name in rows[0]}

    def _embed(self, prompt: str) -> dict[str, Any]:
        if prompt not in self._embedded:
            embeddings = self.pipeline.pipe.encode_prompt(
                prompt,
                device=self.pipeline.device,
                num_images_per_prompt=1,
                do_classifier_free_guidance=self.config.guidance > 1,
                negative_prompt=self.config.negative_prompt,
            )
            named = zip(_EMBEDDINGS, embeddings, strict=False)
            self._embedded[prompt] = {name: tensor for name, tensor in named if tensor is not None}
            if len(self._embedded) > _CACHED_PROMPTS:
                self._embedded.popitem(last=False)
        self._embedded.move_to_end(prompt)
        return self._embedded[prompt]


def framed(image: Pixels, side: int) -> Pixels:
    """The image in the middle of a black square of ``side`` pixels: the letterbox that it came from."""
    top, left, height, width = _place(image, side)
    frame = np.zeros((side, side, 3), np.uint8)
    frame[top : top + height, left : left + width] = image
    return frame


def _painting(task: ImageTask) -> Pixels:
    if task.image is None:
        raise TypeError("an image-to-image generator needs a painting")
    return task.image


def _place(image: Pixels, side: int) -> tuple[int, int, int, int]:
    height, width = image.shape[:2]
    return (side - height) // 2, (side - width) // 2, height, width
