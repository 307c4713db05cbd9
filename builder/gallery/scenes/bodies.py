"""How people are put together: heads, hair, shoulders, gowns."""

from __future__ import annotations

import numpy as np

from builder.gallery.shapes import Frame, Rng, Shape, Shapes, box, curve, ellipse, mass, one_of, poly, ribbon, sketch


def head(rng: Rng, x: float, y: float, s: float, turned: float = 0.0, hair: str = "short") -> Shapes:
    """A head ``s`` high centred on (x, y), looking ``turned`` to the side (-1..1).

    ``hair`` is short, long, bun, wig, veil, hat or turban.
    """
    d = turned * 0.13 * s
    jaw = curve(
        [
            (x - 0.33 * s, y - 0.2 * s),
            (x - 0.31 * s, y + 0.14 * s),
            (x + d * 0.6 - 0.1 * s, y + 0.46 * s),
            (x + d * 0.6 + 0.1 * s, y + 0.46 * s),
            (x + 0.31 * s, y + 0.14 * s),
            (x + 0.33 * s, y - 0.2 * s),
        ],
        30,
    )
    face = np.concatenate([jaw, ellipse(x, y - 0.2 * s, 0.33 * s, 0.3 * s, 2 * np.pi, np.pi)])
    ex, ey, gap = x + d, y - 0.02 * s, 0.14 * s
    whites = tuple(ellipse(ex + k * gap, ey, 0.066 * s, 0.026 * s) for k in (-1, 1))
    irises = tuple(ellipse(ex + k * gap + d * 0.16, ey - 0.003 * s, 0.027 * s, 0.026 * s) for k in (-1, 1))
    lids = tuple(
        ribbon(sketch("-.075,.004 0,-.032 .075,.004", ex + gap * k, ey, s), 0.016 * s, 0.012 * s, 8) for k in (-1, 1)
    )
    brows = tuple(
        ribbon(sketch("-.09,-.075 0,-.115 .09,-.075", ex + gap * k, ey, s), 0.022 * s, 0.018 * s, 8) for k in (-1, 1)
    )
    nose = poly(
        (ex + 0.01 * s, ey - 0.02 * s),
        (ex + d * 0.5 + 0.07 * s, ey + 0.19 * s),
        (ex + d * 0.4 - 0.05 * s, ey + 0.2 * s),
    )
    mx, my = ex + d * 0.1, y + 0.29 * s
    lips = (ellipse(mx, my, 0.085 * s, 0.026 * s), ellipse(mx, my + 0.018 * s, 0.06 * s, 0.026 * s))
    return [
        *_hair_behind(rng, x, y, s, hair),
        mass("skin", face, volume="round"),
        mass("skin", nose, tone=-0.16, line=False),
        mass("skin", ellipse(x + 0.17 * s, y + 0.15 * s, 0.08 * s, 0.06 * s), tone=-0.07, soft=0.03 * s, line=False),
        mass("linen", *whites, line=False),
        mass("dark", *irises, line=False),
        mass("dark", *lids, alpha=0.8, line=False),
        mass("hair", *brows, line=False),
        mass("accent", *lips, tone=-0.1, line=False),
        *_hair_front(rng, x, y, s, hair),
    ]


def _hair_behind(rng: Rng, x: float, y: float, s: float, hair: str) -> Shapes:
    if hair == "long":
        fall = curve(sketch("-.36,-.3 -.5,.3 -.42,.85 .42,.85 .5,.3 .36,-.3", x, y, s), 30)
        return [mass("hair", fall, volume="folds", grain=1.57)]
    if hair == "wig":
        curls = tuple(
            ellipse(x + 0.4 * s * np.cos(a), y - 0.2 * s + 0.52 * s * np.sin(a), 0.15 * s, 0.14 * s)
            for a in np.linspace(2.6, 6.8, 12)
        )
        return [
            mass("hair", ellipse(x, y - 0.4 * s, 0.4 * s, 0.48 * s), volume="round"),
            *(mass("hair", c, volume="round") for c in curls),
        ]
    if hair == "veil":
        drape = curve(sketch("-.42,-.35 -.55,.4 -.6,.9 .6,.9 .55,.4 .42,-.35 0,-.62 -.42,-.35", x, y, s), 34)
        return [mass("cloth2", drape, volume="folds", grain=1.57)]
    if hair == "bun":
        buns = (
            ellipse(x, y - 0.62 * s, 0.2 * s, 0.16 * s),
            ellipse(x - 0.42 * s, y - 0.15 * s, 0.14 * s, 0.24 * s),
            ellipse(x + 0.42 * s, y - 0.15 * s, 0.14 * s, 0.24 * s),
        )
        return [mass("hair", *buns, volume="round")]
    return []


