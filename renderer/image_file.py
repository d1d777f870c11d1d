"""Opening untrusted image files: only supported formats, within limits, and the intact part of damaged files."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import io
import itertools
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import numpy as np
import pi_heif
from PIL import Image, ImageFile, UnidentifiedImageError, _imaging
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from renderer.input_files import open_input
from renderer.pixels import MAX_PIXELS
from renderer.tiffs import TiffError, open_tiff

FORMATS: Final = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF", "JPEG2000", "PPM")
"""Supported formats, by Pillow's names. Pillow reads 33 more, and one of them (EPS) starts another program."""

# Pillow rejects pictures above twice this value; its default is below what phones and film scanners produce.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2

MAX_WHOLE_PIXELS: Final = 100_000_000
"""The limit for formats other than JPEG, whose decoders can't scale: making a tile then takes 1.4 GB."""

MAX_SIDE: Final = 100_000
"""Maximum pixels per side. JPEG allows 65,535, about as many as the longest panoramas have."""

MAX_BYTES: Final = 2_000_000_000
"""Maximum file size. 100 million pixels of four 32-bit channels take 1.6 GB."""

MAX_READS: Final = 200_000
"""Maximum reads of a file. A photo takes 10 to 100, a PNG 3 per block of 8 KiB; this many take half a second."""

MAX_BYTES_AT_ONCE: Final = 256_000_000
"""Maximum size of files that are read at once, as WebP, AVIF and HEIC are; three times the largest known ones."""

MAX_SCANS: Final = 200
"""Maximum scans of a JPEG. Encoders write 1 to 12; 3 × 64 would store each coefficient of each channel separately."""

_MAX_USUAL_SCANS: Final = 20

LARGE_PIXELS: Final = 24_000_000
"""The size of a phone's photo. Larger pictures are demanding if their decoder holds them in memory completely."""


def _may_be_heif(prefix: bytes) -> bool | str:
    """Return whether a file that starts with `prefix` is a HEIF file. Loads pi_heif, which takes 25 ms, for such files.

    Its own functions then replace the registered ones.
    """
    if prefix[4:8] != b"ftyp":
        return False
    pi_heif.register_heif_opener()
    is_heif = Image.OPEN["HEIF"][1]
    return is_heif is not None and is_heif(prefix)


def _open_heif(file: IO[bytes], name: str | bytes) -> ImageFile.ImageFile:
    return Image.OPEN["HEIF"][0](file, name)


Image.register_open("HEIF", _open_heif, _may_be_heif)
Image.register_open("TIFF", open_tiff, Image.OPEN["TIFF"][1])

# Without a logging configuration, Pillow's log of damaged files would be written to standard error.
logging.getLogger("PIL").addHandler(logging.NullHandler())

# AttributeError: libtiff is built into Pillow without exported symbols.
with contextlib.suppress(OSError, AttributeError):
    # libtiff writes errors and warnings to standard error directly.
    for _handler in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        ctypes.CDLL(_imaging.__file__)[_handler](None)


class UnreasonableImageError(OSError):
    """An image exceeds the limits; the message completes a sentence that starts with its name."""


