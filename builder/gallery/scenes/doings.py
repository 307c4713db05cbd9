"""People who do something: glean, plough, dance, swing, walk in parks, play cards."""

from __future__ import annotations

import numpy as np

from builder.gallery.scenes.bodies import bust, gown, head
from builder.gallery.scenes.nature import land, sky, water
from builder.gallery.scenes.staffage import ox, stooped, walker
from builder.gallery.shapes import (
    Frame,
    Rng,
    Shapes,
    below,
    blob,
    box,
    contour,
    curve,
    ellipse,
    everything,
    mass,
    one_of,
    poly,
    ribbon,
    sketch,
)


def gleaners(f: Frame, rng: Rng) -> Shapes:
    horizon = f.h * rng.uniform(0.3, 0.42)
    shapes = sky(f, rng, horizon, sun=False, clouds=3)
    shapes += [
        mass("far", below(contour(rng, f.w, horizon, 0.02), f.h), depth=0.4),
        mass("gold", box(-0.02, horizon + 0.03, f.w + 0.02, f.h + 0.02), to="earth", grain=0.0),
    ]
    for x in rng.uniform(0.3, 0.95, 4) * f.w:
        shapes.append(mass("gold", blob(rng, x, horizon + 0.02, 0.07, 0.05, 0.08), volume="round", depth=0.3))
    stubble = tuple(
        ribbon([(x, y), (x + 0.01, y - 0.025)], 0.004, 0.002, 3)
        for x, y in zip(rng.uniform(0, f.w, 160), rng.uniform(horizon + 0.1, f.h, 160), strict=True)
    )
    shapes.append(mass("wood", *stubble, alpha=0.5, line=False))
    for x, role, k in zip(
        np.array([0.27, 0.56, 0.86]) * f.w + rng.normal(0, 0.03, 3),
        rng.permutation(["cloth", "cloth2", "wood"]),
        (1, 1, 1),
        strict=True,
    ):
        shapes += stooped(x, f.h * rng.uniform(0.86, 0.95), rng.uniform(0.44, 0.52), str(role), k)
    return shapes


def toilers(f: Frame, rng: Rng) -> Shapes:
    """A road through a plain, people with loads, a team of oxen."""
    horizon = f.h * rng.uniform(0.44, 0.56)
    shapes = sky(f, rng, horizon, sun=False, clouds=7) + land(f, rng, horizon, 2, 0.02)
    shapes.append(mass("ground", box(-0.02, horizon + 0.05, f.w + 0.02, f.h + 0.02), to="earth", grain=0.05))
    rows = tuple(
        poly((-0.1, y), (f.w + 0.1, y - 0.06), (f.w + 0.1, y - 0.045), (-0.1, y + 0.03))
        for y in np.linspace(horizon + 0.12, f.h * 1.05, 9)
    )
    shapes.append(mass("wood", *rows, alpha=0.45, line=False, grain=-0.05))
    y = f.h * rng.uniform(0.74, 0.82)
    for k in range(int(rng.integers(2, 4))):
        shapes += ox(f.w * (0.22 + 0.2 * k), y - 0.02 * k, 0.3, one_of(rng, "wood linen wall2"))
    x = f.w * 0.8
    plough = ribbon(sketch("-.3,-.1 -.1,-.02 .02,-.2", x, y), 0.02, 0.012)
    return [*shapes, mass("dark", plough), *walker(x + 0.06, y + 0.03, 0.42, one_of(rng, "cloth cloth2"))]


