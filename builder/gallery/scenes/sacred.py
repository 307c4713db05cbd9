"""Altarpieces: madonnas, saints, annunciations, suppers."""

from __future__ import annotations

import numpy as np

from builder.gallery.scenes.bodies import gown, halo, head, torso
from builder.gallery.scenes.nature import land, sky, tree
from builder.gallery.shapes import (
    Frame,
    Points,
    Rng,
    Shapes,
    arch,
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


def madonna(f: Frame, rng: Rng) -> Shapes:
    """A mother and child enthroned, in haloes, on gold, under an arch."""
    shapes: Shapes = [mass("gold", everything(f), volume="plane", grain=0.4)]
    x, y, s = f.w * rng.uniform(0.46, 0.54), f.h * rng.uniform(0.26, 0.32), rng.uniform(0.2, 0.25)
    throne = np.concatenate([arch(x - 0.34, y - 0.24, x + 0.34, f.h * 0.98)])
    shapes += [
        mass("stone", throne, tone=0.1),
        mass("cloth", arch(x - 0.28, y - 0.18, x + 0.28, f.h * 0.96), volume="plane"),
    ]
    for k in range(int(rng.integers(1, 4))):
        for side in (-1, 1):
            ax, ay = x + side * (0.36 + 0.03 * (k % 2)), y + 0.02 + 0.24 * k
            shapes += [
                halo(ax, ay, 0.1),
                *torso(ax, ay + 0.07, 0.11, ay + 0.16, ("flower2", "cloth2", "leaf2")[k % 3]),
                *head(rng, ax, ay, 0.13, -side * 0.9, "short"),
            ]
    robe = curve(
        [
            (x - 0.12, y + 0.12),
            (x - 0.3, y + 0.3),
            (x - 0.4, f.h * 0.8),
            (x - 0.36, f.h * 0.99),
            (x + 0.36, f.h * 0.99),
            (x + 0.4, f.h * 0.8),
            (x + 0.3, y + 0.3),
            (x + 0.12, y + 0.12),
        ],
        40,
    )
    shapes += [
        halo(x, y - 0.02, s * 0.85),
        mass("cloth2", robe, volume="folds", grain=1.5),
        mass("accent", ellipse(x, y + 0.34, 0.13, 0.17), volume="folds"),
    ]
    side = int(rng.choice([-1, 1]))
    cx, cy = x + side * 0.12, y + 0.3
    child = mass("flower", blob(rng, cx, cy + 0.15, 0.09, 0.14, 0.05), volume="folds")
    arm = mass(
        "cloth2",
        ribbon([(x - side * 0.22, y + 0.28), (x - side * 0.16, y + 0.48), (cx + side * 0.05, y + 0.5)], 0.11, 0.06),
        volume="tube",
        tone=0.1,
    )
    return [
        *shapes,
        *head(rng, x, y, s, side * 0.8, "veil"),
        halo(cx, cy, 0.085),
        child,
        *head(rng, cx, cy, 0.125, -side * 0.6, "short"),
        arm,
        *spandrels(f, 0.05),
    ]


def spandrels(f: Frame, margin: float) -> Shapes:
    """The frame of an altarpiece: everything outside a pointed arch."""
    cx, m = f.w / 2, margin
    inside = curve([(m, f.h * 0.34), (f.w * 0.2, f.h * 0.12), (cx, m * 0.6)], 20)
    corner = np.concatenate([poly((-0.02, -0.02), (-0.02, f.h * 0.34)), inside, poly((cx, -0.02))])
    other = corner * (-1, 1) + (f.w, 0)
    posts = (
        box(-0.02, f.h * 0.3, m, f.h + 0.02),
        box(f.w - m, f.h * 0.3, f.w + 0.02, f.h + 0.02),
        box(-0.02, f.h - m * 0.7, f.w + 0.02, f.h + 0.02),
    )
    return [
        mass("wood", corner, other),
        mass("gold", *(ribbon(e, 0.018, 0.018, 24) for e in (inside, inside * (-1, 1) + (f.w, 0))), tone=0.2),
        mass("wood", *posts),
    ]


def saints(f: Frame, rng: Rng) -> Shapes:
    """A row of saints, each in his own arch."""
    shapes: Shapes = [mass("wood", everything(f), grain=0.0)]
    count = int(rng.integers(3, 6))
    step = f.w / count
    for k in range(count):
        x0, x1 = step * k + 0.02, step * (k + 1) - 0.02
        tall = f.h * (0.06 + 0.07 * abs(k - (count - 1) / 2) * float(rng.uniform(0.7, 1.3)))
        shapes.append(mass("gold", arch(x0, tall, x1, f.h * 0.95), volume="plane", grain=0.3))
        x, h = (x0 + x1) / 2, min(f.h * 0.8 - tall, step * 2.4)
        shapes.append(halo(x, f.h * 0.92 - h * 0.92, 0.15 * h))
        role = one_of(rng, "cloth cloth2 leaf flower2 accent")
        shapes += gown(rng, x, f.h * 0.92, h, role, one_of(rng, "short veil long"), 1.0)
        if rng.random() < 0.6:
            staff = ribbon([(x + 0.16 * h, f.h * 0.92), (x + 0.15 * h, f.h * 0.92 - h)], 0.014, 0.012, 4)
            shapes.append(mass("dark", staff))
    return shapes


def loggia(f: Frame, rng: Rng) -> Shapes:
    """An annunciation: two figures among columns, a garden beyond."""
    floor = f.h * 0.72
    shapes = sky(f, rng, f.h * 0.5, sun=False, clouds=2) + land(f, rng, f.h * 0.52, 2)
    for x in np.arange(0.1, f.w, 0.2):
        shapes += tree(rng, x, f.h * 0.68, rng.uniform(0.2, 0.34), "cypress")
    shapes.append(mass("stone", box(-0.02, floor, f.w + 0.02, f.h + 0.02), tone=0.15, grain=0.0))
    vx = f.w * rng.uniform(0.4, 0.6)
    joints = tuple(
        ribbon([(vx + (x - vx) * 0.3, floor), (x, f.h + 0.05)], 0.004, 0.008, 3)
        for x in np.linspace(-0.6, f.w + 0.6, 13)
    )
    shapes.append(mass("accent", *joints, alpha=0.6))
    bays = int(rng.integers(2, 4))
    step = f.w / bays
    top = [mass("linen", _lintel(f, step, k), tone=-0.08) for k in range(bays)]
    columns = tuple(
        box(step * k - 0.03, f.h * 0.12 + step / 2 - 0.05, step * k + 0.03, floor + 0.04) for k in range(bays + 1)
    )
    caps = tuple(
        box(step * k - 0.05, f.h * 0.12 + step / 2 - 0.09, step * k + 0.05, f.h * 0.12 + step / 2 - 0.05)
        for k in range(bays + 1)
    )
    shapes += [*top, mass("linen", *columns, volume="flat", tone=-0.03), mass("gold", *caps)]
    h = f.h * rng.uniform(0.5, 0.58)
    ax, mx = f.w * 0.27, f.w * 0.73
    wing = curve(sketch("-.05,-.75 -.2,-.9 -.26,-.3 -.06,-.5", ax, f.h * 0.94, 1, h), 20)
    shapes += [
        mass("flower", wing, volume="plane"),
        mass("accent", wing * 0.8 + wing.mean(axis=0) * 0.2),
        halo(ax, f.h * 0.94 - 0.91 * h, 0.13 * h),
        *gown(rng, ax, f.h * 0.94, h, "flower2", "short", lean=0.03),
    ]
    return shapes + [
        halo(mx, f.h * 0.95 - 0.91 * h, 0.13 * h),
        *gown(rng, mx, f.h * 0.95, h, "cloth2", "veil", lean=-0.03),
    ]


def _lintel(f: Frame, step: float, k: int) -> Points:
    """The wall above one bay, its arch cut out."""
    r, top = (step - 0.1) / 2, f.h * 0.12
    hole = ellipse(step * (k + 0.5), top + r, r, r, np.pi, 2 * np.pi)
    return np.concatenate(
        [poly((step * k, -0.02), (step * k, top + r)), hole, poly((step * (k + 1), top + r), (step * (k + 1), -0.02))]
    )


def supper(f: Frame, rng: Rng) -> Shapes:
    """A long table before three windows, everything meeting behind the middle head."""
    cx, cy = f.w * rng.uniform(0.47, 0.53), f.h * 0.42
    shapes: Shapes = [mass("backdrop", everything(f), tone=0.1)]
    back = (f.w * 0.26, f.h * 0.16, f.w * 0.74, f.h * 0.58)
    shapes += [
        mass("wood", poly((0, 0), (f.w, 0), (back[2], back[1]), (back[0], back[1])), tone=-0.2),
        mass("wall", poly((0, 0), (back[0], back[1]), (back[0], back[3]), (0, f.h)), tone=-0.25),
        mass("wall", poly((f.w, 0), (back[2], back[1]), (back[2], back[3]), (f.w, f.h)), tone=-0.05),
        mass("wall2", box(*back)),
        mass("stone", poly((0, f.h), (back[0], back[3]), (back[2], back[3]), (f.w, f.h))),
    ]
    beams = tuple(
        ribbon([(f.w * t, 0), (cx + (f.w * t - cx) * 0.48, back[1])], 0.014, 0.008, 3) for t in np.linspace(0, 1, 9)
    )
    shapes.append(mass("dark", *beams, alpha=0.7))
    for k in (-1, 0, 1):
        x, w = cx + k * 0.19 * f.w / 1.2, 0.06 + (0.02 if k == 0 else 0)
        hole = arch(x - w, cy - 0.17, x + w, cy + 0.12) if k == 0 else box(x - w, cy - 0.13, x + w, cy + 0.12)
        shapes.append(mass("sky", hole, to="far", grain=0.0))
    for side in (-1, 1):
        for t in (0.25, 0.6):
            x0 = f.w * (0.5 + side * 0.5 * (1 - t * 0.5))
            shapes.append(
                mass(
                    "cloth",
                    poly(
                        (x0, f.h * (0.2 + 0.1 * t)),
                        (x0 - side * 0.07, f.h * (0.24 + 0.1 * t)),
                        (x0 - side * 0.07, f.h * 0.56),
                        (x0, f.h * 0.6),
                    ),
                )
            )
    top = f.h * 0.64
    for t in np.linspace(0.1, 0.9, 9):
        x = f.w * t
        if abs(t - 0.5) < 0.04:
            continue
        y = top - rng.uniform(0.12, 0.2)
        role = one_of(rng, "cloth cloth2 accent gold leaf")
        shapes += [
            *torso(x, y + 0.06, 0.09, top, role),
            *head(rng, x, y, 0.12, float(np.sign(cx - x)), one_of(rng, "short long")),
        ]
    shapes += [
        *torso(cx, top - 0.13, 0.13, top, "accent"),
        mass("cloth2", sketch("0,-.12 .14,-.05 .14,0 -.02,0", cx, top)),
        *head(rng, cx, top - 0.2, 0.15, 0.1, "long"),
    ]
    shapes += [
        mass("linen", box(f.w * 0.04, top, f.w * 0.96, top + 0.17), volume="folds", grain=1.5),
        mass("linen", box(f.w * 0.04, top - 0.01, f.w * 0.96, top + 0.03), tone=0.3),
    ]
    loaves = tuple(ellipse(x, top + 0.01, 0.026, 0.012) for x in rng.uniform(0.08, 0.92, 14) * f.w)
    return [
        *shapes,
        mass("gold", *loaves),
        mass("dark", *(box(f.w * a, top + 0.17, f.w * a + 0.03, f.h * 0.93) for a in (0.1, 0.88))),
    ]


def holy_family(f: Frame, rng: Rng) -> Shapes:
    """A triangle of blue and red on a meadow, with two children."""
    horizon = f.h * rng.uniform(0.3, 0.4)
    shapes = sky(f, rng, horizon, sun=False, clouds=2) + land(f, rng, horizon, 2, 0.07)
    shapes += [
        mass("water", box(-0.02, horizon + 0.06, f.w + 0.02, horizon + 0.13), depth=0.3),
        mass("ground", below(contour(rng, f.w, horizon + 0.13, 0.03), f.h + 0.1), grain=0.1),
    ]
    for x in (0.08, 0.9):
        shapes += tree(rng, f.w * x, horizon + 0.25, rng.uniform(0.3, 0.5))
    x, y = f.w * rng.uniform(0.46, 0.56), f.h * 0.22
    robe = curve(
        [
            (x - 0.09, y + 0.13),
            (x - 0.2, y + 0.3),
            (x - 0.42, f.h * 0.92),
            (x + 0.44, f.h * 0.94),
            (x + 0.2, y + 0.3),
            (x + 0.09, y + 0.13),
        ],
        40,
    )
    shapes += [
        mass("cloth2", robe, volume="folds", grain=1.3),
        mass("accent", curve(sketch("-.09,.12 -.18,.34 0,.45 .18,.34 .09,.12", x, y), 24), volume="folds"),
        halo(x, y, 0.13),
        *head(rng, x, y, 0.2, -0.7, "bun"),
    ]
    for side, s in ((-1, 0.9), (1, 1.0)):
        cx, foot = x + side * rng.uniform(0.15, 0.22), f.h * 0.93
        shapes += [
            mass("skin", blob(rng, cx, foot - 0.2 * s, 0.075, 0.16 * s, 0.06), volume="round"),
            mass(
                "skin",
                *(ribbon([(cx + k * 0.03, foot - 0.1), (cx + k * 0.04, foot)], 0.05, 0.035, 6) for k in (-1, 1)),
                volume="tube",
            ),
            mass("skin", ribbon([(cx, foot - 0.28 * s), (cx - side * 0.12, foot - 0.33 * s)], 0.05, 0.03, 6)),
            *head(rng, cx, foot - 0.4 * s, 0.13, -side * 1.0, "short"),
        ]
    return shapes
