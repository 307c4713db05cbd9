"""Places that are nobody's: peaks, ruins, night skies, jungles, boulevards, empty roads."""

from __future__ import annotations

import numpy as np

from builder.gallery.scenes.nature import land, plant, sky, tree, water
from builder.gallery.scenes.staffage import beast, car, house, walker
from builder.gallery.shapes import (
    Frame,
    Points,
    Rng,
    Shape,
    Shapes,
    arch,
    below,
    box,
    contour,
    curve,
    ellipse,
    everything,
    mass,
    one_of,
    peaks,
    poly,
    ribbon,
    sketch,
    star,
)


def mountains(f: Frame, rng: Rng) -> Shapes:
    shore = f.h * rng.uniform(0.62, 0.76)
    shapes = sky(f, rng, shore * 0.6, sun=rng.random() < 0.4, clouds=3)
    for k, (role, rise) in enumerate((("far", 0.5), ("mid", 0.3))):
        line = peaks(rng, f.w, shore - 0.02, rise * f.h, int(rng.integers(2, 5)) + k)
        shapes.append(mass(role, below(line, shore + 0.1), depth=0.5 - 0.4 * k, volume="plane", grain=0.9))
        if k == 0:
            caps = tuple(
                sketch("-.05,.06 0,0 .055,.07 .01,.045 -.01,.075", x, y)
                for x, y in line[2:-2]
                if y < shore - 0.36 * f.h
            )
            shapes.append(mass("linen", *caps, tone=0.3, depth=0.2, line=False, grain=0.9))
    shapes += water(f, rng, shore, 16)
    near = below(contour(rng, f.w, f.h * 0.94, 0.05), f.h + 0.1)
    shapes.append(mass("ground", near, tone=-0.2, grain=0.1))
    for x in rng.uniform(0, f.w, 5):
        shapes += tree(rng, x, f.h * 0.96, rng.uniform(0.2, 0.42), "pine")
    return shapes


def boulevard(f: Frame, rng: Rng) -> Shapes:
    vx, vy = f.w * rng.uniform(0.4, 0.6), f.h * rng.uniform(0.5, 0.6)
    shapes = sky(f, rng, vy, sun=rng.random() < 0.5, clouds=3)
    shapes.append(mass("earth", box(-0.02, vy, f.w + 0.02, f.h + 0.02), to="stone", grain=0.0))
    for side in (-1, 1):
        edge = 0.0 if side < 0 else f.w
        for t in (0.16, 0.3, 0.5, 0.75, 1.1):
            near, far = vx + (edge - vx) * min(t * 1.5, 1.3), vx + (edge - vx) * t
            shapes.append(_facade(rng, vx, vy, far, near, edge, f.h))
            shapes.append(_windows(vx, vy, far, near, edge, f.h))
    for _ in range(9):
        t = rng.uniform(0.1, 0.85) ** 1.3
        role = one_of(rng, "dark cloth cloth2 accent")
        shapes += walker(vx + rng.uniform(-0.7, 0.7) * t * f.w, vy + (f.h - vy) * t, 0.06 + 0.3 * t, role)
    return shapes


def _facade(rng: Rng, vx: float, vy: float, far: float, near: float, edge: float, h: float) -> Shape:
    def level(x: float, y: float) -> float:
        return vy + (y - vy) * abs((x - vx) / (edge - vx))

    top = -h * rng.uniform(0.0, 0.25)
    points = poly(
        (far, level(far, top)), (near, level(near, top)), (near, level(near, h * 0.98)), (far, level(far, h * 0.98))
    )
    role = one_of(rng, "wall wall2 stone roof")
    return mass(role, points, tone=-0.15 if edge else 0.05, depth=0.4 * (1 - abs((far - vx) / (edge - vx))), grain=1.57)


def _windows(vx: float, vy: float, far: float, near: float, edge: float, h: float) -> Shape:
    panes: list[Points] = []
    for a in (0.15, 0.6):
        x0, x1 = far + (near - far) * a, far + (near - far) * (a + 0.24)
        k0, k1 = abs((x0 - vx) / (edge - vx)), abs((x1 - vx) / (edge - vx))
        for y in (0.08, 0.28, 0.48, 0.72):
            t, b = h * y - vy, h * (y + 0.11) - vy
            panes.append(poly((x0, vy + t * k0), (x1, vy + t * k1), (x1, vy + b * k1), (x0, vy + b * k0)))
    return mass("dark", *tuple(panes), alpha=0.75)


