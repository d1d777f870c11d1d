"""Perceptual search: a local search for a mosaic that is more similar to the cover at viewing distance.

Cover and mosaic are blurred and compared in CIELAB by four terms: lightness, the two colour channels (strong colours
weigh less, as in CIEDE2000), and contrast, which is lightness without its local mean, relative to the cover's local
contrast, as in SSIM. Texture therefore counts in a flat sky, and hardly counts in foliage. The search refines cells in
a seeded random order: each takes the candidate that reduces the sum of squared errors most, given its neighbours, so
that neighbouring cells compensate for a cell's colour error. Repeats of a photo near a cell add to its error, so that
photos are spread, and do not gather where they fit best. The search ends when a round changes few cells, or after a
maximum number of rounds or evaluations.

A tile is represented by a few cosine waves (renderer/descriptors.py), whose blurred pictures are the same in all cells.
The error of a tile is therefore a quadratic form of about 30 coefficients.

Source: direct binary search, as in halftoning: Seldowitz, Allebach and Sweeney, "Synthesis of digital holograms by
direct binary search", 1987.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array, Float64Array
from renderer.cores import core_count
from renderer.descriptors import SIGNATURE_PIXELS, WAVE_WEIGHTS, WAVES, Structure, blocks, to_lab, with_symmetry
from renderer.kernels.library import converted
from renderer.kernels.matching import Raster
from renderer.kernels.perceptual import (
    FOOTPRINT_STEP,
    ErrorImage,
    Placement,
    Search,
    Tiles,
    add_all,
    apply_refinements,
    apply_swaps,
    evaluate_refinements,
    evaluate_swaps,
    list_cells,
    moves_of,
    scratch_of,
)
from renderer.matching.candidates import Candidates, Indices
from renderer.matching.cell_raster import CellRaster, sizes_of
from renderer.matching.spacing import in_steps
from renderer.matching.structure import Weights
from renderer.matching.tone import colour_range
from renderer.pictures import Pixels
from renderer.threads import run_blocks

BLUR: Final = 0.25
"""Standard deviation of the blur in cells: 2 of 8 pixels, as in renderer/fidelity.py.

A cell's length is the side of a square of the same area, and the blur is the same in all directions: in the lattice of
3:2 cells, it is narrower across than along."""

TEXTURE: Final = 650.0
TONED_TEXTURE: Final = 100.0
"""Weight of contrast errors relative to colour errors, without tone and with full tone, which corrects most errors."""

MIN_VARIANCE: Final = 9.0
"""Variance of lightness below which texture in the cover hardly counts: (0.03 · 100)², as in SSIM."""

COST_WEIGHT: Final = 0.1
"""Weight of the metric's cost, which includes finer detail that is visible only from closer up."""

CROWDING: Final = 9.0
"""Weight of a near repeat, per area of the cell; `measure_crowding` in `perceptual.c` describes how it falls with the
distance. Repeats are spread as far as the colour difference from the cover hardly grows: by at most about 3 %."""

MAX_REACH: Final = 12
"""Maximum distance in cells at which repeats count: at larger ones, hardly anybody notices them."""

ROUNDS: Final = 4
"""Maximum number of rounds over all cells."""

MAX_EVALUATIONS: Final = 300_000
"""Maximum number of cell evaluations in total: 30 s. In grids with more cells, each cell is only a few pixels, and the
first evaluations, in random order, improve the mosaic most."""

MIN_CHANGED: Final = 0.005
"""Minimum share of the cells that a round must change for another round to follow."""

_CELLS_PER_THREAD: Final = 32
_CELLS_PER_VISIT: Final = 64
_MIN_BATCH: Final = 16
"""Number of cells in a batch: 32 per thread, but at most a 64th of all cells, so that few evaluations must be repeated
because of changes by other cells of the batch (with 10,000 cells and two threads, 3 %), and at least 16."""

_BAND: Final = 500_000  # maximum number of pixels of the error image whose weights are computed at once
_BANDS: Final = 8  # into which a smaller image is divided, so that threads have work

