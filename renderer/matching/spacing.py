"""Repeat distances: no photo is repeated within a Chebyshev distance, in grids with cells of any size."""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, no-any-return"
from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.compiled import kernel
from renderer.matching.candidates import Candidates, Costs, Indices
from renderer.matching.cell_raster import CellRaster

PhotoIndices = npt.NDArray[np.int32]

_MAX_TRIES: Final = 4


def in_steps(raster: CellRaster, distance: int) -> int:
    """Convert a distance in cells to steps of the raster."""
    return round(distance / raster.step)


def conflicting_cells(raster: CellRaster, photo: PhotoIndices, cost: Float32Array, distance: int) -> Indices:
    """Return the cells whose photo must be replaced: of two cells that repeat a photo too near, the costlier one.

    photo: (N,) −1 for empty cells; cost: (N,), negative for cells that keep their photo.
    """
    order = np.argsort(cost, kind="stable")
    return np.flatnonzero(find_conflicts(raster.numbers, raster.box, in_steps(raster, distance), order, photo))


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
            raster.numbers, raster.box, radius, empty, found.photo, found.symmetry, found.cost, remaining,
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
        if fill_any(raster.numbers, raster.box, in_steps(raster, distance), remaining.copy(), first_fit, photo):
            return photo
    return None


# -- Compiled ------------------------------------------------------------------------------------------------------


@kernel
def is_clear(raster, box, radius, cell, placed, photo):
    """Return whether no other cell within `radius` steps of a cell shows a photo."""
    if radius < 1:
        return True
    for y in range(max(box[cell, 1] - radius, 0), min(box[cell, 1] + box[cell, 3] + radius, raster.shape[0])):
        for x in range(max(box[cell, 0] - radius, 0), min(box[cell, 0] + box[cell, 2] + radius, raster.shape[1])):
            other = raster[y, x]
            if other >= 0 and other != cell and placed[other] == photo:
                return False
    return True


@kernel
def find_conflicts(raster, box, radius, order, photo):
    """Return (N,) whether each cell conflicts with an earlier cell in `order`."""
    placed = np.full(len(photo), -1, photo.dtype)
    conflicts = np.zeros(len(photo), np.bool_)
    for cell in order:
        if photo[cell] < 0 or is_clear(raster, box, radius, cell, placed, photo[cell]):
            placed[cell] = photo[cell]
        else:
            conflicts[cell] = True
    return conflicts


@kernel
def place_allowed(raster, box, radius, empty, photo, symmetry, cost, remaining, placed, placed_symmetry, placed_cost):
    """Place in each empty cell the first candidate that has remaining uses and is not repeated within `radius`."""
    for row in range(len(empty)):
        cell = empty[row]
        for i in range(photo.shape[1]):
            number = photo[row, i]
            if remaining[number] > 0 and is_clear(raster, box, radius, cell, placed, number):
                placed[cell], placed_symmetry[cell], placed_cost[cell] = number, symmetry[row, i], cost[row, i]
                remaining[number] -= 1
                break


@kernel
def fill_any(raster, box, radius, remaining, first_fit, placed):
    """Fill the empty cells, and return whether all could be filled."""
    near = np.full(len(remaining), -1, np.int64)
    for y in range(raster.shape[0]):
        for x in range(raster.shape[1]):
            cell = raster[y, x]
            if cell < 0 or placed[cell] >= 0:
                continue
            for v in range(max(box[cell, 1] - radius, 0), min(box[cell, 1] + box[cell, 3] + radius, raster.shape[0])):
                for u in range(
                    max(box[cell, 0] - radius, 0), min(box[cell, 0] + box[cell, 2] + radius, raster.shape[1])
                ):
                    other = raster[v, u]
                    if other >= 0 and placed[other] >= 0:
                        near[placed[other]] = cell
            best = -1
            for photo in range(len(remaining)):
                if remaining[photo] > 0 and near[photo] != cell and (best < 0 or remaining[photo] > remaining[best]):
                    best = photo
                    if first_fit:
                        break
            if best < 0:
                return False
            placed[cell] = best
            remaining[best] -= 1
    return True
