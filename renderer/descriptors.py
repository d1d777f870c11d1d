"""Descriptors: the numbers by which the matcher compares cells and photos."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.pixels import Pixels, reduced, to_linear, to_srgb
from renderer.threads import run_blocks

TILE_PIXELS: Final = 32
"""Shorter side in pixels of the small picture of a photo (or a cell) that descriptors are computed from."""

SIGNATURE_PIXELS: Final = 8
"""Side in pixels of the signature: the detail of a tile that is visible in a mosaic. The signatures of all photos are
in memory."""


def tile_size(ratio: Fraction) -> tuple[int, int]:
    """Return the width and height in pixels of tile pictures with a ratio, width / height: the shorter side is 32."""
    return max(round(TILE_PIXELS * ratio), TILE_PIXELS), max(round(TILE_PIXELS / ratio), TILE_PIXELS)


@dataclass(frozen=True)
class MixedRatio:
    """The ratios of crops in mosaics of landscape and portrait tiles, 1 or more: width / height of landscape ones.

    Photos that are higher than wide have portrait crops, of the inverse ratio; all others have landscape ones.
    """

    landscape: Fraction


Ratio = Fraction | MixedRatio
"""Width / height of the crops of photos: of all, or according to their orientation."""


def ratio_of(ratio: Ratio, *, is_upright: bool) -> Fraction:
    """Return the ratio of the crop of a picture that is higher than wide, or of another one."""
    if isinstance(ratio, Fraction):
        return ratio
    return 1 / ratio.landscape if is_upright else ratio.landscape


def squashed(tiles: Pixels) -> Pixels:
    """Return pictures (N, H, W, 3) of any ratio, scaled to (N, 32, 32, 3): cells are compared likewise."""
    if tiles.shape[1:3] == (TILE_PIXELS, TILE_PIXELS):
        return tiles
    small = np.empty((len(tiles), TILE_PIXELS, TILE_PIXELS, 3), np.uint8)
    for tile, scaled in zip(tiles, small, strict=True):
        scaled[:] = cv2.resize(tile, (TILE_PIXELS, TILE_PIXELS), interpolation=cv2.INTER_AREA)
    return small


def mean_lab(signatures: Pixels) -> Float32Array:
    """Return the mean light of signatures (N, 8, 8, 3) in CIELAB, (N, 3). Works in blocks of 13 MB."""
    light = [to_linear(signatures[block]).mean(axis=(1, 2)) for block in blocks(len(signatures))]
    return light_to_lab(np.concatenate(light) if light else np.empty((0, 3), np.float32))


def to_lab(srgb: npt.NDArray[np.floating]) -> Float32Array:
    """Convert sRGB 0…1, any shape (…, 3), to CIELAB (D65); L 0…100."""
    value = np.asarray(srgb, np.float32)
    bright = ((np.maximum(value, np.float32(0.04)) + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return light_to_lab(np.where(value <= 0.04045, value / np.float32(12.92), bright))


TO_XYZ: Final = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]], np.float32
) / np.array([[0.95047], [1.0], [1.08883]], np.float32)
"""Matrix from linear BT.709 to CIE XYZ relative to the white point D65."""


def light_to_lab(light: Float32Array) -> Float32Array:
    """Convert linear light 0…1, any shape (…, 3), to CIELAB (D65). OpenCV's conversion is off by up to 0.7."""
    xyz = light @ TO_XYZ.T
    f = np.where(xyz > 0.008856, np.cbrt(xyz), np.float32(7.787) * xyz + np.float32(16 / 116))
    lab = np.empty_like(f)
    lab[..., 0] = 116 * f[..., 1] - 16
    lab[..., 1] = 500 * (f[..., 0] - f[..., 1])
    lab[..., 2] = 200 * (f[..., 1] - f[..., 2])
    return lab


_BLOCK: Final = 16384  # signatures at a time: 13 MB of colours


def blocks(count: int, size: int = _BLOCK) -> list[slice]:
    """Split a range of `count` into slices of at most `size`."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def signatures(tiles: Pixels) -> Pixels:
    """Return the signatures (N, 8, 8, 3) of pictures (N, H, W, 3): averages of light over 8 × 8 areas, in sRGB."""
    side = SIGNATURE_PIXELS
    small = np.empty((len(tiles), side, side, 3), np.uint8)
    for block in blocks(len(tiles), 512):  # 6 MB of light of square pictures
        small[block] = to_srgb(reduced(to_linear(tiles[block]), side, side))
    return small


# -- Structure -----------------------------------------------------------------------------------------------------
# The cosine transform of a signature in CIELAB, per channel, without frequencies that are too high to be visible from a
# distance. The transform is orthonormal, so that squared differences of coefficients are mean squared differences of
# colour; coefficient 0 is the mean, the others are the detail. Mirroring a picture changes signs of coefficients,
# transposing it changes their order.

LIGHT_WAVES: Final = 5
COLOUR_WAVES: Final = 3
"""Number of cosines per side for lightness, and for each of the two colour channels."""

_SOFTNESS: Final = 0.5
"""Standard deviation, in signature pixels, of the blur that reduces the weight of higher frequencies."""


def _waves() -> npt.NDArray[np.int64]:
    """Return the channel and the vertical and horizontal half cycles of each detail coefficient, (40, 3)."""
    sides = (LIGHT_WAVES, COLOUR_WAVES, COLOUR_WAVES)
    return np.array([(c, y, x) for c, n in enumerate(sides) for y in range(n) for x in range(n) if y or x])


WAVES: Final = _waves()

WAVE_WEIGHTS: Final = np.exp(
    -2 * (np.pi * _SOFTNESS / (2 * SIGNATURE_PIXELS)) ** 2 * (WAVES[:, 1] ** 2 + WAVES[:, 2] ** 2)
).astype(np.float32)
"""(40,) factor of each coefficient: the transfer function of a Gaussian blur."""


_EXTREMES: Final = 2
"""Number of darkest and of lightest signature pixels that are ignored: the third is closest to the 95th percentile
of the photo's pixels (RMS error 0.04 in sRGB; the first: 0.06)."""


