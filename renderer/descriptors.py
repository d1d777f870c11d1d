"""What a cell or a photo looks like to the matcher."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.cores import core_count
from renderer.pictures import Pixels, reduced, to_linear, to_srgb

TILE_PIXELS: Final = 32
"""Side in pixels of the small square picture of a photo (or a cell) that descriptors are made of."""

SIGNATURE_PIXELS: Final = 8
"""Side of the signature: as much of a photo as an eye sees of a tile in a mosaic; it is held in memory for all."""

Metric = Literal["structure", "mean", "lab", "pixels"]
"""`structure`: what an eye sees of a cell, its shapes and its colour apart. `mean`: its mean RGB. `lab`: the mean of
its light in CIELAB. `pixels`: every one of its 32 × 32 RGB values."""


def mean_lab(signatures: Pixels) -> Float32Array:
    """The mean light of signatures (N, 8, 8, 3) in CIELAB: (N, 3). In blocks of 13 MB."""
    light = [to_linear(signatures[block]).mean(axis=(1, 2)) for block in blocks(len(signatures))]
    return light_to_lab(np.concatenate(light) if light else np.empty((0, 3), np.float32))


def to_lab(srgb: npt.NDArray[np.floating]) -> Float32Array:
    """CIELAB (D65) of sRGB 0…1, any shape (…, 3); L 0…100."""
    value = np.asarray(srgb, np.float32)
    bright = ((np.maximum(value, np.float32(0.04)) + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return light_to_lab(np.where(value <= 0.04045, value / np.float32(12.92), bright))


TO_XYZ: Final = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]], np.float32
) / np.array([[0.95047], [1.0], [1.08883]], np.float32)
"""Linear BT.709 to CIE XYZ in parts of the white point D65."""


def light_to_lab(light: Float32Array) -> Float32Array:
    """CIELAB (D65) of linear light 0…1, any shape (…, 3). OpenCV's is off by up to 0.7."""
    xyz = light @ TO_XYZ.T
    f = np.where(xyz > 0.008856, np.cbrt(xyz), np.float32(7.787) * xyz + np.float32(16 / 116))
    lab = np.empty_like(f)
    lab[..., 0] = 116 * f[..., 1] - 16
    lab[..., 1] = 500 * (f[..., 0] - f[..., 1])
    lab[..., 2] = 200 * (f[..., 1] - f[..., 2])
    return lab


_BLOCK: Final = 16384  # signatures at once: 13 MB of colours


def blocks(count: int, size: int = _BLOCK) -> list[slice]:
    """Slices of at most `size` that make up a range of `count`."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def signatures(tiles: Pixels) -> Pixels:
    """Signatures (N, 8, 8, 3) of pictures (N, 32, 32, 3): averages of light over 4 × 4 pixels, in sRGB."""
    side = SIGNATURE_PIXELS
    small = np.empty((len(tiles), side, side, 3), np.uint8)
    for block in blocks(len(tiles), 512):  # 6 MB of light
        small[block] = to_srgb(reduced(to_linear(tiles[block]), TILE_PIXELS // side))
    return small


# -- Structure -----------------------------------------------------------------------------------------------------
# A signature in CIELAB as its cosine transform, channel by channel, without what is too fine to matter at a
# distance. The transform is orthonormal, so that squared differences of coefficients are mean squared differences
# of colour; the zeroth coefficients are the mean, the others the detail. A mirrored picture has the same
# coefficients with other signs, a transposed one has them in another order.

LIGHT_WAVES: Final = 5
COLOUR_WAVES: Final = 3
"""Cosines a side that are kept of lightness, and of each of the two colour channels."""

_SOFTNESS: Final = 0.5  # standard deviation in signature pixels of the blur by which finer waves weigh less


def _waves() -> npt.NDArray[np.int64]:
    """(40, 3) channel, cycles down and cycles across (in halves) of each coefficient of the detail."""
    sides = (LIGHT_WAVES, COLOUR_WAVES, COLOUR_WAVES)
    return np.array([(c, y, x) for c, n in enumerate(sides) for y in range(n) for x in range(n) if y or x])


WAVES: Final = _waves()

WAVE_WEIGHTS: Final = np.exp(
    -2 * (np.pi * _SOFTNESS / (2 * SIGNATURE_PIXELS)) ** 2 * (WAVES[:, 1] ** 2 + WAVES[:, 2] ** 2)
).astype(np.float32)
"""(40,) by which each coefficient is multiplied: the transfer function of a Gaussian blur."""


_EXTREMES: Final = 2
"""Parts of a signature that are left out as the darkest and the lightest: the third comes nearest to the 95th
percentile of the photo's pixels (0.04 of sRGB rms; the first 0.06)."""


