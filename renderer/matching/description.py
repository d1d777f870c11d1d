"""What the matcher sees: a cover in cells, the costs of photos there, and placed photos from afar, with their tone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.descriptors import (
    SIGNATURE_PIXELS,
    Metric,
    Structure,
    blocks,
    describe_structure,
    inverse_symmetry,
    mean_lab,
)
from renderer.fidelity import Figures, far_view, measure, turned
from renderer.grid import Grid, cell_means, cell_signatures, cover_signature, cut_cells
from renderer.library import Library
from renderer.matching.candidates import Costs, Indices
from renderer.matching.cell_raster import CellRaster, rasterize_cells
from renderer.matching.means import MeanCosts
from renderer.matching.palette import adapt_palette
from renderer.matching.pixels import PixelCosts
from renderer.matching.structure import StructureCosts, Weights
from renderer.matching.tone import Shades, shades_of, tone_of
from renderer.pictures import Pixels
from renderer.progress import Advance

_MEASURED_CELLS = 30_000  # of which likeness is told: 100 MB


@dataclass(frozen=True)
class MatchStyle:
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


@dataclass(frozen=True)
class CoverDescription:
    """A cover in N cells."""

    cover: Pixels  # in the colours that are looked for
    grid: Grid
    layout: CellRaster
    picture: Pixels  # the cover at 8 pixels a step of the layout, (H, W, 3)
    shown: Pixels  # (N, 8, 8, 3) the cells' signatures
    cells: Structure  # and what they look like

    def __len__(self) -> int:
        return len(self.grid)


def describe_cover(cover: Pixels, grid: Grid) -> CoverDescription:
    """A cover as a grid cuts it."""
    layout = rasterize_cells(grid.cells)
    picture = cover_signature(cover, grid, layout.step)
    shown = cell_signatures(picture, grid)
    return CoverDescription(cover, grid, layout, picture, shown, describe_structure(shown))


def adapted_cover(cover: Pixels, library: Library, style: MatchStyle) -> Pixels:
    """The cover in the colours that are looked for."""
    return adapt_palette(cover, mean_lab(library.signatures)) if style.adapt_palette else cover


def costs_of(
    seen: CoverDescription, library: Library, numbers: Indices, style: MatchStyle, advance: Advance
) -> tuple[Costs, Structure | None]:
    """The costs of photos in cells under a metric, and for `structure` what the photos look like."""
    whole = len(numbers) == len(library.photos)
    if style.metric == "pixels":
        pictures = cut_cells(seen.cover, seen.grid)
        undone = [np.full(len(pictures), inverse_symmetry(symmetry), np.uint8) for symmetry in style.symmetries]
        tiles = library.tiles if whole else library.tiles_of(numbers)
        return PixelCosts([turned(pictures, symmetry) for symmetry in undone], tiles, style.symmetries, advance), None
    if style.metric == "mean":
        cells = cell_means(seen.cover, seen.grid).astype(np.float32)
        return MeanCosts(cells, library.means[numbers] * 255, advance), None
    signatures = library.signatures if whole else library.signatures[numbers]
    if style.metric == "lab":
        return MeanCosts(mean_lab(seen.shown), mean_lab(signatures), advance), None
    photos = describe_structure(signatures)
    return StructureCosts(seen.cells, photos, style.symmetries, Weights.of_tone(style.tone), advance), photos


# -- Once photos are placed ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TonedTiles:
    """The tiles of N cells, as they are drawn from afar."""

    tiles: Pixels  # (N, 8, 8, 3) as they are turned
    gain: Float32Array  # (N, 3)
    offset: Float32Array  # (N, 3)


def apply_tone(
    seen: CoverDescription,
    library: Library,
    chosen: Indices,
    symmetry: npt.NDArray[np.uint8],
    structure: Structure,
    style: MatchStyle,
) -> TonedTiles:
    """Give placed photos their tone. chosen (N,): their numbers in the library; structure (N,): as they are turned."""
    used, place_of = np.unique(chosen, return_inverse=True)
    pictures = [shades_of(library.tiles_of(used[some])) for some in blocks(len(used), 4096)]
    shades = Shades(np.concatenate(pictures), place_of.reshape(-1))
    tiles = turned(library.signatures[chosen], symmetry)
    gain, offset = tone_of(seen.cells, structure, tiles, shades, seen.picture, seen.layout, style.tone)
    gain, offset = (1 - style.blend) * gain, (1 - style.blend) * offset + style.blend * seen.cells.colour
    return TonedTiles(tiles, gain.astype(np.float32), offset.astype(np.float32))


def figures_of(seen: CoverDescription, dressed: TonedTiles, advice: str) -> Figures:
    """How like its cover a mosaic is; advice: what there is to say of the library."""
    return measure(*_from_afar(seen, dressed), dressed.gain, advice)


def _from_afar(seen: CoverDescription, dressed: TonedTiles) -> tuple[Float32Array, Float32Array]:
    """Cover and mosaic at 8 pixels a unit, sRGB 0…1; of a very large grid the middle rows, which tell enough.

    8 pixels a unit of all would take gigabytes.
    """
    grid = seen.grid
    rows = min(grid.rows, max(_MEASURED_CELLS // grid.columns, 1))
    first = (grid.rows - rows) // 2
    top, height = grid.cells[:, 1], grid.cells[:, 3]
    some = (top < first + rows) & (top + height > first)
    begin, end = float(top[some].min()), float((top + height)[some].max())
    drawn = far_view(
        grid.cells[some] - (0, begin, 0, 0), (grid.columns, end - begin), dressed.tiles[some], dressed.gain[some],
        dressed.offset[some], grid.step,
    )  # fmt: skip
    scale = SIGNATURE_PIXELS / grid.step
    cover = seen.picture[round(first * scale) : round((first + rows) * scale)].astype(np.float32) / 255
    drawn = drawn[round((first - begin) * scale) :][: len(cover)]
    size = grid.columns * SIGNATURE_PIXELS, rows * SIGNATURE_PIXELS
    small, mosaic = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (cover, drawn))
    return np.asarray(small, np.float32), np.asarray(mosaic, np.float32)
