"""Grids: division of a cover into cells, and the cover's pixels and colours per cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
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
from renderer.shapes import SQUARE, TileShape

DEFAULT_CELLS: Final = 5000
"""Approximate number of cells of the default grid."""

MAX_CELLS: Final = 1_000_000


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells over the centre of a cover, in lattice units.

    A lattice unit is a regular cell: `unit` is its size in mosaic units, where the shorter side of a cell is 1. So
    matching is the same for cells of any ratio. In `mixed` grids, where cells have two ratios, both units are the same.
    """

    columns: int  # width in lattice units
    rows: int  # height in lattice units
    crop: tuple[float, float, float, float]  # part of the cover under the grid: x, y, width, height, as fractions
    cells: npt.NDArray[np.float64]  # (N, 4) x, y, width, height in units; each cell follows those left of and above it
    shape: TileShape = SQUARE

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def unit(self) -> tuple[float, float]:
        """Width and height of a lattice unit in mosaic units."""
        return self.shape.unit

    @property
    def step(self) -> float:
        """Length in lattice units, at most 1, of which all sides and positions of cells are multiples."""
        return step_of(self.cells)

    @property
    def scale(self) -> tuple[float, float]:
        """Width and height, in lattice units, of a square with the area of a regular cell: (1, 1) for squares.

        Distances that are specified in cells and that must be the same in all directions, such as that of a blur, are
        multiplied by it.
        """
        side = math.sqrt(self.shape.cell_area)
        return side / self.unit[0], side / self.unit[1]

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """The part of the grid that the mosaic shows: x, y, width, height in lattice units.

        It is the whole grid, except for hexagons, which extend beyond the mosaic's edge.
        """
        x, y = self.shape.overhang
        return x, y, self.columns - 2 * x, self.rows - 2 * y

    @property
    def frame_crop(self) -> tuple[float, float, float, float]:
        """The part of the cover that the mosaic shows: x, y, width, height, as fractions."""
        if self.shape.overhang == (0.0, 0.0):
            return self.crop
        x, y, width, height = self.frame
        across, along = self.crop[2] / self.columns, self.crop[3] / self.rows
        return self.crop[0] + x * across, self.crop[1] + y * along, width * across, height * along

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the mosaic in mosaic units."""
        return float(self.frame[2] * self.unit[0]), float(self.frame[3] * self.unit[1])

    def lattice_point(self, point: tuple[float, float]) -> tuple[float, float]:
        """Return the point (x, y) of the lattice at a point in mosaic units."""
        (across, along), (x, y) = self.unit, self.shape.overhang
        return point[0] / across + x, point[1] / along + y

    @property
    def boxes(self) -> npt.NDArray[np.float64]:
        """The cells in mosaic units, as a placement map contains them, (N, 4)."""
        if self.unit == (1.0, 1.0) and self.shape.overhang == (0.0, 0.0):
            return self.cells
        return (self.cells - (*self.shape.overhang, 0, 0)) * (*self.unit, *self.unit)


def grid_of_boxes(
    boxes: npt.NDArray[np.float64], size: tuple[float, float], crop: tuple[float, float, float, float], shape: TileShape
) -> Grid:
    """Return the grid of a placement map; the inverse of its `boxes`, `size` and `frame_crop`."""
    (across, along), (x, y) = shape.unit, shape.overhang
    columns, rows = round(size[0] / across + 2 * x), round(size[1] / along + 2 * y)
    if (across, along) == (1.0, 1.0) and (x, y) == (0.0, 0.0):
        return Grid(columns, rows, crop, boxes, shape)
    # Positions are multiples of a step, of which the smallest is a quarter of a cell, or half of it with an overhang.
    cells = np.rint((boxes / (across, along, across, along) + (x, y, 0, 0)) * 8) / 8
    wide, high = crop[2] / (columns - 2 * x), crop[3] / (rows - 2 * y)
    return Grid(columns, rows, (crop[0] - x * wide, crop[1] - y * high, columns * wide, rows * high), cells, shape)


def step_of(cells: npt.NDArray[np.float64]) -> float:
    """Return the length in lattice units, at most 1, of which all sides and positions of cells (N, 4) are multiples."""
    step = min(1.0, float(cells[:, 2:].min()))
    multiples = cells / step
    return step if (np.abs(multiples - np.rint(multiples)) < 1e-3).all() else step / 2


def make_grid(
    width: int,
    height: int,
    columns: int | None = None,
    cell_size: int | None = None,
    tile_shape: TileShape = SQUARE,
    portrait: float = 0.5,
) -> Grid:
    """Return a regular grid for a cover of `width` × `height` pixels, centre-cropped to whole cells.

    The grid has `columns` columns, or cells whose shorter side is `cell_size` cover pixels; by default about 5,000
    cells. A column is a cell of a row, for hexagons of the first row, and for `mixed` a square with the area of a cell.
    For hexagons, `cell_size` is the height of a brick, 3/4 of the hexagon's. portrait: 0…1, share of the cells of
    `mixed` that are higher than wide. Raises InputError if both are specified, or if there would be no cells or more
    than a million.
    """
    _check_one(columns, cell_size)
    (across, along), block = tile_shape.unit, _block(tile_shape)
    if cell_size is not None:
        count = int(width / (cell_size * across) + 1e-9) // block * block
        rows = int(height / (cell_size * along) + 1e-9) // block * block
        if count <= 2 * tile_shape.overhang[0] or not rows:
            raise InputError(_too_large(cell_size, width, height, tile_shape))
        crop_width, crop_height = round(count * cell_size * across), round(rows * cell_size * along)
    else:
        count = _lattice_columns(tile_shape, columns, width, height)
        # A panorama may be lower than a column is wide.
        side = min(width / across / count, height / along / block)
        rows = max(1, int(height / along / side + 1e-9) // block) * block
        crop_width, crop_height = round(count * side * across), round(rows * side * along)
    _check_cells(count, rows)
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    crop = (left / width, top / height, crop_width / width, crop_height / height)
    return _regular(count, rows, crop, tile_shape, portrait)


def make_grid_of_shape(
    width: int,
    height: int,
    shape: float,
    columns: int | None = None,
    cell_size: int | None = None,
    tile_shape: TileShape = SQUARE,
    portrait: float = 0.5,
) -> Grid:
    """Return the largest regular grid of aspect ratio `shape` (width / height) that fits, centred on the cover.

    The other parameters are as for `make_grid`. The default is about 5,000 cells, in the numbers of columns and rows
    that match the aspect ratio best. Raises InputError as `make_grid` does.
    """
    _check_one(columns, cell_size)
    (across, along), (beside, above), block = tile_shape.unit, tile_shape.overhang, _block(tile_shape)

    def rows_of(count: int) -> int:
        exact = (count - 2 * beside) * (across / along) / shape + 2 * above
        return max(1, round(exact / block)) * block

    def error(count: int) -> float:
        shown = (count - 2 * beside) * across, (rows_of(count) - 2 * above) * along
        return abs(math.log(shown[1] * shape / shown[0]))

    if cell_size is not None:
        columns = max(1, round(min(width, height * shape) / (cell_size * across)))
        count = max(1, round(columns / block)) * block + round(2 * beside)
    elif columns is None:
        default = math.sqrt(DEFAULT_CELLS * tile_shape.cell_area / across**2 * shape)
        first, last = max(1, math.ceil(default * 0.95)), max(1, math.floor(default * 1.05))
        counts = range(-(-first // block) * block + round(2 * beside), last + round(2 * beside) + 1, block)
        count = min(counts, key=error, default=block + round(2 * beside))
    else:
        count = _lattice_columns(tile_shape, columns, width, height)
    rows = rows_of(count)
    _check_cells(count, rows)
    shown_width, shown_height = (count - 2 * beside) * across, (rows - 2 * above) * along
    # The crop is larger than what is shown if cells extend beyond it, and must still fit.
    wide, high = count * across, rows * along
    side = min(width / wide, height / high)
    if beside == above == 0:
        wide_share = min(1.0, height * shown_width / shown_height / width)
        high_share = min(1.0, width * shown_height / shown_width / height)
    else:
        wide_share, high_share = side * wide / width, side * high / height
    crop = ((1 - wide_share) / 2, (1 - high_share) / 2, wide_share, high_share)
    return _regular(count, rows, crop, tile_shape, portrait)


def _block(shape: TileShape) -> int:
    """Return the number of lattice units, across and along, of which a grid's sides are multiples."""
    return _BAND if shape.kind == "mixed" else 1


