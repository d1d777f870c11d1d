"""Repeat distances: no photo is repeated within a Chebyshev distance, in grids with cells of any size."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.kernels.matching import fill_any, find_conflicts, place_allowed
from renderer.matching.candidates import Candidates, Costs, Indices
from renderer.matching.cell_raster import CellRaster

PhotoIndices = npt.NDArray[np.int32]

_MAX_TRIES: Final = 4


def in_steps(raster: CellRaster, distance: int) -> int:
    """Convert a distance in cells to steps of the raster."""
    return round(distance * raster.cell)


def conflicting_cells(raster: CellRaster, photo: PhotoIndices, cost: Float32Array, distance: int) -> Indices:
    """Return the cells whose photo must be replaced: of two cells that repeat a photo too near, the costlier one.

    photo: (N,) −1 for empty cells; cost: (N,), negative for cells that keep their photo.
    """
    order = np.argsort(cost, kind="stable")
    return np.flatnonzero(find_conflicts(raster.arrays, in_steps(raster, distance), order, photo))


def refill(
    costs: Costs,
    raster: CellRaster,
    placed: Candidates,
    empty: Indices,
    remaining: npt.NDArray[np.int32],
    distance: int,
) -> bool:
    """Place the best allowed photo in each empty cell, and return whether all cells could be filled.

    placed: (N, 1) what cells show, −1 for empty cells, changed in place; remaining: (photos,) uses, changed in place.
    """
    radius = in_steps(raster, distance)
    if not len(empty):
        return True
    count = 64
    for _ in range(_MAX_TRIES):
        prices = np.where(remaining > 0, np.float32(0), np.float32(np.inf))
        usable = int((remaining > 0).sum())
        if not usable:
            return False
        found = costs.nearest(empty, min(count, usable), prices)
        place_allowed(
            raster.arrays, radius, empty, found.photo, found.symmetry, found.cost, remaining,
            placed.photo[:, 0], placed.symmetry[:, 0], placed.cost[:, 0],
        )  # fmt: skip
        empty = empty[placed.photo[empty, 0] < 0]
        if not len(empty):
            return True
        count *= 4
    return False


def arrange(
    raster: CellRaster, fixed: PhotoIndices, remaining: npt.NDArray[np.int32], distance: int, *, evenly: bool = False
) -> PhotoIndices | None:
    """Return any placement (N,) that respects the distance and the uses, regardless of cost, or None if none was found.

    fixed: (N,) the photos of cells that keep them, −1 elsewhere; remaining: (photos,) uses. Cells are filled in raster
    order with the first allowed photo. If that fails, or with `evenly`, they are filled with the allowed photo that has
    the most remaining uses, so that as many photos as possible are used.
    """
    for first_fit in (False,) if evenly else (True, False):
        photo = fixed.copy()
        if fill_any(raster.arrays, in_steps(raster, distance), remaining.copy(), first_fit, photo):
            return photo
    return None
