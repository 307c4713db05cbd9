"""Ladies and birds of posters and woodblock prints."""

from __future__ import annotations

import numpy as np

from builder.gallery.scenes.bodies import bust
from builder.gallery.shapes import (
    Frame,
    Rng,
    Shapes,
    blob,
    box,
    curve,
    ellipse,
    everything,
    mass,
    one_of,
    ribbon,
    sketch,
)


def muse(f: Frame, rng: Rng) -> Shapes:
    """The lady of a poster: a round window of ornament, hair like smoke, flowers below."""
    b = 0.05
    shapes: Shapes = [
        mass("paper", everything(f)),
        mass("leaf2", box(b, b, f.w - b, f.h - b), tone=0.25),
        mass("paper", box(b * 1.5, b * 1.5, f.w - b * 1.5, f.h - b * 1.5)),
    ]
    x, y, r = f.w * rng.uniform(0.38, 0.62), f.h * rng.uniform(0.3, 0.48), f.w * rng.uniform(0.3, 0.44)
    shapes += [
        mass("gold", ellipse(x, y, r, r)),
        mass("wall", ellipse(x, y, r * 0.86, r * 0.86)),
        mass("low", ellipse(x, y, r * 0.72, r * 0.72)),
    ]
    for a in np.arange(16) * np.pi / 8:
        bx, by = x + r * 0.93 * np.cos(a), y + r * 0.93 * np.sin(a)
        shapes.append(mass(("accent", "cloth2")[int(a * 8 / np.pi + 0.5) % 2], ellipse(bx, by, 0.035, 0.02, tilt=a)))
    s, hx = r * 0.72, x + rng.normal(0, 0.02)
    for k in range(13):
        side = (-1) ** k
        reach = rng.uniform(0.5, 1.25)
        whip = [
            (hx, y - 0.3 * s),
            (hx + side * 0.5 * s * reach, y - 0.45 * s + 0.05 * k * s),
            (hx + side * 0.75 * s * reach, y + 0.35 * s),
            (hx + side * 1.15 * s * reach, y + 0.2 * s + 0.1 * k * s),
            (hx + side * 0.9 * s * reach, y + 0.75 * s + 0.06 * k * s),
        ]
        shapes.append(mass("hair", ribbon(whip, 0.15 * s, 0.02 * s, 36), tone=0.06 * (k % 3)))
    shapes += bust(f, rng, "long", hx, y, s * 0.75)
    for k in range(5):
        a = np.pi * (1.15 + 0.175 * k)
        fx, fy = hx + 0.36 * s * np.cos(a), y - 0.1 * s + 0.36 * s * np.sin(a)
        shapes += [
            mass(
                ("flower", "flower2", "accent")[k % 3],
                *(
                    ellipse(fx + 0.05 * s * np.cos(t), fy + 0.05 * s * np.sin(t), 0.055 * s, 0.03 * s, tilt=t)
                    for t in np.arange(6) * 1.047
                ),
            ),
            mass("gold", ellipse(fx, fy, 0.02 * s, 0.02 * s)),
        ]
    panel = f.h * rng.uniform(0.74, 0.88)
    shapes += [
        mass("cloth2", box(b * 1.5, panel, f.w - b * 1.5, f.h - b * 1.5)),
        mass("gold", box(b * 1.5, panel, f.w - b * 1.5, panel + 0.012)),
    ]
    for t in np.linspace(0.14, 0.86, 6):
        stem = [(f.w * t, f.h - b * 1.6), (f.w * t + 0.04, panel + 0.05), (f.w * t - 0.02, panel - 0.02)]
        shapes += [
            mass("leaf", ribbon(stem, 0.012, 0.008)),
            mass(
                "flower2",
                *(
                    ellipse(f.w * t - 0.02 + 0.026 * np.cos(c), panel - 0.03 + 0.026 * np.sin(c), 0.03, 0.016, tilt=c)
                    for c in np.arange(5) * 1.257
                ),
            ),
        ]
    return shapes


def peacock(f: Frame, rng: Rng) -> Shapes:
    b = 0.045
    shapes: Shapes = [mass("gold", everything(f)), mass("low", box(b, b, f.w - b, f.h - b), to="wall")]
    x, y, k = f.w * rng.uniform(0.4, 0.6), f.h * rng.uniform(0.3, 0.42), int(rng.choice([-1, 1]))
    plumes = []
    for a in np.linspace(-1.25, 1.25, 11):
        length = min(f.h * 0.55, 0.8) * (1 - 0.15 * abs(a))
        tip = (x + length * np.sin(a + 0.15 * k), y + 0.12 + length * np.cos(a) * 0.9)
        mid = ((x + tip[0]) / 2 + 0.12 * k, (y + tip[1]) / 2)
        plumes.append(mass("leaf", ribbon([(x, y + 0.12), mid, tip], 0.02, 0.014, 20)))
        plumes += [
            mass("leaf2", ellipse(*tip, 0.065, 0.085, tilt=-a)),
            mass("gold", ellipse(*tip, 0.045, 0.06, tilt=-a)),
            mass("cloth2", ellipse(*tip, 0.026, 0.036, tilt=-a)),
            mass("dark", ellipse(*tip, 0.011, 0.016)),
        ]
    neck = ribbon(sketch("0,.16 .12,0 -.03,-.1 .08,-.2", x, y, k, 1), 0.17, 0.06)
    beak = sketch(".1,-.23 .18,-.2 .1,-.18", x, y, k, 1)
    crest = tuple(
        ribbon([(x + 0.08 * k, y - 0.24), (x + (0.06 + d) * k, y - 0.33)], 0.006, 0.006, 3) for d in (-0.05, 0.0, 0.05)
    )
    shapes += [
        *plumes,
        mass("cloth2", blob(rng, x, y + 0.16, 0.13, 0.15, 0.04), neck),
        mass("cloth2", ellipse(x + 0.08 * k, y - 0.2, 0.05, 0.045)),
        mass("gold", beak),
        mass("cloth2", *crest),
        mass("linen", ellipse(x + 0.09 * k, y - 0.21, 0.014, 0.012)),
    ]
    for t in np.linspace(0.06, 0.94, 9):
        whip = [
            (f.w * t, f.h - b),
            (f.w * t + 0.05, f.h * 0.93),
            (f.w * t - 0.03, f.h * 0.88),
            (f.w * t + 0.02, f.h * 0.85),
        ]
        shapes.append(mass("accent", ribbon(whip, 0.014, 0.004)))
    return shapes


