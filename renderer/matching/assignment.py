"""Assignment of photos with limited uses to cells: an auction over the best candidates of each cell.

Cells bid for the photo of lowest cost + price. A photo goes to the highest bidders, and its price is the lowest
accepted bid. A cell knows only its best candidates: when their prices have risen so far that another photo may be as
good, it stops bidding until new candidates are searched for at the current prices. This requires no matrix of all
costs, and the total cost is minimal to within `epsilon` per cell.

Source: Bertsekas, "The auction algorithm", 1988; for several uses: Bertsekas and Castañon, "The auction algorithm for
the transportation problem", 1989.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array, Float64Array
from renderer.descriptors import blocks
from renderer.kernels.matching import BID_GROUP, Auction, run_auction
from renderer.matching.candidates import Candidates, Costs, Indices
from renderer.threads import run_blocks

_ACCURACY: Final = 0.01
"""Epsilon relative to the cost range of a cell's candidates: 10 times as much loses quality, a tenth of it is slow."""

_MAX_CANDIDATES: Final = 20_000_000
"""Maximum number of candidates of all cells together, which limits repeated searches: 180 MB."""

_MAX_PER_CELL: Final = 1024
"""Maximum number of candidates of one cell: more are not needed, since prices have risen by then."""

_ROUNDING: Final = 1e-6
"""Relative allowance for the rounding of cost + price in 32 bits."""

_ROWS: Final = 256
"""Cells whose candidates are sorted at once: 6 MB."""

_MAX_ROUNDS: Final = 40
"""Maximum number of repeated searches; then each remaining cell takes the best photo with free uses."""


