"""The outlines of shapes, and masks made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Float64Array
from renderer.cover_names import Shape

Mask = npt.NDArray[np.uint8]
"""(H, W) 255 inside, 0 outside, shares of a pixel between."""

_FINER: Final = 8  # subpixels per pixel and direction; OpenCV's polygons are up to one of them too large
_BAND: Final = 64  # rows drawn at a time, so that subpixels take 16 MB in a mask 4,000 pixels wide
_FRACTION_BITS: Final = 4  # of a subpixel, in the coordinates that OpenCV takes

_CORNER: Final = 0.18
"""Radius of the corners of `rounded`, as a share of its shorter side."""

_INNER_RADIUS: Final = 0.5
"""Inner radius of the star relative to the outer one; with the pentagram's 0.382, the points have space for few cells.
"""


def shape_mask(shape: Shape, width: int, height: int, margin: float = 0.0) -> Mask:
    """Return the mask of a shape, as large as fits `width` × `height` pixels with a margin in pixels on each side.

    `rounded` takes the shape of the space; the others keep theirs.
    """
    size = np.array([max(width - 2 * margin, 1.0), max(height - 2 * margin, 1.0)])
    if shape == "rounded":
        points = _rounded(*size.tolist())
    else:
        points = _OUTLINES[shape]()
        low, high = points.min(axis=0), points.max(axis=0)
        points = (points - (low + high) / 2) * float((size / (high - low)).min())
    return polygon_mask(points + np.array([width / 2, height / 2]), width, height)


def polygon_mask(points: Float64Array, width: int, height: int) -> Mask:
    """Return the anti-aliased mask of a polygon; `points` (N, 2): x, y in pixels from the top left corner."""
    mask = np.empty((height, width), np.uint8)
    for top in range(0, height, _BAND):
        rows = min(_BAND, height - top)
        band = np.zeros((rows * _FINER, width * _FINER), np.uint8)
        # OpenCV's coordinates are those of pixels' centres.
        corners = ((points - (0, top)) * _FINER - 0.5) * (1 << _FRACTION_BITS)
        cv2.fillPoly(band, [np.rint(corners).astype(np.int32)], 255, shift=_FRACTION_BITS)
        mask[top : top + rows] = cv2.resize(band, (width, rows), interpolation=cv2.INTER_AREA)
    return mask


def _regular(corners: int, *radii: float) -> Float64Array:
    """Return a regular polygon or star that starts at the top, (corners, 2); the radii of its corners alternate."""
    angle = np.arange(corners) * 2 * np.pi / corners
    radius = np.resize(np.array(radii), corners)
    return np.stack([np.sin(angle), -np.cos(angle)], axis=1) * radius[:, np.newaxis]


def _heart() -> Float64Array:
    """Return a heart: the parametric curve of mathworld.wolfram.com/HeartCurve.html."""
    t = np.arange(720) * 2 * np.pi / 720
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([16 * np.sin(t) ** 3, -y], axis=1)


def _rounded(width: float, height: float) -> Float64Array:
    """Return a rectangle with rounded corners around the origin."""
    radius = _CORNER * min(width, height)
    turn = np.linspace(0, np.pi / 2, 90)
    arc = np.stack([np.cos(turn), np.sin(turn)], axis=1) * radius
    corner = arc + np.array([width / 2 - radius, height / 2 - radius])
    return np.concatenate([corner, corner[::-1] * (-1, 1), -corner, corner[::-1] * (1, -1)])


_OUTLINES: Final[dict[Shape, Callable[[], Float64Array]]] = {
    "heart": _heart,
    "circle": lambda: _regular(720, 1.0),
    "star": lambda: _regular(10, 1.0, _INNER_RADIUS),
    "hexagon": lambda: _regular(6, 1.0),
    "diamond": lambda: _regular(4, 1.0),
}
