"""A second mosaic of the photos of a first one, whose tiles travel from one to the other.

The cost of a tile in a cell is that of its photo in this cell, as in other mosaics, and in addition that of its path:
the distance that the tile travels, in diagonals of the mosaic, weighted by how much the costs of photos differ.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.descriptors import blocks, describe_structure
from renderer.grid import Grid
from renderer.library import Library
from renderer.library.photos import keys_of_photos
from renderer.matching.advice import Placed
from renderer.matching.candidates import Indices, PairCosts
from renderer.matching.description import MatchStyle, adapted_cover, costs_of, describe_cover
from renderer.matching.placing import placed_map
from renderer.matching.repetition import default_distance
from renderer.matching.separation import separate_repeats
from renderer.matching.tiles import PENALTY, in_cells
from renderer.matching.travel import EXACT, assign_exactly, assign_tiles
from renderer.pictures import Pixels
from renderer.placement import JsonValue, PlacementMap
from renderer.progress import Progress
from renderer.threads import run_blocks

DEFAULT_TRAVEL: Final = 0.3
"""Paths a third as long as without regard to them, for a colour error about 0.1 higher."""

_MOST_APART: Final = 10
"""Maximum distance in cells within which repeats are separated."""

_PATH: Final = 16.0
"""Cost of a path along the diagonal at most, relative to what a photo of median cost costs more than the best one."""

_NOISE: Final = 0.02
"""Random cost without regard to paths, in the same unit: tiles that suit cells of one colour equally well are mixed, so
that they lie neither in rows nor as in the mosaic before."""

_HIGHEST: Final = 2.0
"""Maximum cost of separating repeats that do not touch, in the same unit."""

_SAMPLED: Final = 256  # cells and photos, whose costs are representative of all
_BLOCK: Final = 128  # cells whose photos are looked up at once


def match_same_photos(
    cover: Pixels,
    grid: Grid,
    before: PlacementMap,
    library: Library,
    progress: Progress,
    *,
    style: MatchStyle | None = None,
    travel: float = DEFAULT_TRAVEL,
    seed: int = 0,
    recipe: dict[str, JsonValue] | None = None,
) -> PlacementMap:
    """Return a map of a cover with the photos of another map, each used as often as there, and how its tiles travel.

    If the grid has more cells, further copies enter, of all photos alike; if it has fewer, some tiles leave. cover:
    (H, W, 3) uint8; library: the photos of `before`, in its order, which is also that of the result; travel: 0…1, how
    much shorter paths count relative to likeness, 0 not at all; seed: of the approximation for more than 3,000 cells.
    `came_from` of the result is set. Memory: 500 bytes per cell, and 72 MB for up to 3,000 cells.
    """
    style = style or MatchStyle()
    library = in_cells(library, grid.shape)
    numbers = np.arange(len(library.photos))
    description = describe_cover(adapted_cover(cover, library, style), grid)
    photo_of = np.concatenate([before.photo, _further(before, max(len(grid) - len(before), 0))]).astype(np.int64)
    sources_at, cells_at = _points(before.cell, before.size, grid.size), _points(grid.boxes, grid.size, grid.size)
    with progress.stage("matching", len(grid), "cells") as advance:
        costs, structure = costs_of(description, library, numbers, style, lambda _rows: None)
        spread = _spread(costs)
        weight = np.float32(_PATH * travel**2 * spread)

        def cost_of(cells: Indices, tiles: Indices) -> Float32Array:
            photos, index = np.unique(photo_of[tiles], return_inverse=True)
            cost = costs.among(cells, photos)[0][:, index.reshape(-1)]
            if weight == 0:
                return cost + _noise(cells, tiles) * np.float32(_NOISE * spread)
            old = tiles < len(before)
            cost[:, old] += weight * _distances(cells_at[cells], sources_at[tiles[old]])
            return cost

        assigned = assign_tiles(cost_of, len(grid), len(photo_of), seed, advance)
        distance = separate_repeats(
            assigned, photo_of, cost_of, description.raster, _distance(before), _HIGHEST * spread
        )
    chosen = photo_of[assigned]
    cost, symmetry = _in_their_cells(costs, chosen)
    if structure is None:
        structure = describe_structure(library.signatures)
    placed = placed_map(
        Placed(description, library, chosen, symmetry, structure[chosen].turned(symmetry), style), cost,
        {**(recipe or {}), "limits": {"uses": int(np.bincount(chosen).max()), "distance": distance}}, shown=numbers,
    )  # fmt: skip
    return replace(placed, came_from=pair_tiles(before, placed))


def pair_tiles(before: PlacementMap, after: PlacementMap) -> npt.NDArray[np.int32]:
    """Return for each cell of a map the cell of another one, (N,), whose tile travels there; −1 if its tile enters.

    Photos are the same if they show the same crop of the same content, whatever their numbers. Tiles of the same photo
    are paired at the least total distance, relative to the mosaics' sizes.
    """
    keys = np.concatenate([keys_of_photos(each.photos)[each.photo] for each in (before, after)])
    photo = np.unique(keys, return_inverse=True)[1].reshape(-1)
    order = np.argsort(photo, kind="stable")
    sources_at, cells_at = (_points(each.cell, each.size, after.size) for each in (before, after))
    came_from = np.full(len(after), -1, np.int32)
    for tiles in np.split(order, np.flatnonzero(np.diff(photo[order])) + 1):
        sources, cells = tiles[tiles < len(before)], tiles[tiles >= len(before)] - len(before)
        paired = _nearest_pairs(sources_at[sources], cells_at[cells])
        came_from[cells[paired[1]]] = sources[paired[0]]
    return came_from


def _nearest_pairs(some: Float32Array, others: Float32Array) -> tuple[Indices, Indices]:
    """Return as many pairs of points (M, 2) and (K, 2) as possible, at the least total distance, as two arrays."""
    if len(some) > len(others):
        second, first = _nearest_pairs(others, some)
        return first, second
    if len(some) * len(others) <= EXACT:
        return np.arange(len(some)), assign_exactly(_distances(some, others))

    # Points at the same position are a pair of a shortest assignment, by the triangle inequality.
    _, first, second = np.intersect1d(*(each @ np.array([1, 1j]) for each in (some, others)), return_indices=True)
    rows, columns = (np.setdiff1d(np.arange(len(whole)), same) for whole, same in ((some, first), (others, second)))

    def cost_of(cells: Indices, tiles: Indices) -> Float32Array:
        return _distances(some[rows[cells]], others[columns[tiles]])

    found = columns[assign_tiles(cost_of, len(rows), len(columns))] if len(rows) else columns[:0]
    return np.concatenate([first, rows]), np.concatenate([second, found])


def _further(before: PlacementMap, count: int) -> npt.NDArray[np.int32]:
    """Return the photos of `count` further tiles, spread evenly over all photos of a map."""
    return (np.arange(count) * len(before.photos) // max(count, 1)).astype(np.int32)


def _distance(before: PlacementMap) -> int:
    """Return the distance in cells within which a map repeats no photo, or the default if it repeats none at all."""
    match before.recipe.get("limits"):
        case {"distance": int() as distance, "uses": int() as uses} if distance >= 0 and uses > 1:
            return min(distance, _MOST_APART)
    return default_distance(len(before.photos))


def _spread(costs: PairCosts) -> float:
    """Return how much more a photo of median cost costs than a cell's best one, on average."""
    cells, photos = (
        np.unique(np.linspace(0, count - 1, _SAMPLED).astype(np.int64)) for count in (costs.cells, costs.photos)
    )
    cost = np.concatenate(run_blocks(lambda rows: costs.among(cells[rows], photos)[0], blocks(len(cells), _BLOCK)))
    cost = np.where(cost < PENALTY, cost, np.nan)  # photos for cells of the other orientation do not count
    some = cost[~np.isnan(cost).all(axis=1)]
    return float((np.nanmedian(some, axis=1) - np.nanmin(some, axis=1)).mean()) if len(some) else 0.0


