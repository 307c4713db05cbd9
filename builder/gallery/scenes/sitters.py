"""People who sit still: portraits, readers by a window, ladies before a valley."""

from __future__ import annotations

import numpy as np

from builder.gallery.scenes.bodies import bust, gown, torso
from builder.gallery.scenes.nature import land, sky, water
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


def portrait(f: Frame, rng: Rng) -> Shapes:
    """A sitter before a plain wall, a curtain, a window or a landscape."""
    shapes: Shapes = [mass("backdrop", everything(f), volume="plane", grain=0.8, line=False)]
    ground, x = int(rng.integers(4)), f.w * rng.uniform(0.42, 0.58)
    if ground == 1:
        w = f.w * rng.uniform(0.25, 0.4)
        shapes += [mass("cloth2", box(-0.05, -0.05, w, f.h + 0.1), tone=-0.1, volume="folds", grain=1.57)]
    elif ground == 2:
        shapes += window(f, rng, f.w * 0.62, f.h * 0.06, f.w * 0.97, f.h * 0.45)
    elif ground == 3:
        shapes += sky(f, rng, f.h * 0.5, sun=False, clouds=2) + land(f, rng, f.h * rng.uniform(0.4, 0.6), 2)
    s = rng.uniform(0.36, 0.58)
    hair = one_of(rng, "short long bun hat")
    return shapes + bust(f, rng, hair, x, f.h * rng.uniform(0.3, 0.38), s)


def window(f: Frame, rng: Rng, x0: float, y0: float, x1: float, y1: float) -> Shapes:
    view = (y0 + y1) / 2 + 0.05
    bars = (
        box((x0 + x1) / 2 - 0.008, y0, (x0 + x1) / 2 + 0.008, y1),
        box(x0, (y0 + y1) / 2 - 0.006, x1, (y0 + y1) / 2 + 0.006),
    )
    return [
        mass("wood", box(x0 - 0.03, y0 - 0.03, x1 + 0.03, y1 + 0.03)),
        mass("sky", box(x0, y0, x1, y1), to="low", grain=0.0),
        mass("mid", box(x0, view, x1, y1), to="ground", grain=0.0),
        mass("wood", *bars, tone=-0.1),
    ]


def room(f: Frame, rng: Rng) -> Shapes:
    """Somebody at a table by a window, on a tiled floor."""
    floor = f.h * rng.uniform(0.66, 0.74)
    shapes: Shapes = [mass("wall", box(-0.02, -0.02, f.w + 0.02, floor + 0.02), volume="plane", grain=1.4)]
    vanish, tiles = (f.w * 0.6, floor - 0.35), []
    rows = floor + (f.h - floor) * np.array([0, 0.16, 0.38, 0.66, 1.05])
    for i in range(4):
        for k in range(-6, 10):
            if (i + k) % 2 == 0:
                spread = (rows - vanish[1]) / (f.h - vanish[1])
                x0, x1 = f.w * 0.17 * k, f.w * 0.17 * (k + 1)
                tiles.append(
                    poly(
                        *(
                            (vanish[0] + (a - vanish[0]) * spread[r], rows[r])
                            for a, r in ((x0, i), (x1, i), (x1, i + 1), (x0, i + 1))
                        )
                    )
                )
    shapes += [
        mass("stone", box(-0.02, floor, f.w + 0.02, f.h + 0.02), grain=0.0),
        mass("dark", *tuple(tiles), alpha=0.8, line=False),
    ]
    w = rng.uniform(0.16, 0.26)
    lights = sketch("0,.08 1,.14 1,.46 0,.5", 0.04, 0, w, f.h)
    shapes += [
        mass(
            "sun",
            poly((0.04, f.h * 0.2), (f.w * 0.75, floor), (f.w * 0.35, floor), (0.04, f.h * 0.45)),
            alpha=0.2,
            soft=0.04,
            line=False,
        ),
        mass("low", lights),
        mass(
            "dark",
            *(
                ribbon([(0.04, f.h * a), (0.04 + w, f.h * b)], 0.01, 0.01, 3)
                for a, b in ((0.08, 0.14), (0.22, 0.25), (0.36, 0.36), (0.5, 0.46))
            ),
        ),
        mass(
            "dark",
            *(
                ribbon([(0.04 + w * t, f.h * (0.08 + 0.06 * t)), (0.04 + w * t, f.h * (0.5 - 0.04 * t))], 0.01, 0.01, 3)
                for t in (0.0, 0.5, 1.0)
            ),
        ),
    ]
    px = f.w * rng.uniform(0.68, 0.8)
    shapes += [
        mass("wood", box(px - 0.13, f.h * 0.1, px + 0.13, f.h * 0.3)),
        mass("far", box(px - 0.105, f.h * 0.125, px + 0.105, f.h * 0.275), to="ground"),
    ]
    x = f.w * rng.uniform(0.42, 0.6)
    shapes += gown(
        rng,
        x,
        f.h * 0.9,
        f.h * rng.uniform(0.56, 0.64),
        one_of(rng, "cloth2 gold cloth"),
        hair="veil" if rng.random() < 0.5 else "bun",
    )
    top = f.h * 0.66
    shapes += [
        mass(
            "cloth",
            poly((-0.05, top), (f.w * 0.42, top + 0.02), (f.w * 0.45, f.h * 0.98), (-0.05, f.h * 1.05)),
            volume="folds",
        ),
        mass("linen", sketch(".05,-.01 .2,0 .17,.1 .08,.09", 0, top)),
    ]
    jug = curve(sketch(".25,0 .22,-.06 .27,-.12 .27,-.16 .32,-.16 .32,-.12 .37,-.06 .34,0", 0, top), 24)
    return [*shapes, mass("stone", jug, volume="round", tone=0.2)]


