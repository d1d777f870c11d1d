"""Tiles of a shape: the outline of what is drawn for cells, and which of them adjoin each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from renderer.scene.sprites import JOINED_BELOW, JOINED_BELOW_RIGHT, JOINED_RIGHT, Outline
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
