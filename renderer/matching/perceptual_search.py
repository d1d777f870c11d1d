"""What an eye sees of a mosaic from afar, and a local search for what looks more like the cover to it.

Cover and mosaic are blurred as distance does, and compared in CIELAB: lightness and the two colours (strong colours
weigh less, as in CIEDE2000), and lightness once more without its local mean, in units of the cover's local contrast,
which is what SSIM compares: there a texture in a flat sky counts, and one in foliage hardly. The search visits cells
in a seeded order and lets each take that of its candidates which lessens the sum of squares most, its neighbours
being what they are: direct binary search, of Seldowitz, Allebach and Sweeney, "Synthesis of digital holograms by
direct binary search", 1987, as it is used in halftoning. A colour that a cell misses is so made up for by the cells
around it. It ends when no cell finds anything better, or after a set number of visits.

A picture inside a cell is a few cosine waves (renderer/descriptors.py), whose blurred pictures are the same
everywhere; so the error that a tile would leave is a quadratic form of some thirty numbers.
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
from renderer.matching.spacing import is_clear, reach_of
from renderer.matching.structure import Weights
from renderer.matching.tone import reach as tone_reach
from renderer.pictures import Pixels

BLUR: Final = 0.25
"""Standard deviation of the blur in cells: 2 of 8 pixels, the viewing distance at which fidelity is measured."""

TEXTURE: Final = 650.0
TONED_TEXTURE: Final = 100.0
"""Weight of the error of contrast against that of colour, without tone and with all of it (which mends most of it)."""

VISIBLE: Final = 9.0
"""Variance of lightness below which a texture in the cover counts as none: (0.03 · 100)², as in SSIM."""

NEAR: Final = 0.1
"""Weight of the metric's own cost, which looks at finer detail, seen when nearer."""

VISITS: Final = 6
"""The budget: as many visits as there are cells, so many times."""

MAX_VISITS: Final = 300_000
"""In all: half a minute. A grid so large that this is not enough has cells of a few pixels, and the first visits, drawn
at random, gain most."""

ENOUGH: Final = 0.005
"""Share of the cells: a round that changes fewer is the last."""

_PARTNERS: Final = 3
"""Cells that a cell asks at most for a photo whose uses are spent."""

_BAND: Final = 500_000  # pixels of the picture of errors that are weighed at once

_PIXELS: Final = 4  # of the picture of errors, a unit; a step has one at least
_TERMS: Final = 4  # lightness, two colours, contrast
_SIDES: Final = (4, 3, 3)  # waves a side that are seen through the blur, of lightness and the colours


class Waves(NamedTuple):
    """The waves that are seen from afar: where they stand in a detail, under each symmetry."""

    source: npt.NDArray[np.int64]  # (8, 40) place of the coefficient that a symmetry brings here
    sign: Float32Array  # (8, 40) and its sign
    seen: npt.NDArray[np.int64]  # (3, 16) places in the detail of each channel's waves, −1: the mean, or none
    unweighted: Float32Array  # (40,) one over the weight in the descriptor


def _waves() -> Waves:
    places = np.arange(1.0, len(WAVES) + 1, dtype=np.float32)[np.newaxis]
    turned = np.concatenate([with_symmetry(places, symmetry) for symmetry in range(8)])
    where = {tuple(wave): place for place, wave in enumerate(WAVES.tolist())}
    seen = np.full((3, 16), -1)
    for channel, side in enumerate(_SIDES):
        for down in range(side):
            for across in range(side):
                seen[channel, down * side + across] = where.get((channel, down, across), -1)
    return Waves((np.abs(turned) - 1).astype(np.int64), np.sign(turned), seen, 1 / WAVE_WEIGHTS)


WAVES_SEEN: Final = _waves()


