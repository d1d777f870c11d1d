"""Perceptual search: a local search for a mosaic that is more similar to the cover at viewing distance.

Cover and mosaic are blurred and compared in CIELAB by four terms: lightness, the two colour channels (strong colours
weigh less, as in CIEDE2000), and contrast, which is lightness without its local mean, relative to the cover's local
contrast, as in SSIM. Texture therefore counts in a flat sky, and hardly counts in foliage. The search refines cells in
a seeded random order: each takes the candidate that reduces the sum of squared errors most, given its neighbours, so
that neighbouring cells compensate for a cell's colour error. The search ends when a round changes few cells, or after
a maximum number of rounds or evaluations.

A tile is represented by a few cosine waves (renderer/descriptors.py), whose blurred pictures are the same in all cells.
The error of a tile is therefore a quadratic form of about 30 coefficients.

Source: direct binary search, as in halftoning: Seldowitz, Allebach and Sweeney, "Synthesis of digital holograms by
direct binary search", 1987.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, no-any-return"
from __future__ import annotations

import math
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.compiled import kernel
from renderer.descriptors import SIGNATURE_PIXELS, WAVE_WEIGHTS, WAVES, Structure, blocks, to_lab, with_symmetry
from renderer.matching.candidates import Candidates
from renderer.matching.cell_raster import CellRaster
from renderer.matching.spacing import in_steps, is_clear
from renderer.matching.structure import Weights
from renderer.matching.tone import colour_range
from renderer.pictures import Pixels

BLUR: Final = 0.25
"""Standard deviation of the blur in cells: 2 of 8 pixels, as in renderer/fidelity.py."""

TEXTURE: Final = 650.0
TONED_TEXTURE: Final = 100.0
"""Weight of contrast errors relative to colour errors, without tone and with full tone, which corrects most errors."""

MIN_VARIANCE: Final = 9.0
"""Variance of lightness below which texture in the cover hardly counts: (0.03 · 100)², as in SSIM."""

COST_WEIGHT: Final = 0.1
"""Weight of the metric's cost, which includes finer detail that is visible only from closer up."""

ROUNDS: Final = 6
"""Maximum number of rounds over all cells."""

MAX_EVALUATIONS: Final = 300_000
"""Maximum number of cell evaluations in total: 30 s. In grids with more cells, each cell is only a few pixels, and the
first evaluations, in random order, improve the mosaic most."""

MIN_CHANGED: Final = 0.005
"""Minimum share of the cells that a round must change for another round to follow."""

_PARTNERS: Final = 3
"""Maximum number of cells that are considered as a cell's partner in a swap."""

_BAND: Final = 500_000  # pixels of the error image whose weights are computed at once

_PIXELS: Final = 4  # of the error image per unit; a step has at least 1
_TERMS: Final = 4  # lightness, two colour channels, contrast
_SIDES: Final = (4, 3, 3)  # waves per side that remain visible after the blur: lightness, two colour channels


class Waves(NamedTuple):
    """The waves that are visible after the blur: their indices in a tile's detail, under each symmetry."""

    source: npt.NDArray[np.int64]  # (8, 40) index of the coefficient that a symmetry maps to this one
    sign: Float32Array  # (8, 40) its sign
    visible: npt.NDArray[np.int64]  # (3, 16) indices of each channel's waves in the detail; −1: the mean, or none
    unweighted: Float32Array  # (40,) reciprocal of the weight in the descriptor


def _waves() -> Waves:
    # Indices start at 1, so that the sign and source of each coefficient can be read off after a symmetry.
    indices = np.arange(1.0, len(WAVES) + 1, dtype=np.float32)[np.newaxis]
    turned = np.concatenate([with_symmetry(indices, symmetry) for symmetry in range(8)])
    index_of = {tuple(wave): index for index, wave in enumerate(WAVES.tolist())}
    visible = np.full((3, 16), -1)
    for channel, side in enumerate(_SIDES):
        for down in range(side):
            for across in range(side):
                visible[channel, down * side + across] = index_of.get((channel, down, across), -1)
    return Waves((np.abs(turned) - 1).astype(np.int64), np.sign(turned), visible, 1 / WAVE_WEIGHTS)


VISIBLE_WAVES: Final = _waves()


