"""The plain metrics, by scikit-learn: distances of mean colours (a tree) and of pixels (blocks of matrix products)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from renderer.descriptors import blocks
from renderer.matching.candidates import Candidates, Floats, Indices, least
from renderer.progress import Advance

_TIES = 4  # photos beyond those asked for, among which equal distances are put in order

_BLOCK = 1024  # cells at once: 13 MB of 32 × 32 descriptors


class PlainCosts:
    """`Costs` of Euclidean distances between descriptors. Memory: the descriptors twice, and blocks."""

    def __init__(self, cells: Sequence[Floats], photos: Floats, symmetries: Sequence[int], advance: Advance) -> None:
        """`cells`: descriptors (N, D) of the cells for each symmetry, as a tile in it would have to look untouched.

        D is 3 or so for a tree; inputs are whole numbers (or few), which are summed in float64, so that the answers
        are those of the plain loop.
        """
        from sklearn.neighbors import NearestNeighbors  # a second to import, and a saved map needs none of it

        self.cells, self.photos = len(cells[0]), len(photos)
        self._advance = advance
        self._cells, self._descriptors = cells, photos
        self._symmetries = np.array(symmetries, np.uint8)
        self._searcher = NearestNeighbors(algorithm="kd_tree" if photos.shape[1] <= 3 else "brute").fit(photos)

    def nearest(self, cells: Indices, count: int, prices: Floats | None = None) -> Candidates:
        """See `Costs`."""
        count = min(count, self.photos)
        found = Candidates(
            np.empty((len(cells), count), np.int32),
            np.empty((len(cells), count), np.uint8),
            np.empty((len(cells), count), np.float32),
        )
        for rows in blocks(len(cells), _BLOCK):
            plain = prices is None or not prices.any()
            some = self._unpriced(cells[rows], count) if plain else least(*self.block(cells[rows]), count, prices)
            found.photo[rows], found.symmetry[rows], found.cost[rows] = some.photo, some.symmetry, some.cost
            self._advance(rows.stop - rows.start)
        return found

    def block(self, cells: Indices) -> tuple[Floats, npt.NDArray[np.uint8]]:
        """See `Costs`."""
        from sklearn.metrics.pairwise import euclidean_distances

        each = [euclidean_distances(described[cells], self._descriptors) for described in self._cells]
        cost = np.stack([values.astype(np.float32) for values in each])
        best = cost.argmin(axis=0)
        return np.take_along_axis(cost, best[np.newaxis], axis=0)[0], self._symmetries[best]

    def _unpriced(self, cells: Indices, count: int) -> Candidates:
        """By the searcher: the nearest under each symmetry, and of those the nearest."""
        wanted = min(count + _TIES, self.photos)
        distances, indices = [], []
        for described in self._cells:
            distance, index = self._searcher.kneighbors(described[cells], n_neighbors=wanted)
            distances.append(cast("npt.NDArray[np.float64]", distance))
            indices.append(cast("npt.NDArray[np.int64]", index))
        found = Candidates(
            np.concatenate(indices, axis=1).astype(np.int32),
            np.broadcast_to(np.repeat(self._symmetries, wanted), (len(cells), wanted * len(distances))),
            np.concatenate(distances, axis=1).astype(np.float32),
        )
        found = found.take(np.lexsort((found.symmetry, found.photo, found.cost), axis=1))
        if len(distances) > 1:  # each photo once, under the best of its symmetries
            by_photo = np.argsort(found.photo, axis=1, kind="stable")
            ordered = np.take_along_axis(found.photo, by_photo, axis=1)
            again = np.zeros(ordered.shape, bool)
            np.put_along_axis(again, by_photo[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
            found = found.take(np.argsort(again, axis=1, kind="stable"))
        return found.take(np.broadcast_to(np.arange(count), (len(cells), count)))
