"""The cover, cell and photo that a figure shows, and their measurements."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.cover_names import MAP_SUFFIX, CoverName
from renderer.cover_pixels import cell_signatures, cover_signature, covered_part
from renderer.covers import WHITE, Cover, open_cover
from renderer.descriptors import mean_lab
from renderer.errors import InputError
from renderer.faces import find_faces
from renderer.fidelity import turned
from renderer.grid import Grid, cell_position, find_cell
from renderer.job import GridSettings, MatchSettings, OpenMosaic, check_cover_name, open_mosaic
from renderer.job.cover_grids import cells_of, regular_grid
from renderer.job.outputs import check_beside, check_not_among, check_not_input
from renderer.library import Library
from renderer.matching import nearest_photos
from renderer.matching.candidates import Candidates
from renderer.matching.tiles import in_cells, is_upright
from renderer.output_files import check_writable
from renderer.parameters import CellPosition
from renderer.pictures import Pixels, resize
from renderer.progress import Progress
from renderer.settings import CoverSettings
from renderer.shapes import TileShape
from renderer.subject import attention

NEAR_PHOTOS: Final = 9
"""Number of nearest photos in a figure."""

_RANKED: Final = 200  # nearest photos among which the rank of the chosen one is determined

_SIMILAR: Final = 4.0  # CIELAB distance up to which two colours count as equal
_DIFFERENT: Final = 20.0  # CIELAB distance from which they count as different

_ARC: Final = 9  # corners of a polygon in a quarter of a circle

_TRIED: Final = 200  # number of best cells whose nearest photos are determined


def read_cover(cover: CoverName | None, settings: CoverSettings | None = None) -> Cover:
    """Return a cover, by default the sample. Raises InputError, also for `.mosaic` files."""
    name = check_cover_name(cover)
    if name.suffix.lower() == MAP_SUFFIX:
        raise InputError(
            f"{name.name} does not contain the cover, which this figure shows: use the cover picture instead"
        )
    return open_cover(name, settings)


def check_figure(path: Path, cover: Cover, *, overwrite: bool) -> None:
    """Raise InputError if a figure can't be written to a path, or would overwrite a file that a cover is made from."""
    check_writable(path, overwrite=overwrite)
    check_not_among(cover.files, path)


def lay_grid(cover: Cover, settings: GridSettings, mask_threshold: float) -> Grid:
    """Return the grid for a mosaic of a cover. Raises InputError.

    In `mixed` grids, half of the cells are higher than wide, since no photos determine their share.
    """
    grid = regular_grid(cover, settings)
    return cells_of(cover, grid, settings, find_faces(cover.pixels) if settings.adaptive else [], mask_threshold)


