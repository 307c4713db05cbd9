"""Still lifes: bottles, jugs, fruit, skulls, guitars."""

from __future__ import annotations

import numpy as np

from builder.gallery.shapes import (
    Frame,
    Points,
    Rng,
    Shapes,
    box,
    curve,
    ellipse,
    everything,
    mass,
    one_of,
    poly,
    ribbon,
    sketch,
    turn,
)


def table(f: Frame, rng: Rng, top: float) -> Shapes:
    shapes: Shapes = [
        mass("backdrop", everything(f), volume="plane", grain=1.2),
        mass("wood", box(-0.02, top, f.w + 0.02, f.h + 0.02), tone=0.05, grain=0.05, volume="plane"),
    ]
    if rng.random() < 0.6:
        x = rng.uniform(0.1, 0.5) * f.w
        cloth = curve(
            [
                (x - 0.15, top + 0.02),
                (x + 0.2, top - 0.02),
                (x + 0.5, top + 0.04),
                (x + 0.45, f.h * 0.95),
                (x + 0.2, f.h * 0.9),
                (x, f.h + 0.1),
                (x - 0.25, f.h * 0.92),
            ],
            40,
        )
        shapes.append(mass("linen", cloth, volume="folds", grain=1.0))
    return shapes


def lathe(x: float, foot: float, profile: list[tuple[float, float]]) -> Points:
    """A turned vessel from half-widths at heights above the foot."""
    half = curve(np.array([(w, -h) for w, h in profile]), 20)
    return np.concatenate([half + (x, foot), (half * (-1, 1) + (x, foot))[::-1]])


def bottle(x: float, foot: float, h: float) -> Shapes:
    glass = lathe(
        x, foot, [(0.13 * h, 0), (0.145 * h, 0.1 * h), (0.14 * h, 0.55 * h), (0.05 * h, 0.72 * h), (0.048 * h, h)]
    )
    return [
        mass("glass", glass, volume="tube", grain=1.57),
        mass("linen", box(x - 0.1 * h, foot - 0.45 * h, x + 0.1 * h, foot - 0.2 * h)),
        mass("linen", ellipse(x - 0.09 * h, foot - 0.5 * h, 0.012 * h, 0.09 * h), tone=0.4, alpha=0.7, line=False),
    ]


def jug(x: float, foot: float, h: float, role: str = "cloth2") -> Shapes:
    body = lathe(x, foot, [(0.2 * h, 0), (0.36 * h, 0.3 * h), (0.3 * h, 0.6 * h), (0.16 * h, 0.8 * h), (0.22 * h, h)])
    handle = ribbon(sketch(".18,-.86 .5,-.7 .32,-.35", x, foot, h), 0.06 * h, 0.05 * h)
    return [mass(role, handle, tone=-0.1), mass(role, body, volume="tube", grain=1.57)]


def glass(x: float, foot: float, h: float) -> Shapes:
    bowl = lathe(x, foot - 0.42 * h, [(0.03 * h, 0), (0.2 * h, 0.16 * h), (0.22 * h, 0.38 * h), (0.17 * h, 0.58 * h)])
    wine = lathe(x, foot - 0.42 * h, [(0.03 * h, 0), (0.18 * h, 0.16 * h), (0.2 * h, 0.3 * h)])
    return [
        mass("glass", bowl, tone=0.35, alpha=0.6, volume="tube"),
        mass("accent", wine, alpha=0.85),
        mass(
            "glass",
            box(x - 0.014 * h, foot - 0.42 * h, x + 0.014 * h, foot),
            ellipse(x, foot, 0.16 * h, 0.03 * h),
            tone=0.35,
        ),
    ]


def fruits(rng: Rng, x: float, foot: float, s: float, count: int) -> Shapes:
    """A heap of round fruit, with shadows."""
    shapes: Shapes = [
        mass("dark", ellipse(x + 0.3 * s, foot, 1.3 * s, 0.22 * s), alpha=0.6, soft=0.012, line=False, grain=0.0)
    ]
    for k in range(count):
        layer = k // 4
        px, py = (
            x + ((k % 4) - 1.5 + 0.5 * (layer % 2)) * 0.55 * s + rng.normal(0, 0.03),
            foot - (0.28 + 0.42 * layer) * s,
        )
        role = one_of(rng, "fruit fruit2 gold leaf2")
        shapes += [
            mass(role, ellipse(px, py, 0.3 * s, 0.28 * s), volume="round"),
            mass("linen", ellipse(px - 0.1 * s, py - 0.11 * s, 0.04 * s, 0.03 * s), tone=0.3, alpha=0.7, line=False),
        ]
    return shapes


def still_life(f: Frame, rng: Rng) -> Shapes:
    top = f.h * rng.uniform(0.5, 0.62)
    shapes = table(f, rng, top)
    places = rng.permutation(np.linspace(0.16, 0.84, 4)) * f.w
    things = [
        bottle(places[0], top + 0.08, rng.uniform(0.45, 0.6)),
        jug(places[1], top + 0.1, rng.uniform(0.3, 0.42), one_of(rng, "cloth2 stone gold")),
        glass(places[2], top + 0.13, rng.uniform(0.24, 0.34)),
    ]
    for k in rng.permutation(3)[: int(rng.integers(2, 4))]:
        shapes += things[k]
    bx = places[3]
    if rng.random() < 0.6:
        shapes += fruits(rng, bx, top + 0.1, 0.22, 7)
        shapes.append(
            mass("stone", lathe(bx, top + 0.24, [(0.1, 0), (0.2, 0.08), (0.26, 0.16)]), volume="tube", tone=0.15)
        )
    else:
        shapes += fruits(rng, bx, top + 0.2, 0.19, int(rng.integers(4, 10)))
    knife = sketch(".4,.9 .62,.86 .63,.875", 0, 0, f.w, f.h)
    return [*shapes, mass("stone", knife, tone=0.3), *fruits(rng, f.w * rng.uniform(0.3, 0.7), f.h * 0.93, 0.16, 2)]


