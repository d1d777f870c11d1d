"""The search of a picture for windows that pass a cascade of classifiers."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from renderer.arrays import Float32Array, Int32Array, Int64Array, Packed
from renderer.kernels.library import kernels

_USUAL_WINDOWS: Final = 1000  # of 235 photos, none has more than 97; with more, the picture is searched twice


class Cascade(NamedTuple):
    """C classifiers in S stages: a window passes a stage if the votes of its classifiers reach a threshold."""

    features: Float32Array  # (C, 4) x, y, width and height of the upper left of 3 × 3 blocks, within side × side pixels
    patterns: Packed  # (C, 8) 256 bits, the lowest first: whether a pattern has the second vote
    votes: Float32Array  # (C, 2)
    stage_end: Int64Array  # (S,) index of the classifier after a stage's last one
    thresholds: Float32Array  # (S,)
    stages: int
    side: int  # of the window at scale 1, in pixels


def find_windows(cascade: Cascade, sums: Float32Array, scales: Float32Array) -> Int32Array:
    """Return the windows (N, 3) of a picture (H, W) that pass: top, left and side in pixels.

    sums: (H + 1, W + 1) of the pixels above and to the left; scales: of the window, at least 1.
    """
    height, width = (length - 1 for length in sums.shape)
    blocks = np.zeros((len(cascade.features), 3), np.int32)
    count, windows = _USUAL_WINDOWS, np.zeros((0, 3), np.int32)
    while count > len(windows):
        windows = np.zeros((count, 3), np.int32)
        count = kernels().find_windows(cascade, sums, height, width, scales, len(scales), blocks, windows, len(windows))
    return windows[:count]
