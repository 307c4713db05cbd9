"""States of mind: a cry, a dream, a vision, a crooked street."""

from __future__ import annotations

import numpy as np

from builder.gallery.scenes.bodies import bust, gown, head, torso
from builder.gallery.scenes.nature import sky, water
from builder.gallery.shapes import (
    Frame,
    Rng,
    Shapes,
    below,
    box,
    contour,
    curve,
    ellipse,
    mass,
    one_of,
    poly,
    ribbon,
    sketch,
)


def cry(f: Frame, rng: Rng) -> Shapes:
    """A figure on a bridge, and the air around it."""
    horizon = f.h * rng.uniform(0.34, 0.46)
    shapes: Shapes = []
    for k, y in enumerate(np.linspace(-0.1, horizon, 9)):
        role = ("accent", "fruit", "low", "gold")[k % 4]
        shapes.append(mass(role, below(contour(rng, f.w, y, 0.06), f.h), grain=0.2, line=False))
    shapes += [mass("deep", below(contour(rng, f.w, horizon, 0.05), f.h), to="water", grain=0.5)]
    for _ in range(4):
        y = rng.uniform(horizon, f.h * 0.8)
        shapes.append(
            mass(
                one_of(rng, "far mid water"),
                ribbon(contour(rng, f.w, y, 0.12)[::8], 0.05, 0.09, 30),
                grain=0.6,
            )
        )
    k = int(rng.choice([-1, 1]))
    edge = (f.w / 2 - k * f.w * 0.6, f.h * 0.5)
    deck = poly(edge, (edge[0], f.h * 0.56), (f.w / 2 + k * f.w * 0.1, f.h + 0.1), (f.w / 2 + k * f.w * 0.9, f.h + 0.1))
    shapes.append(mass("wood", deck, grain=0.8))
    for d in (0.0, 0.07, 0.16):
        shapes.append(
            mass(
                "dark",
                ribbon([(edge[0], edge[1] - d * 0.4), (f.w / 2 + k * f.w * 0.6, f.h * 0.98 - d * 3.2)], 0.012, 0.04, 4),
            )
        )
    x, y = f.w * rng.uniform(0.42, 0.58), f.h * 0.55
    robe = curve(
        [
            (x - 0.08, y + 0.12),
            (x - 0.2, y + 0.25),
            (x - 0.12, f.h + 0.1),
            (x + 0.16, f.h + 0.1),
            (x + 0.2, y + 0.25),
            (x + 0.08, y + 0.12),
        ],
        30,
    )
    arms = tuple(ribbon(sketch(".16,.26 .2,.14 .12,.03", x, y, s, 1), 0.07, 0.04) for s in (-1, 1))
    skull = curve(sketch("-.12,-.08 -.06,.08 0,.15 .06,.08 .12,-.08 0,-.19 -.12,-.08", x, y), 30)
    holes = (
        ellipse(x - 0.045, y - 0.04, 0.026, 0.032),
        ellipse(x + 0.045, y - 0.04, 0.026, 0.032),
        ellipse(x, y + 0.075, 0.025, 0.045),
    )
    return [
        *shapes,
        mass("dark", robe, tone=0.1, volume="folds", grain=1.4),
        mass("skin", skull, volume="round"),
        mass("skin", *arms, tone=-0.1),
        mass("dark", *holes),
    ]


def dreamer(f: Frame, rng: Rng) -> Shapes:
    """A head with closed eyes over a quiet water."""
    horizon = f.h * rng.uniform(0.6, 0.74)
    shapes = sky(f, rng, horizon, sun=True, clouds=4) + water(f, rng, horizon, 10)
    x, y, s = f.w * rng.uniform(0.42, 0.58), horizon - rng.uniform(0.12, 0.24), rng.uniform(0.5, 0.66)
    shapes += [
        mass("sun", ellipse(x, y - 0.02, s * 0.75, s * 0.75), alpha=0.6, soft=0.09, line=False),
        *torso(x, y + s * 0.5, s * 0.9, horizon, "cloth2"),
    ]
    face = [p for p in head(rng, x, y, s, rng.uniform(-0.6, 0.6), "long") if p.role not in ("linen", "dark")]
    lids = tuple(
        ribbon(sketch("-.08,-.03 0,.015 .08,-.03", x + k * s * 0.14, y, s), 0.014 * s, 0.014 * s) for k in (-1, 1)
    )
    shapes += [
        *face,
        mass("hair", *lids),
        mass("water", box(-0.02, horizon, f.w + 0.02, f.h + 0.02), to="deep", alpha=0.75, grain=0.0),
    ]
    for px, py in zip(rng.uniform(0, f.w, 26), rng.uniform(horizon - 0.04, f.h, 26), strict=True):
        r = 0.01 + 0.04 * (py - horizon + 0.04)
        petals = tuple(
            ellipse(px + r * np.cos(a), py + r * np.sin(a), r * 0.8, r * 0.5, tilt=a) for a in np.arange(5) * 1.257
        )
        shapes.append(mass(one_of(rng, "flower flower2 accent linen"), *petals))
    return shapes


def sufferer(f: Frame, rng: Rng) -> Shapes:
    """A raw, close face and a crooked town behind it."""
    shapes = sky(f, rng, f.h * 0.5, clouds=2)
    for x in np.arange(-0.05, f.w, 0.17):
        top, lean = f.h * rng.uniform(0.15, 0.4), rng.normal(0, 0.07)
        shapes.append(
            mass(
                one_of(rng, "wall roof wall2 cloth2"),
                poly(
                    (x, f.h),
                    (x + lean, top + 0.06),
                    (x + lean + 0.09, top - 0.06),
                    (x + lean + 0.17, top + 0.06),
                    (x + 0.17, f.h),
                ),
            )
        )
        shapes.append(
            mass(
                "sun",
                *(
                    box(x + lean + a, top + b, x + lean + a + 0.03, top + b + 0.05)
                    for a in (0.03, 0.1)
                    for b in (0.1, 0.22)
                ),
                alpha=0.9,
            )
        )
    for k, t in enumerate(rng.permutation([0.24, 0.5, 0.78])[: int(rng.integers(1, 4))]):
        shapes += bust(
            f,
            rng,
            ("hat", "short", "bun")[k],
            f.w * float(t),
            f.h * rng.uniform(0.36, 0.5),
            rng.uniform(0.38, 0.5),
            0.15,
        )
    return shapes


def vision(f: Frame, rng: Rng) -> Shapes:
    """Long figures under a torn sky."""
    shapes = sky(f, rng, f.h * 0.8, sun=True, clouds=9)
    for _ in range(3):
        y = rng.uniform(0.05, 0.5) * f.h
        shapes.append(
            mass(
                "linen",
                ribbon(contour(rng, f.w, y, 0.14)[::9], 0.02, 0.12, 30),
                alpha=0.5,
                soft=0.02,
                grain=0.5,
                line=False,
            )
        )
    shapes.append(
        mass("mid", below(contour(rng, f.w, f.h * rng.uniform(0.74, 0.86), 0.06), f.h + 0.1), to="earth", grain=0.3)
    )
    count = int(rng.integers(3, 5))
    for t in np.linspace(0.2, 0.8, count):
        h = f.h * rng.uniform(0.68, 0.86)
        shapes += gown(
            rng,
            f.w * t,
            f.h * rng.uniform(0.92, 0.99),
            h,
            one_of(rng, "cloth cloth2 accent gold leaf flower2"),
            one_of(rng, "long short veil"),
            0.8,
            float(rng.normal(0, 0.05)),
        )
    return shapes