def _footprints(side: int, step: float, pixels: int) -> tuple[Float32Array, int]:
    """The blurred waves of a cell of `side` steps, and the margin in steps by which they reach beyond it.

    (4 terms, pixels², 16): of each term the picture of each wave, unused ones 0; divided by the pixels of a unit.
    `pixels`: a step.
    """
    fine = 16  # points a pixel
    margin = max(1, round(4 * BLUR / step))
    length = (side + 2 * margin) * pixels
    place = (np.arange(length * fine) + 0.5) / (fine * pixels) - margin
    inside = (place >= 0) & (place < side)
    points = np.arange(-margin * pixels * fine, margin * pixels * fine + 1) / (fine * pixels)
    blur = np.exp(-0.5 * (points * step / BLUR) ** 2)
    window = np.ones(round(0.875 / step * pixels * fine))  # SSIM's: 7 of 8 pixels a cell
    blurred, local = [], []
    for wave in range(_SIDES[0]):
        values = np.where(inside, np.cos(np.pi * wave * place / side) * (np.sqrt(2) if wave else 1), 0)
        soft = np.convolve(values, blur / blur.sum(), "same")
        mean = np.convolve(soft, window / window.sum(), "same")[: len(soft)] if len(window) <= len(soft) else soft * 0
        blurred.append(soft.reshape(length, fine).mean(axis=1))
        local.append(mean.reshape(length, fine).mean(axis=1))
    found = np.zeros((_TERMS, length * length, 16))
    for term, count in enumerate((*_SIDES, _SIDES[0])):
        for down in range(count):
            for across in range(count):
                picture = np.outer(blurred[down], blurred[across])
                if term == _TERMS - 1:
                    picture = picture - np.outer(local[down], local[across])
                found[term, :, down * count + across] = picture.ravel()
    return (found * step / pixels).astype(np.float32), margin


def _sensitivity(picture: Pixels, step: float, pixels: int, margin: int, texture: float) -> Float32Array:
    """(4, H, W) weight of each term's squared error at each pixel, nothing beyond the cover.

    picture: the cover (h, w, 3), 8 pixels a step; pixels: of the weights, a step; texture: weight of the contrast. In
    bands of 100 MB.
    """
    times = SIGNATURE_PIXELS // pixels
    height, width = picture.shape[0] // times, picture.shape[1] // times
    weights = np.zeros((_TERMS, height + 2 * margin * pixels, width + 2 * margin * pixels), np.float32)
    inner = weights[:, margin * pixels :][:, :height, margin * pixels :][:, :, :width]
    reach = 2 * math.ceil(8 / step)  # rows: four standard deviations of the blur, and the window
    for rows in blocks(height, max(_BAND // width, 1)):
        first = max(times * rows.start - reach, 0)
        band = to_lab(picture[first : times * rows.stop + reach] / np.float32(255))
        terms = _terms(band, step, texture)[:, times * rows.start - first :][:, : times * (rows.stop - rows.start)]
        inner[:, rows] = terms.reshape(_TERMS, -1, times, width, times).mean(axis=(2, 4))
    return weights


def _terms(cover: Float32Array, step: float, texture: float) -> Float32Array:
    """(4, h, w) the same at each pixel of a part of the cover, CIELAB."""
    seen = cv2.GaussianBlur(cover, (0, 0), 8 * BLUR / step)
    light = seen[..., 0]
    side = max(3, 2 * round(3.5 / step) + 1)
    mean = cv2.boxFilter(light, -1, (side, side))
    variance = np.maximum(cv2.boxFilter(light * light, -1, (side, side)) - mean * mean, 0)
    # As CIEDE2000 weighs small differences from the cover's colours, hue apart.
    chroma = np.hypot(seen[..., 1], seen[..., 2])
    off = (light - 50) ** 2
    lightness = 1 / (1 + 0.015 * off / np.sqrt(20 + off)) ** 2
    colour = 1 / (1 + 0.045 * chroma) ** 2
    green = colour * (1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))) ** 2
    return np.stack([lightness, green, colour, texture / (variance + VISIBLE)])


class _Tiles(NamedTuple):
    """What a tile of a photo would look like in a cell: the arrays that say so."""

    cell_detail: Float32Array  # (N, 40)
    cell_mean: Float32Array  # (N, 3) CIELAB
    cell_colour: Float32Array  # (N, 3) sRGB
    slope: Float32Array  # (N, 3, 3) change of CIELAB with sRGB at the cell's colour
    detail: Float32Array  # (P, 40)
    mean: Float32Array  # (P, 3)
    darkest: Float32Array  # (P, 3)
    lightest: Float32Array  # (P, 3)
    strength: np.float32
    least_gain: np.float32
    most_gain: np.float32
    shift: np.float32  # as in `Weights`
    miss: np.float32