def beauty(f: Frame, rng: Rng) -> Shapes:
    """A lady of the print shops: great knots of hair, pins, a patterned robe, a red seal."""
    shapes: Shapes = [mass("low", everything(f), to="paper")]
    x, y, s, k = (
        f.w * rng.uniform(0.42, 0.58),
        f.h * rng.uniform(0.34, 0.42),
        rng.uniform(0.36, 0.44),
        int(rng.choice([-1, 1])),
    )
    robe = curve(
        [
            (x - 0.06, y + 0.2),
            (x - 0.45, y + 0.42),
            (x - 0.52, f.h + 0.2),
            (x + 0.52, f.h + 0.2),
            (x + 0.45, y + 0.42),
            (x + 0.06, y + 0.2),
        ],
        40,
    )
    shapes += [mass("skin", ribbon([(x, y), (x + 0.02 * k, y + 0.4)], 0.14, 0.2)), mass("cloth2", robe)]
    for px, py in zip(rng.uniform(x - 0.4, x + 0.4, 16), rng.uniform(y + 0.45, f.h, 16), strict=True):
        shapes.append(
            mass(
                one_of(rng, "flower2 linen gold"),
                *(
                    ellipse(px + 0.022 * np.cos(a), py + 0.022 * np.sin(a), 0.022, 0.015, tilt=a)
                    for a in np.arange(5) * 1.257
                ),
            )
        )
    for d, role in ((0.0, "linen"), (0.035, "accent"), (0.075, "cloth")):
        shapes.append(
            mass(
                role,
                ribbon(
                    [(x - 0.1 - d * 1.5, y + 0.22 + d * 0.3), (x + 0.02, f.h * 0.8), (x + 0.1, f.h + 0.1)], 0.05, 0.06
                ),
                ribbon([(x + 0.1 + d * 1.5, y + 0.22 + d * 0.3), (x - 0.02, f.h * 0.78)], 0.05, 0.06),
            )
        )
    face = curve(
        [
            (x - 0.3 * s, y - 0.3 * s),
            (x - 0.3 * s, y + 0.15 * s),
            (x + 0.04 * k * s, y + 0.52 * s),
            (x + 0.3 * s, y + 0.15 * s),
            (x + 0.3 * s, y - 0.3 * s),
            (x, y - 0.45 * s),
            (x - 0.3 * s, y - 0.3 * s),
        ],
        40,
    )
    pins = tuple(
        ribbon([(x, y - 0.62 * s), (x + a * s, y + b * s)], 0.014, 0.012, 3)
        for a, b in ((-0.75, -0.85), (0.75, -0.85), (-0.7, -0.6), (0.7, -0.6))
    )
    d = 0.1 * k * s
    lines = [
        ribbon(
            [
                (x + d + c * 0.14 * s - 0.07 * s, y - 0.02 * s),
                (x + d + c * 0.14 * s, y - 0.045 * s),
                (x + d + c * 0.14 * s + 0.07 * s, y - 0.02 * s),
            ],
            0.012 * s,
            0.016 * s,
        )
        for c in (-1, 1)
    ]
    lines += [
        ribbon(
            [(x + d + c * 0.15 * s - 0.06 * s, y - 0.22 * s), (x + d + c * 0.15 * s + 0.06 * s, y - 0.24 * s)],
            0.03 * s,
            0.02 * s,
        )
        for c in (-1, 1)
    ]
    lines.append(ribbon(sketch("1.5,-.02 2,.17 1.3,.19", x, y, d, s), 0.01 * s, 0.012 * s))
    shapes += [
        mass("gold", *pins),
        mass(
            "dark",
            ellipse(x, y - 0.68 * s, 0.3 * s, 0.26 * s),
            ellipse(x - 0.36 * s, y - 0.15 * s, 0.2 * s, 0.3 * s),
            ellipse(x + 0.36 * s, y - 0.15 * s, 0.2 * s, 0.3 * s),
            ellipse(x, y - 0.35 * s, 0.42 * s, 0.28 * s),
        ),
        mass("skin", face, tone=0.3),
        mass("dark", ellipse(x, y - 0.42 * s, 0.3 * s, 0.13 * s)),
        mass("dark", *tuple(lines), line=False),
        mass("accent", ellipse(x + d, y + 0.32 * s, 0.045 * s, 0.035 * s)),
    ]
    return shapes