def _lattice_columns(shape: TileShape, columns: int | None, width: int, height: int) -> int:
    """Return the width in lattice units of a grid with a number of columns, or about 5,000 cells."""
    beyond = round(2 * shape.overhang[0])
    if shape.kind != "mixed":
        if columns is None:
            ideal = math.sqrt(DEFAULT_CELLS * shape.cell_area / shape.unit[0] ** 2 * width / height)
            return max(1 + beyond, round(ideal + beyond / 4))  # hexagons: half of the rows have one less
        return columns + beyond
    wide = math.sqrt(shape.cell_area) * (columns or math.sqrt(DEFAULT_CELLS * width / height))
    if columns is not None:
        return max(1, round(wide / _BAND)) * _BAND
    # Of similar numbers, the one with which the least height is lost.
    counts = range(max(1, math.ceil(wide * 0.95 / _BAND)) * _BAND, math.floor(wide * 1.05) + 1, _BAND)
    return min(counts, key=lambda count: count * height / width % _BAND, default=_BAND)


def _too_large(cell_size: int, width: int, height: int, shape: TileShape) -> str:
    if shape.keeps_transpose:
        return (
            f"{named('cell_size', cell_size)} is larger than the cover's shorter side of {min(width, height)} "
            "pixels: use a smaller value"
        )
    return (
        f"{named('cell_size', cell_size)} is too large for {shape.name} tiles on a cover of {width} × {height} pixels: "
        "use a smaller value"
    )


