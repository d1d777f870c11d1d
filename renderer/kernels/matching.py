"""Matching: costs of photos in cells, their assignment, repeat distances, and the choice of tone.

N: cells of the grid, P: photos, M: cells of one call, K: candidates of a cell. Photo numbers are 0…P − 1.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array, Float64Array, Int32Array, Int64Array, Pixels
from renderer.kernels.library import declared, kernels

# -- Assignment ----------------------------------------------------------------------------------------------------


class Auction(NamedTuple):
    """The state of an auction, changed in place. Photo p has the slots first_slot[p] … first_slot[p + 1] − 1."""

    prices: Float64Array  # (P,)
    first_slot: Int64Array  # (P + 1,)
    holders: Int64Array  # (slots,) cells that hold a photo's uses: a heap by bid for each photo, the lowest on top
    bids: Float64Array  # (slots,) their bids
    filled: Int64Array  # (P,) number of held uses
    held: Int64Array  # (N,) index of the candidate that each cell holds, −1 for none


BID_GROUP: Final = declared().constants["BID_GROUP"]
"""Number of candidates that a bidding cell skips together if none can be better than what it found."""


def run_auction(
    auction: Auction, photo: Int32Array, cost: Float32Array, first: Int64Array, known: Int64Array,
    lowest: Float64Array, outside: Float64Array, waiting: Int64Array, epsilon: float,
) -> None:  # fmt: skip
    """Let the cells `waiting` (M,) and outbid cells bid until each holds a photo or needs more candidates.

    photo, cost: (G, BID_GROUP) groups of candidates; the last one of a cell is padded by infinite costs; first, known:
    (N,) each cell's first group, and its number of candidates; lowest: (G,) lower bound of cost + price in each group,
    changed in place; outside: (N,) the same of photos that are not candidates; epsilon: the minimum raise of a bid.
    """
    queue = np.empty(len(auction.held), np.int64)
    queue[: len(waiting)] = waiting
    kernels().run_auction(auction, photo, cost, first, known, lowest, outside, epsilon, queue, len(waiting))


def assign_columns(costs: Float32Array, prices: Float64Array) -> Int64Array:
    """Return the column (N,) of each row of costs (N, K), N ≤ K, at the least total cost.

    prices: (K,) of columns, changed in place: such that each row has the column of least cost + price. They may start
    with any values if N = K, and with zeros otherwise; the nearer they are to the result, the faster this is.
    """
    rows, columns = costs.shape
    held = np.empty(rows, np.int64)
    padded = columns + 7  # at least what rounds up to a multiple of 8
    kernels().assign_columns(costs, rows, columns, prices, held, np.zeros(3 * padded), np.zeros(4 * padded, np.int64))
    return held


# -- Repeat distances ----------------------------------------------------------------------------------------------


class Raster(NamedTuple):
    """The cells' numbers and boxes on a raster; see `renderer.matching.cell_raster.CellRaster`."""

    numbers: Int32Array  # (H, W) number of the cell at each step, −1 for none
    box: Int32Array  # (N, 4) left, top, width, height of each cell in steps
    height: int
    width: int


def find_conflicts(raster: Raster, radius: int, order: Int64Array, photo: Int32Array) -> npt.NDArray[np.bool_]:
    """Return (N,) whether each cell shows the same photo as an earlier cell in `order` within `radius` steps.

    order: (N,) cells; photo: (N,) −1 for empty cells.
    """
    placed = np.full(len(photo), -1, np.int32)
    conflicts = np.zeros(len(photo), np.bool_)
    kernels().find_conflicts(raster, radius, order, len(order), photo, placed, conflicts)
    return conflicts


def place_allowed(
    raster: Raster, radius: int, empty: Int64Array,
    photo: Int32Array, symmetry: Pixels, cost: Float32Array, remaining: Int32Array,
    placed_photo: Int32Array, placed_symmetry: Pixels, placed_cost: Float32Array,
) -> None:  # fmt: skip
    """Place in each empty cell the first candidate that has remaining uses and is not repeated within `radius` steps.

    empty: (M,) cells; photo, symmetry, cost: (M, K) their candidates; remaining: (P,) uses, changed in place; placed_…:
    (N,) what cells show, −1 for none, changed in place.
    """
    kernels().place_allowed(
        raster, radius, empty, len(empty), photo, symmetry, cost, photo.shape[1], remaining,
        placed_photo, placed_symmetry, placed_cost,
    )  # fmt: skip


