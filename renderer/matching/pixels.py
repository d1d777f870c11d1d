"""The metric `pixels`: exact Euclidean distances of 32 × 32 pixels, most of which a lower bound makes unnecessary.

Sums over 4 × 4 pixels are an orthogonal projection (up to a factor). The distance between two pictures is therefore at
least the distance between their sums, combined with the difference between the lengths of their residuals. This bound
is a distance in 193 instead of 3,072 dimensions, computed by matrix products. Only photos whose bound is below the best
distance so far are compared exactly, in integers: with real photos, about one in several thousand.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, no-any-return"
from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from renderer.arrays import Float32Array
from renderer.compiled import kernel
from renderer.cores import core_count
from renderer.descriptors import blocks
from renderer.matching.candidates import Candidates, Indices
from renderer.pictures import Pixels
from renderer.progress import Advance

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
        self._symmetries = np.array(symmetries, np.uint8)

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
                        bound, pictures[chosen], self._photos, block.start, price, symmetry,
                        found.photo[rows], found.symmetry[rows], found.cost[rows], totals[rows],
                    )  # fmt: skip
            return len(chosen)

        with (
            threadpool_limits(1, user_api="blas"),
            ThreadPoolExecutor(core_count(), thread_name_prefix="match") as pool,
        ):
            for done in pool.map(search, blocks(len(cells), _CELLS)):
                self._advance(done)
        return found.take(np.lexsort((found.photo, totals), axis=1))

    def block(self, cells: Indices) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        """See `Costs`."""
        found = self.nearest(cells, self.photos)
        order = np.argsort(found.photo, axis=1)
        ordered = found.take(order)
        return ordered.cost, ordered.symmetry


def _sums(pictures: Pixels) -> Float32Array:
    """Return (N, 193): a quarter of each sum over 4 × 4 pixels, and the length of the residual."""
    result = np.empty((len(pictures), 193), np.float32)
    for block in blocks(len(pictures), 1024):
        part = pictures[block].astype(np.float32)
        side = part.shape[1] // _PATCH
        sums = part.reshape(len(part), side, _PATCH, side, _PATCH, 3).sum(axis=(2, 4)).reshape(len(part), -1) / _PATCH
        flat = part.reshape(len(part), -1).astype(np.float64)
        residual = np.einsum("nd,nd->n", flat, flat) - np.einsum("nd,nd->n", sums, sums, dtype=np.float64)
        result[block] = np.concatenate([sums, np.sqrt(np.maximum(residual, 0))[:, np.newaxis]], axis=1)
    return result


# -- Compiled ------------------------------------------------------------------------------------------------------


@kernel
def distance(a, b):
    """Return the Euclidean distance between two rows of bytes; its square is an integer below 2**31."""
    total = np.int32(0)
    for i in range(len(a)):
        difference = np.int32(a[i]) - np.int32(b[i])
        total += difference * difference
    return np.float32(np.sqrt(np.float64(total)))


@kernel
def merge_nearest(bound, pictures, photos, start, prices, symmetry, photo, symmetries, cost, totals):
    """Merge a block of photos into each row's nearest photos, which are heaps with the worst on top. bound: squared."""
    size = totals.shape[1]
    for row in range(bound.shape[0]):
        # The photo with the lowest bound is compared first: its cost excludes most of the others.
        lowest = 0
        for i in range(1, bound.shape[1]):
            if bound[row, i] < bound[row, lowest]:
                lowest = i
        for turn in range(-1, bound.shape[1]):
            i = lowest if turn < 0 else turn
            if turn == lowest:
                continue
            limit = totals[row, 0] - prices[start + i]
            if limit < 0 or bound[row, i] > limit * limit + np.float32(_SLACK):
                continue
            cost_here = distance(pictures[row], photos[start + i])
            total = cost_here + prices[start + i]
            number = start + i
            if total > totals[row, 0] or (total == totals[row, 0] and number >= photo[row, 0]):
                continue
            slot = 0
            known = -1
            for j in range(size):  # the photo may already be there under another symmetry
                if photo[row, j] == number:
                    known = j
            if known >= 0:
                if total >= totals[row, known]:
                    continue
                slot = known
            while True:
                child = 2 * slot + 1
                if child >= size:
                    break
                if child + 1 < size and (
                    totals[row, child + 1] > totals[row, child]
                    or (totals[row, child + 1] == totals[row, child] and photo[row, child + 1] > photo[row, child])
                ):
                    child += 1
                if totals[row, child] < total or (totals[row, child] == total and photo[row, child] < number):
                    break
                totals[row, slot], photo[row, slot] = totals[row, child], photo[row, child]
                symmetries[row, slot], cost[row, slot] = symmetries[row, child], cost[row, child]
                slot = child
            totals[row, slot], photo[row, slot] = total, number
            symmetries[row, slot], cost[row, slot] = symmetry, cost_here