def pyramid(f: Frame, rng: Rng) -> Shapes:
    """A seated lady before a winding landscape."""
    horizon = f.h * rng.uniform(0.36, 0.46)
    shapes = sky(f, rng, horizon, sun=False, clouds=1) + land(f, rng, horizon - 0.06, 2, 0.1)
    shapes += water(Frame(f.w, f.h), rng, horizon + 0.08, 3)[:1]
    shapes.append(mass("mid", below(contour(rng, f.w, horizon + 0.16, 0.08), f.h), grain=0.2, volume="plane"))
    for side in (0.0, 1.0):
        bend = [
            (f.w * side, f.h * 0.62),
            (f.w * (0.25 + 0.5 * side), f.h * 0.56),
            (f.w * (0.05 + 0.9 * side), f.h * 0.48),
            (f.w * (0.25 + 0.5 * side), f.h * 0.43),
        ]
        shapes.append(mass("earth", ribbon(bend, 0.05, 0.01), alpha=0.8, depth=0.2, line=False))
    shapes.append(mass("wood", box(-0.02, f.h * 0.72, f.w + 0.02, f.h * 0.76), tone=-0.3))
    x, y, s = f.w * rng.uniform(0.46, 0.54), f.h * rng.uniform(0.27, 0.32), rng.uniform(0.3, 0.36)
    body = bust(f, rng, "veil" if rng.random() < 0.3 else "long", x, y, s)
    sleeves = [
        mass(
            "cloth",
            ribbon([(x + k * 0.3, y + 0.4), (x + k * 0.38, f.h * 0.8), (x - k * 0.06, f.h * 0.87)], 0.2, 0.1),
            volume="tube",
            tone=-0.1,
            grain=0.5,
        )
        for k in (-1, 1)
    ]
    hand = mass(
        "skin",
        ribbon(sketch("-.15,.88 0,.86 .13,.89", x, 0, 1, f.h), 0.07, 0.05),
        ribbon(sketch(".15,.85 0,.84 -.1,.86", x, 0, 1, f.h), 0.07, 0.04),
        volume="plane",
    )
    return [*shapes, *body, *sleeves, hand]


def long_lady(f: Frame, rng: Rng) -> Shapes:
    shapes: Shapes = [mass("backdrop", everything(f), volume="plane", grain=1.2)]
    k = int(rng.choice([-1, 1]))
    column = f.w * (0.5 + 0.36 * k)
    shapes += [
        mass(
            "cloth2",
            blob(rng, f.w * (0.5 - 0.4 * k), f.h * 0.25, 0.3, 0.5, 0.15),
            volume="folds",
            tone=-0.15,
            grain=1.4,
        ),
        mass("stone", box(column - 0.06, -0.05, column + 0.06, f.h * 0.7), volume="tube", tone=0.1),
        mass("stone", box(column - 0.09, f.h * 0.7, column + 0.09, f.h * 0.76)),
    ]
    x, y, s = f.w * rng.uniform(0.44, 0.56), f.h * rng.uniform(0.2, 0.26), rng.uniform(0.22, 0.28)
    shapes += bust(f, rng, one_of(rng, "bun turban short"), x, y, s, 0.45)
    arm = ribbon(sketch("-.24,.55 -.36,.8 .12,.74", x, 0, k, f.h), 0.14, 0.05)
    fingers = tuple(
        ribbon(
            [(x + k * 0.1, f.h * 0.74), (x + k * 0.2, f.h * (0.7 + 0.02 * i)), (x + k * 0.27, f.h * (0.68 + 0.03 * i))],
            0.02,
            0.009,
        )
        for i in range(4)
    )
    return [*shapes, mass("gold", arm, volume="folds"), mass("skin", *fingers, volume="plane")]