_DESCRIBED: Final = 256  # signatures at once: they stay in the cache, and BLAS begins no threads of its own


@dataclass(frozen=True)
class Structure:
    """What N pictures look like: 220 bytes each."""

    detail: Float32Array  # (N, 40) weighted coefficients of WAVES, CIELAB units
    mean: Float32Array  # (N, 3) mean CIELAB colour
    colour: Float32Array  # (N, 3) mean sRGB, 0…1
    below: Float32Array  # (N, 3) how far the darkest and
    above: Float32Array  # (N, 3) the lightest parts are from the mean, sRGB 0…1

    def __len__(self) -> int:
        return len(self.detail)

    def __getitem__(self, which: slice | npt.NDArray[np.integer]) -> Structure:
        return Structure(*(values[which] for values in vars(self).values()))

    def turned(self, symmetry: npt.NDArray[np.uint8]) -> Structure:
        """The structure of the same pictures, each under its symmetry 0…7."""
        detail = self.detail.copy()
        for kind in np.flatnonzero(np.bincount(symmetry)).tolist():
            some = symmetry == kind
            detail[some] = with_symmetry(detail[some], kind)
        return replace(self, detail=detail)


def describe_structure(signatures: Pixels) -> Structure:
    """The structure of signatures (N, 8, 8, 3), in small blocks, shared among threads."""
    count = len(signatures)
    place = np.arange(SIGNATURE_PIXELS)
    cosines = np.cos(np.pi * np.outer(np.arange(LIGHT_WAVES), place + 0.5) / SIGNATURE_PIXELS)
    cosines[1:] *= np.sqrt(2)
    pictures = np.einsum("ky,kx->kyx", cosines[WAVES[:, 1]], cosines[WAVES[:, 2]]) * WAVE_WEIGHTS[:, None, None]
    basis = (pictures.reshape(len(WAVES), -1) / SIGNATURE_PIXELS**2).T.astype(np.float32)
    found = Structure(np.empty((count, len(WAVES)), np.float32), *(np.empty((count, 3), np.float32) for _ in range(4)))

    def describe(block: slice) -> None:
        pixels = signatures[block].reshape(-1, SIGNATURE_PIXELS**2, 3)
        lab = light_to_lab(to_linear(pixels))
        for channel in range(3):  # one by one: NumPy is several times as fast along the last axis
            chosen = WAVES[:, 0] == channel
            seen = np.ascontiguousarray(lab[..., channel])
            found.detail[block, chosen] = seen @ basis[:, chosen]
            found.mean[block, channel] = seen.mean(axis=1)
            colours = np.ascontiguousarray(pixels[..., channel])
            found.colour[block, channel] = mean = colours.mean(axis=1) / 255
            ordered = np.partition(colours, (_EXTREMES, -1 - _EXTREMES), axis=1)
            found.below[block, channel] = mean - ordered[:, _EXTREMES] / 255
            found.above[block, channel] = ordered[:, -1 - _EXTREMES] / 255 - mean

    with ThreadPoolExecutor(core_count(), thread_name_prefix="describe") as pool:
        for _ in pool.map(describe, blocks(count, _DESCRIBED)):
            pass
    return found


def with_symmetry(detail: Float32Array, symmetry: int) -> Float32Array:
    """The detail (N, 40) of the same pictures under a symmetry 0…7.

    Bit 0 mirrors left-right, bit 1 top-bottom, bit 2 turns rows into columns, in this order.
    """
    signs = np.ones(len(WAVES), np.float32)
    if symmetry & 1:
        signs *= np.where(WAVES[:, 2] % 2, -1, 1)
    if symmetry & 2:
        signs *= np.where(WAVES[:, 1] % 2, -1, 1)
    return (detail * signs)[:, TRANSPOSED] if symmetry & 4 else detail * signs


TRANSPOSED: Final = np.array([WAVES.tolist().index([c, x, y]) for c, y, x in WAVES.tolist()])
"""(40,) the place of each coefficient's transpose."""


def inverse_symmetry(symmetry: int) -> int:
    """The symmetry 0…7 that undoes another."""
    if symmetry & 4:
        return 4 | (symmetry & 1) << 1 | (symmetry & 2) >> 1
    return symmetry
