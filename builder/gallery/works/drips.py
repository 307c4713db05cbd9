"""Action painting: skeins, curtains and bursts of enamel."""

from __future__ import annotations

import numpy as np

from builder.gallery.brushes import canvas, dots, lines, noise
from builder.gallery.layin import put
from builder.gallery.shapes import blob
from builder.gallery.studio import Array, Studio


def skeins(s: Studio) -> Array:
    """Enamel flung in loops over the whole cloth."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    image = _splatter(s, s.primed("paper") * (1 + 0.04 * noise(r, s.shape, 3)[..., None]), 260)
    pulse, lean = r.uniform(3, 9), r.normal(0, 0.6)
    paths: list[Array] = []
    colours: list[Array] = []
    widths: list[float] = []
    for layer in range(6):
        for _ in range(int(r.integers(6, 11))):
            t = np.linspace(0, 1, 150)
            a, b, c = r.uniform(0, 7, 3)
            x = (
                r.uniform(-0.1, 1.1)
                + 0.25 * np.sin(t * pulse * 2 + a)
                + 0.06 * np.sin(t * 23 + b)
                + (t - 0.5) * r.normal(0, 1.1)
            )
            y = (
                r.uniform(-0.1, 1.1)
                + 0.25 * np.cos(t * pulse * r.uniform(1, 3) + b)
                + 0.06 * np.cos(t * 29 + c)
                + (t - 0.5) * lean
            )
            path = np.stack([x * w, y * h], axis=1) * s.px
            flow = np.clip(r.gamma(1.6, 0.0032) * (1 + 0.7 * np.sin(t * 11 + c)), 0.0012, 0.03) * s.px * s.hand.stroke
            for start in range(0, 149, 10):
                paths.append(path[start : start + 12])
                widths.append(float(flow[start]) + 0.5)
                colours.append(s.pigment(layer))
    image = lines(image, paths, np.array(colours), widths)
    return canvas(r, _splatter(s, image, 420), 0.03)


def _splatter(s: Studio, image: Array, count: int, pigment: int | None = None) -> Array:
    r = s.rng
    centres = r.uniform(0, 1, (count, 2)) * (s.width, s.height)
    colours = np.stack([s.pigment(int(k)) for k in (r.integers(0, 6, count) if pigment is None else [pigment] * count)])
    return dots(image, centres, colours, np.clip(r.gamma(1.2, 0.0035, count) * s.px, 0.6, 0.02 * s.px))


def cascade(s: Studio) -> Array:
    """Paint let run from the top, in curtains."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    image = s.primed("paper") * (1 + 0.03 * noise(r, s.shape, 4)[..., None])
    for layer in range(6):
        colour, centre, start = s.pigment(layer), r.uniform(0, w), r.uniform(-0.1, 0.5) * h
        slab = blob(r, centre, start, r.uniform(0.2, 0.55), r.uniform(0.04, 0.12), 0.25)
        put(image, s.px, colour, slab)
        tops = np.stack([r.normal(centre, 0.25, 34), start + np.abs(r.normal(0, 0.05, 34))], axis=1)
        drops = r.gamma(2, 0.2, 34) * h * 0.8
        fall = np.linspace(0, 1, 24)
        paths = [
            np.stack([x + np.cumsum(r.normal(0, 0.0012, 24)), y + fall * d], axis=1) * s.px
            for (x, y), d in zip(tops, drops, strict=True)
        ]
        widths = r.gamma(2, 0.0042, 34) * s.px * s.hand.stroke + 0.7
        image = lines(image, paths, np.tile(colour, (34, 1)), widths.tolist())
        image = dots(image, np.array([p[-1] for p in paths]), np.tile(colour, (34, 1)), widths * 0.75)
    return canvas(r, _splatter(s, image, 220), 0.03)


def burst(s: Studio) -> Array:
    """Buckets thrown at the wall."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    image = s.primed("paper") * (1 + 0.03 * noise(r, s.shape, 4)[..., None])
    for layer in range(int(r.integers(3, 6))):
        x, y = r.uniform(0.2, 0.8) * w, r.uniform(0.2, 0.8) * h
        colour, size = s.pigment(layer), r.uniform(0.08, 0.2)
        paths, widths, tips = [], [], []
        for a in r.uniform(0, 2 * np.pi, 46):
            reach = size * r.gamma(4, 0.5)
            along = np.linspace(0.2, 1, 8)[:, None]
            path = np.array([x, y]) + along * reach * np.array([np.cos(a), np.sin(a)]) + along**2 * np.array([0, 0.04])
            paths.append(path * s.px)
            widths.append(float(r.gamma(2, 0.003)) * s.px * s.hand.stroke + 0.5)
            tips.append(path[-1] * s.px)
        put(image, s.px, colour, blob(r, x, y, size, size * 0.8, 0.3))
        image = lines(image, paths, np.tile(colour, (len(paths), 1)), widths)
        image = dots(
            image,
            np.array(tips),
            np.tile(colour, (len(tips), 1)),
            np.clip(r.gamma(2, 0.004, len(tips)) * s.px, 1, 0.03 * s.px),
        )
        far = r.normal((x, y), size * 2.2, (90, 2)) * s.px
        image = dots(image, far, np.tile(colour, (90, 1)), np.clip(r.gamma(1, 0.004, 90) * s.px, 0.5, 0.02 * s.px))
    return canvas(r, image, 0.03)
