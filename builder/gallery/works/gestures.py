"""Abstract expressionism: the sweep of a broad brush."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from builder.gallery.brushes import apart, canvas, lines, noise
from builder.gallery.colour import toned
from builder.gallery.layin import put
from builder.gallery.shapes import blob, box, curve, turn
from builder.gallery.studio import Array, Studio


@dataclass
class Sweeps:
    """Sweeps of a house painter's brush, collected and then drawn at once, in order."""

    paths: list[Array] = field(default_factory=list)
    colours: list[Array] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)

    def add(self, s: Studio, path: Array, width: float, colour: Array, dry: float = 0.3) -> None:
        """One sweep along ``path``: a wet core, and bristles side by side, some running dry. Frame units."""
        r = apart(s.rng)
        along = np.gradient(path, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
        normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
        count = max(int(width * s.px / 2.4), 3)
        wet = max(int(len(path) * (1 - dry)), 3)
        self._line(path[1:wet] * s.px, colour, 0.8 * width * s.px)
        for t in r.permutation(np.linspace(-0.5, 0.5, count)):
            first, last = int(abs(r.normal(0, 1.2))), len(path) - int(abs(r.normal(0, dry * len(path) * 0.35)))
            if last - first < 3 or r.random() < dry * 0.15:
                continue
            shade = toned(colour, np.float32(np.clip(r.normal(0, 0.09), -0.3, 0.3)))
            self._line(
                (path + normal * (t * width + r.normal(0, 0.0015)))[first:last] * s.px, shade, r.uniform(2.4, 4.4)
            )

    def _line(self, path: Array, colour: Array, width: float) -> None:
        self.paths.append(path)
        self.colours.append(colour)
        self.widths.append(width)

    def on(self, image: Array) -> Array:
        return lines(image, self.paths, np.array(self.colours), self.widths)


def bars(s: Studio) -> Array:
    """Black girders on white."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    image = s.primed("paper") * (1 + 0.02 * noise(r, s.shape, 8)[..., None])
    sweeps = Sweeps()
    for k in range(int(r.integers(5, 9))):
        a = float(r.choice([0.0, np.pi / 2, 0.7, -0.6])) + r.normal(0, 0.14)
        x, y, reach = r.uniform(0.15, 0.85) * w, r.uniform(0.15, 0.85) * h, r.uniform(0.4, 0.9)
        ends = np.array([[-1, 0.0], [-0.3, r.normal(0, 0.06)], [0.4, r.normal(0, 0.06)], [1, 0.0]]) * reach
        path = turn(curve(ends, 26), a, (0, 0)) + (x, y)
        colour = s.palette["line"] if k % 4 != 3 else (s.palette["paper"] if r.random() < 0.7 else s.pigment(0))
        sweeps.add(s, path, r.uniform(0.06, 0.17) * s.hand.stroke, colour, 0.4)
    return canvas(r, sweeps.on(image), 0.03)


def brawl(s: Studio) -> Array:
    """Flesh, yellow and blue, put on and scraped off."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    image = s.primed("paper") * (1 + 0.05 * noise(r, s.shape, 4)[..., None])
    sweeps = Sweeps()
    for _ in range(26):
        x, y, size = r.uniform(0, w), r.uniform(0, h), r.uniform(0.12, 0.42)
        path = curve(r.normal((x, y), size * 0.6, (4, 2)), 24)
        sweeps.add(s, path, r.uniform(0.07, 0.2) * s.hand.stroke, s.pigment(int(r.integers(7))), 0.3)
    for _ in range(6):
        path = curve(r.normal((w / 2, h / 2), 0.3, (6, 2)), 50)
        sweeps.add(s, path, r.uniform(0.008, 0.022), s.palette["line"], 0.1)
    return canvas(r, sweeps.on(image), 0.03)


def elegy(s: Studio) -> Array:
    """Black ovals squeezed between black posts."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    image = s.primed("paper")
    for k in range(4):
        patch = box(w * k * 0.27 - 0.1, -0.1, w * (k * 0.27 + r.uniform(0.1, 0.3)), h * r.uniform(0.3, 1.1))
        put(image, s.px, s.pigment(k), patch, soft=0.006, alpha=0.7)
    x = r.uniform(0.0, 0.1) * w
    while x < w:
        wide = r.uniform(0.06, 0.17)
        post = curve([(x, -0.1), (x + r.normal(0, 0.02), h * 0.5), (x, h + 0.1)], 20)
        band = np.concatenate([post, post[::-1] + (wide, 0)]) + r.normal(0, 0.004, (40, 2))
        put(image, s.px, s.palette["line"], band)
        size = r.uniform(0.08, 0.17)
        egg = blob(r, x + wide + size * 0.9, h * r.uniform(0.3, 0.65), size, size * r.uniform(1.2, 2.0), 0.05)
        put(image, s.px, s.palette["line"], egg)
        x += wide + 2.0 * size
    return canvas(r, image * (1 + 0.03 * noise(r, s.shape, 25, 2)[..., None]), 0.03)


def thicket(s: Studio) -> Array:
    """A cloud of short, fast strokes, thinning to the edges."""
    r, w, h = s.rng, s.frame.w, s.frame.h
    image = s.primed("paper")
    cores = r.uniform(0.25, 0.75, (int(r.integers(1, 4)), 2)) * (w, h)
    sweeps = Sweeps()
    for k in range(70):
        x, y = r.normal(cores[k % len(cores)], (0.22 * w, 0.2 * h))
        a, reach = r.normal(s.hand.slant + np.pi / 2, 0.8), r.uniform(0.05, 0.2)
        tip = reach * np.array([np.cos(a), np.sin(a)])
        path = curve([(x, y) - tip, (x + r.normal(0, 0.04), y), (x, y) + tip], 12)
        sweeps.add(s, path, r.uniform(0.025, 0.08) * s.hand.stroke, s.pigment(int(r.integers(8))), 0.3)
    return canvas(r, sweeps.on(image), 0.03)
