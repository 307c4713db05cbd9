"""Brushes: what a manner puts on the underpainting. Pure functions of arrays and a seeded generator.

A stroke is not drawn, it is stamped: the pixels of all strokes are computed as one array of positions and written
with one indexed assignment, later strokes over earlier ones. Three thousand bristled strokes take milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from builder.gallery.colour import hue_turned, luma, mix

Array = np.ndarray
Rng = np.random.Generator


def apart(rng: Rng) -> Rng:
    """A generator of its own for something whose number of draws depends on the size of the picture.

    What is drawn after it is then the same at every size: a small picture shows the same work as a large one.
    """
    return np.random.default_rng(int(rng.integers(1 << 62)))


def speckle(rng: Rng, shape: tuple[int, int]) -> Array:
    """White noise, uniform, mean 0 and deviation 1 (about). Cheaper than normal variates, and nobody can tell."""
    return (apart(rng).integers(0, 256, shape, dtype=np.uint8).astype(np.float32) - 127.5) / 73.9


def noise(rng: Rng, shape: tuple[int, int], cells: float, octaves: int = 3) -> Array:
    """Smooth noise of about ``cells`` bumps across, mean 0 and deviation 1.

    Summed at a size just fine enough for its highest octave, then enlarged once.
    """
    rng, (height, width) = apart(rng), shape
    shrink = max(max(shape) / max(cells * 2 ** (octaves - 1) * 5, 48), 1)
    small = (max(round(width / shrink), 2), max(round(height / shrink), 2))
    total = np.zeros(small[::-1], dtype=np.float32)
    for octave in range(octaves):
        across = max(int(cells * 2**octave * width / max(shape)) + 2, 2)
        down = max(int(cells * 2**octave * height / max(shape)) + 2, 2)
        coarse = Image.fromarray(rng.standard_normal((down, across), dtype=np.float32))
        total += np.asarray(coarse.resize(small, Image.Resampling.BICUBIC)) / 2**octave
    total = (total - total.mean()) / (total.std() + 1e-6)
    return np.asarray(Image.fromarray(total).resize((width, height), Image.Resampling.BILINEAR))


def blurred(image: Array, radius: float) -> Array:
    """Gaussian blur of an (h, w) or (h, w, 3) array in 0..1; wide blurs are done on a reduced picture."""
    picture = Image.fromarray((np.clip(image, 0, 1) * 255).astype(np.uint8))
    factor = max(int(radius / 3), 1)
    soft = picture.reduce(factor).filter(ImageFilter.GaussianBlur(radius / factor))
    if factor > 1:
        soft = soft.resize(picture.size, Image.Resampling.BILINEAR)
    return np.asarray(soft, dtype=np.float32) / 255


def warped(image: Array, dx: Array | float, dy: Array | float) -> Array:
    """Each pixel fetched from (x + dx, y + dy), clamped at the edges."""
    h, w = image.shape[:2]
    x = np.clip(np.arange(w, dtype=np.float32)[None, :] + dx, 0, w - 1).astype(np.int32)
    y = np.clip(np.arange(h, dtype=np.float32)[:, None] + dy, 0, h - 1).astype(np.int32)
    return image[y, x]


def packed(colours: Array) -> Array:
    """Float colours (..., 3) as one integer each, the way the stamping brushes write them."""
    c = (np.clip(colours, 0, 1) * np.float32(255)).astype(np.uint8)
    board = np.zeros((*colours.shape[:-1], 4), dtype=np.uint8)
    board[..., 0], board[..., 1], board[..., 2] = c[..., 0], c[..., 1], c[..., 2]
    return board.view(np.uint32)[..., 0]


def unpacked(image: Array) -> Array:
    picture = Image.frombuffer("RGBX", image.shape[::-1], image.tobytes(), "raw", "RGBX", 0, 1)
    return np.asarray(picture.convert("RGB")) / np.float32(255)


def scatter(rng: Rng, shape: tuple[int, int], spacing: float) -> Array:
    """Points (n, 2) as x, y on a jittered grid ``spacing`` apart, in random order."""
    rng, (h, w) = apart(rng), shape
    x, y = np.meshgrid(np.arange(0, w + spacing, spacing), np.arange(0, h + spacing, spacing))
    points = np.stack([x.ravel(), y.ravel()], axis=1) + rng.uniform(-0.6, 0.6, (x.size, 2)) * spacing
    return rng.permutation(points)


def at_points(image: Array, points: Array) -> Array:
    x = np.clip(points[:, 0], 0, image.shape[1] - 1).astype(np.int32)
    y = np.clip(points[:, 1], 0, image.shape[0] - 1).astype(np.int32)
    return image[y, x]


def jittered(rng: Rng, colours: Array, light: float, hue: float = 0.0) -> Array:
    """Colours (n, 3) with a little broken light and hue, as from a brush that was not cleaned."""
    rng, n = apart(rng), len(colours)
    value = 1 + rng.normal(0, light, (n, 1))
    tint = rng.normal(0, hue, (n, 3))
    return np.clip(colours * value + tint - tint.mean(axis=1, keepdims=True), 0, 1).astype(np.float32)


def strokes(
    rng: Rng,
    image: Array,
    centres: Array,
    angles: Array,
    colours: Array,
    length: float,
    width: float,
    bend: float = 0.0,
    bristle: float = 0.08,
) -> Array:
    """Stamps bristled strokes on an image.

    ``centres`` (n, 2), ``angles`` (n,), ``colours`` (n, 3); ``length`` and ``width`` in pixels. ``bend`` curves a
    stroke, ``bristle`` is the unevenness of the paint across it.
    """
    rng, n = apart(rng), len(centres)
    along = np.arange(-length / 2, length / 2 + 0.1, 0.95, dtype=np.float32)
    across = np.arange(-width / 2, width / 2 + 0.1, 0.9, dtype=np.float32)
    ragged = rng.uniform(0.6, 1.25, (n, 1)) * (1 - 0.25 * rng.random((1, len(across))))
    reach = along[None, :, None] * ragged.astype(np.float32)[:, None, :]
    curl = (rng.normal(0, 1, n) * bend / max(length, 1)).astype(np.float32)[:, None, None]
    side = across[None, None] + curl * reach * reach if bend else across[None, None]
    c, s = np.cos(angles).astype(np.float32)[:, None, None], np.sin(angles).astype(np.float32)[:, None, None]
    streak = 1 + rng.normal(0, bristle, (n, len(across), 1)).astype(np.float32)
    margin = int(length * (1 + bend) + width) + 4
    x = centres[:, 0].astype(np.float32)[:, None, None] + margin + reach * c - side * s
    y = centres[:, 1].astype(np.float32)[:, None, None] + margin + reach * s + side * c
    return _stamped(image, x, y, packed(colours[:, None] * streak)[:, None], margin)


def _stamped(image: Array, x: Array, y: Array, paint: Array, margin: int) -> Array:
    """Writes paint at positions on a canvas ``margin`` wider on every side, which saves testing for the edges."""
    h, w = image.shape[:2]
    wide, tall = w + 2 * margin, h + 2 * margin
    board = np.zeros((tall, wide), dtype=np.uint32)
    board[margin : margin + h, margin : margin + w] = packed(image)
    index = y.astype(np.int32) * wide + x.astype(np.int32)
    board.ravel()[np.clip(index, 0, wide * tall - 1, out=index)] = paint
    return unpacked(board[margin : margin + h, margin : margin + w])


def dots(image: Array, centres: Array, colours: Array, radius: float | Array) -> Array:
    """Stamps discs: ``centres`` (n, 2), ``colours`` (n, 3), ``radius`` in pixels, one or (n,)."""
    sizes = np.broadcast_to(np.asarray(radius, dtype=np.float32), (len(centres),))
    margin = int(np.ceil(sizes.max())) + 2
    edge = margin - 2
    oy, ox = np.mgrid[-edge : edge + 1, -edge : edge + 1].reshape(2, -1).astype(np.float32)
    inside = (ox * ox + oy * oy) <= sizes[:, None] ** 2 + 0.3
    which, offset = np.nonzero(inside)
    spots = np.clip(centres, -2, (image.shape[1] + 1, image.shape[0] + 1)).astype(np.float32) + margin
    return _stamped(image, spots[which, 0] + ox[offset], spots[which, 1] + oy[offset], packed(colours)[which], margin)


def stamped_dots(shape: tuple[int, int], step: float, radius: float) -> Array:
    """A regular pattern of dots ``step`` pixels apart, 1 inside and 0 outside; ``radius`` in steps."""
    x = (np.arange(shape[1], dtype=np.float32) / step) % 1 - 0.5
    y = (np.arange(shape[0], dtype=np.float32) / step) % 1 - 0.5
    return ((x * x)[None, :] + (y * y)[:, None] < radius * radius).astype(np.float32)


def lines(image: Array, paths: Sequence[Array], colours: Array, widths: Sequence[float]) -> Array:
    """Smooth lines (paths in pixels), drawn at twice the size and reduced."""
    h, w = image.shape[:2]
    picture = Image.fromarray((np.clip(image, 0, 1) * 255).astype(np.uint8)).resize((2 * w, 2 * h), 0)
    draw = ImageDraw.Draw(picture)
    for path, colour, width in zip(paths, colours, widths, strict=True):
        ink = tuple(int(v * 255) for v in np.clip(colour, 0, 1))
        draw.line(
            (path * 2).ravel().tolist(), fill=ink, width=max(round(2 * width), 1), joint="curve" if width > 6 else None
        )
    return np.asarray(picture.reduce(2), dtype=np.float32) / 255


def streaks(rng: Rng, angle: Array, length: float, steps: int = 7) -> Array:
    """Noise smeared along a direction field (line integral convolution at half size), deviation 1."""
    h, w = angle.shape
    half = angle[::2, ::2]
    grain = speckle(rng, half.shape)
    c, s = np.cos(half), np.sin(half)
    total = sum(warped(grain, c * k, s * k) for k in np.linspace(-length / 4, length / 4, steps, dtype=np.float32))
    smeared = np.asarray(total, dtype=np.float32)
    smeared = (smeared - smeared.mean()) / (smeared.std() + 1e-6)
    return np.asarray(Image.fromarray(smeared).resize((w, h), Image.Resampling.BILINEAR))


def impasto(image: Array, strength: float = 0.6) -> Array:
    """Paint that stands off the canvas: light from the upper left over the picture's own lightness."""
    height = luma(image)
    relief = np.zeros_like(height)
    relief[1:, 1:] = height[1:, 1:] - height[:-1, :-1]
    return np.clip(image + strength * np.clip(relief, -0.15, 0.15)[..., None], 0, 1)