def lute(f: Frame, rng: Rng) -> Shapes:
    """A player lit from one side, an instrument across the body."""
    shapes: Shapes = [mass("dark", everything(f), grain=0.8)]
    x, y, s = f.w * rng.uniform(0.4, 0.6), f.h * rng.uniform(0.26, 0.34), rng.uniform(0.3, 0.4)
    shapes += bust(f, rng, one_of(rng, "hat long turban"), x, y, s)
    ruff = tuple(
        ellipse(x + 0.62 * s * np.cos(a), y + 0.62 * s + 0.13 * s * np.sin(a), 0.12 * s, 0.09 * s)
        for a in np.linspace(0, 2 * np.pi, 15)
    )
    k = int(rng.choice([-1, 1]))
    lx, ly = x - 0.08 * k, f.h * 0.78
    neck = ribbon([(lx, ly), (lx + 0.5 * k, ly - 0.26)], 0.05, 0.035, 6)
    shapes += [
        mass("linen", *ruff, volume="plane"),
        mass("dark", neck, tone=0.15),
        mass("wood", blob(rng, lx, ly, 0.25, 0.16, 0.03), volume="round", tone=0.1),
        mass("dark", ellipse(lx + 0.03 * k, ly - 0.02, 0.05, 0.045)),
        mass(
            "gold",
            *(
                ribbon([(lx - 0.12 * k, ly + 0.06 + d), (lx + 0.45 * k, ly - 0.24 + d)], 0.003, 0.003, 3)
                for d in (-0.012, 0, 0.012)
            ),
            line=False,
        ),
    ]
    for hx, hy in ((lx + 0.33 * k, ly - 0.15), (lx - 0.05 * k, ly + 0.02)):
        shapes.append(mass("skin", blob(rng, hx, hy, 0.06, 0.045, 0.1), volume="round"))
    return shapes


def sunroom(f: Frame, rng: Rng) -> Shapes:
    """An empty room, a window, a patch of sun, and sometimes one person."""
    corner, floor = f.w * rng.uniform(0.4, 0.65), f.h * rng.uniform(0.66, 0.78)
    shapes: Shapes = [
        mass("wall", box(-0.02, -0.02, corner, f.h)),
        mass("wall", box(corner, -0.02, f.w + 0.02, f.h), tone=-0.3),
    ]
    shapes += [
        mass(
            "wood",
            poly(
                (-0.02, f.h * 0.9),
                (corner, floor),
                (f.w + 0.02, f.h * 0.92),
                (f.w + 0.02, f.h + 0.1),
                (-0.02, f.h + 0.1),
            ),
            tone=0.1,
        )
    ]
    x0, x1 = corner + 0.08, f.w - 0.08
    shapes += window(f, rng, x0, f.h * 0.14, max(x1, x0 + 0.2), f.h * 0.55)
    slant = rng.uniform(0.0, 0.12)
    shapes += [
        mass(
            "sun",
            poly(
                (corner * 0.15, f.h * (0.2 + slant)),
                (corner * 0.75, f.h * 0.12),
                (corner * 0.75, f.h * 0.5),
                (corner * 0.15, f.h * (0.6 + slant)),
            ),
            alpha=0.75,
        ),
        mass("sun", sketch(".3,.9 .95,.82 1.15,.9 .5,1.02", 0, 0, corner, f.h), alpha=0.6),
    ]
    if rng.random() < 0.6:
        bx = corner * rng.uniform(0.3, 0.6)
        shapes += [
            mass("linen", sketch("-.3,.76 .4,.72 .5,.84 -.25,.92", bx, 0, 1, f.h)),
            mass("cloth2", sketch("-.25,.92 .5,.84 .5,.92 -.25,1", bx, 0, 1, f.h)),
        ]
        shapes += [
            *torso(bx, f.h * 0.5, 0.15, f.h * 0.5, "accent")[:0],
            *gown(rng, bx + 0.05, f.h * 0.9, 0.52, "accent", "short"),
        ]
    else:
        cx = corner * rng.uniform(0.4, 0.8)
        shapes += [
            mass(
                "cloth",
                box(cx - 0.12, f.h * 0.52, cx + 0.12, f.h * 0.74),
                sketch("-.12,.74 .12,.74 .18,.82 -.1,.82", cx, 0, 1, f.h),
                volume="plane",
            ),
            mass("dark", *(box(cx + a, f.h * 0.8, cx + a + 0.02, f.h * 0.95) for a in (-0.1, 0.14))),
        ]
    return shapes
