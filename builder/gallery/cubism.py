"""The three cubist manners: the picture is cut into planes, and each plane looks from somewhere else."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from builder.gallery.brushes import apart, canvas, inked, lines, noise, region_edges, stamped_dots, streaks, warped
from builder.gallery.colour import luma, mix, toned
from builder.gallery.layin import Ground, put
from builder.gallery.shapes import Points, box, ellipse, turn
from builder.gallery.studio import Array, Studio


def split(rng: np.random.Generator, polygon: Points, angle: float) -> tuple[Points, Points]:
    """Cuts a convex polygon in two by a line through its middle, roughly."""
    middle = polygon.mean(axis=0) + rng.normal(0, 0.12, 2) * np.ptp(polygon, axis=0)
    normal = np.array([np.cos(angle), np.sin(angle)])
    side = (polygon - middle) @ normal
    halves: tuple[list[Points], list[Points]] = ([], [])
    for k in range(len(polygon)):
        a, b, da, db = polygon[k], polygon[(k + 1) % len(polygon)], side[k], side[(k + 1) % len(polygon)]
        halves[0 if da >= 0 else 1].append(a)
        if (da >= 0) != (db >= 0):
            cut = a + (b - a) * da / (da - db)
            halves[0].append(cut)
            halves[1].append(cut)
    return np.array(halves[0]), np.array(halves[1])


def facets(s: Studio, count: int, angles: Array) -> list[Points]:
    """The whole picture as ``count`` convex planes, smaller towards the middle."""
    centre = np.array([s.frame.w / 2, s.frame.h / 2])

    def weight(plane: Points) -> float:
        area = np.prod(plane.max(axis=0) - plane.min(axis=0))
        return float(area * np.exp(-1.2 * np.sum((plane.mean(axis=0) - centre) ** 2)))

    planes = [box(-0.02, -0.02, s.frame.w + 0.02, s.frame.h + 0.02)]
    weights = [weight(planes[0])]
    while len(planes) < count:
        heaviest = int(np.argmax(weights))
        plane, _ = planes.pop(heaviest), weights.pop(heaviest)
        halves = [p for p in split(s.rng, plane, float(s.rng.choice(angles) + s.rng.normal(0, 0.12))) if len(p) > 2]
        planes += halves
        weights += [weight(p) for p in halves]
    return planes


def shattered(s: Studio, g: Ground, count: int, shift: float, shade: float, angles: Array) -> Array:
    """Every plane takes its piece of the picture from a little beside, shaded along its own slope."""
    planes = facets(s, count, angles)
    picture = Image.new("I", (s.width, s.height))
    draw = ImageDraw.Draw(picture)
    for number, plane in enumerate(planes):
        draw.polygon((plane * s.px).ravel().tolist(), fill=number)
    label, n = np.asarray(picture), len(planes)
    moved = (s.rng.normal(0, shift, (2, n)) * s.px).astype(np.float32)
    slopes, lift = s.rng.choice(angles, n), s.rng.normal(0, shade * 0.3, n)
    sizes = np.array([np.ptp(p, axis=0).max() * s.px / 2 for p in planes])
    middles = np.array([p.mean(axis=0) * s.px for p in planes])
    down, right = (
        (shade * np.sin(slopes) / sizes).astype(np.float32),
        (shade * np.cos(slopes) / sizes).astype(np.float32),
    )
    level = (lift - middles[:, 0] * right - middles[:, 1] * down).astype(np.float32)
    x, y = np.arange(s.width, dtype=np.float32)[None, :], np.arange(s.height, dtype=np.float32)[:, None]
    tone = right[label] * x + down[label] * y + level[label]
    pieces = warped(g.rgb, moved[0][label], moved[1][label])
    return np.clip(toned(pieces, np.clip(tone, -0.9, 0.9)[..., None]), 0, 1)


def analytical(s: Studio, g: Ground) -> Array:
    """Ochre and grey only; the object crystallises at the centre and dissolves at the edges."""
    angles = np.array([0.5, -0.5, 1.57, 1.1, -1.1]) + s.hand.slant * 0.3
    planes = shattered(s, g, 75, 0.05, 0.34, angles)
    tones = mix(s.palette["p0"], s.palette["p1"], np.clip(luma(planes) * 1.5 - 0.18, 0, 1)[..., None])
    tones = mix(tones, planes, 0.12)
    x, y = np.meshgrid(np.linspace(-1, 1, s.width), np.linspace(-1, 1, s.height))
    fade = np.clip(1.5 - 1.25 * np.hypot(x * 1.05, y), 0, 1).astype(np.float32)[..., None]
    image = mix(s.palette["p2"] * (1 + 0.05 * noise(s.rng, s.shape, 5)[..., None]), tones, 0.2 + 0.8 * fade)
    image = _armature(s, image, angles)
    touch = streaks(s.rng, np.round(noise(s.rng, s.shape, 8, 1)) * 0.7, 9)[..., None] * 0.022
    return canvas(s.rng, np.clip(image + touch, 0, 1), 0.03)


def _armature(s: Studio, image: Array, angles: Array) -> Array:
    """Broken black lines and arcs, and a white edge beside some."""
    r, paths, colours, widths = s.rng, [], [], []
    for _ in range(46):
        centre = r.normal((s.frame.w / 2, s.frame.h / 2), (0.22 * s.frame.w, 0.22 * s.frame.h))
        a, reach = float(r.choice(angles)), r.uniform(0.05, 0.2)
        step = reach * np.array([np.cos(a), np.sin(a)])
        path = np.stack([centre - step, centre + step])
        if r.random() < 0.25:
            start = r.uniform(0, 6)
            path = ellipse(centre[0], centre[1], reach * 0.6, reach * 0.6, start, start + r.uniform(1, 3))
        paths += [path * s.px, (path + 0.006) * s.px]
        colours += [s.palette["line"], toned(s.palette["p1"], np.float32(0.3))]
        widths += [r.uniform(0.6, 1.8), r.uniform(0.5, 1.4)]
    return lines(image, paths, np.array(colours), widths)


def cubist(s: Studio, g: Ground) -> Array:
    """Large, strongly coloured planes with hard edges."""
    angles = np.array([0.3, -0.7, 1.2, 1.57]) + s.hand.slant * 0.4
    planes = shattered(s, g, 34, 0.035, 0.42, angles)
    image = inked(planes, 0.8 * region_edges(g.region, 0.007 * s.px), s.palette["line"])
    touch = streaks(s.rng, np.round(noise(s.rng, s.shape, 5, 1)) * 0.8 + s.hand.slant, 16)[..., None] * 0.016
    return canvas(s.rng, np.clip(image + touch, 0, 1), 0.03)


def collage(s: Studio, g: Ground) -> Array:
    """Cut papers: newsprint, wood grain, wallpaper and flat tints, one for each shape."""
    r = s.rng
    image = g.rgb.copy()
    kinds = r.integers(0, 6, int(g.region.max()) + 1)
    kind_here = kinds[g.region]
    textures = [_newsprint(s), _woodgrain(s), _wallpaper(s)]
    for kind, texture in enumerate(textures):
        where = kind_here == kind
        piece, own = texture[where], g.rgb[where]
        image[where] = piece * (0.35 + 0.65 * own) if kind else mix(piece, own, 0.3)
    for _ in range(int(r.integers(3, 6))):
        w, h = r.uniform(0.12, 0.4, 2)
        scrap = turn(box(-w / 2, -h / 2, w / 2, h / 2), r.normal(0, 0.4), (0, 0)) + r.uniform(0.15, 0.85, 2) * (
            s.frame.w,
            s.frame.h,
        )
        sheet = textures[int(r.integers(3))] if r.random() < 0.6 else s.primed("paper")
        under = image.copy()
        put(image, s.px, s.palette["line"], scrap + 0.008, soft=0.004, alpha=0.3)
        put(image, s.px, 0.25 * s.pigment(int(r.integers(8))), scrap, sheet=0.75 * sheet)
        dark = luma(g.rgb) < 0.3
        image[dark] = under[dark]
    return canvas(r, inked(image, 0.9 * region_edges(g.region, 0.008 * s.px), s.palette["line"]), 0.015)


def _newsprint(s: Studio) -> Array:
    """Columns of unreadable news."""
    pitch = max(int(0.02 * s.px), 4)
    rows = np.arange(s.height)[:, None]
    text = apart(s.rng).random((s.height // pitch + 1, s.width // 3 + 1)) < 0.72
    ink = text[rows // pitch, (np.arange(s.width) // 3)[None, :]] & (rows % pitch < pitch * 0.45)
    column = (np.arange(s.width)[None, :] % int(0.24 * s.px)) > 0.02 * s.px
    return mix(s.palette["paper"], s.palette["line"], (0.75 * (ink & column)).astype(np.float32)[..., None])


def _woodgrain(s: Studio) -> Array:
    x = np.arange(s.width, dtype=np.float32)[None, :] / np.float32(s.px)
    rings = np.sin((x * 40 + 2.2 * noise(s.rng, s.shape, 2, 2)) + 3)
    return mix(s.palette["wood"], s.palette["gold"], (0.5 + 0.4 * rings).astype(np.float32)[..., None])


def _wallpaper(s: Studio) -> Array:
    stripe = np.abs((np.arange(s.width, dtype=np.float32) / s.px / 0.12) % 1 - 0.5) < 0.05
    spots = np.maximum(stamped_dots(s.shape, 0.06 * s.px, 0.22), stripe[None, :])
    return mix(s.pigment(1), s.pigment(2), spots[..., None])
