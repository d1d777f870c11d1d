"""Separation of repeats in a mosaic whose tiles are given: cells exchange tiles with others nearby."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.descriptors import blocks
from renderer.kernels.matching import find_conflicts
from renderer.matching.candidates import Indices
from renderer.matching.cell_raster import CellRaster
from renderer.matching.spacing import in_steps
from renderer.matching.travel import TileCosts
from renderer.threads import run_blocks

_BLOCK: Final = 32  # cells whose costs are computed at once

_REACH: Final = 10
"""Maximum distance in cells between cells that exchange their tiles: nearby, colours are similar and paths change
little."""


def separate_repeats(
    assigned: Indices, photo_of: Indices, cost: TileCosts, raster: CellRaster, distance: int, highest: float
) -> int:
    """Exchange tiles between cells, so that few photos are repeated within a distance in cells.

    Returns the distance, at most that, within which none is.

    assigned: (N,) the tile of each cell, changed in place; photo_of: (T,) the photo of each tile; cost: of tiles in
    cells; highest: the increase of the cost up to which an exchange is made, unless the cells touch. Where no
    exchange is possible, smaller distances are tried. The time grows with the number of repeats.
    """
    if distance:
        # In one block: products of matrices must not depend on the number of threads.
        run_blocks(lambda search: search.run(), [_Search(assigned, photo_of, cost, raster, distance, highest)])
    order, photo = np.arange(len(assigned)), photo_of[assigned].astype(np.int32)
    while distance and find_conflicts(raster.arrays, in_steps(raster, distance), order, photo).any():
        distance -= 1
    return distance


class _Search:
    """The state of the search."""

    def __init__(
        self, assigned: Indices, photo_of: Indices, cost: TileCosts, raster: CellRaster, distance: int, highest: float
    ) -> None:
        self._assigned, self._cost, self._raster, self._distance = assigned, cost, raster, distance
        self._photo_of, self._highest = photo_of, highest
        self._photo = photo_of[assigned]
        self._box = raster.box.astype(np.int64)
        self._own = np.empty(len(assigned), np.float32)  # the cost of each cell's tile

    def run(self) -> None:
        """Visit the cells whose photo is repeated too near, in order."""
        cells = np.arange(len(self._assigned))
        for block in blocks(len(cells), _BLOCK):
            self._own[block] = np.diagonal(self._cost(cells[block], self._assigned[block]))
        radius, photo = in_steps(self._raster, self._distance), self._photo.astype(np.int32)
        for cell in np.flatnonzero(find_conflicts(self._raster.arrays, radius, cells, photo)).tolist():
            self._separate(cell)

    def _separate(self, cell: int) -> None:
        """Exchange the tile of a cell with the one that costs least, at the largest possible distance of repeats."""
        photo, assigned = self._photo, self._assigned
        reach = in_steps(self._raster, _REACH)
        around = self._within(cell, reach + in_steps(self._raster, self._distance))
        repeats = around[(photo[around] == photo[cell]) & (around != cell)]
        nearest = self._gaps(np.array([cell]), repeats).min(initial=np.iinfo(np.int64).max)
        others = self._within(cell, reach)
        others = others[photo[others] != photo[cell]]
        if not len(others):
            return
        here = np.array([cell])
        own, given = self._cost(here, assigned[others])[0], self._cost(others, assigned[here])[:, 0]
        increase = own + given - self._own[cell] - self._own[others]
        gaps = self._gaps(others, repeats).min(axis=1, initial=np.iinfo(np.int64).max)
        for distance in range(self._distance, 0, -1):
            radius = in_steps(self._raster, distance)
            if nearest >= radius:
                return
            near = self._within(cell, radius)
            near = near[near != cell]
            shown = (photo[others][:, np.newaxis] == photo[near]).sum(axis=1) - np.isin(others, near)
            allowed = (gaps >= radius) & (shown == 0)
            if distance > 1:
                allowed &= increase <= self._highest
            if allowed.any():
                best = int(np.where(allowed, increase, np.inf).argmin())
                other = int(others[best])
                self._own[[cell, other]] = own[best], given[best]
                assigned[[cell, other]] = assigned[[other, cell]]
                photo[[cell, other]] = photo[[other, cell]]
                return

    def _within(self, cell: int, radius: int) -> Indices:
        """Return the cells within a distance, in steps, of a cell, which is among them, ascending."""
        left, top, width, height = self._box[cell].tolist()
        rows = slice(max(top - radius, 0), top + height + radius)
        columns = slice(max(left - radius, 0), left + width + radius)
        found = np.unique(self._raster.numbers[rows, columns])
        return found[found >= 0].astype(np.int64)

    def _gaps(self, some: Indices, others: Indices) -> npt.NDArray[np.int64]:
        """Return how many steps lie between cells, (M, K)."""
        low, high = self._box[:, :2], self._box[:, :2] + self._box[:, 2:]
        before = low[some][:, np.newaxis] - high[others]
        after = low[others] - high[some][:, np.newaxis]
        return np.asarray(np.maximum(before, after).max(axis=2))
