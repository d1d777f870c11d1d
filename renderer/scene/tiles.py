"""Tiles of a shape: the outline of what is drawn for cells, and which of them adjoin each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from renderer.scene.sprites import JOINED_BELOW, JOINED_BELOW_RIGHT, JOINED_RIGHT, Outline
from renderer.shapes import HEXAGON_HEIGHT, TileShape

if TYPE_CHECKING:
    import numpy.typing as npt

    from renderer.arrays import Float64Array, Int64Array
    from renderer.placement import PlacementMap

Box = tuple[float, float, float, float]
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


def overhang(cells: Float64Array, shape: TileShape) -> float:
    """Return by how many units tiles reach above or below their cells."""
    if shape.kind != "hexagon":
        return 0.0
    return max((HEXAGON_HEIGHT * (1 - shape.gap) - 1) / 2, 0.0) * float(cells[:, 3].max(initial=0.0))


def masked_box(placement: PlacementMap) -> Box | None:
    """Return the box around the tiles of a map whose mask leaves out cells; None for a map with all cells."""
    cells, (width, height) = placement.cell, placement.size
    area = width * height
    if placement.shape.kind == "hexagon":  # cells extend beyond the edge; every second row has one less
        columns, rows = placement.grid.columns, placement.grid.rows
        area = (columns * rows - (rows + 1) // 2) * placement.shape.cell_area
    if float((cells[:, 2] * cells[:, 3]).sum()) > area * (1 - 1e-9):
        return None
    boxes = placement.shape.tile_boxes(cells)
    left, top = boxes[:, :2].min(axis=0).tolist()
    right, bottom = (boxes[:, :2] + boxes[:, 2:]).max(axis=0).tolist()
    return left, top, right, bottom
