"""Tilled land and what is built on it: villages, fields, mills, gardens."""

from __future__ import annotations

import numpy as np

from builder.gallery.scenes.nature import bare, land, sky, tree, water
from builder.gallery.scenes.staffage import boat, haystack, house, walker
from builder.gallery.shapes import (
    Frame,
    Rng,
    Shapes,
    arch,
    below,
    blob,
    box,
    contour,
    curve,
    ellipse,
    mass,
    one_of,
    peaks,
    poly,
    ribbon,
    sketch,
)


def village(f: Frame, rng: Rng) -> Shapes:
    horizon = f.h * rng.uniform(0.34, 0.48)
    shapes = sky(f, rng, horizon, clouds=4) + land(f, rng, horizon, 2)
    x = f.w * rng.uniform(0.3, 0.7)
    spire = [
        mass("stone", box(x, horizon - 0.2, x + 0.08, horizon + 0.16), volume="tube"),
        mass("roof", sketch("-.015,-.2 .04,-.42 .095,-.2", x, horizon)),
    ]
    for k, y in enumerate((0.14, 0.3, 0.5)):
        size = 0.13 + 0.06 * k
        for left in np.arange(rng.uniform(-0.15, 0.0), f.w, size * 1.65):
            if rng.random() < 0.8:
                shapes += house(
                    rng, left, horizon + y * f.h * 0.7, size, size * rng.uniform(0.6, 0.95), depth=0.2 - 0.1 * k
                )
            else:
                shapes += tree(rng, left + size / 2, horizon + y * f.h * 0.72, size * 1.6)
        if k == 0:
            shapes += spire
    bend = rng.uniform(0.3, 0.7) * f.w
    road = ribbon([(bend, f.h * 0.7), (bend + 0.1, f.h * 0.85), (f.w * 0.5, f.h * 1.05)], 0.05, 0.6)
    grass = below(contour(rng, f.w, f.h * 0.82, 0.05), f.h + 0.1)
    shapes += [mass("ground", grass, grain=0.1), mass("earth", road, grain=1.3)]
    for px in rng.uniform(0.1, 0.9, 3):
        shapes += walker(px * f.w, f.h * rng.uniform(0.86, 0.97), 0.13, one_of(rng, "cloth cloth2 accent"))
    return shapes


def harvest(f: Frame, rng: Rng) -> Shapes:
    horizon = f.h * rng.uniform(0.28, 0.42)
    shapes = sky(f, rng, horizon, clouds=4) + land(f, rng, horizon - 0.01, 1, 0.04)
    for x in np.arange(0.05, f.w, 0.16):
        if rng.random() < 0.7:
            shapes += tree(rng, x, horizon + 0.03, rng.uniform(0.1, 0.2))
    shapes.append(mass("gold", box(-0.02, horizon + 0.02, f.w + 0.02, f.h + 0.02), to="ground", grain=0.05))
    vanish = f.w * rng.uniform(0.2, 0.8)
    furrows = tuple(
        poly((vanish, horizon + 0.03), (x, f.h + 0.02), (x + 0.09, f.h + 0.02)) for x in np.arange(-f.w, 2 * f.w, 0.22)
    )
    shapes.append(mass("earth", *furrows, alpha=0.5, grain=1.2, line=False))
    for y in sorted(rng.uniform(horizon + 0.12, f.h * 0.9, 3)):
        size, x = 0.08 + 0.26 * (y - horizon) / (f.h - horizon), rng.uniform(0.1, 0.9) * f.w
        shapes += haystack(x, y, size)
    return shapes