def _slopes(colour: Float32Array) -> Float32Array:
    """(N, 3, 3) by how much each CIELAB value changes with each of sRGB 0…1."""
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
    layout: CellRaster,
    left: npt.NDArray[np.int32],
    movable: npt.NDArray[np.bool_],
    *,
    symmetries: tuple[int, ...],
    strength: float,
    distance: int,
    least_uses: int,
    seed: int,
) -> int:
    """Let cells take what makes the mosaic look more like the cover from afar; returns how many visits changed one.

    placed: (N, 1) what cells show, changed in place; candidates: what they may take instead; picture: the cover at 8
    pixels a step, (H, W, 3); left: (P,) further uses of each photo, changed; movable: (N,) cells that may change;
    strength: of tone, 0…1; distance: within which no photo may repeat, in cells; least_uses: a photo that is used no
    more than so often stays. Memory: 600 bytes a cell beside the candidates.
    """
    weights = Weights.of_tone(strength)
    darkest, lightest = tone_reach(photos, weights.tight_gain)
    tiles = _Tiles(
        cells.detail, cells.mean, cells.colour, _slopes(cells.colour), photos.detail, photos.mean, darkest, lightest,
        np.float32(strength), weights.least_gain, weights.most_gain,
        weights.shift, weights.miss,
    )  # fmt: skip
    sides = np.unique(layout.box[:, 2])
    pixels = max(round(_PIXELS * layout.step), 1)
    made = [_footprints(int(side), layout.step, pixels) for side in sides]
    margin = made[0][1]
    largest = max(prints.shape[1] for prints, _ in made)
    prints = np.zeros((int(sides.max()) + 1, _TERMS, largest, 16), np.float32)
    for side, (some, _) in zip(sides, made, strict=True):
        prints[side, :, : some.shape[1]] = some
    sensitivity = _sensitivity(picture, layout.step, pixels, margin, TEXTURE + strength * (TONED_TEXTURE - TEXTURE))
    error = np.zeros_like(sensitivity)
    uses = np.bincount(placed.photo[:, 0], minlength=len(photos)).astype(np.int32)
    random = np.random.default_rng(seed)
    dirty = movable.copy()
    near = np.float32(NEAR * layout.step**2)  # areas are in steps
    show_all(error, prints, pixels, margin, layout.box, placed.photo[:, 0], placed.symmetry[:, 0], WAVES_SEEN, tiles)
    changes = 0
    visits = MAX_VISITS
    for turn in range(VISITS):
        order = random.permutation(np.flatnonzero(dirty))[: max(visits, 0)]
        visits -= len(order)
        if not len(order):
            break
        changed = visit(
            order, dirty, movable, error, sensitivity, prints, pixels, margin,
            layout.raster, layout.box, WAVES_SEEN, tiles, candidates.photo, candidates.symmetry, candidates.cost,
            placed.photo[:, 0], placed.symmetry[:, 0], placed.cost[:, 0], left, uses,
            reach_of(layout, distance), least_uses, near,
        )  # fmt: skip
        if turn == 1 and not (left[np.unique(placed.photo)] > 0).all():
            changed += trade(
                random.permutation(np.flatnonzero(movable))[: max(visits, 0)],
                dirty, movable, error, sensitivity, prints, pixels, margin,
                layout.raster, layout.box, WAVES_SEEN, tiles, candidates.photo, candidates.symmetry, candidates.cost,
                placed.photo[:, 0], placed.symmetry[:, 0], placed.cost[:, 0], left,
                reach_of(layout, distance), np.array(symmetries, np.uint8), near,
            )  # fmt: skip
        changes += changed
        if changed < ENOUGH * len(layout):
            break
    return changes


# -- Compiled ------------------------------------------------------------------------------------------------------


@kernel
def tile_error(waves, tiles, cell, photo, symmetry, out):
    """The waves (3, 16) of a tile, toned, less those of its cell: CIELAB units."""
    source, sign = waves.source[symmetry], waves.sign[symmetry]
    gain = np.float32(1)
    if tiles.strength > 0:
        product, own = np.float32(0), np.float32(1e-6)
        for i in range(source.shape[0]):
            value = tiles.detail[photo, source[i]] * sign[i]
            product += value * tiles.cell_detail[cell, i]
            own += value * value
        gain = min(max(product / own, tiles.least_gain), tiles.most_gain)
    for channel in range(3):
        for i in range(16):
            place = waves.seen[channel, i]
            out[channel, i] = np.float32(0)
            if place >= 0:
                value = tiles.detail[photo, source[place]] * sign[place]
                out[channel, i] = (gain * value - tiles.cell_detail[cell, place]) * waves.unweighted[place]
        out[channel, 0] = (np.float32(1) - tiles.strength) * (
            tiles.mean[photo, channel] - tiles.cell_mean[cell, channel]
        )
    if tiles.strength > 0:
        for given in range(3):
            wanted = tiles.cell_colour[cell, given]
            missed = min(max(wanted, tiles.darkest[photo, given]), tiles.lightest[photo, given]) - wanted
            for channel in range(3):
                out[channel, 0] += tiles.strength * missed * tiles.slope[cell, channel, given]


