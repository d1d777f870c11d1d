"""Inputs and results of matching: the description of a cover, the costs of photos, and placed photos with tone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.choices import Metric, Prefer
from renderer.cover_pixels import cell_means, cell_signatures, cover_signature, cut_cells
from renderer.descriptors import (
    SIGNATURE_PIXELS,
    Structure,
    blocks,
    describe_structure,
    inverse_symmetry,
    mean_lab,
    squashed,
)
from renderer.fidelity import Figures, error_map, far_view, measure, turned
from renderer.grid import Grid
from renderer.library import Library
from renderer.matching.candidates import Indices, PairCosts
from renderer.matching.cell_raster import CellRaster, rasterize_cells
from renderer.matching.means import MeanCosts
from renderer.matching.palette import Palette, adapted_palette
from renderer.matching.pixels import PixelCosts
from renderer.matching.structure import StructureCosts, Weights
from renderer.matching.tiles import in_own_orientation, is_upright, with_preference
from renderer.matching.tone import CONTRAST, CountedTiles, Shades, at_pixels, counted_cells, shades_of, tone_of
from renderer.pictures import Pixels
from renderer.progress import Advance
from renderer.shapes import SQUARE, TileShape

_BLOCK_CELLS = 3  # least side of the blocks of `part_of`, in regular cells: tone and blur hardly reach farther

_MEASURED_CELLS = 30_000  # maximum number of cells that are measured for the quality figures: 100 MB


@dataclass(frozen=True)
class MatchStyle:
    """How photos are compared and drawn."""

    metric: Metric = "structure"
    mirror: bool = True  # allow mirrored photos
    turns: bool = False  # allow photos rotated by multiples of 90°
    tone: float = 1.0  # strength 0…1 of the adjustment of tiles to their cells
    contrast: float = CONTRAST  # 0…1, minimum of the mean contrast that full tone leaves to the tiles
    adapt_palette: bool = False  # map the cover's colours to those of the library first
    blend: float = 0.0  # strength 0…1 of the overlay of the cell's mean colour
    prefer: Prefer | None = None  # photos that are placed where they match nearly as well as the best one

    def symmetries(self, shape: TileShape = SQUARE) -> tuple[int, ...]:
        """Return the allowed symmetries of a shape's tiles, bits as in PlacementMap.

        Tiles that transposing does not keep, such as 3:2, are not turned by 90°, only by 180°.
        """
        if not self.turns:
            return (0, 1) if self.mirror else (0,)
        if shape.keeps_transpose:
            return tuple(range(8)) if self.mirror else (0, 3, 5, 6)
        return (0, 1, 2, 3) if self.mirror else (0, 3)


@dataclass(frozen=True)
class CoverDescription:
    """A cover, described by its N cells."""

    cover: Pixels  # (H, W, 3) in the colours to match
    grid: Grid
    raster: CellRaster
    picture: Pixels  # (h, w, 3) the cover at 8 pixels per step of the raster
    signatures: Pixels  # (N, 8, 8, 3) of the cells
    cells: Structure  # their descriptors

    def __len__(self) -> int:
        return len(self.grid)


def describe_cover(cover: Pixels, grid: Grid) -> CoverDescription:
    """Describe a cover (H, W, 3) by the cells of a grid."""
    raster = rasterize_cells(grid)
    picture = cover_signature(cover, grid, raster.step)
    signatures = cell_signatures(picture, grid)
    return CoverDescription(cover, grid, raster, picture, signatures, describe_structure(signatures))


def part_of(description: CoverDescription, most: int) -> tuple[CoverDescription, Indices]:
    """Return blocks of adjacent cells, about `most` cells in total, as a cover of their own, and their numbers.

    The blocks are from all over the cover, and side by side in the result. A cover of fewer cells is returned as it is.
    """
    raster, box = description.raster, description.raster.box
    if len(raster) <= most:
        return description, np.arange(len(raster))
    largest = int(box[:, 2:].max())
    # In steps. It is a multiple of the largest cell, so that no cell of a quadtree is in two blocks.
    side = largest * math.ceil(_BLOCK_CELLS * raster.cell / largest)
    across, down = (box[:, :2] // side).T
    row_length = int(across.max()) + 1
    numbers, block = np.unique(down * row_length + across, return_inverse=True)
    count = math.ceil(len(numbers) * most / len(raster))
    # Evenly among all blocks by their lightness, on which errors depend: blocks at random would need to be more.
    lightness = np.bincount(block.reshape(-1), description.cells.mean[:, 0]) / np.bincount(block.reshape(-1))
    taken = np.argsort(lightness, kind="stable")[((np.arange(count) + 0.5) * (len(numbers) / count)).astype(np.int64)]
    position = np.full(len(numbers), -1)
    position[taken] = np.arange(count)
    position = position[block.reshape(-1)]
    cells = np.flatnonzero(position >= 0)
    corner, size = box[cells, :2] % side, box[cells, 2:]
    units = np.ceil((corner + size).max(axis=0) * raster.step - 1e-6).astype(np.int64)
    width, height = np.rint(units / raster.step).astype(np.int64).tolist()
    corner[:, 0] += position[cells] * width
    boxes = np.concatenate([corner, size], axis=1) * raster.step
    grid = replace(description.grid, columns=count * int(units[0]), rows=int(units[1]), cells=boxes)
    top, left = (np.stack(np.divmod(numbers[taken], row_length)) * (side * SIGNATURE_PIXELS))[:, :, np.newaxis]
    rows = np.minimum(top + np.arange(height * SIGNATURE_PIXELS), len(description.picture) - 1)
    columns = np.minimum(left + np.arange(width * SIGNATURE_PIXELS), description.picture.shape[1] - 1)
    picture = description.picture[rows[:, :, np.newaxis], columns[:, np.newaxis]]
    picture = picture.swapaxes(0, 1).reshape(rows.shape[1], -1, 3)
    part = CoverDescription(
        description.cover, grid, rasterize_cells(grid, raster.step), picture, description.signatures[cells],
        description.cells[cells],
    )  # fmt: skip
    return part, cells


def adapted_cover(cover: Pixels, library: Library, style: MatchStyle) -> Pixels:
    """Return the cover in the colours to match: those of the library with `style.adapt_palette`, else its own."""
    return library_palette(cover, library).apply(cover) if style.adapt_palette else cover


def library_palette(cover: Pixels, library: Library) -> Palette:
    """Return the change of a cover (H, W, 3) to the colours of a library."""
    return adapted_palette(cover, mean_lab(library.signatures))


def costs_of(
    description: CoverDescription, library: Library, numbers: Indices, style: MatchStyle, advance: Advance
) -> tuple[PairCosts, Structure | None]:
    """Return the costs of the photos `numbers` in the cells, and for the metric `structure` the photos' descriptors.

    In `mixed` grids, photos in cells of the other orientation cost much more than in their own.
    """
    costs, photos = _metric_costs(description, library, numbers, style, advance)
    if description.grid.shape.kind == "mixed":
        costs = in_own_orientation(costs, is_upright(description.grid.cells), library.photos.are_upright(numbers))
    if style.prefer is not None:
        has_faces = np.array([bool(photo.faces) for photo in library.photos.take(numbers)], bool)
        costs = with_preference(costs, style.prefer, has_faces)
    return costs, photos


def _metric_costs(
    description: CoverDescription, library: Library, numbers: Indices, style: MatchStyle, advance: Advance
) -> tuple[PairCosts, Structure | None]:
    """Return the costs of photos by the metric alone, and for the metric `structure` the photos' descriptors."""
    all_photos = len(numbers) == len(library.photos)
    symmetries = style.symmetries(description.grid.shape)
    if style.metric == "pixels":
        pictures = cut_cells(description.cover, description.grid)
        inverses = [np.full(len(pictures), inverse_symmetry(symmetry), np.uint8) for symmetry in symmetries]
        tiles = squashed(library.tiles if all_photos else library.tiles_of(numbers))
        cells_by_symmetry = [turned(pictures, symmetry) for symmetry in inverses]
        return PixelCosts(cells_by_symmetry, tiles, symmetries, advance), None
    if style.metric == "mean":
        cells = cell_means(description.cover, description.grid).astype(np.float32)
        return MeanCosts(cells, library.means[numbers] * 255, advance), None
    signatures = library.signatures if all_photos else library.signatures[numbers]
    if style.metric == "lab":
        return MeanCosts(mean_lab(description.signatures), mean_lab(signatures), advance), None
    photos = describe_structure(signatures)
    return StructureCosts(description.cells, photos, symmetries, Weights.of_tone(style.tone), advance), photos


