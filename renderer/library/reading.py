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

from renderer.descriptors import SIGNATURE_PIXELS
from renderer.errors import FileError, LargePictureError, PictureError
from renderer.faces import PHOTO_PIXELS, find_faces
from renderer.input_files import open_input, read_bytes
from renderer.library.clips import clip_times, read_frame
from renderer.library.crops import CropRule, averaged, crop_box, cut, keep_faces, tile_of
from renderer.library.index import Copy, File, Found, FoundFaces, IndexEntry, Thumbnail
from renderer.library.photos import Photo, Skipped
from renderer.pixels import Picture, Pixels, resize

THUMBNAIL_PIXELS: Final = 256
"""Shorter side of the thumbnails in the index, if the photo has that many pixels."""

MAX_THUMBNAIL_RATIO: Final = 4
"""Maximum longer side of a thumbnail, in multiples of 256 pixels: tiles need no more of a panorama."""

_MAX_BUFFERED_BYTES: Final = 64_000_000  # larger files are read twice, for the hash and for the pixels


def file_digest(path: Path) -> str:
    """Return the BLAKE2b-128 hash of a file's bytes, hexadecimal. Raises FileError."""
    with open_input(path) as file:
        try:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        except OSError as error:
            raise FileError(path, f"can't be read ({error.strerror})", transient=True) from None


def read_file(file: File, rule: CropRule, *, large: bool = True, known: Collection[str] = ()) -> Found:
    """Return the index entries of a file: one for a picture, several for video frames; or why it can't be used.

    A file with a hash in `known` is not decoded. Raises LargePictureError for a demanding picture if `large` is false,
    as it is when several threads or processes decode.
    """
    from renderer.pictures import read_picture

    path = file.path
    try:
        if file.frames:
            digest = file_digest(path)
            return Copy(digest) if digest in known else _frames(path, digest, clip_times(path, file.frames), rule)
        data = read_bytes(path, _MAX_BUFFERED_BYTES) if file.bytes <= _MAX_BUFFERED_BYTES else None
        digest = hashlib.blake2b(data, digest_size=16).hexdigest() if data is not None else file_digest(path)
        if digest in known:
            return Copy(digest)
        return [entry_of(path, digest, read_picture(path, shorter_side=THUMBNAIL_PIXELS, data=data, large=large), rule)]
    except LargePictureError:
        raise
    except FileError as error:
        return Skipped(path, error.reason, error.transient)
    except (MemoryError, cv2.error) as error:
        if isinstance(error, cv2.error) and error.code != cv2.Error.StsNoMem:
            raise
        return Skipped(path, "is too large for this machine's memory", transient=True)


def _frames(path: Path, digest: str, times: Sequence[float], rule: CropRule) -> list[IndexEntry]:
    """Return the index entries of the readable frames of a clip.

    Raises PictureError if there are none, or if one failure is transient: the clip is then read again later.
    """
    entries: list[IndexEntry] = []
    failed: PictureError | None = None
    for time in times:
        try:
            entries.append(entry_of(path, digest, read_frame(path, time), rule, time=time))
        except PictureError as error:
            if error.transient:
                raise
            failed = failed or error
    if failed is not None and not entries:
        raise failed
    return entries


def entry_of(path: Path, digest: str, picture: Picture, rule: CropRule, *, time: float | None = None) -> IndexEntry:
    """Return the index entry of a picture."""
    thumbnail = thumbnail_of(picture.pixels)
    faces = tuple(find_faces(thumbnail, PHOTO_PIXELS)) if rule.faces else ()
    box = crop_box(thumbnail, picture.size, rule.crop, faces)
    tile = tile_of(cut(thumbnail, box, picture.size))
    photo = Photo(path, digest, picture.size, box, tile.mean, time=time, faces=faces)
    descriptor = cv2.resize(averaged(thumbnail), (SIGNATURE_PIXELS, SIGNATURE_PIXELS), interpolation=cv2.INTER_AREA)
    return IndexEntry(
        photo,
        picture.orientation,
        _capture_time(picture.captured or ""),
        tile.signature,
        descriptor.astype(np.uint8, copy=False),
        tile.pixels,
        _jpeg(thumbnail),
        damaged=picture.damage is not None,
    )


def faces_in(thumbnail: Thumbnail, rule: CropRule) -> FoundFaces:
    """Return the faces of a photo that was indexed without. Raises sqlite3.DatabaseError for damaged thumbnails."""
    pixels = thumbnail.pixels
    faces = tuple(find_faces(pixels, PHOTO_PIXELS))
    box = keep_faces(thumbnail.crop, thumbnail.size, faces) if rule.crop == "smart" else thumbnail.crop
    moved = None if box == thumbnail.crop else (box, tile_of(cut(pixels, box, thumbnail.size)))
    return thumbnail, faces, moved


def _capture_time(text: str) -> str | None:
    """Return a capture time in ISO 8601, or only the day if the time is invalid; None if the day is invalid too."""
    for length in (19, 10):
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(text[:length]).isoformat()[:length]
    return None


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