def river(f: Frame, rng: Rng) -> Shapes:
    horizon = f.h * rng.uniform(0.34, 0.5)
    shapes = sky(f, rng, horizon, clouds=3) + land(f, rng, horizon - 0.04, 2) + water(f, rng, horizon + 0.08, 18)
    top, foot, arches = horizon - 0.04, horizon + 0.16, int(rng.integers(3, 6))
    span = (f.w + 0.2) / arches
    shapes.append(mass("stone", box(-0.05, top, f.w + 0.05, foot), grain=0.0))
    holes = tuple(
        arch(-0.1 + span * (k + 0.12), top + 0.06, -0.1 + span * (k + 0.88), foot + 0.01) for k in range(arches)
    )
    shapes.append(mass("deep", *holes, to="water", grain=0.0))
    shapes.append(mass("stone", box(-0.05, top - 0.025, f.w + 0.05, top + 0.01), tone=0.2, grain=0.0))
    for x in rng.uniform(0.05, f.w, 5):
        shapes += walker(x, top - 0.01, 0.1, one_of(rng, "cloth cloth2 accent dark"))
    bank = below(contour(rng, f.w, f.h * rng.uniform(0.85, 0.92), 0.08), f.h + 0.1)
    shapes.append(mass("ground", bank, grain=0.2))
    for x in rng.uniform(0, f.w, 3):
        shapes += tree(rng, x, f.h * 0.97, rng.uniform(0.35, 0.65))
    return shapes + boat(f.w * rng.uniform(0.3, 0.7), f.h * 0.8, 0.2)


def avenue(f: Frame, rng: Rng) -> Shapes:
    horizon, vanish = f.h * rng.uniform(0.5, 0.66), f.w * rng.uniform(0.35, 0.65)
    shapes = sky(f, rng, horizon, clouds=3) + land(f, rng, horizon, 1, 0.03)
    shapes.append(mass("ground", box(-0.02, horizon + 0.02, f.w + 0.02, f.h + 0.02), grain=0.1))
    road = poly(
        (vanish - 0.02, horizon + 0.02),
        (vanish + 0.02, horizon + 0.02),
        (f.w * 0.85, f.h + 0.02),
        (f.w * 0.15, f.h + 0.02),
    )
    shapes.append(mass("earth", road, grain=0.0))
    kind = one_of(rng, "poplar round cypress")
    for t in (0.12, 0.2, 0.34, 0.56, 0.9):
        y = horizon + 0.02 + (f.h - horizon) * t
        for side in (-1, 1):
            shapes.append(
                mass("deep", ellipse(vanish + side * f.w * 0.5 * t, y, 0.3 * t, 0.03 * t), alpha=0.5, line=False)
            )
            shapes += tree(rng, vanish + side * f.w * 0.62 * t, y, 0.12 + 1.15 * t * f.h, kind)
    return (
        shapes
        + walker(vanish + 0.05, horizon + 0.2, 0.15, "cloth2")
        + walker(vanish - 0.03, horizon + 0.2, 0.14, "accent")
    )


def windmill(f: Frame, rng: Rng) -> Shapes:
    horizon = f.h * rng.uniform(0.6, 0.75)
    shapes = sky(f, rng, horizon, sun=False, clouds=7) + land(f, rng, horizon, 1, 0.02)
    shapes.append(mass("ground", box(-0.02, horizon + 0.01, f.w + 0.02, f.h + 0.02), to="earth", grain=0.05))
    canal = ribbon(
        [(f.w * rng.uniform(0.2, 0.8), horizon + 0.02), (f.w * 0.5, f.h * 0.85), (f.w * 0.4, f.h * 1.1)], 0.02, 0.5
    )
    shapes.append(mass("water", canal, to="deep", grain=0.0))
    for x, size in ((f.w * rng.uniform(0.12, 0.25), 0.16), (f.w * rng.uniform(0.58, 0.76), 0.46)):
        foot = horizon + 0.12 * size
        top = foot - size
        body = poly((x - 0.24 * size, foot), (x - 0.13 * size, top), (x + 0.13 * size, top), (x + 0.24 * size, foot))
        cap = ellipse(x, top, 0.15 * size, 0.14 * size, np.pi, 2 * np.pi)
        shapes += [mass("wood", body, volume="tube"), mass("roof", cap, tone=-0.2)]
        tilt = rng.uniform(0, 1.5)
        for k in range(4):
            a = tilt + k * np.pi / 2
            c, s = np.cos(a), np.sin(a)
            tip = (x + 0.62 * size * c, top + 0.62 * size * s)
            cloth = poly(
                (x + 0.1 * size * c, top + 0.1 * size * s),
                tip,
                (tip[0] - 0.13 * size * s, tip[1] + 0.13 * size * c),
                (x + 0.1 * size * c - 0.13 * size * s, top + 0.1 * size * s + 0.13 * size * c),
            )
            shapes.append(mass("linen", cloth, alpha=0.85))
            shapes.append(mass("dark", ribbon([(x, top), tip], 0.03 * size, 0.02 * size, 6)))
    return shapes + walker(f.w * 0.4, f.h * 0.93, 0.13, "accent")