# -- Placed photos -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TonedTiles:
    """The tiles of N cells with their tone."""

    tiles: Pixels  # (N, 8, 8, 3) signatures under their symmetry
    gain: Float32Array  # (N, 3)
    offset: Float32Array  # (N, 3)
    counted: CountedTiles  # those whose clipped pixels are counted


class TilePictures(Protocol):
    """Photos by number, as a `Library` has them."""

    @property
    def signatures(self) -> Pixels:
        """Their signatures, (P, 8, 8, 3)."""

    def tiles_of(self, indices: Indices) -> Pixels:
        """Return the tile pictures of some, (M, H, W, 3)."""


def apply_tone(
    description: CoverDescription,
    library: TilePictures,
    chosen: Indices,
    symmetry: npt.NDArray[np.uint8],
    structure: Structure,
    style: MatchStyle,
) -> TonedTiles:
    """Compute the tone of placed photos.

    chosen: (N,) their numbers in the library; symmetry: (N,); structure: their N descriptors under their symmetry.
    """
    used, index = np.unique(chosen, return_inverse=True)
    cells = counted_cells(len(chosen))
    seen, photo = np.unique(index.reshape(-1)[cells], return_inverse=True)
    histograms, pictures = [], []
    for block in blocks(len(used), 4096):
        some = library.tiles_of(used[block])
        histograms.append(shades_of(some))
        pictures.append(some[seen[(seen >= block.start) & (seen < block.stop)] - block.start])
    shades = Shades(np.concatenate(histograms), index.reshape(-1))
    counted = CountedTiles(cells, np.concatenate(pictures), photo.reshape(-1))
    tiles = turned(library.signatures[chosen], symmetry)
    gain, offset = tone_of(
        description.cells, structure, tiles, shades, counted, description.picture, description.raster, style.tone,
        style.contrast,
    )  # fmt: skip
    gain, offset = (1 - style.blend) * gain, (1 - style.blend) * offset + style.blend * description.cells.colour
    gain, offset = gain.astype(np.float32), offset.astype(np.float32)
    return TonedTiles(tiles, gain, offset, counted)