def _check_one(columns: int | None, cell_size: int | None) -> None:
    if columns is not None and cell_size is not None:
        raise InputError(f"{named('columns')} and {named('cell_size')} both set the grid: use one of them")


def _check_cells(columns: int, rows: int) -> None:
    if columns * rows > MAX_CELLS:
        raise InputError(
            f"{columns} × {rows} cells are more than a million: use a smaller {named('columns')} or a larger "
            f"{named('cell_size')}"
        )


# -- Layouts -------------------------------------------------------------------------------------------------------


def _regular(
    columns: int, rows: int, crop: tuple[float, float, float, float], shape: TileShape, portrait: float
) -> Grid:
    """Return a grid of cells of one size, or for `mixed` of two."""
    if shape.kind == "mixed":
        cells = _mixed_cells(columns, rows, portrait)
    else:
        every = np.ones((rows, columns, 4))
        every[..., 0], every[..., 1] = np.arange(columns), np.arange(rows)[:, np.newaxis]
        if shape.kind == "hexagon":
            every[::2, :, 0] += 0.5
        cells = every.reshape(-1, 4)
        cells = cells[cells[:, 0] + 1 <= columns]
    return Grid(columns, rows, crop, cells, shape)


_BAND: Final = 3
"""Height in lattice units of a band of `mixed`: 3 landscape or 2 portrait cells. So is the multiple of its width: it
is divisible by the widths of both kinds of columns, 1.5 and 1."""

_ROTATIONS: Final = 24
"""Number of rotations of a band's columns from which the one is chosen that has the fewest seams in common with the
band above."""