def assign(costs: Costs, cells: Indices, capacity: npt.NDArray[np.int32], count: int) -> tuple[Candidates, Candidates]:
    """Assign a photo to each of `cells` with the minimum total cost.

    Returns the assigned photos (M, 1), and the candidates (M, K) in the order of cost + final price. capacity:
    (photos,) maximum uses of each photo in these cells, with a sum of at least M; count: initial number of candidates
    per cell. Memory: 9 bytes per candidate, 16 per use.
    """
    number = len(cells)
    usable = int((capacity > 0).sum())
    closed = np.where(capacity > 0, np.float32(0), np.float32(np.inf))
    count = min(max(count, 2), usable, max(_MAX_CANDIDATES // number, 16))
    known = costs.nearest(cells, count, closed)
    best = np.bincount(known.photo[:, 0], minlength=costs.photos)
    if (best <= capacity).all():  # each cell gets its best photo
        return known.take(np.zeros((number, 1), np.int64)), known
    cost_range = known.cost[:, -1] - known.cost[:, 0]
    epsilon = max(_ACCURACY * float(cost_range.mean()), 1e-6 * float(known.cost.mean()), 1e-6)
    slots = np.minimum(capacity, number).astype(np.int64)
    first_slot = np.concatenate([[0], np.cumsum(slots)])
    auction = Auction(
        np.zeros(costs.photos),
        first_slot,
        np.full(first_slot[-1], -1, np.int64),
        np.zeros(first_slot[-1]),
        np.zeros(costs.photos, np.int64),
        np.full(number, -1, np.int64),
    )
    most = min(usable, max(min(_MAX_CANDIDATES // number, _MAX_PER_CELL), count))
    table = _Table(number, count, most)
    table.write(np.arange(number), known, known.cost[:, ::BID_GROUP])  # candidates are in order; prices only rise
    # Photos that are not candidates cost at least as much as the last candidate did at the time of the search.
    outside = np.full(number, np.inf) if count == usable else known.cost[:, -1].astype(np.float64)
    waiting, width = np.arange(number), count
    prices, held = auction.prices, auction.held
    for _ in range(_MAX_ROUNDS):
        run_auction(auction, table.photo, table.cost, table.first, table.width, table.lowest, outside, waiting, epsilon)
        waiting = np.flatnonzero(held < 0)
        if not len(waiting):
            break
        width = min(2 * width, most)
        current = (closed + prices).astype(np.float32)
        found = costs.nearest(cells[waiting], width, current)
        table.lengthen(waiting)
        table.write(waiting, found, _totals(found, current, slice(None, None, BID_GROUP)) * (1 - _ROUNDING))
        outside[waiting] = np.inf if width == usable else _totals(found, current, -1) * (1 + _ROUNDING)
    for cell in np.flatnonzero(held < 0).tolist():
        free = slots > auction.filled
        found = costs.nearest(cells[cell : cell + 1], 1, np.where(free, closed, np.inf).astype(np.float32))
        table.replace_first(cell, found)
        auction.filled[found.photo[0, 0]] += 1
        held[cell] = 0
    return table.take(held), table.cheapest(prices, count)


def _totals(found: Candidates, prices: Float32Array, columns: slice | int) -> Float32Array:
    """Return cost + price in some columns of candidates."""
    return np.asarray(found.cost[:, columns] + prices[found.photo[:, columns]])


class _Table:
    """The candidates of N cells: in a short row, or in a long one after the cell has searched again.

    A row consists of groups of BID_GROUP, of which the last one is padded by infinite costs. Memory that is not written
    takes no time, so that only the long rows in use count.
    """

    def __init__(self, cells: int, count: int, most: int) -> None:
        """count, most: number of candidates in a short and in a long row."""
        short, long = (math.ceil(columns / BID_GROUP) for columns in (count, most))
        self._end = cells * short if most > count else 0  # of the short rows; 0: they are long enough
        shape = (self._end + cells * long, BID_GROUP)
        self.photo, self.symmetry = np.zeros(shape, np.int32), np.zeros(shape, np.uint8)
        self.cost, self.lowest = np.zeros(shape, np.float32), np.zeros(shape[0])
        self.first = np.arange(cells) * short  # (N,) each cell's first group
        self.width = np.zeros(cells, np.int64)  # (N,) number of candidates of each cell
        self._long, self._most, self._rows = long, most, 0

    def lengthen(self, cells: Indices) -> None:
        """Give long rows to those of `cells` that have short ones."""
        short = cells[self.first[cells] < self._end]
        self.first[short] = self._end + self._long * (self._rows + np.arange(len(short)))
        self._rows += len(short)

    def write(self, cells: Indices, found: Candidates, lowest: Float32Array | Float64Array) -> None:
        """Replace the candidates of `cells` (M,). lowest: (M, groups) lower bound of cost + price in each group."""
        self.width[cells] = width = found.photo.shape[1]
        full = width // BID_GROUP

        def write(rows: slice) -> None:
            groups, part = self._groups(cells[rows], width), found.rows(rows)
            self.lowest[groups] = lowest[rows]
            last = groups[:, -1]
            self.cost[last] = np.inf
            for values, searched in ((self.photo, part.photo), (self.symmetry, part.symmetry), (self.cost, part.cost)):
                values[groups[:, :full]] = searched[:, : full * BID_GROUP].reshape(len(groups), full, BID_GROUP)
                values[last, : width % BID_GROUP] = searched[:, full * BID_GROUP :]

        run_blocks(write, blocks(len(cells), _ROWS))  # most of the time is that of the first access to memory

    def replace_first(self, cell: int, found: Candidates) -> None:
        """Replace the first candidate of a cell by another one, (1, 1)."""
        first = self.first[cell]
        self.photo[first, 0], self.symmetry[first, 0] = found.photo[0, 0], found.symmetry[0, 0]
        self.cost[first, 0] = found.cost[0, 0]

    def take(self, held: Indices) -> Candidates:
        """Return the candidate that each cell holds, (N, 1), from its index."""
        at = (BID_GROUP * self.first + held)[:, np.newaxis]
        return Candidates(self.photo.reshape(-1)[at], self.symmetry.reshape(-1)[at], self.cost.reshape(-1)[at])

    def cheapest(self, prices: Float64Array, count: int) -> Candidates:
        """Return the `count` candidates of lowest cost + price for each cell, in the order of that sum."""
        shape = (len(self.first), count)
        best = Candidates(np.empty(shape, np.int32), np.empty(shape, np.uint8), np.empty(shape, np.float32))

        def select(cells: Indices) -> None:
            groups = self._groups(cells, count if self.first[cells[0]] < self._end else self._most)
            shape = len(cells), groups.shape[1] * BID_GROUP
            part = Candidates(
                self.photo[groups].reshape(shape),
                self.symmetry[groups].reshape(shape),
                self.cost[groups].reshape(shape),
            )
            total = part.cost + prices[part.photo]
            total[np.arange(total.shape[1]) >= self.width[cells, np.newaxis]] = np.inf
            columns = np.sort(np.argpartition(total, count - 1, axis=1)[:, :count], axis=1)
            order = np.argsort(np.take_along_axis(total, columns, axis=1), axis=1, kind="stable")
            taken = part.take(np.take_along_axis(columns, order, axis=1))
            best.photo[cells], best.symmetry[cells], best.cost[cells] = taken.photo, taken.symmetry, taken.cost

        short = self.first < self._end
        alike = [np.flatnonzero(short), np.flatnonzero(~short)]  # rows of one length each
        run_blocks(select, [cells[block] for cells in alike for block in blocks(len(cells), _ROWS)])
        return best

    def _groups(self, cells: Indices, width: int) -> Indices:
        """Return the groups (M, groups) of the first `width` candidates of `cells`."""
        return self.first[cells, np.newaxis] + np.arange(math.ceil(width / BID_GROUP))
