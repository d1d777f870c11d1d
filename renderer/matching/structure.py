"""The metric `structure`: detail with a free gain, mean colour, and colour outside the range of tone.

The cost of a tile in a cell, in squared CIELAB units, is

    |g · d_tile − d_cell|² + shift · |m_tile − m_cell|² + miss · |distance of the cell's colour from tone's range|²

d: detail, m: mean, g: the gain within the bounds of tone that minimizes the first term. The search computes this cost
exactly for all photos: the products of details by matrix products, the rest in a compiled loop.
"""

# Numba infers the types of compiled functions.
# mypy: disable-error-code="no-untyped-def, no-any-return, no-untyped-call"
from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from renderer.arrays import Float32Array
from renderer.compiled import kernel
from renderer.cores import core_count
from renderer.descriptors import Structure, blocks, inverse_symmetry, with_symmetry
from renderer.matching.candidates import Candidates, Indices, cheapest
from renderer.matching.tone import MAX_GAIN, MIN_GAIN, TIGHT_GAIN, colour_range
from renderer.progress import Advance

COLOUR: Final = 2.0
"""Weight of the mean colour difference that tone leaves, relative to detail, in squared CIELAB units."""

SHIFT: Final = 0.01
"""Weight of the mean colour difference that tone removes: low, so that photos of similar colours are preferred."""

MISS: Final = 3.0 * 100.0**2
"""Weight of the squared sRGB difference (0…1) that is outside the range of tone."""

_CELLS: Final = 64
_PHOTOS: Final = 8192
"""Cells and photos in one matrix product: 2 MB per symmetry and thread."""

_PARTIAL: Final = 4
"""Photos per candidate above which candidates are kept in heaps; otherwise all costs are computed and sorted."""

_Rows = tuple[Float32Array, Float32Array, Float32Array]
"""For M cells: energy of the detail (M,), mean in CIELAB (M, 3) and in sRGB (M, 3)."""


@dataclass(frozen=True)
class Weights:
    """Weights of the cost for a strength of tone 0…1."""

    min_gain: np.float32
    max_gain: np.float32
    shift: np.float32
    miss: np.float32
    tight_gain: np.float32  # the gain that defines the range of colours

    @classmethod
    def of_tone(cls, strength: float) -> Weights:
        """Return the weights for a strength of tone: colour differences that tone removes hardly count."""
        visible = COLOUR * (1 - strength) ** 2
        return cls(
            np.float32(1 + strength * (MIN_GAIN - 1)),
            np.float32(1 + strength * (MAX_GAIN - 1)),
            np.float32(visible + strength * SHIFT),
            np.float32(strength**2 * MISS),
            np.float32(1 + strength * (TIGHT_GAIN - 1)),
        )


class StructureCosts:
    """`Costs` of `structure`. Memory: 260 bytes per photo and per cell, and blocks of 20 MB."""

    def __init__(
        self, cells: Structure, photos: Structure, symmetries: Sequence[int], weights: Weights, advance: Advance
    ) -> None:
        self.cells, self.photos = len(cells), len(photos)
        self._cell, self._detail = cells, photos.detail
        self._symmetries = np.array(symmetries, np.uint8)
        self._advance = advance
        self._inverses = [inverse_symmetry(s) for s in symmetries]
        self._numbers = (weights.min_gain, weights.max_gain, weights.shift, weights.miss)
        darkest, lightest = colour_range(photos, weights.tight_gain)
        # One row per term, so that the compiled loop is vectorized.
        energy = np.einsum("nd,nd->n", photos.detail, photos.detail)
        self._terms = np.ascontiguousarray(np.vstack([energy, photos.mean.T, darkest.T, lightest.T]), np.float32)

    def nearest(self, cells: Indices, count: int, prices: Float32Array | None = None) -> Candidates:
        """See `Costs`. All photos are compared; the cells are divided among threads."""
        count = min(count, self.photos)
        if _PARTIAL * count > self.photos:
            parts = [cheapest(*self.block(cells[rows]), count, prices) for rows in blocks(len(cells), 4 * _CELLS)]
            return Candidates(*(np.concatenate(values) for values in zip(*map(astuple, parts), strict=True)))
        price = np.zeros(self.photos, np.float32) if prices is None else prices
        found = Candidates(
            np.full((len(cells), count), -1, np.int32),
            np.zeros((len(cells), count), np.uint8),
            np.full((len(cells), count), np.inf, np.float32),
        )
        totals = np.full((len(cells), count), np.inf, np.float32)

        def keep(rows: slice, start: int, products: Float32Array, cell: _Rows) -> None:
            keep_cheapest(
                products, *cell, self._terms, start, price, self._numbers, self._symmetries,
                found.photo[rows], found.symmetry[rows], found.cost[rows], totals[rows],
            )  # fmt: skip

        self._scan(cells, keep)
        found.reorder(lambda rows: np.lexsort((found.photo[rows], totals[rows]), axis=1))
        return found

    def block(self, cells: Indices) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        """See `Costs`."""
        cost = np.empty((len(cells), self.photos), np.float32)
        symmetry = np.empty((len(cells), self.photos), np.uint8)

        def fill(rows: slice, start: int, products: Float32Array, cell: _Rows) -> None:
            all_costs(
                products, *cell, self._terms, start, self._numbers, self._symmetries,
                cost[rows], symmetry[rows],
            )  # fmt: skip

        self._scan(cells, fill)
        return cost, symmetry

    def _scan(self, cells: Indices, work: Callable[[slice, int, Float32Array, _Rows], None]) -> None:
        """Call `work` for each block of cells, in threads, and within it for each block of photos, in order."""

        def scan(rows: slice) -> int:
            chosen = cells[rows]
            detail = self._cell.detail[chosen]
            # Transforming the cell by the inverse is the same as transforming the tile, and cheaper.
            turned = np.stack([with_symmetry(detail, symmetry) for symmetry in self._inverses])
            cell = (np.einsum("nd,nd->n", detail, detail), self._cell.mean[chosen], self._cell.colour[chosen])
            for block in blocks(self.photos, _PHOTOS):
                work(rows, block.start, turned @ self._detail[block].T, cell)
            return len(chosen)

        # One BLAS thread per product: waiting BLAS threads spin, which would slow down the threads below.
        with (
            threadpool_limits(1, user_api="blas"),
            ThreadPoolExecutor(core_count(), thread_name_prefix="match") as pool,
        ):
            for done in pool.map(scan, blocks(len(cells), _CELLS)):
                self._advance(done)