@kernel
def add(error, prints, pixels, margin, box, cell, waves, factor):
    """Add a tile's error, times a factor, to the picture of errors, (4, H, W)."""
    side = box[cell, 2]
    length = (side + 2 * margin) * pixels
    top, left = box[cell, 1] * pixels, box[cell, 0] * pixels
    for term in range(_TERMS):
        values = waves[term % 3]
        for y in range(length):
            for x in range(length):
                shape = prints[side, term, y * length + x]
                total = np.float32(0)
                for i in range(16):
                    total += values[i] * shape[i]
                error[term, top + y, left + x] += factor * total


@kernel
def show_all(error, prints, pixels, margin, box, photo, symmetry, waves, tiles):
    """Put all tiles into an empty picture of errors."""
    found = np.empty((3, 16), np.float32)
    for cell in range(len(photo)):
        tile_error(waves, tiles, cell, photo[cell], symmetry[cell], found)
        add(error, prints, pixels, margin, box, cell, found, np.float32(1))


@kernel
def forms(error, sensitivity, prints, pixels, margin, box, cell, square, linear):
    """The quadratic form of what waves w in a cell add to the sum of squares: w · square · w + linear · w."""
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
                shape = prints[side, term, y * length + x]
                off = np.float32(2) * weight * error[term, top + y, left + x]
                for i in range(16):
                    linear[channel, i] += off * shape[i]
                for i in range(count):
                    scaled = weight * shape[i]
                    into = square[channel, i]
                    for j in range(16):
                        into[j] += scaled * shape[j]


@kernel
def energy(square, linear, waves, row):
    """The change of the sum of squares by waves (3, 16)."""
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
def visit(
    order, dirty, movable, error, sensitivity, prints, pixels, margin, raster, box, waves, tiles, photo, symmetry, cost,
    shown, shown_symmetry, shown_cost, left, uses, reach, least_uses, near,
):  # fmt: skip
    """Visit cells in an order; each takes the best of its candidates, or keeps what it has. Returns the changes."""
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
        mine = shown[cell]
        tile_error(waves, tiles, cell, mine, shown_symmetry[cell], old)
        add(error, prints, pixels, margin, box, cell, old, np.float32(-1))
        forms(error, sensitivity, prints, pixels, margin, box, cell, square, linear)
        area = np.float32(box[cell, 2] * box[cell, 3])
        lowest = energy(square, linear, old, row) + near * area * shown_cost[cell]
        best[:] = old
        choice = -1
        may_leave = uses[mine] > least_uses
        for i in range(photo.shape[1]):
            number = photo[cell, i]
            if number < 0 or (number != mine and (left[number] < 1 or not may_leave)):
                continue
            tile_error(waves, tiles, cell, number, symmetry[cell, i], new)
            value = energy(square, linear, new, row) + near * area * cost[cell, i]
            if value < lowest * np.float32(1 - 1e-6) - np.float32(1e-6) and is_clear(
                raster, box, reach, cell, shown, number
            ):
                lowest, choice = value, i
                best[:] = new
        add(error, prints, pixels, margin, box, cell, best, np.float32(1))
        if choice < 0:
            continue
        changes += 1
        number = photo[cell, choice]
        left[mine] += 1
        uses[mine] -= 1
        left[number] -= 1
        uses[number] += 1
        shown[cell], shown_symmetry[cell], shown_cost[cell] = number, symmetry[cell, choice], cost[cell, choice]
        stir(dirty, movable, raster, box, cell)
    return changes


@kernel
def stir(dirty, movable, raster, box, cell):
    """Mark the cells around one that has changed: they may now find something better."""
    for y in range(max(box[cell, 1] - 1, 0), min(box[cell, 1] + box[cell, 3] + 1, raster.shape[0])):
        for x in range(max(box[cell, 0] - 1, 0), min(box[cell, 0] + box[cell, 2] + 1, raster.shape[1])):
            other = raster[y, x]
            if other >= 0 and other != cell and movable[other]:
                dirty[other] = True


@kernel
def pair_cost(waves, tiles, cell, photo, symmetry):
    """The metric's own cost of a tile in a cell, as renderer/matching/structure.py has it."""
    source, sign = waves.source[symmetry], waves.sign[symmetry]
    product, own, energy = np.float32(0), np.float32(0), np.float32(0)
    for i in range(source.shape[0]):
        value, wanted = tiles.detail[photo, source[i]] * sign[i], tiles.cell_detail[cell, i]
        product += value * wanted
        own += value * value
        energy += wanted * wanted
    gain = min(max(product / (own + np.float32(1e-6)), tiles.least_gain), tiles.most_gain)
    total = max(gain * (gain * own - np.float32(2) * product) + energy, np.float32(0))
    for channel in range(3):
        away = tiles.mean[photo, channel] - tiles.cell_mean[cell, channel]
        shown = tiles.cell_colour[cell, channel]
        missed = min(max(shown, tiles.darkest[photo, channel]), tiles.lightest[photo, channel]) - shown
        total += tiles.shift * away * away + tiles.miss * missed * missed
    return total


