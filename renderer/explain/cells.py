"""The cover, cell and photo that a figure shows, and their measurements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.cover_names import CoverName
from renderer.covers import WHITE, open_cover
from renderer.descriptors import mean_lab
from renderer.errors import InputError
from renderer.faces import find_faces
from renderer.fidelity import turned
from renderer.grid import (
    Grid,
    adapt_grid,
    cell_position,
    cell_signatures,
    cover_signature,
    covered_part,
    find_cell,
    make_grid,
)
from renderer.job import GridSettings, MatchSettings, OpenMosaic, check_cover_name, open_mosaic
from renderer.job.outputs import check_beside, check_not_input
from renderer.matching import nearest_photos
from renderer.matching.candidates import Candidates
from renderer.messages import named
from renderer.output_files import check_writable
from renderer.parameters import CellPosition
from renderer.pictures import Pixels, resize
from renderer.placement import MAP_SUFFIX
from renderer.progress import Progress
from renderer.settings import CoverSettings
from renderer.subject import attention

NEAR_PHOTOS: Final = 9
"""Number of nearest photos in a figure."""

_RANKED: Final = 200  # nearest photos among which the rank of the chosen one is determined

_SIMILAR: Final = 4.0  # CIELAB distance up to which two colours count as equal
_DIFFERENT: Final = 20.0  # CIELAB distance from which they count as different

_TRIED: Final = 200  # number of best cells whose nearest photos are determined


def read_cover(cover: CoverName | None, settings: CoverSettings | None = None) -> tuple[CoverName, Pixels]:
    """Return the name and pixels of a cover, by default the sample. Raises InputError, also for a `.mosaic` file."""
    name = check_cover_name(cover)
    if name.suffix.lower() == MAP_SUFFIX:
        raise InputError(
            f"{name.name} does not contain the cover, which this figure shows: use the cover picture instead"
        )
    return name, open_cover(name, settings).over(WHITE)


def check_figure(path: Path, cover: CoverName, *, overwrite: bool) -> None:
    """Raise InputError if a figure can't be written to a path, or would overwrite the cover."""
    check_writable(path, overwrite=overwrite)
    if isinstance(cover, Path) and path.exists() and path.resolve() == cover.resolve():
        raise InputError(f"{named('output', path)} is the cover: choose another name")


def lay_grid(cover: Pixels, settings: GridSettings) -> Grid:
    """Return the grid for a mosaic of a cover. Raises InputError."""
    grid = make_grid(cover.shape[1], cover.shape[0], settings.columns, settings.cell_size, settings.shape())
    return adapt_grid(grid, cover, find_faces(cover), *settings.cell_sides()) if settings.adaptive else grid


def plane_means(picture: Pixels) -> tuple[float, float, float]:
    """Return the means of the red, green and blue channel of a picture (…, 3), 0…255."""
    red, green, blue = picture.reshape(-1, 3).mean(axis=0, dtype=np.float64).tolist()
    return red, green, blue


def squared(picture: Pixels) -> Pixels:
    """Return a picture whose sides may differ by a pixel, cropped to a square."""
    side = min(picture.shape[:2])
    return np.ascontiguousarray(picture[:side, :side])


def cut_cell(cover: Pixels, grid: Grid, cell: int) -> Pixels:
    """Return the cover's pixels in a cell, unscaled: (H, W, 3), at least 1 × 1."""
    part = covered_part(cover, grid.crop)
    x, y, width, height = (grid.cells[cell] / (grid.columns, grid.rows, grid.columns, grid.rows)).tolist()
    left, right = (round(edge * part.shape[1]) for edge in (x, x + width))
    top, bottom = (round(edge * part.shape[0]) for edge in (y, y + height))
    left, top = min(left, part.shape[1] - 1), min(top, part.shape[0] - 1)
    return part[top : max(bottom, top + 1), left : max(right, left + 1)]


