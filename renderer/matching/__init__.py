"""Cover and library → placement map: which photo each cell shows, under which rules, with which tone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from renderer.descriptors import (
    SIGNATURE_PIXELS,
    Metric,
    Structure,
    blocks,
    describe_structure,
    inverse_symmetry,
    mean_lab,
)
from renderer.errors import InputError
from renderer.fidelity import advise, far_view, measure, turned
from renderer.grid import Grid, cell_means, cell_signatures, cover_signature, cut_cells
from renderer.library import Library
from renderer.matching.assignment import assign
from renderer.matching.candidates import Candidates, Costs, Floats, Indices
from renderer.matching.duplicates import first_copies, first_looks
from renderer.matching.eye import improve
from renderer.matching.layout import Layout, lay_out
from renderer.matching.means import MeanCosts
from renderer.matching.palette import adapt_palette
from renderer.matching.pixels import PixelCosts
from renderer.matching.rules import Limits, Rules, settle
from renderer.matching.spacing import clashing, refill, spread
from renderer.matching.structure import StructureCosts, Weights
from renderer.matching.tone import Shades, shades_of, tone_of
from renderer.matching.uses import place_each_once
from renderer.pictures import Pixels
from renderer.placement import JsonValue, PlacementMap
from renderer.progress import Advance, Progress

Pin = tuple[int, tuple[float, float] | None]
"""A photo of the library by its number, and where it must be: a point in fractions of the cover, or where it suits."""

MATCHER_VERSION = 4
"""Counts up when the same inputs give another map: maps that were kept are then made anew."""

_CANDIDATES = 128
"""Photos that a cell knows at first when uses are shared out."""

_BLOCK = 256  # cells whose costs are held for all photos

_MEASURED_CELLS = 30_000  # of which likeness is told: 100 MB

_ALTERNATIVES = 64
"""Photos that a cell may change to in the local search; twice as many without tone, which mends most of it."""


@dataclass(frozen=True)
class Look:
    """How photos are compared and drawn."""

    metric: Metric = "structure"
    mirror: bool = True  # photos may be mirrored
    turns: bool = False  # and turned by right angles
    tone: float = 1.0  # strength, 0…1, of the tone that fits a tile to its cell
    adapt_palette: bool = False  # the cover's colours are first mapped to what the library has
    blend: float = 0.0  # share, 0…1, of the cell's mean colour that is laid over its tile

    @property
    def symmetries(self) -> tuple[int, ...]:
        """The symmetries (bits as in PlacementMap) in which photos may be shown."""
        if self.turns:
            return tuple(range(8)) if self.mirror else (0, 3, 5, 6)
        return (0, 1) if self.mirror else (0,)


def match_photos(
    cover: Pixels,
    grid: Grid,
    library: Library,
    progress: Progress,
    *,
    look: Look | None = None,
    rules: Rules | None = None,
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
    look, rules = look or Look(), rules or Rules()
    if not len(library.photos):
        raise InputError("no photo can be used: give --tiles a folder with at least one picture")
    cover = adapted_cover(cover, library, look)
    numbers, kept_back = _usable(library, pins, merge=rules.merge_duplicates)
    usable = len(numbers) - int(kept_back.sum())
    layout = lay_out(grid.cells)
    picture = cover_signature(cover, grid, layout.step)
    shown = cell_signatures(picture, grid)
    cells = describe_structure(shown)
    with progress.stage("matching", 2 * len(layout), "cells") as advance:
        left_to_say = 2 * len(layout)

        def looked_up(rows: int) -> None:
            nonlocal left_to_say
            said = min(rows, left_to_say)
            left_to_say -= said
            advance(said)  # also when all is said: it may be told to stop

        costs, photos = _costs(cover, grid, library, numbers, look, shown, cells, looked_up)
        alone = [
            _costs(cover, grid, library, np.array([number]), look, shown, cells, looked_up)[0] for number, _ in pins
        ]
        placed, pinned = _pin(alone, grid, numbers, pins)
        limits = settle(rules, layout, usable, len(pinned))
        capacity = np.where(kept_back, 0, limits.uses).astype(np.int32)
        rest = np.setdiff1d(np.arange(len(layout)), pinned)
        alternatives = 0 if photos is None else round(_ALTERNATIVES * (2 - look.tone))
        known = _place(costs, layout, placed, rest, capacity, limits, alternatives)
        if photos is not None:
            left = capacity - np.bincount(placed.photo[rest, 0], minlength=len(numbers)).astype(np.int32)
            movable = np.ones(len(layout), bool)
            movable[pinned] = False
            improve(
                placed, known, cells, photos, picture, layout, left, movable,
                symmetries=look.symmetries, strength=look.tone, distance=limits.distance,
                least_uses=int(limits.use_all), seed=seed,
            )  # fmt: skip
        looked_up(2 * len(layout))
    chosen, symmetry = numbers[placed.photo[:, 0]], placed.symmetry[:, 0]
    tiles = turned(library.signatures[chosen], symmetry)
    used, place_of = np.unique(chosen, return_inverse=True)
    pictures = [shades_of(library.tiles_of(used[some])) for some in blocks(len(used), 4096)]
    shades = Shades(np.concatenate(pictures), place_of.reshape(-1))
    described = describe_structure(library.signatures[numbers]) if photos is None else photos
    gain, offset = tone_of(
        cells, described[placed.photo[:, 0]].turned(symmetry), tiles, shades, picture, layout, look.tone
    )
    gain, offset = (1 - look.blend) * gain, (1 - look.blend) * offset + look.blend * cells.colour
    offset = offset.astype(np.float32)
    figures = measure(*_from_afar(grid, picture, tiles, gain, offset), gain, advise(described.mean, cells.mean))
    made: dict[str, JsonValue] = {
        "limits": {"uses": limits.uses, "distance": limits.distance},
        "figures": figures.as_json(),
    }
    return PlacementMap(
        cell=grid.cells,
        photo=place_of.reshape(-1).astype(np.int32),
        symmetry=symmetry,
        gain=gain.astype(np.float32),
        offset=offset,
        cost=placed.cost[:, 0],
        photos=tuple(library.photos[i] for i in used),
        size=(float(grid.columns), float(grid.rows)),
        recipe={**(recipe or {}), **made},
    )


def _from_afar(grid: Grid, picture: Pixels, tiles: Pixels, gain: Floats, offset: Floats) -> tuple[Floats, Floats]:
    """Cover and mosaic at 8 pixels a unit, sRGB 0…1; of a very large grid the middle rows, which tell enough.

    8 pixels a unit of all would take gigabytes. picture: the cover at 8 pixels a step.
    """
    rows = min(grid.rows, max(_MEASURED_CELLS // grid.columns, 1))
    first = (grid.rows - rows) // 2
    top, height = grid.cells[:, 1], grid.cells[:, 3]
    some = (top < first + rows) & (top + height > first)
    begin, end = float(top[some].min()), float((top + height)[some].max())
    drawn = far_view(
        grid.cells[some] - (0, begin, 0, 0), (grid.columns, end - begin), tiles[some], gain[some], offset[some],
        grid.step,
    )  # fmt: skip
    scale = SIGNATURE_PIXELS / grid.step
    seen = picture[round(first * scale) : round((first + rows) * scale)].astype(np.float32) / 255
    drawn = drawn[round((first - begin) * scale) :][: len(seen)]
    size = grid.columns * SIGNATURE_PIXELS, rows * SIGNATURE_PIXELS
    cover, mosaic = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (seen, drawn))
    return np.asarray(cover, np.float32), np.asarray(mosaic, np.float32)


def adapted_cover(cover: Pixels, library: Library, look: Look) -> Pixels:
    """The cover in the colours that are looked for."""
    return adapt_palette(cover, mean_lab(library.signatures)) if look.adapt_palette else cover


def nearest_photos(
    cover: Pixels, grid: Grid, library: Library, cells: Indices, count: int, look: Look | None = None
) -> Candidates:
    """The `count` photos of least cost in each of some cells, rules of repetition aside, the nearest first.

    Photos are told by their numbers in the library; of copies only the first is among them.
    """
    look = look or Look()
    cover = adapted_cover(cover, library, look)
    numbers = first_copies(library)
    some = replace(grid, cells=grid.cells[cells])
    shown = cell_signatures(cover_signature(cover, grid, grid.step), some)
    costs, _ = _costs(cover, some, library, numbers, look, shown, describe_structure(shown), lambda _rows: None)
    found = costs.nearest(np.arange(len(cells)), count)
    return replace(found, photo=numbers[found.photo].astype(np.int32))


def _usable(library: Library, pins: Sequence[Pin], *, merge: bool) -> tuple[Indices, npt.NDArray[np.bool_]]:
    """The numbers of the photos that may be placed, and which of them only where they are pinned.

    If there are no others, a pinned photo may be anywhere.
    """
    pinned = [number for number, _ in pins]
    first = first_looks(library) if merge else first_copies(library)
    numbers = np.union1d(first, np.array(pinned, np.int64))
    kept_back = np.isin(numbers, pinned)
    return numbers, kept_back & ~kept_back.all()


def _costs(
    cover: Pixels,
    grid: Grid,
    library: Library,
    numbers: Indices,
    look: Look,
    shown: Pixels,
    cells: Structure,
    advance: Advance,
) -> tuple[Costs, Structure | None]:
    """The costs of photos in cells under a metric, and for `structure` what the photos look like."""
    whole = len(numbers) == len(library.photos)
    if look.metric == "pixels":
        pictures = cut_cells(cover, grid)
        undone = [np.full(len(pictures), inverse_symmetry(symmetry), np.uint8) for symmetry in look.symmetries]
        tiles = library.tiles if whole else library.tiles_of(numbers)
        return PixelCosts([turned(pictures, symmetry) for symmetry in undone], tiles, look.symmetries, advance), None
    if look.metric == "mean":
        return MeanCosts(cell_means(cover, grid).astype(np.float32), library.means[numbers] * 255, advance), None
    signatures = library.signatures if whole else library.signatures[numbers]
    if look.metric == "lab":
        return MeanCosts(mean_lab(shown), mean_lab(signatures), advance), None
    photos = describe_structure(signatures)
    return StructureCosts(cells, photos, look.symmetries, Weights.of_tone(look.tone), advance), photos


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
    costs: Costs, layout: Layout, placed: Candidates, cells: Indices,
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
    costs: Costs, layout: Layout, placed: Candidates, cells: Indices, kept: Indices,
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


def _suiting_cell(grid: Grid, cost: Floats, taken: Sequence[int]) -> int:
    """The cell in the middle ninth of the grid that suits best, of those that are not taken (if any is not)."""
    centre = (grid.cells[:, :2] + 0.5 * grid.cells[:, 2:]) / (grid.columns, grid.rows)
    middle = (np.abs(centre - 0.5) <= max(1 / 6, 0.5 / min(grid.columns, grid.rows))).all(axis=1)
    order = np.lexsort((cost, ~middle))
    free = order[~np.isin(order, taken)]
    return int((free if len(free) else order)[0])
