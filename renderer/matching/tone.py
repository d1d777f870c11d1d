"""Tone: a gain and an offset a channel that bring a tile near its cell's colour and contrast, within bounds.

The bounds hold for all tiles together: a mean gain, and a share of pixels that may be driven out of range. So they
are two budgets, and each tile takes its part where it is worth most: gain and reach are chosen from a table, tile by
tile, at two prices, which are such that the budgets are spent (Everett, "Generalized Lagrange multiplier method for
solving problems of optimum allocation of resources", 1963).
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, no-any-return"
from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.compiled import kernel
from renderer.descriptors import SIGNATURE_PIXELS, TO_XYZ, Structure, blocks, to_lab
from renderer.fidelity import BLUR_PIXELS, far_view
from renderer.matching.cell_raster import CellRaster
from renderer.pictures import Pixels, to_linear

MIN_GAIN: Final = 0.75
MAX_GAIN: Final = 1.3
"""Bounds at full strength, of the mean of all gains and of each: less contrast would be a veil over the photos, more
would be glaring."""

TIGHT_GAIN: Final = 0.6
"""Bound of a tile's own gain, as where its cell is nearly black or white."""

MARGIN: Final = 0.9
"""By how much the darkest and lightest parts of a signature are taken to be further from the mean, where photos are
compared: the pixels that it averages reach beyond it."""

CLIPPED: Final = 0.0175
"""Most pixels of tiles that tone may drive out of range in a channel; in any they are then 2 % or less (with six
covers 0.9 to 1.15 times as many were found)."""

_GAINS: Final = (TIGHT_GAIN, 0.65, 0.7, MIN_GAIN, 0.82, 0.92, 1.05, MAX_GAIN)
_MARGINS: Final = (-0.6, -0.3, 0.0, 0.3, 0.6, 1.0, 1.6, 2.5, 4.0)
"""What a tile chooses from."""

_DETAIL: Final = 0.2
"""Weight of an error in a cell's detail against one in its colour, both squared, in CIELAB."""

_SAMPLE: Final = 3000  # tiles by which the prices are found
_SAMPLED: Final = 0.003  # by which the mean gain of all may be less than theirs
_BLOCK: Final = 8192  # tiles that choose at once: 7 MB
_HALVINGS: Final = 10  # of the logarithm of a price's range

CORRECTIONS: Final = 4
"""Rounds of moving offsets by what is still seen from afar; further ones gain nothing."""

MAX_CORRECTED: Final = 100_000
"""Cells beyond which there is one round: of so many each is a few pixels, and a round takes seconds."""

MAX_CORRECTION: Final = 0.05
"""By which a round may move an offset, sRGB: it is to even out, not to paint."""

_MAX_ROUNDS: Final = 3  # of doing it all with less, where corrections clip more

_LIGHT: Final = to_linear(np.arange(256, dtype=np.uint8))  # of sRGB in 8 bits

_BAND_STEPS: Final = 30_000  # of the layout, that are drawn at once

_SHADES: Final = 64
_HALF_STEP: Final = 0.5 / 255  # what rounding takes back


@dataclass(frozen=True)
class Shades:
    """How light the pixels of the tiles are: 780 bytes a photo."""

    darker: (
        Float32Array  # (P, 3, 65) the share of a photo's pixels below each 64th of white, black and white not counted
    )
    photo: npt.NDArray[np.int64]  # (N,) whose a tile's are

    def __getitem__(self, which: slice | npt.NDArray[np.integer]) -> Shades:
        return Shades(self.darker, self.photo[which])

    def below(self, colour: Float32Array) -> Float32Array:
        """The share of each tile's pixels that are darker than a colour (N, 3), sRGB, channel by channel."""
        place = np.clip(colour * np.float32(255 / 256 * _SHADES), 0, _SHADES)
        first = np.minimum(place.astype(np.int64), _SHADES - 1)
        low, high = (self.darker[self.photo[:, np.newaxis], np.arange(3), first + more] for more in (0, 1))
        return np.asarray(low + (high - low) * (place - first), np.float32)

    def clipped(self, gain: Float32Array, offset: Float32Array) -> Float32Array:
        """(N,) the share of each tile's pixels that tone drives out of range, in the channel where it is most."""
        dark = self.below((-_HALF_STEP - offset) / gain)
        light = self.darker[self.photo, :, -1] - self.below((1 + _HALF_STEP - offset) / gain)
        return np.asarray((dark + light).max(axis=1), np.float32)


