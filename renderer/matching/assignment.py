"""Sharing out photos that may be used a limited number of times: an auction over the best candidates of each cell.

Bertsekas, "The auction algorithm", 1988, for photos of several uses as in Bertsekas and Castañon, "The auction
algorithm for the transportation problem", 1989. Cells bid for the photo of least cost + price; a photo goes to the
highest bidders, and its price is the lowest bid that still holds. A cell knows only its best candidates: when their
prices have risen so far that a photo it does not know may be as good, it stops and looks for candidates at the
present prices. So no matrix of all costs is needed, and the result is the best of all assignments, to within
`epsilon` a cell.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.compiled import kernel
from renderer.matching.candidates import Candidates, Costs, Indices

_ACCURACY: Final = 0.01
"""Epsilon, as a share of how much a cell's candidates differ: ten times more loses quality, ten times less is slow."""

_MAX_CANDIDATES: Final = 20_000_000
"""In all: cells that look again look for more, as far as these allow. 180 MB."""

_WIDEST: Final = 1024
"""Candidates of one cell; prices rise by then."""

_MAX_ROUNDS: Final = 40
"""Of looking for further candidates; prices then stand where they stand, and what is left takes what is free."""


def assign(costs: Costs, cells: Indices, capacity: npt.NDArray[np.int32], count: int) -> tuple[Candidates, Candidates]:
    """Give each of some cells a photo for the least sum of costs: what they get (M, 1), and what they know (M, K).

    capacity: (photos,) how many of these cells may show each photo; it must suffice for all. What cells know is in
    order of cost + the price that uses of a photo are worth in the end. count: how many
    candidates a cell looks at first. Memory: 9 bytes a candidate, 16 a use.
    """
    number = len(cells)
    usable = int((capacity > 0).sum())
    closed = np.where(capacity > 0, np.float32(0), np.float32(np.inf))
    count = min(max(count, 2), usable, max(_MAX_CANDIDATES // number, 16))
    known = costs.nearest(cells, count, closed)
    best = np.bincount(known.photo[:, 0], minlength=costs.photos)
    if (best <= capacity).all():  # everyone's first choice
        return known.take(np.zeros((number, 1), np.int64)), known
    spread = known.cost[:, -1] - known.cost[:, 0]
    epsilon = max(_ACCURACY * float(spread.mean()), 1e-6 * float(known.cost.mean()), 1e-6)
    slots = np.minimum(capacity, number).astype(np.int64)
    first_slot = np.concatenate([[0], np.cumsum(slots)])
    auction = (
        np.zeros(costs.photos),  # prices
        first_slot,
        np.full(first_slot[-1], -1, np.int64),  # who holds each use: of every photo a heap,
        np.zeros(first_slot[-1]),  # for which bid, the lowest on top
        np.zeros(costs.photos, np.int64),  # uses that are held
        np.full(number, -1, np.int64),  # the candidate that each cell holds
    )
    photo, symmetry, cost = known.photo, known.symmetry, known.cost
    # A photo that is not among the candidates costs at least what the last of them did when they were looked up.
    outside = np.full(number, np.inf) if count == usable else cost[:, -1].astype(np.float64)
    waiting = np.arange(number)
    prices, held = auction[0], auction[5]
    for _ in range(_MAX_ROUNDS):
        bid(photo, cost, outside, waiting, epsilon, *auction)
        waiting = np.flatnonzero(held < 0)
        if not len(waiting):
            break
        width = min(2 * photo.shape[1], usable, max(min(_MAX_CANDIDATES // number, _WIDEST), count))
        if width > photo.shape[1]:
            wider = ((0, 0), (0, width - photo.shape[1]))
            photo, symmetry = np.pad(photo, wider), np.pad(symmetry, wider)
            cost = np.pad(cost, wider, constant_values=np.inf)
        at_prices = (closed + prices).astype(np.float32)
        found = costs.nearest(cells[waiting], width, at_prices)
        photo[waiting], symmetry[waiting], cost[waiting] = found.photo, found.symmetry, found.cost
        last = found.cost[:, -1] + at_prices[found.photo[:, -1]]
        outside[waiting] = np.inf if width == usable else last * (1 + 1e-6)
    for cell in np.flatnonzero(held < 0):
        free = slots > auction[4]
        found = costs.nearest(cells[cell : cell + 1], 1, np.where(free, closed, np.inf).astype(np.float32))
        photo[cell, 0], symmetry[cell, 0], cost[cell, 0] = found.photo[0, 0], found.symmetry[0, 0], found.cost[0, 0]
        auction[4][photo[cell, 0]] += 1
        held[cell] = 0
    known = Candidates(photo, symmetry, cost)
    given = known.take(held[:, np.newaxis])
    known.reorder(lambda some: np.argsort(cost[some] + prices[photo[some]], axis=1, kind="stable"))
    return given, known


@kernel
def bid(photo, cost, outside, waiting, epsilon, prices, first_slot, holders, bids, filled, held):
    """Let the waiting cells bid, and those they drive out, until all hold a photo or know none that is worth it."""
    queue = np.empty(len(held), np.int64)
    count = len(waiting)
    queue[:count] = waiting
    candidates = photo.shape[1]
    while count > 0:
        count -= 1
        cell = queue[count]
        place = -1
        least, second = np.inf, outside[cell]
        for i in range(candidates):
            value = cost[cell, i] + prices[photo[cell, i]]
            if value < least:
                if least < second:
                    second = least
                least = value
                place = i
            elif value < second:
                second = value
        if place < 0 or least > outside[cell]:
            continue  # a photo that it does not know may be as good
        wanted = photo[cell, place]
        if second == np.inf:
            second = least
        offer = prices[wanted] + second - least + epsilon
        start, uses = first_slot[wanted], first_slot[wanted + 1] - first_slot[wanted]
        if filled[wanted] < uses:
            raise_bid(holders[start:], bids[start:], filled[wanted], cell, offer)
            filled[wanted] += 1
        else:
            held[holders[start]] = -1
            queue[count] = holders[start]
            count += 1
            replace_lowest(holders[start : start + uses], bids[start : start + uses], cell, offer)
        held[cell] = place
        if filled[wanted] == uses:
            prices[wanted] = bids[start]


@kernel
def raise_bid(holders, bids, place, cell, offer):
    """Put a bid at the end of a photo's heap, the lowest on top, and let it rise above higher ones."""
    while place > 0:
        above = (place - 1) // 2
        if bids[above] <= offer:
            break
        holders[place], bids[place] = holders[above], bids[above]
        place = above
    holders[place], bids[place] = cell, offer


@kernel
def replace_lowest(holders, bids, cell, offer):
    """Put a bid in place of a photo's lowest."""
    place = 0
    while 2 * place + 1 < len(bids):
        below = 2 * place + 1
        if below + 1 < len(bids) and bids[below + 1] < bids[below]:
            below += 1
        if offer <= bids[below]:
            break
        holders[place], bids[place] = holders[below], bids[below]
        place = below
    holders[place], bids[place] = cell, offer
