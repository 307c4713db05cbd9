"""How it is painted: each manner takes an underpainting and finishes it.

A manner is a function (Studio, Ground) -> picture, float RGB (h, w, 3) in 0..1. It knows nothing of what is shown;
any scene can be finished in any manner.
"""

from __future__ import annotations

import numpy as np

from builder.gallery.brushes import (
    apart,
    at_points,
    blurred,
    canvas,
    complement,
    dots,
    glow,
    impasto,
    inked,
    jittered,
    noise,
    posterised,
    region_edges,
    scatter,
    speckle,
    stamped_dots,
    streaks,
    strokes,
    vignette,
    warped,
)
from builder.gallery.colour import luma, mix, saturated, toned
from builder.gallery.layin import Ground
from builder.gallery.studio import Array, Studio


def _dabs(
    s: Studio,
    source: Array,
    base: Array,
    angle: Array,
    step: float,
    long: float,
    wide: float,
    light: float = 0.08,
    hue: float = 0.04,
    bend: float = 0.0,
    skip: float = 0.0,
) -> Array:
    """Covers ``base`` with strokes that take their colour from ``source``. Sizes in frame units."""
    rng = apart(s.rng)
    spots = scatter(rng, s.shape, step * s.px)
    if skip:
        spots = spots[rng.random(len(spots)) > skip]
    colours = jittered(rng, at_points(source, spots), light, hue)
    turned = at_points(angle, spots) + rng.normal(0, 0.15, len(spots))
    hand = s.hand
    return strokes(rng, base, spots, turned, colours, long * s.px * hand.length, wide * s.px * hand.stroke, bend)


def impressionist(s: Studio, g: Ground) -> Array:
    """Short broken dabs, wet in wet; light before form."""
    angle = g.angle + 0.35 * noise(s.rng, s.shape, 4) + 0.3 * s.hand.slant
    soft = blurred(g.rgb, 0.006 * s.px)
    image = _dabs(s, soft, soft, angle, 0.022, 0.06, 0.018, 0.06, 0.03)
    image = _dabs(s, g.rgb, image, angle, 0.015, 0.03, 0.01, 0.07, 0.045, skip=0.3)
    return canvas(s.rng, impasto(np.clip(image * 1.04 + 0.02, 0, 1), 0.5), 0.02)


def swirling(s: Studio, g: Ground) -> Array:
    """Long directed strokes that turn with a current through the whole picture."""
    field = noise(s.rng, s.shape, 2.2, 1)
    gy, gx = np.gradient(field)
    angle = np.where(g.region == 1, np.arctan2(gx, -gy), g.angle + 0.4 * field)
    image = _dabs(s, g.rgb, g.rgb, angle, 0.024, 0.1, 0.015, 0.09, 0.03, 0.6)
    image = _dabs(s, saturated(g.rgb, 1.3), image, angle, 0.024, 0.08, 0.009, 0.15, 0.04, 0.6, skip=0.5)
    return canvas(
        s.rng, impasto(inked(image, 0.5 * region_edges(g.region, 0.006 * s.px), s.palette["line"]), 0.5), 0.02
    )


def constructive(s: Studio, g: Ground) -> Array:
    """Parallel patches that build planes, as at Aix."""
    angle = np.full(s.shape, -0.8 + s.hand.slant, dtype=np.float32) + 0.5 * posterised(noise(s.rng, s.shape, 4, 1), 1)
    image = _dabs(s, g.rgb, g.rgb, angle, 0.026, 0.06, 0.022, 0.1, 0.06)
    return canvas(
        s.rng, impasto(inked(image, 0.35 * region_edges(g.region, 0.006 * s.px), s.palette["line"]), 0.6), 0.03
    )