_PIXELS: Final = 4  # of the error image per unit; a step has at least 1
_TERMS: Final = 4  # lightness, two colour channels, contrast
_SIDES: Final = (4, 3, 3)  # waves per side that remain visible after the blur: lightness, two colour channels


def _waves() -> tuple[npt.NDArray[np.int64], Float32Array, npt.NDArray[np.int64], Float32Array]:
    """Return `source`, `sign`, `visible` and `unweighted` of `Tiles`: the waves that are visible after the blur."""
    # Indices start at 1, so that the sign and source of each coefficient can be read off after a symmetry.
    indices = np.arange(1.0, len(WAVES) + 1, dtype=np.float32)[np.newaxis]
    turned = np.concatenate([with_symmetry(indices, symmetry) for symmetry in range(8)])
    index_of = {tuple(wave): index for index, wave in enumerate(WAVES.tolist())}
    visible = np.full((3, 16), -1)
    for channel, side in enumerate(_SIDES):
        for down in range(side):
            for across in range(side):
                visible[channel, down * side + across] = index_of.get((channel, down, across), -1)
    return (np.abs(turned) - 1).astype(np.int64), np.sign(turned), visible, 1 / WAVE_WEIGHTS


_WAVES: Final = _waves()


def _margin(raster: CellRaster) -> int:
    """Return the number of steps by which the blurred error of a tile extends beyond its cell."""
    return max(1, round(4 * BLUR * max(raster.scale) / raster.step))


def _footprints(size: tuple[int, int], raster: CellRaster, pixels: int) -> Float32Array:
    """Return the blurred waves of a cell of `size` steps, with a margin around it: (4 terms, pixels of a cell, 16).

    They are divided by the pixels per unit; unused ones are 0. pixels: number per step.
    """
    margin = _margin(raster)
    (wide, wide_mean), (high, high_mean) = (
        _profiles(side, raster.step, scale, pixels, margin) for side, scale in zip(size, raster.scale, strict=True)
    )
    footprints = np.zeros((_TERMS, high[0].size * wide[0].size, 16))
    for term, count in enumerate((*_SIDES, _SIDES[0])):
        for down in range(count):
            for across in range(count):
                picture = np.outer(high[down], wide[across])
                if term == _TERMS - 1:
                    picture = picture - np.outer(high_mean[down], wide_mean[across])
                footprints[term, :, down * count + across] = picture.ravel()
    return (footprints * raster.step / pixels).astype(np.float32)


def _profiles(
    side: int, step: float, scale: float, pixels: int, margin: int
) -> tuple[list[Float64Array], list[Float64Array]]:
    """Return the blurred waves along one axis of a cell of `side` steps, and their means in the window of SSIM.

    scale: of the blur and the window along this axis, as in `Grid`.
    """
    fine = 16  # samples per pixel
    sigma = BLUR * scale
    length = (side + 2 * margin) * pixels
    position = (np.arange(length * fine) + 0.5) / (fine * pixels) - margin  # in steps
    inside = (position >= 0) & (position < side)
    points = np.arange(-margin * pixels * fine, margin * pixels * fine + 1) / (fine * pixels)
    blur = np.exp(-0.5 * (points * step / sigma) ** 2)
    window = np.ones(round(0.875 * scale / step * pixels * fine))  # of SSIM: 7 of 8 pixels per cell
    blurred, local = [], []
    for wave in range(_SIDES[0]):
        values = np.where(inside, np.cos(np.pi * wave * position / side) * (np.sqrt(2) if wave else 1), 0)
        soft = np.convolve(values, blur / blur.sum(), "same")
        mean = np.convolve(soft, window / window.sum(), "same")[: len(soft)] if len(window) <= len(soft) else soft * 0
        blurred.append(soft.reshape(length, fine).mean(axis=1))
        local.append(mean.reshape(length, fine).mean(axis=1))
    return blurred, local