class _Source(io.BufferedReader):
    """A file's bytes with a limited number of reads: a file of millions of chunks would take minutes."""

    def __init__(self, raw: io.RawIOBase | io.BytesIO, max_reads: float) -> None:
        super().__init__(raw)
        self._left = max_reads

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as the base class does. Raises UnreasonableImageError beyond the limits."""
        self._left -= 1
        if self._left < 0:
            raise UnreasonableImageError(f"consists of more than {MAX_READS:,} chunks: export it as JPEG")
        if size is None or size < 0:
            data = super().read(MAX_BYTES_AT_ONCE + 1)
            if len(data) > MAX_BYTES_AT_ONCE:
                raise UnreasonableImageError(f"is larger than {MAX_BYTES_AT_ONCE // 1_000_000} MB: export it as JPEG")
            return data
        return super().read(size)


@contextlib.contextmanager
def open_image(source: Path | bytes, *, max_reads: float = MAX_READS) -> Iterator[ImageFile.ImageFile]:
    """Open an image of a supported format and read its header; no other code opens images with Pillow.

    `max_reads`: infinite for files that this program made. Raises FileError, UnreasonableImageError, and what Pillow
    raises.
    """
    raw = open_input(source).detach() if isinstance(source, Path) else io.BytesIO(source)
    with _Source(raw, max_reads) as file, _opened(file) as image:
        yield image


def _opened(file: _Source) -> ImageFile.ImageFile:
    return Image.open(file, formats=FORMATS)


def check_image(image: Image.Image, file_bytes: int) -> None:
    """Raise UnreasonableImageError for an image that is too large, or built to keep a decoder busy."""
    width, height = image.size
    max_pixels = MAX_PIXELS if isinstance(image, JpegImageFile) else MAX_WHOLE_PIXELS
    if width * height > max_pixels:
        raise UnreasonableImageError(
            f"has {width} × {height} pixels, more than {max_pixels // 1_000_000} million: scale it down"
        )
    if max(width, height) > MAX_SIDE:
        raise UnreasonableImageError(f"has {width} × {height} pixels, more than {MAX_SIDE:,} per side: crop it")
    if file_bytes > MAX_BYTES:
        raise UnreasonableImageError(
            f"has {file_bytes / 1e9:.1f} GB, more than {MAX_BYTES // 1_000_000_000} GB: scale it down"
        )
    if _scans(image) > MAX_SCANS:
        raise UnreasonableImageError(f"has more than {MAX_SCANS} scans: save it again as JPEG")


def is_demanding(image: Image.Image) -> bool:
    """Return whether decoding an image may take a gigabyte or several seconds, according to its header."""
    pixels = image.width * image.height
    if isinstance(image, JpegImageFile):
        # A single scan is decoded row by row; with several, all coefficients are held in memory.
        scans = _scans(image)
        return scans > _MAX_USUAL_SCANS or pixels > (LARGE_PIXELS if scans > 1 else MAX_WHOLE_PIXELS)
    if isinstance(image, TiffImageFile):
        # libtiff allocates a whole TIFF tile, which may be larger than the picture.
        width, height = image.tag_v2.get(_TILE_WIDTH, 1), image.tag_v2.get(_TILE_LENGTH, 1)
        if isinstance(width, int) and isinstance(height, int):
            pixels = max(pixels, width * height)
    return pixels > LARGE_PIXELS


_TILE_WIDTH, _TILE_LENGTH = 322, 323  # TIFF 6.0


def _scans(image: Image.Image) -> int:
    """Return the number of scans of a JPEG, at most the limit + 1; 1 for other formats. Counted once per image."""
    if not isinstance(image, JpegImageFile):
        return 1
    if "scans" not in image.info:
        image.info["scans"] = _count_scans(image)
    return int(image.info["scans"])


def _count_scans(image: JpegImageFile) -> int:
    if image.fp is None:
        return 1
    file, start = image.fp, image.fp.tell()
    try:
        file.seek(2)
        while len(head := file.read(4)) == 4 and head[0] == 0xFF:
            if head[1] == 0xFF:  # fill bytes: few, since the header was read before
                file.seek(-3, io.SEEK_CUR)
            elif head[1] == 0xDA:  # SOS, followed by its length and its number of components
                components = file.read(1)
                if components == bytes([image.layers]) and not image.info.get("progressive"):
                    return 1
                return _count(file.read())
            else:
                file.seek(int.from_bytes(head[2:], "big") - 2, io.SEEK_CUR)
    finally:
        file.seek(start)
    return 1


def _count(data: bytes) -> int:
    """Return 1 + the number of SOS markers before the first EOI marker: coded data contain neither (T.81, B.1.1.5)."""
    markers = (found[0] for found in re.finditer(rb"\xff[\xd9\xda]", data))
    scans = itertools.takewhile(lambda marker: marker == b"\xff\xda", markers)
    return 1 + sum(1 for _ in itertools.islice(scans, MAX_SCANS))


# -- Damaged files -------------------------------------------------------------------------------------------------


def load_upper(image: ImageFile.ImageFile, draft: tuple[int, int] | None) -> tuple[ImageFile.ImageFile, float]:
    """Decode an image; with `draft`, a size, at the smallest scale of its decoder that gives at least this size.

    A truncated or damaged image is cropped below its last good row, if at least half of its rows are good. Returns the
    decoded image, which may be another object, and the share of its rows that remain: 1 if it is intact. Raises what
    Pillow raises, UnreasonableImageError, and MemoryError even if the decoder reports a lack of memory as damage.
    """
    if draft is not None:
        image.draft("RGB", draft)
    file = image.fp
    try:
        image.load()
    except Exception as error:
        if file is None or is_transient(error) or isinstance(error, UnreasonableImageError | TiffError):
            raise
        if not _can_allocate(image.width * image.height * _BYTES_PER_PIXEL):
            raise MemoryError from error
        file.seek(0)
        upper, rows = _good_rows(file.read(), draft)
        share = rows / upper.height
        if share < _MIN_REPORTED_SHARE:
            raise
        if share < _MIN_SHARE:
            raise UnreasonableImageError(f"is damaged: only the upper {share:.0%} can be read") from error
    else:
        return image, 1.0
    if rows < upper.height:
        upper.im = upper.im.crop((0, 0, upper.width, rows))
        upper._size = (upper.width, rows)  # as Pillow's in-place functions do
    if isinstance(upper, TiffImageFile):
        TiffImageFile.load_end(upper)  # rotates it upright
    return upper, share


_MIN_SHARE: Final = 0.5
"""Minimum share of readable rows of a damaged picture; below it, the picture is rejected."""

_MIN_REPORTED_SHARE: Final = 0.01  # of rows: below it, the decoder's own message says more

_BYTES_PER_PIXEL: Final = 16  # memory of decoders: coefficients, copies of rows, and the picture itself

_TRANSIENT_MESSAGES: Final = ("out of memory", "memory allocation", "memory_allocation", "not enough memory")

_DAMAGE: Final = frozenset([None, errno.EINVAL, errno.EOVERFLOW, errno.ESPIPE])
"""Error numbers that decoders raise themselves, or that seeking to an offset from a damaged header causes."""


def is_transient(error: BaseException) -> bool:
    """Return whether an error of a decoder or of the file system has a cause other than the content of the file."""
    if isinstance(error, OSError) and not isinstance(error, UnidentifiedImageError) and error.errno not in _DAMAGE:
        return True
    return isinstance(error, MemoryError) or any(text in str(error).lower() for text in _TRANSIENT_MESSAGES)


def _can_allocate(count: int) -> bool:
    """Return whether this many bytes can be allocated: libjpeg reports a lack of memory as damage."""
    try:
        np.empty(count, np.uint8)
    except MemoryError:
        return False
    return True


def _good_rows(data: bytes, draft: tuple[int, int] | None) -> tuple[ImageFile.ImageFile, int]:
    """Decode a damaged image as far as possible; return it, and the number of its intact rows from the top."""
    is_jpeg = data.startswith(b"\xff\xd8")
    # libjpeg outputs the last rows only after the end marker, and fills missing rows with grey.
    image, is_complete = _decoded(data + _EOI if is_jpeg else data, draft, 0)
    if is_jpeg and is_complete:
        # If nothing is missing, more data changes nothing. (1 KiB: several blocks of 16 × 16 pixels.)
        other, _ = _decoded(data + b"\x55" * 1024 + _EOI, draft, 0)
        if np.array_equal(np.asarray(image), np.asarray(other)):
            return image, image.height
        ends = np.asarray(image)[:, -1].reshape(image.height, -1).astype(int)
        present = (np.abs(ends - 128) > 1).any(axis=1).nonzero()[0]
        rows = int(present[-1]) + 1 if len(present) else 0
        # The last row is blended with the grey below it.
        return image, rows if rows == image.height else max(rows - 1, 0)
    # Pixels that were not decoded keep their previous values.
    other, _ = _decoded(data, draft, 255)
    differs = np.asarray(image)[:, -1] != np.asarray(other)[:, -1]
    missing = differs.reshape(image.height, -1).any(axis=1).nonzero()[0]
    return image, int(missing[0]) if len(missing) else image.height


_EOI: Final = b"\xff\xd9"  # end marker of a JPEG


def _decoded(data: bytes, draft: tuple[int, int] | None, fill: int) -> tuple[ImageFile.ImageFile, bool]:
    """Decode an image as far as possible over pixels of value `fill`, unrotated; return whether it is complete."""
    image = _opened(_Source(io.BytesIO(data), MAX_READS))
    if draft is not None:
        image.draft("RGB", draft)
    bands = len(image.getbands())
    image._size = getattr(image, "_tile_size", image.size)  # of a TIFF, before rotation
    image.im = _imaging.fill(image.mode, image.size, fill if bands == 1 else (fill,) * bands)
    image.load_end = lambda: None  # type: ignore[method-assign]  # it would rotate a TIFF
    try:
        image.load()
    except Exception:  # whatever decoders raise
        image.tile = []  # prevents another attempt
        return image, False
    return image, True