def _footprints(side: int, step: float, pixels: int) -> tuple[Float32Array, int]:
    """Return the blurred waves of a cell of `side` steps, and the margin, in steps, by which they extend beyond it.

    The waves are (4 terms, pixels², 16), divided by the pixels per unit; unused ones are 0. pixels: number per step.
    """
    fine = 16  # samples per pixel
    margin = max(1, round(4 * BLUR / step))
    length = (side + 2 * margin) * pixels
    position = (np.arange(length * fine) + 0.5) / (fine * pixels) - margin  # in steps
    inside = (position >= 0) & (position < side)
    points = np.arange(-margin * pixels * fine, margin * pixels * fine + 1) / (fine * pixels)
    blur = np.exp(-0.5 * (points * step / BLUR) ** 2)
    window = np.ones(round(0.875 / step * pixels * fine))  # of SSIM: 7 of 8 pixels per cell
    blurred, local = [], []
    for wave in range(_SIDES[0]):
        values = np.where(inside, np.cos(np.pi * wave * position / side) * (np.sqrt(2) if wave else 1), 0)
        soft = np.convolve(values, blur / blur.sum(), "same")
        mean = np.convolve(soft, window / window.sum(), "same")[: len(soft)] if len(window) <= len(soft) else soft * 0
        blurred.append(soft.reshape(length, fine).mean(axis=1))
        local.append(mean.reshape(length, fine).mean(axis=1))
    footprints = np.zeros((_TERMS, length * length, 16))
    for term, count in enumerate((*_SIDES, _SIDES[0])):
        for down in range(count):
            for across in range(count):
                picture = np.outer(blurred[down], blurred[across])
                if term == _TERMS - 1:
                    picture = picture - np.outer(local[down], local[across])
                footprints[term, :, down * count + across] = picture.ravel()
    return (footprints * step / pixels).astype(np.float32), margin


def _sensitivity(picture: Pixels, step: float, pixels: int, margin: int, texture: float) -> Float32Array:
    """Return the weight (4, H, W) of each term's squared error at each pixel, 0 outside the cover.

    picture: the cover (h, w, 3) at 8 pixels per step; pixels: of the result per step; margin: in steps; texture: weight
    of the contrast. Works in bands of 100 MB.
    """
    times = SIGNATURE_PIXELS // pixels
    height, width = picture.shape[0] // times, picture.shape[1] // times
    weights = np.zeros((_TERMS, height + 2 * margin * pixels, width + 2 * margin * pixels), np.float32)
    inner = weights[:, margin * pixels :][:, :height, margin * pixels :][:, :, :width]
    radius = 2 * math.ceil(8 / step)  # in rows: 4 standard deviations of the blur, and the window
    for rows in blocks(height, max(_BAND // width, 1)):
        first = max(times * rows.start - radius, 0)
        band = to_lab(picture[first : times * rows.stop + radius] / np.float32(255))
        terms = _terms(band, step, texture)[:, times * rows.start - first :][:, : times * (rows.stop - rows.start)]
        inner[:, rows] = terms.reshape(_TERMS, -1, times, width, times).mean(axis=(2, 4))
    return weights


def _terms(cover: Float32Array, step: float, texture: float) -> Float32Array:
    """Return the weight (4, h, w) of each term at each pixel of a part of the cover, (h, w, 3) CIELAB."""
    blurred = cv2.GaussianBlur(cover, (0, 0), 8 * BLUR / step)
    light = blurred[..., 0]
    side = max(3, 2 * round(3.5 / step) + 1)
    mean = cv2.boxFilter(light, -1, (side, side))
    variance = np.maximum(cv2.boxFilter(light * light, -1, (side, side)) - mean * mean, 0)
    # The weights of CIEDE2000 for small differences, without its hue terms.
    chroma = np.hypot(blurred[..., 1], blurred[..., 2])
    squared = (light - 50) ** 2
    lightness = 1 / (1 + 0.015 * squared / np.sqrt(20 + squared)) ** 2
    colour = 1 / (1 + 0.045 * chroma) ** 2
    green = colour * (1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))) ** 2
    return np.stack([lightness, green, colour, texture / (variance + MIN_VARIANCE)])


