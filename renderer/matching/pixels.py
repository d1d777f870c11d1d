"""The metric `pixels`: exact Euclidean distances of 32 × 32 pixels, most of which need not be worked out.

The sums over 4 × 4 pixels are an orthogonal projection (up to a factor), so the distance of two pictures is at least
that of their sums together with that of what the sums leave (of which the lengths are known): a distance in 193
dimensions instead of 3072. Matrix products give these, and only photos whose bound is below the best found so far are
looked at in full, in whole numbers. On real photos one in some thousands is.
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

_PATCH: Final = 4  # pixels a side whose sum is taken
_CELLS: Final = 32
_PHOTOS: Final = 16384
"""The block of one matrix product: 2 MB a thread."""

_SLACK: Final = 2000.0
"""What a squared bound (up to 2e8) may be off by in 32 bits; sixty times what was seen."""


class PixelCosts:
    """`Costs` of distances of pixels, in 8-bit steps. Memory: the pictures, and 0.8 KB of sums a picture."""

    def __init__(self, cells: Sequence[Pixels], photos: Pixels, symmetries: Sequence[int], advance: Advance) -> None:
        """`cells`: pictures (N, 32, 32, 3) of the cells for each symmetry, as a tile in it would look untouched."""
        self.cells, self.photos = len(cells[0]), len(photos)
        self._advance = advance
        self._cells = [np.ascontiguousarray(pictures).reshape(len(pictures), -1) for pictures in cells]
        self._sums = [_sums(pictures) for pictures in cells]
        self._photos = np.ascontiguousarray(photos).reshape(len(photos), -1)
        self._photo_sums = _sums(photos)
        self._lengths = np.einsum("nd,nd->n", self._photo_sums, self._photo_sums)
        self._symmetries = np.array(symmetries, np.uint8)

    def nearest(self, cells: Indices, count: int, prices: Float32Array | None = None) -> Candidates:
        """See `Costs`. The cells are shared among threads."""
        count = min(count, self.photos)
        price = np.zeros(self.photos, np.float32) if prices is None else prices
        shape = (len(cells), count)
        totals = np.full(shape, np.inf, np.float32)
        found = Candidates(np.full(shape, -1, np.int32), np.zeros(shape, np.uint8), np.full(shape, np.inf, np.float32))

        def search(rows: slice) -> int:
            chosen = cells[rows]
            for symmetry, pictures, sums in zip(self._symmetries, self._cells, self._sums, strict=True):
                wanted = sums[chosen]
                length = np.einsum("nd,nd->n", wanted, wanted)
                for some in blocks(self.photos, _PHOTOS):
                    bound = wanted @ self._photo_sums[some].T
                    np.multiply(bound, -2, out=bound)
                    bound += length[:, np.newaxis]
                    bound += self._lengths[some]
                    look(
                        bound, pictures[chosen], self._photos, some.start, price, symmetry,
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
    """(N, 193) sums over 4 × 4 pixels, a quarter each, and the length of what they leave."""
    found = np.empty((len(pictures), 193), np.float32)
    for some in blocks(len(pictures), 1024):
        part = pictures[some].astype(np.float32)
        side = part.shape[1] // _PATCH
        sums = part.reshape(len(part), side, _PATCH, side, _PATCH, 3).sum(axis=(2, 4)).reshape(len(part), -1) / _PATCH
        flat = part.reshape(len(part), -1).astype(np.float64)
        rest = np.einsum("nd,nd->n", flat, flat) - np.einsum("nd,nd->n", sums, sums, dtype=np.float64)
        found[some] = np.concatenate([sums, np.sqrt(np.maximum(rest, 0))[:, np.newaxis]], axis=1)
    return found


# -- Compiled ------------------------------------------------------------------------------------------------------


@kernel
def distance(a, b):
    """Euclidean distance of two rows of bytes: its square is a whole number below 2**31."""
    total = np.int32(0)
    for i in range(len(a)):
        off = np.int32(a[i]) - np.int32(b[i])
        total += off * off
    return np.float32(np.sqrt(np.float64(total)))


@kernel
def look(bound, pictures, photos, start, prices, symmetry, photo, symmetries, cost, totals):
    """Merge a block of photos into the nearest of some cells (heaps, the worst on top), given squared lower bounds."""
    kept = totals.shape[1]
    for row in range(bound.shape[0]):
        # The one that promises most first: what it costs rules out most of the others.
        promising = 0
        for i in range(1, bound.shape[1]):
            if bound[row, i] < bound[row, promising]:
                promising = i
        for turn in range(-1, bound.shape[1]):
            i = promising if turn < 0 else turn
            if turn == promising:
                continue
            spare = totals[row, 0] - prices[start + i]
            if spare < 0 or bound[row, i] > spare * spare + np.float32(_SLACK):
                continue
            away = distance(pictures[row], photos[start + i])
            total = away + prices[start + i]
            number = start + i
            if total > totals[row, 0] or (total == totals[row, 0] and number >= photo[row, 0]):
                continue
            place = 0
            known = -1
            for j in range(kept):  # under another symmetry it may be here already
                if photo[row, j] == number:
                    known = j
            if known >= 0:
                if total >= totals[row, known]:
                    continue
                place = known
            while True:
                below = 2 * place + 1
                if below >= kept:
                    break
                if below + 1 < kept and (
                    totals[row, below + 1] > totals[row, below]
                    or (totals[row, below + 1] == totals[row, below] and photo[row, below + 1] > photo[row, below])
                ):
                    below += 1
                if totals[row, below] < total or (totals[row, below] == total and photo[row, below] < number):
                    break
                totals[row, place], photo[row, place] = totals[row, below], photo[row, below]
                symmetries[row, place], cost[row, place] = symmetries[row, below], cost[row, below]
                place = below
            totals[row, place], photo[row, place] = total, number
            symmetries[row, place], cost[row, place] = symmetry, away
