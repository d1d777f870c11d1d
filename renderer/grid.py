"""Cutting a cover into cells."""

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
from renderer.parameters import CellPosition
from renderer.pictures import Pixels, resize
from renderer.subject import Face

DEFAULT_CELLS: Final = 5000
MAX_CELLS: Final = 1_000_000


@dataclass(frozen=True, eq=False)
class Grid:
    """Square cells that fill the middle of a cover. Mosaic units: a cell of the regular grid is 1 × 1."""

    columns: int  # width and
    rows: int  # height in units
    crop: tuple[float, float, float, float]  # x, y, width, height of the part of the cover it covers, in fractions
    cells: npt.NDArray[np.float64]  # (N, 4) x, y, width, height of each cell in units, each after those left and above

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def step(self) -> float:
        """The smallest cell's side, or a unit if all are larger."""
        return min(1.0, float(self.cells[:, 2].min()))


def make_grid(width: int, height: int, columns: int | None = None, cell_size: int | None = None) -> Grid:
    """Lay a grid over a cover of `width` × `height` pixels, centre-cropped to whole cells.

    `columns` cells across, or cells of `cell_size` cover pixels, or about 5,000 cells. Raises InputError if both are
    given or the cells would be none or more than a million.
    """
    _check_one(columns, cell_size)
    if cell_size is not None:
        columns, rows = width // cell_size, height // cell_size
        if not columns or not rows:
            raise InputError(
                f"--cell-size {cell_size} is larger than the cover's shorter side of {min(width, height)} pixels: "
                "give a smaller one"
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
    """Lay a grid of a shape (its width / its height) over as much as possible of the middle of a cover.

    `columns` and `cell_size` as for `make_grid`; by default a number near 5,000 cells that fits the shape. Of the shape
    it is as nearly as whole cells can be. Raises InputError as `make_grid` does.
    """
    _check_one(columns, cell_size)
    if cell_size is not None:
        columns = max(1, round(min(width, height * shape) / cell_size))
    if columns is None:
        usual = math.sqrt(DEFAULT_CELLS * shape)
        near = range(max(1, math.ceil(usual * 0.95)), max(1, math.floor(usual * 1.05)) + 1)
        columns = min(near, key=lambda count: abs(math.log(max(1, round(count / shape)) * shape / count)), default=1)
    rows = max(1, round(columns / shape))
    _check_cells(columns, rows)
    across = min(1.0, height * columns / rows / width)
    along = min(1.0, width * rows / columns / height)
    return _regular(columns, rows, ((1 - across) / 2, (1 - along) / 2, across, along))


def _check_one(columns: int | None, cell_size: int | None) -> None:
    if columns is not None and cell_size is not None:
        raise InputError("--columns and --cell-size both set the grid: give one of them")


def _check_cells(columns: int, rows: int) -> None:
    if columns * rows > MAX_CELLS:
        raise InputError(
            f"{columns} × {rows} cells are more than a million: give fewer --columns or a larger --cell-size"
        )


def _regular(columns: int, rows: int, crop: tuple[float, float, float, float]) -> Grid:
    """Cells of one size."""
    cells = np.ones((rows, columns, 4))
    cells[..., 0], cells[..., 1] = np.arange(columns), np.arange(rows)[:, np.newaxis]
    return Grid(columns, rows, crop, cells.reshape(-1, 4))


# -- Cells of several sizes ----------------------------------------------------------------------------------------

_FACES_COUNT: Final = 12.0  # times as much as other places

_BLUR_PIXELS: Final = 2.0  # standard deviation at 8 pixels a unit: where likeness is measured

_PRICE_STEPS: Final = 40  # halvings of the range in which the price of a cell is looked for


def adapt_grid(grid: Grid, cover: Pixels, faces: Sequence[Face], smallest: float = 0.5, largest: float = 2.0) -> Grid:
    """As many cells as a regular grid has (or fewer), smaller where the cover has detail and larger where it is flat.

    A quadtree: blocks of `largest` units (a power of two) are cut into 2 × 2 parts, down to `smallest`, where what
    that shows of the cover is worth the cells. The worth is how far the cover, seen from afar, is from the mean colour
    of its cell, the mean of squares in CIELAB under a root; the sum of that and of a price for each cell is least, as
    Chou, Lookabaugh and Gray have it, "Optimal pruning with applications to tree-structured source coding", 1989; the
    price is what the number of cells asks for. faces: left, top, width and height of each, in fractions of the cover.
    Raises InputError if the smallest cells would be more than a million.
    """
    levels = round(math.log2(largest / smallest))
    if grid.columns * grid.rows / smallest**2 > MAX_CELLS:
        raise InputError(
            f"{grid.columns} × {grid.rows} cells with some of {smallest:g} are more than a million of the smallest: "
            "give fewer --columns or a larger --smallest-cell"
        )
    misses = _misses(grid, cover, faces, smallest, levels)
    low, high = 0.0, sum(float(miss[np.isfinite(miss)].max(initial=0)) for miss in misses) + 1.0
    for _ in range(_PRICE_STEPS):
        price = 0.5 * (low + high)
        fits = sum(int(leaves.sum()) for leaves in _leaves(misses, price)) <= len(grid)
        low, high = (low, price) if fits else (price, high)
    cells = []
    for level, leaf in enumerate(_leaves(misses, high)):
        y, x = np.nonzero(leaf)
        side = np.full(len(x), smallest * 2**level)
        cells.append(np.stack([x * side, y * side, side, side], axis=1))
    found = np.concatenate(cells)
    return replace(grid, cells=found[_in_order(found, smallest, largest)])


def _misses(grid: Grid, cover: Pixels, faces: Sequence[Face], smallest: float, levels: int) -> list[Float32Array]:
    """How far the cover is from the mean colour of each block, times its area; (H, W) a level, the smallest first.

    It is −1 for blocks beyond the grid, and infinite for those across its edge, which must be cut.
    """
    lab = to_lab(cover_signature(cover, grid).astype(np.float32) / 255)
    lab = np.asarray(cv2.GaussianBlur(lab, (0, 0), _BLUR_PIXELS), np.float32)
    weight = np.ones((*lab.shape[:2], 1), np.float32)
    left, top, width, height = grid.crop
    along, across = lab.shape[0] / height, lab.shape[1] / width
    for x, y, w, h in faces:
        first, last, begin, end = (
            max(round(at), 0)
            for at in ((y - top) * along, (y + h - top) * along, (x - left) * across, (x + w - left) * across)
        )
        weight[first:last, begin:end] = _FACES_COUNT
    sums = np.concatenate([weight, weight * lab, weight * (lab**2).sum(axis=2, keepdims=True)], axis=2)
    counts = [-(-units // (smallest * 2**levels)) for units in (grid.rows, grid.columns)]
    whole = [round(count * smallest * 2**levels * SIGNATURE_PIXELS) for count in counts]
    sums = np.pad(sums, ((0, whole[0] - lab.shape[0]), (0, whole[1] - lab.shape[1]), (0, 0)))
    found = []
    for level in range(levels + 1):
        side = smallest * 2**level
        sums = _pooled(sums, 2 if level else round(SIGNATURE_PIXELS * smallest))
        weights = np.maximum(sums[..., 0], 1e-6)
        squares = np.maximum(sums[..., 4] - (sums[..., 1:4] ** 2).sum(axis=2) / weights, 0)
        miss: Float32Array = np.sqrt(squares * weights) / SIGNATURE_PIXELS**2
        below, right = np.ogrid[: miss.shape[0], : miss.shape[1]]
        miss[((below + 1) * side > grid.rows) | ((right + 1) * side > grid.columns)] = np.inf
        miss[(below * side >= grid.rows) | (right * side >= grid.columns)] = -1
        found.append(miss)
    return found


def _pooled(values: Float32Array, side: int) -> Float32Array:
    """Sums (H / side, W / side, C) over blocks of values (H, W, C)."""
    height, width, channels = values.shape
    return np.asarray(values.reshape(height // side, side, width // side, side, channels).sum(axis=(1, 3)), np.float32)


def _leaves(misses: list[Float32Array], price: float) -> list[npt.NDArray[np.bool_]]:
    """Which blocks of each level, the smallest first, are cells where the sum of misses and prices is least."""
    costs = [np.where(miss < 0, 0, miss + np.float32(price)) for miss in misses]
    cut = [np.zeros(costs[0].shape, bool)]
    best = costs[0]
    for cost in costs[1:]:
        parts = _pooled(best[..., np.newaxis], 2)[..., 0]
        cut.append(parts < cost)
        best = np.minimum(parts, cost)
    reached = np.ones(best.shape, bool)
    leaves: list[npt.NDArray[np.bool_]] = []
    for miss, is_cut in zip(reversed(misses), reversed(cut), strict=True):
        if leaves:
            reached = reached.repeat(2, axis=0).repeat(2, axis=1)
        leaves.append(reached & ~is_cut & (miss >= 0))
        reached = reached & is_cut
    return leaves[::-1]


def _in_order(cells: npt.NDArray[np.float64], smallest: float, largest: float) -> npt.NDArray[np.int64]:
    """An order in which cells come after those left of them and above: rows of blocks, in each along a Z curve."""
    block = np.floor(cells[:, :2] / largest)
    inside = np.rint((cells[:, :2] - block * largest) / smallest).astype(np.int64)
    curve = np.zeros(len(cells), np.int64)
    for bit in range(round(math.log2(largest / smallest))):
        curve |= ((inside[:, 0] >> bit & 1) << 2 * bit) | ((inside[:, 1] >> bit & 1) << 2 * bit + 1)
    return np.lexsort((curve, block[:, 0], block[:, 1]))


def place_of(grid: Grid, cell: int) -> CellPosition:
    """Where a cell is: the unit that it begins in."""
    x, y = grid.cells[cell, :2].tolist()
    return CellPosition(int(x), int(y))


def find_cell(grid: Grid, place: CellPosition, option: str = "--cell") -> int:
    """The cell that covers the middle of a unit. Raises InputError, naming the `option`, for one beside the grid."""
    if not (0 <= place.column < grid.columns and 0 <= place.row < grid.rows):
        raise InputError(
            f"{option} {place.column},{place.row} is outside the grid: columns are 0 to {grid.columns - 1}, rows 0 to "
            f"{grid.rows - 1}"
        )
    middle = np.array([place.column + 0.5, place.row + 0.5])
    corner, size = grid.cells[:, :2], grid.cells[:, 2:]
    return int(np.flatnonzero(((corner <= middle) & (middle < corner + size)).all(axis=1))[0])


def covered_part(cover: Pixels, crop: tuple[float, float, float, float]) -> Pixels:
    """The part of a cover that cells cover: `crop` is x, y, width, height in fractions."""
    height, width = cover.shape[:2]
    x, y, w, h = crop
    left, top = round(x * width), round(y * height)
    return cover[top : top + max(1, round(h * height)), left : left + max(1, round(w * width))]


def _scale(part: Pixels, width: int, height: int) -> Pixels:
    # Area averages need at least a pixel for each of the target's; where the cover has fewer, it is interpolated.
    shrinks = part.shape[1] >= width and part.shape[0] >= height
    return cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR).astype(
        np.uint8, copy=False
    )


def _cut(part: Pixels, grid: Grid, pixels: int, scale: Callable[[Pixels, int, int], Pixels]) -> Pixels:
    """The picture (N, pixels, pixels, 3) of every cell: the part is scaled once for each size of cells."""
    found = np.empty((len(grid), pixels, pixels, 3), np.uint8)
    step = np.arange(pixels)
    for side in np.unique(grid.cells[:, 2]):
        # Where the part is no whole number of pixels, its end is left out: no cell of this size lies there.
        width, height = (int(units * pixels / side + 1e-9) for units in (grid.columns, grid.rows))
        whole = [
            round(k * n * side / pixels / units)
            for k, n, units in ((part.shape[0], height, grid.rows), (part.shape[1], width, grid.columns))
        ]
        scaled = scale(part[: whole[0], : whole[1]], width, height)
        some = np.flatnonzero(grid.cells[:, 2] == side)
        for block in blocks(len(some)):
            corner = np.rint(grid.cells[some[block], :2] * pixels / side).astype(np.int64)
            rows, columns = corner[:, 1, np.newaxis] + step, corner[:, 0, np.newaxis] + step
            found[some[block]] = scaled[rows[:, :, np.newaxis], columns[:, np.newaxis]]
    return found


def cell_means(cover: Pixels, grid: Grid) -> Pixels:
    """The mean sRGB colour of every cell: (N, 3)."""
    return _cut(covered_part(cover, grid.crop), grid, 1, _scale).reshape(-1, 3)


def cut_cells(cover: Pixels, grid: Grid) -> Pixels:
    """The picture of every cell, scaled to a tile's size: (N, 32, 32, 3); 3 KiB a cell."""
    return _cut(covered_part(cover, grid.crop), grid, TILE_PIXELS, _scale)


def cover_signature(cover: Pixels, grid: Grid, step: float = 1.0) -> Pixels:
    """The covered part at 8 pixels for each step (units), by averages of light: (H, W, 3)."""
    width, height = (round(units / step * SIGNATURE_PIXELS) for units in (grid.columns, grid.rows))
    return resize(covered_part(cover, grid.crop), width, height)


def cell_signatures(picture: Pixels, grid: Grid) -> Pixels:
    """The signatures (N, 8, 8, 3) of all cells, from the covered part at 8 pixels for each of the smallest."""
    return _cut(picture, grid, SIGNATURE_PIXELS, resize)
