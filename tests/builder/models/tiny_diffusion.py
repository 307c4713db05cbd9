"""Diffusion checkpoints with tiny random weights, in the Hub's layout: the real classes, sizes aside.

The refiner's has its shape: no first text encoder, aesthetic scores in the time ids, taesdxl beside it. The tokenizer
is built from CLIP's real merges, which artsim ships.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    DDIMScheduler,
    EulerDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionImageVariationPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLImg2ImgPipeline,
    UNet2DConditionModel,
)
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from builder.models.clip_tokens import read_merges, vocabulary


def clip_tokenizer() -> CLIPTokenizer:
    """CLIP's real tokenizer, 77 tokens at most."""
    merges = read_merges()
    return CLIPTokenizer(vocab=vocabulary(merges), merges=merges, model_max_length=77)


def text_config(width: int = 32) -> CLIPTextConfig:
    return CLIPTextConfig(
        hidden_size=width,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=2,
        projection_dim=width,
        vocab_size=49408,
        max_position_embeddings=77,
        bos_token_id=49406,
        eos_token_id=49407,
    )


def unet(**changes: Any) -> UNet2DConditionModel:
    settings: dict[str, Any] = {
        "block_out_channels": (32, 64),
        "layers_per_block": 1,
        "sample_size": 16,
        "in_channels": 4,
        "out_channels": 4,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "attention_head_dim": (2, 4),
        "cross_attention_dim": 32,
        "norm_num_groups": 8,
    }
    return UNet2DConditionModel(**{**settings, **changes})


REFINER_UNET: dict[str, Any] = {
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "transformer_layers_per_block": (1, 2),
    "projection_class_embeddings_input_dim": 72,  # 5 time ids of 8, and the pooled text of 32
    "use_linear_projection": True,
}


def vae(**changes: Any) -> AutoencoderKL:
    settings: dict[str, Any] = {
        "block_out_channels": (16, 32, 32, 32),
        "in_channels": 3,
        "out_channels": 3,
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "latent_channels": 4,
        "norm_num_groups": 8,
    }
    return AutoencoderKL(**{**settings, **changes})


def tiny_vae() -> AutoencoderTiny:
    return AutoencoderTiny(
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        encoder_block_out_channels=(16, 16, 16, 16),
        decoder_block_out_channels=(16, 16, 16, 16),
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
        scaling_factor=1.0,
    )


def refiner(folder: Path, **unet_changes: Any) -> Path:
    """SDXL Refiner's shape, with a full VAE of its own."""
    torch.manual_seed(0)
    pipe = StableDiffusionXLImg2ImgPipeline(
        vae=vae(force_upcast=True, scaling_factor=0.13025),
        text_encoder=None,
        text_encoder_2=CLIPTextModelWithProjection(text_config()),
        tokenizer=None,
        tokenizer_2=clip_tokenizer(),
        unet=unet(**{**REFINER_UNET, **unet_changes}),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            steps_offset=1,
            timestep_spacing="leading",
        ),
        requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False,
    )
    pipe.save_pretrained(folder)
    return folder


def taesd(folder: Path) -> Path:
    """taesdxl's shape."""
    torch.manual_seed(1)
    model = tiny_vae()
    with torch.no_grad():
        model.decoder.layers[-1].weight *= 400  # random weights alone decode to one grey
    model.save_pretrained(folder)
    return folder


def vision_config() -> CLIPVisionConfig:
    return CLIPVisionConfig(
        hidden_size=32,
        projection_dim=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=37,
        image_size=32,
        patch_size=4,
    )


def processor() -> CLIPImageProcessorPil:
    return CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})


def image_variations(folder: Path) -> Path:
    """The shape of Stable Diffusion image variations: an image encoder in place of the text encoder."""
    torch.manual_seed(2)
    pipe = StableDiffusionImageVariationPipeline(
        vae=vae(),
        image_encoder=CLIPVisionModelWithProjection(vision_config()),
        unet=unet(),
        scheduler=PNDMScheduler(skip_prk_steps=True, steps_offset=1),
        safety_checker=None,
        feature_extractor=processor(),
        requires_safety_checker=False,
    )
    pipe.save_pretrained(folder)
    return folder


