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

from renderer.arrays import Float64Array
from renderer.descriptors import blocks
from renderer.kernels.matching import BID_GROUP, Auction, run_auction
from renderer.matching.candidates import Candidates, Costs, Indices, joined
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
    # Memory that is not written takes no time.
    photo, symmetry = np.zeros((number, most), np.int32), np.zeros((number, most), np.uint8)
    cost, widths = np.zeros((number, most), np.float32), np.full(number, count)
    lowest = np.zeros((number, math.ceil(most / BID_GROUP)))
    photo[:, :count], symmetry[:, :count], cost[:, :count] = known.photo, known.symmetry, known.cost
    lowest[:, : math.ceil(count / BID_GROUP)] = known.cost[:, ::BID_GROUP]  # candidates are in order; prices only rise
    # Photos that are not candidates cost at least as much as the last candidate did at the time of the search.
    outside = np.full(number, np.inf) if count == usable else known.cost[:, -1].astype(np.float64)
    waiting, width = np.arange(number), count
    prices, held = auction.prices, auction.held
    for _ in range(_MAX_ROUNDS):
        run_auction(auction, photo, cost, widths, lowest, outside, waiting, epsilon)
        waiting = np.flatnonzero(held < 0)
        if not len(waiting):
            break
        width = min(2 * width, most)
        current = (closed + prices).astype(np.float32)
        found = costs.nearest(cells[waiting], width, current)
        for values, searched in ((photo, found.photo), (symmetry, found.symmetry), (cost, found.cost)):
            values[waiting, :width] = searched
        widths[waiting] = width
        total = found.cost + current[found.photo]
        lowest[waiting, : math.ceil(width / BID_GROUP)] = total[:, ::BID_GROUP] * (1 - _ROUNDING)
        outside[waiting] = np.inf if width == usable else total[:, -1] * (1 + _ROUNDING)
    for cell in np.flatnonzero(held < 0):
        free = slots > auction.filled
        found = costs.nearest(cells[cell : cell + 1], 1, np.where(free, closed, np.inf).astype(np.float32))
        photo[cell, 0], symmetry[cell, 0], cost[cell, 0] = found.photo[0, 0], found.symmetry[0, 0], found.cost[0, 0]
        auction.filled[photo[cell, 0]] += 1
        held[cell] = 0
    known = Candidates(photo, symmetry, cost)
    return known.take(held[:, np.newaxis]), _cheapest(known, widths, prices, count)


def _cheapest(known: Candidates, widths: Indices, prices: Float64Array, count: int) -> Candidates:
    """Return the `count` candidates of lowest cost + price for each cell, in the order of that sum.

    widths: (N,) the number of candidates of each cell.
    """

    def select(rows: slice) -> Candidates:
        part = known.rows(rows)
        total = part.cost + prices[part.photo]
        total[np.arange(total.shape[1]) >= widths[rows, np.newaxis]] = np.inf
        columns = np.sort(np.argpartition(total, count - 1, axis=1)[:, :count], axis=1)
        order = np.argsort(np.take_along_axis(total, columns, axis=1), axis=1, kind="stable")
        return part.take(np.take_along_axis(columns, order, axis=1))

    return joined(run_blocks(select, blocks(len(known.photo), _ROWS)))