def night(f: Frame, rng: Rng) -> Shapes:
    horizon = f.h * rng.uniform(0.62, 0.74)
    shapes: Shapes = [mass("sky", everything(f), to="low", grain=0.2, line=False)]
    for _ in range(int(rng.integers(7, 11))):
        x, y, r = rng.uniform(0, f.w), rng.uniform(0.03, horizon - 0.18), rng.uniform(0.012, 0.03)
        for k, alpha in ((3.2, 0.35), (2.1, 0.55), (1.0, 1.0)):
            shapes.append(mass("sun", ellipse(x, y, r * k, r * k), alpha=alpha, volume="round", line=False))
    x, y = f.w * rng.uniform(0.75, 0.9), 0.16
    shapes += [
        mass("sun", ellipse(x, y, r, r), alpha=a, volume="round", line=False) for r, a in ((0.14, 0.4), (0.075, 1))
    ]
    shapes += land(f, rng, horizon, 2, 0.09)
    for left in np.arange(f.w * 0.3, f.w * 0.95, 0.12):
        shapes += house(rng, left, horizon + rng.uniform(0.14, 0.22), 0.08, 0.06)
        if rng.random() < 0.7:
            shapes.append(mass("sun", box(left + 0.02, horizon + 0.12, left + 0.04, horizon + 0.14)))
    shapes.append(mass("ground", below(contour(rng, f.w, f.h * 0.92, 0.06), f.h + 0.1), grain=0.2))
    for x, height in ((f.w * rng.uniform(0.1, 0.28), rng.uniform(0.75, 0.95)), (f.w * 0.34, 0.4)):
        shapes += tree(rng, x, f.h * 1.03, height, "cypress")
    return shapes


def jungle(f: Frame, rng: Rng) -> Shapes:
    shapes = sky(f, rng, f.h * 0.5, clouds=0)
    shapes += land(f, rng, f.h * 0.5, 1, 0.05)
    for k, base in enumerate((0.62, 0.8, 0.98)):
        for x in np.arange(rng.uniform(-0.1, 0.05), f.w + 0.1, 0.19):
            shapes += plant(rng, x, (base + 0.04 * (k == 2)) * f.h, rng.uniform(0.25, 0.5) * (0.9, 1.0, 0.5)[k], k)
        if k == 1:
            shapes += beast(f.w * rng.uniform(0.3, 0.6), f.h * 0.9, rng.uniform(0.42, 0.52))
    return shapes


def wanderer(f: Frame, rng: Rng) -> Shapes:
    shapes = sky(f, rng, f.h * 0.5, sun=True, clouds=5)
    for k, y in enumerate((0.48, 0.56, 0.66, 0.74)):
        line = peaks(rng, f.w, y * f.h, (0.24 - 0.04 * k) * f.h, 3 + k)
        shapes.append(
            mass("far" if k < 2 else "mid", below(line, f.h), depth=0.7 - 0.15 * k, volume="plane", grain=0.8)
        )
        mist = below(contour(rng, f.w, (y + 0.03) * f.h, 0.03), (y + 0.12) * f.h)
        shapes.append(mass("low", mist, alpha=0.75, soft=0.02, grain=0.0, line=False))
    x, top = f.w * rng.uniform(0.35, 0.65), f.h * rng.uniform(0.72, 0.8)
    crag = curve(
        [
            (x - 0.75, f.h + 0.1),
            (x - 0.35, f.h * 0.9),
            (x - 0.1, top),
            (x + 0.1, top + 0.01),
            (x + 0.3, f.h * 0.88),
            (x + 0.7, f.h + 0.1),
        ],
        30,
    ) + rng.normal(0, 0.006, (30, 2))
    shapes.append(mass("dark", crag, tone=0.08, volume="plane", grain=1.0))
    height = rng.uniform(0.26, 0.36)
    shapes += walker(x, top + 0.02, height, "dark")
    cane = ribbon([(x + 0.2 * height, top + 0.02), (x + 0.12 * height, top - 0.42 * height)], 0.008, 0.008, 4)
    return [*shapes, mass("dark", cane)]


