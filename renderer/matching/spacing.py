"""Repeat distances: no photo twice within some cells of itself (Chebyshev's distance), for any layout of cells."""

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


def reach_of(layout: CellRaster, distance: int) -> int:
    """A distance in cells as steps of the layout's raster."""
    return round(distance / layout.step)


def clashing(layout: CellRaster, photo: PhotoIndices, cost: Float32Array, distance: int) -> Indices:
    """The cells that must show something else: of two that are too near each other, the one that fits worse.

    photo: (N,) −1 where nothing is shown; a negative cost marks a cell that stays.
    """
    order = np.argsort(cost, kind="stable")
    return np.flatnonzero(keep_apart(layout.raster, layout.box, reach_of(layout, distance), order, photo))


def refill(
    costs: Costs, layout: CellRaster, placed: Candidates, empty: Indices, left: npt.NDArray[np.int32], distance: int
) -> bool:
    """Give empty cells the best photo that is allowed there; False if some can't have any.

    placed: (N, 1) what cells show, changed in place, −1 where they are empty; left: (photos,) further uses, changed.
    """
    reach = reach_of(layout, distance)
    if not len(empty):
        return True
    count = 64
    for _ in range(_MAX_TRIES):
        prices = np.where(left > 0, np.float32(0), np.float32(np.inf))
        usable = int((left > 0).sum())
        if not usable:
            return False
        found = costs.nearest(empty, min(count, usable), prices)
        take_allowed(
            layout.raster, layout.box, reach, empty, found.photo, found.symmetry, found.cost, left,
            placed.photo[:, 0], placed.symmetry[:, 0], placed.cost[:, 0],
        )  # fmt: skip
        empty = empty[placed.photo[empty, 0] < 0]
        if not len(empty):
            return True
        count *= 4
    return False


def spread(
    layout: CellRaster, taken: PhotoIndices, left: npt.NDArray[np.int32], distance: int, *, evenly: bool = False
) -> PhotoIndices | None:
    """Some placement that keeps a distance and limits of use, whatever it looks like; None if none was found.

    taken: (N,) the photos of cells that are settled, −1 elsewhere; left: (photos,) further uses. Cells are filled in
    raster order, by the first photo that is allowed, or else (with `evenly` always) by the least used one, so that as
    many photos as can be are used.
    """
    for first_fit in (False,) if evenly else (True, False):
        photo = taken.copy()
        if fill_any(layout.raster, layout.box, reach_of(layout, distance), left.copy(), first_fit, photo):
            return photo
    return None


# -- Compiled ------------------------------------------------------------------------------------------------------


@kernel
def is_clear(raster, box, reach, cell, shown, photo):
    """Whether no cell within reach of one shows a photo. The cell itself doesn't count."""
    if reach < 1:
        return True
    for y in range(max(box[cell, 1] - reach, 0), min(box[cell, 1] + box[cell, 3] + reach, raster.shape[0])):
        for x in range(max(box[cell, 0] - reach, 0), min(box[cell, 0] + box[cell, 2] + reach, raster.shape[1])):
            other = raster[y, x]
            if other >= 0 and other != cell and shown[other] == photo:
                return False
    return True


@kernel
def keep_apart(raster, box, reach, order, photo):
    """(N,) true for cells that must give way, if cells claim their photos in an order."""
    shown = np.full(len(photo), -1, photo.dtype)
    gives_way = np.zeros(len(photo), np.bool_)
    for cell in order:
        if photo[cell] < 0 or is_clear(raster, box, reach, cell, shown, photo[cell]):
            shown[cell] = photo[cell]
        else:
            gives_way[cell] = True
    return gives_way


@kernel
def take_allowed(raster, box, reach, empty, photo, symmetry, cost, left, shown, shown_symmetry, shown_cost):
    """Each empty cell in turn takes the first of its candidates that has uses left and is not near."""
    for row in range(len(empty)):
        cell = empty[row]
        for i in range(photo.shape[1]):
            number = photo[row, i]
            if left[number] > 0 and is_clear(raster, box, reach, cell, shown, number):
                shown[cell], shown_symmetry[cell], shown_cost[cell] = number, symmetry[row, i], cost[row, i]
                left[number] -= 1
                break


@kernel
def fill_any(raster, box, reach, left, first_fit, shown):
    """Fill the cells that show nothing; false if one can't be filled."""
    near = np.full(len(left), -1, np.int64)
    for y in range(raster.shape[0]):
        for x in range(raster.shape[1]):
            cell = raster[y, x]
            if cell < 0 or shown[cell] >= 0:
                continue
            for v in range(max(box[cell, 1] - reach, 0), min(box[cell, 1] + box[cell, 3] + reach, raster.shape[0])):
                for u in range(max(box[cell, 0] - reach, 0), min(box[cell, 0] + box[cell, 2] + reach, raster.shape[1])):
                    other = raster[v, u]
                    if other >= 0 and shown[other] >= 0:
                        near[shown[other]] = cell
            best = -1
            for photo in range(len(left)):
                if left[photo] > 0 and near[photo] != cell and (best < 0 or left[photo] > left[best]):
                    best = photo
                    if first_fit:
                        break
            if best < 0:
                return False
            shown[cell] = best
            left[best] -= 1
    return True
