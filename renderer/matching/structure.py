"""The metric `structure`: detail against detail with a free gain, the mean on its own, and what tone can't reach.

The cost of a tile in a cell, in squared CIELAB units, is

    |g · d_tile − d_cell|² + shift · |m_tile − m_cell|² + miss · |colour that tone can't reach|²

d: detail, m: mean, g: the gain within the bounds of tone that makes the first term least. The search looks at every
photo under exactly this cost: matrix products give the products of details, a compiled loop the rest.
"""

# What is compiled into its callers has its types from Numba.
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
from renderer.matching.candidates import Candidates, Indices, least
from renderer.matching.tone import MAX_GAIN, MIN_GAIN, TIGHT_GAIN, reach
from renderer.progress import Advance

COLOUR: Final = 2.0
"""Weight of the mean colour, in squared CIELAB units, that tone leaves, against the detail."""

SHIFT: Final = 0.01
"""What a squared unit of colour costs that full tone will take away: photos keep near their own colours."""

MISS: Final = 3.0 * 100.0**2
"""What a squared unit of sRGB (0…1) costs that tone can't give."""

_CELLS: Final = 64
_PHOTOS: Final = 8192
"""The block of one matrix product: 2 MB a symmetry and thread."""

_SORTED: Final = 4
"""Candidates are kept while searching, or, if they are more than one in so many photos, sorted out of all costs."""

_Rows = tuple[Float32Array, Float32Array, Float32Array]
"""Of some cells: the energy of the detail (M,), the mean in CIELAB and in sRGB (M, 3)."""


@dataclass(frozen=True)
class Weights:
    """The terms of the cost for one strength of tone, 0…1."""

    least_gain: np.float32
    most_gain: np.float32
    shift: np.float32
    miss: np.float32
    tight_gain: np.float32  # at which colours are out of reach

    @classmethod
    def of_tone(cls, strength: float) -> Weights:
        """What tone leaves of a colour's difference is seen, what it takes away is not."""
        left = COLOUR * (1 - strength) ** 2
        return cls(
            np.float32(1 + strength * (MIN_GAIN - 1)),
            np.float32(1 + strength * (MAX_GAIN - 1)),
            np.float32(left + strength * SHIFT),
            np.float32(strength**2 * MISS),
            np.float32(1 + strength * (TIGHT_GAIN - 1)),
        )


class StructureCosts:
    """`Costs` of `structure`. Memory: 260 bytes a photo and a cell, and blocks of 20 MB."""

    def __init__(
        self, cells: Structure, photos: Structure, symmetries: Sequence[int], weights: Weights, advance: Advance
    ) -> None:
        self.cells, self.photos = len(cells), len(photos)
        self._cell, self._detail = cells, photos.detail
        self._symmetries = np.array(symmetries, np.uint8)
        self._advance = advance
        self._undo = [inverse_symmetry(s) for s in symmetries]
        self._numbers = (weights.least_gain, weights.most_gain, weights.shift, weights.miss)
        darkest, lightest = reach(photos, weights.tight_gain)
        # A row a term, so that the compiled loop reads them in vectors.
        energy = np.einsum("nd,nd->n", photos.detail, photos.detail)
        self._terms = np.ascontiguousarray(np.vstack([energy, photos.mean.T, darkest.T, lightest.T]), np.float32)

    def nearest(self, cells: Indices, count: int, prices: Float32Array | None = None) -> Candidates:
        """See `Costs`. Every photo is looked at; the cells are shared among threads."""
        count = min(count, self.photos)
        if _SORTED * count > self.photos:
            parts = [least(*self.block(cells[rows]), count, prices) for rows in blocks(len(cells), 4 * _CELLS)]
            return Candidates(*(np.concatenate(values) for values in zip(*map(astuple, parts), strict=True)))
        price = np.zeros(self.photos, np.float32) if prices is None else prices
        found = Candidates(
            np.full((len(cells), count), -1, np.int32),
            np.zeros((len(cells), count), np.uint8),
            np.full((len(cells), count), np.inf, np.float32),
        )
        totals = np.full((len(cells), count), np.inf, np.float32)

        def keep(rows: slice, start: int, products: Float32Array, cell: _Rows) -> None:
            keep_least(
                products, *cell, self._terms, start, price, self._numbers, self._symmetries,
                found.photo[rows], found.symmetry[rows], found.cost[rows], totals[rows],
            )  # fmt: skip

        self._scan(cells, keep)
        found.reorder(lambda some: np.lexsort((found.photo[some], totals[some]), axis=1))
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
        """Call `work` for every block of cells, in threads, and in each for every block of photos in order."""

        def scan(rows: slice) -> int:
            chosen = cells[rows]
            detail = self._cell.detail[chosen]
            # A turned tile meets a cell as the tile meets the cell turned back.
            turned = np.stack([with_symmetry(detail, symmetry) for symmetry in self._undo])
            cell = (np.einsum("nd,nd->n", detail, detail), self._cell.mean[chosen], self._cell.colour[chosen])
            for some in blocks(self.photos, _PHOTOS):
                work(rows, some.start, turned @ self._detail[some].T, cell)
            return len(chosen)

        # One thread a product: those of BLAS spin while they wait, and would keep ours from working.
        with (
            threadpool_limits(1, user_api="blas"),
            ThreadPoolExecutor(core_count(), thread_name_prefix="match") as pool,
        ):
            for done in pool.map(scan, blocks(len(cells), _CELLS)):
                self._advance(done)