def dancer(f: Frame, rng: Rng) -> Shapes:
    floor = f.h * rng.uniform(0.6, 0.7)
    shapes: Shapes = [
        mass("backdrop", everything(f), grain=1.3),
        mass("wood", box(-0.02, floor, f.w + 0.02, f.h + 0.02), tone=0.15, grain=0.05),
    ]
    for _ in range(4):
        shapes.append(
            mass(
                one_of(rng, "leaf cloth2 glass"),
                blob(rng, rng.uniform(0, f.w), floor * rng.uniform(0.3, 0.9), 0.2, 0.25),
                alpha=0.6,
                soft=0.02,
                grain=1.3,
            )
        )
    for x, foot, h in (
        (f.w * rng.uniform(0.3, 0.42), f.h * 0.93, 0.72),
        (f.w * rng.uniform(0.65, 0.8), f.h * 0.8, 0.5),
    ):
        k, role = int(rng.choice([-1, 1])), one_of(rng, "linen flower2 cloth2")
        hip = foot - 0.48 * h
        legs = (
            ribbon([(x, hip), (x - 0.03 * h, foot - 0.2 * h), (x, foot)], 0.08 * h, 0.03 * h),
            ribbon(sketch("0,0 .2,.2 .42,.1", x, hip, h * k, h), 0.08 * h, 0.025 * h),
        )
        arms = (
            ribbon(sketch("0,-.3 .2,-.42 .36,-.5", x, hip, h * k, h), 0.045 * h, 0.025 * h),
            ribbon(sketch("0,-.3 -.2,-.2 -.34,-.28", x, hip, h * k, h), 0.045 * h, 0.025 * h),
        )
        tutu = star_skirt(rng, x, hip, 0.3 * h)
        chest = ribbon([(x, hip - 0.34 * h), (x, hip)], 0.13 * h, 0.09 * h, 6)
        shapes += [
            mass("skin", *legs, tone=0.05),
            mass("skin", *arms),
            *tutu_shapes(tutu, role),
            mass(role, chest, volume="tube", tone=-0.1),
            *head(rng, x, hip - 0.43 * h, 0.14 * h, k * 0.6, "short"),
        ]
    return shapes


def star_skirt(rng: Rng, x: float, y: float, r: float) -> np.ndarray:
    a = np.linspace(0, 2 * np.pi, 60)
    ruffle = r * (1 + 0.07 * np.sin(a * 11) + rng.normal(0, 0.02, 60))
    return np.stack([x + ruffle * np.cos(a), y + 0.42 * ruffle * np.sin(a)], axis=1)


def tutu_shapes(outline: np.ndarray, role: str) -> Shapes:
    middle = outline.mean(axis=0)
    return [
        mass(role, middle + (outline - middle) * k, tone=t, volume="plane", alpha=0.85)
        for k, t in ((1.0, 0.0), (0.8, 0.15), (0.55, 0.05))
    ]


def swing(f: Frame, rng: Rng) -> Shapes:
    shapes = sky(f, rng, f.h * 0.6, sun=False, clouds=3)
    for _ in range(26):
        a = rng.uniform(0, 2 * np.pi)
        x, y = f.w * (0.5 + 0.56 * np.cos(a)), f.h * (0.45 + 0.55 * np.sin(a))
        role = one_of(rng, "leaf leaf2 glass")
        shapes.append(
            mass(
                role,
                blob(rng, x, y, rng.uniform(0.12, 0.25), rng.uniform(0.1, 0.18), 0.2),
                volume="round",
                soft=0.008,
                alpha=0.9,
            )
        )
    for x, y in zip(rng.uniform(0, f.w, 24), rng.uniform(0.75, 1, 24) * f.h, strict=True):
        shapes.append(mass("flower2", ellipse(x, y, 0.014, 0.012), line=False))
    x, y, k = f.w * rng.uniform(0.42, 0.58), f.h * rng.uniform(0.46, 0.56), int(rng.choice([-1, 1]))
    ropes = tuple(ribbon([(x + d, y + 0.08), (x + d * 0.4 - 0.28 * k, -0.05)], 0.008, 0.008, 4) for d in (-0.1, 0.1))
    dress = curve(
        [
            (x - 0.02, y - 0.1),
            (x - 0.16, y + 0.02),
            (x - 0.12 * k - 0.12, y + 0.26),
            (x + 0.14 * k, y + 0.3),
            (x + 0.36 * k, y + 0.18),
            (x + 0.16 * k, y + 0.02),
            (x + 0.02, y - 0.1),
        ],
        40,
    )
    lace = curve([(x - 0.12 * k - 0.12, y + 0.24), (x + 0.12 * k, y + 0.3), (x + 0.36 * k, y + 0.17)], 16)
    shapes += [
        mass("wood", *ropes),
        mass("accent", box(x - 0.13, y + 0.06, x + 0.13, y + 0.09)),
        mass("skin", ribbon([(x + 0.2 * k, y + 0.2), (x + 0.4 * k, y + 0.26)], 0.04, 0.02)),
        mass("flower2", dress, volume="folds", grain=0.9),
        mass("linen", *(ellipse(px, py, 0.024, 0.018) for px, py in lace)),
        mass("flower2", ribbon([(x, y - 0.2), (x, y)], 0.12, 0.09, 6), volume="tube", tone=0.1),
        mass("skin", ribbon(sketch("0,-.15 -.12,-.12 -.14,-.3", x, y, k, 1), 0.045, 0.03)),
        *head(rng, x, y - 0.29, 0.15, k * 0.7, "wig"),
    ]
    return shapes + gown(rng, f.w * (0.5 - 0.36 * k), f.h * 0.97, 0.34, "cloth2", "wig")


