"""Finding frontal faces with a cascade of classifiers: OpenCV's model, searched as `skimage.feature.Cascade` does.

The faces are the same as with scikit-image, which with what it requires takes 55 MB. Zhang and others, "Face detection
based on multi-block LBP representation", 2007.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.pictures import Pixels, resize

Face = tuple[float, float, float, float]
"""Left, top, width and height of a face, in fractions of the picture."""

_SEARCH_PIXELS: Final = 320  # longer side: a search takes 0.3 s, and finds faces of at least a thirteenth of it

_GROWTH: Final = np.float32(1.1)  # of the window from one size to the next

_OVERLAP: Final = 0.5  # of the smaller of two windows, above which they show the same face

_WINDOWS: Final = 8  # that must show a face; with 4, one picture in twenty has a false one

_MODEL: Final = Path(__file__).parent / "bundled" / "lbpcascade_frontalface_opencv.xml"

_NEIGHBOURS: Final = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
"""Rows and columns of the blocks around the middle one of 3 × 3, in the order of their bits, the highest first."""

Int64Array = npt.NDArray[np.int64]

Window = tuple[int, int, int]
"""Top, left and side of a square part of a picture, in pixels."""


@dataclass(frozen=True)
class _Stage:
    """The sum of the votes on a window must reach a threshold."""

    votes: list[tuple[int, Float32Array]]  # a feature of the model, and the votes (256,) by its pattern
    threshold: np.float32


@dataclass(frozen=True)
class _Model:
    """A trained cascade: a window shows a face if it passes every stage."""

    side: int  # of the window in pixels, at scale 1
    features: Int64Array  # (4, F) x, y, width and height of the upper left of 3 × 3 blocks
    stages: list[_Stage]


@cache
def _model() -> _Model:
    def numbers(element: ElementTree.Element, path: str) -> list[float]:
        return [float(number) for number in element.findtext(path, "").split()]

    cascade = ElementTree.parse(_MODEL).getroot().find("cascade")
    assert cascade is not None
    stages = []
    for stage in cascade.iterfind("stages/_"):
        votes = []
        for stump in stage.iterfind("weakClassifiers/_"):
            _, _, feature, *words = (int(number) for number in numbers(stump, "internalNodes"))
            patterns = np.unpackbits(np.array(words, "<i4").view(np.uint8), bitorder="little")
            votes.append((feature, np.array(numbers(stump, "leafValues")[::-1], np.float32)[patterns]))
        (threshold,) = numbers(stage, "stageThreshold")
        stages.append(_Stage(votes, np.float32(threshold) - np.float32(1e-5)))
    features = np.array([numbers(feature, "rect") for feature in cascade.iterfind("features/_")], np.int64)
    return _Model(int(cascade.findtext("width", "")), features.T, stages)


def find_faces(pixels: Pixels) -> list[Face]:
    """Return the frontal faces of a picture (H, W, 3). A face may be found twice, in two sizes."""
    scale = min(1.0, _SEARCH_PIXELS / max(pixels.shape[:2]))
    height, width = (max(round(side * scale), 1) for side in pixels.shape[:2])
    grey = cv2.cvtColor(resize(pixels, width, height), cv2.COLOR_RGB2GRAY)
    found = _search(np.asarray(grey, np.uint8), _SEARCH_PIXELS // 13)
    return [(left / width, top / height, side / width, side / height) for top, left, side in _grouped(found)]


def _search(grey: npt.NDArray[np.uint8], smallest: int) -> list[Window]:
    """Return the windows of a picture (H, W) that show a face, with sides from `smallest` to the shorter side."""
    model, (height, width) = _model(), grey.shape
    largest = min(height, width)
    if largest <= smallest:
        return []
    sums = np.zeros((height + 1, width + 1), np.float32)  # of the pixels above and to the left
    sums[1:, 1:] = grey.cumsum(axis=0, dtype=np.uint64).cumsum(axis=1)
    powers = [math.log(side / model.side, _GROWTH) for side in (smallest, largest)]
    scales = np.power(_GROWTH, np.arange(max(powers[0], 0), powers[1]), dtype=np.float32)
    blocks = (model.features[..., np.newaxis].astype(np.float32) * scales).astype(np.int64)
    sides = (np.float32(model.side) * scales).astype(np.int64)
    passed = []
    for number, (scale, side) in enumerate(zip(scales.tolist(), sides.tolist(), strict=True)):
        step = math.floor(scale + 0.5)
        rows, columns = (np.arange(0, end - side, step) for end in (height, width))
        corners = (rows[:, np.newaxis] * (width + 1) + columns).ravel()
        # Most windows fail the first stage, which is fastest for one size at a time; the other stages, for all sizes.
        passed.append(_passing(model.stages[:1], blocks, sums, corners, np.full(len(corners), number)))
    corners, number_of = (np.concatenate(parts) for parts in zip(*passed, strict=True))
    corners, number_of = _passing(model.stages[1:], blocks, sums, corners, number_of)
    tops, lefts = np.divmod(corners, width + 1)
    return list(zip(tops.tolist(), lefts.tolist(), sides[number_of].tolist(), strict=True))


def _passing(
    stages: Sequence[_Stage], blocks: Int64Array, sums: Float32Array, corners: Int64Array, sizes: Int64Array
) -> tuple[Int64Array, Int64Array]:
    """Return the corners (N,) and sizes (N,) of the windows that pass all stages.

    blocks: (4, F, S) x, y, width and height of the upper left block of a feature in each size; sums: (H + 1, W + 1);
    corners: positions in the flattened `sums`; sizes: 0…S − 1.
    """
    stride, flat = sums.shape[1], sums.ravel()
    for stage in stages:
        votes = np.zeros(len(corners), np.float32)
        for feature, vote in stage.votes:
            x, y, width, height = blocks[:, feature, :].take(sizes, axis=1)
            first = corners + y * stride + x
            rows = [first + row * stride * height for row in range(4)]
            at = [[flat.take(row + column * width) for column in range(4)] for row in rows]
            # The order of the sums decides how float32 rounds them.
            block = [
                [lower[right] + upper[left] - upper[right] - lower[left] for left, right in pairwise(range(4))]
                for upper, lower in pairwise(at)
            ]
            pattern = np.zeros(len(corners), np.uint8)
            for row, column in _NEIGHBOURS:
                pattern += pattern
                pattern += block[row][column] >= block[1][1]
            votes += vote.take(pattern)
        passed = votes >= stage.threshold
        corners, sizes = corners[passed], sizes[passed]
    return corners, sizes


def _grouped(windows: Sequence[Window]) -> list[Window]:
    """Return the means of windows that overlap, where at least `_WINDOWS` do."""
    groups: list[tuple[int, int, int, int]] = []  # sums of top, left and side, and the number of windows
    for top, left, side in windows:
        best, most = len(groups), np.float32(_OVERLAP)
        for number, (*sums, count) in enumerate(groups):
            mean_top, mean_left, mean_side = (value // count for value in sums)
            height = min(top + side, mean_top + mean_side) - max(top, mean_top)
            width = min(left + side, mean_left + mean_side) - max(left, mean_left)
            overlap = np.float32(max(height, 0) * max(width, 0) / min(side, mean_side) ** 2)
            if overlap > most:
                best, most = number, overlap
        tops, lefts, sides, count = groups[best] if best < len(groups) else (0, 0, 0, 0)
        groups[best : best + 1] = [(tops + top, lefts + left, sides + side, count + 1)]
    return [
        (tops // count, lefts // count, sides // count) for tops, lefts, sides, count in groups if count >= _WINDOWS
    ]
