"""What stands in a landscape: houses, boats, people seen from far, beasts, machines."""

from __future__ import annotations

import numpy as np

from builder.gallery.shapes import Rng, Shapes, box, curve, ellipse, mass, poly, ribbon, sketch, turn


def house(rng: Rng, x: float, foot: float, w: float, h: float, steep: float = 0.6, depth: float = 0.0) -> Shapes:
    wall = "wall" if rng.random() < 0.6 else "wall2"
    top, mid = foot - h, x + w / 2
    side = w * 0.34
    panes = tuple(
        box(x + w * a, foot - h * b, x + w * (a + 0.15), foot - h * (b - 0.22))
        for a in (0.18, 0.62)
        for b in (0.85, 0.45)
    )
    gable = poly((x - 0.02, top), (mid, top - h * steep), (x + w + 0.02, top))
    slope = poly((mid, top - h * steep), (x + w + side, top - h * steep), (x + w + side + 0.03, top), (x + w, top))
    return [
        mass(wall, box(x + w, top, x + w + side, foot), tone=-0.3, depth=depth, grain=np.pi / 2),
        mass(wall, box(x, top, x + w, foot), depth=depth, grain=np.pi / 2),
        mass("roof", slope, tone=-0.15, depth=depth, grain=0.9),
        mass("roof" if rng.random() < 0.5 else wall, gable, depth=depth, grain=0.6),
        mass("dark", *panes, depth=depth, alpha=0.85),
    ]


def haystack(x: float, y: float, size: float) -> Shapes:
    body = sketch("-.8,0 -1,-.6 1,-.6 .8,0", x, y, size)
    top = sketch("-1.1,-.55 -.3,-1.25 .3,-1.25 1.1,-.55", x, y, size)
    shade = mass("deep", ellipse(x + size * 0.7, y, size * 1.4, size * 0.2), alpha=0.55, grain=0.0, line=False)
    return [
        shade,
        mass("gold", body, volume="tube", grain=1.4),
        mass("gold", top, tone=0.12, volume="plane", grain=1.0),
    ]


def boat(x: float, y: float, size: float, sail: str = "linen", flip: int = 1) -> Shapes:
    """A small sailing boat, its hull ``size`` long."""
    s = size * flip
    hull = curve(sketch("-.55,-.1 -.35,.1 .3,.1", x, y, s, size), 12)
    hull = np.concatenate([hull, poly((x + s * 0.6, y - size * 0.14))])
    mast = ribbon([(x, y), (x + s * 0.02, y - size * 1.25)], size * 0.04, size * 0.02, 6)
    main = np.concatenate(
        [
            curve(sketch(".03,-1.2 .35,-.55 .5,-.2", x, y, s, size), 10),
            poly((x + s * 0.03, y - size * 0.16)),
        ]
    )
    jib = sketch("-.03,-1.05 -.5,-.18 -.03,-.2", x, y, s, size)
    below_it = mass("deep", ellipse(x, y + size * 0.22, size * 0.5, size * 0.1), alpha=0.6, grain=0.0, line=False)
    return [
        below_it,
        mass("wood", mast),
        mass(sail, main, volume="plane", grain=1.3),
        mass(sail, jib, tone=-0.15, volume="plane", grain=1.3),
        mass("dark", hull, tone=0.1, volume="plane", grain=0.0),
    ]


def walker(x: float, foot: float, h: float, role: str = "cloth", flip: int = 1) -> Shapes:
    """A small figure, seen from far."""
    s = h * flip
    coat = np.concatenate(
        [
            ellipse(x, foot - 0.68 * h, 0.13 * h, 0.16 * h, np.pi, 2 * np.pi),
            poly((x + 0.17 * h, foot - 0.2 * h), (x - 0.17 * h, foot - 0.2 * h)),
        ]
    )
    legs = (
        poly((x - 0.1 * h, foot - 0.22 * h), (x, foot - 0.22 * h), (x - 0.1 * s, foot), (x - 0.16 * s, foot)),
        poly((x, foot - 0.22 * h), (x + 0.1 * h, foot - 0.22 * h), (x + 0.12 * s, foot), (x + 0.05 * s, foot)),
    )
    return [
        mass("dark", *legs),
        mass(role, coat, volume="tube", grain=np.pi / 2),
        mass("skin", ellipse(x + 0.02 * s, foot - 0.89 * h, 0.08 * h, 0.1 * h), volume="round"),
        mass("hair", ellipse(x, foot - 0.93 * h, 0.09 * h, 0.075 * h, np.pi, 2 * np.pi)),
    ]


def beast(x: float, foot: float, s: float) -> Shapes:
    """A tiger, of a kind."""
    body = curve(sketch("-.6,-.28 -.3,-.55 .3,-.5 .6,-.3 .3,-.18 -.55,-.16", x, foot, s), 30)
    legs = tuple(box(x + a * s, foot - 0.25 * s, x + (a + 0.11) * s, foot) for a in (-0.5, -0.3, 0.25, 0.45))
    tail = ribbon(sketch("-.55,-.3 -.85,-.5 -.8,-.75", x, foot, s), 0.07 * s, 0.04 * s)
    stripes = tuple(
        ribbon([(x + a * s, foot - 0.5 * s), (x + (a + 0.05) * s, foot - 0.25 * s)], 0.045 * s, 0.01, 6)
        for a in np.arange(-0.42, 0.4, 0.12)
    )
    hx, hy = x + 0.62 * s, foot - 0.48 * s
    ears = (
        ellipse(hx - 0.13 * s, hy - 0.14 * s, 0.06 * s, 0.06 * s),
        ellipse(hx + 0.13 * s, hy - 0.14 * s, 0.06 * s, 0.06 * s),
    )
    eyes = (
        ellipse(hx - 0.07 * s, hy - 0.04 * s, 0.035 * s, 0.035 * s),
        ellipse(hx + 0.07 * s, hy - 0.04 * s, 0.035 * s, 0.035 * s),
    )
    pupils = tuple(ellipse(e[:, 0].mean(), e[:, 1].mean(), 0.014 * s, 0.02 * s) for e in eyes)
    return [
        mass("fruit", tail),
        mass("fruit", *legs, tone=-0.1),
        mass("fruit", body),
        mass("dark", *stripes),
        mass("fruit", *ears, tone=-0.2),
        mass("fruit", ellipse(hx, hy, 0.19 * s, 0.17 * s)),
        mass("linen", ellipse(hx, hy + 0.08 * s, 0.09 * s, 0.07 * s)),
        mass("flower", *eyes),
        mass("dark", *pupils),
        mass("dark", ellipse(hx, hy + 0.05 * s, 0.03 * s, 0.02 * s)),
    ]