def fete(f: Frame, rng: Rng) -> Shapes:
    """Company in a park: a statue, feathery trees, silk."""
    horizon = f.h * rng.uniform(0.5, 0.6)
    shapes = sky(f, rng, horizon, clouds=5) + land(f, rng, horizon, 2, 0.04) + water(f, rng, horizon + 0.04, 6)
    shapes.append(mass("ground", below(contour(rng, f.w, horizon + 0.14, 0.04), f.h + 0.1), grain=0.1))
    side = float(rng.choice([0.0, 1.0]))
    for _ in range(9):
        x, y = f.w * (side + (1 - 2 * side) * rng.uniform(-0.05, 0.35)), f.h * rng.uniform(0.0, 0.4)
        shapes.append(
            mass(
                one_of(rng, "leaf leaf2"),
                blob(rng, x, y, 0.2, 0.13, 0.2),
                volume="round",
                soft=0.012,
                alpha=0.9,
            )
        )
    base = f.w * (0.14 + 0.72 * side)
    shapes.append(mass("trunk", ribbon(sketch("0,.85 .05,.5 -.02,.1", base, 0, 1, f.h), 0.07, 0.02), volume="tube"))
    sx = f.w * (0.84 - 0.68 * side)
    shapes += [
        mass("stone", box(sx - 0.06, horizon + 0.02, sx + 0.06, horizon + 0.22), tone=0.2, volume="tube"),
        *[mass("stone", *s.parts, tone=0.3, volume="round") for s in walker(sx, horizon + 0.02, 0.24, "stone")],
    ]
    for t in np.linspace(0.22, 0.8, int(rng.integers(4, 7))):
        role = one_of(rng, "flower2 cloth2 gold accent linen")
        shapes += gown(
            rng,
            f.w * t,
            f.h * rng.uniform(0.82, 0.95),
            rng.uniform(0.26, 0.34),
            role,
            one_of(rng, "wig bun hat"),
            1.3,
        )
    return shapes


def cafe(f: Frame, rng: Rng) -> Shapes:
    shapes: Shapes = [
        mass("wall", everything(f), grain=1.4),
        mass("glass", box(f.w * 0.05, f.h * 0.05, f.w * 0.95, f.h * 0.42), tone=-0.1, grain=0.7),
    ]
    shapes += [
        mass("gold", ellipse(x, f.h * 0.12, 0.035, 0.045), volume="round") for x in rng.uniform(0.1, 0.9, 5) * f.w
    ]
    shapes += [
        s
        for t in (0.32, 0.68)
        for s in bust(
            f,
            rng,
            one_of(rng, "hat bun short"),
            f.w * (t + rng.normal(0, 0.03)),
            f.h * rng.uniform(0.32, 0.42),
            rng.uniform(0.22, 0.3),
        )
    ]
    top = f.h * rng.uniform(0.72, 0.78)
    shapes.append(
        mass(
            "wood",
            poly((f.w * 0.04, top), (f.w * 0.96, top - 0.04), (f.w + 0.1, f.h + 0.1), (-0.1, f.h + 0.1)),
            grain=0.1,
        )
    )
    for x in rng.uniform(0.2, 0.8, 3) * f.w:
        shapes += [
            mass("glass", sketch("-.04,-.12 .04,-.12 .025,.05 -.025,.05", x, top), tone=0.3, alpha=0.8),
            mass("gold", sketch("-.035,-.07 .035,-.07 .025,.05 -.025,.05", x, top)),
        ]
    cards = tuple(box(x, top + 0.08, x + 0.06, top + 0.14) for x in rng.uniform(0.2, 0.75, 5) * f.w)
    return [*shapes, mass("linen", *cards)]
