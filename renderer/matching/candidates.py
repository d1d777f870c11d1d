"""The interface of a metric: the best photos for a cell, and the cost of any photo in any cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Candidates:
    """K photos for each of N cells, the best first, ties in library order."""

    photo: npt.NDArray[np.int32]  # (N, K) photo numbers
    symmetry: npt.NDArray[np.uint8]  # (N, K) the allowed symmetry under which the photo fits best
    cost: Float32Array  # (N, K) in the metric's unit

    def rows(self, cells: slice) -> Candidates:
        """Return the candidates of a slice of cells."""
        return Candidates(self.photo[cells], self.symmetry[cells], self.cost[cells])

    def take(self, indices: Indices) -> Candidates:
        """Return the candidates at indices (N, M) of each cell."""
        return Candidates(
            np.take_along_axis(self.photo, indices, axis=1),
            np.take_along_axis(self.symmetry, indices, axis=1),
            np.take_along_axis(self.cost, indices, axis=1),
        )


class Costs(Protocol):
    """The costs of photos in cells: finite, and at least 0."""

    cells: int
    photos: int

    def nearest(self, cells: Indices, count: int, prices: Float32Array | None = None) -> Candidates:
        """Return the `count` photos of lowest cost + price for each cell, in the order of that sum.

        prices: (photos,), inf for photos that are not allowed. `cost` of the result does not include the price.
        """
        ...

    def block(self, cells: Indices) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        """Return the cost (M, photos) of every photo in each cell, and its best symmetry (M, photos)."""
        ...


class PairCosts(Costs, Protocol):
    """`Costs` that can be computed for some of the photos."""

    def among(self, cells: Indices, photos: Indices) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        """Return the cost (M, K) of K photos in each cell, and their best symmetry (M, K). Starts no threads."""
        ...


def joined(parts: Sequence[Candidates]) -> Candidates:
    """Return the candidates of several groups of cells, one after the other."""
    return Candidates(
        np.concatenate([part.photo for part in parts]),
        np.concatenate([part.symmetry for part in parts]),
        np.concatenate([part.cost for part in parts]),
    )


def cheapest(
    cost: Float32Array, symmetry: npt.NDArray[np.uint8], count: int, prices: Float32Array | None
) -> Candidates:
    """Return the `count` candidates of lowest cost + price from blocks (M, photos)."""
    total = cost if prices is None else cost + prices
    if count < total.shape[1]:
        # All photos below the count-th value are included, and of those equal to it, the first in library order.
        bound = np.partition(total, count - 1, axis=1)[:, count - 1 : count]
        rank = np.where(total <= bound, total, np.inf)
        order = np.argsort(rank, axis=1, kind="stable")[:, :count]
    else:
        order = np.argsort(total, axis=1, kind="stable")
    return Candidates(np.broadcast_to(np.arange(cost.shape[1], dtype=np.int32), cost.shape), symmetry, cost).take(order)