def stable_diffusion(folder: Path, strict: bool = False) -> Path:
    """Stable Diffusion 2.1's shape; ``strict`` adds a safety checker that finds every image unsafe."""
    torch.manual_seed(3)
    pipe = StableDiffusionPipeline(
        vae=vae(),
        text_encoder=CLIPTextModel(text_config()),
        tokenizer=clip_tokenizer(),
        unet=unet(),
        scheduler=DDIMScheduler(clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        safety_checker=_strict_checker() if strict else None,
        feature_extractor=processor() if strict else None,
        requires_safety_checker=strict,
    )
    pipe.save_pretrained(folder)
    return folder


def _strict_checker() -> StableDiffusionSafetyChecker:
    checker = StableDiffusionSafetyChecker(CLIPConfig(vision_config=vision_config().to_dict(), projection_dim=32))
    with torch.no_grad():
        checker.concept_embeds_weights.fill_(-2)  # no cosine is below its threshold
    return checker


# --- the refiner's published numbers ------------------------------------------------------------------------------

PUBLISHED_UNET: dict[str, Any] = {
    "sample_size": 128,
    "block_out_channels": (384, 768, 1536, 1536),
    "layers_per_block": 2,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "attention_head_dim": (6, 12, 24, 24),
    "cross_attention_dim": 1280,
    "transformer_layers_per_block": 4,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2560,
    "use_linear_projection": True,
}
PUBLISHED_TEXT_ENCODER: dict[str, Any] = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_attention_heads": 20,
    "num_hidden_layers": 32,
    "projection_dim": 1280,
    "hidden_act": "gelu",
    "vocab_size": 49408,
    "max_position_embeddings": 77,
    "bos_token_id": 49406,
    "eos_token_id": 49407,
}


class OnMeta(torch.nn.Module):
    """A model without weights: computes the shapes of its answer on the meta device, and gives zeros of them."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner
        self.config = inner.config
        self.calls: list[tuple[tuple[int, ...], ...]] = []

    @property
    def dtype(self) -> torch.dtype:
        return torch.float32

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    @property
    def add_embedding(self) -> Any:
        return self.inner.add_embedding

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        added = kwargs.get("added_cond_kwargs") or {}
        if added:
            seen = (args[0], kwargs["encoder_hidden_states"], added["text_embeds"], added["time_ids"])
            self.calls.append(tuple(tuple(tensor.shape) for tensor in seen))
        answer = self.inner(*_to_meta(args), **_to_meta(kwargs))
        return _zeros(answer)


def _to_meta(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to("meta")
    if isinstance(value, dict):
        return {key: _to_meta(part) for key, part in value.items()}
    return tuple(_to_meta(part) for part in value) if isinstance(value, tuple) else value


def _zeros(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return torch.zeros(value.shape)
    if isinstance(value, tuple):
        return tuple(_zeros(part) for part in value)
    for key, part in list(value.items()):
        value[key] = _zeros(part)
    return value


def published_refiner() -> StableDiffusionXLImg2ImgPipeline:
    """SDXL Refiner 1.0 with its published configuration: UNet and text encoder on the meta device, taesdxl real."""
    with torch.device("meta"):
        big_unet = UNet2DConditionModel(**PUBLISHED_UNET)
        encoder = CLIPTextModelWithProjection(CLIPTextConfig(**PUBLISHED_TEXT_ENCODER))
    pipe = StableDiffusionXLImg2ImgPipeline(
        vae=AutoencoderTiny(scaling_factor=1.0),
        text_encoder=None,
        text_encoder_2=encoder,
        tokenizer=None,
        tokenizer_2=clip_tokenizer(),
        unet=big_unet,
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            steps_offset=1,
            timestep_spacing="leading",
        ),
        requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False,
    )
    pipe.unet, pipe.text_encoder_2 = OnMeta(big_unet), OnMeta(encoder)
    pipe.set_progress_bar_config(disable=True)
    return pipe
