"""Harbours, breakers, ponds, and the bridges of the print makers."""

from __future__ import annotations

import numpy as np

from builder.gallery.scenes.nature import cone, land, sky, tree, water
from builder.gallery.scenes.staffage import boat, galleon, house, walker
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
    ribbon,
    sketch,
)


def harbour(f: Frame, rng: Rng) -> Shapes:
    horizon = f.h * rng.uniform(0.36, 0.56)
    shapes = sky(f, rng, horizon, clouds=int(rng.integers(2, 5)))
    sun = shapes[2].parts[0].mean(axis=0)
    shapes += land(f, rng, horizon - 0.03, 1, 0.035) + water(f, rng, horizon)
    path = [
        ellipse(sun[0] + rng.normal(0, 0.02), y, 0.02 + 0.05 * rng.random(), 0.007)
        for y in np.linspace(horizon + 0.02, f.h * 0.95, 12)
    ]
    shapes.append(mass("sun", *tuple(path), alpha=0.9, grain=0.0, line=False))
    for x in np.arange(rng.uniform(0, 0.1), f.w * 0.42, 0.13):
        shapes += house(rng, x, horizon + 0.02, 0.11, rng.uniform(0.09, 0.17), depth=0.25)
    for y in sorted(rng.uniform(horizon + 0.07, f.h * 0.86, 4)):
        size = 0.1 + 0.32 * (y - horizon) / (f.h - horizon)
        sail = one_of(rng, "linen accent gold")
        shapes += boat(rng.uniform(0.15, 0.9) * f.w, y, size, sail, int(rng.choice([-1, 1])))
    return shapes


def wave(f: Frame, rng: Rng) -> Shapes:
    horizon = f.h * rng.uniform(0.55, 0.68)
    shapes = sky(f, rng, horizon, sun=rng.random() < 0.5, clouds=2)
    x, up = f.w * rng.uniform(0.55, 0.75), rng.uniform(0.16, 0.3)
    shapes += cone(x, horizon + 0.03, up, 1.3) + water(f, rng, horizon, 8)
    for k, scale in enumerate((0.55, 1.0)):
        left, top = f.w * (0.02 + 0.33 * (1 - k)), horizon - 0.48 * scale * f.h * 0.75
        base = f.h * (0.86 + 0.16 * k)
        back = [
            (left - 0.35, base),
            (left - 0.1, top + 0.35 * scale),
            (left + 0.12, top + 0.02),
            (left + 0.36 * scale, top),
        ]
        lip = [(left + 0.5 * scale, top + 0.16 * scale), (left + 0.38 * scale, top + 0.13 * scale)]
        hollow = [(left + 0.22 * scale, top + 0.3 * scale), (left + 0.3 * scale, base - 0.2), (f.w * 0.75, base - 0.02)]
        crest = curve(
            [*back, *lip, *hollow, (f.w + 0.2, base - 0.06), (f.w + 0.2, f.h + 0.3), (left - 0.4, f.h + 0.3)], 70
        )
        shapes.append(mass("deep", crest, grain=0.5))
        for shift in (0.05, 0.1, 0.155):
            inner = curve(np.array([(px + shift * 0.5, py + shift * 1.5) for px, py in [*back[1:], *hollow[:1]]]), 24)
            shapes.append(mass("water", ribbon(inner, 0.012, 0.022 * scale, 24), line=False, grain=0.5))
        foam = curve([*back[2:], *lip], 26)
        fingers = tuple(
            ellipse(px + rng.normal(0, 0.012), py + rng.normal(0, 0.012), r, r)
            for (px, py), r in zip(foam, rng.uniform(0.014, 0.034, len(foam)) * (0.6 + 0.4 * scale), strict=True)
        )
        shapes.append(mass("cloud", *fingers, tone=0.5))
    spray = tuple(ellipse(rng.uniform(0.2, 0.75) * f.w, rng.uniform(0.2, 0.6) * f.h, 0.006, 0.006) for _ in range(24))
    shapes.append(mass("cloud", *spray, tone=0.6, line=False))
    return shapes + boat(f.w * 0.8, f.h * 0.84, 0.2, "gold")