def _mixed_cells(columns: int, rows: int, portrait: float) -> npt.NDArray[np.float64]:
    """Return cells of 1.5 × 1 and 1 × 1.5 units in bands of columns, 3 landscape or 2 portrait cells high.

    portrait: 0…1, share of the portrait cells, which is also their share of the width. What a band's share differs is
    carried to the next band.
    """
    if not 0 <= portrait <= 1:
        raise ValueError(f"the share of portrait cells is {portrait}")
    cells: list[tuple[float, float, float, float]] = []
    carried, seams = 0.0, np.empty(0)
    for top in range(0, rows, _BAND):
        wanted = columns * portrait + carried
        # The width that remains must be a multiple of 1.5: three portrait columns replace two landscape ones.
        count = min(max(_BAND * round(wanted / _BAND), 0), columns)
        carried = wanted - count
        landscape = round((columns - count) / 1.5)
        total = count + landscape
        # Evenly distributed: a column is portrait where the running share of portrait columns passes a whole number.
        upright = np.diff(np.arange(total + 1) * count // total) > 0
        best = np.inf
        for turn in range(min(total, _ROTATIONS)):
            turned = np.roll(upright, turn)
            lefts = np.concatenate([[0.0], np.cumsum(np.where(turned, 1.0, 1.5))])[:-1]
            common = len(np.intersect1d(lefts[1:], seams))
            if common < best:
                best, kinds, edges = common, turned, lefts
        seams = edges[1:]
        for left, is_upright in zip(edges.tolist(), kinds.tolist(), strict=True):
            if is_upright:
                cells += [(left, top + 1.5 * k, 1.0, 1.5) for k in range(2)]
            else:
                cells += [(left, top + 1.0 * k, 1.5, 1.0) for k in range(3)]
    return np.array(cells)


# -- Masks ---------------------------------------------------------------------------------------------------------

MASK_THRESHOLD: Final = 0.5
"""Default share of a cell that must be inside a mask."""

_MASK_PIXELS: Final = 16  # per lattice unit, at most: shares of cells are then exact to 1/1000


def masked(grid: Grid, mask: Pixels, threshold: float = MASK_THRESHOLD) -> Grid:
    """Return a grid of only the cells of which at least a share of `threshold`, 0…1, is inside a mask.

    mask: (H, W) uint8 over the whole cover, of any size; 255 is inside. Raises InputError if no cell is left.
    """
    x, y, width, height = grid.cells.T
    inside = _mask_shares(grid, mask, x, y, x + width, y + height) >= max(threshold - 1e-6, 1e-6)
    if not inside.any():
        raise InputError(
            f"No cell has {threshold:.0%} of its area inside the {named('mask')}: use smaller cells, a larger shape or "
            f"a smaller {named('mask_threshold')}"
        )
    return grid if inside.all() else replace(grid, cells=grid.cells[inside])


def _mask_shares(grid: Grid, mask: Pixels, *edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the share of boxes inside a mask. edges: left, top, right and bottom, in lattice units."""
    part = covered_part(mask, grid.crop)
    most = grid.columns * _MASK_PIXELS, grid.rows * _MASK_PIXELS
    if part.shape[1] > most[0] or part.shape[0] > most[1]:
        size = min(part.shape[1], most[0]), min(part.shape[0], most[1])
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    sums = np.zeros((part.shape[0] + 1, part.shape[1] + 1))
    sums[1:, 1:] = part.cumsum(axis=0, dtype=np.float64).cumsum(axis=1) / 255
    across, along = part.shape[1] / grid.columns, part.shape[0] / grid.rows

    def sum_before(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the sum of all pixels left of and above points, in pixels; parts of pixels count by their area."""
        column, row = (
            np.minimum(np.floor(values).astype(np.int64), count - 1)
            for values, count in ((x, part.shape[1]), (y, part.shape[0]))
        )
        right, below = x - column, y - row
        upper = sums[row, column] * (1 - right) + sums[row, column + 1] * right
        lower = sums[row + 1, column] * (1 - right) + sums[row + 1, column + 1] * right
        between: npt.NDArray[np.float64] = upper * (1 - below) + lower * below
        return between

    left, right = (np.clip(values * across, 0, part.shape[1]) for values in edges[::2])
    top, bottom = (np.clip(values * along, 0, part.shape[0]) for values in edges[1::2])
    area = np.maximum((right - left) * (bottom - top), 1e-9)
    total = sum_before(right, bottom) - sum_before(left, bottom) - sum_before(right, top) + sum_before(left, top)
    return np.asarray(total / area, np.float64)


# -- Adaptive grids ------------------------------------------------------------------------------------------------

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
    shares = _mask_shares(grid, mask, column, row, column + smallest, row + smallest)
    exists = errors[0] >= 0
    kept, inside = shares >= max(threshold - 1e-6, 1e-6), shares >= 1 - 1e-6
    # How many of the smallest cells of each block are in the grid, kept, and wholly inside.
    counts = np.stack([exists, exists & kept, exists & inside], axis=2).astype(np.float32)
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
    cell = cell_at(grid, (column + 0.5, row + 0.5))
    x, y, width, height = grid.cells[cell].tolist()
    if not (x <= column + 0.5 <= x + width and y <= row + 0.5 <= y + height):
        raise InputError(f"{named(parameter, f'{column},{row}')} is outside the mask: choose a cell that shows a photo")
    return cell


def cell_at(grid: Grid, point: tuple[float, float]) -> int:
    """Return the cell that contains a point (x, y) in lattice units, or the nearest cell for one outside all cells.

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
    """Return the part of a cover (H, W, …) under the grid. crop: x, y, width, height as fractions."""
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
    """Return the picture of each cell, (N, pixels, pixels, 3).

    `part` is scaled once for all cells that have the same size and lie at whole multiples of it from each other.
    """
    pictures = np.empty((len(grid), pixels, pixels, 3), np.uint8)
    step = np.arange(pixels)
    for (left, top, width, height), cells in _congruent(grid):
        # A fractional pixel at the right or bottom is dropped: no cell of this size reaches into it.
        across = int((grid.columns - left) * pixels / width + 1e-9)
        along = int((grid.rows - top) * pixels / height + 1e-9)
        first = round(part.shape[0] * top / grid.rows), round(part.shape[1] * left / grid.columns)
        source = [
            round(k * n * side / pixels / units)
            for k, n, side, units in (
                (part.shape[0], along, height, grid.rows), (part.shape[1], across, width, grid.columns)
            )
        ]  # fmt: skip
        scaled = scale(
            part[first[0] : first[0] + source[0], first[1] : first[1] + source[1]], across, along,
        )  # fmt: skip
        for block in blocks(len(cells)):
            corner = grid.cells[cells[block], :2] - (left, top)
            corner = np.rint(corner * pixels / (width, height)).astype(np.int64)
            rows, columns = corner[:, 1, np.newaxis] + step, corner[:, 0, np.newaxis] + step
            pictures[cells[block]] = scaled[rows[:, :, np.newaxis], columns[:, np.newaxis]]
    return pictures


def _congruent(grid: Grid) -> Iterator[tuple[tuple[float, float, float, float], npt.NDArray[np.int64]]]:
    """Yield groups of cells of the same size at multiples of it: the first position and the size, and their numbers."""
    size = grid.cells[:, 2:]
    # Rectangles, also those of different sizes, lie at multiples of their size from the grid's corner.
    offset = np.zeros_like(size) if grid.shape.kind == "rectangle" else np.round(grid.cells[:, :2] % size, 3)
    key = np.zeros(len(grid), np.int64)
    for values in (*size.T, *offset.T):
        _, number = np.unique(values, return_inverse=True)
        key = key * (int(number.max()) + 1) + number.reshape(-1)
    for group in np.unique(key):
        cells = np.flatnonzero(key == group)
        (left, top), (width, height) = offset[cells[0]].tolist(), size[cells[0]].tolist()
        yield (left, top, width, height), cells


def cell_means(cover: Pixels, grid: Grid) -> Pixels:
    """Return the mean sRGB colour of each cell: (N, 3) uint8."""
    return _cut(covered_part(cover, grid.crop), grid, 1, _scale).reshape(-1, 3)


def cut_cells(cover: Pixels, grid: Grid) -> Pixels:
    """Return the picture of each cell, scaled to 32 × 32 pixels: (N, 32, 32, 3) uint8; 3 KiB per cell."""
    return _cut(covered_part(cover, grid.crop), grid, TILE_PIXELS, _scale)


def cover_signature(cover: Pixels, grid: Grid, step: float = 1.0) -> Pixels:
    """Return the part under the grid at 8 pixels per `step`, averaged in linear light, (H, W, 3) uint8."""
    width, height = (round(units / step * SIGNATURE_PIXELS) for units in (grid.columns, grid.rows))
    return resize(covered_part(cover, grid.crop), width, height)


def cell_signatures(picture: Pixels, grid: Grid) -> Pixels:
    """Return the signature of each cell, (N, 8, 8, 3) uint8. picture: from `cover_signature` with the grid's `step`."""
    return _cut(picture, grid, SIGNATURE_PIXELS, resize)
