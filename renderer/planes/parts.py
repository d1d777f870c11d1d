"""Where pictures and their parts lie in a frame."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float64Array, Int64Array
from renderer.canvas import Canvas
from renderer.compositor import Group
from renderer.kernels.drawing import Box
from renderer.kernels.planar import FORWARD_BELOW, FORWARD_RIGHT, FULL
from renderer.scene import (
    JOINED_BELOW,
    JOINED_BELOW_RIGHT,
    JOINED_RIGHT,
    TONE_FULL_BELOW,
    TONE_NONE_ABOVE,
    Rest,
    Sprites,
)
from renderer.scene.views import Viewport, bounds_of

Parts = tuple[Float64Array, npt.NDArray[np.int32]]
"""Edges (N, 4) and styles (N, 2), as `PlanarPictures` describes them."""

NO_PARTS: Final[Parts] = (np.empty((0, 4)), np.empty((0, 2), np.int32))


_MARGIN: Final = 3.0  # pixels around sprites that smooth edges, and hexagons that overlap others, may touch


def split_detail(detail: Float64Array) -> tuple[Int64Array, Int64Array]:
    """Return mip levels and the weights 0…256 of the next coarser ones."""
    level = np.floor(detail)
    blend = np.rint((detail - level) * 256)
    return (level + (blend == 256)).astype(np.int64), np.where(blend == 256, 0, blend).astype(np.int64)


def edges_of(sprites: Sprites, view: Viewport) -> Float64Array:
    """Return left, top, right and bottom of upright sprites in pixels, (N, 4)."""
    half = (np.abs(sprites.right) + np.abs(sprites.down)) * view[0]
    middle = sprites.centre * view[0] + (view[2], view[5])
    return np.concatenate([middle - half, middle + half], 1)


def styles_of(sprites: Sprites) -> npt.NDArray[np.int32]:
    """Return the styles of sprites without tone."""
    forward = np.where(sprites.joined & JOINED_RIGHT, FORWARD_RIGHT, 0)
    forward |= np.where(sprites.joined & JOINED_BELOW, FORWARD_BELOW, 0)
    return np.stack([np.zeros_like(forward), forward], 1).astype(np.int32)


def rows_of(group: Group, height: int) -> tuple[int, int]:
    """Return the range of even rows that a group of sprites may touch; (0, 0) if none."""
    sprites, view, _ = group
    if not len(sprites):
        return 0, 0
    low, high = bounds_of(sprites, view)
    rows = np.stack([low[:, 1] - _MARGIN, high[:, 1] + _MARGIN])
    rows = np.clip(rows[:, np.isfinite(rows).all(axis=0)], 0, height)  # what is not finite is not drawn
    return (int(rows.min()) // 2 * 2, math.ceil(rows.max() / 2) * 2) if rows.size else (0, 0)


def tone_shares(canvas: Canvas, view: Viewport) -> npt.NDArray[np.int32]:
    """Return the share of the tone, 0…256, of each size of tiles."""
    if not canvas.has_tone:
        return np.zeros(len(canvas.sizes), np.int32)
    x = np.clip((TONE_NONE_ABOVE - canvas.sizes * view[0]) / (TONE_NONE_ABOVE - TONE_FULL_BELOW), 0.0, 1.0)
    return np.rint(x * x * (3 - 2 * x) * 256).astype(np.int32)


def shows_all(canvas: Canvas, sprites: Sprites, view: Viewport, size: tuple[int, int]) -> bool:
    """Return whether resting sprites include all tiles of a canvas that are visible in a frame of a size."""
    assert sprites.rest is not None
    return canvas.includes(sprites.rest.which, -view[5] / view[0], (size[1] - view[5]) / view[0])


def split_hexagons(canvas: Canvas, sprites: Sprites) -> tuple[Sprites, Sprites]:
    """Return the resting hexagons that can be cut out of a canvas, and those to draw over them as sprites.

    In the rectangle around a hexagon there are parts of its neighbours above and below, so that these must rest too,
    and those beside it, with which it has pixels in common.
    """
    assert sprites.rest is not None
    which = np.arange(len(canvas.boxes))[sprites.rest.which]
    rests, over = np.zeros((2, len(canvas.boxes) + 1), bool)
    rests[which] = True
    inside: npt.NDArray[np.bool_] = np.asarray(rests[canvas.neighbours[which]].all(axis=1))
    over[which] = ~inside
    some, others = sprites.take(inside), sprites.take(~inside)
    # Over the canvas, edges are smooth: only neighbours that are drawn over it too are adjoined.
    right, below, below_right = over[canvas.neighbours[which[~inside]][:, [1, 4, 5]]].T
    joined = others.joined & (right * JOINED_RIGHT | below * JOINED_BELOW | below_right * JOINED_BELOW_RIGHT)
    others = replace(others, joined=joined.astype(np.uint8))
    return some.resting(Rest(sprites.rest.whole, which[inside], areas=sprites.rest.areas)), others


def parts_of(canvas: Canvas, sprites: Sprites, view: Viewport, size: tuple[int, int]) -> Parts:
    """Return the edges and styles of the parts of a canvas that show some of its tiles, in a frame of a size."""
    assert sprites.rest is not None
    which = sprites.rest.which
    shares = tone_shares(canvas, view)
    if (shares == shares[0]).all() and shows_all(canvas, sprites, view, size):
        corners = np.array([[canvas.left, canvas.top], [canvas.right, canvas.bottom]]) * view[0] + (view[2], view[5])
        style = FULL if canvas.has_gaps else 0  # edges are then in the alpha of the canvas
        return corners.reshape(1, 4), np.array([[shares[0], style]], np.int32)
    joined = np.full(len(canvas.boxes), -1)  # of tiles that are not shown
    joined[which] = sprites.joined
    seen = canvas.seen(view, size)
    some = seen[joined[seen] >= 0]
    if not len(some):
        return NO_PARTS
    left, top, right, bottom = canvas.areas[some].T
    share, joined = shares[canvas.size_of[some]], joined[some]
    below = joined & JOINED_BELOW
    starts = np.ones(len(some), bool)
    starts[1:] = (
        (top[1:] != top[:-1])
        | (bottom[1:] != bottom[:-1])
        | (np.abs(left[1:] - right[:-1]) > 1e-9)
        | (share[1:] != share[:-1])
        | (below[1:] != below[:-1])
    )
    first = np.flatnonzero(starts)
    last = np.append(first[1:], len(some)) - 1
    corners = np.stack([left[first], top[first], right[last], bottom[first]], 1)
    forward = np.where(joined[last] & JOINED_RIGHT, FORWARD_RIGHT, 0) | np.where(below[first], FORWARD_BELOW, 0)
    if canvas.tiles.outline.kind == "hexagon":  # as `split_hexagons` returns them: what is around them is drawn later
        forward[:] = FULL
    edges = corners * view[0] + (view[2], view[5], view[2], view[5])
    return edges, np.stack([share[first], forward], 1).astype(np.int32)


def around(hidden: Box, whole: Box) -> list[Box]:
    """Return the parts of a rectangle outside a hidden box, at even pixels."""
    left, top, right, bottom = whole
    # Chroma is a mean that includes a column on either side, and a row.
    inner_left, inner_top = max(hidden[0] + hidden[0] % 2 + 2, left), max(hidden[1] + hidden[1] % 2, top)
    inner_right, inner_bottom = min(hidden[2] // 2 * 2 - 2, right), min(hidden[3] // 2 * 2, bottom)
    if hidden[0] <= 0:
        inner_left = left
    if hidden[2] >= right:
        inner_right = right
    if inner_left >= inner_right or inner_top >= inner_bottom:
        return [whole]
    parts = (
        (left, top, right, inner_top), (left, inner_bottom, right, bottom),
        (left, inner_top, inner_left, inner_bottom), (inner_right, inner_top, right, inner_bottom),
    )  # fmt: skip
    return [part for part in parts if part[0] < part[2] and part[1] < part[3]]


def split(clip: Box, solid: Box) -> list[tuple[Box, bool]]:
    """Return the parts of a rectangle outside of a solid box, and inside of it (True); all at even pixels."""
    left, top = max(clip[0], solid[0]), max(clip[1], solid[1])
    right, bottom = min(clip[2], solid[2]), min(clip[3], solid[3])
    if left >= right or top >= bottom:
        return [(clip, False)]
    parts = (
        ((clip[0], clip[1], clip[2], top), False), ((clip[0], bottom, clip[2], clip[3]), False),
        ((clip[0], top, left, bottom), False), ((right, top, clip[2], bottom), False),
        ((left, top, right, bottom), True),
    )  # fmt: skip
    return [(part, inside) for part, inside in parts if part[0] < part[2] and part[1] < part[3]]
