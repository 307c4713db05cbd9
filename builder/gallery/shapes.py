"""Geometry of a picture before any paint: polygons in frame units, each with the role it plays.

A scene is a list of shapes, back to front. A shape says what it is ("sky", "cloth", "leaf"), never its colour: the
palette answers that, so one harbour serves the Fauve and the woodblock printer alike. The shorter side of a frame
is 1, x runs right and y runs down, so circles stay round in every format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

Points = np.ndarray
"""A polygon or a path: float, shape (n, 2), frame units."""

Rng = np.random.Generator

Volume = Literal["flat", "round", "tube", "folds", "plane"]


@dataclass(frozen=True)
class Frame:
    """The format of a picture; the shorter of the two sides is 1."""

    w: float
    h: float


@dataclass(frozen=True, eq=False)
class Shape:
    """Polygons painted as one mass.

    ``to`` is a second role reached at the bottom (a sky that pales). ``tone`` lightens (to 1) or darkens (to -1).
    ``depth`` runs from 0 (near) to 1 (lost in haze), ``grain`` is the direction of the brush in radians, ``soft``
    the blur of the edge in frame units. Manners that draw contours skip shapes with ``line=False``.
    """

    role: str
    parts: tuple[Points, ...]
    to: str = ""
    tone: float = 0.0
    volume: Volume = "flat"
    depth: float = 0.0
    grain: float | None = None
    alpha: float = 1.0
    soft: float = 0.0
    line: bool = True


Shapes = list[Shape]


def mass(
    role: str,
    *parts: Points,
    to: str = "",
    tone: float = 0.0,
    volume: Volume = "flat",
    depth: float = 0.0,
    grain: float | None = None,
    alpha: float = 1.0,
    soft: float = 0.0,
    line: bool = True,
) -> Shape:
    """A :class:`Shape` of any number of polygons."""
    return Shape(role, parts, to, tone, volume, depth, grain, alpha, soft, line)


@lru_cache(maxsize=4096)
def _drawn(text: str) -> Points:
    return np.array([[float(n) for n in pair.split(",")] for pair in text.split()])


def sketch(text: str, x: float = 0.0, y: float = 0.0, sx: float = 1.0, sy: float | None = None) -> Points:
    """Points written as ``"x,y x,y ..."``, drawn ``sx`` (by ``sy``) large at (x, y).

    >>> sketch("0,0 1,-2", 5, 5, 10).tolist()
    [[5.0, 5.0], [15.0, -15.0]]
    """
    return _drawn(text) * (sx, sx if sy is None else sy) + (x, y)


def one_of(rng: Rng, words: str) -> str:
    """One of the words, by chance."""
    options = words.split()
    return options[int(rng.integers(len(options)))]


def poly(*points: tuple[float, float]) -> Points:
    return np.array(points, dtype=float)


def box(x0: float, y0: float, x1: float, y1: float) -> Points:
    return poly((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def ellipse(
    x: float, y: float, rx: float, ry: float, start: float = 0.0, end: float = 2 * np.pi, tilt: float = 0.0
) -> Points:
    """An ellipse, or the part of it from angle ``start`` to ``end``, turned by ``tilt``."""
    a = np.linspace(start, end, 36)
    return turn(np.stack([x + rx * np.cos(a), y + ry * np.sin(a)], axis=1), tilt, (x, y))


def turn(points: Points, angle: float, about: tuple[float, float]) -> Points:
    c, s = np.cos(angle), np.sin(angle)
    return (points - about) @ np.array([[c, s], [-s, c]]) + about


def blob(rng: Rng, x: float, y: float, rx: float, ry: float, wobble: float = 0.15) -> Points:
    """A closed, wavy outline around an ellipse."""
    a = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    waves = sum(rng.normal() / k * np.cos(k * a + rng.uniform(0, 2 * np.pi)) for k in range(2, 8))
    r = 1 + wobble * waves
    return np.stack([x + rx * r * np.cos(a), y + ry * r * np.sin(a)], axis=1)


def curve(points: Sequence[tuple[float, float]] | Points, n: int = 24) -> Points:
    """A smooth path through the points (Catmull-Rom)."""
    p = np.asarray(points, dtype=float)
    p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.linspace(0, len(p) - 3, n)
    i = np.minimum(t.astype(int), len(p) - 4)
    u = (t - i)[:, None]
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    return 0.5 * (2 * b + (c - a) * u + (2 * a - 5 * b + 4 * c - d) * u**2 + (3 * b - a - 3 * c + d) * u**3)


def ribbon(points: Sequence[tuple[float, float]] | Points, start: float, end: float, n: int = 20) -> Points:
    """A smooth band along the points, ``start`` wide at the first and ``end`` wide at the last."""
    path = curve(points, n)
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    half = np.linspace(start, end, n)[:, None] / 2
    return np.concatenate([path + normal * half, (path - normal * half)[::-1]])


def contour(rng: Rng, width: float, y: float, rough: float, waves: int = 7) -> Points:
    """A horizon line from left to right: a sum of waves, ``rough`` high at most (about)."""
    x = np.linspace(-0.02, width + 0.02, 80)
    line = sum(rng.normal() / k * np.sin(k * x / width * np.pi + rng.uniform(0, 7)) for k in range(1, waves + 1))
    return np.stack([x, y - rough * 0.6 * line], axis=1)


def below(line: Points, bottom: float) -> Points:
    """The mass between a line and the bottom."""
    return np.concatenate([line, poly((line[-1, 0], bottom), (line[0, 0], bottom))])


def peaks(rng: Rng, width: float, y: float, height: float, count: int) -> Points:
    """A jagged mountain line."""
    x = np.sort(np.concatenate([[-0.1, width + 0.1], rng.uniform(0, width, 2 * count - 1)]))
    up = np.where(np.arange(len(x)) % 2 == 1, rng.uniform(0.55, 1, len(x)), rng.uniform(0, 0.35, len(x)))
    xs = np.linspace(x[0], x[-1], 90)
    return np.stack([xs, y - height * np.interp(xs, x, up) + rng.normal(0, height * 0.02, 90)], axis=1)


def arch(x0: float, top: float, x1: float, bottom: float) -> Points:
    """A round-headed opening."""
    r = (x1 - x0) / 2
    return np.concatenate([ellipse((x0 + x1) / 2, top + r, r, r, np.pi, 2 * np.pi), poly((x1, bottom), (x0, bottom))])


def star(x: float, y: float, outer: float, inner: float, points: int, tilt: float = 0.0) -> Points:
    a = np.arange(2 * points) * np.pi / points + tilt
    r = np.where(np.arange(2 * points) % 2 == 0, outer, inner)
    return np.stack([x + r * np.cos(a), y + r * np.sin(a)], axis=1)


def seen_from(shapes: Shapes, f: Frame, rng: Rng) -> Shapes:
    """The same scene from where this painter set up the easel: mirrored or not, from nearer, a little to one side."""
    closer = rng.uniform(1.0, 1.35)
    fixed = np.array([rng.uniform(0.1, 0.9) * f.w, rng.uniform(0.05, 0.6) * f.h])
    flip = rng.random() < 0.5

    def moved(points: Points) -> Points:
        points = points * (-1, 1) + (f.w, 0) if flip else points
        return (points - fixed) * closer + fixed

    return [replace(s, parts=tuple(moved(p) for p in s.parts)) for s in shapes]


def everything(f: Frame) -> Points:
    return box(-0.02, -0.02, f.w + 0.02, f.h + 0.02)
