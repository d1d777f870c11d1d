"""The metric `pixels`: exact Euclidean distances of 32 × 32 pixels, most of which a lower bound makes unnecessary.

Sums over 4 × 4 pixels are an orthogonal projection (up to a factor). The distance between two pictures is therefore at
least the distance between their sums, combined with the difference between the lengths of their residuals. This bound
is a distance in 193 instead of 3,072 dimensions, computed by matrix products. Only photos whose bound is below the best
distance so far are compared exactly, in integers: with real photos, about one in several thousand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.descriptors import blocks
from renderer.kernels.matching import merge_nearest
from renderer.matching.candidates import Candidates, Indices
from renderer.pictures import Pixels
from renderer.progress import Advance
from renderer.threads import run_blocks

_PATCH: Final = 4  # pixels per side of the sums
_CELLS: Final = 32
_PHOTOS: Final = 16384
"""Cells and photos in one matrix product: 2 MB per thread."""

_SLACK: Final = 2000.0
"""Allowance for the error of a squared bound (up to 2e8) in 32 bits: 60 times the largest error measured."""


class PixelCosts:
    """`Costs` of pixel distances, in 8-bit steps. Memory: the pictures, and 0.8 KB of sums per picture."""

    def __init__(self, cells: Sequence[Pixels], photos: Pixels, symmetries: Sequence[int], advance: Advance) -> None:
        """cells: pictures (N, 32, 32, 3) for each symmetry, with its inverse applied; photos: tiles (P, 32, 32, 3)."""
        self.cells, self.photos = len(cells[0]), len(photos)
        self._advance = advance
        self._cells = [np.ascontiguousarray(pictures).reshape(len(pictures), -1) for pictures in cells]
        self._sums = [_sums(pictures) for pictures in cells]
        self._photos = np.ascontiguousarray(photos).reshape(len(photos), -1)
        self._photo_sums = _sums(photos)
        self._lengths = np.einsum("nd,nd->n", self._photo_sums, self._photo_sums)
        self._symmetries = symmetries

    def nearest(self, cells: Indices, count: int, prices: Float32Array | None = None) -> Candidates:
        """See `Costs`. The cells are divided among threads."""
        count = min(count, self.photos)
        price = np.zeros(self.photos, np.float32) if prices is None else prices
        shape = (len(cells), count)
        totals = np.full(shape, np.inf, np.float32)
        found = Candidates(np.full(shape, -1, np.int32), np.zeros(shape, np.uint8), np.full(shape, np.inf, np.float32))

        def search(rows: slice) -> int:
            chosen = cells[rows]
            for symmetry, pictures, sums in zip(self._symmetries, self._cells, self._sums, strict=True):
                cell_sums = sums[chosen]
                length = np.einsum("nd,nd->n", cell_sums, cell_sums)
                for block in blocks(self.photos, _PHOTOS):
                    bound = cell_sums @ self._photo_sums[block].T
                    np.multiply(bound, -2, out=bound)
                    bound += length[:, np.newaxis]
                    bound += self._lengths[block]
                    merge_nearest(
                        bound, _SLACK, pictures[chosen], self._photos, block.start, price, symmetry,
                        found.photo[rows], found.symmetry[rows], found.cost[rows], totals[rows],
                    )  # fmt: skip
            order = np.lexsort((found.photo[rows], totals[rows]), axis=1)
            for values in (found.photo, found.symmetry, found.cost):
                values[rows] = np.take_along_axis(values[rows], order, axis=1)
            return len(chosen)

        run_blocks(search, blocks(len(cells), _CELLS), self._advance)
        return found

    def block(self, cells: Indices) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        """See `Costs`."""
        found = self.nearest(cells, self.photos)
        order = np.argsort(found.photo, axis=1)
        ordered = found.take(order)
        return ordered.cost, ordered.symmetry

    def among(self, cells: Indices, photos: Indices) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        """See `PairCosts`. Exact to about 0.1, since all pixels are compared by matrix products in 32 bits."""
        tiles = self._photos[photos].astype(np.float32)
        length = np.einsum("nd,nd->n", tiles, tiles)
        best = np.full((len(cells), len(photos)), np.inf, np.float32)
        symmetry = np.zeros(best.shape, np.uint8)
        for kind, pictures in zip(self._symmetries, self._cells, strict=True):
            cell = pictures[cells].astype(np.float32)
            squared = cell @ tiles.T
            np.multiply(squared, -2, out=squared)
            squared += np.einsum("nd,nd->n", cell, cell)[:, np.newaxis] + length
            symmetry[squared < best] = kind
            np.minimum(best, squared, out=best)
        return np.sqrt(np.maximum(best, 0)), symmetry


def _sums(pictures: Pixels) -> Float32Array:
    """Return (N, 193): a quarter of each sum over 4 × 4 pixels, and the length of the residual."""
    result = np.empty((len(pictures), 193), np.float32)

    def add(block: slice) -> None:
        part = pictures[block].astype(np.float32)
        side = part.shape[1] // _PATCH
        sums = part.reshape(len(part), side, _PATCH, side, _PATCH, 3).sum(axis=(2, 4)).reshape(len(part), -1) / _PATCH
        flat = part.reshape(len(part), -1).astype(np.float64)
        residual = np.einsum("nd,nd->n", flat, flat) - np.einsum("nd,nd->n", sums, sums, dtype=np.float64)
        result[block] = np.concatenate([sums, np.sqrt(np.maximum(residual, 0))[:, np.newaxis]], axis=1)

    run_blocks(add, blocks(len(pictures), 256))
    return result