class _Tiles(NamedTuple):
    """The arrays from which the error of any photo in any cell is computed."""

    cell_detail: Float32Array  # (N, 40)
    cell_mean: Float32Array  # (N, 3) CIELAB
    cell_colour: Float32Array  # (N, 3) sRGB
    slope: Float32Array  # (N, 3, 3) change of CIELAB with sRGB at the cell's colour
    detail: Float32Array  # (P, 40)
    mean: Float32Array  # (P, 3)
    darkest: Float32Array  # (P, 3)
    lightest: Float32Array  # (P, 3)
    strength: np.float32
    min_gain: np.float32
    max_gain: np.float32
    shift: np.float32  # as in `Weights`
    miss: np.float32


def _slopes(colour: Float32Array) -> Float32Array:
    """Return the derivatives (N, 3, 3) of CIELAB with respect to sRGB 0…1 at colours (N, 3)."""
    half = np.float32(0.01)
    changes = [
        to_lab(np.clip(colour + half * axis, 0, 1)) - to_lab(np.clip(colour - half * axis, 0, 1))
        for axis in np.eye(3, dtype=np.float32)
    ]
    return np.asarray(np.stack(changes, axis=2) / (2 * half), np.float32)


def improve(
    placed: Candidates,
    candidates: Candidates,
    cells: Structure,
    photos: Structure,
    picture: Pixels,
    raster: CellRaster,
    remaining: npt.NDArray[np.int32],
    movable: npt.NDArray[np.bool_],
    *,
    symmetries: tuple[int, ...],
    strength: float,
    distance: int,
    min_uses: int,
    seed: int,
) -> int:
    """Replace photos so that the mosaic is more similar to the cover at viewing distance; return the number of changes.

    placed: (N, 1) what cells show, changed in place; candidates: (N, K) replacements; cells, photos: their descriptors;
    picture: the cover at 8 pixels per step, (H, W, 3); remaining: (P,) uses of each photo, changed in place; movable:
    (N,) whether each cell may change; strength: of tone, 0…1; distance: number of cells within which no photo is
    repeated; min_uses: number of uses that each photo keeps. Memory: 600 bytes per cell, besides the candidates.
    """
    weights = Weights.of_tone(strength)
    darkest, lightest = colour_range(photos, weights.tight_gain)
    tiles = _Tiles(
        cells.detail, cells.mean, cells.colour, _slopes(cells.colour), photos.detail, photos.mean, darkest, lightest,
        np.float32(strength), weights.min_gain, weights.max_gain,
        weights.shift, weights.miss,
    )  # fmt: skip
    sides = np.unique(raster.box[:, 2])
    pixels = max(round(_PIXELS * raster.step), 1)
    by_side = [_footprints(int(side), raster.step, pixels) for side in sides]
    margin = by_side[0][1]
    largest = max(waves.shape[1] for waves, _ in by_side)
    footprints = np.zeros((int(sides.max()) + 1, _TERMS, largest, 16), np.float32)
    for side, (waves, _) in zip(sides, by_side, strict=True):
        footprints[side, :, : waves.shape[1]] = waves
    sensitivity = _sensitivity(picture, raster.step, pixels, margin, TEXTURE + strength * (TONED_TEXTURE - TEXTURE))
    error = np.zeros_like(sensitivity)
    uses = np.bincount(placed.photo[:, 0], minlength=len(photos)).astype(np.int32)
    random = np.random.default_rng(seed)
    dirty = movable.copy()
    cost_weight = np.float32(COST_WEIGHT * raster.step**2)  # areas are in steps
    add_all(
        error, footprints, pixels, margin, raster.box, placed.photo[:, 0], placed.symmetry[:, 0], VISIBLE_WAVES, tiles
    )
    changes = 0
    evaluations = MAX_EVALUATIONS
    for round_ in range(ROUNDS):
        order = random.permutation(np.flatnonzero(dirty))[: max(evaluations, 0)]
        evaluations -= len(order)
        if not len(order):
            break
        changed = refine(
            order, dirty, movable, error, sensitivity, footprints, pixels, margin,
            raster.numbers, raster.box, VISIBLE_WAVES, tiles, candidates.photo, candidates.symmetry, candidates.cost,
            placed.photo[:, 0], placed.symmetry[:, 0], placed.cost[:, 0], remaining, uses,
            in_steps(raster, distance), min_uses, cost_weight,
        )  # fmt: skip
        if round_ == 1 and not (remaining[np.unique(placed.photo)] > 0).all():
            changed += swap(
                random.permutation(np.flatnonzero(movable))[: max(evaluations, 0)],
                dirty, movable, error, sensitivity, footprints, pixels, margin,
                raster.numbers, raster.box, VISIBLE_WAVES, tiles, candidates.photo, candidates.symmetry,
                candidates.cost, placed.photo[:, 0], placed.symmetry[:, 0], placed.cost[:, 0], remaining,
                in_steps(raster, distance), np.array(symmetries, np.uint8), cost_weight,
            )  # fmt: skip
        changes += changed
        if changed < MIN_CHANGED * len(raster):
            break
    return changes


