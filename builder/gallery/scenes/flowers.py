"""Flowers in vases, and rooms with colour in them."""

from __future__ import annotations

import numpy as np

from builder.gallery.scenes.tables import fruits, jug, table
from builder.gallery.shapes import (
    Frame,
    Rng,
    Shapes,
    blob,
    box,
    ellipse,
    everything,
    mass,
    one_of,
    poly,
    ribbon,
    sketch,
)


def bouquet(f: Frame, rng: Rng) -> Shapes:
    top, x = f.h * rng.uniform(0.74, 0.84), f.w * rng.uniform(0.42, 0.58)
    shapes = table(f, rng, top)
    h, foot = rng.uniform(0.3, 0.4), f.h * 0.93
    shapes += [
        mass("dark", ellipse(x + 0.1, foot, 0.26, 0.03), alpha=0.6, soft=0.01, line=False),
        *jug(x, foot, h, one_of(rng, "cloth2 stone gold")),
    ]
    cy = foot - h - 0.24
    heads = sorted(
        (
            (x + 0.3 * np.cos(a) * r, cy + 0.27 * np.sin(a) * r, r)
            for a, r in zip(rng.uniform(0, 6.3, 24), np.sqrt(rng.uniform(0.02, 1, 24)), strict=True)
        ),
        key=lambda p: -p[2],
    )
    for px, py, _ in heads:
        shapes.append(
            mass("leaf", ribbon([(x, foot - h), ((x + px) / 2, (py + foot - h) / 2 - 0.03), (px, py)], 0.012, 0.008))
        )
        leaf = ribbon([(px, py + 0.04), (px + rng.normal(0, 0.06), py + 0.1)], 0.05, 0.005, 8)
        shapes.append(mass(one_of(rng, "leaf leaf2"), leaf))
    for px, py, _ in heads:
        shapes += bloom(rng, px, py, rng.uniform(0.05, 0.095))
    return shapes


def bloom(rng: Rng, x: float, y: float, r: float) -> Shapes:
    role = one_of(rng, "flower flower2 accent linen cloth2 fruit")
    petals = int(rng.integers(5, 13))
    step = 2 * np.pi / petals
    rim = tuple(
        ellipse(
            x + 0.62 * r * np.cos(a), y + 0.62 * r * np.sin(a), 0.45 * r, 0.8 * r * np.sin(step / 2) + 0.06 * r, tilt=a
        )
        for a in np.arange(petals) * step
    )
    return [
        mass(role, *rim, volume="plane"),
        mass(role, ellipse(x, y, 0.5 * r, 0.48 * r), tone=-0.2, volume="round"),
        mass("gold" if role != "gold" else "wood", ellipse(x, y, 0.26 * r, 0.25 * r), volume="round"),
    ]


def sunflowers(f: Frame, rng: Rng) -> Shapes:
    top, x = f.h * rng.uniform(0.66, 0.76), f.w * rng.uniform(0.45, 0.55)
    shapes: Shapes = [
        mass("low", everything(f), grain=0.8),
        mass("gold", box(-0.02, top, f.w + 0.02, f.h + 0.02), grain=0.0),
        *jug(x, f.h * 0.92, 0.36, "fruit"),
    ]
    for k in range(int(rng.integers(8, 13))):
        a, r = k * 2.4, 0.1 * np.sqrt(k) + 0.02
        px, py = x + r * np.cos(a) * 1.1, f.h * 0.38 + r * np.sin(a) * 0.85
        size = rng.uniform(0.08, 0.13)
        shapes.append(mass("leaf2", ribbon([(x, f.h * 0.6), (px, py)], 0.018, 0.014, 6)))
        rays = tuple(
            poly(
                (px + size * 0.5 * np.cos(t - 0.25), py + size * 0.5 * np.sin(t - 0.25)),
                (px + size * np.cos(t), py + size * np.sin(t)),
                (px + size * 0.5 * np.cos(t + 0.25), py + size * 0.5 * np.sin(t + 0.25)),
            )
            for t in np.arange(14) * 0.449
        )
        shapes += [
            mass("flower", *rays),
            mass("fruit", ellipse(px, py, size * 0.6, size * 0.58), volume="round"),
            mass("wood", ellipse(px, py, size * 0.36, size * 0.34), volume="round"),
        ]
    return shapes