# -- Compiled ------------------------------------------------------------------------------------------------------

_CHUNK = 512  # photos whose costs are computed at once, vectorized, before they are compared


@kernel
def detail_cost(product, energy, min_gain, max_gain):
    """Return |g · d_tile − d_cell|² − |d_cell|² for the best gain g within its bounds."""
    gain = min(max(product / (energy + np.float32(1e-6)), min_gain), max_gain)
    return gain * (gain * energy - np.float32(2) * product)


@kernel
def row_costs(products, row, start, first, last, terms, energy, mean, colour, numbers, cost):
    """Write to `cost` the costs of a block's photos first … last − 1 in a row's cell, under their best symmetry."""
    min_gain, max_gain, shift, miss = numbers
    zero = np.float32(0)
    count = last - first
    own = terms[0, start + first : start + last]  # loops over slices of one dimension are vectorized
    product = products[0, row, first:last]
    for i in range(count):
        cost[i] = detail_cost(product[i], own[i], min_gain, max_gain)
    for number in range(1, products.shape[0]):
        product = products[number, row, first:last]
        for i in range(count):
            other = detail_cost(product[i], own[i], min_gain, max_gain)
            cost[i] = other if other < cost[i] else cost[i]
    for i in range(count):
        cost[i] = max(cost[i] + energy, zero)
    for channel in range(3):
        cell_mean, cell_colour = mean[channel], colour[channel]
        means = terms[1 + channel, start + first : start + last]
        darkest = terms[4 + channel, start + first : start + last]
        lightest = terms[7 + channel, start + first : start + last]
        for i in range(count):
            difference = means[i] - cell_mean
            outside = max(darkest[i] - cell_colour, zero) + max(cell_colour - lightest[i], zero)
            cost[i] += shift * difference * difference + miss * outside * outside


@kernel
def best_symmetry(products, row, photo, energy, numbers):
    """Return the index of the symmetry under which a photo fits best, the first in a tie."""
    best = 0
    lowest = detail_cost(products[0, row, photo], energy, numbers[0], numbers[1])
    for number in range(1, products.shape[0]):
        cost = detail_cost(products[number, row, photo], energy, numbers[0], numbers[1])
        if cost < lowest:
            best, lowest = number, cost
    return best


@kernel
def keep_cheapest(
    products, energy, mean, colour, terms, start, prices, numbers, symmetries, photo, symmetry, cost, totals
):
    """Merge a block of photos into each row's candidates, which are heaps by cost + price with the worst on top."""
    size = totals.shape[1]
    buffer = np.empty(_CHUNK, np.float32)
    for row in range(products.shape[1]):
        for first in range(0, products.shape[2], _CHUNK):
            last = min(first + _CHUNK, products.shape[2])
            row_costs(products, row, start, first, last, terms, energy[row], mean[row], colour[row], numbers, buffer)
            for i in range(last - first):
                total = buffer[i] + prices[start + first + i]
                if not total < totals[row, 0]:
                    continue
                number = best_symmetry(products, row, first + i, terms[0, start + first + i], numbers)
                # The new photo replaces the worst one on top of the heap, and sinks below worse ones.
                slot = 0
                while True:
                    child = 2 * slot + 1
                    if child >= size:
                        break
                    if child + 1 < size and (
                        totals[row, child + 1] > totals[row, child]
                        or (totals[row, child + 1] == totals[row, child] and photo[row, child + 1] > photo[row, child])
                    ):
                        child += 1
                    if totals[row, child] <= total:  # of equal totals, the later photo is worse
                        break
                    totals[row, slot], photo[row, slot] = totals[row, child], photo[row, child]
                    symmetry[row, slot], cost[row, slot] = symmetry[row, child], cost[row, child]
                    slot = child
                totals[row, slot], photo[row, slot] = total, start + first + i
                symmetry[row, slot], cost[row, slot] = symmetries[number], buffer[i]


@kernel
def all_costs(products, energy, mean, colour, terms, start, numbers, symmetries, cost, symmetry):
    """Write the costs and symmetries of a block of photos to the arrays for all photos."""
    buffer = np.empty(_CHUNK, np.float32)
    for row in range(products.shape[1]):
        for first in range(0, products.shape[2], _CHUNK):
            last = min(first + _CHUNK, products.shape[2])
            row_costs(products, row, start, first, last, terms, energy[row], mean[row], colour[row], numbers, buffer)
            for i in range(last - first):
                cost[row, start + first + i] = buffer[i]
                number = best_symmetry(products, row, first + i, terms[0, start + first + i], numbers)
                symmetry[row, start + first + i] = symmetries[number]
