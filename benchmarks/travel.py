"""Measure mosaics of the same photos: the assignment of their tiles, and how much shorter paths cost in likeness.

    python benchmarks/travel.py --tiles FOLDER [--cover PICTURE --cover PICTURE]

Assignments: scikit-learn's flower.jpg after a random mosaic of the folder's photos, with 3,000, 5,046 and 40,000 cells;
wall and processor time, and for 3,000 cells by how much the approximation costs more than the exact assignment. Compare
wall time only while nothing else uses the cores. Likeness: the second cover with the photos of the first, with 71
columns, by `travel`; "free" is the second cover matched without regard to the first, with paths between equal photos.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

from renderer.grid import Grid, make_grid
from renderer.job import TileSettings, sample_pictures
from renderer.job.inputs import open_archive, open_library
from renderer.library import Library
from renderer.matching import match_photos, same_photos, travel, unmatched_map
from renderer.matching.candidates import Indices
from renderer.matching.same_photos import match_same_photos, pair_tiles
from renderer.pictures import Pixels, read_picture
from renderer.placement import PlacementMap
from renderer.progress import Advance, Silent

CELLS = (3_000, 5_046, 40_000)
TRAVEL = (0.0, 0.3, 0.5, 1.0)
COLUMNS = 71


def grid_of(cover: Pixels, cells: int) -> Grid:
    """Return a grid of at most this number of cells: its last ones are left out."""
    height, width = cover.shape[:2]
    grid = make_grid(width, height, columns=int(np.ceil((1.05 * cells * width / height) ** 0.5)))
    return replace(grid, cells=grid.cells[:cells])


def random_map(grid: Grid, library: Library) -> PlacementMap:
    """Return a map with all photos of a library, equally often, in random cells."""
    photo = np.random.default_rng(1).permutation(np.resize(np.arange(len(library.photos)), len(grid)))
    return replace(unmatched_map(grid, library), photo=photo.astype(np.int32), photos=tuple(library.photos))


def total(cost: travel.TileCosts, assigned: Indices) -> float:
    """Return the total cost of an assignment."""
    every = np.arange(len(assigned))
    return sum(float(np.trace(cost(some, assigned[some]))) for some in np.array_split(every, len(every) // 100))


def measured(cost: travel.TileCosts, cells: int, tiles: int, seed: int, advance: Advance) -> Indices:
    """Assign tiles as the program does, and print a row about it."""
    started, used = time.perf_counter(), time.process_time()
    assigned = travel.assign_tiles(cost, cells, tiles, seed, advance)
    row = f"| {cells:,} | {time.perf_counter() - started:.1f} s | {time.process_time() - used:.1f} s |"
    if cells * tiles <= travel.EXACT:
        with mock.patch.object(travel, "EXACT", 1):
            approximate = travel.assign_tiles(cost, cells, tiles, seed)
        row += f" {total(cost, approximate) / total(cost, assigned) - 1:.2%} |"
    print(row if row.count("|") == 5 else f"{row} |", flush=True)
    return assigned


def print_assignments(library: Library) -> None:
    """Print the table of assignments."""
    cover = read_picture(sample_pictures()[1]).pixels
    print("| cells | wall time | processor time | cost of the approximation |\n|--:|--:|--:|--:|")
    for cells in CELLS:
        grid = grid_of(cover, cells)
        with mock.patch.object(same_photos, "assign_tiles", _first_of(measured)):
            match_same_photos(cover, grid, random_map(grid, library), library, Silent())


def _first_of(measure: Callable[..., Indices]) -> Callable[..., Indices]:
    """Return a function that measures its first call: those after it pair copies of single photos."""
    calls: list[object] = []

    def assign(*arguments: object) -> Indices:
        calls.append(arguments)
        return measure(*arguments) if len(calls) == 1 else travel.assign_tiles(*arguments)  # type: ignore[arg-type]  # as they were given

    return assign


def print_likeness(covers: list[Path], library: Library) -> None:
    """Print the table of likeness and paths."""
    first, second = (read_picture(path).pixels for path in covers)
    before, free = (
        match_photos(cover, make_grid(cover.shape[1], cover.shape[0], columns=COLUMNS), library, Silent())
        for cover in (first, second)
    )
    used = library.take(library.photos.find(before.photos))
    print("\n| travel | deltaE | SSIM | mean path | 95 % |\n|---|--:|--:|--:|--:|")
    print(line("free", before, replace(free, came_from=pair_tiles(before, free))))
    for value in TRAVEL:
        after = match_same_photos(second, free.grid, before, used, Silent(), travel=value)
        print(line(f"{value:g}", before, after), flush=True)


def line(name: str, before: PlacementMap, after: PlacementMap) -> str:
    """Return a row of the table: paths are in diagonals of the mosaic."""
    figures, came_from = after.recipe["figures"], after.came_from
    assert isinstance(figures, dict)
    assert came_from is not None
    old = came_from >= 0
    centres = [(each.cell[:, :2] + each.cell[:, 2:] / 2) / each.size for each in (before, after)]
    steps = (centres[1][old] - centres[0][came_from[old]]) * after.size / np.hypot(*after.size)
    path = np.hypot(*steps.T)
    return f"| {name} | {figures['delta_e']} | {figures['ssim']} | {path.mean():.3f} | {np.quantile(path, 0.95):.3f} |"


def main() -> None:
    """Print both tables."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--tiles", required=True, help="a folder of photos")
    options.add_argument("--cover", action="append", default=[], type=Path, help="a picture; twice")
    arguments = options.parse_args()
    settings = TileSettings(tiles=(arguments.tiles,))
    with open_archive(settings, Silent()) as archive:
        library = open_library(settings, archive, Silent())
        assert library is not None
        print_assignments(library)
        print_likeness(arguments.cover or sample_pictures(), library)


if __name__ == "__main__":
    main()