def fill_any(raster: Raster, radius: int, remaining: Int32Array, first_fit: bool, placed: Int32Array) -> bool:
    """Fill the empty cells, in raster order, with photos that are not repeated within `radius` steps.

    Returns whether all could be filled. remaining: (P,) uses, changed in place; first_fit: take the first allowed photo
    instead of one with the most uses; placed: (N,) photos, −1 for empty cells, changed in place.
    """
    near = np.full(len(remaining), -1, np.int64)
    return bool(kernels().fill_any(raster, radius, remaining, len(remaining), first_fit, near, placed))


class Exchanges(NamedTuple):
    """M cells that may exchange their tiles with some of K cells around them, which include them."""

    tile: Int64Array  # (N,) the tile of each cell, changed in place
    photo: Int32Array  # (N,) its photo, changed in place
    cost: Float32Array  # (N,) its cost, changed in place
    cells: Int64Array  # (M,) cells in the order in which they are visited
    place: Int64Array  # (M,) the index of each in `around`
    around: Int64Array  # (K,) cells
    column: Int64Array  # (K,) where the tile of each was before, as an index into `around`: at first 0…K − 1
    own: Float32Array  # (M, K) costs in `cells` of the tiles around them
    given: Float32Array  # (K, M) costs around them of the tiles of `cells`
    rows: int  # M
    columns: int  # K
    reach: int  # maximum number of steps between cells that exchange their tiles


def exchange_repeats(raster: Raster, radii: Int64Array, exchanges: Exchanges, highest: float) -> int:
    """Let cells whose photo is repeated too near exchange their tile where that costs least.

    Returns how many of the cells are done: the next one has got another tile, whose costs are not in `exchanges`.
    radii: (D,) descending, in steps: if no exchange avoids all repeats within the first one, the next one is tried.
    highest: the maximum increase of the cost by an exchange, except at the last radius.
    """
    return int(kernels().exchange_repeats(raster, radii, len(radii), exchanges, highest))


# -- The metric `structure` ----------------------------------------------------------------------------------------


class StructureBlock(NamedTuple):
    """Terms of the costs of a block of B photos in M cells, under S symmetries."""

    products: Float32Array  # (S, M, B) of the details of cells and photos
    energy: Float32Array  # (M,) squared length of the cells' details
    mean: Float32Array  # (M, 3) of the cells, CIELAB
    colour: Float32Array  # (M, 3) of the cells, sRGB 0…1
    terms: Float32Array  # (10, P) of photos: energy, mean (3), darkest (3) and lightest colour (3) after tone
    symmetries: int
    rows: int
    photos: int
    all_photos: int
    start: int  # number of the block's first photo
    min_gain: np.float32
    max_gain: np.float32
    shift: np.float32
    miss: np.float32
    tight_gain: np.float32  # that of the darkest and lightest colours
    loss: np.float32


def keep_cheapest(
    block: StructureBlock, symmetries: Pixels, prices: Float32Array,
    photo: Int32Array, symmetry: Pixels, cost: Float32Array, totals: Float32Array,
) -> None:  # fmt: skip
    """Merge a block of photos into each cell's candidates, which are heaps by cost + price with the worst on top.

    symmetries: (S,) what the block's symmetries are; prices: (P,); photo, symmetry, cost, totals: (M, K) the
    candidates, inf for none, changed in place. Blocks must be merged in the order of their photos.
    """
    kernels().keep_cheapest(block, symmetries, prices, photo, symmetry, cost, totals, photo.shape[1])


def all_costs(block: StructureBlock, symmetries: Pixels, cost: Float32Array, symmetry: Pixels) -> None:
    """Write the costs of a block of photos and their best symmetries to arrays for all photos, (M, P)."""
    kernels().all_costs(block, symmetries, cost, symmetry)


# -- The metric `pixels` -------------------------------------------------------------------------------------------


