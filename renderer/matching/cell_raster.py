"""A raster of a grid's cell numbers, to find distances and neighbours among cells of any size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from renderer.kernels.matching import Raster


@dataclass(frozen=True)
class CellRaster:
    """N cells on a raster whose step is the side of the smallest cell, at most 1 unit."""

    numbers: npt.NDArray[np.int32]  # (H, W) number of the cell at each step, −1 for none
    box: npt.NDArray[np.int32]  # (N, 4) left, top, width, height of each cell in steps
    step: float  # side of a step in mosaic units

    def __len__(self) -> int:
        return len(self.box)

    @property
    def arrays(self) -> Raster:
        """What compiled functions need."""
        return Raster(self.numbers, self.box, *self.numbers.shape)


def rasterize_cells(cells: npt.NDArray[np.float64]) -> CellRaster:
    """Return the raster of cells (N, 4): x, y, width, height in mosaic units, all multiples of the step."""
    step = min(1.0, float(cells[:, 2:].min()))
    box = np.rint(cells / step).astype(np.int32)
    width, height = (box[:, :2] + box[:, 2:]).max(axis=0)
    numbers = np.full((height, width), -1, np.int32)
    for side in np.unique(box[:, 2]):
        cells_of_side = np.flatnonzero(box[:, 2] == side)
        for down in range(side):
            for across in range(side):
                numbers[box[cells_of_side, 1] + down, box[cells_of_side, 0] + across] = cells_of_side
    return CellRaster(numbers, box, step)
