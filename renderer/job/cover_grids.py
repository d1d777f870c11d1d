"""The cells of a cover, and how covers that are made are matched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from renderer.adaptive_grid import adapt_grid
from renderer.covers import WHITE, Cover, Fill, box_of
from renderer.descriptors import to_lab
from renderer.faces import Face, find_faces
from renderer.grid import DEFAULT_CELLS, Grid, default_cells, make_grid, make_grid_of_shape
from renderer.library import Library
from renderer.masked_grid import masked
from renderer.pictures import Pixels, resize
from renderer.settings import CoverSettings, GridSettings, MatchSettings
from renderer.subject import attention, subject_position

_SUBJECT_PIXELS: Final = 160  # longer side of the copy of the cover in which its subject is detected

_MOST_FINER: Final = 4.0  # columns of a grid with a mask, relative to one without

_MADE_TONE: Final = 0.5
"""Default strength of the tone in letters and shapes: with all of it, photos in one colour can't be recognized."""

_DARK_TONE: Final = 0.3
"""The same for the default fill, which is dark: with 0.5, the photos are nearly black; with 0, letters are grey."""

_HUES: Final = 12  # colours of the gradient in which photos are ordered

_GREY: Final = 8.0
"""Chroma in CIELAB below which a mean colour has no visible hue; a third of 2,000 everyday photos is below it."""


def regular_grid(
    cover: Cover,
    settings: GridSettings,
    portrait: float = 0.5,
    shape: float | None = None,
    photos: int | None = None,
) -> Grid:
    """Return the regular grid of a cover; by default, about `default_cells_of` of its cells are inside its mask.

    If the mask is small, there are fewer cells, as the grid has at most four times the columns of one without a mask.
    `portrait`: share of the portrait cells, 0…1, if the shape of the tiles is `mixed`. `shape`: width / height of the
    mosaic, if it differs from the cover's. `photos`: their number, or None if they are pieces of the cover.
    """
    inside = 1.0 if cover.mask is None else max(float(cover.mask.mean()) / 255, _MOST_FINER**-2)
    cells = default_cells_of(cover, photos) / inside
    make = make_grid if shape is None else partial(make_grid_of_shape, shape=shape)
    return make(
        *cover.size, columns=settings.columns, cell_size=settings.cell_size, tile_shape=settings.shape(),
        portrait=portrait, cells=cells,
    )  # fmt: skip


def default_cells_of(cover: Cover, photos: int | None) -> int:
    """Return the default number of cells: fewer for few photos, except for letters and shapes, which need many."""
    return DEFAULT_CELLS if cover.path is None else default_cells(photos)


def cells_of(cover: Cover, grid: Grid, settings: GridSettings, faces: Sequence[Face], mask_threshold: float) -> Grid:
    """Return the cells inside a cover: those of a regular grid, or of several sizes if the settings say so."""
    if settings.adaptive:
        sides = settings.cell_sides()
        return adapt_grid(grid, cover.over(WHITE), faces, *sides, cover.mask, mask_threshold)
    return grid if cover.mask is None else masked(grid, cover.mask, mask_threshold)


def ordered_by_hue(cover: Cover, library: Library) -> Cover:
    """Return a cover in the photos' own colours, ordered from left to right: by hue, then grey ones, light to dark."""
    means = library.photos.columns.mean.astype(np.float32)
    lightness, a, b = to_lab(means).T
    grey = np.hypot(a, b) < _GREY
    order = np.lexsort((np.where(grey, -lightness, np.arctan2(b, a) % (2 * np.pi)), grey))
    parts = np.array_split(means[order], min(_HUES, len(order)))
    colours = tuple((float(r), float(g), float(b)) for r, g, b in (part.mean(axis=0) for part in parts))
    height, width = cover.pixels.shape[:2]
    box = (0, 0, width, height) if cover.mask is None else box_of(cover.mask)
    return replace(cover, picture=replace(cover.picture, pixels=Fill(colours).pixels(width, height, box)))


def over_subject(grid: Grid, cover: Pixels) -> Grid:
    """Return a grid moved from the centre of a cover to its most important part. cover: (H, W, 3)."""
    across, along = grid.crop[2:]
    height, width = cover.shape[:2]
    scale = _SUBJECT_PIXELS / max(width, height)
    small = resize(cover, max(round(width * scale), 2), max(round(height * scale), 2))
    weights = attention(small.astype(np.float32) / np.float32(255), find_faces(cover))
    x, y = (subject_position(weights, axis, share) - share / 2 for axis, share in ((1, across), (0, along)))
    return replace(grid, crop=(x, y, across, along))


def as_made(cover: Cover, library: Library, settings: MatchSettings) -> tuple[Cover, MatchSettings]:
    """Return a cover and the settings with which it is matched; they differ for letters and shapes."""
    if cover.as_they_are:
        return ordered_by_hue(cover, library), replace(settings, tone=0.0, blend=0.0)
    if cover.path is None and settings.tone == "auto":
        dark = settings.fill == CoverSettings().fill
        return cover, replace(settings, tone=_DARK_TONE if dark else _MADE_TONE)
    return cover, settings
