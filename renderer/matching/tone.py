"""Tone: a gain and an offset a channel that bring a tile near its cell's colour and contrast, within bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.descriptors import SIGNATURE_PIXELS, Structure, blocks
from renderer.fidelity import BLUR_PIXELS, far_view
from renderer.matching.layout import Layout
from renderer.pictures import Pixels

Floats = npt.NDArray[np.float32]

LEAST_GAIN: Final = 0.75
MOST_GAIN: Final = 1.3
"""Bounds of the gain at full strength: less contrast would be a veil over the photo, more would be glaring."""

TIGHT_GAIN: Final = 0.6
"""Bound of the gain of a channel that is nearly black or white in a cell."""

MARGIN: Final = 0.55
"""By how much the darkest and lightest parts of a signature are taken to be further from the mean: the pixels that it
averages reach beyond it. Where more is clipped than may be, it is widened."""

CLIPPED: Final = 0.0017
"""Most parts of signatures that tone may drive out of range: of the pixels of the photos it is then 2 % or less (with
five covers 8 to 12 times as many were found)."""

_BAND_STEPS: Final = 30_000  # of the layout, that are drawn at once

_MOST_MARGINS: Final = 8
_HALF_STEP: Final = 0.5 / 255  # what rounding takes back


CORRECTIONS: Final = 4
"""Rounds of moving offsets by what is still seen from afar; further ones gain nothing."""

MOST_CORRECTED: Final = 100_000
"""Cells beyond which there is one round: of so many each is a few pixels, and a round takes seconds."""

MOST_CORRECTION: Final = 0.05
"""By which a round may move an offset, sRGB: it is to even out, not to paint."""


def reach(photos: Structure, gain: np.float32 | Floats, margin: float = MARGIN) -> tuple[Floats, Floats]:
    """The darkest and the lightest colours (N, 3), sRGB 0…1, that tone can give to photos with a gain, unclipped.

    Their own colours always count as within reach.
    """
    below = np.minimum(photos.below * np.float32(1 + margin), photos.colour)
    above = np.minimum(photos.above * np.float32(1 + margin), 1 - photos.colour)
    return gain * below, 1 - gain * above


def tone_of(
    cells: Structure, tiles: Structure, signatures: Pixels, picture: Pixels, layout: Layout, strength: float
) -> tuple[Floats, Floats]:
    """The gain and offset, (N, 3) each, of tiles in their cells.

    tiles, signatures (N, 8, 8, 3): of each cell's photo, as it is turned; picture: the cover at 8 pixels a step.
    strength: 0 leaves photos as they are, 1 goes as far as the bounds let.
    """
    box, width = layout.box.astype(np.float64), layout.raster.shape[1]

    def draw_cover(_cells: npt.NDArray[np.int32], top: int, end: int) -> Floats:
        return (picture[top * SIGNATURE_PIXELS : end * SIGNATURE_PIXELS] / np.float32(255)).astype(
            np.float32, copy=False
        )

    def draw_mosaic(cells: npt.NDArray[np.int32], top: int, end: int) -> Floats:
        there = box[cells] - (0, top, 0, 0)
        return far_view(there, (width, end - top), signatures[cells], gain[cells], offset[cells])

    cover = seen_from_afar(layout, draw_cover) if strength else cells.colour
    for margin in MARGIN * 1.25 ** np.arange(_MOST_MARGINS):
        gain = gains(cells, tiles, strength, margin)
        offset = offsets(cells.colour, tiles, gain, strength, margin)
        if strength == 0:
            break
        # What shapes leave of colour, seen from afar, is made up for by a little more or less of it all round.
        wanted = cells.colour.copy()
        for _ in range(CORRECTIONS if len(layout) <= MOST_CORRECTED else 1):
            left = cover - seen_from_afar(layout, draw_mosaic)
            wanted += np.clip(left, -MOST_CORRECTION, MOST_CORRECTION)
            offset = offsets(wanted, tiles, gain, strength, margin)
        if _clipped(signatures, gain, offset) <= CLIPPED:
            break
    return gain, offset


def _clipped(signatures: Pixels, gain: Floats, offset: Floats) -> float:
    """The share of the parts of signatures that tone drives out of range, though they were not at its end."""
    count = 0
    for some in blocks(len(signatures)):
        own = signatures[some] / np.float32(255)
        toned = own * gain[some, None, None] + offset[some, None, None]
        out = ((toned > 1 + _HALF_STEP) & (own < 1)) | ((toned < -_HALF_STEP) & (own > 0))
        count += int(out.any(axis=-1).sum())
    return count / max(len(signatures) * SIGNATURE_PIXELS**2, 1)


def seen_from_afar(layout: Layout, draw: Callable[[npt.NDArray[np.int32], int, int], Floats]) -> Floats:
    """The mean colour (N, 3) of each cell in a picture as it is seen from afar. In bands of 100 MB.

    draw(cells, top, end): the picture of some cells at 8 pixels a step, those that lie in the steps top … end − 1.
    """
    height, width = layout.raster.shape
    steps = np.empty((height, width, 3), np.float32)
    for rows in blocks(height, max(_BAND_STEPS // width, 1)):
        # The blur reaches a step beyond the band, and cells are drawn whole.
        cells = np.unique(layout.raster[max(rows.start - 1, 0) : rows.stop + 1])
        cells = cells[cells >= 0]
        top, end = int(layout.box[cells, 1].min()), int((layout.box[cells, 1] + layout.box[cells, 3]).max())
        seen = cv2.GaussianBlur(draw(cells, top, end), (0, 0), BLUR_PIXELS)
        parts = seen.reshape(-1, SIGNATURE_PIXELS, width, SIGNATURE_PIXELS, 3)
        steps[rows] = parts[rows.start - top : rows.stop - top].mean(axis=(1, 3))
    return mean_in_cells(steps, layout)


def mean_in_cells(steps: Floats, layout: Layout) -> Floats:
    """The mean (N, 3) in each cell of a picture of a pixel a step, (H, W, 3)."""
    steps = steps.reshape(-1, 3)
    cell = layout.raster.ravel()
    sums = np.stack([np.bincount(cell, steps[:, channel], len(layout)) for channel in range(3)], axis=1)
    return (sums / np.bincount(cell, minlength=len(layout))[:, np.newaxis]).astype(np.float32)


def gains(cells: Structure, tiles: Structure, strength: float, margin: float) -> Floats:
    """The gain (N, 3) that brings the detail of tiles, as they are turned, nearest to that of their cells, in bounds.

    Where a channel of a cell is so light or dark that the tile would be clipped it may be less there, as long as the
    mean of all gains stays at the least gain or above.
    """
    low, high = 1 + strength * (LEAST_GAIN - 1), 1 + strength * (MOST_GAIN - 1)
    product = np.einsum("nd,nd->n", cells.detail, tiles.detail)
    best = np.clip(product / (np.einsum("nd,nd->n", tiles.detail, tiles.detail) + 1e-6), low, high)
    darkest, lightest = reach(tiles, np.float32(1), margin)
    room = np.minimum(cells.colour / (darkest + 1e-6), (1 - cells.colour) / (1 - lightest + 1e-6))
    for floor in np.linspace(1 + strength * (TIGHT_GAIN - 1), low, 9):
        gain = np.minimum(best[:, np.newaxis], np.maximum(room, floor))
        if gain.mean() >= low:
            break
    return np.asarray(gain, np.float32)


def offsets(wanted: Floats, tiles: Structure, gain: Floats, strength: float, margin: float) -> Floats:
    """The offset (N, 3) that moves the means of tiles to wanted colours (N, 3), sRGB 0…1, as far as the bounds let."""
    darkest, lightest = reach(tiles, gain, margin)
    shown = tiles.colour + strength * (np.clip(wanted, darkest, lightest) - tiles.colour)
    return np.asarray(shown - gain * tiles.colour, np.float32)
