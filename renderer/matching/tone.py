"""Tone: a gain and an offset per channel that adjust a tile to its cell's colour and contrast, within bounds.

From afar, colour comes first: a tile gives up contrast where its cell's colour requires it, as a photo of high contrast
can't become a bright or saturated cell otherwise. A channel that has no room for the tile's contrast gets a lower gain
than the others, which keeps the hue, where clipping would change it. Two bounds apply to all tiles together: a minimum
mean gain, and a maximum share of clipped pixels. Each tile gets the gain and margin from a table that minimize its
error minus a benefit of contrast plus its contributions to the bounds, each times a Lagrange multiplier. The
multipliers that meet the bounds are found by bisection.

Source: Everett, "Generalized Lagrange multiplier method for solving problems of optimum allocation of resources", 1963.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.descriptors import SIGNATURE_PIXELS, TO_XYZ, Structure, blocks, to_lab
from renderer.fidelity import BLUR_PIXELS, far_view
from renderer.kernels.matching import ToneInput, cheapest_choices, evaluate_choices
from renderer.matching.cell_raster import CellRaster
from renderer.pictures import Pixels, to_linear
from renderer.threads import run_blocks

CONTRAST: Final = 0.5
"""Default minimum of the mean gain at full strength. It is reached only with photos that differ much from the cover:
2,000 mixed photos keep a mean gain of 0.8 (see `BENEFIT`)."""

MAX_GAIN: Final = 1.3
"""Maximum of each gain at full strength: more contrast makes photos look harsh."""

TIGHT_GAIN: Final = 0.3
NARROW_GAIN: Final = 0.2
"""Minimum of a tile's gain, and of that of one of its channels, if the mean gain may be `CONTRAST`; other minima of the
mean change them in proportion. A tile of less contrast is hardly recognizable."""

BENEFIT: Final = 3.0
"""What contrast is worth where no bound requires it: for as much gain as 1, an error of at most this many CIELAB units.
With 2,000 mixed photos, 4.5 gives a mean gain of 0.89 and a mean CIEDE2000 of 1.55, and 3.0 gives 0.80 and 1.45."""

MARGIN: Final = 0.9
"""Relative amount by which pixels are assumed to exceed the range of their signature, when photos are compared: a
signature averages pixels, whose range is wider."""

CLIPPED: Final = 0.029
"""Maximum share of the tiles' pixels that tone clips in any channel: 3 %, less a margin for tiles not counted."""

_IN_WORST: Final = 0.72
"""Share of pixels that the choice of gains may clip in the worst channel, relative to `CLIPPED`: corrections clip more,
and other channels clip other pixels; together 1.2 to 1.3 times this share with six covers."""

_GAINS: Final = (0.3, 0.36, 0.43, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.82, 0.92, 1.05, MAX_GAIN)
_MARGINS: Final = (-0.6, -0.3, 0.0, 0.3, 0.6, 1.0, 1.6, 2.5, 4.0)
"""Gains and margins to choose from."""

_RAISED: Final = (0.0, 0.3, 0.6, 1.0)
"""Shares by which the minimum gains of tiles and channels are raised, until the minimum of the mean can be reached."""

_LEAST_GAIN: Final = 0.02  # of any channel: a gain of 0 would remove the photo

_DETAIL: Final = 0.2
"""Weight of the squared error of the detail of a cell of average area relative to that of its colour, in CIELAB. It is
proportional to the area, as the detail of larger cells is visible from farther away."""

_SQUARES: Final = 0.1
"""Weight of the squared error relative to the error: large errors count more, so that errors are spread."""

_SAMPLE: Final = 3000  # tiles from which the multipliers are determined
_SAMPLE_BLOCK: Final = 256  # of them that a thread evaluates at once
_SAMPLE_ERROR: Final = 0.003  # amount by which the mean gain of all tiles may be below that of the sample
_BLOCK: Final = 1024  # tiles per evaluation: 1 MB
_BISECTION_STEPS: Final = 10  # on a logarithmic scale

CORRECTIONS: Final = 4
"""Rounds of correcting offsets by the remaining error at viewing distance; more rounds gain nothing."""

MAX_CORRECTED: Final = 100_000
"""Number of cells above which there is only one round: each cell is then a few pixels, and a round takes seconds."""

MAX_CORRECTION: Final = 0.05
"""Maximum change of an offset per round, sRGB 0…1: corrections are meant to even out errors, not to recolour tiles."""