def pointillist(s: Studio, g: Ground) -> Array:
    """Points of pure colour beside their complements, mixed by the eye."""
    base = np.clip(mix(g.rgb, s.palette["paper"], 0.35), 0, 1)
    size = 0.0062 * s.hand.stroke
    rng, image = apart(s.rng), base
    for turn, share in ((0, 1.0), (1, 0.75)):
        spots = scatter(rng, s.shape, 1.55 * size * s.px)
        spots = spots[rng.random(len(spots)) < share]
        colours = saturated(at_points(g.rgb, spots), 1.6)
        odd = rng.random(len(spots))[:, None]
        colours = np.where(odd < 0.16, mix(colours, complement(colours), 0.75), colours)
        colours = np.where(odd > 0.86, toned(colours, np.float32(0.45)), colours)
        image = dots(image, spots, jittered(rng, colours, 0.08, 0.05), max(size * s.px * (0.8 if turn else 0.95), 1.2))
    return image


def fauve(s: Studio, g: Ground) -> Array:
    """Pure patches from the tube, the canvas left bare between them."""
    angle = g.angle + 0.6 * noise(s.rng, s.shape, 3, 1) + s.hand.slant
    wild = saturated(g.rgb, 1.1)
    base = mix(g.rgb, s.palette["paper"], 0.55)
    image = _dabs(s, posterised(wild, 6), base, angle, 0.036, 0.075, 0.034, 0.04, 0.09, skip=0.08)
    edge = region_edges(g.region, 0.012 * s.px * s.hand.stroke) * np.clip(
        0.75 + 0.5 * noise(s.rng, s.shape, 8, 1), 0, 1
    )
    return canvas(s.rng, inked(image, edge, s.palette["deep"]), 0.03)


def expressionist(s: Studio, g: Ground) -> Array:
    """Bent space, harsh black contours, colour that screams."""
    dx, dy = noise(s.rng, s.shape, 3, 2) * 0.014 * s.px, noise(s.rng, s.shape, 3, 2) * 0.02 * s.px
    rgb, region = warped(g.rgb, dx, dy), warped(g.region, dx, dy)
    angle = warped(g.angle, dx, dy) + 0.45 * noise(s.rng, s.shape, 3, 1) + s.hand.slant
    image = _dabs(s, rgb, rgb, angle, 0.034, 0.12, 0.03, 0.1, 0.035, 2.0)
    image = _dabs(s, rgb, image, angle, 0.02, 0.035, 0.012, 0.07, 0.03, 1.0, skip=0.55)
    rough = np.clip(
        region_edges(region, 0.011 * s.px * s.hand.stroke) * (0.8 + 0.4 * noise(s.rng, s.shape, 20, 1)), 0, 1
    )
    return canvas(s.rng, impasto(inked(image, rough, s.palette["line"]), 0.8), 0.03)


def chiaroscuro(s: Studio, g: Ground) -> Array:
    """One lamp; the rest is night. Old varnish over all."""
    centre = (0.5 + 0.16 * np.sign(s.hand.slant), 0.36 + 0.14 * s.rng.random())
    lit = vignette(g.rgb * 1.25, centre, 0.4 * s.hand.stroke, 0.92)
    glazed = blurred(lit, 0.0022 * s.px) * np.array([1.06, 0.98, 0.82], dtype=np.float32)
    brush = streaks(s.rng, g.angle, 14)[..., None] * 0.01
    return np.clip(canvas(s.rng, glow(np.clip(glazed + brush * (glazed + 0.1), 0, 1), 0.04 * s.px, 0.35), 0.018), 0, 1)


def sfumato(s: Studio, g: Ground) -> Array:
    """Edges that dissolve in smoke; a warm glaze, fine cracks."""
    smoke = blurred(g.rgb, 0.007 * s.px)
    image = mix(smoke, g.rgb, 0.55) * np.array([1.03, 0.99, 0.86], dtype=np.float32)
    image = vignette(image, (0.5, 0.36), 0.72, 0.45)
    crack = np.clip(np.abs(noise(s.rng, s.shape, 30, 2)) * -9 + 0.45, 0, 1) * 0.07
    return canvas(s.rng, np.clip(image - crack[..., None], 0, 1), 0.012)


