"""Colour fields: soft stacks, zips, veils, stains, mist."""

from __future__ import annotations

import numpy as np

from builder.gallery.brushes import canvas, noise, speckle
from builder.gallery.colour import mix, toned
from builder.gallery.layin import put
from builder.gallery.shapes import blob, box, curve
from builder.gallery.studio import Array, Studio


def stacks(s: Studio) -> Array:
    """Two to four soft-edged fields, one above the other, breathing on a ground."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    image = s.filled(toned(s.pigment(0), -0.25))
    image = image + 0.03 * noise(r, s.shape, 5)[..., None]
    cuts = np.cumsum(r.dirichlet(np.full(int(r.integers(2, 5)), 2.2)) * 0.62 + 0.38 / 3)
    cuts = np.concatenate([[0], cuts / cuts[-1]])
    for k, (top, bottom) in enumerate(zip(cuts[:-1], cuts[1:], strict=True)):
        m, gap = 0.07, 0.02
        patch = box(m * w, (m + (1 - 2 * m) * top + gap) * h, (1 - m) * w, (m + (1 - 2 * m) * bottom - gap) * h)
        mask = s.cover(patch, soft=0.011)
        cloud = noise(r, s.shape, 3, 4)[..., None] * 0.1
        image = mix(image, np.clip(s.pigment(k + 1) * (1 + cloud), 0, 1), mask * (0.93 + 0.05 * np.tanh(cloud * 8)))
    return canvas(r, image, 0.02)


def zips(s: Studio) -> Array:
    """One field of colour, cut from top to bottom by a few thin verticals."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    image = s.pigment(0) * (1 + 0.05 * noise(r, s.shape, 3)[..., None])
    if r.random() < 0.7:
        edge = float(r.choice([0.0, 0.62])) * w
        put(image, s.px, s.pigment(1), box(edge - 0.1, -0.1, edge + w * r.uniform(0.2, 0.42), h + 0.1))
    for k in range(int(r.integers(2, 5))):
        x, wide = r.uniform(0.08, 0.92) * w, r.choice([0.012, 0.03, 0.07])
        ragged = np.stack([x + r.normal(0, 0.0025, 40), np.linspace(-0.1, h + 0.1, 40)], axis=1)
        band = np.concatenate([ragged, ragged[::-1] + (wide, 0)])
        put(image, s.px, s.pigment(k + 2), band, soft=float(r.choice([0, 0.004])))
    return canvas(r, image, 0.025)


def veils(s: Studio) -> Array:
    """Thin paint poured down raw canvas, colour over colour."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    image = s.primed("paper")
    count = int(r.integers(6, 10))
    spread = np.linspace(0.1, 0.9, count) if r.random() < 0.5 else r.uniform(0.15, 0.85, count)
    lean = r.normal(0, 0.25)
    for k, t in enumerate(r.permutation(spread)):
        x, wide = t * w, r.uniform(0.05, 0.14)
        top, end = r.uniform(-0.1, 0.25) * h, r.uniform(0.75, 1.1) * h
        left = curve([(x - wide, top), (x - wide + lean * 0.4, h * 0.5), (x - wide * 0.6 + lean, end)], 30)
        right = curve([(x + wide * 0.8 + lean, end), (x + wide + lean * 0.4, h * 0.5), (x + wide * 0.7, top)], 30)
        mask = s.cover(np.concatenate([left, right]) + r.normal(0, 0.003, (60, 2)), soft=0.006)
        image = image * (1 - mask * (0.88 - 0.2 * noise(r, s.shape, 6, 2)[..., None] * 0.3) * (1 - s.pigment(k)))
    return canvas(r, image, 0.045)


def stain(s: Studio) -> Array:
    """Pools of colour soaked into the cloth, much of it left bare."""
    r = s.rng
    image = s.primed("paper")
    bend = noise(r, s.shape, 5, 4) * 0.25
    for k in range(int(r.integers(4, 7))):
        x, y = r.uniform(0.1, 0.9) * s.frame.w, r.uniform(0.1, 0.9) * s.frame.h
        pool = s.cover(blob(r, x, y, r.uniform(0.12, 0.4), r.uniform(0.1, 0.35), 0.25), soft=0.06)[..., 0]
        mask = np.clip((pool + bend * (pool > 0.02) - 0.42) * 9, 0, 1)
        rim = np.clip(1 - np.abs(mask - 0.5) * 2, 0, 1) * 0.25
        image = image * (1 - (mask * (0.8 + 0.1 * bend) + rim)[..., None] * (1 - s.pigment(k)))
    return canvas(r, np.clip(image, 0, 1), 0.05)


def spray(s: Studio) -> Array:
    """A mist of colours with one drawn edge."""
    r = s.rng
    image = s.filled(s.pigment(0))
    for k in range(1, 6):
        mist = np.clip(noise(r, s.shape, 1.6, 2) * 0.55 + 0.3, 0, 1)[..., None]
        image = mix(image, s.pigment(k), mist)
    image = image + 0.045 * speckle(r, s.shape)[..., None]
    edge = r.uniform(0.03, 0.06)
    side = [
        box(0, 0, edge, s.frame.h),
        box(0, s.frame.h - edge, s.frame.w, s.frame.h),
        box(s.frame.w - edge, 0, s.frame.w, s.frame.h * 0.8),
    ]
    return np.clip(mix(image, s.pigment(6), s.cover(side[int(r.integers(3))], soft=0.008) * 0.85), 0, 1)