def garden(f: Frame, rng: Rng) -> Shapes:
    horizon = f.h * rng.uniform(0.3, 0.42)
    shapes = sky(f, rng, horizon, sun=False, clouds=3)
    for x in np.arange(-0.05, f.w + 0.1, 0.15):
        shapes += tree(rng, x, horizon + 0.12, rng.uniform(0.3, 0.5))
    shapes += house(rng, f.w * rng.uniform(0.25, 0.6), horizon + 0.16, 0.26, 0.2)
    shapes.append(mass("ground", box(-0.02, horizon + 0.14, f.w + 0.02, f.h + 0.02), grain=0.0))
    bend = rng.uniform(-0.3, 0.3)
    path = [(f.w * 0.45, horizon + 0.15), (f.w * 0.5 + bend * 0.5, f.h * 0.7), (f.w * 0.5 + bend, f.h * 1.05)]
    shapes.append(mass("earth", ribbon(path, 0.04, 0.5), grain=1.4))
    for y in np.linspace(horizon + 0.2, f.h + 0.02, 7):
        scale = (y - horizon) / (f.h - horizon)
        for side in (-1, 1):
            x = f.w * 0.5 + bend * scale + side * (0.14 + 0.42 * scale)
            shapes.append(mass("leaf", blob(rng, x, y, 0.28 * scale + 0.04, 0.13 * scale), volume="round"))
            spots = rng.normal((x, y - 0.03 * scale), (0.16 * scale, 0.06 * scale), (16, 2))
            heads = tuple(ellipse(px, py, 0.026 * scale + 0.004, 0.024 * scale + 0.004) for px, py in spots)
            role = one_of(rng, "flower flower2 accent linen")
            shapes.append(mass(role, *heads))
    return shapes + walker(f.w * 0.5, horizon + 0.32, 0.24, "linen")


def snow(f: Frame, rng: Rng) -> Shapes:
    horizon = f.h * rng.uniform(0.2, 0.4)
    shapes = sky(f, rng, horizon, sun=rng.random() < 0.4, clouds=0)
    shapes.append(
        mass("far", below(peaks(rng, f.w, horizon + 0.06, 0.2, 3), f.h), depth=0.3, volume="plane", grain=0.8)
    )
    shapes.append(mass("ground", below(contour(rng, f.w, horizon + 0.06, 0.03), f.h), grain=0.0))
    rise = rng.uniform(-0.12, 0.12)
    pond = blob(rng, f.w * rng.uniform(0.5, 0.8), f.h * (0.56 + 0.5 * rise), rng.uniform(0.24, 0.42), 0.09, 0.1)
    shapes.append(mass("water", pond, tone=0.1, grain=0.0))
    for x in rng.uniform(0, f.w, 5):
        shapes += house(rng, x, horizon + rng.uniform(0.1, 0.22), 0.1, 0.06, steep=0.9)
    for px, py in rng.normal(pond.mean(axis=0), (0.16, 0.035), (12, 2)):
        shapes += walker(px, py, 0.06, one_of(rng, "dark cloth cloth2"))
    hill = curve(
        [
            (-0.2, f.h * (0.5 - rise)),
            (f.w * 0.2, f.h * (0.62 - rise)),
            (f.w * 0.6, f.h * 0.9),
            (f.w + 0.2, f.h * 1.02),
            (f.w, f.h + 0.3),
            (-0.2, f.h + 0.3),
        ],
        30,
    )
    shapes.append(mass("linen", hill, volume="plane", grain=0.4))
    for x, h in zip((0.08, 0.24, 0.42, 0.6), (0.85, 0.75, 0.62, 0.5), strict=True):
        shapes.append(bare(rng, x * f.w, f.h * (0.68 + 0.35 * x), h))
    for x in (0.18, 0.3, 0.38):
        shapes += walker(x * f.w, f.h * (0.74 + 0.4 * x), 0.2, one_of(rng, "dark cloth wood"))
    return shapes
