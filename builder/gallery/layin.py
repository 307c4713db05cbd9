"""The lay-in: a scene, a palette and a light become an underpainting that a manner then paints over.

Every shape is drawn as an antialiased mask inside its own bounding box, so that a picture of a hundred small shapes
costs little more than one of ten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from builder.gallery.colour import Palette, mix, toned
from builder.gallery.shapes import Frame, Points, Shape, Shapes

Array = np.ndarray


@dataclass(frozen=True)
class Look:
    """How a genre lays down a shape: modelling, light, haze over the distance, and contours.

    ``volume`` is the strength of light and shade on round things, ``outline`` the width of contours in frame units.
    """

    volume: float = 0.5
    light: tuple[float, float] = (-0.6, -0.6)
    haze: float = 0.5
    outline: float = 0.0
    ink: str = "line"


@dataclass(frozen=True, eq=False)
class Ground:
    """An underpainting: colours (h, w, 3) in 0..1, the direction of the brush (h, w) in radians, and which shape is
    in front (h, w)."""

    rgb: Array
    angle: Array
    region: Array


def _bounds(parts: tuple[Points, ...], px: float, margin: float, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    left, top, right, bottom = _extent(parts, px)
    x0, y0 = max(math.floor(left - margin), 0), max(math.floor(top - margin), 0)
    x1, y1 = min(math.ceil(right + margin) + 1, shape[1]), min(math.ceil(bottom + margin) + 1, shape[0])
    return x0, y0, x1, y1


def _extent(parts: tuple[Points, ...], px: float) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of all parts, in pixels. Python floats, which leave float32 arrays as they are."""
    points = parts[0] if len(parts) == 1 else np.concatenate(parts)
    left, top = points.min(axis=0).tolist()
    right, bottom = points.max(axis=0).tolist()
    return left * px, top * px, right * px, bottom * px


def coverage(parts: tuple[Points, ...], px: float, at: tuple[int, int, int, int], soft: float = 0.0) -> Array:
    """How much of each pixel of the box ``at`` the polygons cover, 0..1 (2x supersampled)."""
    return np.asarray(_drawn(parts, px, at, soft), dtype=np.float32) / 255


def put(
    image: Array,
    px: float,
    colour: Array,
    *parts: Points,
    soft: float = 0.0,
    alpha: float = 1.0,
    sheet: Array | None = None,
) -> None:
    """Paints polygons on a float picture, in place, touching only the pixels around them.

    ``sheet`` (h, w, 3) is a paper they are cut from, added to the colour.
    """
    at = _bounds(parts, px, 3 * soft * px + 1, image.shape[:2])
    if at[2] <= at[0] or at[3] <= at[1]:
        return
    here = (slice(at[1], at[3]), slice(at[0], at[2]))
    paint = colour if sheet is None else colour + sheet[here]
    image[here] += (coverage(parts, px, at, soft) * np.float32(alpha))[..., None] * (paint - image[here])


def _drawn(parts: tuple[Points, ...], px: float, at: tuple[int, int, int, int], soft: float) -> Image.Image:
    x0, y0, x1, y1 = at
    # a hard edge is drawn at twice the size, a soft one at a fraction of it: the blur hides the difference
    shrink = max(int(soft * px / 2), 1)
    scale = 1 / shrink if soft else 2.0
    mask = Image.new("L", (max(round((x1 - x0) * scale), 1), max(round((y1 - y0) * scale), 1)))
    draw = ImageDraw.Draw(mask)
    for part in parts:
        draw.polygon(((part * px - (x0, y0)) * scale).ravel().tolist(), fill=255)
    if not soft:
        return mask.reduce(2)
    mask = mask.filter(ImageFilter.GaussianBlur(soft * px / shrink))
    return mask.resize((x1 - x0, y1 - y0), Image.Resampling.BILINEAR)


def _modelling(shape: Shape, at: tuple[int, int, int, int], px: float, light: tuple[float, float]) -> Array:
    """Light and shade over a shape's own extent, -1..1."""
    left, top, right, bottom = _extent(shape.parts, px)
    x0, y0, x1, y1 = at
    u = ((np.arange(x0, x1, dtype=np.float32) - left) / max(right - left, 1) * 2 - 1)[None, :]
    v = ((np.arange(y0, y1, dtype=np.float32) - top) / max(bottom - top, 1) * 2 - 1)[:, None]
    lx, ly = light
    if shape.volume == "round":
        facing = np.sqrt(np.clip(1.15 - u * u - v * v, 0, None))
        return np.clip(u * lx + v * ly + 0.75 * facing - 0.45, -1, 0.9)
    if shape.volume == "tube":
        return np.clip(np.broadcast_to(0.9 * u * math.copysign(1, lx) - 0.4 * u * u + 0.1, (len(v), u.shape[1])), -1, 1)
    if shape.volume == "folds":
        wave = np.sin(u * 9 + np.sin(v * 2.5 + u * 3) * 1.6) * 0.45
        return np.clip(wave + u * lx * 0.7 + v * ly * 0.5, -1, 1)
    return np.clip(0.8 * (u * lx + v * ly), -1, 1)