# -- Compiled ------------------------------------------------------------------------------------------------------


@kernel
def tile_error(waves, tiles, cell, photo, symmetry, out):
    """Write the difference (3, 16) of the waves of a toned tile and its cell, in CIELAB units, to `out`."""
    source, sign = waves.source[symmetry], waves.sign[symmetry]
    gain = np.float32(1)
    if tiles.strength > 0:
        product, own = np.float32(0), np.float32(1e-6)
        for i in range(source.shape[0]):
            value = tiles.detail[photo, source[i]] * sign[i]
            product += value * tiles.cell_detail[cell, i]
            own += value * value
        gain = min(max(product / own, tiles.min_gain), tiles.max_gain)
    for channel in range(3):
        for i in range(16):
            index = waves.visible[channel, i]
            out[channel, i] = np.float32(0)
            if index >= 0:
                value = tiles.detail[photo, source[index]] * sign[index]
                out[channel, i] = (gain * value - tiles.cell_detail[cell, index]) * waves.unweighted[index]
        out[channel, 0] = (np.float32(1) - tiles.strength) * (
            tiles.mean[photo, channel] - tiles.cell_mean[cell, channel]
        )
    if tiles.strength > 0:
        for rgb in range(3):
            target = tiles.cell_colour[cell, rgb]
            missed = min(max(target, tiles.darkest[photo, rgb]), tiles.lightest[photo, rgb]) - target
            for channel in range(3):
                out[channel, 0] += tiles.strength * missed * tiles.slope[cell, channel, rgb]


@kernel
def add(error, footprints, pixels, margin, box, cell, waves, factor):
    """Add a tile's error, times a factor, to the error image (4, H, W)."""
    side = box[cell, 2]
    length = (side + 2 * margin) * pixels
    top, left = box[cell, 1] * pixels, box[cell, 0] * pixels
    for term in range(_TERMS):
        values = waves[term % 3]
        for y in range(length):
            for x in range(length):
                shape = footprints[side, term, y * length + x]
                total = np.float32(0)
                for i in range(16):
                    total += values[i] * shape[i]
                error[term, top + y, left + x] += factor * total


@kernel
def add_all(error, footprints, pixels, margin, box, photo, symmetry, waves, tiles):
    """Add the errors of all tiles to the error image."""
    found = np.empty((3, 16), np.float32)
    for cell in range(len(photo)):
        tile_error(waves, tiles, cell, photo[cell], symmetry[cell], found)
        add(error, footprints, pixels, margin, box, cell, found, np.float32(1))


@kernel
def forms(error, sensitivity, footprints, pixels, margin, box, cell, square, linear):
    """Compute the quadratic form of the sum of squared errors for waves w in a cell: w · square · w + linear · w."""
    side = box[cell, 2]
    length = (side + 2 * margin) * pixels
    top, left = box[cell, 1] * pixels, box[cell, 0] * pixels
    square[:] = 0
    linear[:] = 0
    for term in range(_TERMS):
        channel = term % 3
        count = 16 if channel == 0 else 9
        for y in range(length):
            for x in range(length):
                weight = sensitivity[term, top + y, left + x]
                if weight == 0:
                    continue
                shape = footprints[side, term, y * length + x]
                scaled_error = np.float32(2) * weight * error[term, top + y, left + x]
                for i in range(16):
                    linear[channel, i] += scaled_error * shape[i]
                for i in range(count):
                    scaled = weight * shape[i]
                    into = square[channel, i]
                    for j in range(16):
                        into[j] += scaled * shape[j]


@kernel
def energy(square, linear, waves, row):
    """Return how much waves (3, 16) change the sum of squared errors."""
    total = np.float32(0)
    for channel in range(3):
        for j in range(16):
            row[j] = linear[channel, j]
        for i in range(16 if channel == 0 else 9):
            value = waves[channel, i]
            into = square[channel, i]
            for j in range(16):
                row[j] += value * into[j]
        for j in range(16):
            total += row[j] * waves[channel, j]
    return total


