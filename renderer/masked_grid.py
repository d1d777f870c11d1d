"""Masks: a grid of only the cells inside a mask of the cover."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.cover_pixels import covered_part
from renderer.errors import InputError
from renderer.grid import Grid
from renderer.messages import named
from renderer.pictures import Pixels

MASK_THRESHOLD: Final = 0.5
"""Default share of a cell that must be inside a mask."""

_MASK_PIXELS: Final = 16  # per lattice unit, at most: shares of cells are then exact to 1/1000


def masked(grid: Grid, mask: Pixels, threshold: float = MASK_THRESHOLD) -> Grid:
    """Return a grid of only the cells of which at least a share of `threshold`, 0…1, is inside a mask.

    mask: (H, W) uint8 over the whole cover, of any size; 255 is inside. Raises InputError if no cell is left.
    """
    x, y, width, height = grid.cells.T
    inside = mask_shares(grid, mask, x, y, x + width, y + height) >= max(threshold - 1e-6, 1e-6)
    if not inside.any():
        raise InputError(
            f"No cell has {threshold:.0%} of its area inside the {named('mask')}: use smaller cells, a larger shape or "
            f"a smaller {named('mask_threshold')}"
        )
    return grid if inside.all() else replace(grid, cells=grid.cells[inside])


def mask_shares(grid: Grid, mask: Pixels, *edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the share of boxes inside a mask. edges: left, top, right and bottom, in lattice units."""
    part = covered_part(mask, grid.crop)
    most = grid.columns * _MASK_PIXELS, grid.rows * _MASK_PIXELS
    if part.shape[1] > most[0] or part.shape[0] > most[1]:
        size = min(part.shape[1], most[0]), min(part.shape[0], most[1])
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    sums = np.zeros((part.shape[0] + 1, part.shape[1] + 1))
    sums[1:, 1:] = part.cumsum(axis=0, dtype=np.float64).cumsum(axis=1) / 255
    across, along = part.shape[1] / grid.columns, part.shape[0] / grid.rows

    def sum_before(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the sum of all pixels left of and above points, in pixels; parts of pixels count by their area."""
        column, row = (
            np.minimum(np.floor(values).astype(np.int64), count - 1)
            for values, count in ((x, part.shape[1]), (y, part.shape[0]))
        )
        right, below = x - column, y - row
        upper = sums[row, column] * (1 - right) + sums[row, column + 1] * right
        lower = sums[row + 1, column] * (1 - right) + sums[row + 1, column + 1] * right
        between: npt.NDArray[np.float64] = upper * (1 - below) + lower * below
        return between

    left, right = (np.clip(values * across, 0, part.shape[1]) for values in edges[::2])
    top, bottom = (np.clip(values * along, 0, part.shape[0]) for values in edges[1::2])
    area = np.maximum((right - left) * (bottom - top), 1e-9)
    total = sum_before(right, bottom) - sum_before(left, bottom) - sum_before(right, top) + sum_before(left, top)
    return np.asarray(total / area, np.float64)
