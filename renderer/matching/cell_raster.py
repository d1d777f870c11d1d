"""Where cells lie, as the rules of distance and the eye need it: a raster of cell numbers. Any layout will do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class CellRaster:
    """N cells on a raster whose steps are the smallest cell's side, or a unit if all are larger."""

    raster: npt.NDArray[np.int32]  # (H, W) number of the cell at each place
    box: npt.NDArray[np.int32]  # (N, 4) left, top, width, height of each cell in steps
    step: float  # mosaic units

    def __len__(self) -> int:
        return len(self.box)


def rasterize_cells(cells: npt.NDArray[np.float64]) -> CellRaster:
    """The layout of cells (N, 4) x, y, width, height in mosaic units, whose sides are multiples of the step."""
    step = min(1.0, float(cells[:, 2:].min()))
    box = np.rint(cells / step).astype(np.int32)
    width, height = (box[:, :2] + box[:, 2:]).max(axis=0)
    raster = np.full((height, width), -1, np.int32)
    for side in np.unique(box[:, 2]):
        some = np.flatnonzero(box[:, 2] == side)
        for down in range(side):
            for across in range(side):
                raster[box[some, 1] + down, box[some, 0] + across] = some
    return CellRaster(raster, box, step)