def figures_of(description: CoverDescription, toned: TonedTiles) -> Figures:
    """Return the quality figures of a mosaic, without advice."""
    cover, mosaic, inside = _low_resolution(description, toned)
    clipped = toned.counted.clipped(toned.gain, toned.offset)
    return measure(cover, mosaic, toned.gain, clipped, description.grid.scale, inside)


def colour_error(description: CoverDescription, toned: TonedTiles) -> float:
    """Return the mean CIEDE2000 of a mosaic, as in its figures."""
    cover, mosaic, inside = _low_resolution(description, toned)
    error = error_map(cover, mosaic, description.grid.scale)
    return float((error if inside is None else error[inside]).mean())


def flat_error(description: CoverDescription, parts: int) -> float:
    """Return the mean CIEDE2000 if each step of the lattice were `parts` × `parts` flat tiles in the cover's colours.

    parts: 1, 2, 4 or 8; the viewer is as many times closer. Masks are ignored.
    """
    grid = description.grid
    first, rows = _measured_rows(grid)
    scale, side = SIGNATURE_PIXELS / description.raster.step, SIGNATURE_PIXELS // parts
    cover = description.picture[round(first * scale) : round((first + rows) * scale)].astype(np.float32) / 255
    size = grid.columns * SIGNATURE_PIXELS, rows * SIGNATURE_PIXELS
    small = np.asarray(cv2.resize(cover, size, interpolation=cv2.INTER_AREA), np.float32)
    flat = cv2.resize(small, (grid.columns * parts, rows * parts), interpolation=cv2.INTER_AREA)
    flat = np.asarray(flat, np.float32).repeat(side, axis=0).repeat(side, axis=1)
    across, along = grid.scale
    return float(error_map(small, flat, (across / parts, along / parts)).mean())


def _measured_rows(grid: Grid) -> tuple[int, int]:
    """Return the first row that is measured, and the number of rows: of a very large grid, only the middle ones."""
    rows = min(grid.rows, max(_MEASURED_CELLS // grid.columns, 1))
    return (grid.rows - rows) // 2, rows


def _low_resolution(
    description: CoverDescription, toned: TonedTiles
) -> tuple[Float32Array, Float32Array, npt.NDArray[np.bool_] | None]:
    """Return cover and mosaic at 8 pixels per lattice unit, (H, W, 3) sRGB 0…1, and where there are cells (H, W).

    Where there is no cell, both show the cover; None: cells are everywhere. For a very large grid, only the middle rows
    are returned: all rows would take gigabytes.
    """
    grid, step = description.grid, description.raster.step
    first, rows = _measured_rows(grid)
    top, height = grid.cells[:, 1], grid.cells[:, 3]
    inside = (top < first + rows) & (top + height > first)
    start = float(top[inside].min(initial=first))
    end = float((top + height)[inside].max(initial=first + rows))
    drawn = far_view(
        grid.cells[inside] - (0, start, 0, 0), (grid.columns, end - start), toned.tiles[inside],
        toned.gain[inside], toned.offset[inside], step,
    )  # fmt: skip
    scale = SIGNATURE_PIXELS / step
    cover = description.picture[round(first * scale) : round((first + rows) * scale)].astype(np.float32) / 255
    drawn = drawn[round((first - start) * scale) :][: len(cover)]
    present = None
    if description.raster.missing is not None:
        missing = description.raster.missing[round(first / step) : round((first + rows) / step)]
        drawn[at_pixels(missing)] = cover[at_pixels(missing)]
        times = round(SIGNATURE_PIXELS * step)
        present = ~missing.repeat(times, axis=0).repeat(times, axis=1)
    size = grid.columns * SIGNATURE_PIXELS, rows * SIGNATURE_PIXELS
    small, mosaic = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (cover, drawn))
    return np.asarray(small, np.float32), np.asarray(mosaic, np.float32), present