def merge_nearest(
    bound: Float32Array, slack: float, pictures: Pixels, photos: Pixels, start: int, prices: Float32Array,
    symmetry: int, photo: Int32Array, symmetries: Pixels, cost: Float32Array, totals: Float32Array,
) -> None:  # fmt: skip
    """Merge a block of B photos into each cell's nearest photos, which are heaps with the worst on top.

    bound: (M, B) lower bounds of the squared distances, which may be too high by `slack`; pictures: (M, D) of the
    cells; photos: (P, D) of all photos, D < 33,000; start: number of the block's first photo; prices: (P,); symmetry:
    of the photos; photo, symmetries, cost, totals: (M, K) the nearest photos, inf for none, changed in place.
    """
    kernels().merge_nearest(
        bound, *bound.shape, slack, pictures, photos, photos.shape[1], start, prices, symmetry,
        photo, symmetries, cost, totals, photo.shape[1],
    )  # fmt: skip


# -- Colours -------------------------------------------------------------------------------------------------------


def count_near(
    colours: Float32Array, cube: Int64Array, part: slice, others: Float32Array, start: Int64Array,
    size: tuple[int, int], distance: float, enough: int, near: Int64Array,
) -> None:  # fmt: skip
    """Write the number of `others` (M, 3) within a distance of each of `colours` (N, 3), at most `enough`, to `near`.

    Space is divided into cubes whose side is the distance, with empty ones at its faces; size: number of cubes along
    the last two axes. cube: (N,) numbers of the colours' cubes; start: (cubes + 1,) index of the first of `others`,
    which are sorted by cube; part: of `colours`; near: (N,).
    """
    kernels().count_near(colours, cube, part.start, part.stop, others, start, *size, distance, enough, near)


# -- Tone ----------------------------------------------------------------------------------------------------------


class ToneInput(NamedTuple):
    """What the choice of tone in M cells depends on. Colours are sRGB 0…1 unless stated otherwise."""

    cell_detail: Float32Array  # (M, details) CIELAB
    detail: Float32Array  # (M, details) of the tiles
    target: Float32Array  # (M, 3) colour of the cells
    target_lab: Float32Array  # (M, 3) the same in CIELAB
    colour: Float32Array  # (M, 3) of the tiles
    below: Float32Array  # (M, 3) distance of the darkest pixels
    above: Float32Array  # (M, 3) distance of the lightest pixels
    area: Float32Array  # (M,) factor of each cell's error
    darker: Float32Array  # (photos, 3, shades + 1) share of pixels below each shade
    photo: Int64Array  # (M,) index into `darker`
    light: Float32Array  # (256,) linear light of each byte
    to_xyz: Float32Array  # (3, 3) matrix from linear light to XYZ relative to the white point
    details: int
    shades: int
    strength: float
    half_step: float  # by which values outside the range are not clipped
    detail_weight: float  # of the squared error of the detail
    square_weight: float  # of the squared error of a tile relative to the error
    tile_gain: float  # minimum of the mean of the channels
    channel_gain: float  # minimum of the gain of a channel


def evaluate_choices(
    tone: ToneInput, gains: Float32Array, margins: Float32Array,
    error: Float32Array, clipped: Float32Array, gained: Float32Array, part: slice,
) -> None:  # fmt: skip
    """Write the error, share of clipped pixels and mean gain, (K, M) each, of K gains and margins (K,) in some cells.

    A channel's gain is lower than that of the choice where the cell's colour requires it.
    """
    kernels().evaluate_choices(
        tone, part.start, part.stop, len(tone.area), gains, margins, len(gains), error, clipped, gained
    )


def cheapest_choices(
    error: Float32Array, clipped: Float32Array, gained: Float32Array, benefit: float, cost: float
) -> Int64Array:
    """Return the choice (M,) of lowest error − benefit · gained + cost · clipped in each cell, the first in a tie.

    error, clipped, gained: (K, M) of K choices.
    """
    chosen = np.empty(error.shape[1], np.int64)
    kernels().cheapest_choices(error, clipped, gained, *error.shape, benefit, cost, chosen)
    return chosen
