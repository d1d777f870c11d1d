"""Crops: the part of a photo that its tile shows, and the tile picture and signature made from it.

The largest part with the tile's ratio is used. It is placed around the photo's subject, and moved as little as
necessary to contain faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Final, NamedTuple

import cv2
import numpy as np

from renderer.choices import Crop
from renderer.descriptors import SIGNATURE_PIXELS, tile_size
from renderer.faces import Face
from renderer.pixels import Pixels, to_linear, to_srgb
from renderer.subject import HEAD, saliency, subject_position

Box = tuple[int, int, int, int]
"""Left, top, width and height in pixels of the upright original."""

SQUARE: Final = Fraction(1)

_SUBJECT_PIXELS: Final = 32  # shorter side of the copy of a picture in which its subject is detected

_OWN_RATIO: Final = 0.01  # difference of ratios below which a photo is shown whole: the tile is stretched by that


@dataclass(frozen=True)
class CropRule:
    """How the photos of an index are cropped."""

    crop: Crop = "smart"
    faces: bool = True  # whether faces are found; smart crops keep them


class Tile(NamedTuple):
    """What a crop of a photo shows."""

    pixels: Pixels  # (H, W, 3), shorter side 32
    signature: Pixels  # (8, 8, 3)
    mean: tuple[float, float, float]  # sRGB, 0…1


# -- Where ---------------------------------------------------------------------------------------------------------


def largest_part(size: tuple[int, int], ratio: Fraction) -> tuple[int, int]:
    """Return the width and height of the largest part of a picture of `size` whose width / height is `ratio`.

    That is the whole picture if its ratio differs by a pixel or by 1 %, except for squares, which are exact.
    """
    width, height = size
    if ratio == SQUARE:
        return min(size), min(size)
    across, along = round(height * ratio), round(width / ratio)
    is_own = min(abs(across - width), abs(along - height)) <= 1 or abs(width / height / ratio - 1) <= _OWN_RATIO
    if is_own:
        return size
    return (max(across, 1), height) if across < width else (width, max(along, 1))


def crop_box(
    pixels: Pixels, size: tuple[int, int], crop: Crop, faces: Sequence[Face] = (), ratio: Fraction = SQUARE
) -> Box:
    """Return the crop of a picture of `size`; `pixels`: the picture, or a smaller version of it.

    A smart crop contains most of the subject, and all faces if they fit; otherwise the most and largest ones that do.
    """
    part = largest_part(size, ratio)
    left, top = ((length - window) // 2 for length, window in zip(size, part, strict=True))
    if part == size or crop == "centre":
        return left, top, *part
    axis = 0 if part[0] < size[0] else 1  # along which the crop can be moved: 0 for x
    length, window = size[axis], part[axis]
    # The same size for all, so that copies of a photo in different sizes have the same crop.
    scale = min(_SUBJECT_PIXELS / min(pixels.shape[:2]), 1.0)
    small = (max(round(pixels.shape[1] * scale), 1), max(round(pixels.shape[0] * scale), 1))
    reduced = cv2.resize(averaged(pixels), small, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    start = round(subject_position(saliency(reduced), 1 - axis, window / length) * length - window / 2)
    start = min(max(start, 0), length - window)
    return keep_faces((start, 0, *part) if axis == 0 else (0, start, *part), size, faces)


def keep_faces(box: Box, size: tuple[int, int], faces: Sequence[Face]) -> Box:
    """Return a crop of a picture of `size`, moved along its longer side as little as necessary to contain faces."""
    left, top, width, height = box
    x = _start(left, width, size[0], [(face[0], face[2]) for face in faces])
    y = _start(top, height, size[1], [(face[1], face[3]) for face in faces])
    return x, y, width, height


def _start(start: int, window: int, length: int, faces: Sequence[tuple[float, float]]) -> int:
    """Return the start of a window on a line, moved as little as necessary to contain faces; all lengths in pixels.

    faces: start and size of each, in fractions of the line. Whole heads are kept if they fit, or else the boxes of the
    faces, with equal margins.
    """
    boxes, heads = [], []
    for low, extent in faces:
        boxes.append((max(floor(low * length), 0), min(ceil((low + extent) * length), length)))
        margin = (HEAD - 1) / 2 * extent
        heads.append((max(floor((low - margin) * length), 0), min(ceil((low + extent + margin) * length), length)))
    kept = _kept(boxes, window, start)
    if not kept:
        return start
    for spans in (heads, boxes):
        first, last = max(spans[each][1] for each in kept) - window, min(spans[each][0] for each in kept)
        if first <= last:
            start = min(max(start, first), last) if spans is heads else (first + last) // 2
            break
    else:  # a single face, larger than the window
        start = (first + last) // 2
    return min(max(start, 0), length - window)


def _kept(boxes: Sequence[tuple[int, int]], window: int, start: int) -> list[int]:
    """Return which boxes to keep in a window: those with the largest sum of lengths that fit into it together.

    Of equally good ones, those nearest to a window at `start`; the largest box if none fits.
    """
    fitting = [box for box in boxes if box[1] - box[0] <= window]
    if not fitting:
        return [max(range(len(boxes)), key=lambda each: boxes[each][1] - boxes[each][0])] if boxes else []
    together = [
        [each for each, (low, high) in enumerate(boxes) if first <= low and high <= first + window]
        for first, _ in sorted(fitting)
    ]

    def value(which: list[int]) -> tuple[int, int]:
        low, high = min(boxes[each][0] for each in which), max(boxes[each][1] for each in which)
        return sum(boxes[each][1] - boxes[each][0] for each in which), -abs(low + high - 2 * start - window)

    return max(together, key=value)


# -- What ----------------------------------------------------------------------------------------------------------


def cut(pixels: Pixels, box: Box, size: tuple[int, int]) -> Pixels:
    """Return the part of a decoded picture inside a crop box (in pixels of the original `size`): at least 1 × 1."""
    limits = pixels.shape[1], pixels.shape[0]
    left, top, *sides = (value * limits[0] / size[0] for value in box)
    across, along = (min(max(round(side), 1), limit) for side, limit in zip(sides, limits, strict=True))
    if box[2] == box[3]:  # rounding may have changed the shape of a small picture
        across = along = min(across, along)
    x, y = min(max(round(left), 0), limits[0] - across), min(max(round(top), 0), limits[1] - along)
    return pixels[y : y + along, x : x + across]


def tile_of(pixels: Pixels, ratio: Fraction = SQUARE) -> Tile:
    """Return the tile picture of a crop, its signature and its mean colour: averages of linear light."""
    light = cv2.resize(to_linear(pixels), tile_size(ratio), interpolation=cv2.INTER_AREA)
    small = cv2.resize(light, (SIGNATURE_PIXELS, SIGNATURE_PIXELS), interpolation=cv2.INTER_AREA)
    tile, signature = (to_srgb(each.astype(np.float32, copy=False)) for each in (light, small))
    r, g, b = (float(value) for value in (tile.mean(axis=(0, 1)) / 255).astype(np.float32))
    return Tile(tile, signature, (r, g, b))


def averaged(pixels: Pixels) -> Pixels:
    """Return a picture reduced by an integer factor, so that its shorter side is 64 pixels or slightly more.

    Averaging by an integer factor takes a fifth of the time; the remainder cut off at the edges is 1 %.
    """
    factor = max(min(pixels.shape[:2]) // 64, 1)
    width, height = pixels.shape[1] // factor, pixels.shape[0] // factor
    whole = pixels[: height * factor, : width * factor]
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
