"""Cutting a cover into cells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.descriptors import SIGNATURE_PIXELS, TILE_PIXELS
from renderer.errors import InputError
from renderer.pictures import Pixels, resize

DEFAULT_CELLS: Final = 5000
MAX_CELLS: Final = 1_000_000


@dataclass(frozen=True)
class Grid:
    """A regular grid of square cells over the middle of a cover."""

    columns: int
    rows: int
    crop: tuple[float, float, float, float]  # x, y, width, height of the part of the cover it covers, in fractions

    @property
    def cells(self) -> npt.NDArray[np.float64]:
        """(N, 4) x, y, width, height of each cell in mosaic units, in row order."""
        y, x = np.divmod(np.arange(self.columns * self.rows), self.columns)
        return np.stack([x, y, np.ones_like(x), np.ones_like(x)], axis=1).astype(np.float64)


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
    return Grid(columns, rows, (left / width, top / height, crop_width / width, crop_height / height))


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
    return Grid(columns, rows, ((1 - across) / 2, (1 - along) / 2, across, along))


def _check_one(columns: int | None, cell_size: int | None) -> None:
    if columns is not None and cell_size is not None:
        raise InputError("--columns and --cell-size both set the grid: give one of them")


def _check_cells(columns: int, rows: int) -> None:
    if columns * rows > MAX_CELLS:
        raise InputError(
            f"{columns} × {rows} cells are more than a million: give fewer --columns or a larger --cell-size"
        )


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


def cell_means(cover: Pixels, grid: Grid) -> Pixels:
    """The mean sRGB colour of every cell: (N, 3), in row order."""
    return _scale(covered_part(cover, grid.crop), grid.columns, grid.rows).reshape(-1, 3)


def cut_cells(cover: Pixels, grid: Grid) -> Pixels:
    """The picture of every cell, scaled to a tile's size: (N, 32, 32, 3), in row order; 3 KiB a cell."""
    scaled = _scale(covered_part(cover, grid.crop), grid.columns * TILE_PIXELS, grid.rows * TILE_PIXELS)
    cells = scaled.reshape(grid.rows, TILE_PIXELS, grid.columns, TILE_PIXELS, 3).swapaxes(1, 2)
    return np.ascontiguousarray(cells).reshape(-1, TILE_PIXELS, TILE_PIXELS, 3)


def cover_signature(cover: Pixels, grid: Grid, pixels: int = SIGNATURE_PIXELS) -> Pixels:
    """The covered part at `pixels` a cell, by averages of light: (rows · pixels, columns · pixels, 3)."""
    return resize(covered_part(cover, grid.crop), grid.columns * pixels, grid.rows * pixels)


def cell_signatures(picture: Pixels, grid: Grid) -> Pixels:
    """The signatures (N, 8, 8, 3) of all cells, in row order, from the cover at 8 pixels a cell."""
    side = SIGNATURE_PIXELS
    cells = picture.reshape(grid.rows, side, grid.columns, side, 3).swapaxes(1, 2)
    return np.ascontiguousarray(cells).reshape(-1, side, side, 3)
