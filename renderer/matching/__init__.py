"""Matching: from a cover and a library to a placement map with a photo and a tone for each cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.deprecation import old_names
from renderer.descriptors import blocks, describe_structure
from renderer.errors import InputError
from renderer.grid import Grid, cell_at
from renderer.library import Library
from renderer.matching.advice import Placed
from renderer.matching.assignment import assign
from renderer.matching.candidates import Candidates, Costs, Indices
from renderer.matching.cell_raster import CellRaster, rasterize_cells
from renderer.matching.description import (
    MatchStyle,
    adapted_cover,
    costs_of,
    describe_cover,
    library_palette,
)
from renderer.matching.duplicates import first_copies, first_descriptors
from renderer.matching.perceptual_search import improve
from renderer.matching.placing import placed_map
from renderer.matching.repetition import Limits, RepetitionRules, resolve_limits
from renderer.matching.spacing import arrange, conflicting_cells, refill
from renderer.matching.tiles import in_cells, portrait_share
from renderer.matching.uses import place_each_once
from renderer.messages import named
from renderer.pictures import Pixels
from renderer.placement import JsonValue, PlacementMap
from renderer.progress import Progress

__all__ = [
    "MATCHER_VERSION",
    "MatchStyle",
    "Pin",
    "RepetitionRules",
    "adapted_cover",
    "library_palette",
    "match_photos",
    "nearest_photos",
    "portrait_share",
    "unmatched_map",
]

Pin = tuple[int, tuple[float, float] | None]
"""A photo's number in the library and its point (x, y) as fractions of the cover, or None for the best central cell."""

MATCHER_VERSION = 8
"""Increased whenever the same inputs would give a different map, so that older cached maps are not used."""

_CANDIDATES = 128
"""Initial number of candidates per cell in the assignment."""

_BLOCK = 256  # cells whose costs for all photos are in memory at once

_ALTERNATIVES = 64
"""Candidates per cell in the perceptual search; twice as many without tone, since tone corrects most differences."""


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
    """Return a map that shows the best photo in each cell, within the repetition rules.

    Photos are assigned at the minimum total cost, and repeats that are too near each other are replaced. With
    `structure`, a local search in a random order (from `seed`) improves the similarity at viewing distance. Finally,
    each tile gets its tone. Each photo in `pins` is used exactly once: in the cell at its point or, if it has none, in
    the cell near the centre where it fits best. cover: (H, W, 3) uint8. Raises InputError if the library is empty or
    too small for the rules.
    """
    style, rules = style or MatchStyle(), rules or RepetitionRules()
    library = in_cells(library, grid.shape)
    numbers, reserved, limits = _usable_within(grid, library, rules, pins)
    description = describe_cover(adapted_cover(cover, library, style), grid)
    raster = description.raster
    with progress.stage("matching", 2 * len(raster), "cells") as advance:
        remaining_steps = 2 * len(raster)

        def advance_rows(rows: int) -> None:
            nonlocal remaining_steps
            steps = min(rows, remaining_steps)
            remaining_steps -= steps
            advance(steps)  # called even for 0 steps, since it may raise to cancel

        costs, photos = costs_of(description, library, numbers, style, advance_rows)
        pin_costs = [costs_of(description, library, np.array([number]), style, advance_rows)[0] for number, _ in pins]
        placed, pinned = _pin(pin_costs, grid, numbers, pins)
        capacity = np.where(reserved, 0, limits.uses).astype(np.int32)
        # In a random order: in that of the rows, equal cells would get the best photos at the top, until none is left.
        others = np.random.default_rng(seed).permutation(np.setdiff1d(np.arange(len(raster)), pinned))
        alternatives = 0 if photos is None else round(_ALTERNATIVES * (2 - style.tone))
        candidates = _place(costs, raster, placed, others, capacity, limits, alternatives)
        if photos is not None:
            remaining = capacity - np.bincount(placed.photo[others, 0], minlength=len(numbers)).astype(np.int32)
            movable = np.ones(len(raster), bool)
            movable[pinned] = False
            improve(
                placed, candidates, description.cells, photos, description.picture, raster, remaining, movable,
                symmetries=style.symmetries(grid.shape), strength=style.tone, distance=limits.distance,
                min_uses=int(limits.use_all), seed=seed,
            )  # fmt: skip
        advance_rows(2 * len(raster))
    chosen, symmetry = numbers[placed.photo[:, 0]], placed.symmetry[:, 0]
    structure = describe_structure(library.signatures[numbers]) if photos is None else photos
    tiles = structure[placed.photo[:, 0]].turned(symmetry)
    return placed_map(
        Placed(description, library, chosen, symmetry, tiles, style), placed.cost[:, 0],
        {**(recipe or {}), "limits": {"uses": limits.uses, "distance": limits.distance}}, advised=structure.mean,
    )  # fmt: skip