def _sensitivity(picture: Pixels, raster: CellRaster, pixels: int, texture: float) -> Float32Array:
    """Return the weight (4, H, W) of each term's squared error at each pixel, 0 where there is no cell.

    picture: the cover (h, w, 3) at 8 pixels per step; pixels: of the result per step; texture: weight of the contrast.
    Works in bands of at most 100 MB per thread.
    """
    margin = _margin(raster)
    times = SIGNATURE_PIXELS // pixels
    height, width = picture.shape[0] // times, picture.shape[1] // times
    weights = np.zeros((_TERMS, height + 2 * margin * pixels, width + 2 * margin * pixels), np.float32)
    inner = weights[:, margin * pixels :][:, :height, margin * pixels :][:, :, :width]
    radius = 2 * math.ceil(8 * raster.scale[1] / raster.step)  # in rows: 4 standard deviations of the blur, the window

    def weigh(rows: slice) -> None:
        first = max(times * rows.start - radius, 0)
        band = to_lab(picture[first : times * rows.stop + radius] / np.float32(255))
        terms = _terms(band, raster, texture)[:, times * rows.start - first :][:, : times * (rows.stop - rows.start)]
        inner[:, rows] = terms.reshape(_TERMS, -1, times, width, times).mean(axis=(2, 4))

    run_blocks(weigh, blocks(height, max(min(_BAND // width, math.ceil(height / _BANDS)), 1)))
    if raster.missing is not None:
        inner *= ~raster.missing.repeat(pixels, axis=0).repeat(pixels, axis=1)
    return weights


def _terms(cover: Float32Array, raster: CellRaster, texture: float) -> Float32Array:
    """Return the weight (4, h, w) of each term at each pixel of a part of the cover, (h, w, 3) CIELAB."""
    sigma = [8 * BLUR * scale / raster.step for scale in raster.scale]
    blurred = cv2.GaussianBlur(cover, (0, 0), sigma[0], sigmaY=sigma[1])
    light = blurred[..., 0]
    window = [max(3, 2 * round(3.5 * scale / raster.step) + 1) for scale in raster.scale]
    mean = cv2.boxFilter(light, -1, window)
    variance = np.maximum(cv2.boxFilter(light * light, -1, window) - mean * mean, 0)
    # The weights of CIEDE2000 for small differences, without its hue terms.
    chroma = np.hypot(blurred[..., 1], blurred[..., 2])
    squared = (light - 50) ** 2
    lightness = 1 / (1 + 0.015 * squared / np.sqrt(20 + squared)) ** 2
    colour = 1 / (1 + 0.045 * chroma) ** 2
    green = colour * (1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))) ** 2
    return np.stack([lightness, green, colour, texture / (variance + MIN_VARIANCE)])


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
    repeated; 0: anywhere, and repeats are not spread; min_uses: number of uses that each photo keeps. Memory: 600 bytes
    per cell, besides the candidates, and 4 per photo and thread.
    """
    weights = Weights.of_tone(strength)
    darkest, lightest = colour_range(photos, weights.tight_gain)
    tiles = Tiles(
        *_WAVES, cells.detail, cells.mean, cells.colour, _slopes(cells.colour), photos.detail, photos.mean, darkest,
        lightest, np.float32(strength), weights.min_gain, weights.max_gain, weights.shift, weights.miss,
        weights.tight_gain, weights.loss,
    )  # fmt: skip
    pixels = max(round(_PIXELS * raster.step), 1)
    sizes = sizes_of(raster.box)
    by_size = [_footprints(size, raster, pixels) for size in sizes]
    largest = FOOTPRINT_STEP * math.ceil(max(waves.shape[1] for waves in by_size) / FOOTPRINT_STEP)
    footprints = np.zeros((len(sizes), _TERMS, largest, 16), np.float32)
    number = np.zeros(len(raster), np.int32)
    for index, (size, waves) in enumerate(zip(sizes, by_size, strict=True)):
        footprints[index, :, : waves.shape[1]] = waves
        number[(raster.box[:, 2:] == size).all(axis=1)] = index
    sensitivity = _sensitivity(picture, raster, pixels, TEXTURE + strength * (TONED_TEXTURE - TEXTURE))
    _, height, width = sensitivity.shape
    image = ErrorImage(
        np.zeros_like(sensitivity), sensitivity, footprints, np.ascontiguousarray(footprints.swapaxes(2, 3)), number,
        height, width, largest, pixels, _margin(raster),
    )  # fmt: skip
    # Photos used equally often and evenly are sqrt(photos) cells apart.
    reach = min(round(math.sqrt(len(photos))), MAX_REACH) if distance else 0
    random = np.random.default_rng(seed)
    dirty = movable.copy()
    placement = Placement(
        candidates.photo, candidates.symmetry, candidates.cost, candidates.photo.shape[1],
        placed.photo[:, 0], placed.symmetry[:, 0], placed.cost[:, 0], remaining,
        np.bincount(placed.photo[:, 0], minlength=len(photos)).astype(np.int32), movable, dirty,
        in_steps(raster, distance), in_steps(raster, reach), min_uses,
        COST_WEIGHT * raster.step**2, CROWDING * (raster.step / raster.cell) ** 2,  # areas are in steps
    )  # fmt: skip
    add_all(raster.arrays, tiles, image, placement.placed_photo, placement.placed_symmetry)
    changes = 0
    evaluations = MAX_EVALUATIONS
    with closing(_Batches(raster.arrays, tiles, image, placement)) as batches:
        for round_ in range(ROUNDS):
            order = random.permutation(np.flatnonzero(dirty))[: max(evaluations, 0)]
            evaluations -= len(order)
            if not len(order):
                break
            changed = batches.refine(order)
            if round_ == 1 and not (remaining[np.unique(placed.photo)] > 0).all():
                order = random.permutation(np.flatnonzero(movable))[: max(evaluations, 0)]
                changed += batches.swap(order, np.array(symmetries, np.uint8))
            changes += changed
            if changed < MIN_CHANGED * len(raster):
                break
    return changes


class _Batches:
    """Visits cells in batches, which threads evaluate together. Results do not depend on batches or threads."""

    def __init__(self, raster: Raster, tiles: Tiles, image: ErrorImage, placement: Placement) -> None:
        cells, threads = len(placement.placed_photo), core_count()
        self._size = min(max(cells // _CELLS_PER_VISIT, _MIN_BATCH), _CELLS_PER_THREAD * threads)
        moves = moves_of(cells, placement.candidates, self._size)
        self._search = Search(
            converted(raster), converted(tiles), converted(image), converted(placement), converted(moves)
        )
        self._scratch = [scratch_of(tiles, image) for _ in range(threads)]
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="match")
        self._batch = 0

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def refine(self, order: Indices) -> int:
        """Let each cell of `order` take its best candidate or keep its photo. Returns the number of changes."""
        changes = 0
        for cells in self._batches(order):
            self._evaluate(partial(evaluate_refinements, self._search, cells), len(cells))
            changes += apply_refinements(self._search, cells, self._batch, self._scratch[0])
        return changes

    def swap(self, order: Indices, symmetries: npt.NDArray[np.uint8]) -> int:
        """Let cells of `order` swap for photos without remaining uses. Returns the number of swaps."""
        placement = self._search.placement
        lists = list_cells(len(placement.remaining), placement.placed_photo)
        swaps = 0
        for cells in self._batches(order):
            self._evaluate(partial(evaluate_swaps, self._search, symmetries, lists, cells), len(cells))
            swaps += apply_swaps(self._search, symmetries, lists, cells, self._batch, self._scratch[0])
        return swaps

    def _batches(self, order: Indices) -> Iterator[Indices]:
        for block in blocks(len(order), self._size):
            self._batch += 1
            yield order[block]

    def _evaluate(self, work: Callable[[slice, Float32Array], None], count: int) -> None:
        """Divide `count` cells among the threads, of which this one is the first."""
        parts = blocks(count, math.ceil(count / len(self._scratch)))
        others = [self._pool.submit(work, *each) for each in zip(parts[1:], self._scratch[1:], strict=False)]
        work(parts[0], self._scratch[0])
        for other in others:
            other.result()
