"""Images from prompts alone, by any text-to-image pipeline; Stable Diffusion 2.1, as S3 studied it, by default."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from builder.model_config import Text2Img
from builder.models import ImageGenerator, ImageTask
from builder.models.diffusion import opened
from builder.models.hub_generator import HubGenerator
from builder.models.weights import Weights


@contextmanager
def open_text2img(weights: Weights, config: Text2Img) -> Iterator[ImageGenerator]:
    """Loads the pipeline for as long as the block lasts."""
    with opened("AutoPipelineForText2Image", weights, config) as pipeline:
        yield Text2ImgGenerator(pipeline, config)


class Text2ImgGenerator(HubGenerator[Text2Img]):
    """prompt -> image."""

    def settings(self) -> dict[str, Any]:
        return {"prompt_read": True}

    def trial_task(self) -> ImageTask:
        return ImageTask("trial", None, "a painting", "", seed=0)

    def arguments(self, tasks: Sequence[ImageTask]) -> dict[str, Any]:
        return {
            "prompt": [task.prompt for task in tasks],
            "generator": self.pipeline.generators([task.seed for task in tasks]),
            "num_inference_steps": self.config.steps,
            "guidance_scale": self.config.guidance,
            **{name: side for name in ("width", "height") if (side := getattr(self.config, name))},
        }
