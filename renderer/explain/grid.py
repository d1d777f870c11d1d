"""The cover, cut into cells by white lines."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from renderer.descriptors import to_lab
from renderer.explain.cells import check_figure, lay_grid, read_cover
from renderer.explain.figures import CELL, Drawing, Rectangle
from renderer.explain.settings import FigureResult, FigureSettings
from renderer.grid import Grid, covered_part
from renderer.job import GridSettings
from renderer.job.outputs import check_suffix
from renderer.pictures import Pixels, resize
from renderer.stills import STILL_SUFFIXES, check_size, write_picture
from renderer.subject import attention, find_faces

_LINE: Final = 0.08  # of a cell's side
_WIDEST: Final = 4.0  # units
_THINNEST: Final = 0.45  # pixels: thinner ones are hardly seen
_MOST: Final = 0.15  # of a cell's side, however small it is: the cover must be seen too

_FINE: Final = 40.0  # units a cell's side, under which a part is also shown larger
_LENS: Final = 8  # cells a side of that part


def explain_grid(
    cover: Path | None,
    path: Path,
    *,
    grid: GridSettings | None = None,
    figure: FigureSettings | None = None,
    overwrite: bool = False,
) -> FigureResult:
    """Draw the cover with its cells, and a part of it larger where they are small. Raises InputError."""
    figure = figure or FigureSettings()
    source, pixels = read_cover(cover)
    check_suffix(path, STILL_SUFFIXES)
    check_figure(path, source, overwrite=overwrite)
    cells = lay_grid(pixels, grid or GridSettings())
    sheet = Drawing(figure)
    check_size(path, sheet.size)
    part = covered_part(pixels, cells.crop)
    count = f"{cells.columns} × {cells.rows} = {len(cells):,} cells"
    if not _regular(cells):
        count = f"{len(cells):,} cells of several sizes"
    says = f"{count}: each will be one photo." if len(cells) > 1 else "One cell: it will be one photo."
    room = sheet.caption(sheet.title("The cover, cut into cells"), [says])
    aspect = cells.columns / cells.rows
    whole = room.fitted(aspect)
    fine = whole.width / cells.columns < _FINE * sheet.unit and min(cells.columns, cells.rows) > _LENS
    if fine:
        whole, lens = _beside(room, aspect, 48 * sheet.unit, upright=sheet.upright)
        window = _window(part, cells)
        scale = np.array([part.shape[1] / cells.columns, part.shape[0] / cells.rows])
        (left, top), (right, bottom) = (np.rint(np.array(window) * scale).astype(int).tolist() for window in window)
        _draw(sheet, part[top : max(bottom, top + 1), left : max(right, left + 1)], cells, lens, window)
    drawn = _draw(sheet, part, cells, whole, ((0.0, 0.0), (cells.columns, cells.rows)))
    if fine:
        unit = drawn.width / cells.columns
        (x, y), (end, low) = window
        marked = Rectangle(drawn.x + x * unit, drawn.y + y * unit, (end - x) * unit, (low - y) * unit)
        sheet.frame(marked.wider(4 * sheet.unit), "#ffffff", 4)
        sheet.frame(marked, CELL, 5)
        sheet.frame(lens, CELL, 5)
    write_picture(path, sheet.pixels(), overwrite=overwrite)
    return FigureResult(
        path, sheet.size, says, {"columns": cells.columns, "rows": cells.rows, "cells": len(cells)},
    )  # fmt: skip


def _beside(room: Rectangle, aspect: float, gap: float, *, upright: bool) -> tuple[Rectangle, Rectangle]:
    """Boxes for the whole and, beside or below it, for a square part."""
    if upright:
        side = min(room.width * 0.94, max(room.height - gap - room.width / aspect, room.height * 0.42))
        above = Rectangle(room.x, room.y, room.width, room.height - side - gap).fitted(aspect, along=0.0)
        return above, Rectangle(room.x + (room.width - side) / 2, above.bottom + gap, side, side)
    side = min(room.height, room.width * 0.36)
    whole = Rectangle(room.x, room.y, room.width - side - gap, room.height).fitted(aspect, across=0.0)
    side = min(side, whole.height)
    left = (room.width - whole.width - gap - side) / 2
    whole = Rectangle(room.x + left, whole.y, whole.width, whole.height)
    return whole, Rectangle(whole.right + gap, whole.y + (whole.height - side) / 2, side, side)


def _regular(cells: Grid) -> bool:
    """Whether all cells are of one size."""
    return bool((cells.cells[:, 2:] == 1).all())


Window = tuple[tuple[float, float], tuple[float, float]]
"""Left and top, right and bottom of a part of the grid, in units."""


def _window(part: Pixels, cells: Grid) -> Window:
    """The part that is most colourful among what draws the eye."""
    small = resize(part, cells.columns, cells.rows).astype(np.float32) / np.float32(255)
    chroma = np.hypot(*np.moveaxis(to_lab(small)[..., 1:], 2, 0))
    worth = np.sqrt(attention(small, find_faces(part))) * chroma
    sums = cv2.boxFilter(worth, -1, (_LENS, _LENS), anchor=(0, 0))[
        : cells.rows - _LENS + 1, : cells.columns - _LENS + 1
    ]
    top, left = (int(place) for place in np.unravel_index(int(sums.argmax()), sums.shape))
    return (left, top), (left + _LENS, top + _LENS)


def _draw(sheet: Drawing, picture: Pixels, cells: Grid, box: Rectangle, window: Window) -> Rectangle:
    """Draw a part of the cover and its cells' edges; gives where it is, in whole pixels."""
    box = sheet.picture(picture, box)
    (left, top), (right, bottom) = window
    unit = np.array([box.width / (right - left), box.height / (bottom - top)])
    corner = np.clip((cells.cells[:, :2] - (left, top)) * unit, 0, (box.width, box.height))
    end = np.clip((cells.cells[:, :2] + cells.cells[:, 2:] - (left, top)) * unit, 0, (box.width, box.height))
    seen = (end - corner > 0).all(axis=1)
    if seen.sum() < 2:
        return box
    corner, end = corner[seen] + (box.x, box.y), end[seen] + (box.x, box.y)
    smallest = float((end - corner).min())
    width = min(max(_LINE * smallest, min(_THINNEST, _MOST * smallest)), _WIDEST * sheet.unit)
    if _regular(cells):  # whole lines: of a large grid a thousandth as many
        columns, rows = np.unique(corner[:, 0]), np.unique(corner[:, 1])
        corner = np.concatenate(
            [
                np.stack([columns, np.full_like(columns, box.y)], axis=1),
                np.stack([np.full_like(rows, box.x), rows], axis=1),
            ]
        )
        end = np.broadcast_to((box.right, box.bottom), corner.shape)
    # The left and upper edge of each cell, but for those along the picture's own: each line is drawn once.
    across = np.stack([corner, np.stack([end[:, 0], corner[:, 1]], axis=1)], axis=1)[corner[:, 1] > box.y + 0.5]
    along = np.stack([corner, np.stack([corner[:, 0], end[:, 1]], axis=1)], axis=1)[corner[:, 0] > box.x + 0.5]
    sheet.lines(np.concatenate([across, along]), "#ffffff", width)
    return box
