"""The perceptual search for photos that make a mosaic more similar to its cover.

N: cells, P: photos, K: candidates of a cell. A tile's error consists of up to 16 waves in each of 3 channels.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array, Int32Array, Int64Array, Pixels
from renderer.kernels.library import kernels
from renderer.kernels.matching import Raster

FOOTPRINT_STEP: Final = 32
"""The number of pixels in a footprint is a multiple of this, so that vectors are full."""


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


class ErrorImage(NamedTuple):
    """The blurred error of the mosaic, with a margin around it, and the footprints of tiles in it."""

    error: Float32Array  # (4 terms, H, W), changed in place
    sensitivity: Float32Array  # (4, H, W) weight of the squared error
    by_pixel: Float32Array  # (sides, 4, F, 16) blurred waves of a cell by its side in steps, row by row
    by_wave: Float32Array  # (sides, 4, 16, F) the same
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
    movable: npt.NDArray[np.bool_]  # (N,) whether a cell may change
    dirty: npt.NDArray[np.bool_]  # (N,) whether a cell may have a better candidate


def _scratch(image: ErrorImage) -> Float32Array:
    return np.zeros(kernels().search_numbers(image.footprint), np.float32)


def add_all(raster: Raster, tiles: Tiles, image: ErrorImage, photo: Int32Array, symmetry: Pixels) -> None:
    """Add the errors of all cells' tiles (N,) to the error image."""
    kernels().add_all(raster, tiles, image, photo, symmetry, len(photo), _scratch(image))


def refine(
    raster: Raster, tiles: Tiles, image: ErrorImage, placement: Placement, order: Int64Array,
    radius: int, min_uses: int, cost_weight: float, uses: Int32Array,
) -> int:  # fmt: skip
    """Let each cell of `order` take its best candidate or keep its photo. Returns the number of changes.

    radius: steps within which no photo is repeated; min_uses: uses that each photo keeps; cost_weight: of the metric's
    cost, per area in steps; uses: (P,) of each photo, changed in place.
    """
    changes: int = kernels().refine(
        raster, tiles, image, placement, order, len(order), radius, min_uses, cost_weight, uses, _scratch(image)
    )
    return changes


def swap(
    raster: Raster, tiles: Tiles, image: ErrorImage, placement: Placement, order: Int64Array,
    radius: int, symmetries: Pixels, max_partners: int, cost_weight: float,
) -> int:  # fmt: skip
    """Let cells whose best candidate has no remaining uses swap with a cell that shows it, if both together gain.

    symmetries: the allowed ones; max_partners: cells that are considered for a swap; for the others see `refine`.
    Returns the number of swaps.
    """
    cells = len(placement.placed_photo)
    first, following = np.full(len(placement.remaining), -1, np.int64), np.full(cells, -1, np.int64)
    swaps: int = kernels().swap(
        raster, tiles, image, placement, order, len(order), radius, symmetries, len(symmetries), max_partners,
        cost_weight, cells, first, following, _scratch(image),
    )  # fmt: skip
    return swaps
