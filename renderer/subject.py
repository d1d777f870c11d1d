"""What of a picture must stay in view when a part of it is cut off: what draws the eye, and faces above all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.pictures import Pixels, resize

Weights = npt.NDArray[np.float64]

Face = tuple[float, float, float, float]
"""Left, top, width and height of a face, in fractions of the picture."""

_FACE_SEARCH_PIXELS: Final = 320  # longer side: 0.15 s, and faces from a thirteenth of it on are found

_HEAD: Final = 2.2  # times the box from brow to chin that the detector gives: hair, and a little air

_FACES_WEIGH: Final = 3.0  # times all the rest of the picture


def find_faces(pixels: Pixels) -> list[Face]:
    """Faces seen from the front, of a picture (H, W, 3): by local binary patterns, with scikit-image's own model.

    One face may be found twice, in two sizes.

    Zhang and others, "Face detection based on multi-block LBP representation", 2007.
    """
    from skimage.data import lbp_frontal_face_cascade_filename  # 0.3 s, which only a new mosaic needs
    from skimage.feature import Cascade

    height, width = pixels.shape[:2]
    scale = min(1.0, _FACE_SEARCH_PIXELS / max(width, height))
    small = resize(pixels, max(round(width * scale), 1), max(round(height * scale), 1))
    smallest, largest = _FACE_SEARCH_PIXELS // 13, min(small.shape[:2])
    if largest <= smallest:
        return []
    model: str = lbp_frontal_face_cascade_filename()  # type: ignore[no-untyped-call]  # scikit-image types half of itself
    found = Cascade(model).detect_multi_scale(
        img=cv2.cvtColor(small, cv2.COLOR_RGB2GRAY),
        scale_factor=1.1,
        step_ratio=1,
        min_neighbor_number=8,  # times that a face is found; with 4, one picture in twenty shows one that isn't there
        min_size=(smallest, smallest),
        max_size=(largest, largest),
    )
    across, down = small.shape[1], small.shape[0]
    return [
        (
            float(face["c"] / across),
            float(face["r"] / down),
            float(face["width"] / across),
            float(face["height"] / down),
        )
        for face in found
    ]


def saliency(colours: npt.NDArray[np.float32]) -> Weights:
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


def attention(colours: npt.NDArray[np.float32], faces: Sequence[Face]) -> Weights:
    """How much it matters that each place of a picture (H, W, 3) is seen, (H, W): its saliency, and faces with hair."""
    weights = saliency(colours)
    height, width = weights.shape
    heads = np.zeros_like(weights)
    for left, top, across, along in faces:
        x, y = left + across / 2, top + along / 2
        rows = _span(y - _HEAD * along / 2, y + _HEAD * along / 2, height)
        columns = _span(x - _HEAD * across / 2, x + _HEAD * across / 2, width)
        heads[rows, columns] = 1
    if heads.any():
        weights += _FACES_WEIGH * weights.sum() * heads / heads.sum()
    return weights


def _span(low: float, high: float, count: int) -> slice:
    """The pixels of a side between two fractions of it: at least one."""
    first = min(max(int(low * count), 0), count - 1)
    return slice(first, max(min(int(np.ceil(high * count)), count), first + 1))


def subject_place(weights: Weights, axis: int, share: float, before: float = 0.0, after: float = 0.0) -> float:
    """The middle, 0…1 along an axis, of that part of a picture of a share 0…1 that catches most of its weights (H, W).

    Where nothing stands out it is the picture's middle; it lies so that the part is inside the picture. `before`,
    `after`: shares of the part at its ends that are covered, and catch nothing.
    """
    if share >= 1 - 1e-9:
        return 0.5
    weight = weights.mean(axis=1 - axis)
    count = len(weight)
    window = share * count
    starts = np.linspace(0, count - window, 101)
    total = np.concatenate([[0.0], np.cumsum(weight)])
    begin, end = starts + before * window, starts + (1 - after) * window
    caught = np.interp(end, np.arange(count + 1), total) - np.interp(begin, np.arange(count + 1), total)
    # Off the middle only for a gain: at the border the part must hold a quarter more.
    off = np.abs(starts - (count - window) / 2) / max((count - window) / 2, 1e-9)
    return float((starts[(caught * (1 - 0.2 * off)).argmax()] + window / 2) / count)
