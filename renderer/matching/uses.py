"""Every photo at least once: a cell is kept for each, where it does the least harm, before the rest are shared out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.descriptors import blocks
from renderer.matching.assignment import assign
from renderer.matching.candidates import Candidates, Costs, Indices

_BLOCK = 256  # cells whose costs are held for all photos


class ByPhoto:
    """Costs seen from the photos: its "cells" are photos and its "photos" are cells.

    What counts is how much worse than the best a photo is in a cell.
    """

    def __init__(self, costs: Costs, cells: Indices, photos: Indices) -> None:
        self.cells, self.photos = len(photos), len(cells)
        self._costs, self._rows, self._numbers = costs, cells, photos

    def nearest(self, cells: Indices, count: int, prices: Float32Array | None = None) -> Candidates:
        """See `Costs`: the cells where some photos do least harm. A pass over all costs, in blocks."""
        count = min(count, self.photos)
        price = np.zeros(self.photos, np.float32) if prices is None else prices
        nothing = np.empty((len(cells), 0))
        kept = Candidates(nothing.astype(np.int32), nothing.astype(np.uint8), nothing.astype(np.float32))
        for some in blocks(self.photos, _BLOCK):
            cost, symmetry = self._part(cells, some)
            place = np.broadcast_to(np.arange(some.start, some.stop, dtype=np.int32), cost.shape)
            kept = Candidates(
                np.concatenate([kept.photo, place], axis=1),
                np.concatenate([kept.symmetry, symmetry], axis=1),
                np.concatenate([kept.cost, cost], axis=1),
            )
            kept = kept.take(np.argsort(kept.cost + price[kept.photo], axis=1, kind="stable")[:, :count])
        return kept

    def block(self, cells: Indices) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        """See `Costs`."""
        parts = [self._part(cells, some) for some in blocks(self.photos, _BLOCK)]
        return np.concatenate([p[0] for p in parts], axis=1), np.concatenate([p[1] for p in parts], axis=1)

    def _part(self, cells: Indices, some: slice) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        cost, symmetry = self._costs.block(self._rows[some])
        harm = cost - cost.min(axis=1, keepdims=True)
        chosen = self._numbers[cells]
        return np.ascontiguousarray(harm[:, chosen].T), np.ascontiguousarray(symmetry[:, chosen].T)


def place_each_once(costs: Costs, cells: Indices, photos: Indices, placed: Candidates) -> Indices:
    """Put each of some photos into one of some cells, with the least harm; returns the cells, in photos' order."""
    seen = ByPhoto(costs, cells, photos)
    found, _ = assign(seen, np.arange(len(photos)), np.ones(len(cells), np.int32), 64)
    chosen = cells[found.photo[:, 0]]
    for some in blocks(len(chosen), _BLOCK):
        cost, _ = costs.block(chosen[some])
        placed.cost[chosen[some], 0] = cost[np.arange(len(cost)), photos[some]]
    placed.photo[chosen, 0], placed.symmetry[chosen, 0] = photos, found.symmetry[:, 0]
    return chosen
