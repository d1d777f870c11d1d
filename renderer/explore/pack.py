"""The photos of a page, each as one small picture: as large as all of them may be together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from renderer.errors import RenderError
from renderer.library import Library
from renderer.pictures import Pixels, resize
from renderer.threads import run_blocks

if TYPE_CHECKING:
    from renderer.progress import Progress

SIDES: Final = (1440, 1080, 800, 640, 512, 400, 320, 256, 224, 192, 160, 136, 112, 96, 80, 64, 48)
"""Shorter sides of the pictures, of which the largest is chosen that the budget allows."""

_QUALITY: Final = 82  # of WebP
_SAMPLE: Final = 48  # photos from which the size of all is estimated
_MARGIN: Final = 0.97  # share of the budget that is planned, as the sample may mislead
_BLOCK: Final = 16  # photos that a thread encodes at a time


@dataclass(frozen=True)
class Pack:
    """Pictures of photos, WebP, in one buffer."""

    side: int  # the shorter side of photos that are large enough
    sizes: Sequence[tuple[int, int]]  # width and height of each picture
    ends: Sequence[int]  # where each ends in `data`; it starts where the one before ends
    data: bytes


def pack_photos(library: Library, budget: int, progress: Progress) -> Pack:
    """Encode the photos of a library, all with the same shorter side, into at most `budget` bytes.

    Photos are not enlarged. Sides above 256 pixels are read from the files of photos, which takes 30 ms each. If even
    the smallest side is too large for the budget, it is used. Raises RenderError if a photo can't be read.
    """
    count = len(library.photos)
    some = np.unique(np.linspace(0, count - 1, min(_SAMPLE, count)).astype(int)).tolist()
    for place, side in enumerate(SIDES):
        last = place == len(SIDES) - 1
        sampled = _encoded(library, side, some)
        if not last and sum(len(content) for content, _ in sampled) / len(some) * count > _MARGIN * budget:
            continue
        with progress.stage("encoding photos", count, "photos") as advance:
            pictures = _encoded(library, side, range(count), advance)
        if last or sum(len(content) for content, _ in pictures) <= budget:
            break
    contents = [content for content, _ in pictures]
    ends = np.cumsum([len(content) for content in contents]).tolist()
    return Pack(side, [size for _, size in pictures], ends, b"".join(contents))


def _encoded(
    library: Library, side: int, numbers: Sequence[int], advance: Callable[[int], None] = lambda _count: None
) -> list[tuple[bytes, tuple[int, int]]]:
    """Return some photos as WebP files with a shorter side, with the size of each."""
    blocks = [numbers[start : start + _BLOCK] for start in range(0, len(numbers), _BLOCK)]
    done = run_blocks(partial(_encode_block, library, side), blocks, lambda block: advance(len(block)))
    return [each for block in done for each in block]


def _encode_block(library: Library, side: int, numbers: Sequence[int]) -> list[tuple[bytes, tuple[int, int]]]:
    encoded = []
    for number in numbers:
        pixels = picture_of(library, number, side)
        settings = (cv2.IMWRITE_WEBP_QUALITY, _QUALITY)
        content = cv2.imencode(".webp", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), settings)[1].tobytes()
        encoded.append((content, (pixels.shape[1], pixels.shape[0])))
    return encoded


def picture_of(library: Library, number: int, side: int) -> Pixels:
    """Return a photo's whole picture, or of a piece its crop, with a shorter side of at most `side` pixels: (H, W, 3).

    Raises RenderError if it can't be read.
    """
    photo = library.photos[number]
    shrink = min(side / min(photo.own_size), 1.0)
    width, height = (max(round(length * shrink), 1) for length in photo.own_size)
    if side > 256:
        return library.whole(photo, width, height, sharp=False)
    try:
        pixels = library.overview(photo)
    except RenderError:  # its file is missing, and it has no stored thumbnail
        pixels = library.tiles_of(np.array([number]))[0]
    shrink = min(side / min(pixels.shape[:2]), 1.0)
    return resize(pixels, *(max(round(length * shrink), 1) for length in pixels.shape[1::-1]))
