"""One file, read as far as the index needs it: its square, its thumbnail, its descriptors."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np

from renderer.descriptors import SIGNATURE_PIXELS, TILE_PIXELS
from renderer.errors import FileError, PictureError
from renderer.input_files import open_input, read_bytes
from renderer.library.clips import clip_times, read_frame
from renderer.library.index import File, IndexEntry
from renderer.library.photos import Photo, Skipped
from renderer.pictures import (
    LargePictureError,
    Picture,
    Pixels,
    centre_square,
    read_picture,
    resize,
    to_linear,
    to_srgb,
)
from renderer.subject import saliency, subject_place

THUMBNAIL_PIXELS: Final = 256
"""Shorter side of the thumbnails in the index, where the photo has that many pixels."""

LONGEST_THUMBNAIL: Final = 4
"""A thumbnail's longer side is at most this many times 256 pixels: of a panorama it is all that a tile needs."""

Crop = Literal["smart", "centre"]
"""The square of a photo that is its tile: `smart` lies where the photo draws the eye, `centre` in the middle."""

_READ_AT_ONCE: Final = 64_000_000  # bytes; a larger file is read twice, for its hash and for its pixels

_SUBJECT_PIXELS: Final = 32  # shorter side of the picture in which the subject is looked for


def file_digest(path: Path) -> str:
    """BLAKE2b-128 of a file's bytes, hexadecimal. Raises FileError."""
    with open_input(path) as file:
        try:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        except OSError as error:
            raise FileError(path, f"may not be read ({error.strerror})", transient=True) from None


def read_file(file: File, crop: Crop, *, large: bool = True) -> list[IndexEntry] | Skipped:
    """What the index keeps of a file: one photo, or some frames of a clip; or why it can't be used.

    Raises LargePictureError unless `large`, where other processes may decode too.
    """
    path = file.path
    try:
        if file.frames:
            digest = file_digest(path)
            return _frames(path, digest, clip_times(path, file.frames), crop)
        data = read_bytes(path, _READ_AT_ONCE) if file.bytes <= _READ_AT_ONCE else None
        digest = hashlib.blake2b(data, digest_size=16).hexdigest() if data is not None else file_digest(path)
        return [entry_of(path, digest, read_picture(path, shorter_side=THUMBNAIL_PIXELS, data=data, large=large), crop)]
    except LargePictureError:
        raise
    except FileError as error:
        return Skipped(path, error.reason, error.transient)
    except (MemoryError, cv2.error) as error:
        if isinstance(error, cv2.error) and error.code != cv2.Error.StsNoMem:
            raise
        return Skipped(path, "is too large for this machine's memory", transient=True)


def _frames(path: Path, digest: str, times: Sequence[float], crop: Crop) -> list[IndexEntry]:
    """What the index keeps of those frames of a clip that can be read.

    Raises PictureError if none can be, or if the failure of one may pass: the clip is then read again another time.
    """
    found: list[IndexEntry] = []
    failed: PictureError | None = None
    for time in times:
        try:
            found.append(entry_of(path, digest, read_frame(path, time), crop, time=time))
        except PictureError as error:
            if error.transient:
                raise
            failed = failed or error
    if failed is not None and not found:
        raise failed
    return found


def entry_of(path: Path, digest: str, picture: Picture, crop: Crop, *, time: float | None = None) -> IndexEntry:
    """What the index keeps of a picture."""
    thumbnail = thumbnail_of(picture.pixels)
    box = smart_square(thumbnail, picture.size) if crop == "smart" else centre_square(*picture.size)
    tile, signature = tile_of(cut(thumbnail, box, picture.size))
    r, g, b = (float(value) for value in (tile.mean(axis=(0, 1)) / 255).astype(np.float32))
    photo = Photo(path, digest, picture.size, box, (r, g, b), time=time)
    look = cv2.resize(_averaged(thumbnail), (SIGNATURE_PIXELS, SIGNATURE_PIXELS), interpolation=cv2.INTER_AREA)
    return IndexEntry(
        photo,
        picture.orientation,
        _moment(picture.captured or ""),
        signature,
        look.astype(np.uint8, copy=False),
        tile,
        _jpeg(thumbnail),
        damaged=picture.damage is not None,
    )


def _moment(noted: str) -> str | None:
    """When a photo was taken, ISO 8601, or only the day if the time is none; None for what no calendar has."""
    for length in (19, 10):
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(noted[:length]).isoformat()[:length]
    return None


def tile_of(square: Pixels) -> tuple[Pixels, Pixels]:
    """The 32 × 32 tile of a square picture, and its 8 × 8 signature: averages of its light."""
    light = cv2.resize(to_linear(square), (TILE_PIXELS, TILE_PIXELS), interpolation=cv2.INTER_AREA)
    small = cv2.resize(light, (SIGNATURE_PIXELS, SIGNATURE_PIXELS), interpolation=cv2.INTER_AREA)
    return to_srgb(light.astype(np.float32, copy=False)), to_srgb(small.astype(np.float32, copy=False))


def thumbnail_of(pixels: Pixels) -> Pixels:
    """The whole of a picture, of at most 256 pixels on the shorter side."""
    height, width = pixels.shape[:2]
    scale = min(THUMBNAIL_PIXELS / min(width, height), LONGEST_THUMBNAIL * THUMBNAIL_PIXELS / max(width, height), 1.0)
    return resize(pixels, max(round(width * scale), 1), max(round(height * scale), 1))


def _jpeg(pixels: Pixels) -> bytes:
    # 4:2:0 and quality 90: 22 KB of a photo; more is not seen of a tile.
    done, encoded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    if not done:
        raise MemoryError
    return encoded.tobytes()


def cut(pixels: Pixels, box: tuple[int, int, int], size: tuple[int, int]) -> Pixels:
    """The part of a decoded picture that a crop box in pixels of `size`, the original's, means, at least 1 × 1."""
    height, width = pixels.shape[:2]
    left, top, side = (value * width / size[0] for value in box)
    edge = min(max(round(side), 1), width, height)
    x, y = min(max(round(left), 0), width - edge), min(max(round(top), 0), height - edge)
    return pixels[y : y + edge, x : x + edge]


def _averaged(pixels: Pixels) -> Pixels:
    """A picture at the whole fraction of its size of which the shorter side is 64 pixels or little more.

    For whole fractions averaging takes a fifth of the time; what is left over at the edges is a hundredth.
    """
    times = max(min(pixels.shape[:2]) // 64, 1)
    width, height = pixels.shape[1] // times, pixels.shape[0] // times
    whole = pixels[: height * times, : width * times]
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def smart_square(pixels: Pixels, size: tuple[int, int]) -> tuple[int, int, int]:
    """The largest square of a picture of a size that holds most of what draws the eye: left, top, side in its pixels.

    `pixels`: the picture, or a smaller one of it.
    """
    width, height = size
    side = min(size)
    if width == height:
        return 0, 0, side
    # One size for all, so that copies of a photo in several sizes have their subject at one place.
    scale = min(_SUBJECT_PIXELS / min(pixels.shape[:2]), 1.0)
    small = (max(round(pixels.shape[1] * scale), 1), max(round(pixels.shape[0] * scale), 1))
    seen = cv2.resize(_averaged(pixels), small, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    axis, length = (1, width) if width > height else (0, height)  # as NumPy counts them
    start = round(subject_place(saliency(seen), axis, side / length) * length - side / 2)
    start = min(max(start, 0), length - side)
    return (start, 0, side) if axis == 1 else (0, start, side)
