"""What a figure is about: the cover, a cell of it, its photo, and their numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.descriptors import mean_lab
from renderer.errors import InputError
from renderer.fidelity import turned
from renderer.grid import (
    Grid,
    adapt_grid,
    cell_signatures,
    cover_signature,
    covered_part,
    find_cell,
    make_grid,
    place_of,
)
from renderer.job import GridSettings, MatchSettings, OpenMosaic, check_cover, open_mosaic
from renderer.job.outputs import check_beside, check_not_input
from renderer.library import SHORTER_SIDE
from renderer.matching import nearest_photos
from renderer.matching.candidates import Candidates
from renderer.output_files import check_writable
from renderer.parameters import CellPosition
from renderer.pictures import Pixels, read_picture, resize
from renderer.placement import MAP_SUFFIX
from renderer.progress import Progress
from renderer.subject import attention, find_faces

NEAR_PHOTOS: Final = 9
"""Photos that are shown as near ones."""

_RANKED: Final = 200  # photos among which the chosen one's place is looked for

_ALIKE: Final = 4.0  # CIELAB units between two colours that look much the same: nearer is no better
_FAR: Final = 20.0  # and between two that do not

_TRIED: Final = 200  # cells that are told by their looks, of which the nearest photos are then looked for


def read_cover(cover: Path | None) -> tuple[Path, Pixels]:
    """A cover, or the sample one. Raises InputError, for a `.mosaic` too: it does not hold its cover."""
    path = check_cover(cover)
    if path.suffix.lower() == MAP_SUFFIX:
        raise InputError(f"render explain draws from the cover, which {path.name} does not hold: give the cover itself")
    return path, read_picture(path, shorter_side=SHORTER_SIDE).pixels


def check_figure(path: Path, cover: Path, *, overwrite: bool) -> None:
    """Raise InputError if a figure can't be written to a path, or would take the cover's place."""
    check_writable(path, overwrite=overwrite)
    if path.exists() and path.resolve() == cover.resolve():
        raise InputError(f"-o {path} is the cover: give another name")


def lay_grid(cover: Pixels, settings: GridSettings) -> Grid:
    """The grid that a mosaic of a cover would have. Raises InputError."""
    grid = make_grid(cover.shape[1], cover.shape[0], settings.columns, settings.cell_size)
    return adapt_grid(grid, cover, find_faces(cover), *settings.cell_sides()) if settings.adaptive else grid


def plane_means(picture: Pixels) -> tuple[float, float, float]:
    """The mean of the red, the green and the blue plane of a picture (…, 3), 0…255."""
    red, green, blue = picture.reshape(-1, 3).mean(axis=0, dtype=np.float64).tolist()
    return red, green, blue


def cut_cell(cover: Pixels, grid: Grid, cell: int) -> Pixels:
    """The pixels of the cover that a cell covers, as many as there are: at least one."""
    part = covered_part(cover, grid.crop)
    x, y, width, height = (grid.cells[cell] / (grid.columns, grid.rows, grid.columns, grid.rows)).tolist()
    left, right = (round(at * part.shape[1]) for at in (x, x + width))
    top, bottom = (round(at * part.shape[0]) for at in (y, y + height))
    left, top = min(left, part.shape[1] - 1), min(top, part.shape[0] - 1)
    return part[top : max(bottom, top + 1), left : max(right, left + 1)]


@dataclass(frozen=True)
class Matched:
    """A cell, the photos that are near it and the one that was chosen for it; photos by number in `mosaic.offered`."""

    cover: Pixels
    grid: Grid
    mosaic: OpenMosaic
    settings: MatchSettings
    cell: int
    near: Candidates  # (1, K), the nearest first
    chosen: int
    symmetry: int  # in which the chosen one is shown

    @property
    def place(self) -> CellPosition:
        """Where the cell is."""
        return place_of(self.grid, self.cell)

    @property
    def rank(self) -> int | None:
        """How many photos are nearer to the cell than the chosen one; None if they are too many to be known."""
        found = np.flatnonzero(self.near.photo[0] == self.chosen)
        return int(found[0]) if len(found) else None

    @property
    def picture(self) -> Pixels:
        """The cell."""
        return cut_cell(self.cover, self.grid, self.cell)

    def photo(self, number: int, symmetry: int, side: int) -> Pixels:
        """The square (side, side, 3) of a photo as it is shown in the cell."""
        square = self.mosaic.offered.square(self.mosaic.offered.photos[number], side)
        shown: Pixels = turned(square[np.newaxis], np.array([symmetry], np.uint8))[0]
        return shown

    def colours(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """The means of the planes of the cell, and of its photo as the matcher sees it."""
        return plane_means(self.picture), plane_means(self.mosaic.offered.tiles_of(np.array([self.chosen])))


@contextmanager
def open_matched(
    cover: Path | None, place: CellPosition | None, path: Path, settings: MatchSettings, progress: Progress,
    *, overwrite: bool
) -> Iterator[Matched]:  # fmt: skip
    """Match a cover and look at a cell, or at a telling one; `path` is where the figure goes. Raises InputError."""
    source, pixels = read_cover(cover)
    check_figure(path, source, overwrite=overwrite)
    check_beside(settings, overwrite=overwrite)
    with open_mosaic(cover, settings, progress) as mosaic:
        check_not_input(mosaic, path)
        placement = mosaic.placement
        grid = placement.grid
        numbers = mosaic.offered.photos.find(placement.photos)
        chosen = numbers[placement.photo]
        asked = _telling(pixels, grid, mosaic, chosen) if place is None else np.array([find_cell(grid, place)])
        near = nearest_photos(pixels, grid, mosaic.offered, asked, _RANKED, settings.style())
        first = int(np.argmax(near.photo[:, 0] == chosen[asked]))  # 0 if none shows its nearest
        cell = int(asked[first])
        yield Matched(
            pixels, grid, mosaic, settings, cell, near.rows(slice(first, first + 1)), int(chosen[cell]),
            int(placement.symmetry[cell]),
        )  # fmt: skip


def _telling(cover: Pixels, grid: Grid, mosaic: OpenMosaic, chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Cells that are colourful, draw the eye, have some detail, and whose photo has nearly their colour; best first.

    Most count by their rank among all cells, so that none outweighs the others.
    """
    seen = cell_signatures(cover_signature(cover, grid, grid.step), grid)
    lab, photo = mean_lab(seen), mean_lab(mosaic.offered.signatures[chosen])
    small = resize(covered_part(cover, grid.crop), grid.columns, grid.rows).astype(np.float32) / np.float32(255)
    weight = attention(small, mosaic.placement.faces)
    x, y = (grid.cells[:, axis].astype(np.int64) for axis in (0, 1))
    detail = seen.astype(np.float32).mean(axis=3).std(axis=(1, 2))
    inside = (x > 0) & (y > 0) & (x < grid.columns - 1) & (y < grid.rows - 1)
    score = (
        1.5 * _rank(np.hypot(lab[:, 1], lab[:, 2]))
        + 0.7 * _rank(weight[np.minimum(y, grid.rows - 1), np.minimum(x, grid.columns - 1)])
        + 1.0 * _rank(detail)
        + 1.5 * np.clip((_FAR - np.linalg.norm(lab - photo, axis=1)) / (_FAR - _ALIKE), 0, 1)
        + 0.5 * _rank(-mosaic.placement.cost)
        + inside
    )
    return np.argsort(-score, kind="stable")[:_TRIED]


def _rank(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The place of each value among all, 0…1."""
    return np.argsort(np.argsort(values, kind="stable"), kind="stable") / max(len(values) - 1, 1)
