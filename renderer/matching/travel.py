"""Assignment of tiles to cells at the least total cost: exact for small mosaics, nearly so for large ones.

The costs of a large mosaic are not computed all at once. Those of a sample of tiles and cells, less the means of rows
and columns, which are the same in every assignment, are decomposed into singular vectors. These give each tile and
each cell a position on a few axes, such that the cost of a tile in a cell grows with the squared distance between them.
Tiles and cells are halved along their longest axis into groups of the same position, and assigned exactly within each
group. Then, in several rounds, assigned pairs that are near each other under random projections are put into groups,
and their tiles are assigned anew. As this is exact within a group, no round increases the cost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from renderer.arrays import Float32Array, Float64Array
from renderer.descriptors import blocks
from renderer.kernels.matching import assign_columns
from renderer.matching.candidates import Indices
from renderer.progress import Advance
from renderer.threads import run_blocks

TileCosts = Callable[[Indices, Indices], Float32Array]
"""Return the costs (M, K) of K tiles in M cells, given by their numbers. It is called in several threads."""

EXACT: Final = 3_000**2
"""Maximum number of costs that are computed for an exact assignment: 36 MB, and twice that while they are joined."""

_GROUP: Final = 200
"""Maximum number of tiles in a group: more take longer than as many further rounds, which reduce the cost as much."""

_AXES: Final = 16
_SAMPLE: Final = 512
"""Axes of the positions, and tiles and cells from which they are derived."""

_ROUNDS: Final = 17
_LEAST_GAIN: Final = 5e-4
"""Maximum number of rounds, and the relative reduction of the total cost below which there is no further one."""

_BLOCK: Final = 256  # cells whose costs are computed at once


def assign_tiles(
    cost: TileCosts, cells: int, tiles: int, seed: int = 0, advance: Advance = lambda _units: None
) -> Indices:
    """Return the tile (cells,) for each cell at the least total cost; each tile is used at most once.

    tiles: at least as many as cells. The result is exact for up to 3,000 cells and tiles, and if there are fewer of one
    and more of the other. Otherwise it depends on `seed`, but not on the number of threads. Memory: 500 bytes per
    tile and 10 MB per thread, or 72 MB for an exact result. advance: called with the number of cells done, in parts.
    """
    if cells * tiles <= EXACT:
        every = np.arange(tiles)
        parts = run_blocks(lambda rows: cost(np.arange(rows.start, rows.stop), every), blocks(cells, _BLOCK))
        advance(cells)
        return assign_exactly(np.concatenate(parts))
    random = np.random.default_rng(seed)
    cell_points, tile_points = _positions(cost, cells, tiles, random)
    assigned = np.full(tiles, -1)  # the cell of each tile

    def solve(group: tuple[Indices, Indices]) -> float:
        """Assign a group's tiles to its cells, at most as many."""
        some_cells, some_tiles = group
        costs = cost(some_cells, some_tiles)
        columns = assign_exactly(costs)
        assigned[some_tiles] = -1
        assigned[some_tiles[columns]] = some_cells
        return float(costs[np.arange(len(costs)), columns].sum(dtype=np.float64))

    total = sum(run_blocks(solve, _halves(cell_points, tile_points)))
    # Along the longest axes, tiles are already near their cells: shorter ones count for more in the rounds.
    scale = 1 / np.sqrt(np.maximum(tile_points.std(axis=0), 1e-9))
    cell_points, tile_points = cell_points * scale, tile_points * scale
    steps = np.diff(np.arange(_ROUNDS + 2) * cells // (_ROUNDS + 1)).tolist()
    for number in range(_ROUNDS):
        advance(steps[number])
        before = total
        # A tile without a cell is where it would fit best.
        pairs = np.where(assigned[:, np.newaxis] < 0, tile_points, (tile_points + cell_points[assigned]) / 2)
        groups = []
        for group in _neighbours(pairs, random):
            those = assigned[group]
            groups.append((those[those >= 0], group))
        total = sum(run_blocks(solve, groups))
        if before - total < _LEAST_GAIN * before:
            break
    advance(sum(steps[number + 1 :]))
    result = np.empty(cells, np.int64)
    result[assigned[assigned >= 0]] = np.flatnonzero(assigned >= 0)
    return result


def assign_exactly(costs: Float32Array) -> Indices:
    """Return the column (N,) for each row of costs (N, K), N ≤ K, at the least total cost."""
    # Prices of the columns' least costs save a third of the time, but columns that are left out must have no price.
    least = costs.min(axis=0, initial=np.inf) if costs.shape[0] == costs.shape[1] else np.zeros(costs.shape[1])
    return assign_columns(costs, -least.astype(np.float64))


def _positions(
    cost: TileCosts, cells: int, tiles: int, random: np.random.Generator
) -> tuple[Float32Array, Float32Array]:
    """Return the positions of cells (N, axes) and of tiles (T, axes)."""
    some_cells = np.sort(random.choice(cells, min(_SAMPLE, cells), replace=False))
    some_tiles = np.sort(random.choice(tiles, min(_SAMPLE, tiles), replace=False))

    def decompose(matrix: TileCosts) -> tuple[Float64Array, ...]:
        sample = matrix(some_cells, some_tiles).astype(np.float64)
        of_cells, of_tiles = sample.mean(axis=1, keepdims=True), sample.mean(axis=0)
        return of_tiles, of_cells, *np.linalg.svd(of_cells + of_tiles - sample.mean() - sample, full_matrices=False)

    # In a block, so that the result does not depend on the number of threads of a product of matrices.
    of_tiles, of_cells, left, strength, right = run_blocks(decompose, [cost])[0]
    mean = of_tiles.mean()
    axes = max(int((strength[:_AXES] > 1e-6 * strength[0]).sum()), 1)
    left, right, root = left[:, :axes], right[:axes], np.sqrt(np.maximum(strength[:axes], 1e-9))

    def place_cells(rows: slice) -> Float32Array:
        costs = cost(np.arange(rows.start, rows.stop), some_tiles)
        centred = costs - costs.mean(axis=1, keepdims=True) - of_tiles + mean
        return np.asarray(-centred @ right.T / root, np.float32)

    def place_tiles(columns: slice) -> Float32Array:
        costs = cost(some_cells, np.arange(columns.start, columns.stop))
        centred = costs - costs.mean(axis=0) - of_cells + mean
        return np.asarray(-centred.T @ left / root, np.float32)

    return (
        np.concatenate(run_blocks(place_cells, blocks(cells, _BLOCK))),
        np.concatenate(run_blocks(place_tiles, blocks(tiles, _BLOCK))),
    )


def _halves(cell_points: Float32Array, tile_points: Float32Array) -> list[tuple[Indices, Indices]]:
    """Return groups of cells and at least as many tiles of similar positions, and of the same share of both."""
    groups = []
    remaining = [(np.arange(len(cell_points)), np.arange(len(tile_points)))]
    while remaining:
        cells, tiles = remaining.pop()
        if len(tiles) <= _GROUP or len(cells) < 2:
            groups.append((cells, tiles))
            continue
        axis = int((cell_points[cells].var(axis=0) + tile_points[tiles].var(axis=0)).argmax())
        half = len(cells) // 2
        tile_half = half + round((len(tiles) - len(cells)) * half / len(cells))
        cells = cells[np.argpartition(cell_points[cells, axis], half)]
        tiles = tiles[np.argpartition(tile_points[tiles, axis], min(tile_half, len(tiles) - 1))]
        remaining += [(cells[half:], tiles[tile_half:]), (cells[:half], tiles[:tile_half])]
    return groups


def _neighbours(points: Float32Array, random: np.random.Generator) -> list[Indices]:
    """Return groups of points (N, axes) that are near each other, halved along random directions."""
    groups, remaining = [], [np.arange(len(points))]
    while remaining:
        some = remaining.pop()
        if len(some) <= _GROUP:
            groups.append(some)
            continue
        along = np.einsum("pa,a->p", points[some], random.normal(size=points.shape[1]))
        half = len(some) // 2
        some = some[np.argpartition(along, half)]
        remaining += [some[half:], some[:half]]
    return groups