def ruins(f: Frame, rng: Rng) -> Shapes:
    horizon = f.h * rng.uniform(0.66, 0.76)
    shapes = sky(f, rng, horizon, sun=True, clouds=5) + land(f, rng, horizon, 2, 0.05)
    shapes.append(mass("ground", below(contour(rng, f.w, horizon + 0.05, 0.03), f.h + 0.1), to="dark", grain=0.1))
    x0, top, wide = f.w * rng.uniform(0.15, 0.3), f.h * rng.uniform(0.1, 0.2), rng.uniform(0.45, 0.6)
    wall = [
        (x0, horizon + 0.1),
        (x0 + 0.02, top + 0.2),
        (x0 + 0.1, top + 0.24),
        (x0 + 0.14, top),
        (x0 + wide * 0.6, top + 0.03),
        (x0 + wide * 0.7, top + 0.25),
        (x0 + wide * 0.9, top + 0.3),
        (x0 + wide, horizon + 0.1),
    ]
    holes = (
        arch(x0 + wide * 0.26, top + 0.1, x0 + wide * 0.58, horizon - 0.06),
        arch(x0 + wide * 0.74, horizon - 0.16, x0 + wide * 0.9, horizon + 0.1),
    )
    shapes += [mass("stone", poly(*wall), volume="tube", grain=1.57), mass("low", *holes, to="mid", grain=0.0)]
    bars = tuple(
        ribbon([(x0 + wide * t, top + 0.12), (x0 + wide * t, horizon - 0.06)], 0.012, 0.012, 4) for t in (0.36, 0.47)
    )
    shapes.append(mass("stone", *bars, tone=-0.3))
    for x in (*rng.uniform(0, x0, 1), *rng.uniform(x0 + wide, f.w, 2)):
        foot, h = f.h * 0.95, rng.uniform(0.4, 0.65)
        limbs = [ribbon([(x, foot), (x + 0.02, foot - 0.45 * h)], 0.06 * h, 0.04 * h)]
        for _ in range(9):
            y, a = foot - h * rng.uniform(0.3, 0.6), rng.uniform(-1.1, 1.1)
            tip = (x + 0.45 * h * np.sin(a), y - 0.42 * h * np.cos(a))
            limbs.append(
                ribbon([(x + 0.01, y), ((x + tip[0]) / 2 + 0.02, (y + tip[1]) / 2), tip], 0.025 * h, 0.004, 10)
            )
        shapes.append(mass("trunk", *tuple(limbs), tone=-0.4, grain=1.4))
    return shapes + walker(f.w * rng.uniform(0.4, 0.6), f.h * 0.95, 0.1, "dark")


def roadside(f: Frame, rng: Rng) -> Shapes:
    """A petrol station or a diner on an empty road."""
    horizon = f.h * rng.uniform(0.58, 0.68)
    shapes = sky(f, rng, horizon, sun=False, clouds=int(rng.integers(0, 3)))
    shapes.append(mass("far", below(contour(rng, f.w, horizon - 0.02, 0.03), f.h), depth=0.3))
    shapes.append(mass("ground", box(-0.02, horizon, f.w + 0.02, f.h), grain=0.0))
    shapes.append(
        mass(
            "stone",
            poly((-0.1, horizon + 0.14), (f.w + 0.1, horizon + 0.06), (f.w + 0.1, f.h + 0.1), (-0.1, f.h + 0.1)),
            tone=-0.3,
        )
    )
    x0, x1, top = f.w * rng.uniform(0.08, 0.2), f.w * rng.uniform(0.6, 0.75), horizon - rng.uniform(0.22, 0.3)
    shapes += [
        mass(
            "dark",
            poly((x0, horizon + 0.1), (x1, horizon + 0.1), (x1 + 0.35, horizon + 0.17), (x0 + 0.3, horizon + 0.17)),
            alpha=0.55,
            line=False,
        ),
        mass("linen", box(x0, top, x1, horizon + 0.1)),
        mass("glass", box(x0 + 0.05, top + 0.1, x1 - 0.2, horizon + 0.03), tone=0.15),
        mass(
            "sun",
            *(
                poly((x, horizon + 0.03), (x + 0.05, top + 0.1), (x + 0.09, top + 0.1), (x + 0.04, horizon + 0.03))
                for x in np.arange(x0 + 0.08, x1 - 0.3, 0.17)
            ),
            alpha=0.35,
        ),
        mass("accent", box(x0 - 0.06, top - 0.05, x1 + 0.06, top + 0.02)),
        mass("wood", box(x1 - 0.14, top + 0.1, x1 - 0.05, horizon + 0.1)),
    ]
    px, sign = f.w * rng.uniform(0.82, 0.92), top - rng.uniform(0.1, 0.2)
    shapes += [
        mass("dark", box(px - 0.008, sign, px + 0.008, horizon + 0.12)),
        mass("accent", ellipse(px, sign, 0.1, 0.07)),
        mass("linen", star(px, sign, 0.045, 0.02, 5, -np.pi / 2)),
    ]
    for x in (x1 + 0.02, x1 + 0.12):
        shapes += [
            mass("accent", box(x, horizon - 0.03, x + 0.055, horizon + 0.12), volume="tube"),
            mass("linen", box(x + 0.01, horizon - 0.02, x + 0.045, horizon + 0.02)),
        ]
    return shapes + car(f.w * rng.uniform(0.25, 0.5), horizon + 0.27, 0.42)