def lilies(f: Frame, rng: Rng) -> Shapes:
    shapes = [mass("water", everything(f), to="deep", grain=0.0)]
    for x in np.arange(0, f.w, 0.14):
        height = rng.uniform(0.15, 0.7) * f.h
        shapes.append(
            mass(
                "leaf2",
                ribbon([(x, -0.05), (x + rng.normal(0, 0.04), height)], 0.12, 0.02),
                alpha=0.55,
                soft=0.012,
                grain=1.57,
                line=False,
            )
        )
    if rng.random() < 0.6:
        rise = rng.uniform(0.1, 0.2) * f.h
        deck = [(-0.1, 0.36 * f.h), (f.w * 0.5, 0.36 * f.h - rise), (f.w + 0.1, 0.36 * f.h)]
        rail = [(x, y - 0.11) for x, y in deck]
        posts = tuple(ribbon([(x, y), (x, y - 0.12)], 0.012, 0.012, 4) for x, y in curve(deck, 12))
        shapes += [
            mass("glass", ribbon(deck, 0.05, 0.05), grain=0.1),
            mass("glass", *posts, tone=-0.1),
            mass("glass", ribbon(rail, 0.022, 0.022), tone=0.1, grain=0.1),
        ]
    for _ in range(int(rng.integers(9, 16))):
        y = rng.uniform(0.45, 1) * f.h
        x, size = rng.uniform(0, f.w), 0.04 + 0.1 * (y / f.h - 0.4)
        for _ in range(4):
            px, py = x + rng.normal(0, size), y + rng.normal(0, size * 0.25)
            shapes.append(mass("leaf2", ellipse(px, py, size, size * 0.32), tone=rng.uniform(-0.2, 0.2), grain=0.0))
        petals = tuple(
            ellipse(x + dx * size, y - 0.25 * size, 0.22 * size, 0.35 * size, tilt=dx) for dx in (-0.3, 0, 0.3)
        )
        shapes.append(mass("flower2" if rng.random() < 0.6 else "linen", *petals, tone=0.2))
    return shapes


def tempest(f: Frame, rng: Rng) -> Shapes:
    horizon = f.h * rng.uniform(0.52, 0.66)
    shapes = sky(f, rng, horizon, sun=True, clouds=9)
    for k, y in enumerate(np.linspace(horizon - 0.02, f.h, 6)):
        line = contour(rng, f.w, y, 0.05 + 0.03 * k, 9)
        shapes.append(mass("water", below(line, f.h + 0.2), to="deep", tone=-0.05 * k, grain=0.3, volume="plane"))
        shapes.append(mass("cloud", ribbon(line[::4], 0.012 + 0.004 * k, 0.003, 40), alpha=0.7, line=False))
        if k == 1:
            shapes += galleon(f.w * rng.uniform(0.3, 0.7), horizon + 0.06, 0.36, rng.uniform(-0.3, 0.3))
    side = 0.0 if rng.random() < 0.5 else f.w
    rock = blob(rng, side, f.h * 0.95, 0.3, rng.uniform(0.25, 0.45), 0.2)
    return [*shapes, mass("stone", rock, tone=-0.5, volume="plane", grain=0.8)]


def island(f: Frame, rng: Rng) -> Shapes:
    horizon = f.h * rng.uniform(0.58, 0.68)
    shapes = sky(f, rng, horizon, sun=True, clouds=3) + water(f, rng, horizon, 12)
    x, w = f.w * rng.uniform(0.4, 0.6), rng.uniform(0.34, 0.45)
    for side in (-1, 1):
        rock = [
            (x + side * w, horizon + 0.03),
            (x + side * w * 0.95, horizon - 0.3),
            (x + side * w * 0.6, horizon - 0.42),
            (x + side * w * 0.2, horizon - 0.25),
            (x + side * w * 0.1, horizon + 0.03),
        ]
        shapes.append(
            mass("stone", curve(rock, 24) + rng.normal(0, 0.006, (24, 2)), volume="plane", tone=-0.2, grain=1.3)
        )
        doors = tuple(
            box(x + side * w * a - 0.02, horizon - b, x + side * w * a + 0.02, horizon - b + 0.07)
            for a, b in ((0.5, 0.12), (0.7, 0.25))
        )
        shapes.append(mass("dark", *doors))
    for dx in (-0.1, -0.04, 0.03, 0.09):
        shapes += tree(rng, x + dx, horizon + 0.02, rng.uniform(0.38, 0.55), "cypress")
    mirror = ellipse(x, horizon + 0.1, w * 0.9, 0.09)
    shapes.append(mass("dark", mirror, alpha=0.5, soft=0.02, grain=0.0, line=False))
    bx, by = f.w * 0.5 + rng.normal(0, 0.1), f.h * 0.86
    hull = curve(sketch("-.14,-.03 -.08,.03 .08,.03 .14,-.03", bx, by), 12)
    return [*shapes, mass("dark", hull), *walker(bx, by, 0.16, "linen")]