def galleon(x: float, y: float, s: float, heel: float) -> Shapes:
    def tilt(*parts: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(turn(p, heel, (x, y)) for p in parts)

    hull = sketch("-.6,-.18 -.4,.14 .42,.14 .62,-.26 .36,-.1 -.3,-.06", x, y, s)
    masts = [ribbon([(x + a * s, y), (x + a * s, y - 0.95 * s)], 0.03 * s, 0.015 * s, 4) for a in (-0.3, 0.02, 0.32)]
    sails = [
        curve(sketch("-.15,0 .15,0 .2,.14 .14,.26 -.16,.26", x + a * s, y - s * t, s), 14)
        for a in (-0.3, 0.02, 0.32)
        for t in (0.9, 0.55)
    ]
    return [
        mass("dark", *tilt(*masts)),
        mass("linen", *tilt(*sails), volume="plane", tone=-0.05),
        mass("dark", *tilt(hull)),
    ]


def car(x: float, foot: float, s: float) -> Shapes:
    body = curve(sketch("-.5,-.08 -.5,-.2 -.28,-.24 -.15,-.38 .16,-.38 .28,-.24 .5,-.2 .52,-.08", x, foot, s), 40)
    glass = sketch("-.22,-.24 -.13,-.35 .13,-.35 .22,-.24", x, foot, s)
    wheels = tuple(ellipse(x + a * s, foot - 0.07 * s, 0.085 * s, 0.085 * s) for a in (-0.3, 0.3))
    caps = tuple(ellipse(x + a * s, foot - 0.07 * s, 0.04 * s, 0.04 * s) for a in (-0.3, 0.3))
    return [
        mass("dark", ellipse(x + 0.1 * s, foot + 0.02 * s, 0.62 * s, 0.05 * s), alpha=0.6, line=False),
        mass("cloth2", body, volume="plane"),
        mass("glass", glass, tone=0.4),
        mass("dark", *wheels),
        mass("linen", *caps),
    ]


def ox(x: float, foot: float, s: float, role: str) -> Shapes:
    body = curve(sketch("-.42,-.3 -.45,-.62 -.1,-.66 .4,-.64 .45,-.3 0,-.24 -.42,-.3", x, foot, s), 30)
    legs = tuple(box(x + a * s, foot - 0.35 * s, x + (a + 0.09) * s, foot) for a in (-0.4, -0.26, 0.2, 0.34))
    snout = curve(sketch("-.42,-.66 -.62,-.62 -.72,-.4 -.6,-.38 -.42,-.45", x, foot, s), 20)
    horn = ribbon(sketch("-.5,-.64 -.56,-.76 -.68,-.78", x, foot, s), 0.04 * s, 0.01 * s)
    return [
        mass(role, *legs, tone=-0.3),
        mass(role, body, volume="round"),
        mass(role, snout, volume="plane", tone=-0.1),
        mass("linen", horn),
    ]


def stooped(x: float, foot: float, h: float, role: str, k: int) -> Shapes:
    """Somebody bent to the ground, reaching to the left (k = 1) or to the right."""
    hip = (x + 0.1 * h * k, foot - 0.5 * h)
    chest = (x - 0.32 * h * k, foot - 0.5 * h)
    skirt = curve(
        [
            (hip[0] - 0.12 * h, hip[1] + 0.05 * h),
            (hip[0] - 0.15 * h, foot),
            (hip[0] + 0.18 * h, foot),
            (hip[0] + 0.2 * h, hip[1] - 0.02 * h),
            (hip[0], hip[1] - 0.12 * h),
        ],
        24,
    )
    back = ribbon([(hip[0] + 0.05 * h * k, hip[1]), (x - 0.1 * h * k, foot - 0.64 * h), chest], 0.26 * h, 0.2 * h)
    arm = ribbon(
        [(chest[0], chest[1] + 0.03 * h), (x - 0.36 * h * k, foot - 0.25 * h), (x - 0.42 * h * k, foot - 0.03 * h)],
        0.08 * h,
        0.05 * h,
    )
    hx, hy = x - 0.45 * h * k, foot - 0.47 * h
    return [
        mass("dark", ellipse(x + 0.1 * h, foot, 0.5 * h, 0.05 * h), alpha=0.5, line=False, grain=0.0),
        mass(role, skirt, volume="folds", grain=1.4),
        mass("linen", back, tone=-0.15, volume="plane"),
        mass("skin", arm, volume="tube", tone=-0.1),
        mass("skin", ellipse(hx, hy + 0.02 * h, 0.075 * h, 0.085 * h), tone=-0.1),
        mass("accent", ellipse(hx + 0.015 * h * k, hy - 0.02 * h, 0.1 * h, 0.09 * h), volume="round"),
    ]