@kernel
def refine(
    order, dirty, movable, error, sensitivity, footprints, pixels, margin, raster, box, waves, tiles,
    photo, symmetry, cost, placed_photo, placed_symmetry, placed_cost, remaining, uses, radius, min_uses, cost_weight,
):  # fmt: skip
    """Let each cell of `order` take its best candidate or keep its photo. Returns the number of changes."""
    square, linear = np.empty((3, 16, 16), np.float32), np.empty((3, 16), np.float32)
    old, new, best, row = (
        np.empty((3, 16), np.float32),
        np.empty((3, 16), np.float32),
        np.empty((3, 16), np.float32),
        np.empty(16, np.float32),
    )
    changes = 0
    for cell in order:
        dirty[cell] = False
        current = placed_photo[cell]
        tile_error(waves, tiles, cell, current, placed_symmetry[cell], old)
        add(error, footprints, pixels, margin, box, cell, old, np.float32(-1))
        forms(error, sensitivity, footprints, pixels, margin, box, cell, square, linear)
        area = np.float32(box[cell, 2] * box[cell, 3])
        lowest = energy(square, linear, old, row) + cost_weight * area * placed_cost[cell]
        best[:] = old
        choice = -1
        may_change = uses[current] > min_uses
        for i in range(photo.shape[1]):
            number = photo[cell, i]
            if number < 0 or (number != current and (remaining[number] < 1 or not may_change)):
                continue
            tile_error(waves, tiles, cell, number, symmetry[cell, i], new)
            value = energy(square, linear, new, row) + cost_weight * area * cost[cell, i]
            if value < lowest * np.float32(1 - 1e-6) - np.float32(1e-6) and is_clear(
                raster, box, radius, cell, placed_photo, number
            ):
                lowest, choice = value, i
                best[:] = new
        add(error, footprints, pixels, margin, box, cell, best, np.float32(1))
        if choice < 0:
            continue
        changes += 1
        number = photo[cell, choice]
        remaining[current] += 1
        uses[current] -= 1
        remaining[number] -= 1
        uses[number] += 1
        placed_photo[cell], placed_symmetry[cell], placed_cost[cell] = (
            number,
            symmetry[cell, choice],
            cost[cell, choice],
        )
        mark_neighbours(dirty, movable, raster, box, cell)
    return changes


@kernel
def mark_neighbours(dirty, movable, raster, box, cell):
    """Mark the neighbours of a changed cell as dirty: a different candidate may now be best for them."""
    for y in range(max(box[cell, 1] - 1, 0), min(box[cell, 1] + box[cell, 3] + 1, raster.shape[0])):
        for x in range(max(box[cell, 0] - 1, 0), min(box[cell, 0] + box[cell, 2] + 1, raster.shape[1])):
            other = raster[y, x]
            if other >= 0 and other != cell and movable[other]:
                dirty[other] = True


@kernel
def pair_cost(waves, tiles, cell, photo, symmetry):
    """Return the metric's cost of a tile in a cell, as in renderer/matching/structure.py."""
    source, sign = waves.source[symmetry], waves.sign[symmetry]
    product, own, energy = np.float32(0), np.float32(0), np.float32(0)
    for i in range(source.shape[0]):
        value, target = tiles.detail[photo, source[i]] * sign[i], tiles.cell_detail[cell, i]
        product += value * target
        own += value * value
        energy += target * target
    gain = min(max(product / (own + np.float32(1e-6)), tiles.min_gain), tiles.max_gain)
    total = max(gain * (gain * own - np.float32(2) * product) + energy, np.float32(0))
    for channel in range(3):
        difference = tiles.mean[photo, channel] - tiles.cell_mean[cell, channel]
        colour = tiles.cell_colour[cell, channel]
        missed = min(max(colour, tiles.darkest[photo, channel]), tiles.lightest[photo, channel]) - colour
        total += tiles.shift * difference * difference + tiles.miss * missed * missed
    return total