def _in_their_cells(costs: PairCosts, chosen: Indices) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
    """Return the cost (N,) and the best symmetry (N,) of the photo chosen for each cell."""

    def look_up(rows: slice) -> tuple[Float32Array, npt.NDArray[np.uint8]]:
        photos, index = np.unique(chosen[rows], return_inverse=True)
        cost, symmetry = costs.among(np.arange(rows.start, rows.stop), photos)
        each = np.arange(len(cost)), index.reshape(-1)
        return cost[each], symmetry[each]

    found = run_blocks(look_up, blocks(len(chosen), _BLOCK))
    return np.concatenate([cost for cost, _ in found]), np.concatenate([symmetry for _, symmetry in found])


def _noise(some: Indices, others: Indices) -> Float32Array:
    """Return random numbers 0…1 for pairs of numbers, (M, K), always the same for a pair."""
    mixed = (some.astype(np.uint64)[:, np.newaxis] << np.uint64(32)) | others.astype(np.uint64)
    for factor in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB):  # of SplitMix64 (Steele et al., 2014)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(factor)
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24)


def _points(boxes: npt.NDArray[np.float64], size: tuple[float, float], shown: tuple[float, float]) -> Float32Array:
    """Return the centres (N, 2) of cells (N, 4) in a mosaic of a size, in diagonals of one of size `shown`."""
    centre = (boxes[:, :2] + boxes[:, 2:] / 2) / size
    return (centre * shown / math.hypot(*shown)).astype(np.float32)


def _distances(some: Float32Array, others: Float32Array) -> Float32Array:
    """Return the distances (M, K) between points (M, 2) and (K, 2)."""
    across, along = (some[:, np.newaxis, axis] - others[:, axis] for axis in (0, 1))
    return np.asarray(np.sqrt(across * across + along * along))  # a third of the time of np.hypot
