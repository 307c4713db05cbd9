"""What a landscape is made of: air, water, land and everything that grows."""

from __future__ import annotations

import numpy as np

from builder.gallery.shapes import (
    Frame,
    Rng,
    Shape,
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


def sky(f: Frame, rng: Rng, horizon: float, sun: bool = True, clouds: int = 4) -> Shapes:
    """Air down to the horizon, with perhaps a sun and some clouds."""
    shapes = [mass("sky", everything(f), to="low", grain=0.15, line=False)]
    if sun:
        x, y, r = rng.uniform(0.15, 0.85) * f.w, rng.uniform(0.25, 0.75) * horizon, rng.uniform(0.04, 0.075)
        shapes += [
            mass("sun", ellipse(x, y, r * 3.5, r * 3.5), alpha=0.45, soft=r, line=False),
            mass("sun", ellipse(x, y, r, r), volume="flat", grain=0.0),
        ]
    for _ in range(clouds):
        shapes.append(cloud(rng, rng.uniform(0, f.w), rng.uniform(0.1, 0.8) * horizon, rng.uniform(0.12, 0.3)))
    return shapes


def cloud(rng: Rng, x: float, y: float, size: float) -> Shape:
    puffs = [
        ellipse(x + size * dx, y - size * rng.uniform(0, 0.18), size * r, size * r * 0.5)
        for dx, r in zip(np.linspace(-0.8, 0.8, 5), rng.uniform(0.3, 0.55, 5), strict=True)
    ]
    return mass("cloud", *tuple(puffs), volume="plane", alpha=0.85, soft=0.012, grain=0.1, line=False)


def water(f: Frame, rng: Rng, top: float, glints: int = 14) -> Shapes:
    """A sheet of water with broken reflections."""
    rows = top + (f.h - top) * rng.uniform(0, 1, glints) ** 1.4
    bars = []
    for y in rows:
        x, half = rng.uniform(0, f.w), rng.uniform(0.05, 0.2) * (0.4 + (y - top) / (f.h - top))
        bars.append(ellipse(x, y, half, 0.004 + 0.008 * (y - top) / (f.h - top)))
    return [
        mass("water", box(-0.02, top, f.w + 0.02, f.h + 0.02), to="deep", grain=0.0),
        mass("low", *tuple(bars), grain=0.0, alpha=0.8, line=False),
    ]


def land(f: Frame, rng: Rng, horizon: float, layers: int = 2, rough: float = 0.06) -> Shapes:
    """Hills behind hills, from the far blue to the middle ground."""
    shapes = []
    for k in range(layers):
        y = horizon + 0.05 * k
        role = "far" if k == 0 else "mid"
        hill = below(contour(rng, f.w, y, rough * (1 + 0.3 * k)), f.h + 0.02)
        shapes.append(mass(role, hill, depth=0.5 * (1 - k / layers), volume="plane", grain=rng.uniform(-0.3, 0.3)))
    return shapes


def cone(x: float, foot: float, height: float, spread: float) -> Shapes:
    """A lone volcano with a cap of snow."""
    w = height * spread
    slope = curve(sketch("-1,0 -.4,-.42 -.1,-1", x, foot, w, height), 16)
    right = slope[::-1] * (-1, 1) + (2 * x, 0)
    cap = [(x - 0.1 * w, foot - height), (x + 0.1 * w, foot - height), (x + 0.27 * w, foot - 0.62 * height)]
    drip = [
        (x + 0.12 * w, foot - 0.74 * height),
        (x + 0.03 * w, foot - 0.6 * height),
        (x - 0.08 * w, foot - 0.74 * height),
        (x - 0.27 * w, foot - 0.62 * height),
    ]
    return [
        mass("far", np.concatenate([slope, right]), volume="plane", grain=1.0),
        mass("linen", poly(*cap, *drip), tone=0.4),
    ]


def tree(rng: Rng, x: float, foot: float, height: float, kind: str = "round") -> Shapes:
    """One tree: ``round``, ``poplar``, ``cypress`` or ``pine``."""
    trunk = ribbon([(x, foot), (x + 0.02 * height, foot - 0.5 * height)], 0.09 * height, 0.05 * height)
    shapes = [mass("trunk", trunk, volume="tube", grain=np.pi / 2)]
    if kind == "round":
        for _ in range(5):
            cx, cy = x + rng.normal(0, 0.16) * height, foot - height * rng.uniform(0.5, 0.85)
            role = "leaf" if rng.random() < 0.6 else "leaf2"
            crown = blob(rng, cx, cy, 0.26 * height, 0.2 * height, 0.12)
            shapes.append(mass(role, crown, volume="round", tone=rng.uniform(-0.15, 0.1)))
        return shapes
    if kind == "pine":
        tiers = [
            sketch("-1,0 0,-.34 1,0", x, foot - a * height, w, height)
            for a, w in zip((0.18, 0.36, 0.56), np.array([0.26, 0.2, 0.14]) * height, strict=True)
        ]
        return [*shapes, mass("leaf", *tuple(tiers), volume="plane", grain=1.2)]
    width = 0.13 if kind == "poplar" else 0.17
    top = x + rng.normal(0, 0.03) * height
    flame = [(x, foot), (x + 0.02 * height, foot - 0.45 * height), (top, foot - height)]
    body = ribbon(flame, width * height, 0.01, 30) + rng.normal(0, 0.006 * height, (60, 2))
    swell = blob(rng, x, foot - 0.45 * height, width * height, 0.42 * height, 0.08)
    return [*shapes, mass("leaf", body, swell, volume="tube", grain=np.pi / 2 + 0.15)]


def bare(rng: Rng, x: float, foot: float, h: float) -> Shape:
    """A leafless tree."""
    limbs = [ribbon([(x, foot), (x + rng.normal(0, 0.01), foot - h)], 0.045 * h, 0.006, 10)]
    for t in np.linspace(0.35, 0.95, 11):
        a = rng.choice([-1, 1]) * rng.uniform(0.4, 0.9)
        reach = h * 0.4 * (1.1 - t)
        limbs.append(
            ribbon(
                [
                    (x, foot - h * t),
                    (x + reach * np.sin(a) * 0.6, foot - h * t - reach * 0.4),
                    (x + reach * np.sin(a), foot - h * t - reach),
                ],
                0.018 * h,
                0.003,
                8,
            )
        )
    return mass("trunk", *tuple(limbs), tone=-0.35, grain=1.4, line=False)


def plant(rng: Rng, x: float, foot: float, h: float, layer: int) -> Shapes:
    kind, role = int(rng.integers(3)), ("leaf2", "leaf", "glass")[(layer + int(rng.integers(2))) % 3]
    shapes: Shapes = []
    if kind == 0:
        for a in np.linspace(-1.1, 1.1, 7):
            tip = (x + h * np.sin(a), foot - h * np.cos(a) * 0.9)
            mid = ((x + tip[0]) / 2 - 0.02, (foot + tip[1]) / 2 - 0.08 * h)
            shapes.append(mass(role, _leaf([(x, foot), mid, tip], 0.09 * h), tone=0.12 * np.sin(3 * a), volume="plane"))
    elif kind == 1:
        shapes.append(mass("trunk", ribbon([(x, foot), (x + 0.03, foot - h)], 0.02, 0.012)))
        for t in np.linspace(0.25, 1, 5):
            for side in (-1, 1):
                y = foot - h * t
                tip = (x + side * 0.3 * h, y - 0.12 * h)
                leaf = _leaf([(x, y), (x + side * 0.16 * h, y - 0.12 * h), tip], 0.11 * h)
                shapes.append(mass(role, leaf, tone=0.1 * side))
    else:
        stem = ribbon([(x, foot), (x + 0.02, foot - 0.8 * h)], 0.012, 0.01)
        petals = tuple(
            ellipse(
                x + 0.02 + 0.09 * h * np.cos(a), foot - 0.85 * h + 0.09 * h * np.sin(a), 0.08 * h, 0.045 * h, tilt=a
            )
            for a in np.arange(6) * np.pi / 3
        )
        flower = one_of(rng, "flower flower2 accent")
        shapes += [
            mass("leaf2", stem),
            mass(flower, *petals),
            mass("gold", ellipse(x + 0.02, foot - 0.85 * h, 0.04 * h, 0.04 * h)),
        ]
    return shapes


def _leaf(spine: list[tuple[float, float]], width: float) -> np.ndarray:
    path = curve(spine, 14)
    side = np.gradient(path, axis=0)[:, ::-1] * (-1, 1)
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    swell = (np.sin(np.linspace(0.05, np.pi, 14)) * width)[:, None]
    return np.concatenate([path + side * swell, (path - side * swell)[::-1]])