@dataclass(frozen=True)
class Matched:
    """A cell, its nearest photos and the photo chosen for it; photos are indices into `mosaic.offered.photos`."""

    cover: Pixels
    grid: Grid
    mosaic: OpenMosaic
    settings: MatchSettings
    cell: int
    near: Candidates  # (1, K) the nearest first
    chosen: int
    symmetry: int  # of the chosen photo, bits as in PlacementMap

    @property
    def position(self) -> CellPosition:
        """Column and row of the cell."""
        return cell_position(self.grid, self.cell)

    @property
    def rank(self) -> int | None:
        """Number of photos nearer to the cell than the chosen one; None if the chosen one is not in `near`."""
        ranks = np.flatnonzero(self.near.photo[0] == self.chosen)
        return int(ranks[0]) if len(ranks) else None

    @property
    def picture(self) -> Pixels:
        """The cover's pixels in the cell, (H, W, 3)."""
        return cut_cell(self.cover, self.grid, self.cell)

    def photo(self, number: int, symmetry: int, side: int) -> Pixels:
        """Return the square crop (side, side, 3) of a photo under a symmetry."""
        square = self.mosaic.offered.tile(self.mosaic.offered.photos[number], side, side)
        tile: Pixels = turned(square[np.newaxis], np.array([symmetry], np.uint8))[0]
        return tile

    def colours(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Return the channel means, 0…255, of the cell and of its photo's tile."""
        return plane_means(self.picture), plane_means(self.mosaic.offered.tiles_of(np.array([self.chosen])))


@contextmanager
def open_matched(
    cover: CoverName | None, position: CellPosition | None, path: Path, settings: MatchSettings, progress: Progress,
    *, overwrite: bool
) -> Iterator[Matched]:  # fmt: skip
    """Match a cover and select a cell. Raises InputError.

    position: of the cell; None: a colourful, well matched cell is selected; path: of the figure, only to check it.
    """
    source, pixels = read_cover(cover, settings.cover_settings())
    check_figure(path, source, overwrite=overwrite)
    check_beside(settings, overwrite=overwrite)
    with open_mosaic(cover, settings, progress) as mosaic:
        check_not_input(mosaic, path)
        placement = mosaic.placement
        grid = placement.grid
        numbers = mosaic.offered.photos.find(placement.photos)
        chosen = numbers[placement.photo]
        if position is None:
            cells = _representative_cells(pixels, grid, mosaic, chosen)
        else:
            cells = np.array([find_cell(grid, position)])
        near = nearest_photos(pixels, grid, mosaic.offered, cells, _RANKED, settings.style())
        first = int(np.argmax(near.photo[:, 0] == chosen[cells]))  # 0 if no cell shows its nearest photo
        cell = int(cells[first])
        yield Matched(
            pixels, grid, mosaic, settings, cell, near.rows(slice(first, first + 1)), int(chosen[cell]),
            int(placement.symmetry[cell]),
        )  # fmt: skip


def _representative_cells(
    cover: Pixels, grid: Grid, mosaic: OpenMosaic, chosen: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the best cells, best first: colourful, salient, with some detail, and with a photo of a similar colour.

    Most criteria count by rank among all cells, so that none dominates.
    """
    signatures = cell_signatures(cover_signature(cover, grid, grid.step), grid)
    lab, photo = mean_lab(signatures), mean_lab(mosaic.offered.signatures[chosen])
    small = resize(covered_part(cover, grid.crop), grid.columns, grid.rows).astype(np.float32) / np.float32(255)
    weight = attention(small, mosaic.placement.faces)
    x, y = (grid.cells[:, axis].astype(np.int64) for axis in (0, 1))
    detail = signatures.astype(np.float32).mean(axis=3).std(axis=(1, 2))
    inside = (x > 0) & (y > 0) & (x < grid.columns - 1) & (y < grid.rows - 1)
    score = (
        1.5 * _rank(np.hypot(lab[:, 1], lab[:, 2]))
        + 0.7 * _rank(weight[np.minimum(y, grid.rows - 1), np.minimum(x, grid.columns - 1)])
        + 1.0 * _rank(detail)
        + 1.5 * np.clip((_DIFFERENT - np.linalg.norm(lab - photo, axis=1)) / (_DIFFERENT - _SIMILAR), 0, 1)
        + 0.5 * _rank(-mosaic.placement.cost)
        + inside
    )
    return np.argsort(-score, kind="stable")[:_TRIED]


def _rank(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the rank of each value among all, 0…1."""
    return np.argsort(np.argsort(values, kind="stable"), kind="stable") / max(len(values) - 1, 1)
