"""The metric `structure`: detail with a free gain, mean colour, and colour outside the range of tone.

The cost of a tile in a cell, in squared CIELAB units, is

    |g · d_tile − d_cell|² + shift · |m_tile − m_cell|² + miss · |distance of the cell's colour from tone's range|²
    + loss · Σ (1 − the gain of a channel at which the cell's colour is in its range)²

d: detail, m: mean, g: the gain within the bounds of tone that minimizes the first term. The search computes this cost
exactly for all photos: the products of details by matrix products, the rest in a compiled loop.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.descriptors import Structure, blocks, inverse_symmetry, with_symmetry
from renderer.kernels.matching import StructureBlock, all_costs, keep_cheapest
from renderer.matching.candidates import Candidates, Indices, cheapest, joined
from renderer.matching.tone import CONTRAST, MAX_GAIN, TIGHT_GAIN, colour_range
from renderer.progress import Advance
from renderer.threads import run_blocks

COLOUR: Final = 2.0
"""Weight of the mean colour difference that tone leaves, relative to detail, in squared CIELAB units."""

SHIFT: Final = 0.01
"""Weight of the mean colour difference that tone removes: low, so that photos of similar colours are preferred."""

LOSS: Final = 100.0
"""Weight of the squared share of its contrast that a tile loses in a channel, so that its colour is in the range."""

MISS: Final = 3.0 * 100.0**2
"""Weight of the squared sRGB difference (0…1) that is outside the range of tone."""

_CELLS: Final = 64
_PHOTOS: Final = 8192
"""Cells and photos in one matrix product: 2 MB per symmetry and thread."""

_BLOCKS: Final = 16
_MIN_CELLS: Final = 8
"""Number of blocks into which fewer cells are divided, so that all threads have work, and the minimum number of cells
in a block: 4 take a third more time per cell."""

_PARTIAL: Final = 4
"""Photos per candidate above which candidates are kept in heaps; otherwise all costs are computed and sorted."""


@dataclass(frozen=True)
class Weights:
    """Weights of the cost for a strength of tone 0…1."""

    min_gain: np.float32
    max_gain: np.float32
    shift: np.float32
    miss: np.float32
    tight_gain: np.float32  # the gain that defines the range of colours
    loss: np.float32

    @classmethod
    def of_tone(cls, strength: float) -> Weights:
        """Return the weights for a strength of tone: colour differences that tone removes hardly count."""
        visible = COLOUR * (1 - strength) ** 2
        return cls(
            np.float32(1 + strength * (CONTRAST - 1)),
            np.float32(1 + strength * (MAX_GAIN - 1)),
            np.float32(visible + strength * SHIFT),
            np.float32(strength**2 * MISS),
            np.float32(1 + strength * (TIGHT_GAIN - 1)),
            np.float32(strength**2 * LOSS),
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
        self._numbers = (
            weights.min_gain, weights.max_gain, weights.shift, weights.miss, weights.tight_gain, weights.loss
        )  # fmt: skip
        darkest, lightest = colour_range(photos, weights.tight_gain)
        # One row per term, so that the compiled loop is vectorized.
        energy = np.einsum("nd,nd->n", photos.detail, photos.detail)
        self._terms = np.ascontiguousarray(np.vstack([energy, photos.mean.T, darkest.T, lightest.T]), np.float32)

    def nearest(self, cells: Indices, count: int, prices: Float32Array | None = None) -> Candidates:
        """See `Costs`. All photos are compared; the cells are divided among threads."""
        count = min(count, self.photos)
        if _PARTIAL * count > self.photos:

            def sort(rows: slice) -> Candidates:
                return cheapest(*self._all_costs(cells[rows]), count, prices)

            return joined(run_blocks(sort, _blocks(len(cells)), lambda part: self._advance(len(part.photo))))
        price = np.zeros(self.photos, np.float32) if prices is None else prices
        shape = len(cells), count
        found = Candidates(np.empty(shape, np.int32), np.empty(shape, np.uint8), np.empty(shape, np.float32))

        def keep(rows: slice) -> int:
            chosen, best = cells[rows], found.rows(rows)
            best.photo[:], best.cost[:] = -1, np.inf
            totals = np.full(best.cost.shape, np.inf, np.float32)
            for block in self._blocks_of(chosen, self._detail, self._terms):
                keep_cheapest(block, self._symmetries, price, best.photo, best.symmetry, best.cost, totals)
            return len(chosen)

        run_blocks(keep, _blocks(len(cells)), self._advance)
        return found

    def block(self, cells: Indices) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        """See `Costs`."""
        cost = np.empty((len(cells), self.photos), np.float32)
        symmetry = np.empty((len(cells), self.photos), np.uint8)

        def fill(rows: slice) -> int:
            cost[rows], symmetry[rows] = self._all_costs(cells[rows])
            return len(cells[rows])

        run_blocks(fill, _blocks(len(cells)), self._advance)
        return cost, symmetry

    def among(self, cells: Indices, photos: Indices) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        """See `PairCosts`."""
        cost = np.empty((len(cells), len(photos)), np.float32)
        symmetry = np.empty((len(cells), len(photos)), np.uint8)
        detail, terms = self._detail[photos], np.ascontiguousarray(self._terms[:, photos])
        for block in self._blocks_of(cells, detail, terms):
            all_costs(block, self._symmetries, cost, symmetry)
        return cost, symmetry

    def _all_costs(self, cells: Indices) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        """Return the result of `block` for a block of cells, computed in this thread."""
        cost = np.empty((len(cells), self.photos), np.float32)
        symmetry = np.empty((len(cells), self.photos), np.uint8)
        for block in self._blocks_of(cells, self._detail, self._terms):
            all_costs(block, self._symmetries, cost, symmetry)
        return cost, symmetry

    def _blocks_of(
        self, cells: Indices, photo_detail: Float32Array, photo_terms: Float32Array
    ) -> Iterator[StructureBlock]:
        """Yield the terms of a block of cells with each block of photos, in order."""
        detail = self._cell.detail[cells]
        # Transforming the cell by the inverse is the same as transforming the tile, and cheaper.
        turned = np.stack([with_symmetry(detail, symmetry) for symmetry in self._inverses])
        cell = (np.einsum("nd,nd->n", detail, detail), self._cell.mean[cells], self._cell.colour[cells])
        photos = len(photo_detail)
        for block in blocks(photos, _PHOTOS):
            products = turned @ photo_detail[block].T
            shape = (len(turned), len(cells), products.shape[2], photos)
            yield StructureBlock(products, *cell, photo_terms, *shape, block.start, *self._numbers)


def _blocks(cells: int) -> list[slice]:
    """Divide cells into blocks for threads; the division must not depend on the number of threads."""
    return blocks(cells, min(_CELLS, max(math.ceil(cells / _BLOCKS), _MIN_CELLS)))