@kernel
def trade(
    order, dirty, movable, error, sensitivity, prints, pixels, margin, raster, box, waves, tiles, photo, symmetry, cost,
    shown, shown_symmetry, shown_cost, left, reach, symmetries, near,
):  # fmt: skip
    """Cells that want a photo whose uses are spent exchange with one that has it, if both together gain.

    Returns the exchanges.
    """
    square, linear = np.empty((3, 16, 16), np.float32), np.empty((3, 16), np.float32)
    mine, theirs = np.empty((3, 16), np.float32), np.empty((3, 16), np.float32)
    new, row = np.empty((3, 16), np.float32), np.empty(16, np.float32)
    # Who shows a photo: a chain of cells.
    first, following = np.full(len(left), -1, np.int64), np.full(len(shown), -1, np.int64)
    for cell in range(len(shown)):
        following[cell] = first[shown[cell]]
        first[shown[cell]] = cell
    trades = 0
    for cell in order:
        own = shown[cell]
        tile_error(waves, tiles, cell, own, shown_symmetry[cell], mine)
        add(error, prints, pixels, margin, box, cell, mine, np.float32(-1))
        forms(error, sensitivity, prints, pixels, margin, box, cell, square, linear)
        add(error, prints, pixels, margin, box, cell, mine, np.float32(1))
        area = np.float32(box[cell, 2] * box[cell, 3])
        now = energy(square, linear, mine, row) + near * area * shown_cost[cell]
        gain, choice = np.float32(0), -1
        for i in range(photo.shape[1]):
            number = photo[cell, i]
            if number < 0 or number == own or left[number] > 0:
                continue
            tile_error(waves, tiles, cell, number, symmetry[cell, i], new)
            won = now - energy(square, linear, new, row) - near * area * cost[cell, i]
            if won > gain and is_clear(raster, box, reach, cell, shown, number):
                gain, choice = won, i
        if choice < 0:
            continue
        wanted = photo[cell, choice]
        partner, turn, gives = -1, np.uint8(0), np.float32(0)
        other = first[wanted]
        partners = 0
        while other >= 0 and partners < _PARTNERS:
            apart = max(abs(box[other, 0] - box[cell, 0]), abs(box[other, 1] - box[cell, 1]))
            far = apart > 2 * margin + max(box[cell, 2], box[other, 2])  # neither sees the other's change
            if far and movable[other] and is_clear(raster, box, reach, other, shown, own):
                partners += 1
                tile_error(waves, tiles, other, wanted, shown_symmetry[other], theirs)
                add(error, prints, pixels, margin, box, other, theirs, np.float32(-1))
                forms(error, sensitivity, prints, pixels, margin, box, other, square, linear)
                add(error, prints, pixels, margin, box, other, theirs, np.float32(1))
                room = np.float32(box[other, 2] * box[other, 3])
                before = energy(square, linear, theirs, row) + near * room * shown_cost[other]
                for symmetric in symmetries:
                    tile_error(waves, tiles, other, own, symmetric, new)
                    price = pair_cost(waves, tiles, other, own, symmetric)
                    lost = energy(square, linear, new, row) + near * room * price - before
                    if lost < gain * np.float32(0.999):
                        gain, partner, turn, gives = lost, other, symmetric, price
            other = following[other]
        if partner < 0:
            continue
        # `gain` is now what the partner loses; it was less than what the cell wins.
        trades += 1
        for place, number in ((cell, own), (partner, wanted)):
            if first[number] == place:
                first[number] = following[place]
            else:
                before_it = first[number]
                while following[before_it] != place:
                    before_it = following[before_it]
                following[before_it] = following[place]
        tile_error(waves, tiles, partner, wanted, shown_symmetry[partner], theirs)
        add(error, prints, pixels, margin, box, partner, theirs, np.float32(-1))
        add(error, prints, pixels, margin, box, cell, mine, np.float32(-1))
        shown[cell], shown_symmetry[cell], shown_cost[cell] = wanted, symmetry[cell, choice], cost[cell, choice]
        shown[partner], shown_symmetry[partner], shown_cost[partner] = own, turn, gives
        for place in (cell, partner):
            number = shown[place]
            following[place] = first[number]
            first[number] = place
            tile_error(waves, tiles, place, number, shown_symmetry[place], new)
            add(error, prints, pixels, margin, box, place, new, np.float32(1))
            stir(dirty, movable, raster, box, place)
    return trades
