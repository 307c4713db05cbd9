"""What every diffusion generator does alike: constant batches, checked floats, the careful way, provenance.

On a CPU images are made one by one, whatever the batch. In a batch, kernels round a little otherwise by its size and by
the place in it (measured: some bytes of an image change by one grey level), so this is what makes an image the same to
the bit alone, in a batch of six and after a resume. It costs speed: half of it with the tiny models of the tests.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from builder.model_config import Diffusion
from builder.models import ImageTask, Made, Pixels
from builder.models.batch_size import fastest_batch
from builder.models.devices import Batcher
from builder.models.diffusion import Floats, Pipeline
from builder.stage import Reject

C = TypeVar("C", bound=Diffusion)


class HubGenerator(ABC, Generic[C]):
    """Implements ``ImageGenerator``; a subclass says how a task becomes the pipeline's arguments, and what it adds.

    Args:
        pipeline: opened.
        config: its settings; a batch of 0 is replaced by the fastest.
    """

    def __init__(self, pipeline: Pipeline, config: C) -> None:
        self.pipeline = pipeline
        self.config = config
        self._batcher = Batcher(1 if self._one_by_one else config.batch or fastest_batch(self._trial))

    @abstractmethod
    def arguments(self, tasks: Sequence[ImageTask]) -> dict[str, Any]:
        """What the pipeline is called with for these tasks."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What this kind of generator adds to the provenance."""

    @abstractmethod
    def trial_task(self) -> ImageTask:
        """A task of usual size, to find the batch with."""

    def cut(self, image: Pixels, task: ImageTask) -> Pixels:
        """The variant in what the pipeline made: all of it, unless the generator framed the painting."""
        return image

    @property
    def batch(self) -> int:
        """Images that are taken at once; on a GPU also made at once."""
        return max(self._batcher.size, self.config.batch or 1) if self._one_by_one else self._batcher.size

    @property
    def _one_by_one(self) -> bool:
        return self.pipeline.device.type == "cpu"

    def generate(self, tasks: Sequence[ImageTask]) -> list[Made | Reject]:
        images = self._batcher(lambda batch: self.pipeline.run(**self.arguments(batch)), tasks)
        return [self._made(task, image) for task, image in zip(tasks, images, strict=True)]

    def careful(self, task: ImageTask) -> Made | Reject:
        """Again, decoded by the model's own VAE in float32."""
        image = self._batcher(lambda batch: self.pipeline.run_careful(**self.arguments(batch)), [task])[0]
        own = {"vae": self.pipeline.weights.identity(), "vae_dtype": "float32", "retried": True}
        return self._made(task, image, **own)

    def provenance(self, **more: Any) -> dict[str, Any]:
        """All that it takes to make an image again, its prompt and seed aside."""
        steps = {"steps": self.config.steps, "effective_steps": self.config.steps, "guidance": self.config.guidance}
        batch = {"batch": self.batch, "one_by_one": self._one_by_one}
        return {**self.pipeline.facts, **steps, **batch, **self.settings(), **more}

    def _made(self, task: ImageTask, image: Floats | Reject, **more: Any) -> Made | Reject:
        if isinstance(image, Reject):
            return image
        if not np.isfinite(image).all():
            return Reject("not_finite", "the model gave NaN or infinite pixels")
        pixels = (image.clip(0, 1) * 255 + 0.5).astype(np.uint8)
        return Made(self.cut(pixels, task), self.provenance(**more))

    def _trial(self, size: int) -> None:
        self.pipeline.run(**self.arguments([self.trial_task()] * size))


def noise(side: int) -> Pixels:
    """A square picture of noise, for trials."""
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
