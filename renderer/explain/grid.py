"""Figure: the cover with its grid as white lines."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from renderer.cover_names import CoverName
from renderer.cover_pixels import covered_part
from renderer.covers import WHITE
from renderer.descriptors import to_lab
from renderer.explain.cells import check_figure, lay_grid, read_cover, tile_outlines
from renderer.explain.figures import CELL, Drawing, Rectangle
from renderer.explain.results import FigureResult
from renderer.faces import find_faces
from renderer.grid import Grid
from renderer.job import GridSettings
from renderer.job.outputs import check_suffix
from renderer.pictures import Pixels, resize
from renderer.settings import CoverSettings, FigureSettings
from renderer.stills import STILL_SUFFIXES, check_size, write_picture
from renderer.subject import attention

_LINE: Final = 0.08  # width of a line relative to a cell's side
_MAX_LINE: Final = 4.0  # units
_MIN_LINE: Final = 0.45  # pixels; thinner lines are hardly visible
_MAX_SHARE: Final = 0.15  # maximum width of a line relative to a cell's side; it overrides _MIN_LINE

_SMALL_CELL: Final = 40.0  # side of a cell in units below which a part is also drawn enlarged
_ENLARGED: Final = 8  # side of that part in cells

_LEAST_SCORE: Final = np.float32(1e-3)  # of a part inside a mask, also if it is black


def explain_grid(
    cover: CoverName | None,
    path: Path,
    *,
    grid: GridSettings | None = None,
    cover_settings: CoverSettings | None = None,
    figure: FigureSettings | None = None,
    overwrite: bool = False,
) -> FigureResult:
    """Draw the cover with its grid, and an enlarged part of it if the cells are small. Raises InputError.

    `cover_settings`: mask of the cover, and how letters and shapes are drawn.
    """
    figure, cover_settings = figure or FigureSettings(), cover_settings or CoverSettings()
    opened = read_cover(cover, cover_settings)
    pixels = opened.over(WHITE)
    check_suffix(path, STILL_SUFFIXES)
    check_figure(path, opened, overwrite=overwrite)
    cells = lay_grid(opened, grid or GridSettings(), cover_settings.mask_threshold)
    drawing = Drawing(figure)
    check_size(path, drawing.size)
    part = covered_part(pixels, cells.frame_crop)
    count = f"{cells.columns} × {cells.rows} = {len(cells):,} cells"
    if not _regular(cells):
        sizes = len(np.unique(cells.cells[:, 2:], axis=0))
        count = f"{len(cells):,} cells" + (" of different sizes" if sizes > 1 else "")
    caption = f"{count}. Each will show one photo." if len(cells) > 1 else "1 cell, which will show one photo."
    area = drawing.caption(drawing.title("The cover, divided into cells"), [caption])
    columns, rows = cells.size  # in mosaic units
    aspect = columns / rows
    whole = area.fitted(aspect)
    small = whole.width / columns < _SMALL_CELL * drawing.unit and min(columns, rows) > _ENLARGED
    if small:
        whole, enlarged = _arranged(area, aspect, 48 * drawing.unit, upright=drawing.upright)
        window = _window(part, opened.mask, cells)
        scale = np.array([part.shape[1] / columns, part.shape[0] / rows])
        (left, top), (right, bottom) = (np.rint(np.array(window) * scale).astype(int).tolist() for window in window)
        _draw(drawing, part[top : max(bottom, top + 1), left : max(right, left + 1)], cells, enlarged, window)
    box = _draw(drawing, part, cells, whole, ((0.0, 0.0), (columns, rows)))
    if small:
        unit = box.width / columns
        (x, y), (right, bottom) = window
        marked = Rectangle(box.x + x * unit, box.y + y * unit, (right - x) * unit, (bottom - y) * unit)
        drawing.frame(marked.expanded(4 * drawing.unit), "#ffffff", 4)
        drawing.frame(marked, CELL, 5)
        drawing.frame(enlarged, CELL, 5)
    write_picture(path, drawing.pixels(), overwrite=overwrite)
    beyond = round(2 * cells.shape.overhang[0])
    return FigureResult(
        path, drawing.size, caption, {"columns": cells.columns - beyond, "rows": cells.rows, "cells": len(cells)},
    )  # fmt: skip


def _arranged(area: Rectangle, aspect: float, gap: float, *, upright: bool) -> tuple[Rectangle, Rectangle]:
    """Return boxes for the whole cover and for a square part to the right of it, or below it in an upright figure."""
    if upright:
        side = min(area.width * 0.94, max(area.height - gap - area.width / aspect, area.height * 0.42))
        above = Rectangle(area.x, area.y, area.width, area.height - side - gap).fitted(aspect, vertical=0.0)
        return above, Rectangle(area.x + (area.width - side) / 2, above.bottom + gap, side, side)
    side = min(area.height, area.width * 0.36)
    whole = Rectangle(area.x, area.y, area.width - side - gap, area.height).fitted(aspect, horizontal=0.0)
    side = min(side, whole.height)
    left = (area.width - whole.width - gap - side) / 2
    whole = Rectangle(area.x + left, whole.y, whole.width, whole.height)
    return whole, Rectangle(whole.right + gap, whole.y + (whole.height - side) / 2, side, side)


def _regular(cells: Grid) -> bool:
    """Return whether the cells are the whole rows and columns of the lattice."""
    return bool((cells.cells[:, 2:] == 1).all()) and len(cells) == cells.columns * cells.rows


Window = tuple[tuple[float, float], tuple[float, float]]
"""A part of the grid: left and top, right and bottom, in mosaic units."""


def _window(part: Pixels, mask: Pixels | None, cells: Grid) -> Window:
    """Return the most colourful part of the salient areas, inside a mask (H, W) of the whole cover if there is one."""
    columns, rows = (int(side) for side in cells.size)
    small = resize(part, columns, rows).astype(np.float32) / np.float32(255)
    chroma = np.hypot(*np.moveaxis(to_lab(small)[..., 1:], 2, 0))
    score = np.sqrt(attention(small, find_faces(part))) * chroma
    if mask is not None:
        inside = cv2.resize(covered_part(mask, cells.frame_crop), (columns, rows), interpolation=cv2.INTER_AREA)
        score = (score + _LEAST_SCORE) * (inside / np.float32(255))
    sums = cv2.boxFilter(score, -1, (_ENLARGED, _ENLARGED), anchor=(0, 0))[
        : rows - _ENLARGED + 1, : columns - _ENLARGED + 1
    ]
    top, left = (int(index) for index in np.unravel_index(int(sums.argmax()), sums.shape))
    return (left, top), (left + _ENLARGED, top + _ENLARGED)


def _draw(drawing: Drawing, picture: Pixels, cells: Grid, box: Rectangle, window: Window) -> Rectangle:
    """Draw a part of the cover and its cells' edges, and return its box in whole pixels."""
    box = drawing.picture(picture, box)
    (left, top), (right, bottom) = window
    unit = np.array([box.width / (right - left), box.height / (bottom - top)])
    boxes = cells.shape.tile_boxes(cells.boxes) if _outlined(cells) else cells.boxes
    corner = np.clip((boxes[:, :2] - (left, top)) * unit, 0, (box.width, box.height))
    end = np.clip((boxes[:, :2] + boxes[:, 2:] - (left, top)) * unit, 0, (box.width, box.height))
    visible = (end - corner > 0).all(axis=1)
    if visible.sum() < 2:
        return box
    corner, end = corner[visible] + (box.x, box.y), end[visible] + (box.x, box.y)
    smallest = float((end - corner).min())
    width = min(max(_LINE * smallest, min(_MIN_LINE, _MAX_SHARE * smallest)), _MAX_LINE * drawing.unit)
    if _outlined(cells):
        outlines = tile_outlines(cells.shape, boxes[visible])
        drawing.outlines((outlines - (left, top)) * unit + (box.x, box.y), "#ffffff", width, box)
        return box
    if _regular(cells):  # lines across the whole grid: 1/1000 as many in a large grid
        columns, rows = np.unique(corner[:, 0]), np.unique(corner[:, 1])
        corner = np.concatenate(
            [
                np.stack([columns, np.full_like(columns, box.y)], axis=1),
                np.stack([np.full_like(rows, box.x), rows], axis=1),
            ]
        )
        end = np.broadcast_to((box.right, box.bottom), corner.shape)
    # All edges of cells except those on the edge of the picture: those of a mask have a cell on one side only.
    first, last = np.concatenate([corner, corner, end, end]), np.concatenate([corner, corner, end, end])
    count = len(corner)
    first[2 * count : 3 * count, 0], first[3 * count :, 1] = corner[:, 0], corner[:, 1]
    last[:count, 0], last[count : 2 * count, 1] = end[:, 0], end[:, 1]
    across = np.arange(4 * count) // count % 2 == 0  # horizontal
    position = np.where(across, first[:, 1], first[:, 0])
    low, high = np.where(across, box.y, box.x) + 0.5, np.where(across, box.bottom, box.right) - 0.5
    inner = (position > low) & (position < high)
    drawing.lines(np.stack([first, last], axis=1)[inner], "#ffffff", width)
    return box


def _outlined(cells: Grid) -> bool:
    """Return whether the outlines of the tiles are drawn instead of the edges of the cells."""
    return cells.shape.kind == "hexagon" or cells.shape.corner_radius > 0
