"""Tiny image encoders with random weights, saved as the folders and checkpoints that users have."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    Dinov2Config,
    Dinov2Model,
    Siglip2Config,
    Siglip2ImageProcessorPil,
    Siglip2Model,
    SiglipConfig,
    SiglipImageProcessorPil,
    SiglipModel,
)
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil

from tests.builder.models.tiny_diffusion import clip_tokenizer
from tests.builder.models.tiny_parts import seeded

SIDE, PATCH, WIDTH, DIM, LAYERS = 32, 8, 128, 24, 3
_VISION = {"hidden_size": WIDTH, "intermediate_size": 96, "num_hidden_layers": LAYERS, "num_attention_heads": 2,
           "image_size": SIDE, "patch_size": PATCH}  # fmt: skip


def _text(vocabulary: int, **more: Any) -> dict[str, Any]:
    return {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
            "vocab_size": vocabulary, "bos_token_id": 49406, "eos_token_id": 49407, **more}  # fmt: skip


def _save(folder: Path, model: Any, processor: Any, tokenizer: Any = None) -> Path:
    for part in (model, processor, tokenizer):
        if part is not None:
            part.save_pretrained(folder)
    return folder


def tiny_clip(folder: Path) -> Path:
    tokenizer = clip_tokenizer()
    text = _text(len(tokenizer), max_position_embeddings=77, pad_token_id=49407)
    config = CLIPConfig(text_config=text, vision_config=dict(_VISION), projection_dim=DIM)
    processor = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    return _save(folder, seeded(lambda: CLIPModel(config)), processor, tokenizer)


def tiny_siglip(folder: Path) -> Path:
    tokenizer = clip_tokenizer()
    text = _text(len(tokenizer), hidden_size=WIDTH, max_position_embeddings=16, pad_token_id=49407)
    config = SiglipConfig(text_config=text, vision_config=dict(_VISION))
    processor = SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    return _save(folder, seeded(lambda: SiglipModel(config)), processor, tokenizer)


def tiny_siglip2(folder: Path) -> Path:
    """NaFlex: patches of any aspect ratio, up to a number of them."""
    tokenizer = clip_tokenizer()
    text = _text(len(tokenizer), hidden_size=WIDTH, max_position_embeddings=16, pad_token_id=49407)
    vision = {name: value for name, value in _VISION.items() if name != "image_size"} | {"num_patches": 16}
    config = Siglip2Config(text_config=text, vision_config=vision)
    processor = Siglip2ImageProcessorPil(patch_size=PATCH, max_num_patches=16)
    return _save(folder, seeded(lambda: Siglip2Model(config)), processor, tokenizer)


def tiny_dinov2(folder: Path) -> Path:
    shape = {name: value for name, value in _VISION.items() if name != "intermediate_size"}
    square = {"height": SIDE, "width": SIDE}
    processor = BitImageProcessorPil(size={"shortest_edge": 40}, crop_size=square)
    return _save(folder, seeded(lambda: Dinov2Model(Dinov2Config(**shape))), processor)


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, width // 64, batch_first=True)
        self.mlp = nn.Sequential(
            OrderedDict(c_fc=nn.Linear(width, 2 * width), gelu=_QuickGelu(), c_proj=nn.Linear(2 * width, width))
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class _QuickGelu(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class Csd(nn.Module):
    """CSD as its paper describes it, on torch's own attention: what the checkpoint means, written down twice."""

    def __init__(self) -> None:
        super().__init__()
        tower = nn.Module()
        tower.conv1 = nn.Conv2d(3, WIDTH, PATCH, PATCH, bias=False)
        tower.class_embedding = nn.Parameter(torch.randn(WIDTH))
        tower.positional_embedding = nn.Parameter(torch.randn((SIDE // PATCH) ** 2 + 1, WIDTH))
        tower.ln_pre, tower.ln_post = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        tower.transformer = nn.Module()
        tower.transformer.resblocks = nn.Sequential(*(_Attention(WIDTH) for _ in range(LAYERS)))
        self.backbone = tower
        self.last_layer_style = nn.Parameter(torch.randn(WIDTH, DIM))
        self.last_layer_content = nn.Parameter(torch.randn(WIDTH, DIM))
        for weight in self.parameters():
            if weight.dim() == 1:
                nn.init.normal_(weight, mean=0.5)  # layer norms and biases that do nothing would hide a swap

    def forward(self, pixels: Tensor) -> Tensor:
        tower: Any = self.backbone
        patches = tower.conv1(pixels).flatten(2).transpose(1, 2)
        first = tower.class_embedding.expand(len(pixels), 1, -1)
        x = tower.ln_pre(torch.cat([first, patches], 1) + tower.positional_embedding)
        return tower.ln_post(tower.transformer.resblocks(x)[:, 0]) @ self.last_layer_style
