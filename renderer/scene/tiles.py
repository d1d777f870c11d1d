"""Tiles of a shape: the outline of what is drawn for cells, which of them adjoin each other, and parts of a mosaic."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from renderer.scene.sprites import JOINED_BELOW, JOINED_BELOW_RIGHT, JOINED_RIGHT, Outline, Sprites
from renderer.shapes import TileShape

if TYPE_CHECKING:
    import numpy.typing as npt

    from renderer.arrays import Float64Array, Int64Array
    from renderer.placement import PlacementMap

Bounds = tuple[float, float, float, float]
"""Left, top, right and bottom in mosaic units."""


def outline_of(shape: TileShape) -> Outline:
    """Return the outline of the tiles of a shape."""
    if shape.kind == "hexagon":
        return Outline("hexagon", border=shape.border, border_colour=shape.border_colour)
    return Outline(radius=shape.corner_radius, border=shape.border, border_colour=shape.border_colour)


def joined_sides(cells: Float64Array, pairs: Int64Array, shape: TileShape) -> npt.NDArray[np.uint8]:
    """Return for pairs (M, 2) of neighbouring cells the side on which the first tile adjoins the second, or 0."""
    if shape.gap > 0:
        return np.zeros(len(pairs), np.uint8)
    x, y, width, height = cells[pairs].transpose(2, 0, 1)
    level = np.abs(x[:, 0] + width[:, 0] - x[:, 1]) < 1e-6
    below: npt.NDArray[np.int64] | int = JOINED_BELOW
    if shape.kind == "hexagon":
        level &= np.abs(y[:, 0] - y[:, 1]) < 1e-6 * height[:, 0]
        below = np.where(x[:, 1] + width[:, 1] / 2 < x[:, 0] + width[:, 0] / 2, JOINED_BELOW, JOINED_BELOW_RIGHT)
    return np.where(level, JOINED_RIGHT, below).astype(np.uint8)


def masked_box(placement: PlacementMap) -> Bounds | None:
    """Return the box around the tiles of a map whose mask leaves out cells; None for a map with all cells."""
    if not placement.is_masked:
        return None
    boxes = placement.shape.tile_boxes(placement.cell)
    left, top = boxes[:, :2].min(axis=0).tolist()
    right, bottom = (boxes[:, :2] + boxes[:, 2:]).max(axis=0).tolist()
    return left, top, right, bottom


def part_of(tiles: Sprites, box: Bounds) -> list[Sprites]:
    """Return the part of resting tiles inside a box, as groups in painter's order.

    Tiles on its edge are cut there; their outline becomes as narrow as what is left of them. The others still rest.
    """
    half = np.abs(tiles.right) + np.abs(tiles.down)
    low, high = tiles.centre - half, tiles.centre + half
    start, end = np.maximum(low, box[:2]), np.minimum(high, box[2:])
    visible = (end - start > 1e-9).all(axis=1)
    before, after = (
        (low < start - 1e-9),
        (high > end + 1e-9),
    )  # (N, 2)
    joined = tiles.joined.copy()
    beside = JOINED_RIGHT, JOINED_BELOW | JOINED_BELOW_RIGHT
    for axis, bits in enumerate(beside):  # to nothing outside
        joined[high[:, axis] >= box[2 + axis] - 1e-9] &= np.uint8(~bits & 0xFF)
    # The shares of each tile that are left, along its own axes.
    shares = np.stack([start - low, end - low], 2) / (2 * half[..., np.newaxis])  # (N, 2 axes, 2 ends)
    turned = np.abs(tiles.right[:, :1]) < np.abs(tiles.right[:, 1:])
    along = np.where(turned[..., np.newaxis], shares[:, ::-1], shares)
    backwards = np.stack([tiles.right.sum(axis=1), tiles.down.sum(axis=1)], 1) < 0
    along = np.where(backwards[..., np.newaxis], 1 - along[..., ::-1], along)
    corner, size = tiles.window[:, :2], tiles.window[:, 2:] - tiles.window[:, :2]
    factor = along[..., 1] - along[..., 0]
    cut = replace(
        tiles,
        centre=0.5 * (start + end),
        right=tiles.right * factor[:, :1],
        down=tiles.down * factor[:, 1:],
        window=np.concatenate([corner + size * along[..., 0], corner + size * along[..., 1]], 1),
        joined=joined,
    )
    first, last = visible & before.any(axis=1), visible & ~before.any(axis=1) & after.any(axis=1)
    inside = visible & ~first & ~last
    resting = replace(tiles, joined=joined).take(inside)
    if tiles.rest is not None:
        resting = resting.resting(tiles.rest.take(inside))
    # So that no seams are visible between them, tiles are drawn before those on their right and below.
    return [part for part in (cut.take(first), resting, cut.take(last)) if len(part)]
