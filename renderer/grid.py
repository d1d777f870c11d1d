"""Grids: division of a cover into square cells, and the cover's pixels and colours per cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.descriptors import SIGNATURE_PIXELS, TILE_PIXELS, blocks, to_lab
from renderer.errors import InputError
from renderer.faces import Face
from renderer.messages import named
from renderer.parameters import CellPosition
from renderer.pictures import Pixels, resize

DEFAULT_CELLS: Final = 5000
"""Approximate number of cells of the default grid."""

MAX_CELLS: Final = 1_000_000


@dataclass(frozen=True, eq=False)
class Grid:
    """Square cells over the centre of a cover. Lengths are in mosaic units: a cell of a regular grid is 1 × 1."""

    columns: int  # width in units
    rows: int  # height in units
    crop: tuple[float, float, float, float]  # part of the cover under the grid: x, y, width, height, as fractions
    cells: npt.NDArray[np.float64]  # (N, 4) x, y, width, height in units; each cell follows those left of and above it

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def step(self) -> float:
        """Side of the smallest cell in units, at most 1."""
        return min(1.0, float(self.cells[:, 2].min()))


def make_grid(width: int, height: int, columns: int | None = None, cell_size: int | None = None) -> Grid:
    """Return a regular grid for a cover of `width` × `height` pixels, centre-cropped to whole cells.

    The grid has `columns` columns, or cells of `cell_size` cover pixels; by default about 5,000 cells. Raises
    InputError if both are specified, or if there would be no cells or more than a million.
    """
    _check_one(columns, cell_size)
    if cell_size is not None:
        columns, rows = width // cell_size, height // cell_size
        if not columns or not rows:
            raise InputError(
                f"{named('cell_size', cell_size)} is larger than the cover's shorter side of {min(width, height)} "
                "pixels: use a smaller value"
            )
        crop_width, crop_height = columns * cell_size, rows * cell_size
    else:
        columns = columns or max(1, round(math.sqrt(DEFAULT_CELLS * width / height)))
        side = min(width / columns, float(height))  # a panorama may be lower than a column is wide
        rows = max(1, int(height / side + 1e-9))
        crop_width, crop_height = round(columns * side), round(rows * side)
    _check_cells(columns, rows)
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    return _regular(columns, rows, (left / width, top / height, crop_width / width, crop_height / height))


def make_grid_of_shape(
    width: int, height: int, shape: float, columns: int | None = None, cell_size: int | None = None
) -> Grid:
    """Return the largest regular grid of aspect ratio `shape` (width / height) that fits, centred on the cover.

    `columns` and `cell_size` are as for `make_grid`. The default is about 5,000 cells, in the numbers of columns and
    rows that match the aspect ratio best. Raises InputError as `make_grid` does.
    """
    _check_one(columns, cell_size)
    if cell_size is not None:
        columns = max(1, round(min(width, height * shape) / cell_size))
    if columns is None:
        default = math.sqrt(DEFAULT_CELLS * shape)
        counts = range(max(1, math.ceil(default * 0.95)), max(1, math.floor(default * 1.05)) + 1)
        columns = min(counts, key=lambda count: abs(math.log(max(1, round(count / shape)) * shape / count)), default=1)
    rows = max(1, round(columns / shape))
    _check_cells(columns, rows)
    across = min(1.0, height * columns / rows / width)
    along = min(1.0, width * rows / columns / height)
    return _regular(columns, rows, ((1 - across) / 2, (1 - along) / 2, across, along))


def _check_one(columns: int | None, cell_size: int | None) -> None:
    if columns is not None and cell_size is not None:
        raise InputError(f"{named('columns')} and {named('cell_size')} both set the grid: use one of them")


def _check_cells(columns: int, rows: int) -> None:
    if columns * rows > MAX_CELLS:
        raise InputError(
            f"{columns} × {rows} cells are more than a million: use a smaller {named('columns')} or a larger "
            f"{named('cell_size')}"
        )


def _regular(columns: int, rows: int, crop: tuple[float, float, float, float]) -> Grid:
    """Return a grid of cells of 1 × 1."""
    cells = np.ones((rows, columns, 4))
    cells[..., 0], cells[..., 1] = np.arange(columns), np.arange(rows)[:, np.newaxis]
    return Grid(columns, rows, crop, cells.reshape(-1, 4))


# -- Adaptive grids ------------------------------------------------------------------------------------------------

_FACE_WEIGHT: Final = 12.0  # of errors inside faces, relative to the rest of the cover

_BLUR_PIXELS: Final = 2.0  # standard deviation at 8 pixels per unit, as in renderer/fidelity.py

_BISECTION_STEPS: Final = 40  # to find the penalty per cell


def adapt_grid(grid: Grid, cover: Pixels, faces: Sequence[Face], smallest: float = 0.5, largest: float = 2.0) -> Grid:
    """Return a grid with smaller cells where the cover has detail and larger cells where it is flat.

    It has at most as many cells as the regular `grid`. A quadtree: blocks of `largest` units are split into 2 × 2
    parts, down to `smallest` (the ratio is a power of two). The error of a block is the root mean square distance in
    CIELAB between the blurred cover and the block's mean colour, times its area; errors in faces count more. The tree
    minimizes the sum of errors plus a penalty per cell; the penalty is the smallest that leaves few enough cells.
    faces: left, top, width and height of each, as fractions of the cover. Raises InputError if a grid of only the
    smallest cells would have more than a million.

    Source: Chou, Lookabaugh and Gray, "Optimal pruning with applications to tree-structured source coding and
    modeling", 1989.
    """
    levels = round(math.log2(largest / smallest))
    if grid.columns * grid.rows / smallest**2 > MAX_CELLS:
        raise InputError(
            f"{grid.columns} × {grid.rows} units in cells of {smallest:g} are more than a million cells: use a smaller "
            f"{named('columns')} or a larger {named('smallest_cell')}"
        )
    errors = _block_errors(grid, cover, faces, smallest, levels)
    low, high = 0.0, sum(float(error[np.isfinite(error)].max(initial=0)) for error in errors) + 1.0
    for _ in range(_BISECTION_STEPS):
        penalty = 0.5 * (low + high)
        fits = sum(int(leaves.sum()) for leaves in _leaves(errors, penalty)) <= len(grid)
        low, high = (low, penalty) if fits else (penalty, high)
    cells = []
    for level, leaf in enumerate(_leaves(errors, high)):
        y, x = np.nonzero(leaf)
        side = np.full(len(x), smallest * 2**level)
        cells.append(np.stack([x * side, y * side, side, side], axis=1))
    joined = np.concatenate(cells)
    return replace(grid, cells=joined[_order(joined, smallest, largest)])


def _block_errors(grid: Grid, cover: Pixels, faces: Sequence[Face], smallest: float, levels: int) -> list[Float32Array]:
    """Return the error of each block times its area: one array (H, W) per level, the smallest blocks first.

    −1 marks blocks outside the grid. Blocks across its edge have an infinite error, so that they are split.
    """
    lab = to_lab(cover_signature(cover, grid).astype(np.float32) / 255)
    lab = np.asarray(cv2.GaussianBlur(lab, (0, 0), _BLUR_PIXELS), np.float32)
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


# -- Cells by position ---------------------------------------------------------------------------------------------


def cell_position(grid: Grid, cell: int) -> CellPosition:
    """Return the column and row of the unit square in which a cell starts."""
    x, y = grid.cells[cell, :2].tolist()
    return CellPosition(int(x), int(y))


def find_cell(grid: Grid, position: CellPosition, parameter: str = "cell") -> int:
    """Return the cell at the centre of a unit square. Raises InputError, which names `parameter`, if it is outside."""
    column, row = position
    if not (0 <= column < grid.columns and 0 <= row < grid.rows):
        raise InputError(
            f"{named(parameter, f'{column},{row}')} is outside the grid: columns are 0 to {grid.columns - 1}, rows 0 "
            f"to {grid.rows - 1}"
        )
    return cell_at(grid, (column + 0.5, row + 0.5))


def cell_at(grid: Grid, point: tuple[float, float]) -> int:
    """Return the cell that contains a point (x, y) in units, or the nearest cell for a point outside all cells.

    A point on an edge belongs to the cell that starts there.
    """
    start, end = grid.cells[:, :2], grid.cells[:, :2] + grid.cells[:, 2:]
    cells = np.flatnonzero(((start <= point) & (point < end)).all(axis=1))
    if not len(cells):
        distance = np.maximum(np.maximum(start - point, point - end), 0).sum(axis=1)
        cells = np.flatnonzero(distance == distance.min())
    return int(cells[-1])


# -- The cover's pixels --------------------------------------------------------------------------------------------


def covered_part(cover: Pixels, crop: tuple[float, float, float, float]) -> Pixels:
    """Return the part of a cover (H, W, 3) under the grid. crop: x, y, width, height as fractions."""
    height, width = cover.shape[:2]
    x, y, w, h = crop
    left, top = round(x * width), round(y * height)
    return cover[top : top + max(1, round(h * height)), left : left + max(1, round(w * width))]


def _scale(part: Pixels, width: int, height: int) -> Pixels:
    # Area averaging needs at least 1 source pixel per target pixel; otherwise interpolate.
    shrinks = part.shape[1] >= width and part.shape[0] >= height
    return cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR).astype(
        np.uint8, copy=False
    )


def _cut(part: Pixels, grid: Grid, pixels: int, scale: Callable[[Pixels, int, int], Pixels]) -> Pixels:
    """Return the picture of each cell, (N, pixels, pixels, 3). `part` is scaled once per cell size."""
    pictures = np.empty((len(grid), pixels, pixels, 3), np.uint8)
    step = np.arange(pixels)
    for side in np.unique(grid.cells[:, 2]):
        # A fractional pixel at the right or bottom is dropped: no cell of this size reaches into it.
        width, height = (int(units * pixels / side + 1e-9) for units in (grid.columns, grid.rows))
        source = [
            round(k * n * side / pixels / units)
            for k, n, units in ((part.shape[0], height, grid.rows), (part.shape[1], width, grid.columns))
        ]
        scaled = scale(part[: source[0], : source[1]], width, height)
        cells = np.flatnonzero(grid.cells[:, 2] == side)
        for block in blocks(len(cells)):
            corner = np.rint(grid.cells[cells[block], :2] * pixels / side).astype(np.int64)
            rows, columns = corner[:, 1, np.newaxis] + step, corner[:, 0, np.newaxis] + step
            pictures[cells[block]] = scaled[rows[:, :, np.newaxis], columns[:, np.newaxis]]
    return pictures


def cell_means(cover: Pixels, grid: Grid) -> Pixels:
    """Return the mean sRGB colour of each cell: (N, 3) uint8."""
    return _cut(covered_part(cover, grid.crop), grid, 1, _scale).reshape(-1, 3)


def cut_cells(cover: Pixels, grid: Grid) -> Pixels:
    """Return the picture of each cell, scaled to 32 × 32 pixels: (N, 32, 32, 3) uint8; 3 KiB per cell."""
    return _cut(covered_part(cover, grid.crop), grid, TILE_PIXELS, _scale)


def cover_signature(cover: Pixels, grid: Grid, step: float = 1.0) -> Pixels:
    """Return the part under the grid at 8 pixels per `step` units, averaged in linear light: (H, W, 3) uint8."""
    width, height = (round(units / step * SIGNATURE_PIXELS) for units in (grid.columns, grid.rows))
    return resize(covered_part(cover, grid.crop), width, height)


def cell_signatures(picture: Pixels, grid: Grid) -> Pixels:
    """Return the signature of each cell, (N, 8, 8, 3) uint8. picture: from `cover_signature` with the grid's `step`."""
    return _cut(picture, grid, SIGNATURE_PIXELS, resize)
