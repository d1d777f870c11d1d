"""Separation of repeats in a mosaic whose tiles are given: cells exchange tiles with others nearby."""

from __future__ import annotations

from typing import Final

import numpy as np

from renderer.arrays import Float32Array
from renderer.descriptors import blocks
from renderer.kernels.matching import Exchanges, exchange_repeats, find_conflicts
from renderer.matching.candidates import Indices
from renderer.matching.cell_raster import CellRaster
from renderer.matching.spacing import in_steps
from renderer.matching.travel import TileCosts
from renderer.threads import run_blocks

_BLOCK: Final = 32  # cells whose costs are computed at once

_BATCH: Final = 16
"""Cells whose exchanges are considered at once: with 8 or 64, 40,000 cells take 1.3 or 1.9 times as long."""

_REACH: Final = 20
"""Maximum distance in cells between cells that exchange their tiles: with 40,000 cells and 2,000 photos, 10 leaves 521
repeats instead of 4 and raises the cost by 3.6 instead of 2.7 %; 30 leaves none at 2.4 %, in 1.5 times the time."""

_ROUNDS: Final = 3
"""Maximum number of times that cells are visited: an exchange may make others possible."""


def separate_repeats(
    assigned: Indices, photo_of: Indices, cost: TileCosts, raster: CellRaster, distance: int, highest: float
) -> int:
    """Exchange tiles between cells, so that few photos are repeated within a distance in cells.

    Returns the distance, at most that, within which none is.

    assigned: (N,) the tile of each cell, changed in place; photo_of: (T,) the photo of each tile; cost: of tiles in
    cells; highest: the increase of the cost up to which an exchange is made, unless the cells touch. Where no
    exchange is possible, smaller distances are tried. The time grows with the number of repeats.
    """
    photo = photo_of[assigned].astype(np.int32)
    cells = np.arange(len(assigned))
    radii = np.array([in_steps(raster, each) for each in range(distance, 0, -1)])

    def cost_in_place(block: slice) -> Float32Array:
        return np.asarray(np.diagonal(cost(cells[block], assigned[block])))

    def visit(in_place: Float32Array) -> None:
        """Let the cells whose photo is repeated too near exchange their tiles, in order."""
        reach = in_steps(raster, _REACH)
        waiting = np.flatnonzero(find_conflicts(raster.arrays, int(radii[0]), cells, photo))
        while len(waiting):
            some = waiting[:_BATCH]
            around = _within(raster, some, reach)
            exchanges = Exchanges(
                assigned, photo, in_place, some, np.searchsorted(around, some), around, np.arange(len(around)),
                cost(some, assigned[around]), cost(around, assigned[some]), len(some), len(around), reach,
            )  # fmt: skip
            waiting = waiting[exchange_repeats(raster.arrays, radii, exchanges, highest) :]

    if distance:
        in_place = np.concatenate(run_blocks(cost_in_place, blocks(len(cells), _BLOCK)))
        # One after the other, but as blocks: products of matrices must not depend on the number of threads.
        for _ in range(_ROUNDS):
            run_blocks(visit, [in_place])
    while distance and find_conflicts(raster.arrays, in_steps(raster, distance), cells, photo).any():
        distance -= 1
    return distance


def _within(raster: CellRaster, cells: Indices, radius: int) -> Indices:
    """Return the cells within a distance, in steps, of some cells, which are among them, ascending."""
    near = np.zeros(len(raster), np.bool_)
    for left, top, width, height in raster.box[cells].tolist():
        rows = slice(max(top - radius, 0), top + height + radius)
        columns = slice(max(left - radius, 0), left + width + radius)
        numbers = raster.numbers[rows, columns]
        near[numbers[numbers >= 0]] = True
    return np.flatnonzero(near)
