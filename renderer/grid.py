"""Grids: division of a cover into cells of any shape."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.errors import InputError
from renderer.messages import named
from renderer.parameters import CellPosition
from renderer.shapes import SQUARE, TileShape

DEFAULT_CELLS: Final = 5000
CELLS_PER_PHOTO: Final = 20
_FEWEST_CELLS: Final = 1000  # in which most covers can be recognized
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
    cells: float = DEFAULT_CELLS,
) -> Grid:
    """Return a regular grid for a cover of `width` × `height` pixels, centre-cropped to whole cells.

    The grid has `columns` columns, or cells whose shorter side is `cell_size` cover pixels, or else about `cells`
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
        count = _lattice_columns(tile_shape, columns, width, height, cells)
        # A panorama may be lower than a column is wide.
        side = min(width / across / count, height / along / block)
        rows = max(1, int(height / along / side + 1e-9) // block) * block
        crop_width, crop_height = round(count * side * across), round(rows * side * along)
    _check_cells(count, rows)
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    crop = (left / width, top / height, crop_width / width, crop_height / height)
    return _regular(count, rows, crop, tile_shape, portrait)


def default_cells(photos: int | None) -> int:
    """Return the default number of cells for a number of photos: few photos are larger and repeated less often."""
    return DEFAULT_CELLS if photos is None else min(max(CELLS_PER_PHOTO * photos, _FEWEST_CELLS), DEFAULT_CELLS)


def make_grid_of_shape(
    width: int,
    height: int,
    shape: float,
    columns: int | None = None,
    cell_size: int | None = None,
    tile_shape: TileShape = SQUARE,
    portrait: float = 0.5,
    cells: float = DEFAULT_CELLS,
) -> Grid:
    """Return the largest regular grid of aspect ratio `shape` (width / height) that fits, centred on the cover.

    The other parameters are as for `make_grid`. About `cells` cells are in the numbers of columns and rows that match
    the aspect ratio best. Raises InputError as `make_grid` does.
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
        default = math.sqrt(cells * tile_shape.cell_area / across**2 * shape)
        first, last = max(1, math.ceil(default * 0.95)), max(1, math.floor(default * 1.05))
        counts = range(-(-first // block) * block + round(2 * beside), last + round(2 * beside) + 1, block)
        count = min(counts, key=error, default=block + round(2 * beside))
    else:
        count = _lattice_columns(tile_shape, columns, width, height, cells)
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


def over_cover(grid: Grid, width: int, height: int, *, regular: bool = False) -> Grid:
    """Return the cells of a grid over the largest part of another cover, `width` × `height` pixels, at its centre.

    `regular`: with the cells of a regular grid instead of these, over the same area.
    """
    across, along = grid.unit
    side = min(width / across / grid.columns, height / along / grid.rows)
    sides = min(grid.columns * side * across / width, 1.0), min(grid.rows * side * along / height, 1.0)
    crop = ((1 - sides[0]) / 2, (1 - sides[1]) / 2, *sides)
    if not regular:
        return replace(grid, crop=crop)
    portrait = float((grid.cells[:, 3] > grid.cells[:, 2]).mean())
    return _regular(grid.columns, grid.rows, crop, grid.shape, portrait)


def _block(shape: TileShape) -> int:
    """Return the number of lattice units, across and along, of which a grid's sides are multiples."""
    return _BAND if shape.kind == "mixed" else 1


def _lattice_columns(shape: TileShape, columns: int | None, width: int, height: int, cells: float) -> int:
    """Return the width in lattice units of a grid with a number of columns, or if that is None, of cells."""
    beyond = round(2 * shape.overhang[0])
    if shape.kind != "mixed":
        if columns is None:
            ideal = math.sqrt(cells * shape.cell_area / shape.unit[0] ** 2 * width / height)
            return max(1 + beyond, round(ideal + beyond / 4))  # hexagons: half of the rows have one less
        return columns + beyond
    wide = math.sqrt(shape.cell_area) * (columns or math.sqrt(cells * width / height))
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
