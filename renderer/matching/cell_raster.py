"""A raster of a grid's cell numbers, to find distances and neighbours among cells of any size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from renderer.grid import Grid
from renderer.kernels.matching import Raster


@dataclass(frozen=True)
class CellRaster:
    """N cells on a raster whose step is the largest that divides their sides and positions, at most 1 lattice unit."""

    numbers: npt.NDArray[np.int32]  # (H, W) number of the cell at each step, −1 for none
    box: npt.NDArray[np.int32]  # (N, 4) left, top, width, height of each cell in steps
    step: float  # side of a step in lattice units
    scale: tuple[float, float] = (1.0, 1.0)  # as in `Grid`

    def __len__(self) -> int:
        return len(self.box)

    @property
    def arrays(self) -> Raster:
        """What compiled functions need."""
        return Raster(self.numbers, self.box, *self.numbers.shape)

    @property
    def cell(self) -> float:
        """Side, in steps, of a square that has the area of a regular cell in lattice units."""
        return math.sqrt(self.scale[0] * self.scale[1]) / self.step

    @cached_property
    def missing(self) -> npt.NDArray[np.bool_] | None:
        """(H, W) where there is no cell; None if cells are everywhere."""
        missing = self.numbers < 0
        return missing if missing.any() else None


def rasterize_cells(grid: Grid, step: float | None = None) -> CellRaster:
    """Return the raster of a grid, by default with the largest possible step."""
    step = step or grid.step
    box = np.rint(grid.cells / step).astype(np.int32)
    numbers = np.full((round(grid.rows / step), round(grid.columns / step)), -1, np.int32)
    for width, height in sizes_of(box):
        cells = np.flatnonzero((box[:, 2] == width) & (box[:, 3] == height))
        for down, across in np.ndindex(height, width):
            numbers[box[cells, 1] + down, box[cells, 0] + across] = cells
    return CellRaster(numbers, box, step, grid.scale)


def sizes_of(box: npt.NDArray[np.int32]) -> list[tuple[int, int]]:
    """Return the different widths and heights, in steps, of boxes (N, 4), in ascending order."""
    found = np.unique(box[:, 2].astype(np.int64) << 32 | box[:, 3])
    return [(size >> 32, size & 0xFFFFFFFF) for size in found.tolist()]