def tempera(s: Studio, g: Ground) -> Array:
    """Fine hatching in egg yolk over a drawn contour, punched gold."""
    hatch = streaks(s.rng, np.full(s.shape, 0.9 + s.hand.slant, dtype=np.float32), 14)[..., None] * 0.016
    image = np.clip(g.rgb + hatch, 0, 1)
    off = g.rgb - s.palette["gold"]
    gold = np.exp(np.einsum("hwc,hwc->hw", off, off) / -0.03)
    punch = 0.14 * stamped_dots(s.shape, 0.03 * s.px, 0.22) + 0.1 * noise(s.rng, s.shape, 3, 2)
    image = np.clip(image + (gold * punch)[..., None], 0, 1)
    return inked(image, 0.55 * region_edges(g.region, 1.0), s.palette["line"])


def enamelled(s: Studio, g: Ground) -> Array:
    """Oil in thin clear layers: every edge sharp, every colour deep."""
    image = mix(g.rgb, saturated(g.rgb, 1.25), 0.7)
    detail = streaks(s.rng, g.angle, 8)[..., None] * 0.01
    image = np.clip(image + detail, 0, 1)
    image = inked(image, 0.35 * region_edges(g.region, 1.0), s.palette["dark"])
    return canvas(s.rng, vignette(image, (0.36, 0.4), 0.8, 0.32), 0.008)


def mannered(s: Studio, g: Ground) -> Array:
    """Everything drawn out and twisted upwards, cold light on acid silk."""
    y = np.linspace(0, 1, s.height, dtype=np.float32)[:, None]
    sway = np.sin(y * 5 + s.hand.slant * 6) * 0.018 * s.px
    rgb = warped(g.rgb, sway + 0.01 * s.px * noise(s.rng, s.shape, 3, 1), 0.0)
    lights = np.clip((luma(rgb) - 0.5) * 1.6, 0, 1)[..., None]
    cold = mix(rgb, np.array([0.93, 0.97, 0.9], dtype=np.float32), lights * 0.5)
    brush = streaks(s.rng, g.angle + 0.4 * noise(s.rng, s.shape, 3, 1), 22)[..., None] * 0.022
    return canvas(s.rng, np.clip(vignette(cold + brush * (cold + 0.15), (0.5, 0.4), 0.65, 0.6), 0, 1), 0.02)


def rococo(s: Studio, g: Ground) -> Array:
    """Powder and sugar: feathery strokes, everything a tone too light."""
    angle = g.angle + 0.9 * noise(s.rng, s.shape, 5, 2)
    image = _dabs(s, saturated(g.rgb, 1.25), g.rgb, angle, 0.016, 0.024, 0.007, 0.05, 0.025, 6.0, skip=0.3)
    image = mix(image, mix(g.rgb, blurred(image, 0.005 * s.px), 0.5), 0.5)
    return canvas(s.rng, glow(np.clip(image * 0.97, 0, 1), 0.05 * s.px, 0.14), 0.012)


def romantic(s: Studio, g: Ground) -> Array:
    """Vapour, and a light breaking through it."""
    field = noise(s.rng, s.shape, 3, 3)
    drift = warped(g.rgb, field * 0.012 * s.px, noise(s.rng, s.shape, 3, 3) * 0.01 * s.px)
    image = mix(drift, blurred(drift, 0.012 * s.px), 0.45)
    brush = streaks(s.rng, g.angle + 0.5 * field, 26)[..., None] * 0.016
    image = np.clip(image + brush * (0.3 + image), 0, 1)
    bright = np.unravel_index(np.argmax(luma(blurred(image, 0.06 * s.px))), s.shape)
    image = vignette(image, (bright[1] / s.width, bright[0] / s.height), 0.55, 0.55)
    return canvas(s.rng, glow(image, 0.08 * s.px, 0.55), 0.02)


def realist(s: Studio, g: Ground) -> Array:
    """Earth colours put down plainly with a flat brush."""
    angle = g.angle + 0.25 * noise(s.rng, s.shape, 5, 1)
    image = _dabs(s, g.rgb, g.rgb, angle, 0.014, 0.026, 0.009, 0.06, 0.012, skip=0.25)
    image = mix(image, g.rgb, 0.4) * (1 + 0.05 * noise(s.rng, s.shape, 3, 3)[..., None])
    return canvas(s.rng, vignette(np.clip(image, 0, 1), (0.5, 0.45), 0.9, 0.3), 0.025)


