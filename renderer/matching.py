"""Cover and library → placement map: the nearest photos of each cell, and which of them it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from renderer.descriptors import Metric, describe
from renderer.errors import InputError
from renderer.grid import Grid, cell_means, cut_cells
from renderer.library import Library
from renderer.pictures import Pixels
from renderer.placement import JsonValue, PlacementMap
from renderer.progress import Progress

Pin = tuple[int, tuple[float, float] | None]
"""A photo of the library by its number, and where it must be: a point in fractions of the cover, or where it suits."""

DEFAULT_NEIGHBOURS: dict[Metric, int] = {"mean": 8, "pixels": 1}
"""How many nearest photos a cell chooses among. `pixels` is by default the plain search: always the nearest."""

MATCHER_VERSION = 2
"""Counts up when the same inputs give another map: maps that were kept are then made anew."""

_TIES = 4  # photos beyond those asked for, among which equal distances are put in order

_BLOCK = 2048  # cells searched at once: 25 MB of 32 × 32 descriptors


def match_photos(
    cover: Pixels,
    grid: Grid,
    library: Library,
    progress: Progress,
    *,
    metric: Metric = "mean",
    neighbours: int | None = None,
    seed: int = 0,
    pins: Sequence[Pin] = (),
    recipe: dict[str, JsonValue] | None = None,
) -> PlacementMap:
    """Give every cell of a cover the photo that fits best.

    A cell takes the nearest of its `neighbours` nearest photos that none of the eight cells around it shows already;
    the nearest of all if they all do. Cells choose in an order drawn from `seed`. The photos of `pins`
    are put, each once and nowhere else, into the cell at their point, or without one into that near the middle which
    they suit best. Raises InputError if the library is empty.
    """
    if not library.photos:
        raise InputError("no photo can be used: give --tiles a folder with at least one picture")
    # Copies of one file are one photo.
    first_of = {(photo.digest, photo.crop): i for i, photo in reversed(list(enumerate(library.photos)))}
    pinned_photos = {number for number, _ in pins}
    free = np.array(sorted(set(first_of.values()) - pinned_photos) or sorted(first_of.values()))
    neighbours = min(neighbours or DEFAULT_NEIGHBOURS[metric], len(free))
    cells = grid.cells
    distance, nearest = _nearest(cover, grid, library.tiles[free], metric, neighbours, progress)
    candidate = free[nearest]
    chosen = _choose(candidate, grid, seed) if neighbours > 1 else np.zeros(len(cells), np.int64)
    rows = np.arange(len(cells))
    photo = candidate[rows, chosen].astype(np.int32)
    cost = distance[rows, chosen].astype(np.float32)
    means = cell_means(cover, grid).astype(np.float64) if pins else np.empty((0, 3))
    pinned: list[int] = []
    for number, point in pins:
        away = np.linalg.norm(means - np.asarray(library.photos[number].mean) * 255, axis=1)
        place = _cell_at(grid, point) if point else _suiting_cell(grid, away, pinned)
        photo[place] = number
        cost[place] = away[place]
        pinned.append(place)
    used, place_of = np.unique(photo, return_inverse=True)
    count = len(cells)
    return PlacementMap(
        cell=cells,
        photo=place_of.reshape(-1).astype(np.int32),
        symmetry=np.zeros(count, np.uint8),
        gain=np.ones((count, 3), np.float32),
        offset=np.zeros((count, 3), np.float32),
        cost=cost,
        photos=tuple(library.photos[i] for i in used),
        size=(float(grid.columns), float(grid.rows)),
        recipe=recipe or {},
    )


def _nearest(
    cover: Pixels, grid: Grid, tiles: Pixels, metric: Metric, count: int, progress: Progress
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Distances and indices (N, count) of each cell's nearest photos, nearest first; equal ones in library order.

    A tree for the three dimensions of `mean`; blocks of matrix products for the 3072 of `pixels`, whose inputs are
    whole numbers that float64 sums without error, so the answers are those of the plain loop.
    """
    from sklearn.neighbors import (
        NearestNeighbors,
    )  # takes a second to import, and a saved map needs none of it

    # Some more than needed, so that which of equally near photos are taken follows from their order alone.
    searcher = NearestNeighbors(
        n_neighbors=min(count + _TIES, len(tiles)), algorithm="kd_tree" if metric == "mean" else "brute"
    )
    searcher.fit(describe(tiles, metric))
    cells = grid.columns * grid.rows
    if metric == "mean":
        wanted = cell_means(cover, grid).astype(np.float32)
    else:
        pictures = cut_cells(cover, grid)
    distances: list[npt.NDArray[np.float64]] = []
    indices: list[npt.NDArray[np.int64]] = []
    with progress.stage("matching", cells, "cells") as advance:
        for start in range(0, cells, _BLOCK):
            block = slice(start, min(start + _BLOCK, cells))
            query = wanted[block] if metric == "mean" else describe(pictures[block], metric)
            distance, index = searcher.kneighbors(query)
            order = np.lexsort((index, distance), axis=1)[:, :count]
            distances.append(np.take_along_axis(cast("npt.NDArray[np.float64]", distance), order, axis=1))
            indices.append(np.take_along_axis(cast("npt.NDArray[np.int64]", index), order, axis=1))
            advance(block.stop - block.start)
    return np.concatenate(distances), np.concatenate(indices)


def _choose(candidate: npt.NDArray[np.int64], grid: Grid, seed: int) -> npt.NDArray[np.int64]:
    """Which of its candidates each cell takes, (N,): the first that no cell around it has taken before."""
    # Plain lists: a cell's turn is a few look-ups, which NumPy's calls would cost ten times over.
    width = grid.columns + 2
    taken = [-1] * (width * (grid.rows + 2))  # with a border of nothing
    around = [step + side for step in (-width, 0, width) for side in (-1, 0, 1)]
    chosen = np.zeros(len(candidate), np.int64)
    for cell in np.random.default_rng(seed).permutation(len(candidate)).tolist():
        y, x = divmod(cell, grid.columns)
        place = (y + 1) * width + x + 1
        shown = {taken[place + step] for step in around}
        choices = candidate[cell].tolist()
        pick = next((i for i, photo in enumerate(choices) if photo not in shown), 0)  # the nearest, if none is free
        chosen[cell] = pick
        taken[place] = choices[pick]
    return chosen


def _cell_at(grid: Grid, point: tuple[float, float]) -> int:
    left, top, width, height = grid.crop
    x = min(max(int((point[0] - left) / width * grid.columns), 0), grid.columns - 1)
    y = min(max(int((point[1] - top) / height * grid.rows), 0), grid.rows - 1)
    return y * grid.columns + x


def _suiting_cell(grid: Grid, away: npt.NDArray[np.float64], taken: Sequence[int]) -> int:
    """The cell in the middle ninth of the grid whose colour is nearest, of those that are not taken (if any is not)."""
    centre = (grid.cells[:, :2] + 0.5) / (grid.columns, grid.rows)
    middle = (np.abs(centre - 0.5) <= max(1 / 6, 0.5 / min(grid.columns, grid.rows))).all(axis=1)
    cost = np.where(middle, away, away + 1e3)
    cost[list(taken)] += 1e6
    return int(cost.argmin())
