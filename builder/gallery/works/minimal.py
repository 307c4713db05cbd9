"""Minimal works: stripes, boxes, grids, edges, rules, lamps."""

from __future__ import annotations

import numpy as np

from builder.gallery.brushes import blurred, canvas, lines, noise
from builder.gallery.colour import mix, toned
from builder.gallery.layin import put
from builder.gallery.shapes import box, curve, ellipse, poly, turn
from builder.gallery.studio import Array, Studio


def pinstripes(s: Studio) -> Array:
    """Black bands that repeat the shape of the canvas, bare lines between them."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    x = np.linspace(-w / 2, w / 2, s.width)[None, :] - r.choice([0, -w / 4, w / 4, w / 2])
    y = np.linspace(-h / 2, h / 2, s.height)[:, None] - r.choice([0, h / 4, h / 2])
    how = int(r.integers(4))
    far = [
        np.abs(x) + np.abs(y),
        np.maximum(np.abs(x), np.abs(y)),
        np.hypot(x, y),
        np.maximum(np.abs(x) - 0.5 * np.abs(y), np.abs(y) * 0.8),
    ][how]
    band = r.uniform(0.055, 0.1)
    phase = (far / band) % 1.0
    gap = np.clip((0.09 - np.abs(phase - 0.5)) * s.px * band, 0, 1)
    image = s.pigment(0) * (1 + 0.03 * noise(r, s.shape, 20, 1)[..., None])
    return canvas(r, mix(image, s.palette["paper"], gap[..., None].astype(np.float32)), 0.02)


def ladder(s: Studio) -> Array:
    """Identical boxes on a white wall, each with its shadow."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    image = s.primed("paper") * np.linspace(1.0, 0.9, s.height, dtype=np.float32)[:, None, None]
    count, upright = int(r.integers(4, 9)), h >= w
    span = h if upright else w
    step, thick = span * 0.92 / count, span * 0.92 / count * r.uniform(0.4, 0.6)
    low, high = (0.3 * w, 0.7 * w) if upright else (0.35 * h, 0.68 * h)
    offset = r.uniform(-0.16, 0.16) * (w if upright else h)
    for k in range(count):
        a = span * 0.05 + k * step
        block = (
            box(low + offset, a, high + offset, a + thick)
            if upright
            else box(a, low + offset, a + thick, high + offset)
        )
        put(image, s.px, s.palette["line"], block + (0.035, 0.045), soft=0.02, alpha=0.45)
        put(image, s.px, s.pigment(0), block)
        lip = block.copy()
        lip[2:, 1] = lip[0, 1] + 0.014
        put(image, s.px, toned(s.pigment(0), 0.35), lip)
        side = poly(tuple(block[1]), tuple(block[1] + (0.02, 0.012)), tuple(block[2] + (0.02, 0.012)), tuple(block[2]))
        put(image, s.px, toned(s.pigment(0), -0.45), side)
    return canvas(r, image, 0.012)


def grid(s: Studio) -> Array:
    """Pencil lines over a pale wash."""
    r = s.rng
    image = mix(s.palette["paper"], s.pigment(0), 0.22) + 0.018 * noise(r, s.shape, 2)[..., None]
    bands = int(r.integers(4, 9))
    tall = np.arange(s.height) * bands // s.height
    weight = r.uniform(0, 1, bands)[tall]
    image = mix(image, mix(s.palette["paper"], s.pigment(1), 0.6), (0.45 * weight)[:, None, None].astype(np.float32))
    step = r.uniform(0.02, 0.045)
    paths, m = [], 0.05
    for y in np.arange(m, s.frame.h - m, step * r.choice([1, 2])):
        paths.append(np.stack([np.linspace(m, s.frame.w - m, 30), y + r.normal(0, 0.0012, 30)], axis=1) * s.px)
    for x in np.arange(m, s.frame.w - m, step * r.choice([1, 3])):
        paths.append(np.stack([x + r.normal(0, 0.0012, 30), np.linspace(m, s.frame.h - m, 30)], axis=1) * s.px)
    drawn = lines(image, paths, np.tile(s.palette["line"], (len(paths), 1)), [0.5] * len(paths))
    return canvas(r, mix(image, drawn, 0.55), 0.02)


def hard_edge(s: Studio) -> Array:
    """One or two flat shapes, cut as with a knife."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    image = s.primed("paper")
    how, k = int(r.integers(5)), float(r.uniform(0.3, 0.7))
    if how == 0:
        parts = [ellipse(w * k, h * r.uniform(0.9, 1.2), w * 0.75, h * 0.75)]
    elif how == 1:
        parts = [poly((0, h * k), (w, h * (1 - k) * 0.6), (w, h), (0, h)), box(w * 0.62, -0.1, w * 0.8, h * 0.3)]
    elif how == 2:
        parts = [
            curve(
                [(w * 0.1, h * 0.15), (w * k, h * 0.05), (w * 0.92, h * 0.4), (w * 0.5, h * 0.95), (w * 0.1, h * 0.15)],
                60,
            )
        ]
    elif how == 3:
        parts = [poly((w * 0.1, h * 0.9), (w * k, h * 0.08), (w * 0.92, h * 0.9)), ellipse(w * 0.8, h * 0.2, 0.1, 0.1)]
    else:
        parts = [
            turn(box(w * 0.3, -h, w * (0.3 + 0.5 * k), 2 * h), r.uniform(-1, 1), (w / 2, h / 2)),
            box(-1, h * 0.8, w + 1, h * 0.86),
        ]
    for j, part in enumerate(parts):
        put(image, s.px, s.pigment(j), part)
    return canvas(r, image, 0.012)


def wall_drawing(s: Studio) -> Array:
    """The wall divided, each part ruled in its own direction."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    image = s.primed("paper")
    columns, rows = int(r.integers(2, 5)), int(r.integers(1, 4))
    x, y = np.meshgrid(np.arange(s.width) / s.px, np.arange(s.height) / s.px)
    cell = (x / w * columns).astype(int) + columns * (y / h * rows).astype(int)
    angles = r.permutation(np.resize(np.arange(4) * np.pi / 4, columns * rows))
    period = r.uniform(0.018, 0.04, columns * rows)
    turned = (x * np.cos(angles)[cell] + y * np.sin(angles)[cell]) / period[cell]
    ink = np.clip(1.6 - np.abs(turned % 1 - 0.5) * period[cell] * s.px * 2.2, 0, 1)
    colours = np.stack([s.pigment(k) for k in range(columns * rows)])
    return canvas(r, mix(image, colours[cell], 0.9 * ink[..., None].astype(np.float32)), 0.012)


def tubes(s: Studio) -> Array:
    """Lamps in a dark corner, colouring the walls."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    image = s.primed("line") + 0.12
    light = np.zeros_like(image)
    for k in range(int(r.integers(2, 6))):
        x, tilt = r.uniform(0.12, 0.88) * w, float(r.choice([0, 0, 0, np.pi / 2, np.pi / 4]))
        lamp = turn(box(x - 0.014, h * r.uniform(0.1, 0.3), x + 0.014, h * r.uniform(0.65, 0.9)), tilt, (x, h / 2))
        mask = s.cover(lamp)
        halo = blurred(np.repeat(mask, 3, axis=2), 0.1 * s.px) * 2.6 + blurred(mask[..., 0], 0.03 * s.px)[..., None]
        light += halo * s.pigment(k) + mask * (0.9 + 0 * light)
    return canvas(r, np.clip(image * (0.6 + light) + 0.5 * light, 0, 1), 0.012)
