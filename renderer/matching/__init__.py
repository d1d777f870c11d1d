"""Cover and library → placement map: which photo each cell shows, under which rules, with which tone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.deprecation import old_names
from renderer.descriptors import blocks, describe_structure
from renderer.errors import InputError
from renderer.fidelity import advise
from renderer.grid import Grid
from renderer.library import Library
from renderer.matching.assignment import assign
from renderer.matching.candidates import Candidates, Costs, Indices
from renderer.matching.cell_raster import CellRaster, rasterize_cells
from renderer.matching.description import MatchStyle, adapted_cover, apply_tone, costs_of, describe_cover, figures_of
from renderer.matching.duplicates import first_copies, first_descriptors
from renderer.matching.perceptual_search import improve
from renderer.matching.repetition import Limits, RepetitionRules, resolve_limits
from renderer.matching.spacing import clashing, refill, spread
from renderer.matching.uses import place_each_once
from renderer.pictures import Pixels
from renderer.placement import JsonValue, PlacementMap
from renderer.progress import Progress

__all__ = [
    "MATCHER_VERSION",
    "MatchStyle",
    "Pin",
    "RepetitionRules",
    "adapted_cover",
    "match_photos",
    "nearest_photos",
    "unmatched_map",
]

Pin = tuple[int, tuple[float, float] | None]
"""A photo of the library by its number, and where it must be: a point in fractions of the cover, or where it suits."""

MATCHER_VERSION = 4
"""Counts up when the same inputs give another map: maps that were kept are then made anew."""

_CANDIDATES = 128
"""Photos that a cell knows at first when uses are shared out."""

_BLOCK = 256  # cells whose costs are held for all photos

_ALTERNATIVES = 64
"""Photos that a cell may change to in the local search; twice as many without tone, which mends most of it."""


def match_photos(
    cover: Pixels,
    grid: Grid,
    library: Library,
    progress: Progress,
    *,
    style: MatchStyle | None = None,
    rules: RepetitionRules | None = None,
    seed: int = 0,
    pins: Sequence[Pin] = (),
    recipe: dict[str, JsonValue] | None = None,
) -> PlacementMap:
    """Give every cell of a cover the photo that fits best, as the rules of repetition allow.

    Uses are shared out so that the sum of costs is least, photos that are too near themselves give way, and with
    `structure` a local search in an order drawn from `seed` betters what is seen from afar; then tiles get their
    tone. The photos of `pins` are put, each once and nowhere else, into the cell at their point, or without one into
    that near the middle which they suit best. Raises InputError if the library is empty or too small for a rule.
    """
    style, rules = style or MatchStyle(), rules or RepetitionRules()
    numbers, kept_back, limits = _allowed(grid, library, rules, pins)
    seen = describe_cover(adapted_cover(cover, library, style), grid)
    layout = seen.layout
    with progress.stage("matching", 2 * len(layout), "cells") as advance:
        left_to_say = 2 * len(layout)

        def looked_up(rows: int) -> None:
            nonlocal left_to_say
            said = min(rows, left_to_say)
            left_to_say -= said
            advance(said)  # also when all is said: it may be told to stop

        costs, photos = costs_of(seen, library, numbers, style, looked_up)
        alone = [costs_of(seen, library, np.array([number]), style, looked_up)[0] for number, _ in pins]
        placed, pinned = _pin(alone, grid, numbers, pins)
        capacity = np.where(kept_back, 0, limits.uses).astype(np.int32)
        rest = np.setdiff1d(np.arange(len(layout)), pinned)
        alternatives = 0 if photos is None else round(_ALTERNATIVES * (2 - style.tone))
        known = _place(costs, layout, placed, rest, capacity, limits, alternatives)
        if photos is not None:
            left = capacity - np.bincount(placed.photo[rest, 0], minlength=len(numbers)).astype(np.int32)
            movable = np.ones(len(layout), bool)
            movable[pinned] = False
            improve(
                placed, known, seen.cells, photos, seen.picture, layout, left, movable,
                symmetries=style.symmetries, strength=style.tone, distance=limits.distance,
                least_uses=int(limits.use_all), seed=seed,
            )  # fmt: skip
        looked_up(2 * len(layout))
    chosen, symmetry = numbers[placed.photo[:, 0]], placed.symmetry[:, 0]
    used, place_of = np.unique(chosen, return_inverse=True)
    described = describe_structure(library.signatures[numbers]) if photos is None else photos
    dressed = apply_tone(seen, library, chosen, symmetry, described[placed.photo[:, 0]].turned(symmetry), style)
    figures = figures_of(seen, dressed, advise(described.mean, seen.cells.mean))
    made: dict[str, JsonValue] = {
        "limits": {"uses": limits.uses, "distance": limits.distance},
        "figures": figures.as_json(),
    }
    return PlacementMap(
        cell=grid.cells,
        photo=place_of.reshape(-1).astype(np.int32),
        symmetry=symmetry,
        gain=dressed.gain,
        offset=dressed.offset,
        cost=placed.cost[:, 0],
        photos=tuple(library.photos[i] for i in used),
        size=(float(grid.columns), float(grid.rows)),
        recipe={**(recipe or {}), **made},
    )


def unmatched_map(
    grid: Grid,
    library: Library,
    *,
    rules: RepetitionRules | None = None,
    pins: Sequence[Pin] = (),
    recipe: dict[str, JsonValue] | None = None,
) -> PlacementMap:
    """A map of the same cells that shows the photos of `pins`, or else the first one, without comparing any.

    It serves to check what is to be done with the map. Raises InputError where `match_photos` does for its rules.
    """
    _allowed(grid, library, rules or RepetitionRules(), pins)
    count = len(grid)
    shown = list(dict.fromkeys(number for number, _ in pins)) or [0]
    return PlacementMap(
        cell=grid.cells,
        photo=np.resize(np.arange(len(shown), dtype=np.int32), count),
        symmetry=np.zeros(count, np.uint8),
        gain=np.ones((count, 3), np.float32),
        offset=np.zeros((count, 3), np.float32),
        cost=np.zeros(count, np.float32),
        photos=tuple(library.photos[number] for number in shown),
        size=(float(grid.columns), float(grid.rows)),
        recipe=recipe or {},
    )


def _allowed(
    grid: Grid, library: Library, rules: RepetitionRules, pins: Sequence[Pin]
) -> tuple[Indices, npt.NDArray[np.bool_], Limits]:
    """What `_usable` gives, and how often and how near itself a photo may be. Raises InputError."""
    if not len(library.photos):
        raise InputError("no photo can be used: give --tiles a folder with at least one picture")
    numbers, kept_back = _usable(library, pins, merge=rules.merge_duplicates)
    usable = len(numbers) - int(kept_back.sum())
    return numbers, kept_back, resolve_limits(rules, rasterize_cells(grid.cells), usable, len(pins))


def nearest_photos(
    cover: Pixels, grid: Grid, library: Library, cells: Indices, count: int, style: MatchStyle | None = None
) -> Candidates:
    """The `count` photos of least cost in each of some cells, rules of repetition aside, the nearest first.

    Photos are told by their numbers in the library; of copies only the first is among them.
    """
    style = style or MatchStyle()
    numbers = first_copies(library)
    costs, _ = costs_of(
        describe_cover(adapted_cover(cover, library, style), grid), library, numbers, style, lambda _rows: None
    )
    found = costs.nearest(cells, count)
    return replace(found, photo=numbers[found.photo].astype(np.int32))


def _usable(library: Library, pins: Sequence[Pin], *, merge: bool) -> tuple[Indices, npt.NDArray[np.bool_]]:
    """The numbers of the photos that may be placed, and which of them only where they are pinned.

    If there are no others, a pinned photo may be anywhere.
    """
    pinned = [number for number, _ in pins]
    first = first_descriptors(library) if merge else first_copies(library)
    numbers = np.union1d(first, np.array(pinned, np.int64))
    kept_back = np.isin(numbers, pinned)
    return numbers, kept_back & ~kept_back.all()


def _pin(alone: Sequence[Costs], grid: Grid, numbers: Indices, pins: Sequence[Pin]) -> tuple[Candidates, list[int]]:
    """An empty placement (N, 1), −1 where nothing is shown, with the pinned photos in it, and their cells.

    alone: the costs of each pinned photo.
    """
    count = len(grid)
    placed = Candidates(
        np.full((count, 1), -1, np.int32), np.zeros((count, 1), np.uint8), np.zeros((count, 1), np.float32)
    )
    pinned: list[int] = []
    for (number, point), costs in zip(pins, alone, strict=True):
        photo = int(np.searchsorted(numbers, number))
        fit = costs.nearest(np.arange(count), 1)
        cell = _cell_at(grid, point) if point else _suiting_cell(grid, fit.cost[:, 0], pinned)
        placed.photo[cell], placed.symmetry[cell], placed.cost[cell] = photo, fit.symmetry[cell], fit.cost[cell]
        pinned.append(cell)
    return placed, pinned


def _place(
    costs: Costs, layout: CellRaster, placed: Candidates, cells: Indices,
    capacity: npt.NDArray[np.int32], limits: Limits, alternatives: int,
) -> Candidates:  # fmt: skip
    """Fill the cells that are not pinned, by the rules; returns what else each cell might show, (N, `alternatives`)."""
    photos = np.flatnonzero(capacity)
    kept = np.empty(0, np.int64)
    if limits.use_all:
        kept = place_each_once(costs, cells, photos, placed)
    left = capacity - np.bincount(placed.photo[kept, 0], minlength=len(capacity)).astype(np.int32)
    others = np.setdiff1d(cells, kept)
    shape = (len(layout), min(alternatives, len(photos)))
    known = Candidates(np.full(shape, -1, np.int32), np.zeros(shape, np.uint8), np.zeros(shape, np.float32))
    if len(others):
        found, best = assign(costs, others, left, max(_CANDIDATES if limits.uses < len(cells) else 1, alternatives))
        width = min(shape[1], best.photo.shape[1])
        known.photo[others, :width] = best.photo[:, :width]
        known.symmetry[others, :width] = best.symmetry[:, :width]
        known.cost[others, :width] = best.cost[:, :width]
        placed.photo[others], placed.symmetry[others], placed.cost[others] = found.photo, found.symmetry, found.cost
    if limits.distance:
        _keep_apart(costs, layout, placed, cells, kept, capacity, limits)
    return known


def _keep_apart(
    costs: Costs, layout: CellRaster, placed: Candidates, cells: Indices, kept: Indices,
    capacity: npt.NDArray[np.int32], limits: Limits,
) -> None:  # fmt: skip
    """Let photos that are too near themselves give way to others."""
    rank = placed.cost[:, 0].copy()
    rank[kept] = -1  # a photo's only cell, and
    rank[np.setdiff1d(np.arange(len(layout)), cells)] = -2  # pins come first
    empty = clashing(layout, placed.photo[:, 0], rank, limits.distance)
    placed.photo[empty] = -1
    shown = placed.photo[cells, 0]
    left = capacity - np.bincount(shown[shown >= 0], minlength=len(capacity)).astype(np.int32)
    if refill(costs, layout, placed, empty, left, limits.distance):
        return
    # So few photos that there is hardly a choice: any arrangement that keeps the rules.
    taken = placed.photo[:, 0].copy()
    taken[cells] = -1
    arranged = spread(layout, taken, capacity, limits.distance, evenly=limits.use_all)
    if arranged is None:
        raise InputError(
            f"{int((capacity > 0).sum())} photos are too few for --repeat-distance {limits.distance}: give a "
            "smaller distance or more photos"
        )
    for some in blocks(len(cells), _BLOCK):
        rows = cells[some]
        cost, symmetry = costs.block(rows)
        photo = arranged[rows]
        each = np.arange(len(rows))
        placed.photo[rows, 0], placed.symmetry[rows, 0], placed.cost[rows, 0] = (
            photo,
            symmetry[each, photo],
            cost[each, photo],
        )


def _cell_at(grid: Grid, point: tuple[float, float]) -> int:
    """The cell that a point of the cover, in fractions of it, lies in or nearest to."""
    left, top, width, height = grid.crop
    place = np.array([(point[0] - left) / width * grid.columns, (point[1] - top) / height * grid.rows])
    corner, size = grid.cells[:, :2], grid.cells[:, 2:]
    away = np.maximum(np.maximum(corner - place, place - corner - size), 0).sum(axis=1)
    return int(np.flatnonzero(away == away.min())[-1])  # on an edge, the cell that begins there


def _suiting_cell(grid: Grid, cost: Float32Array, taken: Sequence[int]) -> int:
    """The cell in the middle ninth of the grid that suits best, of those that are not taken (if any is not)."""
    centre = (grid.cells[:, :2] + 0.5 * grid.cells[:, 2:]) / (grid.columns, grid.rows)
    middle = (np.abs(centre - 0.5) <= max(1 / 6, 0.5 / min(grid.columns, grid.rows))).all(axis=1)
    order = np.lexsort((cost, ~middle))
    free = order[~np.isin(order, taken)]
    return int((free if len(free) else order)[0])


__getattr__ = old_names(__name__, {"Look": "MatchStyle", "Rules": "RepetitionRules"})
