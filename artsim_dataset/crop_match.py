"""Is one painting a part of another? Finds cropped, bordered, recoloured and mirrored copies from thumbnails alone.

A perceptual hash looks at the whole picture, so a crop of 85 % of each side is 20 bits away: a stranger. Here the
whole of one thumbnail is laid on a part of the other. Two steps: *candidates* compares every painting with 19 crops of
every other (64 numbers each, matrix products), *scores* then fits the crop of each candidate pair in sub-pixel steps
and correlates the detail.

What counts as detail was chosen by measurement. Plain pixels of different paintings correlate at 0.97; less the mean
around each, 0.80; also divided by the contrast around each, 0.60. Less the mean of each row and column, two seascapes
with the same horizon fall from 0.80 to 0.35. None of it changes with colour, gamma or brightness.

Thumbnails are grey, THUMB x THUMB, the content squashed to a square, so the two sides of a crop are fitted apart.
Boxes are (left, right, top, bottom) in thumbnail pixels.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import numpy as np

from artsim_dataset import near_vectors

THUMB = 32
Look = Callable[[np.ndarray, np.ndarray, int], np.ndarray]

SAME = 0.75
"""Score from which two paintings are one. Of the candidate pairs among 1,009 real paintings the best scores 0.62, apart
from a catalogue page with its painting at 0.94; of 2,600 planted copies (crops of 70 to 95 %, borders, frames, other
colours, mirrored) 99.8 % score more than 0.75. `benchmarks/duplicates.py` measures both."""

TOP = 5
"""Candidates of each painting, by each of the two ways to look."""

EXACT = 4096
"""Paintings up to which each is compared with every other; of more, only those in near cells (`near_vectors`)."""

_PLAUSIBLE = 0.5
_EQUAL = 2
"""Grey levels on average."""

_COARSE, _LOOK, _FINE = 8, 12, 16
_SMALLEST = 0.6 * THUMB
_STEPS = ((1.0, 0.45), (0.5, 0.7), (0.25, 0.0))
"""Steps of the fit in pixels, and the score below which a pair is given up after that step."""
_GIVE_UP = 0.35
_MOVES = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 1, 0, 0], [0, 0, 1, 1], [1, -1, 1, -1]])
_BLOCK, _TILE = 512, 2048


def _grid(*scales: tuple[float, int]) -> np.ndarray:
    """The whole square, and for each (scale, n) n x n evenly placed squares of that scale."""
    boxes = [(0.0, float(THUMB), 0.0, float(THUMB))]
    for scale, count in scales:
        starts = np.linspace(0, (1 - scale) * THUMB, count)
        boxes += [(x, x + scale * THUMB, y, y + scale * THUMB) for x in starts for y in starts]
    return np.array(boxes, np.float32)


_COARSE_BOXES = _grid((0.86, 3), (0.72, 3))
_LOOK_BOXES = _grid((0.92, 2), (0.84, 3), (0.76, 4), (0.70, 4))


def candidates(thumbs: np.ndarray, vectors: np.ndarray | None = None, top: int = TOP) -> np.ndarray:
    """Pairs that are worth a closer look: shape (n, 2), int64, first < second, sorted.

    Args:
        thumbs: shape (paintings, THUMB, THUMB).
        vectors: any descriptor that hardly depends on the crop, shape (paintings, dims); compared by cosine.
        top: neighbours of each painting, by thumbnails and by vectors.

    Thumbnails are looked at twice: their detail finds framed and bordered copies among strangers, their plain pixels
    the tightest crops. Up to EXACT paintings, every one is compared with every other. Of more, an index finds the
    nearest, the same whatever the order of rows; it compares each painting with every cell, and cells grow with n.
    """
    if len(thumbs) > EXACT:
        return _indexed(np.asarray(thumbs), None if vectors is None else np.asarray(vectors), top)
    plain = np.asarray(thumbs).astype(np.float32)
    found = [_nearest(_wholes(plain, look), _parts(plain, look), top) for look in (_cut, _detail)]
    if vectors is not None:
        unit = _directions(vectors)
        found.append(_nearest(unit[None], unit[None], top))
    return _pairs(found, len(plain))


def _indexed(thumbs: np.ndarray, vectors: np.ndarray | None, top: int) -> np.ndarray:
    """As :func:`candidates`, of which some are missed where a painting's part falls into a cell far from its whole.

    Both arguments may be files mapped into memory: they are read a block at a time.
    """
    order = np.argsort(_content(thumbs, vectors), kind="stable")

    def blocks(look: Callable[[np.ndarray], np.ndarray]) -> near_vectors.Keys:
        def keys(first: int, last: int) -> np.ndarray:
            block = thumbs[order[first:last]].astype(np.float32)
            return near_vectors.whole_numbers(look(block).transpose(1, 0, 2))

        return keys

    def looks() -> Iterator[np.ndarray]:
        for look in (_cut, _detail):
            wholes, parts = blocks(partial(_wholes, look=look)), blocks(partial(_parts, look=look))
            queries = np.empty((2, len(order), _COARSE**2), np.int8)
            for first in range(0, len(order), _TILE):
                queries[:, first : first + _TILE] = wholes(first, first + _TILE).transpose(1, 0, 2)
            yield order[np.stack(near_vectors.nearest(queries, parts, top), axis=1)]
        if vectors is not None:
            whole = np.empty((len(order), vectors.shape[1]), np.int8)
            for first in range(0, len(order), _TILE):
                whole[first : first + _TILE] = near_vectors.whole_numbers(
                    _directions(vectors[order[first : first + _TILE]])
                )
            pairs = near_vectors.nearest(whole[None], lambda first, last: whole[first:last, None], top)
            yield order[np.stack(pairs, axis=1)]

    return _pairs(looks(), len(order))


def _pairs(found: Iterable[np.ndarray], count: int) -> np.ndarray:
    """Each pair once, the smaller number first, in order. One number a pair takes less memory to sort."""
    numbers = [pairs.min(axis=1) * count + pairs.max(axis=1) for pairs in found]
    return np.stack(np.divmod(np.unique(np.concatenate(numbers)), max(1, count)), axis=1)


def _directions(vectors: np.ndarray) -> np.ndarray:
    unit = np.asarray(vectors, np.float32)
    return unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-9)


def _content(thumbs: np.ndarray, vectors: np.ndarray | None) -> np.ndarray:
    """A number for each painting that follows from its pixels and vector alone, uint64: an order that rows cannot have.

    Only what is the same in both can have one number, and then it does not matter which comes first.
    """
    mixed = np.zeros(len(thumbs), np.uint64)
    for first in range(0, len(thumbs), _TILE):
        block = mixed[first : first + _TILE]
        parts = [np.ascontiguousarray(thumbs[first : first + _TILE], np.uint8).reshape(len(block), -1).view(np.uint32)]
        parts += [] if vectors is None else [_directions(vectors[first : first + _TILE]).view(np.uint32)]
        for column in (column for part in parts for column in part.T):
            block[:] = (block ^ column) * np.uint64(0x9E3779B97F4A7C15)
            block ^= block >> np.uint64(29)
    return mixed


def _wholes(thumbs: np.ndarray, look: Look) -> np.ndarray:
    """The whole picture as it is and mirrored, shape (2, n, 64)."""
    return np.stack([_unit(look(view, _COARSE_BOXES[:1], _COARSE)) for view in (thumbs, thumbs[:, :, ::-1])])


def _parts(thumbs: np.ndarray, look: Look) -> np.ndarray:
    """Parts of the picture, shape (boxes, n, 64)."""
    return np.stack([_unit(look(thumbs, box[None], _COARSE)) for box in _COARSE_BOXES])


def _nearest(queries: np.ndarray, keys: np.ndarray, top: int) -> np.ndarray:
    """Pairs (i, j) of each i with the ``top`` others that any of its queries is nearest to any of their keys."""
    count = keys.shape[1]
    top = min(top, count - 1)
    pairs = [np.empty((0, 2), np.int64)]
    for start in range(0, count if top > 0 else 0, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, count))
        best = np.full((len(rows), count), -2, np.float32)
        for left in range(0, count, _TILE):
            _highest(best[:, left : left + _TILE], queries[:, start : start + _BLOCK], keys[:, left : left + _TILE])
        best[rows - start, rows] = -3
        near = np.argpartition(-best, top - 1, axis=1)[:, :top]
        pairs.append(np.stack([np.repeat(rows, top), near.ravel()], axis=1))
    return np.concatenate(pairs)


def _highest(best: np.ndarray, queries: np.ndarray, keys: np.ndarray) -> None:
    """Sets ``best`` to the highest cosine of any query with any key. The tile stays in the processor's cache."""
    product = np.empty(best.shape, np.float32)
    highest = np.full(best.shape, -2, np.float32)  # contiguous, as a slice of the row block is not
    for query in queries:
        for key in keys:
            np.matmul(query, key.T, out=product)
            np.maximum(highest, product, out=highest)
    best[:] = highest


