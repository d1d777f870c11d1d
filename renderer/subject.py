"""The important areas of a picture, which cropping should keep: salient areas, and above all faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.kernels import arithmetic
from renderer.pixels import smoothed

if TYPE_CHECKING:
    from renderer.faces import Face
    from renderer.pixels import Pixels

Weights = npt.NDArray[np.float64]
"""(H, W) importance of each pixel, 0 or more."""

HEAD: Final = 2.2
"""Size of a head with hair and a margin, in multiples of the detected box, which reaches from brow to chin."""

_AROUND: Final = (0.2, 0.4, 0.25)
"""What belongs to a head beside, above and below the box of its face, in multiples of it: hair, measured to end 0.3 to
0.4 above it, and a beard or the neck."""

_TIGHT: Final = (0.02, 0.4, 0.1)
"""The same without long hair and the neck: ears and chin are inside."""

_IN_BACKGROUND: Final = 0.4
"""Height of a face, relative to the largest one, below which it is not counted: passers-by, and pictures on a wall."""

HEAD_ROOM: Final = 0.3
"""Room above heads in a frame, where the photo has it, as a share of the height of all heads together."""

_SHARE_PIXELS: Final = 64  # shorter side of the copy of a photo in which its salient areas are found

_NO_WAVE: Final = 1e-9  # amplitude below which a wave is a rounding error

_FACE_WEIGHT: Final = 3.0  # of all faces together, in multiples of the rest of the picture


def saliency(colours: npt.NDArray[np.float32]) -> Weights:
    """Return how much each pixel of a picture (H, W, 3) attracts attention, (H, W), with mean 1.

    Spectral residual: the logarithm of the amplitudes minus its local average, with unchanged phases. Hou and Zhang,
    "Saliency detection: a spectral residual approach", 2007.
    """
    grey = colours.mean(axis=2)
    spectrum = np.fft.fft2(grey)
    amplitude = np.sqrt(spectrum.real * spectrum.real + spectrum.imag * spectrum.imag)
    # Fourier transforms are not the same on all processors: what they differ by is rounded off, before and after, and
    # waves that consist of nothing else have the phase 0.
    height = arithmetic.log(amplitude + _NO_WAVE).astype(np.float32)
    residual = height - cv2.blur(height, (3, 3), borderType=cv2.BORDER_REFLECT)
    factor = arithmetic.exp(residual) / np.where(amplitude > _NO_WAVE, amplitude, 1.0)
    spectrum = np.where(amplitude > _NO_WAVE, spectrum, 1.0)
    spectrum.real *= factor
    spectrum.imag *= factor
    waves = np.fft.ifft2(spectrum)
    raw = (waves.real * waves.real + waves.imag * waves.imag).astype(np.float32)
    soft = smoothed(raw, max(min(grey.shape) / 16, 0.5)).astype(np.float64)
    return np.asarray(soft / max(float(soft.mean()), 1e-12), np.float64)


def attention(colours: npt.NDArray[np.float32], faces: Sequence[Face]) -> Weights:
    """Return the importance (H, W) of each pixel of a picture (H, W, 3): its saliency, plus a weight for heads.

    That falls from the middle of each face to the edges of its head, so that a window which is smaller shows the face.
    """
    weights = saliency(colours)
    heads = np.zeros_like(weights)
    for left, top, face_width, face_height in faces:
        middle, size = (top + face_height / 2, left + face_width / 2), (face_height, face_width)
        rows, columns = (
            np.maximum(1 - np.abs((np.arange(count) + 0.5) / count - at) / max(HEAD * side / 2, 1 / count), 0)
            for count, at, side in zip(weights.shape, middle, size, strict=True)
        )
        heads = np.maximum(heads, rows[:, np.newaxis] * columns)
    if heads.any():
        weights += _FACE_WEIGHT * weights.sum() * heads / heads.sum()
    return weights


def heads(faces: Sequence[Face], *, tight: bool = False) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of the area of all heads, in fractions of the picture; at least one face.

    Those of much smaller faces than the largest are left out. `tight`: without long hair and necks.
    """
    beside, above, below = _TIGHT if tight else _AROUND
    least = _IN_BACKGROUND * max(height for _, _, _, height in faces)
    counted = [face for face in faces if face[3] >= least]
    return (
        max(min(x - beside * width for x, _, width, _ in counted), 0.0),
        max(min(y - above * height for _, y, _, height in counted), 0.0),
        min(max(x + (1 + beside) * width for x, _, width, _ in counted), 1.0),
        min(max(y + (1 + below) * height for _, y, _, height in counted), 1.0),
    )


def subject_share(pixels: Pixels, part: tuple[float, float, float, float]) -> tuple[float, float]:
    """Return the share, 0…1, of the salient areas of a picture (H, W, 3) that a part of it contains, and their spread.

    `part`: left, top, width and height in fractions of the picture. What attracts less attention than the average does
    not count; a picture without any detail is contained in any part. The spread is 1 if there is as much in each column
    of the picture, or in each row if the part has its whole width, and 1 / n if all of it is in one of n.
    """
    shrink = min(_SHARE_PIXELS / min(pixels.shape[:2]), 1.0)
    size = max(round(pixels.shape[1] * shrink), 1), max(round(pixels.shape[0] * shrink), 1)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    weights = np.maximum(saliency(small) - 1, 0)
    left, top, width, height = part
    inside = weights[span(top, top + height, size[1]), span(left, left + width, size[0])]
    if not weights.any():
        return 1.0, 1.0
    line = weights.sum(axis=0 if width < height else 1) / weights.sum()
    entropy = -(line * arithmetic.log(np.maximum(line, 1e-12))).sum()
    return float(inside.sum() / weights.sum()), float(arithmetic.exp(float(entropy)) / len(line))


def span(low: float, high: float, count: int) -> slice:
    """Return the pixels of a side between two fractions of it, at least one."""
    first = min(max(int(low * count), 0), count - 1)
    return slice(first, max(min(int(np.ceil(high * count)), count), first + 1))


def subject_position(weights: Weights, axis: int, share: float, before: float = 0.0, after: float = 0.0) -> float:
    """Return the middle, 0…1 along an axis, of the window with the largest sum of the weights (H, W) of a picture.

    `share`: length of the window, 0…1 of the picture. Without important areas, the result is the picture's middle; the
    window is always inside the picture. `before`, `after`: shares of the window at its ends that are covered and do not
    count.
    """
    if share >= 1 - 1e-9:
        return 0.5
    weight = weights.mean(axis=1 - axis)
    count = len(weight)
    window = share * count
    starts = np.linspace(0, count - window, 101)
    total = np.concatenate([[0.0], np.cumsum(weight)])
    first, last = starts + before * window, starts + (1 - after) * window
    edges = np.arange(count + 1.0)
    inside = arithmetic.interpolated(last, edges, total) - arithmetic.interpolated(first, edges, total)
    # Prefers the middle: at the border, the window must contain a quarter more.
    off = np.abs(starts - (count - window) / 2) / max((count - window) / 2, 1e-9)
    return float((starts[(inside * (1 - 0.2 * off)).argmax()] + window / 2) / count)
