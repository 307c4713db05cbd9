"""New Realism: heaps of things, torn walls, one pigment, crushed cars, the end of a meal."""

from __future__ import annotations

import numpy as np

from builder.gallery.brushes import canvas, noise
from builder.gallery.colour import mix, toned
from builder.gallery.layin import Look, coverage, put
from builder.gallery.scenes.tables import bottle, jug
from builder.gallery.shapes import (
    Shapes,
    blob,
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

OBJECT = Look(volume=0.75, haze=0.0, outline=0.003)


def heap(s: Studio) -> Array:
    """A vitrine full of one kind of thing."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    kind, size = int(r.integers(5)), float(r.uniform(0.16, 0.26))
    shapes: Shapes = [mass("backdrop", everything(s.frame), volume="plane")]
    step = size * 0.72
    places = [
        (x + r.normal(0, 0.25 * step), y + r.normal(0, 0.25 * step))
        for y in np.arange(0, h + step, step)
        for x in np.arange(0, w + step, step)
    ]
    for k in r.permutation(len(places)):
        x, y = places[k]
        thing = _thing(r, kind, size * r.uniform(0.8, 1.15))
        tilt = r.uniform(0, 2 * np.pi)
        shapes += [
            mass(t.role, *(turn(p, tilt, (0, 0)) + (x, y) for p in t.parts), tone=t.tone, volume=t.volume)
            for t in thing
        ]
    image = s.lay(shapes, OBJECT).rgb
    edge = 0.035
    rim = 1 - coverage((box(edge, edge, w - edge, h - edge),), s.px, (0, 0, s.width, s.height), 0.003)[..., None]
    return canvas(r, mix(image, s.palette["linen"], rim), 0.015)


def _thing(r: np.random.Generator, kind: int, s: float) -> Shapes:
    """One object around the origin: cog, clock, bottle, brush, jug."""
    role = one_of(r, "p0 p1 p2 p3 p4")
    if kind == 0:
        return [
            mass("stone", star(0, 0, s * 0.5, s * 0.4, 14), tone=r.uniform(-0.3, 0.2), volume="plane"),
            mass(role, ellipse(0, 0, s * 0.26, s * 0.26), volume="round"),
            mass("dark", ellipse(0, 0, s * 0.1, s * 0.1)),
        ]
    if kind == 1:
        hands = tuple(
            ribbon([(0, 0), (s * d * np.cos(a), s * d * np.sin(a))], 0.02 * s, 0.01 * s, 3)
            for d, a in ((0.32, r.uniform(0, 6)), (0.22, r.uniform(0, 6)))
        )
        return [
            mass(role, ellipse(0, 0, s * 0.5, s * 0.5), box(-0.06 * s, -0.6 * s, 0.06 * s, -0.45 * s), volume="round"),
            mass("linen", ellipse(0, 0, s * 0.4, s * 0.4)),
            mass("dark", *hands),
        ]
    if kind == 2:
        return bottle(0, s * 0.5, s * 1.1)
    if kind == 3:
        return [
            mass(role, ribbon([(-0.6 * s, 0), (0.1 * s, 0)], 0.09 * s, 0.12 * s, 4), volume="plane"),
            mass("stone", box(0.08 * s, -0.1 * s, 0.3 * s, 0.1 * s)),
            mass("dark", sketch(".3,-.1 .62,0 .3,.1", 0, 0, s)),
        ]
    return jug(0, s * 0.5, s, role)


def torn(s: Studio) -> Array:
    """A hoarding: posters over posters, ripped away in strips."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    image = s.primed("stone")
    for k in range(int(r.integers(7, 11))):
        poster = s.filled(s.pigment(k))
        if r.random() < 0.75:
            x, y, size = r.uniform(0, w), r.uniform(0, h), r.uniform(0.15, 0.4)
            art = (
                ellipse(x, y, size, size)
                if r.random() < 0.4
                else turn(box(x - size, y - 0.07, x + size, y + 0.07), r.normal(0, 0.1), (x, y))
            )
            put(poster, s.px, s.pigment(k + 3), art)
            bars = tuple(
                box(x - size + 0.09 * i, y + 0.12, x - size + 0.09 * i + r.uniform(0.02, 0.06), y + 0.24)
                for i in range(int(r.integers(4, 9)))
            )
            put(poster, s.px, s.palette[("line", "linen")[k % 2]], *bars)
        shape = blob(r, r.uniform(0, w), r.uniform(0, h), r.uniform(0.2, 0.5), r.uniform(0.2, 0.5), 0.3)
        shape = shape + r.normal(0, 0.012, shape.shape)
        edge = coverage((shape + r.normal(0, 0.008, shape.shape),), s.px, (0, 0, s.width, s.height))[..., None]
        sheet = coverage((shape + r.normal(0, 0.009, 2),), s.px, (0, 0, s.width, s.height))[..., None]
        image = mix(image, s.palette["linen"], np.maximum(edge, sheet))
        image = mix(image, poster, sheet)
    return canvas(r, image * (1 + 0.03 * noise(r, s.shape, 40, 2)[..., None]), 0.03)


def sponges(s: Studio) -> Array:
    """One pigment, and a relief of sponges drinking it."""
    r = s.rng
    height = 0.25 * noise(r, s.shape, 2, 2) + 0.05 * noise(r, s.shape, 40, 2)
    yy, xx = np.mgrid[: s.height, : s.width].astype(np.float32) / s.px
    for _ in range(int(r.integers(4, 10))):
        x, y, size = r.uniform(0, s.frame.w), r.uniform(0, s.frame.h), r.uniform(0.07, 0.22)
        dome = np.clip(1 - ((xx - x) ** 2 + (yy - y) ** 2) / size**2, 0, 1) ** 1.5
        height = height + dome * (2.6 + 0.3 * noise(r, s.shape, 50, 1))
    gy, gx = np.gradient(height)
    shade = np.clip(-(gx + gy) * 3.0, -0.7, 0.55) + 0.06 * noise(r, s.shape, 90, 1)
    return np.clip(toned(s.filled(s.pigment(0)), shade[..., None].astype(np.float32)), 0, 1)


def crushed(s: Studio) -> Array:
    """Bodywork, pressed."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    shapes: Shapes = [mass("dark", everything(s.frame))]
    lean = r.normal(0, 0.5)
    for _ in range(110):
        x, y, a = r.uniform(0.1, 0.9) * w, r.uniform(0.08, 0.92) * h, r.normal(lean, 0.5)
        sheet = poly(
            *((dx, dy) for dx, dy in r.normal(0, 1, (2, 2)) * (0.1, 0.02)),
            *((dx, dy) for dx, dy in r.normal(0, 1, (3, 2)) * (0.16, 0.05)),
        )
        order = np.argsort(np.arctan2(*(sheet - sheet.mean(axis=0)).T))
        role = one_of(r, "p0 p1 p2 p3 stone linen")
        shapes.append(mass(role, turn(sheet[order], a, (0, 0)) + (x, y), tone=r.uniform(-0.4, 0.25), volume="plane"))
    image = s.lay(shapes, Look(0.9, haze=0, outline=0.003)).rgb
    rust = np.clip(noise(r, s.shape, 12, 3) - 1.0, 0, 1)[..., None]
    return canvas(r, mix(image, s.palette["wood"], rust), 0.03)


def leftovers(s: Studio) -> Array:
    """A table after dinner, hung on the wall: plates, cups and ash from above."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    shapes: Shapes = [mass(one_of(r, "p0 wood p3"), everything(s.frame))]
    if r.random() < 0.6:
        step = 0.09
        shapes.append(
            mass(
                "linen",
                *(
                    box(x, y, x + step, y + step)
                    for i, x in enumerate(np.arange(0, w, step))
                    for j, y in enumerate(np.arange(0, h, step))
                    if (i + j) % 2
                ),
                alpha=0.8,
                line=False,
            )
        )
    for _ in range(int(r.integers(6, 11))):
        x, y, size = r.uniform(0.08, 0.92) * w, r.uniform(0.08, 0.92) * h, r.uniform(0.07, 0.19)
        shapes.append(mass("dark", ellipse(x + 0.02, y + 0.025, size, size), alpha=0.5, soft=0.01, line=False))
        rim = one_of(r, "linen p1 p2 stone")
        shapes += [
            mass(rim, ellipse(x, y, size, size), volume="round"),
            mass("linen", ellipse(x, y, size * 0.7, size * 0.7), volume="plane"),
        ]
        shapes.append(mass(one_of(r, "p4 wood accent leaf2"), blob(r, x, y, size * 0.4, size * 0.3, 0.25), alpha=0.9))
        a = r.uniform(0, np.pi)
        knife = ribbon(
            [
                (x - size * 1.3 * np.cos(a), y - size * 1.3 * np.sin(a)),
                (x + size * 1.3 * np.cos(a), y + size * 1.3 * np.sin(a)),
            ],
            0.022,
            0.012,
            4,
        )
        shapes.append(mass("stone", knife + (0.0, size * 0.5), tone=0.2))
    return canvas(r, s.lay(shapes, OBJECT).rgb, 0.02)
