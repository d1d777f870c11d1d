"""The perceptual search for photos that make a mosaic more similar to its cover.

N: cells, P: photos, K: candidates of a cell. A tile's error consists of up to 16 waves in each of 3 channels.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array, Int32Array, Int64Array, Pixels
from renderer.kernels.library import declared, kernels
from renderer.kernels.matching import Raster

FOOTPRINT_STEP: Final = 32
"""The number of pixels in a footprint is a multiple of this, so that vectors are full."""

PARTNERS: Final = declared().constants["PARTNERS"]
"""Maximum number of cells that are considered as a cell's partner in a swap."""


class Tiles(NamedTuple):
    """The arrays from which the error of any photo in any cell is computed."""

    source: Int64Array  # (8, 40) index of the detail's coefficient that a symmetry maps to this one
    sign: Float32Array  # (8, 40) its sign
    visible: Int64Array  # (3, 16) indices of each channel's waves in the detail; −1: the mean, or none
    unweighted: Float32Array  # (40,) reciprocal of the weight in the descriptor
    cell_detail: Float32Array  # (N, 40)
    cell_mean: Float32Array  # (N, 3) CIELAB
    cell_colour: Float32Array  # (N, 3) sRGB
    slope: Float32Array  # (N, 3, 3) change of CIELAB with sRGB at the cell's colour
    detail: Float32Array  # (P, 40)
    mean: Float32Array  # (P, 3)
    darkest: Float32Array  # (P, 3)
    lightest: Float32Array  # (P, 3)
    strength: np.float32
    min_gain: np.float32
    max_gain: np.float32
    shift: np.float32  # as in `renderer.matching.structure.Weights`
    miss: np.float32
    tight_gain: np.float32  # that of the darkest and lightest colours
    loss: np.float32


class ErrorImage(NamedTuple):
    """The blurred error of the mosaic, with a margin around it, and the footprints of tiles in it."""

    error: Float32Array  # (4 terms, H, W), changed in place
    sensitivity: Float32Array  # (4, H, W) weight of the squared error
    by_pixel: Float32Array  # (sizes, 4, F, 16) blurred waves of a cell by its size, row by row
    by_wave: Float32Array  # (sizes, 4, 16, F) the same
    size: Int32Array  # (N,) which of the sizes each cell has
    height: int
    width: int
    footprint: int  # F, a multiple of FOOTPRINT_STEP
    pixels: int  # per step
    margin: int  # steps by which a tile's error extends beyond its cell


class Placement(NamedTuple):
    """What cells may show, and what they show, changed in place."""

    photo: Int32Array  # (N, K) candidates, −1 for none
    symmetry: Pixels  # (N, K)
    cost: Float32Array  # (N, K)
    candidates: int
    placed_photo: Int32Array  # (N,)
    placed_symmetry: Pixels  # (N,)
    placed_cost: Float32Array  # (N,)
    remaining: Int32Array  # (P,) uses
    uses: Int32Array  # (P,) of each photo
    movable: npt.NDArray[np.bool_]  # (N,) whether a cell may change
    dirty: npt.NDArray[np.bool_]  # (N,) whether a cell may have a better candidate
    radius: int  # steps within which no photo is repeated
    reach: int  # steps within which repeats count
    min_uses: int  # that each photo keeps
    cost_weight: float  # of the metric's cost, per area in steps
    crowding_weight: float  # of repeats within reach, per square of the area in steps


class Moves(NamedTuple):
    """The evaluations of a batch of B cells, and which cells have changed since."""

    changed: Int64Array  # (N,) number of the batch in which the error in a cell's footprint last changed
    energy: Float32Array  # (B, K) with the weighted cost, of each candidate; inf: not eligible
    current: Float32Array  # (B,) the same of the current tile
    target: Int64Array  # (B,) index of the candidate that a cell would swap for, −1: none
    partners: Int64Array  # (B, PARTNERS) cells that show it
    increase: Float32Array  # (B, PARTNERS) of the energy, with the weighted cost, of each of them after the swap
    partner_symmetry: Pixels  # (B, PARTNERS) of the cell's photo in that cell
    partner_cost: Float32Array  # (B, PARTNERS)


def moves_of(cells: int, candidates: int, batch: int) -> Moves:
    """Return memory for batches of at most `batch` of N cells with K candidates."""
    return Moves(
        np.zeros(cells, np.int64), np.zeros((batch, candidates), np.float32), np.zeros(batch, np.float32),
        np.zeros(batch, np.int64), np.zeros((batch, PARTNERS), np.int64), np.zeros((batch, PARTNERS), np.float32),
        np.zeros((batch, PARTNERS), np.uint8), np.zeros((batch, PARTNERS), np.float32),
    )  # fmt: skip


def scratch_of(tiles: Tiles, image: ErrorImage) -> Float32Array:
    """Return the memory that a call needs; calls at the same time need their own."""
    return np.zeros(kernels().search_numbers(image.footprint, len(tiles.mean)), np.float32)


def add_all(raster: Raster, tiles: Tiles, image: ErrorImage, photo: Int32Array, symmetry: Pixels) -> None:
    """Add the errors of all cells' tiles (N,) to the error image."""
    kernels().add_all(raster, tiles, image, photo, symmetry, len(photo), scratch_of(tiles, image))


class Search(NamedTuple):
    """What all calls of a search share. `converted` makes calls faster."""

    raster: Raster
    tiles: Tiles
    image: ErrorImage
    placement: Placement
    moves: Moves


def evaluate_refinements(search: Search, cells: Int64Array, part: slice, scratch: Float32Array) -> None:
    """Evaluate the candidates of a part of a batch's `cells`; parts may be evaluated at the same time."""
    kernels().evaluate_refinements(*search, cells, part.start, part.stop, scratch)


def apply_refinements(search: Search, cells: Int64Array, batch: int, scratch: Float32Array) -> int:
    """Let each of a batch's `cells` take its best candidate or keep its photo. Returns the number of changes.

    Evaluations that depend on an earlier change in the batch are repeated. batch: its number, from 1 on.
    """
    changes: int = kernels().apply_refinements(*search, cells, len(cells), batch, scratch)
    return changes


class CellLists(NamedTuple):
    """Linked lists of the cells that show each photo."""

    first: Int64Array  # (P,) −1: none
    following: Int64Array  # (N,) −1: none


def list_cells(photos: int, placed: Int32Array) -> CellLists:
    """Return the cells of each photo. placed: (N,) what cells show."""
    lists = CellLists(np.full(photos, -1, np.int64), np.full(len(placed), -1, np.int64))
    kernels().list_cells(placed, len(placed), *lists)
    return lists


def evaluate_swaps(
    search: Search, symmetries: Pixels, lists: CellLists, cells: Int64Array, part: slice, scratch: Float32Array
) -> None:
    """Evaluate the swaps of a part of a batch's `cells`. symmetries: the allowed ones."""
    kernels().evaluate_swaps(
        *search, cells, part.start, part.stop, symmetries, len(symmetries), *lists, scratch
    )  # fmt: skip


def apply_swaps(
    search: Search, symmetries: Pixels, lists: CellLists, cells: Int64Array, batch: int, scratch: Float32Array
) -> int:
    """Let a batch's `cells` whose best candidate has no remaining uses swap with a cell that shows it.

    Both together must gain. For the parameters see `evaluate_swaps` and `apply_refinements`. Returns the number of
    swaps.
    """
    swaps: int = kernels().apply_swaps(
        *search, cells, len(cells), batch, symmetries, len(symmetries), *lists, scratch
    )  # fmt: skip
    return swaps