_COUNTED: Final = 10_000
"""Maximum number of tiles whose clipped pixels are counted: 30 MB of photos."""

_COUNTED_AT_ONCE: Final = 64  # 800 KB
_MAX_ROUNDS: Final = 3  # of the whole computation, each allowing less clipping, while corrections clip too much

_LIGHT: Final = to_linear(np.arange(256, dtype=np.uint8))  # linear light of 8-bit sRGB

_TO_XYZ: Final = np.asarray(TO_XYZ, np.float32)

_BAND_STEPS: Final = 30_000  # steps of the raster that are drawn at once

_BANDS: Final = 8
"""Number of bands into which a smaller raster is divided, so that threads have work; 2 rows of each are drawn twice."""

_LEAST_ROWS: Final = 4  # of a band, unless they have too many steps: most of fewer rows would be drawn twice

_SHADES: Final = 64  # classes of a histogram
_NARROWEST: Final = 1 / 255  # room below which a colour counts as black or white, as in numbers.h
_HALF_STEP: Final = 0.5 / 255  # values outside the range by less than this are rounded into it


@dataclass(frozen=True)
class GainBounds:
    """Minima of gains: of the mean of all tiles, of a tile, and of a channel of a tile."""

    mean: float
    tile: float
    channel: float

    @classmethod
    def of(cls, strength: float, contrast: float) -> GainBounds:
        """Return the bounds for a strength 0…1 and the mean contrast 0…1 that is kept at full strength."""
        lowest = (
            float(np.interp(contrast, (0, CONTRAST, 1), (_LEAST_GAIN, gain, 1))) for gain in (TIGHT_GAIN, NARROW_GAIN)
        )
        return cls(*(1 + strength * (gain - 1) for gain in (contrast, *lowest)))

    def raised(self, share: float) -> GainBounds:
        """Return bounds of a tile and its channels that are raised by a share 0…1 of their distance from the mean's."""
        return GainBounds(self.mean, *(gain + share * (self.mean - gain) for gain in (self.tile, self.channel)))


@dataclass(frozen=True)
class Shades:
    """Cumulative histograms of the photos' channels. Memory: 780 bytes per photo."""

    darker: Float32Array  # (P, 3, 65) share of pixels below each 64th of white, without pixels at 0 and 255
    photo: npt.NDArray[np.int64]  # (N,) photo of each tile, an index into `darker`

    def __getitem__(self, tiles: slice | npt.NDArray[np.integer]) -> Shades:
        return Shades(self.darker, self.photo[tiles])


class CountedTiles:
    """Tiles whose clipped pixels are counted."""

    def __init__(self, cells: npt.NDArray[np.int64], pictures: Pixels, photo: npt.NDArray[np.int64]) -> None:
        """cells: (M,) those that show the tiles; pictures: (P, H, W, 3) of photos; photo: (M,) the picture of each."""
        self.cells, self.photo = cells, photo
        # One channel after the other, so that thresholds are compared with many pixels at once.
        self.channels = np.ascontiguousarray(pictures.reshape(len(pictures), -1, 3).swapaxes(1, 2))

    def clipped(self, gain: Float32Array, offset: Float32Array) -> float:
        """Return the share of their pixels that tone, (N, 3) of all cells, clips in any channel.

        Pixels that are black or white in the photo are not clipped by tone.
        """
        gain, offset = gain[self.cells], offset[self.cells]
        # Values 1 … low and high … 254 are clipped. Differences of bytes wrap around, so that others are larger.
        low = np.ceil(np.clip(255 * (-_HALF_STEP - offset) / gain, 1, 255)).astype(np.uint8) - np.uint8(1)
        high = np.floor(np.clip(255 * (1 + _HALF_STEP - offset) / gain, 0, 254)).astype(np.uint8) + np.uint8(1)
        low, high, above = (values[..., np.newaxis] for values in (low, high, np.uint8(255) - high))

        def count(part: slice) -> int:
            values = self.channels[self.photo[part]]
            outside = (values - np.uint8(1) < low[part]) | (values - high[part] < above[part])
            return int((outside[:, 0] | outside[:, 1] | outside[:, 2]).sum())

        total = sum(run_blocks(count, blocks(len(self.cells), _COUNTED_AT_ONCE)))
        return float(total / (len(self.cells) * self.channels.shape[2]))