def goldfish(f: Frame, rng: Rng) -> Shapes:
    """A bowl before an open window."""
    x0, x1 = f.w * rng.uniform(0.2, 0.3), f.w * rng.uniform(0.7, 0.85)
    shapes: Shapes = [
        mass("wall", everything(f), grain=1.4),
        mass("sky", box(x0, -0.02, x1, f.h * 0.4), to="low", grain=0.0),
        mass("water", box(x0, f.h * 0.3, x1, f.h * 0.5), grain=0.0),
        mass("mid", blob(rng, (x0 + x1) / 2, f.h * 0.3, 0.16, 0.06)),
    ]
    shapes += [
        mass("leaf", poly((x0, -0.02), (x0 - 0.18, -0.02), (x0 - 0.18, f.h * 0.56), (x0, f.h * 0.5)), grain=1.5),
        mass("flower2", poly((x1, -0.02), (x1 + 0.2, -0.02), (x1 + 0.2, f.h * 0.56), (x1, f.h * 0.5)), grain=1.5),
    ]
    shapes += [mass("accent", box(-0.02, f.h * 0.5, f.w + 0.02, f.h + 0.02), grain=0.1)]
    for x in np.linspace(x0 + 0.06, x1 - 0.06, 4):
        shapes += [mass("leaf2", blob(rng, x, f.h * 0.47, 0.07, 0.06, 0.2)), *bloom(rng, x, f.h * 0.43, 0.045)]
    x, y, r = f.w * rng.uniform(0.38, 0.62), f.h * 0.7, 0.2
    shapes += [
        mass("deep", ellipse(x + 0.06, y + r, 0.28, 0.04), line=False),
        mass("water", ellipse(x, y, r, r * 0.95), tone=0.2, grain=0.0),
        mass("linen", ellipse(x, y - r * 0.75, r * 0.62, 0.035), alpha=0.8),
    ]
    for _ in range(4):
        px, py, k = x + rng.uniform(-0.09, 0.09), y + rng.uniform(-0.08, 0.11), int(rng.choice([-1, 1]))
        shapes.append(mass("fruit", ellipse(px, py, 0.05, 0.022), sketch("-.04,0 -.085,-.03 -.085,.03", px, py, k, 1)))
    return shapes + fruits(rng, f.w * rng.choice([0.16, 0.84]), f.h * 0.92, 0.16, 5)


def bedroom(f: Frame, rng: Rng) -> Shapes:
    floor = f.h * 0.56
    shapes: Shapes = [
        mass("wall", everything(f), grain=1.4),
        mass(
            "wall2", poly((f.w * 0.78, -0.02), (f.w + 0.02, -0.02), (f.w + 0.02, f.h), (f.w * 0.78, floor)), grain=1.5
        ),
        mass(
            "earth",
            poly((f.w * 0.08, floor), (f.w * 0.78, floor), (f.w * 1.1, f.h + 0.1), (-0.1, f.h + 0.1)),
            grain=0.0,
        ),
    ]
    boards = tuple(
        ribbon([(f.w * (0.1 + 0.68 * t), floor), (f.w * (-0.3 + 1.6 * t), f.h * 1.05)], 0.004, 0.01, 3)
        for t in np.linspace(0, 1, 10)
    )
    bx = f.w * rng.uniform(0.5, 0.58)
    shapes += [
        mass("wood", *boards, alpha=0.7),
        mass("leaf2", box(f.w * 0.36, f.h * 0.12, f.w * 0.5, f.h * 0.44), grain=1.57),
        mass("wood", box(f.w * 0.425, f.h * 0.12, f.w * 0.435, f.h * 0.44)),
        mass(
            "fruit",
            box(bx, f.h * 0.36, bx + 0.06, f.h * 0.66),
            sketch("0,.5 .5,.42 .56,.5 .7,.98 .06,.98 0,.9", bx, 0, 1, f.h),
            grain=1.2,
        ),
        mass("accent", sketch(".08,.6 .5,.56 .62,.9 .08,.9", bx, 0, 1, f.h), grain=0.3),
        mass("linen", ellipse(bx + 0.24, f.h * 0.53, 0.18, 0.06)),
        mass("fruit", box(bx - 0.02, f.h * 0.66, bx + 0.64, f.h * 1.02), tone=-0.05, grain=0.0),
    ]
    for x, y, s in ((f.w * 0.14, f.h * 0.86, 0.32), (f.w * rng.uniform(0.3, 0.4), f.h * 0.7, 0.22)):
        shapes += [
            mass(
                "gold",
                box(x, y - s, x + 0.03, y),
                box(x + 0.18, y - s * 0.55, x + 0.21, y),
                box(x, y - s, x + 0.14, y - s * 0.9),
                box(x, y - s * 0.78, x + 0.14, y - s * 0.7),
                grain=1.57,
            ),
            mass("leaf2", sketch("0,-.5 .17,-.52 .22,-.42 .02,-.38", x, y, 1, s)),
        ]
    for x in (0.6, 0.7):
        shapes += [
            mass("wood", box(f.w * x, f.h * 0.08, f.w * x + 0.1, f.h * 0.26)),
            mass("mid", box(f.w * x + 0.015, f.h * 0.1, f.w * x + 0.085, f.h * 0.24)),
        ]
    return shapes