def photographic(s: Studio, g: Ground) -> Array:
    """Acrylic, masked and sprayed: flat light, clean edges, no brush to be seen."""
    wash = 1 + 0.02 * noise(s.rng, s.shape, 1.5, 2)[..., None]
    return np.clip(g.rgb * wash + 0.008 * speckle(s.rng, s.shape)[..., None], 0, 1)


def symbolist(s: Studio, g: Ground) -> Array:
    """Pastel and dust; forms that glow from within."""
    veil = blurred(g.rgb, 0.02 * s.px)
    image = mix(g.rgb, veil, 0.5)
    dust = noise(s.rng, s.shape, 120, 1)[..., None] * 0.022
    chalk = streaks(s.rng, np.full(s.shape, s.hand.slant - 0.9, dtype=np.float32), 30)[..., None] * 0.012
    return np.clip(glow(np.clip(image + dust + chalk, 0, 1), 0.06 * s.px, 0.6), 0, 1)


def woodblock(s: Studio, g: Ground) -> Array:
    """Flat inks with a wiped gradient, the grain of the block, a cartouche and a red seal."""
    grain = streaks(s.rng, 0.06 * noise(s.rng, s.shape, 3, 1), 60)[..., None] * 0.014
    image = posterised(g.rgb, 14) + grain
    fall = np.linspace(1, 0, s.height, dtype=np.float32)[:, None, None] ** 5
    image = mix(image, s.palette["deep"], 0.75 * fall)
    paper = 0.014 * speckle(s.rng, s.shape)[..., None]
    return np.clip(_cartouche(s, image * 0.97 + paper), 0, 1)


def _cartouche(s: Studio, image: Array) -> Array:
    """A strip of column writing and a seal, upper left or right."""
    unit = int(0.028 * s.px)
    x = unit * 2 if s.hand.slant > 0 else s.width - unit * 5
    top, tall = unit * 2, unit * 9
    image[top : top + tall, x : x + unit * 3] = s.palette["gold"]
    image[top : top + tall, x : x + unit * 3][[0, 1, -2, -1]] = s.palette["line"]
    for row in range(7):
        marks = s.rng.random((5, 5)) < 0.55
        size = max(unit // 5, 1)
        glyph = np.kron(marks, np.ones((size, size), dtype=bool))
        y, left = top + unit // 2 + int(row * unit * 1.18), x + unit
        patch = image[y : y + glyph.shape[0], left : left + glyph.shape[1]]
        patch[glyph[: patch.shape[0], : patch.shape[1]]] = s.palette["line"]
    seal = top + tall + unit // 2
    image[seal : seal + unit * 2, x + unit // 2 : x + unit * 5 // 2] = s.palette["accent"]
    image[seal + unit // 2 : seal + unit, x + unit : x + unit * 2] = s.palette["paper"]
    return image


def poster(s: Studio, g: Ground) -> Array:
    """Lithograph: flat tints, a heavy contour around everything, and gold lines at the border."""
    image = posterised(g.rgb, 18)
    stone = 0.016 * speckle(s.rng, s.shape)[..., None]
    wide = max(int(0.012 * s.px), 2)
    for inset, role in ((0, "line"), (2 * wide, "gold")):
        for cut in (
            np.s_[inset : inset + wide, inset : s.width - inset],
            np.s_[s.height - inset - wide : s.height - inset, inset : s.width - inset],
            np.s_[inset : s.height - inset, inset : inset + wide],
            np.s_[inset : s.height - inset, s.width - inset - wide : s.width - inset],
        ):
            image[cut] = s.palette[role]
    return np.clip(image + stone, 0, 1)


def naive(s: Studio, g: Ground) -> Array:
    """Every leaf counted, every edge clear, every colour as it came out of the tin."""
    fine = streaks(s.rng, g.angle + 0.3, 7)[..., None] * 0.02
    return canvas(s.rng, np.clip(saturated(g.rgb, 1.2) + fine, 0, 1), 0.012)