def unmatched_map(
    grid: Grid,
    library: Library,
    *,
    rules: RepetitionRules | None = None,
    pins: Sequence[Pin] = (),
    recipe: dict[str, JsonValue] | None = None,
) -> PlacementMap:
    """Return a map of the grid without matching: its cells show the photos of `pins`, or the first photo if none.

    Use it to check everything that follows matching. Raises InputError as `match_photos` does.
    """
    _usable_within(grid, library, rules or RepetitionRules(), pins)
    count = len(grid)
    photos = list(dict.fromkeys(number for number, _ in pins)) or [0]
    return PlacementMap(
        cell=grid.boxes,
        photo=np.resize(np.arange(len(photos), dtype=np.int32), count),
        symmetry=np.zeros(count, np.uint8),
        gain=np.ones((count, 3), np.float32),
        offset=np.zeros((count, 3), np.float32),
        cost=np.zeros(count, np.float32),
        photos=tuple(library.photos[number] for number in photos),
        size=grid.size,
        recipe=recipe or {},
        shape=grid.shape,
    )


def _usable_within(
    grid: Grid, library: Library, rules: RepetitionRules, pins: Sequence[Pin]
) -> tuple[Indices, npt.NDArray[np.bool_], Limits]:
    """Return the result of `_usable`, and the limits on repetition. Raises InputError."""
    if not len(library.photos):
        raise InputError(f"No photo can be used: {named('tiles')} must contain at least one picture")
    numbers, reserved = _usable(library, pins, merge=rules.merge_duplicates)
    usable = len(numbers) - int(reserved.sum())
    return numbers, reserved, resolve_limits(rules, rasterize_cells(grid), usable, len(pins))


def nearest_photos(
    cover: Pixels, grid: Grid, library: Library, cells: Indices, count: int, style: MatchStyle | None = None
) -> Candidates:
    """Return the `count` photos of lowest cost for each of `cells` (M,), nearest first, without repetition rules.

    Photos are given as numbers in the library. Only the first of several copies is included.
    """
    style = style or MatchStyle()
    library = in_cells(library, grid.shape)
    numbers = first_copies(library)
    costs, _ = costs_of(
        describe_cover(adapted_cover(cover, library, style), grid), library, numbers, style, lambda _rows: None
    )
    found = costs.nearest(cells, count)
    return replace(found, photo=numbers[found.photo].astype(np.int32))


def _usable(library: Library, pins: Sequence[Pin], *, merge: bool) -> tuple[Indices, npt.NDArray[np.bool_]]:
    """Return the numbers (P,) of the photos that may be placed, and whether each is reserved for its pin (P,).

    If all photos are pinned, none are reserved.
    """
    pinned = [number for number, _ in pins]
    first = first_descriptors(library) if merge else first_copies(library)
    numbers = np.union1d(first, np.array(pinned, np.int64))
    reserved = np.isin(numbers, pinned)
    return numbers, reserved & ~reserved.all()


def _pin(pin_costs: Sequence[Costs], grid: Grid, numbers: Indices, pins: Sequence[Pin]) -> tuple[Candidates, list[int]]:
    """Return a placement (N, 1) of only the pinned photos, with −1 in all other cells, and a list of the pinned cells.

    pin_costs: the costs of each pinned photo.
    """
    count = len(grid)
    placed = Candidates(
        np.full((count, 1), -1, np.int32), np.zeros((count, 1), np.uint8), np.zeros((count, 1), np.float32)
    )
    pinned: list[int] = []
    for (number, point), costs in zip(pins, pin_costs, strict=True):
        photo = int(np.searchsorted(numbers, number))
        fit = costs.nearest(np.arange(count), 1)
        cell = _cell_under(grid, point) if point else _best_central_cell(grid, fit.cost[:, 0], pinned)
        placed.photo[cell], placed.symmetry[cell], placed.cost[cell] = photo, fit.symmetry[cell], fit.cost[cell]
        pinned.append(cell)
    return placed, pinned