@kernel
def swap(
    order, dirty, movable, error, sensitivity, footprints, pixels, margin, raster, box, waves, tiles,
    photo, symmetry, cost, placed_photo, placed_symmetry, placed_cost, remaining, radius, symmetries, cost_weight,
):  # fmt: skip
    """Let cells whose best candidate has no remaining uses swap with a cell that shows it, if both together gain.

    Returns the number of swaps.
    """
    square, linear = np.empty((3, 16, 16), np.float32), np.empty((3, 16), np.float32)
    cell_waves, other_waves = np.empty((3, 16), np.float32), np.empty((3, 16), np.float32)
    new, row = np.empty((3, 16), np.float32), np.empty(16, np.float32)
    # Linked lists of the cells that show each photo.
    first, following = np.full(len(remaining), -1, np.int64), np.full(len(placed_photo), -1, np.int64)
    for cell in range(len(placed_photo)):
        following[cell] = first[placed_photo[cell]]
        first[placed_photo[cell]] = cell
    swaps = 0
    for cell in order:
        own = placed_photo[cell]
        tile_error(waves, tiles, cell, own, placed_symmetry[cell], cell_waves)
        add(error, footprints, pixels, margin, box, cell, cell_waves, np.float32(-1))
        forms(error, sensitivity, footprints, pixels, margin, box, cell, square, linear)
        add(error, footprints, pixels, margin, box, cell, cell_waves, np.float32(1))
        area = np.float32(box[cell, 2] * box[cell, 3])
        now = energy(square, linear, cell_waves, row) + cost_weight * area * placed_cost[cell]
        gain, choice = np.float32(0), -1
        for i in range(photo.shape[1]):
            number = photo[cell, i]
            if number < 0 or number == own or remaining[number] > 0:
                continue
            tile_error(waves, tiles, cell, number, symmetry[cell, i], new)
            reduction = now - energy(square, linear, new, row) - cost_weight * area * cost[cell, i]
            if reduction > gain and is_clear(raster, box, radius, cell, placed_photo, number):
                gain, choice = reduction, i
        if choice < 0:
            continue
        target = photo[cell, choice]
        partner, partner_symmetry, partner_cost = -1, np.uint8(0), np.float32(0)
        other = first[target]
        partners = 0
        while other >= 0 and partners < _PARTNERS:
            apart = max(abs(box[other, 0] - box[cell, 0]), abs(box[other, 1] - box[cell, 1]))
            far = apart > 2 * margin + max(box[cell, 2], box[other, 2])  # their errors do not overlap
            if far and movable[other] and is_clear(raster, box, radius, other, placed_photo, own):
                partners += 1
                tile_error(waves, tiles, other, target, placed_symmetry[other], other_waves)
                add(error, footprints, pixels, margin, box, other, other_waves, np.float32(-1))
                forms(error, sensitivity, footprints, pixels, margin, box, other, square, linear)
                add(error, footprints, pixels, margin, box, other, other_waves, np.float32(1))
                other_area = np.float32(box[other, 2] * box[other, 3])
                before = energy(square, linear, other_waves, row) + cost_weight * other_area * placed_cost[other]
                for symmetric in symmetries:
                    tile_error(waves, tiles, other, own, symmetric, new)
                    price = pair_cost(waves, tiles, other, own, symmetric)
                    increase = energy(square, linear, new, row) + cost_weight * other_area * price - before
                    if increase < gain * np.float32(0.999):
                        gain, partner, partner_symmetry, partner_cost = increase, other, symmetric, price
            other = following[other]
        if partner < 0:
            continue
        # `gain` is now the partner's loss, which is less than the cell's gain.
        swaps += 1
        for index, number in ((cell, own), (partner, target)):
            if first[number] == index:
                first[number] = following[index]
            else:
                before_it = first[number]
                while following[before_it] != index:
                    before_it = following[before_it]
                following[before_it] = following[index]
        tile_error(waves, tiles, partner, target, placed_symmetry[partner], other_waves)
        add(error, footprints, pixels, margin, box, partner, other_waves, np.float32(-1))
        add(error, footprints, pixels, margin, box, cell, cell_waves, np.float32(-1))
        placed_photo[cell], placed_symmetry[cell], placed_cost[cell] = (
            target,
            symmetry[cell, choice],
            cost[cell, choice],
        )
        placed_photo[partner], placed_symmetry[partner], placed_cost[partner] = own, partner_symmetry, partner_cost
        for index in (cell, partner):
            number = placed_photo[index]
            following[index] = first[number]
            first[number] = index
            tile_error(waves, tiles, index, number, placed_symmetry[index], new)
            add(error, footprints, pixels, margin, box, index, new, np.float32(1))
            mark_neighbours(dirty, movable, raster, box, index)
    return swaps
