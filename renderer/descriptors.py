"""What a cell or a photo looks like to the matcher: one row of numbers each, compared by Euclidean distance."""

from __future__ import annotations

from typing import Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from renderer.pictures import Pixels, resize

TILE_PIXELS: Final = 32
"""Side in pixels of the small square picture of a photo (or a cell) that descriptors are made of."""

SIGNATURE_PIXELS: Final = 8
"""Side of the signature: as much of a photo as an eye sees of a tile in a mosaic; it is held in memory for all."""

Metric = Literal["mean", "pixels"]
"""`mean`: the mean RGB of a cell. `pixels`: every one of its 32 × 32 RGB values."""


def saliency(colours: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """How much each place of a picture (H, W, 3) draws the eye, (H, W), the mean being 1.

    Spectral residual, of Hou and Zhang, "Saliency detection: a spectral residual approach", 2007: what of the
    amplitudes' logarithm stands out from its surroundings, with the phases as they are.
    """
    grey = colours.mean(axis=2)
    spectrum = np.fft.fft2(grey)
    amplitude = np.log(np.abs(spectrum) + 1e-9).astype(np.float32)
    residual = amplitude - cv2.blur(amplitude, (3, 3), borderType=cv2.BORDER_REFLECT)
    seen = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    soft = cv2.GaussianBlur(seen, (0, 0), max(min(grey.shape) / 16, 0.5))
    return np.asarray(soft / max(float(soft.mean()), 1e-12), np.float64)


def subject_place(colours: npt.NDArray[np.float32], axis: int, share: float) -> float:
    """The middle, 0…1 along an axis, of that part of a picture (H, W, 3) of a share 0…1 that draws the eye most.

    Where nothing stands out it is the picture's middle; it lies so that the part is inside the picture.
    """
    if share >= 1 - 1e-9:
        return 0.5
    weight = saliency(colours).mean(axis=1 - axis)
    count = len(weight)
    window = share * count
    starts = np.linspace(0, count - window, 101)
    total = np.concatenate([[0.0], np.cumsum(weight)])
    caught = np.interp(starts + window, np.arange(count + 1), total) - np.interp(starts, np.arange(count + 1), total)
    # Off the middle only for a gain: at the border the part must hold a quarter more.
    off = np.abs(starts - (count - window) / 2) / max((count - window) / 2, 1e-9)
    return float((starts[(caught * (1 - 0.2 * off)).argmax()] + window / 2) / count)


def describe(tiles: Pixels, metric: Metric) -> npt.NDArray[np.float32]:
    """Descriptors (N, D) of pictures (N, 32, 32, 3): D is 3 for `mean` and 3072 for `pixels`, in 8-bit steps 0…255."""
    if metric == "mean":
        return np.asarray(tiles.mean(axis=(1, 2), dtype=np.float64), np.float32)
    return tiles.reshape(len(tiles), -1).astype(np.float32)


def signatures(tiles: Pixels) -> Pixels:
    """Signatures (N, 8, 8, 3) of pictures (N, 32, 32, 3): averages of light over 4 × 4 pixels, in sRGB."""
    small = [resize(tile, SIGNATURE_PIXELS, SIGNATURE_PIXELS) for tile in tiles]
    return np.stack(small) if small else np.empty((0, SIGNATURE_PIXELS, SIGNATURE_PIXELS, 3), np.uint8)
