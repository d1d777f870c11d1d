"""The photos of a page, each as one small picture: as large and as good as all of them may be together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from renderer.errors import RenderError
from renderer.kernels import arithmetic
from renderer.library import Library
from renderer.library.reading import THUMBNAIL_PIXELS
from renderer.pages import webp
from renderer.pictures import Pixels, resize
from renderer.threads import run_blocks

if TYPE_CHECKING:
    from renderer.progress import Progress

MOST: Final = 1600
"""The longest shorter side of a picture, in pixels."""

LEAST: Final = 48
"""The shortest shorter side of a picture, whatever the budget, in pixels."""

QUALITIES: Final = (82, 88, 92)
"""Qualities of WebP: the first one, or a better one if photos are in their own size and the budget allows it."""

_LONGEST: Final = 16_383  # pixels, the limit of WebP
_PROBE: Final = 160  # shorter side from which others are estimated
_POWER: Final = 1.6  # bytes grow with this power of the side
_STEP: Final = 8  # sides are multiples of it
_TRIES: Final = 4
_SAMPLE: Final = 48  # photos from which the size of all is estimated
_MARGIN: Final = 0.97  # share of the budget that is planned, as the sample may mislead
_BLOCK: Final = 16  # photos that a thread encodes at a time


@dataclass(frozen=True)
class Pictures:
    """Pictures of photos, WebP, in one buffer."""

    sizes: Sequence[tuple[int, int]]  # width and height of each picture
    ends: Sequence[int]  # where each ends in `data`; it starts where the one before ends
    data: bytes


def encode_photos(library: Library, budget: int, progress: Progress, *, most: int = MOST) -> Pictures:
    """Encode the photos of a library, all with the same shorter side, into at most `budget` bytes.

    `most`: the longest shorter side. Photos are not enlarged. Sides above `THUMBNAIL_PIXELS` are read from the files of
    photos, which takes 30 ms each. If even `LEAST` is too large for the budget, it is used. Memory: the budget, and a
    photo for each thread. Raises RenderError if a photo can't be read.
    """
    count = len(library.photos)
    some = np.unique(np.linspace(0, count - 1, min(_SAMPLE, count)).astype(int)).tolist()
    planned = _MARGIN * budget / count * len(some)

    def sampled(side: int, quality: int) -> int:
        return sum(len(content) for content, _ in _encoded(library, side, quality, some))

    side, quality = min(_PROBE, most), QUALITIES[0]
    for _ in range(_TRIES):
        taken = sampled(side, quality)
        better = min(_limited(side * arithmetic.power(planned / taken, 1 / _POWER)), most)
        if better == side or (taken <= planned and better - side < 0.05 * side):
            break
        side = better
    if side > max(min(library.photos[number].own_size) for number in some):  # nothing is gained by a longer side
        quality = next((each for each in QUALITIES[:0:-1] if sampled(side, each) <= planned), quality)
    while True:
        with progress.stage("encoding photos", count, "photos") as advance:
            pictures = _encoded(library, side, quality, range(count), advance)
        total = sum(len(content) for content, _ in pictures)
        if total <= budget or side <= LEAST:
            break
        side = _limited(min(side * arithmetic.power(_MARGIN * budget / total, 1 / _POWER), side - _STEP))
        quality = QUALITIES[0]
    contents = [content for content, _ in pictures]
    ends = np.cumsum([len(content) for content in contents]).tolist()
    return Pictures([size for _, size in pictures], ends, b"".join(contents))


def _limited(side: float) -> int:
    return min(max(math.floor(side / _STEP) * _STEP, LEAST), MOST)


def _encoded(
    library: Library,
    side: int,
    quality: int,
    numbers: Sequence[int],
    advance: Callable[[int], None] = lambda _count: None,
) -> list[tuple[bytes, tuple[int, int]]]:
    """Return some photos as WebP files with a shorter side, with the size of each."""
    blocks = [numbers[start : start + _BLOCK] for start in range(0, len(numbers), _BLOCK)]
    done = run_blocks(partial(_encode_block, library, side, quality), blocks, lambda block: advance(len(block)))
    return [each for block in done for each in block]


def _encode_block(
    library: Library, side: int, quality: int, numbers: Sequence[int]
) -> list[tuple[bytes, tuple[int, int]]]:
    pictures = [picture_of(library, number, side) for number in numbers]
    return [(webp(pixels, quality), (pixels.shape[1], pixels.shape[0])) for pixels in pictures]


def picture_of(library: Library, number: int, side: int) -> Pixels:
    """Return a photo's whole picture, or of a piece its crop, with a shorter side of at most `side` pixels: (H, W, 3).

    If its file is missing, that is its thumbnail.
    """
    photo = library.photos[number]
    shrink = min(side / min(photo.own_size), _LONGEST / max(photo.own_size), 1.0)
    width, height = (max(round(length * shrink), 1) for length in photo.own_size)
    try:
        if side > THUMBNAIL_PIXELS:
            return library.whole(photo, width, height, sharp=False)
        pixels = library.overview(photo)
    except RenderError:
        try:
            pixels = library.overview(photo)
        except RenderError:  # it has no stored thumbnail either
            pixels = library.tiles_of(np.array([number]))[0]
    shrink = min(side / min(pixels.shape[:2]), _LONGEST / max(pixels.shape[:2]), 1.0)
    return resize(pixels, *(max(round(length * shrink), 1) for length in pixels.shape[1::-1]))
