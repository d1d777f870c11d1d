"""Use of every photo at least once: each first gets the cell where it loses least, before other cells are filled."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.descriptors import blocks
from renderer.matching.assignment import assign
from renderer.matching.candidates import Candidates, Costs, Indices, joined
from renderer.threads import run_blocks

_BLOCK = 256  # cells whose costs for all photos are in memory


class TransposedCosts:
    """`Costs` with the roles exchanged: its "cells" are photos, and its "photos" are cells.

    The cost is the loss of a photo in a cell: its cost there minus that of the cell's best photo.
    """

    def __init__(self, costs: Costs, cells: Indices, photos: Indices) -> None:
        self.cells, self.photos = len(photos), len(cells)
        self._costs, self._rows, self._numbers = costs, cells, photos

    def nearest(self, cells: Indices, count: int, prices: Float32Array | None = None) -> Candidates:
        """See `Costs`. Passes over all costs in blocks."""
        count = min(count, self.photos)
        price = np.zeros(self.photos, np.float32) if prices is None else prices
        empty = np.empty((len(cells), 0))
        nearest = Candidates(empty.astype(np.int32), empty.astype(np.uint8), empty.astype(np.float32))
        for rows in blocks(self.photos, _BLOCK):
            cost, symmetry = self._part(cells, rows)
            number = np.broadcast_to(np.arange(rows.start, rows.stop, dtype=np.int32), cost.shape)
            merge = partial(_merge, nearest, Candidates(number, symmetry, cost), price, count)
            nearest = joined(run_blocks(merge, blocks(len(cells), _BLOCK)))
        return nearest

    def block(self, cells: Indices) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        """See `Costs`."""
        parts = [self._part(cells, rows) for rows in blocks(self.photos, _BLOCK)]
        return np.concatenate([part[0] for part in parts], axis=1), np.concatenate([part[1] for part in parts], axis=1)

    def _part(self, cells: Indices, rows: slice) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        cost, symmetry = self._costs.block(self._rows[rows])
        loss = cost - cost.min(axis=1, keepdims=True)
        chosen = self._numbers[cells]
        return np.ascontiguousarray(loss[:, chosen].T), np.ascontiguousarray(symmetry[:, chosen].T)


def _merge(nearest: Candidates, more: Candidates, price: Float32Array, count: int, rows: slice) -> Candidates:
    """Return the `count` candidates of lowest cost + price of both, in a slice of the rows."""
    a, b = nearest.rows(rows), more.rows(rows)
    both = Candidates(
        np.concatenate([a.photo, b.photo], axis=1),
        np.concatenate([a.symmetry, b.symmetry], axis=1),
        np.concatenate([a.cost, b.cost], axis=1),
    )
    return both.take(np.argsort(both.cost + price[both.photo], axis=1, kind="stable")[:, :count])


def place_each_once(costs: Costs, cells: Indices, photos: Indices, placed: Candidates) -> Indices:
    """Place each of `photos` in one of `cells` at the least total loss; return these cells in the photos' order.

    placed: (N, 1) what cells show, changed in place.
    """
    found, _ = assign(TransposedCosts(costs, cells, photos), np.arange(len(photos)), np.ones(len(cells), np.int32), 64)
    chosen = cells[found.photo[:, 0]]
    for block in blocks(len(chosen), _BLOCK):
        cost, _ = costs.block(chosen[block])
        placed.cost[chosen[block], 0] = cost[np.arange(len(cost)), photos[block]]
    placed.photo[chosen, 0], placed.symmetry[chosen, 0] = photos, found.symmetry[:, 0]
    return chosen
