"""Finding frontal faces with a cascade of classifiers: OpenCV's model, searched as `skimage.feature.Cascade` does.

The faces are the same as with scikit-image, which with what it requires takes 55 MB. Zhang and others, "Face detection
based on multi-block LBP representation", 2007.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.kernels import arithmetic
from renderer.kernels.faces import Cascade, find_windows
from renderer.pixels import Pixels, resize

Face = tuple[float, float, float, float]
"""Left, top, width and height of a face, in fractions of the picture."""

SEARCH_PIXELS: Final = 320
"""Longer side of covers that are searched, which takes 0.03 s and finds faces of at least a thirteenth of it."""

PHOTO_PIXELS: Final = 160
"""The same of photos: a search takes 5 ms and finds faces of at least a sixth."""

_GROWTH: Final = np.float32(1.1)  # of the window from one size to the next

_OVERLAP: Final = 0.5  # of the smaller of two windows, above which they show the same face

_WINDOWS: Final = 8  # that must show a face; with 4, one picture in twenty has a false one

_MODEL: Final = Path(__file__).parent / "bundled" / "lbpcascade_frontalface_opencv.xml"

_EYES_PIXELS: Final = 128  # side of a face in which eyes are measured; an iris is 8 to 12 pixels wide

_FEWEST_PIXELS: Final = 48  # of a face, below which its eyes can't be told

_EYE_ROWS: Final = slice(26, 64)
_EYE_COLUMNS: Final = slice(14, 54)  # of the left eye; those of the right one are mirrored

Window = tuple[int, int, int]
"""Top, left and side of a square part of a picture, in pixels."""


@cache
def _cascade() -> Cascade:
    from xml.etree import ElementTree

    def numbers(element: ElementTree.Element, path: str) -> list[float]:
        return [float(number) for number in element.findtext(path, "").split()]

    cascade = ElementTree.parse(_MODEL).getroot().find("cascade")
    assert cascade is not None
    rectangles = [numbers(feature, "rect") for feature in cascade.iterfind("features/_")]
    stages = cascade.findall("stages/_")
    thresholds = np.array([numbers(stage, "stageThreshold")[0] for stage in stages], np.float32)
    classifiers = cascade.findall("stages/_/weakClassifiers/_")
    nodes = np.array([numbers(classifier, "internalNodes") for classifier in classifiers], np.int64)
    return Cascade(
        np.array(rectangles, np.float32)[nodes[:, 2]],
        nodes[:, 3:].astype(np.uint32),
        np.array([numbers(classifier, "leafValues")[::-1] for classifier in classifiers], np.float32),
        np.cumsum([len(stage.findall("weakClassifiers/_")) for stage in stages], dtype=np.int64),
        thresholds - np.float32(1e-5),
        len(stages),
        int(cascade.findtext("width", "")),
    )


def find_faces(pixels: Pixels, longer_side: int = SEARCH_PIXELS) -> list[Face]:
    """Return the frontal faces of a picture (H, W, 3), which is searched with a longer side of so many pixels.

    A face may be found twice, in two sizes.
    """
    scale = min(1.0, longer_side / max(pixels.shape[:2]))
    height, width = (max(round(side * scale), 1) for side in pixels.shape[:2])
    grey = cv2.cvtColor(resize(pixels, width, height), cv2.COLOR_RGB2GRAY)
    found = _search(np.asarray(grey, np.uint8))
    return [(left / width, top / height, side / width, side / height) for top, left, side in _grouped(found)]


def eye_contrast(pixels: Pixels, face: Face) -> float | None:
    """Return how much darker irises are than what is beside them, 0 to 1; None for a face of less than 48 pixels.

    Where the eyes of a face of a picture (H, W, 3) are, this looks for round dark spots: brows, lashes and closed lids
    are as dark on one side. Of 217 faces of 23 people, those with closed or nearly closed eyes have 0.15 to 0.31 (13 of
    14), blurred or dark ones 0.2 to 0.35, and three quarters of the others more than 0.4.
    """
    left, top, width, height = face
    rows, columns = (
        slice(max(round(start * length), 0), round((start + size) * length))
        for start, size, length in ((top, height, pixels.shape[0]), (left, width, pixels.shape[1]))
    )
    area = pixels[rows, columns]
    if min(area.shape[:2]) < _FEWEST_PIXELS:
        return None
    grey = cv2.cvtColor(resize(area, _EYES_PIXELS, _EYES_PIXELS), cv2.COLOR_RGB2GRAY).astype(np.float32)
    centre, around = cv2.blur(grey, (5, 5)), cv2.blur(grey, (3, 3))
    before, after = np.roll(around, 7, axis=1), np.roll(around, -7, axis=1)
    spots = ((np.minimum(before, after) - centre) / (np.maximum(before, after) + 20))[_EYE_ROWS]
    return float(0.5 * (spots[:, _EYE_COLUMNS].max() + spots[:, ::-1][:, _EYE_COLUMNS].max()))


def _search(grey: npt.NDArray[np.uint8]) -> list[Window]:
    """Return the windows of a picture (H, W) that show a face."""
    cascade = _cascade()
    growths = arithmetic.log(min(grey.shape) / cascade.side) / arithmetic.log(float(_GROWTH))
    scales = arithmetic.power(float(_GROWTH), np.arange(growths)).astype(np.float32)
    sums = cv2.integral(grey).astype(np.float32)
    return [(top, left, side) for top, left, side in find_windows(cascade, sums, scales).tolist()]


def _grouped(windows: Sequence[Window]) -> list[Window]:
    """Return the means of windows that overlap, where at least `_WINDOWS` do."""
    groups: list[tuple[int, int, int, int]] = []  # sums of top, left and side, and the number of windows
    for top, left, side in windows:
        best, most = len(groups), np.float32(_OVERLAP)
        for number, (*sums, count) in enumerate(groups):
            mean_top, mean_left, mean_side = (value // count for value in sums)
            height = min(top + side, mean_top + mean_side) - max(top, mean_top)
            width = min(left + side, mean_left + mean_side) - max(left, mean_left)
            overlap = np.float32(max(height, 0) * max(width, 0) / min(side * side, mean_side * mean_side))
            if overlap > most:
                best, most = number, overlap
        tops, lefts, sides, count = groups[best] if best < len(groups) else (0, 0, 0, 0)
        groups[best : best + 1] = [(tops + top, lefts + left, sides + side, count + 1)]
    return [
        (tops // count, lefts // count, sides // count) for tops, lefts, sides, count in groups if count >= _WINDOWS
    ]