def rain(f: Frame, rng: Rng) -> Shapes:
    shapes: Shapes = [mass("sky", everything(f), to="low", line=False)]
    y = f.h * rng.uniform(0.28, 0.4)
    shapes += [
        mass("mid", below(contour(rng, f.w, y, 0.06), y + 0.2), depth=0.4),
        mass("water", box(-0.1, y + 0.1, f.w + 0.1, f.h + 0.1), to="deep"),
    ]
    lift = rng.uniform(0.12, 0.25)
    deck = [(-0.1, f.h * 0.74), (f.w * 0.5, f.h * 0.74 - lift), (f.w + 0.1, f.h * 0.66)]
    path = curve(deck, 15)
    piers = tuple(ribbon([(px, py), (px, py + 0.3)], 0.022, 0.022, 4) for px, py in path[1::2])
    rails = tuple(ribbon([(px, py), (px, py - 0.08)], 0.01, 0.01, 4) for px, py in path)
    shapes += [
        mass("wood", *piers, tone=-0.3),
        mass("wood", ribbon(deck, 0.05, 0.05), tone=0.15),
        mass("wood", *rails),
        mass("wood", ribbon([(a, b - 0.08) for a, b in deck], 0.014, 0.014)),
    ]
    for t in rng.choice(np.arange(2, 13), 4, replace=False):
        px, py = path[t]
        shapes += walker(px, py, 0.17, one_of(rng, "cloth cloth2 dark"))
        shapes.append(mass("gold", sketch("-.09,-.13 0,-.2 .09,-.13", px, py)))
    lines = tuple(
        ribbon([(x, yy), (x - 0.05, yy + 0.22)], 0.0035, 0.0035, 3)
        for x, yy in zip(rng.uniform(0, f.w + 0.1, 90), rng.uniform(-0.1, f.h, 90), strict=True)
    )
    return [*shapes, mass("dark", *lines, alpha=0.6, line=False)]


def blossom(f: Frame, rng: Rng) -> Shapes:
    shapes: Shapes = [mass("sky", everything(f), to="low", line=False)]
    if rng.random() < 0.7:
        shapes += cone(f.w * rng.uniform(0.35, 0.7), f.h * 0.82, rng.uniform(0.25, 0.45), 1.5)
    shapes.append(mass("water", box(-0.1, f.h * 0.82, f.w + 0.1, f.h + 0.1), to="deep"))
    start, drop = (-0.1, f.h * rng.uniform(0.02, 0.3)), rng.uniform(0.1, 0.4)
    main = curve(
        [start, (f.w * 0.3, start[1] + drop * 0.3), (f.w * 0.6, start[1] + drop), (f.w * 0.95, start[1] + drop * 0.8)],
        24,
    )
    limbs, twigs = [ribbon(main[::3], 0.07, 0.008, 24)], []
    for k in range(4, 23, 3):
        a = rng.choice([-1, 1]) * rng.uniform(0.5, 1.2)
        tip = main[k] + np.array([0.16 * np.cos(a), 0.2 * np.sin(a)])
        limbs.append(ribbon([tuple(main[k]), tuple((main[k] + tip) / 2 + 0.01), tuple(tip)], 0.02, 0.005, 8))
        twigs.append(tip)
    shapes.append(mass("trunk", *tuple(limbs)))
    for x, y in [p for t in twigs for p in rng.normal(t, 0.045, (6, 2))]:
        petals = tuple(
            ellipse(x + 0.014 * np.cos(a), y + 0.014 * np.sin(a), 0.013, 0.01, tilt=a) for a in np.arange(5) * 1.257
        )
        shapes += [mass("flower2", *petals), mass("accent", ellipse(x, y, 0.005, 0.005), line=False)]
    bx, by = main[14] + (0, -0.06)
    bird = curve(sketch("-.12,.03 -.02,-.035 .06,-.04 .09,-.015 .05,.03 -.02,.04 -.12,.05", bx, by), 24)
    beak = sketch(".08,-.03 .12,-.015 .085,-.008", bx, by)
    return [
        *shapes,
        mass("cloth2", bird),
        mass("gold", beak),
        mass("dark", ellipse(bx + 0.065, by - 0.02, 0.006, 0.006)),
    ]
