"""Pop: tins, explosions, signs, and the same face again."""

from __future__ import annotations

import numpy as np

from builder.gallery.brushes import noise
from builder.gallery.colour import luma, mix
from builder.gallery.layin import Look, coverage, lay_in
from builder.gallery.scenes.bodies import head, torso
from builder.gallery.shapes import (
    Frame,
    Shape,
    Shapes,
    box,
    ellipse,
    everything,
    mass,
    one_of,
    poly,
    ribbon,
    sketch,
    star,
    turn,
)
from builder.gallery.studio import Array, Studio

BOLD = Look(volume=0.0, haze=0.0, outline=0.011)


def benday(s: Studio, image: Array, where: Array, colour: Array, step: float = 0.018) -> Array:
    """Printer's dots in a mask (h, w), on a diagonal screen."""
    x, y = np.meshgrid(np.arange(s.width) / s.px, np.arange(s.height) / s.px)
    u, v = (x + y) / step, (x - y) / step
    far = np.hypot(u % 1 - 0.5, v % 1 - 0.5) * step * s.px / np.sqrt(2)
    ink = np.clip(0.32 * step * s.px / np.sqrt(2) - far + 0.6, 0, 1) * where
    return mix(image, colour, ink[..., None].astype(np.float32))


def cans(s: Studio) -> Array:
    """A shelf of the same tin, over and over."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    rows = int(r.integers(2, 4))
    columns = max(int(round(rows * w / h * 1.5)), 2)
    shapes: Shapes = [mass("linen", everything(s.frame))]
    cw, ch = w / columns, h / rows
    odd = int(r.integers(rows * columns))
    for k in range(rows * columns):
        x, top = (k % columns + 0.5) * cw, (k // columns) * ch
        half, y0, y1 = cw * 0.36, top + ch * 0.14, top + ch * 0.9
        cap = half * 0.28
        body = np.concatenate([ellipse(x, y1, half, cap, 0, np.pi), ellipse(x, y0, half, cap, np.pi, 2 * np.pi)])
        split = y0 + (y1 - y0) * 0.5
        label = np.concatenate(
            [
                poly((x - half, split), (x - half, y0)),
                ellipse(x, y0, half, cap, np.pi, 0),
                poly((x + half, split)),
                ellipse(x, split, half, cap, 0, np.pi),
            ]
        )
        shapes += [
            mass("p0" if k != odd else "p2", body),
            mass(
                "linen",
                np.concatenate(
                    [ellipse(x, split, half, cap, np.pi, 0), poly((x + half, y1)), ellipse(x, y1, half, cap, 0, np.pi)]
                ),
            ),
        ]
        shapes += [
            mass("p0" if k != odd else "p2", label),
            mass("stone", ellipse(x, y0, half, cap)),
            mass("gold", ellipse(x, split + cap * 0.6, half * 0.32, half * 0.32)),
        ]
        script = [
            (x - half * 0.55, y0 + (split - y0) * 0.72),
            (x - half * 0.3, y0 + (split - y0) * 0.5),
            (x - half * 0.1, y0 + (split - y0) * 0.8),
            (x + half * 0.2, y0 + (split - y0) * 0.55),
            (x + half * 0.55, y0 + (split - y0) * 0.72),
        ]
        shapes.append(mass("linen", ribbon(script, 0.016, 0.012), line=False))
    return s.lay(shapes, BOLD).rgb


def boom(s: Studio) -> Array:
    """An explosion, as the comics draw it."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    x, y = w * r.uniform(0.4, 0.6), h * r.uniform(0.4, 0.6)
    rays = tuple(
        poly((x, y), (x + 2 * np.cos(a), y + 2 * np.sin(a)), (x + 2 * np.cos(a + 0.13), y + 2 * np.sin(a + 0.13)))
        for a in np.arange(24) * np.pi / 12 + r.uniform(0, 1)
    )
    shapes: Shapes = [mass("p4", everything(s.frame)), mass("p3", *rays, line=False)]
    back = s.lay(shapes, BOLD).rgb
    back = benday(s, back, (luma(back) > 0.1).astype(np.float32) * (noise(r, s.shape, 1, 1) > 0.2), s.palette["linen"])
    points = int(r.integers(9, 16))
    front: Shapes = []
    for k, (role, size) in enumerate((("p1", 0.46), ("linen", 0.37), ("p0", 0.29), ("p1", 0.18))):
        outline = star(x, y, size, size * r.uniform(0.5, 0.68), points, 0.2 * k)
        middle = outline.mean(axis=0)
        front.append(mass(role, middle + (outline - middle) * r.uniform(0.8, 1.25, (len(outline), 1))))
    for _ in range(int(r.integers(4, 8))):
        a, far = r.uniform(0, 2 * np.pi), r.uniform(0.35, 0.6)
        cx, cy = x + far * np.cos(a), y + far * np.sin(a) * h / max(w, h)
        front.append(
            mass("linen", *(ellipse(cx + r.normal(0, 0.05), cy + r.normal(0, 0.03), 0.06, 0.05) for _ in range(4)))
        )
    letters = _word(r, x, y, 0.17)
    return mix(back, s.lay([*shapes, *front, *letters], BOLD).rgb, _mask(s, [*front, *letters]))