def _hair_front(rng: Rng, x: float, y: float, s: float, hair: str) -> Shapes:
    line = [
        (x - 0.35 * s, y + 0.02 * s),
        (x - 0.39 * s, y - 0.32 * s),
        (x - 0.2 * s, y - 0.54 * s),
        (x + 0.2 * s, y - 0.54 * s),
        (x + 0.39 * s, y - 0.32 * s),
        (x + 0.35 * s, y + 0.02 * s),
        (x + 0.28 * s, y - 0.22 * s),
        (x + 0.08 * s, y - 0.34 * s),
        (x - 0.14 * s, y - 0.32 * s),
        (x - 0.28 * s, y - 0.2 * s),
        (x - 0.35 * s, y + 0.02 * s),
    ]
    if hair == "veil":
        edge = [
            (x - 0.44 * s, y + 0.3 * s),
            (x - 0.4 * s, y - 0.3 * s),
            (x, y - 0.6 * s),
            (x + 0.4 * s, y - 0.3 * s),
            (x + 0.44 * s, y + 0.3 * s),
        ]
        return [
            mass("linen", ribbon(edge, 0.06 * s, 0.06 * s, 24)),
            mass(
                "hair",
                ribbon([(p[0] * 0.9 + x * 0.1, p[1] + 0.04 * s) for p in edge[1:4]], 0.05 * s, 0.05 * s),
                line=False,
            ),
        ]
    if hair == "hat":
        brim = ellipse(x, y - 0.33 * s, 0.62 * s, 0.12 * s, tilt=rng.uniform(-0.15, 0.15))
        crown = np.concatenate(
            [
                ellipse(x, y - 0.52 * s, 0.34 * s, 0.22 * s, np.pi, 2 * np.pi),
                poly((x + 0.36 * s, y - 0.33 * s), (x - 0.36 * s, y - 0.33 * s)),
            ]
        )
        return [
            mass("hair", curve(line, 40)),
            mass("dark", crown, volume="tube", tone=0.1),
            mass("accent", box(x - 0.35 * s, y - 0.44 * s, x + 0.35 * s, y - 0.35 * s)),
            mass("dark", brim),
        ]
    if hair == "turban":
        wraps = [
            ellipse(x, y - (0.3 + 0.09 * k) * s, (0.42 - 0.04 * k) * s, 0.15 * s, tilt=0.2 * (-1) ** k)
            for k in range(4)
        ]
        tail = ribbon(sketch(".3,-.45 .5,-.1 .46,.5", x, y, s), 0.16 * s, 0.1 * s)
        return [
            mass("gold", tail, volume="folds"),
            *(mass("cloth2" if k < 3 else "gold", w, volume="round") for k, w in enumerate(wraps)),
        ]
    return [mass("hair", curve(line, 40), volume="round" if hair != "wig" else "flat", grain=1.0)]


def torso(x: float, top: float, wide: float, bottom: float, role: str = "cloth") -> Shapes:
    """Shoulders and chest from the neck down to the edge."""
    body = curve(
        [
            (x - 0.16 * wide, top),
            (x - 0.62 * wide, top + 0.2 * wide),
            (x - 0.86 * wide, top + 0.8 * wide),
            (x - 0.95 * wide, bottom + 0.3),
            (x + 0.95 * wide, bottom + 0.3),
            (x + 0.86 * wide, top + 0.8 * wide),
            (x + 0.62 * wide, top + 0.2 * wide),
            (x + 0.16 * wide, top),
        ],
        50,
    )
    return [mass(role, body, volume="folds", grain=1.4)]


def bust(f: Frame, rng: Rng, hair: str, x: float, y: float, s: float, long_neck: float = 0.0) -> Shapes:
    neck = y + (0.55 + long_neck) * s
    role = one_of(rng, "cloth cloth2")
    turned = float(rng.choice([-1, 1]) * rng.uniform(0.3, 1))
    shapes = head(rng, x, y, s, turned, hair)
    behind = 1 if hair in ("long", "veil", "bun") else 0
    throat = mass(
        "skin", ribbon([(x, y + 0.2 * s), (x, neck + 0.12 * s)], 0.34 * s, 0.42 * s), tone=-0.12, volume="tube"
    )
    collar = mass("skin", sketch("-.24,0 .24,0 .02,.42", x, neck, s), tone=-0.05)
    return [*shapes[:behind], throat, *torso(x, neck, s * rng.uniform(0.9, 1.1), f.h, role), collar, *shapes[behind:]]


def gown(
    rng: Rng, x: float, foot: float, h: float, role: str, hair: str = "bun", slim: float = 1.0, lean: float = 0.0
) -> Shapes:
    """A standing figure in a long robe, ``h`` high."""
    s, top = h * 0.17, foot - h
    skirt = curve(
        [
            (x - 0.1 * h * slim + lean, top + 0.2 * h),
            (x - 0.13 * h * slim + lean, top + 0.34 * h),
            (x - 0.09 * h * slim + lean, top + 0.47 * h),
            (x - 0.21 * h * slim, foot),
            (x + 0.21 * h * slim, foot),
            (x + 0.09 * h * slim + lean, top + 0.47 * h),
            (x + 0.13 * h * slim + lean, top + 0.34 * h),
            (x + 0.1 * h * slim + lean, top + 0.2 * h),
        ],
        40,
    )
    arms = [
        ribbon(
            [
                (x + k * 0.11 * h * slim + lean, top + 0.24 * h),
                (x + k * 0.17 * h * slim + lean, top + 0.38 * h),
                (x + 0.05 * k * h + lean, top + 0.46 * h),
            ],
            0.075 * h,
            0.04 * h,
            14,
        )
        for k in (-1, 1)
    ]
    hands = tuple(ellipse(x + 0.04 * k * h + lean, top + 0.46 * h, 0.022 * h, 0.02 * h) for k in (-1, 1))
    throat = mass(
        "skin", ribbon([(x + lean, top + 0.1 * h), (x + lean, top + 0.22 * h)], 0.055 * h, 0.07 * h, 4), tone=-0.1
    )
    return [
        throat,
        mass(role, skirt, volume="folds", grain=1.5),
        *(mass(role, a, volume="tube", tone=0.05) for a in arms),
        mass("skin", *hands),
        *head(rng, x + lean, top + 0.09 * h, s, float(rng.uniform(-1, 1)), hair),
    ]


def halo(x: float, y: float, r: float) -> Shape:
    return mass("gold", ellipse(x, y, r, r), tone=0.35, volume="round")