# -- Compiled ------------------------------------------------------------------------------------------------------

_CHUNK = 512  # photos whose costs are worked out at once, in vectors, before they are compared


@kernel
def detail_cost(product, energy, least_gain, most_gain):
    """|g · d_tile − d_cell|² − |d_cell|² with the best gain g within its bounds."""
    gain = min(max(product / (energy + np.float32(1e-6)), least_gain), most_gain)
    return gain * (gain * energy - np.float32(2) * product)


@kernel
def row_costs(products, row, start, first, last, terms, energy, mean, colour, numbers, cost):
    """Costs of photos first…last of a block in the cell of a row, each under its best symmetry, into a buffer."""
    least_gain, most_gain, shift, miss = numbers
    zero = np.float32(0)
    count = last - first
    own = terms[0, start + first : start + last]  # slices of one dimension: their loops become vectors
    product = products[0, row, first:last]
    for i in range(count):
        cost[i] = detail_cost(product[i], own[i], least_gain, most_gain)
    for number in range(1, products.shape[0]):
        product = products[number, row, first:last]
        for i in range(count):
            other = detail_cost(product[i], own[i], least_gain, most_gain)
            cost[i] = other if other < cost[i] else cost[i]
    for i in range(count):
        cost[i] = max(cost[i] + energy, zero)
    for channel in range(3):
        wanted, shown = mean[channel], colour[channel]
        means = terms[1 + channel, start + first : start + last]
        darkest = terms[4 + channel, start + first : start + last]
        lightest = terms[7 + channel, start + first : start + last]
        for i in range(count):
            away = means[i] - wanted
            short = max(darkest[i] - shown, zero) + max(shown - lightest[i], zero)
            cost[i] += shift * away * away + miss * short * short


@kernel
def best_symmetry(products, row, place, energy, numbers):
    """The number of the symmetry under which a photo fits best, the first of equal ones."""
    best = 0
    lowest = detail_cost(products[0, row, place], energy, numbers[0], numbers[1])
    for number in range(1, products.shape[0]):
        cost = detail_cost(products[number, row, place], energy, numbers[0], numbers[1])
        if cost < lowest:
            best, lowest = number, cost
    return best


@kernel
def keep_least(
    products, energy, mean, colour, terms, start, prices, numbers, symmetries, photo, symmetry, cost, totals
):
    """Merge a block of photos into the candidates of some rows, heaps by cost + price with the worst on top."""
    kept = totals.shape[1]
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
                # The worst one kept is on top of a heap: the new one takes its place and sinks below what is worse.
                place = 0
                while True:
                    below = 2 * place + 1
                    if below >= kept:
                        break
                    if below + 1 < kept and (
                        totals[row, below + 1] > totals[row, below]
                        or (totals[row, below + 1] == totals[row, below] and photo[row, below + 1] > photo[row, below])
                    ):
                        below += 1
                    if totals[row, below] <= total:  # of equal ones the later is the worse
                        break
                    totals[row, place], photo[row, place] = totals[row, below], photo[row, below]
                    symmetry[row, place], cost[row, place] = symmetry[row, below], cost[row, below]
                    place = below
                totals[row, place], photo[row, place] = total, start + first + i
                symmetry[row, place], cost[row, place] = symmetries[number], buffer[i]


@kernel
def all_costs(products, energy, mean, colour, terms, start, numbers, symmetries, cost, symmetry):
    """Costs and symmetries of a block of photos in some rows, into arrays for all photos."""
    buffer = np.empty(_CHUNK, np.float32)
    for row in range(products.shape[1]):
        for first in range(0, products.shape[2], _CHUNK):
            last = min(first + _CHUNK, products.shape[2])
            row_costs(products, row, start, first, last, terms, energy[row], mean[row], colour[row], numbers, buffer)
            for i in range(last - first):
                cost[row, start + first + i] = buffer[i]
                number = best_symmetry(products, row, first + i, terms[0, start + first + i], numbers)
                symmetry[row, start + first + i] = symmetries[number]