def _place(
    costs: Costs, raster: CellRaster, placed: Candidates, cells: Indices,
    capacity: npt.NDArray[np.int32], limits: Limits, alternatives: int,
) -> Candidates:  # fmt: skip
    """Fill `cells` within the limits, and return alternative candidates for each cell, (N, `alternatives`)."""
    photos = np.flatnonzero(capacity)
    reserved_cells = np.empty(0, np.int64)
    if limits.use_all:
        reserved_cells = place_each_once(costs, cells, photos, placed)
    remaining = capacity - np.bincount(placed.photo[reserved_cells, 0], minlength=len(capacity)).astype(np.int32)
    others = cells[~np.isin(cells, reserved_cells)]
    shape = (len(raster), min(alternatives, len(photos)))
    candidates = Candidates(np.full(shape, -1, np.int32), np.zeros(shape, np.uint8), np.zeros(shape, np.float32))
    if len(others):
        found, best = assign(
            costs, others, remaining, max(_CANDIDATES if limits.uses < len(cells) else 1, alternatives)
        )
        width = min(shape[1], best.photo.shape[1])
        candidates.photo[others, :width] = best.photo[:, :width]
        candidates.symmetry[others, :width] = best.symmetry[:, :width]
        candidates.cost[others, :width] = best.cost[:, :width]
        placed.photo[others], placed.symmetry[others], placed.cost[others] = found.photo, found.symmetry, found.cost
    if limits.distance:
        _enforce_distance(costs, raster, placed, cells, reserved_cells, capacity, limits)
    return candidates


def _enforce_distance(
    costs: Costs, raster: CellRaster, placed: Candidates, cells: Indices, reserved_cells: Indices,
    capacity: npt.NDArray[np.int32], limits: Limits,
) -> None:  # fmt: skip
    """Replace repeats that are too near each other."""
    rank = placed.cost[:, 0].copy()
    rank[reserved_cells] = -1  # cells reserved for a photo keep it
    rank[np.setdiff1d(np.arange(len(raster)), cells)] = -2  # pinned cells come first
    placed.photo[conflicting_cells(raster, placed.photo[:, 0], rank, limits.distance)] = -1
    empty = cells[placed.photo[cells, 0] < 0]  # in the order of `cells`
    current = placed.photo[cells, 0]
    remaining = capacity - np.bincount(current[current >= 0], minlength=len(capacity)).astype(np.int32)
    if refill(costs, raster, placed, empty, remaining, limits.distance):
        return
    # There are too few photos to choose by cost: use any arrangement within the limits.
    fixed = placed.photo[:, 0].copy()
    fixed[cells] = -1
    arranged = arrange(raster, fixed, capacity, limits.distance, evenly=limits.use_all)
    if arranged is None:
        raise InputError(
            f"{int((capacity > 0).sum())} photos are too few for {named('repeat_distance', limits.distance)}: use a "
            "smaller distance or more photos"
        )
    for block in blocks(len(cells), _BLOCK):
        rows = cells[block]
        cost, symmetry = costs.block(rows)
        photo = arranged[rows]
        each = np.arange(len(rows))
        placed.photo[rows, 0], placed.symmetry[rows, 0], placed.cost[rows, 0] = (
            photo,
            symmetry[each, photo],
            cost[each, photo],
        )


def _cell_under(grid: Grid, point: tuple[float, float]) -> int:
    """Return the cell at, or nearest to, a point (x, y) in fractions of the cover."""
    left, top, width, height = grid.crop
    return cell_at(grid, ((point[0] - left) / width * grid.columns, (point[1] - top) / height * grid.rows))


def _best_central_cell(grid: Grid, cost: Float32Array, pinned: Sequence[int]) -> int:
    """Return the cell of lowest cost that is not pinned, if possible in the central ninth of the grid."""
    centre = (grid.cells[:, :2] + 0.5 * grid.cells[:, 2:]) / (grid.columns, grid.rows)
    middle = (np.abs(centre - 0.5) <= max(1 / 6, 0.5 / min(grid.columns, grid.rows))).all(axis=1)
    order = np.lexsort((cost, ~middle))
    free = order[~np.isin(order, pinned)]
    return int((free if len(free) else order)[0])


__getattr__ = old_names(__name__, {"Look": "MatchStyle", "Rules": "RepetitionRules"})
