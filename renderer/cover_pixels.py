"""The pixels of a cover under a grid: their colours, pictures and signatures per cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt

from renderer.descriptors import SIGNATURE_PIXELS, TILE_PIXELS, blocks
from renderer.grid import Grid
from renderer.pictures import Pixels, resize


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
