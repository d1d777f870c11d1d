"""Adaptive grids: small cells where a cover has detail, large ones where it is flat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.cover_pixels import cover_signature
from renderer.descriptors import SIGNATURE_PIXELS, to_lab
from renderer.errors import InputError
from renderer.faces import Face
from renderer.grid import MAX_CELLS, Grid
from renderer.masked_grid import MASK_THRESHOLD, mask_shares, masked
from renderer.messages import named
from renderer.pictures import Pixels

_FACE_WEIGHT: Final = 12.0  # of errors inside faces, relative to the rest of the cover

_BLUR_PIXELS: Final = 2.0  # standard deviation at 8 pixels per cell, as in renderer/fidelity.py

_BISECTION_STEPS: Final = 40  # to find the penalty per cell


def adapt_grid(
    grid: Grid,
    cover: Pixels,
    faces: Sequence[Face],
    smallest: float = 0.5,
    largest: float = 2.0,
    mask: Pixels | None = None,
    threshold: float = MASK_THRESHOLD,
) -> Grid:
    """Return a grid with smaller cells where the cover has detail and larger cells where it is flat.

    It has at most as many cells as the regular `grid`. With a mask, as for `masked`, only cells inside it are kept, and
    blocks across its outline are split into the smallest cells, which count by their area.

    A quadtree: blocks of `largest` units are split into 2 × 2 parts, down to `smallest` (the ratio is a power of two).
    The error of a block is the root mean square distance in CIELAB between the blurred cover and the block's mean
    colour, times its area; errors in faces count more. The tree minimizes the sum of errors plus a penalty per cell;
    the penalty is the smallest that leaves few enough cells.

    faces: left, top, width and height of each, as fractions of the cover. Raises InputError if a grid of only the
    smallest cells would have more than a million, if no cell is inside the mask, or if cells of this shape can't have
    different sizes.

    Source: Chou, Lookabaugh and Gray, "Optimal pruning with applications to tree-structured source coding and
    modeling", 1989.
    """
    if not grid.shape.can_adapt:
        raise InputError(
            f"{named('adaptive', True)} needs cells that can be divided into smaller ones, and {grid.shape.name} tiles "
            "can't be: use only one of the two"
        )
    levels = round(math.log2(largest / smallest))
    if mask is not None:
        grid = masked(grid, mask, threshold)
    if grid.columns * grid.rows / smallest**2 > MAX_CELLS:
        raise InputError(
            f"{grid.columns} × {grid.rows} units in cells of {smallest:g} are more than a million cells: use a smaller "
            f"{named('columns')} or a larger {named('smallest_cell')}"
        )
    errors = _block_errors(grid, cover, faces, smallest, levels)
    allowed = float(len(grid))
    if mask is not None:
        outline = _exclude_outside(errors, grid, mask, threshold, smallest)
        allowed += outline * (1 - smallest**2)  # small cells at the outline count by their area
    low, high = 0.0, sum(float(error[np.isfinite(error)].max(initial=0)) for error in errors) + 1.0
    for _ in range(_BISECTION_STEPS):
        penalty = 0.5 * (low + high)
        fits = sum(int(leaves.sum()) for leaves in _leaves(errors, penalty)) <= allowed
        low, high = (low, penalty) if fits else (penalty, high)
    cells = []
    for level, leaf in enumerate(_leaves(errors, high)):
        y, x = np.nonzero(leaf)
        side = np.full(len(x), smallest * 2**level)
        cells.append(np.stack([x * side, y * side, side, side], axis=1))
    joined = np.concatenate(cells)
    if not len(joined):  # the smallest cells miss what larger ones cover
        return grid
    return replace(grid, cells=joined[_order(joined, smallest, largest)])


def _block_errors(grid: Grid, cover: Pixels, faces: Sequence[Face], smallest: float, levels: int) -> list[Float32Array]:
    """Return the error of each block times its area: one array (H, W) per level, the smallest blocks first.

    −1 marks blocks outside the grid. Blocks across its edge have an infinite error, so that they are split.
    """
    lab = to_lab(cover_signature(cover, grid).astype(np.float32) / 255)
    across, along = grid.scale
    lab = np.asarray(cv2.GaussianBlur(lab, (0, 0), _BLUR_PIXELS * across, sigmaY=_BLUR_PIXELS * along), np.float32)
    weight = np.ones((*lab.shape[:2], 1), np.float32)
    left, top, width, height = grid.crop
    along, across = lab.shape[0] / height, lab.shape[1] / width
    for x, y, w, h in faces:
        first_row, last_row, first_column, last_column = (
            max(round(pixels), 0)
            for pixels in ((y - top) * along, (y + h - top) * along, (x - left) * across, (x + w - left) * across)
        )
        weight[first_row:last_row, first_column:last_column] = _FACE_WEIGHT
    sums = np.concatenate([weight, weight * lab, weight * (lab**2).sum(axis=2, keepdims=True)], axis=2)
    counts = [-(-units // (smallest * 2**levels)) for units in (grid.rows, grid.columns)]
    padded = [round(count * smallest * 2**levels * SIGNATURE_PIXELS) for count in counts]
    sums = np.pad(sums, ((0, padded[0] - lab.shape[0]), (0, padded[1] - lab.shape[1]), (0, 0)))
    errors = []
    for level in range(levels + 1):
        side = smallest * 2**level
        sums = _pooled(sums, 2 if level else round(SIGNATURE_PIXELS * smallest))
        weights = np.maximum(sums[..., 0], 1e-6)
        squares = np.maximum(sums[..., 4] - (sums[..., 1:4] ** 2).sum(axis=2) / weights, 0)
        error: Float32Array = np.sqrt(squares * weights) / SIGNATURE_PIXELS**2
        row, column = np.ogrid[: error.shape[0], : error.shape[1]]
        error[((row + 1) * side > grid.rows) | ((column + 1) * side > grid.columns)] = np.inf
        error[(row * side >= grid.rows) | (column * side >= grid.columns)] = -1
        errors.append(error)
    return errors


def _exclude_outside(errors: list[Float32Array], grid: Grid, mask: Pixels, threshold: float, smallest: float) -> int:
    """Mark blocks outside a mask like those outside the grid, and those across its outline so that they are split.

    Changes the result of `_block_errors`. Returns the number of the smallest cells in blocks across the outline.
    """
    row, column = (np.asarray(index) * smallest for index in np.indices(errors[0].shape, np.float64))
    shares = mask_shares(grid, mask, column, row, column + smallest, row + smallest)
    exists = errors[0] >= 0
    least = max(threshold - 1e-6, 1e-6)
    # The outline of a soft mask is where it has the value of the threshold.
    hard = np.asarray((mask >= 255 * least) * np.uint8(255), np.uint8)
    inside = mask_shares(grid, hard, column, row, column + smallest, row + smallest) >= 1 - 1e-6
    # How many of the smallest cells of each block are in the grid, kept, and wholly inside.
    counts = np.stack([exists, exists & (shares >= least), exists & inside], axis=2).astype(np.float32)
    outline = 0
    for level, error in enumerate(errors):
        if level:
            counts = _pooled(counts, 2)
            across = counts[..., 2] < counts[..., 0]
            error[across] = np.inf
            if level == 1:
                outline = int(counts[across, 1].sum())
        error[counts[..., 1] == 0] = -1
    return outline


def _pooled(values: Float32Array, side: int) -> Float32Array:
    """Return sums (H / side, W / side, C) over square blocks of values (H, W, C)."""
    height, width, channels = values.shape
    return np.asarray(values.reshape(height // side, side, width // side, side, channels).sum(axis=(1, 3)), np.float32)


def _leaves(errors: list[Float32Array], penalty: float) -> list[npt.NDArray[np.bool_]]:
    """Return which blocks are leaves of the tree of minimum cost: one array per level, the smallest blocks first."""
    costs = [np.where(error < 0, 0, error + np.float32(penalty)) for error in errors]
    split = [np.zeros(costs[0].shape, bool)]
    best = costs[0]
    for cost in costs[1:]:
        parts = _pooled(best[..., np.newaxis], 2)[..., 0]
        split.append(parts < cost)
        best = np.minimum(parts, cost)
    reached = np.ones(best.shape, bool)
    leaves: list[npt.NDArray[np.bool_]] = []
    for error, is_split in zip(reversed(errors), reversed(split), strict=True):
        if leaves:
            reached = reached.repeat(2, axis=0).repeat(2, axis=1)
        leaves.append(reached & ~is_split & (error >= 0))
        reached = reached & is_split
    return leaves[::-1]


def _order(cells: npt.NDArray[np.float64], smallest: float, largest: float) -> npt.NDArray[np.int64]:
    """Return an order with each cell after those left of and above it: blocks row by row, each block in Z order."""
    block = np.floor(cells[:, :2] / largest)
    inside = np.rint((cells[:, :2] - block * largest) / smallest).astype(np.int64)
    curve = np.zeros(len(cells), np.int64)
    for bit in range(round(math.log2(largest / smallest))):
        curve |= ((inside[:, 0] >> bit & 1) << 2 * bit) | ((inside[:, 1] >> bit & 1) << 2 * bit + 1)
    return np.lexsort((curve, block[:, 0], block[:, 1]))
