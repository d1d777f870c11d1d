"""Advice on a mosaic: what would make it more similar to its cover, and by how much.

Each change is computed, or estimated, on a part of the mosaic itself: the same photos with less contrast, photos of a
missing colour in the cells of that colour, or more cells. Only those are named that lower the mean colour error
clearly; `benchmarks/advice.py` follows the advice and compares.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.descriptors import Structure, describe_structure, signatures
from renderer.fidelity import Figures, missing_colours
from renderer.grid import CELLS_PER_PHOTO, MAX_CELLS
from renderer.library import Library
from renderer.matching.candidates import Indices
from renderer.matching.description import (
    CoverDescription,
    MatchStyle,
    TilePictures,
    apply_tone,
    colour_error,
    flat_error,
    part_of,
)
from renderer.matching.tone import GainBounds
from renderer.messages import counted, named
from renderer.pictures import Pixels

VISIBLE: Final = 1.0
"""Mean CIEDE2000 below which there is no advice: such a difference is hardly visible."""

CLEAR: Final = 0.15
"""Minimum of the share by which a change must lower the mean colour error to be advised, since some are estimates."""

_MORE: Final = 1.1  # as the default number of cells is rounded to whole rows

_LESS_CONTRAST: Final = 0.6  # factor of the minimum contrast that is tried
_LEAST_CONTRAST: Final = 0.1
_AT_BOUND: Final = 0.03  # distance of the mean gain from its minimum up to which that determines the tone

_COLOURS: Final = 2  # missing colours that are tried together

_TRIED: Final = 400
"""Cells in which changes are tried: the shares differ by up to 5 percentage points from those of all cells, with a mask
by up to 9, and 5,000 cells cost 0.2 s of processor time instead of 0.9."""

_FINER: Final = 2  # factor of the number of columns that is tried
_FLAT_SHARE: Final = 0.6
"""Share of the gain of flat tiles that photos gain from more columns: 0.45 to 0.8 with three covers and five libraries,
in relative terms. It is hardly any if the tone is at its minimum contrast."""

_CELL_PIXELS: Final = 2.0  # of a cover, which finer cells must have


@dataclass(frozen=True)
class Placed:
    """The photos in the N cells of a cover."""

    description: CoverDescription
    library: Library
    chosen: Indices  # (N,) their numbers in the library
    symmetry: npt.NDArray[np.uint8]  # (N,)
    tiles: Structure  # their descriptors under their symmetry
    style: MatchStyle

    def part(self, most: int) -> tuple[Placed, Indices]:
        """Return about `most` of the cells, from all over the cover, and their numbers."""
        description, cells = part_of(self.description, most)
        chosen, symmetry, tiles = self.chosen[cells], self.symmetry[cells], self.tiles[cells]
        return replace(self, description=description, chosen=chosen, symmetry=symmetry, tiles=tiles), cells


@dataclass(frozen=True)
class _Pictures:
    """Tiles that are in no library."""

    pictures: Pixels  # (P, H, W, 3)
    signatures: Pixels  # (P, 8, 8, 3)

    def tiles_of(self, indices: Indices) -> Pixels:
        return self.pictures[indices]


def advise(placed: Placed, photos: Float32Array, figures: Figures) -> str:
    """Return what would improve a mosaic, the best first, or "".

    photos: (P, 3) CIELAB means of those that could be placed; figures: of the mosaic.
    """
    cells, sentences = len(placed.chosen), []
    if cells > _MORE * CELLS_PER_PHOTO * len(photos):
        repeat = "repeats" if len(photos) == 1 else "repeat"
        needed = math.ceil(cells / CELLS_PER_PHOTO)
        sentences.append(
            f"{counted(len(photos), 'photo')} {repeat} often in {cells} cells: use at least {needed} photos for a "
            "better result"
        )
    if figures.likeness.colour >= VISIBLE:
        for lower, sentence in sorted(_changes(placed, photos, figures), reverse=True):
            if lower >= CLEAR:
                sentences.append(f"{sentence} lowers the mean colour error by about {round(100 * lower)} %")
    return "; ".join(sentences)


def _changes(placed: Placed, photos: Float32Array, figures: Figures) -> Iterator[tuple[float, str]]:
    """Yield changes that may improve a mosaic: by which share each lowers its error, and the start of a sentence."""
    style = placed.style
    bound = (1 - style.blend) * GainBounds.of(style.tone, style.contrast).mean
    at_bound = style.tone > 0 and figures.mean_gain < bound + _AT_BOUND
    contrast = round(_LESS_CONTRAST * style.contrast, 1)
    less = at_bound and contrast >= _LEAST_CONTRAST
    missing = dict(list(missing_colours(photos, placed.description.cells.mean).items())[:_COLOURS])
    columns = 0 if at_bound else _finer_columns(placed, len(photos))
    part, cells = placed.part(_TRIED)
    if less or missing:
        error = max(_error(part), 1e-6)
    if less:
        lower = 1 - _error(replace(part, style=replace(style, contrast=contrast))) / error
        yield lower, f"the photos have too much contrast for the cover: {named('contrast', contrast)}"
    if missing:
        colour = np.zeros(len(placed.chosen), np.int64)  # 0: that of the photo
        for number, those in enumerate(missing.values(), 1):
            colour[those] = number
        count = np.count_nonzero(colour)
        names, share = " or ".join(missing), round(100 * count / len(colour))
        needed = counted(math.ceil(count / CELLS_PER_PHOTO), "such photo")
        targets = [placed.description.cells.colour[those].mean(axis=0) for those in missing.values()]
        lower = 1 - _error_with(part, colour[cells], targets) / error
        yield lower, f"{share} % of the cells are {names}, but few photos are: adding {needed}"
    if columns:
        coarse, fine = (flat_error(part.description, parts) for parts in (1, _FINER))
        lower = _FLAT_SHARE * (1 - fine / max(coarse, 1e-6))
        yield lower, f"smaller cells show more detail: {named('columns', columns)}"


def _finer_columns(placed: Placed, photos: int) -> int:
    """Return more columns for the whole cover, or 0 if there are too few photos, or pixels of the cover, for them."""
    grid, cover = placed.description.grid, placed.description.cover
    cells = _FINER**2 * len(placed.chosen)
    pixels = cover.shape[1] * grid.crop[2] / (grid.columns * _FINER)
    if cells > min(_MORE * CELLS_PER_PHOTO * photos, MAX_CELLS) or pixels < _CELL_PIXELS * grid.scale[0]:
        return 0
    units = math.sqrt(grid.shape.cell_area) if grid.shape.kind == "mixed" else 1.0  # of one column
    return round(_FINER * grid.frame[2] / grid.frame_crop[2] / units)


def _error(placed: Placed, pictures: TilePictures | None = None) -> float:
    """Return the mean CIEDE2000 of placed photos with their tone, from a library or from pictures."""
    toned = apply_tone(
        placed.description, pictures or placed.library, placed.chosen, placed.symmetry, placed.tiles, placed.style
    )
    return colour_error(placed.description, toned)


def _error_with(placed: Placed, colour: Indices, targets: Sequence[Float32Array]) -> float:
    """Return the mean CIEDE2000 if the photos in some cells had another colour: `colour` (N,), 1 is the first target.

    Such a photo is the present one in the mean colour of its cells, with as much of its contrast as fits.
    """
    pairs, index = np.unique(np.stack([colour, placed.chosen]), axis=1, return_inverse=True)
    pictures = placed.library.tiles_of(pairs[1])
    for number, target in enumerate(targets, 1):
        those = pairs[0] == number
        pictures[those] = _recoloured(pictures[those], target)
    tiles = _Pictures(pictures, signatures(pictures))
    chosen = index.reshape(-1)
    structure = describe_structure(tiles.signatures)[chosen].turned(placed.symmetry)
    return _error(replace(placed, chosen=chosen, tiles=structure), tiles)


def _recoloured(pictures: Pixels, target: Float32Array) -> Pixels:
    """Return pictures (P, H, W, 3) with a mean colour (3,), sRGB 0…1, and less contrast if it would be clipped."""
    values = pictures.astype(np.float32) / 255
    mean = values.mean(axis=(1, 2), keepdims=True)
    down, up = mean - values.min(axis=(1, 2), keepdims=True), values.max(axis=(1, 2), keepdims=True) - mean
    room = np.minimum(target / np.maximum(down, 1 / 255), (1 - target) / np.maximum(up, 1 / 255))
    contrast = np.minimum(room.min(axis=3, keepdims=True), 1)
    return np.asarray(np.clip((target + contrast * (values - mean)) * 255 + 0.5, 0, 255).astype(np.uint8))