def counted_cells(count: int) -> npt.NDArray[np.int64]:
    """Return which of `count` cells have tiles that are counted: all, or some that are evenly spaced."""
    return np.linspace(0, count - 1, min(_COUNTED, count)).astype(np.int64)


def shades_of(pictures: Pixels) -> Float32Array:
    """Return `Shades.darker`, (P, 3, 65), of pictures (P, 32, 32, 3) uint8."""
    darker = np.zeros((len(pictures), 3, _SHADES + 1), np.float32)

    def count(block: slice) -> None:
        values = pictures[block].reshape(-1, pictures[0].size // 3, 3)
        rows = np.arange(3) + 3 * np.arange(len(values))[:, np.newaxis, np.newaxis]
        inner = (values > 0) & (values < 255)
        counts = np.bincount((_SHADES * rows + (values >> 2))[inner], minlength=len(values) * 3 * _SHADES)
        darker[block, :, 1:] = counts.reshape(-1, 3, _SHADES).cumsum(axis=2) / values.shape[1]

    run_blocks(count, blocks(len(pictures), 256))  # 13 MB per thread
    return darker


def colour_range(
    photos: Structure, gain: np.float32 | Float32Array, margin: float | np.float32 | Float32Array = MARGIN
) -> tuple[Float32Array, Float32Array]:
    """Return the darkest and lightest mean colours (N, 3), sRGB 0…1, to which tone can change photos with a gain.

    The range is limited so that hardly any pixels are clipped, and always includes the photo's own colour.
    """
    down, up = _spans(photos, margin)
    return np.asarray(gain * down, np.float32), np.asarray(1 - gain * up, np.float32)


def _spans(photos: Structure, margin: float | np.float32 | Float32Array) -> tuple[Float32Array, Float32Array]:
    """Return how far the darkest and lightest pixels of photos are from their mean colour, (N, 3), sRGB 0…1."""
    return (
        np.minimum(photos.below * (1 + margin), photos.colour),
        np.minimum(photos.above * (1 + margin), 1 - photos.colour),
    )


def tone_of(
    cells: Structure, tiles: Structure, signatures: Pixels, shades: Shades, counted: CountedTiles, picture: Pixels,
    raster: CellRaster, strength: float, contrast: float,
) -> tuple[Float32Array, Float32Array]:  # fmt: skip
    """Return the gain and offset, (N, 3) each, of tiles in their cells.

    tiles, signatures (N, 8, 8, 3), shades: of each cell's photo under its symmetry; picture: the cover at 8 pixels per
    step, (H, W, 3); strength: 0…1, from unchanged photos to the full bounds; contrast: 0…1, minimum of the mean gain at
    full strength.
    """
    if strength == 0:
        return np.ones((len(tiles), 3), np.float32), np.zeros((len(tiles), 3), np.float32)
    box, width = raster.box.astype(np.float64), raster.numbers.shape[1]

    def draw_cover(_cells: npt.NDArray[np.int32], top: int, end: int) -> Float32Array:
        return (picture[top * SIGNATURE_PIXELS : end * SIGNATURE_PIXELS] / np.float32(255)).astype(
            np.float32, copy=False
        )

    def draw_mosaic(cells: npt.NDArray[np.int32], top: int, end: int) -> Float32Array:
        boxes = box[cells] - (0, top, 0, 0)
        drawn = far_view(boxes, (width, end - top), signatures[cells], gain[cells], offset[cells])
        if raster.missing is not None:  # no cell, no error
            missing = at_pixels(raster.missing[top:end])
            drawn[missing] = draw_cover(cells, top, end)[missing]
        return drawn

    cover = blurred_means(raster, draw_cover)
    area = (box[:, 2] * box[:, 3]).astype(np.float32)
    area /= area.mean()
    sample = np.linspace(0, len(tiles) - 1, min(_SAMPLE, len(tiles))).astype(np.int64)
    allowed = _IN_WORST * CLIPPED
    for share in _RAISED:  # in a nearly black cover, each tile's colour requires the least gain
        bounds = GainBounds.of(strength, contrast).raised(share)
        choice = tone_input(cells[sample], tiles[sample], shades[sample], area[sample], strength, bounds)
        gains, margins = choices(strength, bounds)
        errors, shares, gained = (np.empty((len(gains), len(sample)), np.float32) for _ in range(3))
        evaluate = partial(evaluate_choices, choice, gains, margins, errors, shares, gained)
        run_blocks(evaluate, blocks(len(sample), _SAMPLE_BLOCK))
        multipliers = _multipliers(errors, shares, gained, bounds.mean, allowed)
        chosen = cheapest_choices(errors, shares, gained, *multipliers)
        if gained[chosen, np.arange(len(sample))].mean() >= bounds.mean:
            break
    for _ in range(_MAX_ROUNDS):
        gain, margin = np.empty((len(tiles), 1), np.float32), np.empty((len(tiles), 1), np.float32)
        choose = partial(_choose, cells, tiles, shades, area, strength, bounds, multipliers, gain, margin)
        run_blocks(choose, blocks(len(tiles), _BLOCK))
        gain = channel_gains(cells.colour, tiles, gain, margin, bounds)
        offset = offsets(cells.colour, tiles, gain, strength, margin)
        # Colour errors that remain at viewing distance are corrected by the offsets of surrounding tiles.
        target = cells.colour.copy()
        for _ in range(CORRECTIONS if len(raster) <= MAX_CORRECTED else 1):
            error = cover - blurred_means(raster, draw_mosaic)
            target += np.clip(error, -MAX_CORRECTION, MAX_CORRECTION)
            offset = offsets(target, tiles, gain, strength, margin)
        clipped = counted.clipped(gain, offset)
        if clipped <= CLIPPED:
            break
        allowed *= 0.95 * CLIPPED / clipped
        multipliers = _multipliers(errors, shares, gained, bounds.mean, allowed)
    return gain, offset


def _choose(
    cells: Structure, tiles: Structure, shades: Shades, area: Float32Array, strength: float, bounds: GainBounds,
    multipliers: tuple[float, float], gain: Float32Array, margin: Float32Array, block: slice,
) -> None:  # fmt: skip
    """Write the best gain and margin of a block of tiles to `gain` and `margin`, (N, 1)."""
    gains, margins = choices(strength, bounds)
    choice = tone_input(cells[block], tiles[block], shades[block], area[block], strength, bounds)
    error, clipped, gained = (np.empty((len(gains), len(choice.area)), np.float32) for _ in range(3))
    evaluate_choices(choice, gains, margins, error, clipped, gained, slice(0, len(choice.area)))
    chosen = cheapest_choices(error, clipped, gained, *multipliers)
    gain[block, 0], margin[block, 0] = gains[chosen], margins[chosen]


def choices(strength: float, bounds: GainBounds) -> tuple[Float32Array, Float32Array]:
    """Return the gains (K,) at a strength and the margins (K,) to choose from, in all combinations."""
    gains = np.asarray(1 + strength * (np.array(_GAINS) - 1), np.float32)
    low = np.linspace(
        bounds.tile, max(bounds.tile, gains[0]), 3 if bounds.tile < gains[0] - 1e-6 else 1, dtype=np.float32
    )
    gains = np.concatenate([low, gains[gains > low[-1]]])
    return gains.repeat(len(_MARGINS)), np.tile(np.array(_MARGINS, np.float32), len(gains))


def tone_input(
    cells: Structure, tiles: Structure, shades: Shades, area: Float32Array, strength: float, bounds: GainBounds
) -> ToneInput:
    """Return what the choice of tone in N cells depends on. area: (N,) of the cells, 1 on average."""
    return ToneInput(
        cells.detail, tiles.detail, cells.colour, to_lab(cells.colour), tiles.colour, tiles.below, tiles.above, area,
        shades.darker, shades.photo, _LIGHT, _TO_XYZ,
        tiles.detail.shape[1], _SHADES, strength, _HALF_STEP, _DETAIL, _SQUARES, bounds.tile, bounds.channel,
    )  # fmt: skip


def _multipliers(
    error: Float32Array, clipped: Float32Array, gained: Float32Array, min_gain: float, allowed: float
) -> tuple[float, float]:
    """Return the multipliers for which the mean gain is at least the minimum, and at most `allowed` is clipped.

    They are those of gain, as a benefit, and of clipping, as a cost. error, clipped, gained: (K, N) of K choices.
    """
    each = np.arange(error.shape[1])

    def cost_at(benefit: float) -> float:
        low, high = 1.0, 1e4
        for _ in range(_BISECTION_STEPS):
            cost = (low * high) ** 0.5
            chosen = cheapest_choices(error, clipped, gained, benefit, cost)
            low, high = (low, cost) if clipped[chosen, each].mean() <= allowed else (cost, high)
        return high

    def gain_at(benefit: float) -> float:
        return float(gained[cheapest_choices(error, clipped, gained, benefit, cost_at(benefit)), each].mean())

    low, high = BENEFIT, 1000.0
    if gain_at(low) >= min_gain + _SAMPLE_ERROR:
        return low, cost_at(low)
    for _ in range(_BISECTION_STEPS):
        benefit = (low * high) ** 0.5
        low, high = (low, benefit) if gain_at(benefit) >= min_gain + _SAMPLE_ERROR else (benefit, high)
    return high, cost_at(high)


def channel_gains(
    target: Float32Array, tiles: Structure, gain: Float32Array, margin: Float32Array, bounds: GainBounds
) -> Float32Array:
    """Return the gains (N, 3) of tiles' channels, as in tone.c: that of the tile, or less as the target requires.

    target: (N, 3) sRGB 0…1; gain, margin: (N, 1) of the tiles.
    """
    down, up = _spans(tiles, margin)
    room = np.minimum(target / np.maximum(down, _NARROWEST), (1 - target) / np.maximum(up, _NARROWEST))
    gains = np.minimum(gain, np.maximum(room, bounds.channel))
    mean = gains.mean(axis=1, keepdims=True)
    share = np.clip((bounds.tile - mean) / np.maximum(gain - mean, 1e-6), 0, 1)
    return np.asarray(gains + share * (gain - gains), np.float32)


def blurred_means(raster: CellRaster, draw: Callable[[npt.NDArray[np.int32], int, int], Float32Array]) -> Float32Array:
    """Return the mean colour (N, 3) of each cell in a blurred picture. Works in bands of at most 100 MB per thread.

    draw(cells, top, end): returns a picture of these cells at 8 pixels per step, in rows of steps top … end − 1.
    """
    height, width = raster.numbers.shape
    steps = np.empty((height, width, 3), np.float32)
    across, along = (BLUR_PIXELS * scale / raster.step for scale in raster.scale)
    radius = math.ceil(raster.scale[1] / raster.step)  # of the blur, in steps

    def blur(rows: slice) -> None:
        # Cells that are only partly in a band are drawn completely.
        band = max(rows.start - radius, 0), min(rows.stop + radius, height)
        cells = np.unique(raster.numbers[slice(*band)])
        cells = cells[cells >= 0]
        top = int(raster.box[cells, 1].min(initial=band[0]))
        end = int((raster.box[cells, 1] + raster.box[cells, 3]).max(initial=band[1]))
        blurred = cv2.GaussianBlur(draw(cells, top, end), (0, 0), across, sigmaY=along)
        parts = blurred.reshape(-1, SIGNATURE_PIXELS, width, SIGNATURE_PIXELS, 3)
        steps[rows] = parts[rows.start - top : rows.stop - top].mean(axis=(1, 3))

    run_blocks(blur, blocks(height, max(min(_BAND_STEPS // width, max(math.ceil(height / _BANDS), _LEAST_ROWS)), 1)))
    return mean_in_cells(steps, raster)


def at_pixels(steps: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return a picture (H, W) of steps at 8 pixels per step."""
    return steps.repeat(SIGNATURE_PIXELS, axis=0).repeat(SIGNATURE_PIXELS, axis=1)


def mean_in_cells(steps: Float32Array, raster: CellRaster) -> Float32Array:
    """Return the mean (N, 3) in each cell of a picture (H, W, 3) with one pixel per step."""
    steps = steps.reshape(-1, 3)
    cell = raster.numbers.ravel()
    if raster.missing is not None:
        steps, cell = steps[cell >= 0], cell[cell >= 0]
    sums = np.stack([np.bincount(cell, steps[:, channel], len(raster)) for channel in range(3)], axis=1)
    return (sums / np.bincount(cell, minlength=len(raster))[:, np.newaxis]).astype(np.float32)


def offsets(
    target: Float32Array,
    tiles: Structure,
    gain: np.float32 | Float32Array,
    strength: float,
    margin: float | Float32Array,
) -> Float32Array:
    """Return the offsets (N, 3) that move the means of tiles to target colours (N, 3), sRGB 0…1, within a margin."""
    darkest, lightest = colour_range(tiles, gain, margin)
    toned = tiles.colour + strength * (np.clip(target, darkest, lightest) - tiles.colour)
    return np.asarray(toned - gain * tiles.colour, np.float32)