def _mask(s: Studio, shapes: Shapes) -> Array:
    parts = tuple(p for shape in shapes for p in shape.parts)
    grown = tuple(p.mean(axis=0) + (p - p.mean(axis=0)) * 1.02 for p in parts)
    return coverage(grown, s.px, (0, 0, s.width, s.height))[..., None]


def _word(r: np.random.Generator, x: float, y: float, size: float) -> Shapes:
    """POW, in slabs."""

    def letter(dx: float, *parts: Array) -> Shape:
        tilt = r.normal(-0.15, 0.08)
        return mass("linen", *(turn(p * size + (x + dx * size, y), tilt, (x, y)) for p in parts))

    p = (
        box(-0.35, -0.6, -0.1, 0.6),
        sketch("-.1,-.6 .3,-.55 .42,-.25 .3,.05 -.1,.1 -.1,-.12 .15,-.2 .15,-.35 -.1,-.38"),
    )
    o = (np.concatenate([ellipse(0, 0, 0.42, 0.62), ellipse(0, 0, 0.18, 0.34)[::-1]]),)
    w = (sketch("-.6,-.6 -.35,-.6 -.22,.15 0,-.4 .22,.15 .35,-.6 .6,-.6 .34,.6 .14,.6 0,.15 -.14,.6 -.34,.6"),)
    return [letter(-1.05, *p), letter(-0.1, *o), letter(1.05, *w)]


def target(s: Studio) -> Array:
    """A target, a flag, a heart: signs, filling the canvas."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    x, y = w * r.uniform(0.38, 0.62), h * r.uniform(0.38, 0.62)
    shapes: Shapes = [mass("p1", everything(s.frame))]
    how = int(r.integers(3))
    if how == 0:
        shapes += [
            mass(("p0", "linen", "p4", "linen", "p0")[k], ellipse(x, y, size, size))
            for k, size in enumerate(np.linspace(0.46, 0.09, 5))
        ]
    elif how == 1:
        stripes = int(r.integers(5, 9))
        shapes += [
            mass(("p0", "linen")[k % 2], box(-0.1, h * k / stripes, w + 0.1, h * (k + 1) / stripes))
            for k in range(stripes)
        ]
        shapes.append(mass("p4", box(-0.1, -0.1, w * 0.45, h * 0.56)))
        shapes.append(
            mass(
                "linen",
                *(
                    star(w * (0.06 + 0.11 * i), h * (0.08 + 0.15 * j), 0.05, 0.02, 5, -np.pi / 2)
                    for i in range(4)
                    for j in range(3 + i % 2)
                ),
            )
        )
    else:
        t = np.linspace(0, 2 * np.pi, 80)
        heart = (
            np.stack(
                [16 * np.sin(t) ** 3, -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))], axis=1
            )
            / 17
        )
        shapes += [mass(role, heart * size + (x, y)) for role, size in (("p0", 0.44), ("p2", 0.33), ("p1", 0.2))]
    image = s.lay(shapes, BOLD).rgb
    shade = (
        np.arange(s.width)[None, :] / s.width + np.arange(s.height)[:, None] / s.height > r.uniform(0.8, 1.3)
    ).astype(np.float32)
    return benday(s, image, shade, s.palette["p3"])


def four_faces(s: Studio) -> Array:
    """One face, printed again and again in colours that do not match."""
    r = s.rng
    columns, rows = (2, 2) if r.random() < 0.5 else (3, 3) if r.random() < 0.5 else (3, 2)
    image = s.primed("paper")
    seed, hair, turned = (
        int(r.integers(1 << 30)),
        one_of(r, "short long bun hat wig"),
        float(r.uniform(-1, 1)),
    )
    h, w = s.height // rows, s.width // columns
    frame = Frame(w / min(h, w), h / min(h, w))
    for k in range(rows * columns):
        same = np.random.default_rng(seed)
        keys = r.permutation([f"p{i}" for i in range(8)])
        roles = dict(
            zip(("backdrop", "skin", "hair", "cloth", "accent", "linen", "cloth2", "flower"), keys, strict=True)
        )
        palette = {**s.palette, **{role: s.palette[key] for role, key in roles.items()}, "dark": s.palette["line"]}
        face = head(same, frame.w * 0.5, frame.h * 0.44, 0.62, turned, hair)
        body = torso(frame.w * 0.5, frame.h * 0.74, 0.5, frame.h)
        tile = lay_in(
            [mass("backdrop", everything(frame)), *body, *face],
            frame,
            h,
            w,
            palette,
            Look(0.0, haze=0, outline=0.014),
        )
        top, left = (k // columns) * h, (k % columns) * w
        image[top : top + h, left : left + w] = tile.rgb
    return np.clip(image + 0.02 * noise(r, s.shape, 120, 1)[..., None], 0, 1)
