"""The metrics `mean` and `lab`: distances between mean colours, searched in scikit-learn's k-d tree."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.descriptors import blocks
from renderer.matching.candidates import Candidates, Indices, cheapest, joined
from renderer.progress import Advance
from renderer.threads import run_blocks

_TIES = 4  # additional neighbours, so that equal distances can be ordered by number

_BLOCK = 256  # cells per search


class MeanCosts:
    """`Costs` of Euclidean distances between mean colours (N, 3) and (P, 3). Memory: 100 bytes per photo."""

    def __init__(self, cells: Float32Array, photos: Float32Array, advance: Advance) -> None:
        from sklearn.neighbors import NearestNeighbors  # takes 1 s to import, and a saved map does not need it

        self.cells, self.photos = len(cells), len(photos)
        self._cells, self._colours, self._advance = cells, photos, advance
        self._searcher = NearestNeighbors(algorithm="kd_tree").fit(photos)

    def nearest(self, cells: Indices, count: int, prices: Float32Array | None = None) -> Candidates:
        """See `Costs`. With prices, which the tree does not include, all photos are compared."""
        count = min(count, self.photos)

        def search(rows: slice) -> Candidates:
            if prices is None or not prices.any():
                return self._unpriced(cells[rows], count)
            return cheapest(*self.block(cells[rows]), count, prices)

        return joined(run_blocks(search, blocks(len(cells), _BLOCK), lambda part: self._advance(len(part.photo))))

    def block(self, cells: Indices) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        """See `Costs`."""
        return self._costs(cells, self._colours)

    def among(self, cells: Indices, photos: Indices) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        """See `PairCosts`."""
        return self._costs(cells, self._colours[photos])

    def _costs(self, cells: Indices, colours: Float32Array) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        squared = np.zeros((len(cells), len(colours)), np.float32)
        for channel in range(3):
            squared += (self._cells[cells, channel, np.newaxis] - colours[:, channel]) ** 2
        return np.sqrt(squared), np.zeros(squared.shape, np.uint8)

    def _unpriced(self, cells: Indices, count: int) -> Candidates:
        distance, index = self._searcher.kneighbors(self._cells[cells], n_neighbors=min(count + _TIES, self.photos))
        cost, photo = cast("npt.NDArray[np.float64]", distance), cast("npt.NDArray[np.int64]", index)
        order = np.lexsort((photo, cost), axis=1)[:, :count]
        found = Candidates(photo.astype(np.int32), np.zeros(photo.shape, np.uint8), cost.astype(np.float32))
        return found.take(order)