def lay_in(shapes: Shapes, frame: Frame, height: int, width: int, palette: Palette, look: Look) -> Ground:
    """Paints the shapes back to front."""
    px = min(height / frame.h, width / frame.w)
    canvas = Image.new("RGB", (width, height), _ink(palette["paper"]))
    angle, region = Image.new("F", (width, height)), Image.new("I", (width, height))
    draw_angle, draw_region = ImageDraw.Draw(angle), ImageDraw.Draw(region)
    round_ones = []
    for number, shape in enumerate(shapes, start=1):
        if not shape.parts:  # chance may give a mountain no snow
            continue
        at = _bounds(shape.parts, px, 3 * shape.soft * px + look.outline * px + 1, (height, width))
        if at[2] - at[0] < 1 or at[3] - at[1] < 1:
            continue
        if look.outline and shape.line and not shape.soft:
            # under the paint, so that only the silhouette of all parts together is drawn
            canvas.paste(_ink(palette[look.ink]), at, _contours(shape.parts, px, at, 2 * look.outline * px))
        mask = _mask(shape, px, at, (height, width))
        canvas.paste(_paint(shape, at, px, palette, look), at, mask)
        if shape.alpha >= 0.5 and not shape.soft:
            swirls = shape.grain is None and shape.volume == "round"
            round_ones += [(number, at)] if swirls else []
            for part in shape.parts:
                corners = (part * px).ravel().tolist()
                draw_region.polygon(corners, fill=number)
                draw_angle.polygon(corners, fill=_grain(shape))
    regions = np.asarray(region)
    return Ground(np.asarray(canvas, dtype=np.float32) / 255, _swirled(np.array(angle), regions, round_ones), regions)


def _ink(colour: Array) -> tuple[int, ...]:
    return tuple(int(c) for c in np.clip(colour * 255 + 0.5, 0, 255))


def _mask(shape: Shape, px: float, at: tuple[int, int, int, int], size: tuple[int, int]) -> Image.Image | None:
    """The 8-bit mask of a shape, or None when it simply covers the whole canvas."""
    if at == (0, 0, size[1], size[0]) and shape.alpha == 1 and len(shape.parts) == 1 and len(shape.parts[0]) == 4:
        low, high = shape.parts[0][0] * px, shape.parts[0][2] * px
        if max(low) <= 0 and high[0] >= size[1] and high[1] >= size[0]:
            return None
    mask = _drawn(shape.parts, px, at, shape.soft)
    return mask if shape.alpha == 1 else mask.point([int(v * shape.alpha) for v in range(256)])


def _paint(
    shape: Shape, at: tuple[int, int, int, int], px: float, palette: Palette, look: Look
) -> Image.Image | tuple[int, ...]:
    """What fills a shape: one colour, a fade, or a modelled mass."""
    width, height = at[2] - at[0], at[3] - at[1]
    top = _coloured(palette[shape.role], shape, palette, look)
    modelled = shape.volume != "flat" and look.volume > 0
    if not shape.to:
        if not modelled:
            return _ink(top)
        # every pixel is one of 256 lightnesses of the same colour: a table is faster than arithmetic on all of them
        tones = np.linspace(-1, 1, 256, dtype=np.float32)[:, None] * look.volume
        table = (np.clip(toned(top, tones), 0, 1) * 255).astype(np.uint8)
        tinted = Image.fromarray((_modelling(shape, at, px, look.light) * 127.5 + 127.5).astype(np.uint8)).convert("P")
        tinted.putpalette(table.tobytes())
        return tinted.convert("RGB")
    bottom = _coloured(palette[shape.to], shape, palette, look)
    _, start, _, end = _extent(shape.parts, px)
    down = np.clip((np.arange(at[1], at[3], dtype=np.float32) - start) / max(end - start, 1), 0, 1)
    fade = mix(top, bottom, down[:, None, None])
    if not modelled:
        return Image.fromarray((np.clip(fade, 0, 1) * 255 + 0.5).astype(np.uint8)).resize((width, height), 0)
    shade = _modelling(shape, at, px, look.light)[..., None] * np.float32(look.volume)
    return Image.fromarray((np.clip(toned(fade, shade), 0, 1) * 255).astype(np.uint8))


def _coloured(colour: Array, shape: Shape, palette: Palette, look: Look) -> Array:
    colour = toned(colour, np.float32(shape.tone))
    return mix(colour, palette["low"], np.float32(shape.depth * look.haze)) if shape.depth else colour


def _grain(shape: Shape) -> float:
    if shape.grain is not None:
        return shape.grain
    return np.pi / 2 if shape.volume in ("tube", "folds") else 0.0


def _swirled(angle: Array, region: Array, round_ones: list[tuple[int, tuple[int, int, int, int]]]) -> Array:
    """Turns the brush around the middle of every round shape."""
    for number, (x0, y0, x1, y1) in round_ones:
        y, x = np.nonzero(region[y0:y1, x0:x1] == number)
        angle[y0 + y, x0 + x] = np.arctan2(y - (y1 - y0) / 2, x - (x1 - x0) / 2) + np.pi / 2
    return angle


def _contours(parts: tuple[Points, ...], px: float, at: tuple[int, int, int, int], width: float) -> Image.Image:
    x0, y0, x1, y1 = at
    mask = Image.new("L", (2 * (x1 - x0), 2 * (y1 - y0)))
    draw = ImageDraw.Draw(mask)
    for part in parts:
        path = ((np.concatenate([part, part[:2]]) * px - (x0, y0)) * 2).ravel().tolist()
        draw.line(path, fill=255, width=max(round(2 * width), 1), joint="curve" if len(part) < 12 else None)
    return mask.reduce(2)
