"""What all diffusers pipelines of the build share: opening, tuning, seeding, and reading images back.

Seeds are one ``torch.Generator`` for each image, made on the CPU, so that an image does not know which others are in
its batch. Images are read as floats, because a NaN is only visible before it is rounded to a byte.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from builder.models.devices import best_device, choose_dtype, half_precision, quiet_libraries
from builder.models.weights import Weights, loading
from builder.stage import Reject

if TYPE_CHECKING:
    import torch

    from builder.model_config import Diffusion

logger = logging.getLogger(__name__)

Floats = np.ndarray
"""An image as the pipelines give it: float32, shape (height, width, 3), nominally 0 to 1."""


@dataclass
class Pipeline:
    """An opened pipeline, and what is true of it: plain JSON for the provenance."""

    pipe: Any
    weights: Weights
    device: torch.device
    dtype: torch.dtype
    facts: dict[str, Any]
    own_vae: Any = None

    def generators(self, seeds: Sequence[int]) -> list[torch.Generator]:
        """One generator for each image, on the CPU: the same noise on every device."""
        import torch

        return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]

    def run(self, **arguments: Any) -> list[Floats | Reject]:
        """The images, or a reject where the pipeline has a safety checker and it blacked one out."""
        output = self.pipe(output_type="np", **arguments)
        flags = getattr(output, "nsfw_content_detected", None) or [False] * len(output.images)
        unsafe = Reject("safety_checker", "the model's safety checker blacked the image out")
        return [unsafe if flag else image for image, flag in zip(output.images, flags, strict=True)]

    def run_careful(self, **arguments: Any) -> list[Floats | Reject]:
        """The same images, decoded by the model's own VAE in float32: the way out of NaN and black images."""
        import torch

        latents = self.pipe(output_type="latent", **arguments).images
        vae = self._own_vae()
        with torch.inference_mode():
            decoded = vae.decode(_unscaled(latents.float(), vae.config), return_dict=False)[0]
        return list(self.pipe.image_processor.postprocess(decoded, output_type="np"))

    def _own_vae(self) -> Any:
        """Loaded when first needed: most builds never do."""
        if self.own_vae is None:
            import torch
            from diffusers import AutoModel

            with loading(self.weights.name):
                vae = AutoModel.from_pretrained(
                    self.weights.place, revision=self.weights.commit, subfolder="vae", dtype=torch.float32
                )
            self.own_vae = vae.to(self.device)
        return self.own_vae


def _unscaled(latents: torch.Tensor, config: Any) -> torch.Tensor:
    """Latents as the VAE knows them: the pipelines work on standardised ones."""
    import torch

    mean, std = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    if mean is None or std is None:
        return latents / config.scaling_factor
    spread = torch.tensor(std, device=latents.device, dtype=latents.dtype).view(1, -1, 1, 1)
    middle = torch.tensor(mean, device=latents.device, dtype=latents.dtype).view(1, -1, 1, 1)
    return latents * spread / config.scaling_factor + middle


@contextmanager
def opened(class_name: str, weights: Weights, config: Diffusion, vae: Weights | None = None) -> Iterator[Pipeline]:
    """Loads a pipeline, tunes it for this machine, and frees it.

    Args:
        class_name: of a diffusers class with ``from_pretrained``.
        weights: of the pipeline.
        config: its settings.
        vae: of another VAE, such as taesdxl.

    Raises:
        ConfigError: the weights cannot be loaded.
    """
    quiet_libraries()  # before diffusers is imported: it has much to say of a missing torchvision
    import diffusers

    device = best_device()
    dtype = choose_dtype(config.dtype, device, auto=half_precision(device))
    parts = {} if vae is None else {"vae": load_vae(vae, dtype)}
    pipe = _load(getattr(diffusers, class_name), weights, dtype, parts)
    pipe.set_progress_bar_config(disable=True)
    if getattr(pipe, "watermark", None) is not None:
        pipe.watermark = None  # a mark on one class only is a shortcut for every detector
    pipe.to(device)
    facts = {
        "generator": generator_name(weights),
        **weights.identity(),
        "pipeline": type(pipe).__name__,
        "scheduler": type(pipe.scheduler).__name__,
        "vae": vae.identity() if vae else weights.identity(),
        "dtype": str(dtype).removeprefix("torch."),
        "device": device.type,
        **tune(pipe, config, device),
    }
    try:
        yield Pipeline(pipe, weights, device, dtype, facts)
    finally:
        del pipe, parts
        gc.collect()
        if device.type == "cuda":
            import torch

            torch.cuda.empty_cache()


def load_vae(weights: Weights, dtype: torch.dtype) -> Any:
    """A VAE that has a repository of its own, such as taesdxl."""
    from diffusers import AutoModel

    with loading(weights.name):
        return AutoModel.from_pretrained(weights.place, revision=weights.commit, dtype=dtype)


def _load(auto: Any, weights: Weights, dtype: torch.dtype, parts: dict[str, Any]) -> Any:
    """The pipeline; in half precision from its fp16 files when it has them, which halves the download."""
    import torch

    arguments = {"revision": weights.commit, "dtype": dtype, **parts}
    if dtype in (torch.float16, torch.bfloat16):
        try:
            return auto.from_pretrained(weights.place, variant="fp16", **arguments)
        except (OSError, ValueError) as error:
            logger.info("%s has no fp16 files (%s); loading the full ones", weights.name, type(error).__name__)
    with loading(weights.name):
        return auto.from_pretrained(weights.place, **arguments)


def tune(pipe: Any, config: Diffusion, device: torch.device) -> dict[str, Any]:
    """Memory format, VAE slicing, attention and compilation. Returns what was really done, for the provenance."""
    import torch

    if config.channels_last:
        pipe.unet.to(memory_format=torch.channels_last)
        pipe.vae.to(memory_format=torch.channels_last)
    slicing = hasattr(pipe.vae, "enable_slicing")
    if slicing:
        pipe.vae.enable_slicing()
    attention = "sdpa"
    if config.attention == "xformers":
        if device.type == "cuda" and find_spec("xformers"):
            pipe.enable_xformers_memory_efficient_attention()
            attention = "xformers"
        else:
            why = "is not installed" if device.type == "cuda" else f"does not run on {device.type}"
            logger.info("xformers %s: PyTorch's own attention (SDPA) is used, which gives the same images", why)
    compiled = config.compile if device.type == "cuda" else "none"
    if compiled != config.compile:
        logger.info("torch.compile is left out: it pays on CUDA only")
    compile_unet(pipe, compiled)
    return {"attention": attention, "compile": compiled, "vae_slicing": slicing, "channels_last": config.channels_last}


def compile_unet(pipe: Any, mode: str) -> None:
    """Compiles the whole UNet (slow to start, fastest), or its repeated blocks (8 to 10 times sooner ready)."""
    import torch

    if mode == "unet":
        pipe.unet = torch.compile(pipe.unet, fullgraph=True)
    elif mode == "blocks":
        pipe.unet.compile_repeated_blocks(fullgraph=True)


def generator_name(weights: Weights) -> str:
    """What the column ``generator`` says: the model's name without its owner.

    >>> generator_name(Weights("stabilityai/stable-diffusion-2-1", ""))
    'stable-diffusion-2-1'
    """
    return weights.name.rpartition("/")[2]