def vanitas(f: Frame, rng: Rng) -> Shapes:
    top = f.h * rng.uniform(0.58, 0.66)
    shapes = table(f, rng, top)
    k = int(rng.choice([-1, 1]))
    x, y, s = f.w * (0.5 - 0.14 * k), top + 0.02, rng.uniform(0.3, 0.4)
    books = [(x - 0.24, top + 0.2, 0.5, 0.07, "cloth"), (x - 0.2, top + 0.13, 0.44, 0.06, "wood")]
    for bx, by, w, h, role in books:
        shapes += [
            mass(role, poly((bx, by), (bx + w, by - 0.02), (bx + w, by - 0.02 - h), (bx, by - h)), volume="plane"),
            mass("paper", box(bx + w - 0.03, by - h, bx + w, by - 0.02)),
        ]
    shapes += skull(x, y - 0.04, s)
    cx = f.w * (0.5 + 0.3 * k)
    foot = top + 0.12
    flame = curve(sketch("-.02,-.5 0,-.6 .02,-.5 0,-.47 -.02,-.5", cx, foot), 16)
    shapes += [
        mass("sun", ellipse(cx, foot - 0.52, 0.2, 0.2), alpha=0.4, soft=0.09, line=False),
        mass("gold", lathe(cx, foot, [(0.11, 0), (0.03, 0.05), (0.025, 0.16), (0.06, 0.2)]), volume="tube"),
        mass("linen", box(cx - 0.028, foot - 0.46, cx + 0.028, foot - 0.19), volume="tube"),
        mass("sun", flame, tone=0.3),
    ]
    shapes += glass(f.w * (0.5 + 0.14 * k), top + 0.2, 0.28)
    return shapes + fruits(rng, f.w * (0.5 + 0.36 * k), f.h * 0.93, 0.15, 3)


def skull(x: float, y: float, s: float) -> Shapes:
    dome = curve(
        sketch("-.42,-.25 -.36,-.62 0,-.78 .38,-.6 .42,-.22 .24,-.04 .2,.2 -.2,.2 -.24,-.04 -.42,-.25", x, y, s), 44
    )
    sockets = (
        ellipse(x - 0.17 * s, y - 0.24 * s, 0.12 * s, 0.11 * s),
        ellipse(x + 0.17 * s, y - 0.24 * s, 0.12 * s, 0.11 * s),
        sketch("0,-.12 .06,0 -.06,0", x, y, s),
    )
    teeth = tuple(
        ribbon([(x + a * s, y + 0.07 * s), (x + a * s, y + 0.18 * s)], 0.012 * s, 0.012 * s, 3)
        for a in np.linspace(-0.14, 0.14, 6)
    )
    return [mass("linen", dome, volume="round", tone=-0.1), mass("dark", *sockets), mass("dark", *teeth, alpha=0.7)]


def guitar(f: Frame, rng: Rng) -> Shapes:
    """A guitar, a bottle, a newspaper: the furniture of a Paris studio."""
    shapes: Shapes = [
        mass("backdrop", everything(f), volume="plane"),
        mass("cloth2", sketch(".08,.2 .5,.1 .45,.9 .02,.85", 0, 0, f.w, f.h), volume="plane"),
        mass("wood", ellipse(f.w * 0.5, f.h * 0.74, f.w * 0.44, f.h * 0.2), volume="plane"),
    ]
    paper = turn(box(f.w * 0.52, f.h * 0.5, f.w * 0.9, f.h * 0.85), rng.uniform(-0.3, 0.3), (f.w * 0.6, f.h * 0.7))
    shapes += [mass("paper", paper), *bottle(f.w * rng.uniform(0.68, 0.82), f.h * 0.72, f.h * 0.55)]
    return [
        *shapes,
        *_instrument(
            f.w * rng.uniform(0.36, 0.5),
            f.h * 0.6,
            rng.uniform(0.62, 0.8),
            float(rng.choice([-1, 1]) * rng.uniform(0.15, 1.0)),
        ),
        *glass(f.w * rng.uniform(0.12, 0.26), f.h * 0.86, 0.3),
    ]


def _instrument(x: float, y: float, s: float, tilt: float) -> Shapes:
    half = curve(sketch("0,.3 .24,.26 .27,.1 .15,-.04 .2,-.18 .12,-.27 0,-.28", 0, 0, s), 30)
    body = np.concatenate([half, (half * (-1, 1))[::-1]]) + (x, y)
    neck, pegs = (
        box(x - 0.035 * s, y - 0.75 * s, x + 0.035 * s, y - 0.02 * s),
        box(x - 0.06 * s, y - 0.87 * s, x + 0.06 * s, y - 0.74 * s),
    )
    strings = tuple(box(x + a * s, y - 0.78 * s, x + a * s + 0.005, y + 0.16 * s) for a in (-0.02, 0.0, 0.02))
    spin = [
        turn(p, tilt, (x, y))
        for p in (
            body,
            neck,
            pegs,
            ellipse(x, y - 0.03 * s, 0.085 * s, 0.085 * s),
            box(x - 0.09 * s, y + 0.14 * s, x + 0.09 * s, y + 0.17 * s),
        )
    ]
    return [
        mass("gold", spin[0], volume="round"),
        mass("dark", spin[1], tone=0.1),
        mass("wood", spin[2]),
        mass("dark", spin[3]),
        mass("dark", spin[4]),
        mass("linen", *(turn(p, tilt, (x, y)) for p in strings), line=False),
    ]
