"""Reading what the index stores about one file: its square, thumbnail and descriptors."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from renderer.choices import Crop
from renderer.descriptors import SIGNATURE_PIXELS, TILE_PIXELS
from renderer.errors import FileError, LargePictureError, PictureError
from renderer.input_files import open_input, read_bytes
from renderer.library.clips import clip_times, read_frame
from renderer.library.index import Copy, File, Found, IndexEntry
from renderer.library.photos import Photo, Skipped
from renderer.pixels import (
    Picture,
    Pixels,
    centre_square,
    resize,
    to_linear,
    to_srgb,
)
from renderer.subject import saliency, subject_position

THUMBNAIL_PIXELS: Final = 256
"""Shorter side of the thumbnails in the index, if the photo has that many pixels."""

MAX_THUMBNAIL_RATIO: Final = 4
"""Maximum longer side of a thumbnail, in multiples of 256 pixels: tiles need no more of a panorama."""

_MAX_BUFFERED_BYTES: Final = 64_000_000  # larger files are read twice, for the hash and for the pixels

_SUBJECT_PIXELS: Final = 32  # shorter side of the copy of a picture in which its subject is detected


def file_digest(path: Path) -> str:
    """Return the BLAKE2b-128 hash of a file's bytes, hexadecimal. Raises FileError."""
    with open_input(path) as file:
        try:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        except OSError as error:
            raise FileError(path, f"can't be read ({error.strerror})", transient=True) from None


def read_file(file: File, crop: Crop, *, large: bool = True, known: Collection[str] = ()) -> Found:
    """Return the index entries of a file: one for a picture, several for video frames; or why it can't be used.

    A file with a hash in `known` is not decoded. Raises LargePictureError for a demanding picture if `large` is false,
    as it is when several threads or processes decode.
    """
    from renderer.pictures import read_picture

    path = file.path
    try:
        if file.frames:
            digest = file_digest(path)
            return Copy(digest) if digest in known else _frames(path, digest, clip_times(path, file.frames), crop)
        data = read_bytes(path, _MAX_BUFFERED_BYTES) if file.bytes <= _MAX_BUFFERED_BYTES else None
        digest = hashlib.blake2b(data, digest_size=16).hexdigest() if data is not None else file_digest(path)
        if digest in known:
            return Copy(digest)
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
    """Return the index entries of the readable frames of a clip.

    Raises PictureError if there are none, or if one failure is transient: the clip is then read again later.
    """
    entries: list[IndexEntry] = []
    failed: PictureError | None = None
    for time in times:
        try:
            entries.append(entry_of(path, digest, read_frame(path, time), crop, time=time))
        except PictureError as error:
            if error.transient:
                raise
            failed = failed or error
    if failed is not None and not entries:
        raise failed
    return entries


def entry_of(path: Path, digest: str, picture: Picture, crop: Crop, *, time: float | None = None) -> IndexEntry:
    """Return the index entry of a picture."""
    thumbnail = thumbnail_of(picture.pixels)
    box = smart_square(thumbnail, picture.size) if crop == "smart" else centre_square(*picture.size)
    tile, signature = tile_of(cut(thumbnail, box, picture.size))
    r, g, b = (float(value) for value in (tile.mean(axis=(0, 1)) / 255).astype(np.float32))
    photo = Photo(path, digest, picture.size, box, (r, g, b), time=time)
    descriptor = cv2.resize(_averaged(thumbnail), (SIGNATURE_PIXELS, SIGNATURE_PIXELS), interpolation=cv2.INTER_AREA)
    return IndexEntry(
        photo,
        picture.orientation,
        _capture_time(picture.captured or ""),
        signature,
        descriptor.astype(np.uint8, copy=False),
        tile,
        _jpeg(thumbnail),
        damaged=picture.damage is not None,
    )


def _capture_time(text: str) -> str | None:
    """Return a capture time in ISO 8601, or only the day if the time is invalid; None if the day is invalid too."""
    for length in (19, 10):
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(text[:length]).isoformat()[:length]
    return None


def tile_of(square: Pixels) -> tuple[Pixels, Pixels]:
    """Return the 32 × 32 tile and the 8 × 8 signature of a square picture: averages of linear light."""
    light = cv2.resize(to_linear(square), (TILE_PIXELS, TILE_PIXELS), interpolation=cv2.INTER_AREA)
    small = cv2.resize(light, (SIGNATURE_PIXELS, SIGNATURE_PIXELS), interpolation=cv2.INTER_AREA)
    return to_srgb(light.astype(np.float32, copy=False)), to_srgb(small.astype(np.float32, copy=False))


def thumbnail_of(pixels: Pixels) -> Pixels:
    """Return a whole picture with at most 256 pixels on the shorter side."""
    height, width = pixels.shape[:2]
    scale = min(THUMBNAIL_PIXELS / min(width, height), MAX_THUMBNAIL_RATIO * THUMBNAIL_PIXELS / max(width, height), 1.0)
    return resize(pixels, max(round(width * scale), 1), max(round(height * scale), 1))


def _jpeg(pixels: Pixels) -> bytes:
    # 4:2:0 and quality 90: 22 KB per photo; a higher quality is not visible in a tile.
    done, encoded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    if not done:
        raise MemoryError
    return encoded.tobytes()


def cut(pixels: Pixels, box: tuple[int, int, int], size: tuple[int, int]) -> Pixels:
    """Return the part of a decoded picture inside a crop box (in pixels of the original `size`): at least 1 × 1."""
    height, width = pixels.shape[:2]
    left, top, side = (value * width / size[0] for value in box)
    edge = min(max(round(side), 1), width, height)
    x, y = min(max(round(left), 0), width - edge), min(max(round(top), 0), height - edge)
    return pixels[y : y + edge, x : x + edge]


def _averaged(pixels: Pixels) -> Pixels:
    """Return a picture reduced by an integer factor, so that its shorter side is 64 pixels or slightly more.

    Averaging by an integer factor takes a fifth of the time; the remainder cut off at the edges is 1 %.
    """
    factor = max(min(pixels.shape[:2]) // 64, 1)
    width, height = pixels.shape[1] // factor, pixels.shape[0] // factor
    whole = pixels[: height * factor, : width * factor]
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def smart_square(pixels: Pixels, size: tuple[int, int]) -> tuple[int, int, int]:
    """Return the largest square of a picture that contains most of its subject: left, top, side in pixels of `size`.

    `pixels`: the picture, or a smaller version of it.
    """
    width, height = size
    side = min(size)
    if width == height:
        return 0, 0, side
    # The same size for all, so that copies of a photo in different sizes have the same square.
    scale = min(_SUBJECT_PIXELS / min(pixels.shape[:2]), 1.0)
    small = (max(round(pixels.shape[1] * scale), 1), max(round(pixels.shape[0] * scale), 1))
    reduced = cv2.resize(_averaged(pixels), small, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    axis, length = (1, width) if width > height else (0, height)  # of NumPy
    start = round(subject_position(saliency(reduced), axis, side / length) * length - side / 2)
    start = min(max(start, 0), length - side)
    return (start, 0, side) if axis == 1 else (0, start, side)