def canvas(rng: Rng, image: Array, strength: float = 0.03) -> Array:
    """The weave of a linen canvas, and the unevenness of its priming."""
    h, w = image.shape[:2]
    down, across = np.sin(np.arange(h, dtype=np.float32) * 2.1), np.sin(np.arange(w, dtype=np.float32) * 2.1)
    weave = 0.6 * down[:, None] * across + 0.4 * speckle(rng, (h, w))
    return np.clip(image + (strength * weave)[..., None], 0, 1)


def vignette(image: Array, centre: tuple[float, float], radius: float, dark: float) -> Array:
    """One lamp: full light around ``centre`` (fractions of width, height), falling to ``1 - dark`` far away."""
    h, w = image.shape[:2]
    x = (np.arange(w, dtype=np.float32) - float(centre[0]) * w) / (min(h, w) * radius)
    y = (np.arange(h, dtype=np.float32) - float(centre[1]) * h) / (min(h, w) * radius)
    fall = np.exp(-y * y / 2)[:, None] * np.exp(-x * x / 2)
    return image * (1 - dark + dark * fall)[..., None]


def glow(image: Array, radius: float, amount: float) -> Array:
    """Light things bloom into their surroundings (screen blend with a blur)."""
    return 1 - (1 - image) * (1 - amount * blurred(image, radius) ** 2)


def posterised(image: Array, levels: int) -> Array:
    return np.round(image * levels) / levels


def complement(colours: Array) -> Array:
    """The colour opposite on the wheel, as light as before."""
    return hue_turned(colours, np.pi)


def region_edges(region: Array, width: float) -> Array:
    """Where one shape meets another, 0..1, about ``width`` pixels wide."""
    edge = np.zeros(region.shape, dtype=np.uint8)
    edge[:, 1:] |= region[:, 1:] != region[:, :-1]
    edge[1:] |= region[1:] != region[:-1]
    for _ in range(max(round(width) - 1, 0)):
        edge[:, :-1] |= edge[:, 1:]
        edge[:-1] |= edge[1:]
    soft = Image.fromarray(edge * np.uint8(255)).filter(ImageFilter.BoxBlur(0.7))
    return np.asarray(soft, dtype=np.float32) / 255


def inked(image: Array, mask: Array, colour: Array) -> Array:
    return mix(image, colour, mask[..., None])
