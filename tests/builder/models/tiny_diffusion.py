"""Diffusion checkpoints with tiny random weights, in the Hub's layout: the real classes, sizes aside.

The refiner's has its shape: no first text encoder, aesthetic scores in the time ids, taesdxl beside it. The tokenizer is
built from CLIP's real merges, which artsim ships.
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
from transformers import (
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
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="leading"
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


def image_variations(folder: Path) -> Path:
    """The shape of Stable Diffusion image variations: an image encoder in place of the text encoder."""
    torch.manual_seed(2)
    vision = CLIPVisionConfig(
        hidden_size=32,
        projection_dim=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=37,
        image_size=32,
        patch_size=4,
    )
    pipe = StableDiffusionImageVariationPipeline(
        vae=vae(),
        image_encoder=CLIPVisionModelWithProjection(vision),
        unet=unet(),
        scheduler=PNDMScheduler(skip_prk_steps=True, steps_offset=1),
        safety_checker=None,
        feature_extractor=CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        requires_safety_checker=False,
    )
    pipe.save_pretrained(folder)
    return folder


def stable_diffusion(folder: Path) -> Path:
    """Stable Diffusion 2.1's shape."""
    torch.manual_seed(3)
    pipe = StableDiffusionPipeline(
        vae=vae(),
        text_encoder=CLIPTextModel(text_config()),
        tokenizer=clip_tokenizer(),
        unet=unet(),
        scheduler=DDIMScheduler(clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.save_pretrained(folder)
    return folder