def shades_of(pictures: Pixels) -> Float32Array:
    """The shares of `Shades` of photos' pictures (P, 32, 32, 3)."""
    darker = np.zeros((len(pictures), 3, _SHADES + 1), np.float32)
    for some in blocks(len(pictures), 512):  # 25 MB
        values = pictures[some].reshape(-1, pictures[0].size // 3, 3)
        rows = np.arange(3) + 3 * np.arange(len(values))[:, np.newaxis, np.newaxis]
        inner = (values > 0) & (values < 255)
        found = np.bincount((_SHADES * rows + (values >> 2))[inner], minlength=len(values) * 3 * _SHADES)
        darker[some, :, 1:] = found.reshape(-1, 3, _SHADES).cumsum(axis=2) / values.shape[1]
    return darker


def reach(
    photos: Structure, gain: np.float32 | Float32Array, margin: float | np.float32 | Float32Array = MARGIN
) -> tuple[Float32Array, Float32Array]:
    """The darkest and the lightest colours (N, 3), sRGB 0…1, that tone can give to photos with a gain, hardly clipped.

    Their own colours always count as within reach.
    """
    below = np.minimum(photos.below * (1 + margin), photos.colour)
    above = np.minimum(photos.above * (1 + margin), 1 - photos.colour)
    return np.asarray(gain * below, np.float32), np.asarray(1 - gain * above, np.float32)


def tone_of(
    cells: Structure, tiles: Structure, signatures: Pixels, shades: Shades, picture: Pixels, layout: CellRaster,
    strength: float,
) -> tuple[Float32Array, Float32Array]:  # fmt: skip
    """The gain and offset, (N, 3) each, of tiles in their cells.

    tiles, signatures (N, 8, 8, 3), shades: of each cell's photo, as it is turned; picture: the cover at 8 pixels a
    step. strength: 0 leaves photos as they are, 1 goes as far as the bounds let.
    """
    if strength == 0:
        return np.ones((len(tiles), 3), np.float32), np.zeros((len(tiles), 3), np.float32)
    box, width = layout.box.astype(np.float64), layout.raster.shape[1]

    def draw_cover(_cells: npt.NDArray[np.int32], top: int, end: int) -> Float32Array:
        return (picture[top * SIGNATURE_PIXELS : end * SIGNATURE_PIXELS] / np.float32(255)).astype(
            np.float32, copy=False
        )

    def draw_mosaic(cells: npt.NDArray[np.int32], top: int, end: int) -> Float32Array:
        there = box[cells] - (0, top, 0, 0)
        return far_view(there, (width, end - top), signatures[cells], gain[cells], offset[cells])

    cover = seen_from_afar(layout, draw_cover)
    area = (box[:, 2] * box[:, 3]).astype(np.float32)
    area /= area.mean()
    sample = np.linspace(0, len(tiles) - 1, min(_SAMPLE, len(tiles))).astype(np.int64)
    offers = _offers(cells[sample], tiles[sample], shades[sample], area[sample], strength)
    allowed = CLIPPED
    for _ in range(_MAX_ROUNDS):
        prices = _prices(*offers, allowed)
        gain, margin = np.empty((len(tiles), 1), np.float32), np.empty((len(tiles), 1), np.float32)
        for some in blocks(len(tiles), _BLOCK):
            chosen = _choice(*_offers(cells[some], tiles[some], shades[some], area[some], strength), prices)
            gain[some, 0] = _gain(strength, np.array(_GAINS, np.float32)[chosen // len(_MARGINS)])
            margin[some, 0] = np.array(_MARGINS, np.float32)[chosen % len(_MARGINS)]
        gain = gain.repeat(3, axis=1)
        offset = offsets(cells.colour, tiles, gain, strength, margin)
        # What shapes leave of colour, seen from afar, is made up for by a little more or less of it all round.
        wanted = cells.colour.copy()
        for _ in range(CORRECTIONS if len(layout) <= MAX_CORRECTED else 1):
            left = cover - seen_from_afar(layout, draw_mosaic)
            wanted += np.clip(left, -MAX_CORRECTION, MAX_CORRECTION)
            offset = offsets(wanted, tiles, gain, strength, margin)
        clipped = float(shades.clipped(gain, offset).mean())
        if clipped <= CLIPPED:
            break
        allowed *= 0.95 * CLIPPED / clipped
    return gain, offset


def _gain(strength: float, full: float | Float32Array) -> np.float32 | Float32Array:
    """A gain of full strength at less."""
    return np.asarray(1 + strength * (full - 1), np.float32)


def _offers(
    cells: Structure, tiles: Structure, shades: Shades, area: Float32Array, strength: float
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """What each choice of gain and margin, (K,), misses of each cell (K, N), what it clips (K, N), and its gain (K, 1).

    area (N,): of the cells, 1 on average.
    """
    given = np.asarray(_gain(strength, np.array(_GAINS, np.float32)), np.float32)
    missed = np.empty((len(_GAINS) * len(_MARGINS), len(tiles)), np.float32)
    clipped = np.empty_like(missed)
    offer(
        cells.detail, tiles.detail, cells.colour, to_lab(cells.colour), tiles.colour, tiles.below, tiles.above, area,
        shades.darker, shades.photo, given, np.array(_MARGINS, np.float32), np.float32(strength), _LIGHT,
        missed, clipped,
    )  # fmt: skip
    return missed, clipped, given.repeat(len(_MARGINS))[:, np.newaxis]


def _choice(
    missed: Float32Array, clipped: Float32Array, given: Float32Array, prices: tuple[float, float]
) -> npt.NDArray[np.int64]:
    """The best of the offers for each tile, (N,), where contrast is worth and clipping costs what the prices say."""
    worth, cost = (np.float32(price) for price in prices)
    return np.asarray(np.argmin(missed - worth * given + cost * clipped, axis=0), np.int64)


def _prices(missed: Float32Array, clipped: Float32Array, given: Float32Array, allowed: float) -> tuple[float, float]:
    """Worth and cost at which the choices have the mean gain that is asked, and no more is clipped than allowed."""
    least = given[_GAINS.index(MIN_GAIN) * len(_MARGINS), 0] + _SAMPLED
    each = np.arange(missed.shape[1])

    def cost_at(worth: float) -> float:
        low, high = 1.0, 1e4
        for _ in range(_HALVINGS):
            cost = (low * high) ** 0.5
            chosen = _choice(missed, clipped, given, (worth, cost))
            low, high = (low, cost) if clipped[chosen, each].mean() <= allowed else (cost, high)
        return high

    def gain_at(worth: float) -> float:
        return float(given[_choice(missed, clipped, given, (worth, cost_at(worth))), 0].mean())

    if gain_at(0.0) >= least:
        return 0.0, cost_at(0.0)
    low, high = 0.05, 100.0
    for _ in range(_HALVINGS):
        worth = (low * high) ** 0.5
        low, high = (low, worth) if gain_at(worth) >= least else (worth, high)
    return high, cost_at(high)


def seen_from_afar(layout: CellRaster, draw: Callable[[npt.NDArray[np.int32], int, int], Float32Array]) -> Float32Array:
    """The mean colour (N, 3) of each cell in a picture as it is seen from afar. In bands of 100 MB.

    draw(cells, top, end): the picture of some cells at 8 pixels a step, those that lie in the steps top … end − 1.
    """
    height, width = layout.raster.shape
    steps = np.empty((height, width, 3), np.float32)
    reach = math.ceil(1 / layout.step)  # of the blur, steps
    for rows in blocks(height, max(_BAND_STEPS // width, 1)):
        # Cells are drawn whole.
        cells = np.unique(layout.raster[max(rows.start - reach, 0) : rows.stop + reach])
        cells = cells[cells >= 0]
        top, end = int(layout.box[cells, 1].min()), int((layout.box[cells, 1] + layout.box[cells, 3]).max())
        seen = cv2.GaussianBlur(draw(cells, top, end), (0, 0), BLUR_PIXELS / layout.step)
        parts = seen.reshape(-1, SIGNATURE_PIXELS, width, SIGNATURE_PIXELS, 3)
        steps[rows] = parts[rows.start - top : rows.stop - top].mean(axis=(1, 3))
    return mean_in_cells(steps, layout)


def mean_in_cells(steps: Float32Array, layout: CellRaster) -> Float32Array:
    """The mean (N, 3) in each cell of a picture of a pixel a step, (H, W, 3)."""
    steps = steps.reshape(-1, 3)
    cell = layout.raster.ravel()
    sums = np.stack([np.bincount(cell, steps[:, channel], len(layout)) for channel in range(3)], axis=1)
    return (sums / np.bincount(cell, minlength=len(layout))[:, np.newaxis]).astype(np.float32)


def offsets(
    wanted: Float32Array,
    tiles: Structure,
    gain: np.float32 | Float32Array,
    strength: float,
    margin: float | Float32Array,
) -> Float32Array:
    """The offset (N, 3) that moves the means of tiles to wanted colours (N, 3), sRGB 0…1, as far as a margin lets."""
    darkest, lightest = reach(tiles, gain, margin)
    shown = tiles.colour + strength * (np.clip(wanted, darkest, lightest) - tiles.colour)
    return np.asarray(shown - gain * tiles.colour, np.float32)


# -- Compiled ------------------------------------------------------------------------------------------------------


@kernel
def share_below(darker, colour):
    """The share of a photo's pixels that are darker than a colour, in one channel: `darker` (65,)."""
    place = min(max(colour * np.float32(255 / 256 * _SHADES), np.float32(0)), np.float32(_SHADES))
    first = min(int(place), _SHADES - 1)
    return darker[first] + (darker[first + 1] - darker[first]) * (place - np.float32(first))


@kernel
def offer(
    cell_detail, detail, wanted, wanted_lab, colour, below, above, area, darker, photo, gains, margins, strength, light,
    missed, clipped,
):  # fmt: skip
    """What each gain with each margin misses of each cell, and clips: into (K, N) each, margins within gains."""
    seen, lab = np.empty(3, np.float32), np.empty(3, np.float32)
    half = np.float32(_HALF_STEP)
    for n in range(len(wanted)):
        product, own, energy = np.float32(0), np.float32(0), np.float32(0)
        for i in range(detail.shape[1]):
            product += detail[n, i] * cell_detail[n, i]
            own += detail[n, i] * detail[n, i]
            energy += cell_detail[n, i] * cell_detail[n, i]
        for g in range(len(gains)):
            gain = gains[g]
            shape = max(gain * (gain * own - np.float32(2) * product) + energy, np.float32(0))
            for m in range(len(margins)):
                wider = np.float32(1) + margins[m]
                most = np.float32(0)
                for c in range(3):
                    middle = colour[n, c]
                    darkest = gain * min(below[n, c] * wider, middle)
                    lightest = np.float32(1) - gain * min(above[n, c] * wider, np.float32(1) - middle)
                    shown = middle + strength * (min(max(wanted[n, c], darkest), lightest) - middle)
                    offset = shown - gain * middle
                    shades = darker[photo[n], c]
                    dark = share_below(shades, (-half - offset) / gain)
                    bright = shades[_SHADES] - share_below(shades, (np.float32(1) + half - offset) / gain)
                    most = max(most, dark + bright)
                    place = min(max(shown, np.float32(0)), np.float32(1)) * np.float32(255)
                    first = min(int(place), 254)
                    seen[c] = light[first] + (light[first + 1] - light[first]) * (place - np.float32(first))
                for c in range(3):
                    value = TO_XYZ[c, 0] * seen[0] + TO_XYZ[c, 1] * seen[1] + TO_XYZ[c, 2] * seen[2]
                    if value > np.float32(0.008856):
                        lab[c] = np.cbrt(value)
                    else:
                        lab[c] = np.float32(7.787) * value + np.float32(16 / 116)
                lightness = np.float32(116) * lab[1] - np.float32(16) - wanted_lab[n, 0]
                green = np.float32(500) * (lab[0] - lab[1]) - wanted_lab[n, 1]
                yellow = np.float32(200) * (lab[1] - lab[2]) - wanted_lab[n, 2]
                off = lightness * lightness + green * green + yellow * yellow
                k = g * len(margins) + m
                missed[k, n] = area[n] * np.sqrt(off + np.float32(_DETAIL) * shape)
                clipped[k, n] = most