def scores(thumbs: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """How well one of each pair fits on a part of the other, mirrored or not: about 0 to 1, float32.

    The best correlation of detail over the boxes tried; for pairs that are given up early, a lower bound.

    Args:
        thumbs: shape (paintings, THUMB, THUMB).
        pairs: shape (n, 2), indices.
    """
    result = np.empty(len(pairs), np.float32)

    def block(start: int) -> None:
        rows, places = np.unique(pairs[start : start + _BLOCK], return_inverse=True)
        squares = np.asarray(thumbs[rows], np.float32)
        first, second = places.reshape(-1, 2).T
        # A crop of nearly all looks the same both ways at first; only the fit shows which of the two is the part.
        both = _fit(*_place(squares, first, second)), _fit(*_place(squares, second, first))
        result[start : start + _BLOCK] = np.maximum(*both)

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # NumPy lets go of the interpreter while it counts
        for _ in pool.map(block, range(0, len(pairs), _BLOCK)):
            pass
    return result


def alike(thumbs: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Whether the whole pictures of each pair could be one, turned or mirrored in any of the eight ways: bool.

    Confirms what a hash of 64 bits only suggests. Pictures without detail must be equal, or nearly so.
    """
    result = np.zeros(len(pairs), bool)
    for start in range(0, len(pairs), _BLOCK):
        first, second = (np.asarray(thumbs[column], np.float32) for column in pairs[start : start + _BLOCK].T)
        there = _unit(_detail(second, _LOOK_BOXES[:1], _FINE))
        for view in _dihedral(first):
            score = np.einsum("ij,ij->i", _unit(_detail(view, _LOOK_BOXES[:1], _FINE)), there)
            equal = np.abs(view - second).mean(axis=(1, 2)) <= _EQUAL
            result[start : start + _BLOCK] |= (score >= _PLAUSIBLE) | equal
    return result


def _dihedral(pictures: np.ndarray) -> list[np.ndarray]:
    sides = (pictures, pictures.transpose(0, 2, 1))
    return [side[:, ::down, ::across] for side in sides for down in (1, -1) for across in (1, -1)]


def _place(
    squares: np.ndarray, above: np.ndarray, below: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Where the first lies on the second, roughly: (first, mirrored where that fits better; second; box; score).

    ``above`` and ``below`` number ``squares``; one that is in many pairs is looked at once.
    """
    score = np.full(len(above), -2, np.float32)
    box = np.empty((len(above), 4), np.float32)
    part = np.empty((len(above), *squares.shape[1:]), np.float32)
    uppers, upper = np.unique(above, return_inverse=True)
    lowers, lower = np.unique(below, return_inverse=True)
    views = [squares[uppers], squares[uppers][:, :, ::-1]]
    looks = [_unit(_detail(view, _LOOK_BOXES[:1], _LOOK))[upper] for view in views]
    for place in _LOOK_BOXES:
        there = _unit(_detail(squares[lowers], place[None], _LOOK))[lower]
        for view, look in zip(views, looks, strict=True):
            found = np.einsum("ij,ij->i", look, there)
            better = found > score
            score[better], box[better], part[better] = found[better], place, view[upper[better]]
    return part, squares[below], box, score


def _fit(part: np.ndarray, whole: np.ndarray, box: np.ndarray, rough: np.ndarray) -> np.ndarray:
    """Climbs from the rough place to the best box, giving up on the hopeless."""
    result = rough.copy()
    alive = np.flatnonzero(rough >= _GIVE_UP)
    for step, enough in _STEPS:
        look = _unit(_detail(part[alive], _LOOK_BOXES[:1], _FINE))
        score, box[alive] = _climb(look, whole[alive], box[alive], step)
        result[alive] = score
        alive = alive[score >= enough]
    return result


def _climb(look: np.ndarray, whole: np.ndarray, box: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Moves edges by ``step`` pixels, twice round, as long as the correlation grows."""
    box = box.copy()
    score = _correlation(look, whole, box)
    for move in [sign * step * move for _ in range(2) for move in _MOVES for sign in (1, -1)]:
        moved = np.clip(box + move, 0, THUMB).astype(np.float32)
        open_ = np.flatnonzero((moved[:, 1] - moved[:, 0] >= _SMALLEST) & (moved[:, 3] - moved[:, 2] >= _SMALLEST))
        found = _correlation(look[open_], whole[open_], moved[open_])
        better = found > score[open_]
        score[open_[better]], box[open_[better]] = found[better], moved[open_[better]]
    return score, box


def _correlation(look: np.ndarray, whole: np.ndarray, box: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", look, _unit(_detail(whole, box, _FINE)))


def _means(low: np.ndarray, high: np.ndarray, bins: int) -> np.ndarray:
    """Weights that average THUMB pixels into ``bins`` equal parts of [low, high): shape (n, bins, THUMB)."""
    edges = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, bins + 1, dtype=np.float32)
    pixel = np.arange(THUMB, dtype=np.float32)
    cover = np.minimum(edges[:, 1:, None], pixel + 1) - np.maximum(edges[:, :-1, None], pixel)
    cover = np.maximum(cover, 0)
    return cover / cover.sum(2, keepdims=True)


def _cut(thumbs: np.ndarray, box: np.ndarray, bins: int) -> np.ndarray:
    """The box of each thumbnail (or one box for all) as bins x bins means."""
    down, across = _means(box[:, 2], box[:, 3], bins), _means(box[:, 0], box[:, 1], bins)
    return down @ thumbs @ across.transpose(0, 2, 1)


def _detail(thumbs: np.ndarray, box: np.ndarray, bins: int) -> np.ndarray:
    """The same, less the mean around each bin, over the contrast around it, less the mean of its row and column."""
    means = _cut(thumbs, box, bins)
    smooth = _smoother(bins)
    detail = means - smooth @ means @ smooth.T
    detail /= np.sqrt(smooth @ (detail * detail) @ smooth.T) + 1  # in grey levels: below 1 it is noise
    detail -= detail.mean(axis=2, keepdims=True)
    return detail - detail.mean(axis=1, keepdims=True)


@cache
def _smoother(bins: int) -> np.ndarray:
    """The mean of three neighbours along a line, its ends repeated; shape (bins, bins)."""
    line = np.arange(bins)
    weights = np.zeros((bins, bins), np.float32)
    for shift in (-1, 0, 1):
        np.add.at(weights, (line, np.clip(line + shift, 0, bins - 1)), np.float32(1 / 3))
    return weights


def _unit(pictures: np.ndarray) -> np.ndarray:
    """Rows of zero mean and length one; of a flat picture, zeros."""
    flat = pictures.reshape(len(pictures), pictures.shape[1] * pictures.shape[2])
    flat = flat - flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-2)