_STRUCTURE_BLOCK: Final = 256  # signatures at a time: they fit in the processor's cache, and BLAS starts no threads


@dataclass(frozen=True)
class Structure:
    """Structure descriptors of N pictures: 220 bytes each."""

    detail: Float32Array  # (N, 40) weighted coefficients of WAVES, CIELAB units
    mean: Float32Array  # (N, 3) mean CIELAB colour
    colour: Float32Array  # (N, 3) mean sRGB, 0…1
    below: Float32Array  # (N, 3) distance of the darkest pixels from the mean, sRGB 0…1
    above: Float32Array  # (N, 3) distance of the lightest pixels from the mean, sRGB 0…1

    def __len__(self) -> int:
        return len(self.detail)

    def __getitem__(self, which: slice | npt.NDArray[np.integer]) -> Structure:
        return Structure(*(values[which] for values in vars(self).values()))

    def turned(self, symmetry: npt.NDArray[np.uint8]) -> Structure:
        """Return the structure of the same pictures after applying a symmetry 0…7 to each."""
        detail = self.detail.copy()
        for kind in np.flatnonzero(np.bincount(symmetry)).tolist():
            selected = symmetry == kind
            detail[selected] = with_symmetry(detail[selected], kind)
        return replace(self, detail=detail)


def describe_structure(signatures: Pixels) -> Structure:
    """Compute the structure of signatures (N, 8, 8, 3), in small blocks distributed over threads."""
    count = len(signatures)
    positions = np.arange(SIGNATURE_PIXELS)
    cosines = np.cos(np.pi * np.outer(np.arange(LIGHT_WAVES), positions + 0.5) / SIGNATURE_PIXELS)
    cosines[1:] *= np.sqrt(2)
    pictures = np.einsum("ky,kx->kyx", cosines[WAVES[:, 1]], cosines[WAVES[:, 2]]) * WAVE_WEIGHTS[:, None, None]
    basis = (pictures.reshape(len(WAVES), -1) / SIGNATURE_PIXELS**2).T.astype(np.float32)
    structure = Structure(
        np.empty((count, len(WAVES)), np.float32), *(np.empty((count, 3), np.float32) for _ in range(4))
    )

    def describe(block: slice) -> None:
        pixels = signatures[block].reshape(-1, SIGNATURE_PIXELS**2, 3)
        lab = light_to_lab(to_linear(pixels))
        for channel in range(3):  # separately: NumPy is several times as fast along the last axis
            waves = WAVES[:, 0] == channel
            values = np.ascontiguousarray(lab[..., channel])
            structure.detail[block, waves] = values @ basis[:, waves]
            structure.mean[block, channel] = values.mean(axis=1)
            colours = np.ascontiguousarray(pixels[..., channel])
            structure.colour[block, channel] = mean = colours.mean(axis=1) / 255
            ordered = np.partition(colours, (_EXTREMES, -1 - _EXTREMES), axis=1)
            structure.below[block, channel] = mean - ordered[:, _EXTREMES] / 255
            structure.above[block, channel] = ordered[:, -1 - _EXTREMES] / 255 - mean

    run_blocks(describe, blocks(count, _STRUCTURE_BLOCK))
    return structure


def with_symmetry(detail: Float32Array, symmetry: int) -> Float32Array:
    """Return the detail (N, 40) of the same pictures after applying a symmetry 0…7.

    Bit 0 mirrors left-right, bit 1 top-bottom, bit 2 transposes, in this order.
    """
    signs = np.ones(len(WAVES), np.float32)
    if symmetry & 1:
        signs *= np.where(WAVES[:, 2] % 2, -1, 1)
    if symmetry & 2:
        signs *= np.where(WAVES[:, 1] % 2, -1, 1)
    return (detail * signs)[:, TRANSPOSED] if symmetry & 4 else detail * signs


TRANSPOSED: Final = np.array([WAVES.tolist().index([c, x, y]) for c, y, x in WAVES.tolist()])
"""(40,) index of each coefficient's transpose."""


def inverse_symmetry(symmetry: int) -> int:
    """Return the inverse of a symmetry 0…7."""
    if symmetry & 4:
        return 4 | (symmetry & 1) << 1 | (symmetry & 2) >> 1
    return symmetry