def tile_outlines(shape: TileShape, boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the corners (N, K, 2) of what is drawn in boxes (N, 4) from `TileShape.tile_boxes`."""
    if shape.kind == "hexagon":
        corners = np.array([[0.5, 0], [1, 0.25], [1, 0.75], [0.5, 1], [0, 0.75], [0, 0.25]])
        return np.asarray(boxes[:, np.newaxis, :2] + corners * boxes[:, np.newaxis, 2:])
    radius = shape.corner_radius * boxes[:, 2:].min(axis=1)[:, np.newaxis, np.newaxis]
    angles = np.deg2rad(np.linspace(0, 90, _ARC if shape.corner_radius else 1))
    arcs = []
    for corner, (right, bottom) in enumerate(((1, 1), (0, 1), (0, 0), (1, 0))):
        turned_by = angles + corner * math.pi / 2
        arc = np.stack([np.cos(turned_by), np.sin(turned_by)], axis=1)
        centre = boxes[:, :2] + (right, bottom) * boxes[:, 2:]
        towards = np.array((1 - 2 * right, 1 - 2 * bottom))
        arcs.append(centre[:, np.newaxis] + radius * (arc + towards))
    return np.concatenate(arcs, axis=1)


def plane_means(picture: Pixels) -> tuple[float, float, float]:
    """Return the means of the red, green and blue channel of a picture (…, 3), 0…255."""
    red, green, blue = picture.reshape(-1, 3).mean(axis=0, dtype=np.float64).tolist()
    return red, green, blue


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

    cover: Pixels  # (H, W, 3) the colours that are matched
    shown: Pixels  # (H, W, 3) the same, but white outside a mask
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

    @property
    def ratio(self) -> Fraction:
        """Width / height of the photo in the cell."""
        ratio = self.grid.shape.tile_ratio
        return 1 / ratio if is_upright(self.grid.cells)[self.cell] else ratio

    @property
    def outline(self) -> npt.NDArray[np.float64]:
        """The corners (K, 2) of the tile, as fractions of the box around it."""
        box = np.array([[0.0, 0.0, float(self.ratio), 1.0]])
        return np.asarray(tile_outlines(self.grid.shape, box)[0] / (float(self.ratio), 1.0))

    @property
    def tile_picture(self) -> Pixels:
        """The cover's pixels under the photo in the cell, (H, W, 3); those of a hexagon fill the box around it."""
        x, y, width, height = self.grid.shape.tile_boxes(self.grid.boxes[self.cell : self.cell + 1])[0].tolist()
        across, along = min(width, height * float(self.ratio)), min(height, width / float(self.ratio))
        left, top = x + (width - across) / 2, y + (height - along) / 2
        (units, crop), size = (self.grid.size, self.grid.frame_crop), self.cover.shape[1::-1]
        # Where hexagons extend beyond the cover, its edge is repeated.
        columns, rows = (
            np.clip(np.arange(round(first), max(round(last), round(first) + 1)), 0, side - 1)
            for first, last, side in (
                (size[axis] * (crop[axis] + crop[axis + 2] * start / units[axis]),
                 size[axis] * (crop[axis] + crop[axis + 2] * end / units[axis]), size[axis])
                for axis, (start, end) in enumerate(((left, left + across), (top, top + along)))
            )
        )  # fmt: skip
        return np.ascontiguousarray(self.cover[rows[:, np.newaxis], columns])

    def photo(self, number: int, symmetry: int, longest: int) -> Pixels:
        """Return a photo as the cell shows it, (H, W, 3), under a symmetry; longest: its longer side in pixels."""
        offered = self._cropped(number)
        ratio = float(self.ratio)
        width, height = max(round(longest * min(ratio, 1)), 1), max(round(longest / max(ratio, 1)), 1)
        tile = offered.tile(offered.photos[0], width, height)
        shown: Pixels = turned(tile[np.newaxis], np.array([symmetry], np.uint8))[0]
        return shown

    def colours(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Return the channel means, 0…255, of the cell and of its photo's tile."""
        tiles = in_cells(self._cropped(self.chosen), self.grid.shape)
        return plane_means(self.picture), plane_means(tiles.tiles_of(np.array([0])))

    def _cropped(self, number: int) -> Library:
        """Return a library of one photo, in the ratio of the cell."""
        return self.mosaic.offered.take(np.array([number])).cropped(self.ratio)


@contextmanager
def open_matched(
    cover: CoverName | None, position: CellPosition | None, path: Path, settings: MatchSettings, progress: Progress,
    *, overwrite: bool
) -> Iterator[Matched]:  # fmt: skip
    """Match a cover and select a cell. Raises InputError.

    position: of the cell; None: a colourful, well matched cell is selected; path: of the figure, only to check it.
    """
    opened = read_cover(cover, settings.cover_settings())
    check_figure(path, opened, overwrite=overwrite)
    check_beside(settings, overwrite=overwrite)
    with open_mosaic(cover, settings, progress) as mosaic:
        check_not_input(mosaic, path)
        placement = mosaic.placement
        grid, pixels = placement.grid, opened.pixels
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
            pixels, opened.over(WHITE), grid, mosaic, settings, cell, near.rows(slice(first, first + 1)),
            int(chosen[cell]), int(placement.symmetry[cell]),
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
