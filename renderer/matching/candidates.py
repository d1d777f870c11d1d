"""What a metric offers to the rules: the best photos of a cell, and what any photo would cost in any cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.descriptors import blocks

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Candidates:
    """K photos for each of N cells, best first, equally good ones in library order."""

    photo: npt.NDArray[np.int32]  # (N, K)
    symmetry: npt.NDArray[np.uint8]  # (N, K) in which of the allowed symmetries the photo fits best
    cost: Float32Array  # (N, K) in the metric's own unit

    def reorder(self, order: Callable[[slice], Indices]) -> None:
        """Put the candidates of each cell in another order, (M, K) for a slice of cells; in blocks of 8 MB."""
        for some in blocks(len(self.photo), max(1_000_000 // max(self.photo.shape[1], 1), 1)):
            places = order(some)
            for values in (self.photo, self.symmetry, self.cost):
                values[some] = np.take_along_axis(values[some], places, axis=1)

    def rows(self, cells: slice) -> Candidates:
        """Those of some cells."""
        return Candidates(self.photo[cells], self.symmetry[cells], self.cost[cells])

    def take(self, places: Indices) -> Candidates:
        """Those at some places, (N, M), of each row."""
        return Candidates(
            np.take_along_axis(self.photo, places, axis=1),
            np.take_along_axis(self.symmetry, places, axis=1),
            np.take_along_axis(self.cost, places, axis=1),
        )


class Costs(Protocol):
    """How well photos fit cells. Costs are finite and not negative."""

    cells: int
    photos: int

    def nearest(self, cells: Indices, count: int, prices: Float32Array | None = None) -> Candidates:
        """The `count` photos of least cost + price (prices (photos,), inf for a photo that may not be taken).

        They are in order of that sum; `cost` is without the price.
        """
        ...

    def block(self, cells: Indices) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        """The cost (M, photos) of every photo in some cells, and its symmetry there."""
        ...


def least(cost: Float32Array, symmetry: npt.NDArray[np.uint8], count: int, prices: Float32Array | None) -> Candidates:
    """The candidates in a block of costs (M, photos)."""
    total = cost if prices is None else cost + prices
    if count < total.shape[1]:
        # Up to the count-th value all are wanted; of those equal to it, the first in library order.
        bound = np.partition(total, count - 1, axis=1)[:, count - 1 : count]
        rank = np.where(total <= bound, total, np.inf)
        order = np.argsort(rank, axis=1, kind="stable")[:, :count]
    else:
        order = np.argsort(total, axis=1, kind="stable")
    return Candidates(np.broadcast_to(np.arange(cost.shape[1], dtype=np.int32), cost.shape), symmetry, cost).take(order)
