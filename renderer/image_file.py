"""Opening an image file that may be anything: the formats promised, a bounded number of reads, as far as it goes."""

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
from typing import Final

import numpy as np
import pi_heif
from PIL import Image, ImageFile, UnidentifiedImageError, _imaging
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from renderer.input_files import open_input
from renderer.tiffs import TiffError, open_tiff

FORMATS: Final = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF", "JPEG2000", "PPM")
"""The formats that are read, by Pillow's names. It knows 33 more, and one of them (EPS) starts another program."""

MAX_PIXELS: Final = 400_000_000
"""A picture with more pixels than this is refused before it is decoded: 1.2 GB of RGB, twice the largest camera's."""

# Pillow refuses what has twice this; its own limit is lower than what phones and film scanners give.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2

MAX_WHOLE_PIXELS: Final = 100_000_000
"""The same for formats other than JPEG, whose decoders can't scale: this many take 1.4 GB on their way to a tile."""

MAX_SIDE: Final = 100_000
"""Pixels a side. JPEG ends at 65,535, and the longest panoramas have about as many."""

MAX_BYTES: Final = 2_000_000_000
"""Of a file. 100 million pixels of four 32-bit channels have 1.6 GB."""

MAX_READS: Final = 200_000
"""Reads of a file. A photo takes 10 to 100, a PNG in blocks of 8 KiB three a block; so many take half a second."""

MAX_BYTES_AT_ONCE: Final = 256_000_000
"""Of a file that is read at once, as WebP, AVIF and HEIC are; three times the largest that were seen."""

MAX_SCANS: Final = 200
"""Scans of a JPEG. Encoders write 1 to 12; 3 × 64 would send every coefficient of the three channels alone."""

_USUAL_SCANS: Final = 20

LARGE_PIXELS: Final = 24_000_000
"""What a phone's photo has. A larger picture whose decoder needs it whole in memory is demanding."""

pi_heif.register_heif_opener()
Image.register_open("TIFF", open_tiff, Image.OPEN["TIFF"][1])

# What Pillow logs of damaged files would reach standard error where nobody has set up logging.
logging.getLogger("PIL").addHandler(logging.NullHandler())

with contextlib.suppress(OSError, AttributeError):  # AttributeError: built into Pillow, and not to be reached
    # libtiff writes what it finds wrong with a file to standard error, past Python.
    for _handler in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        ctypes.CDLL(_imaging.__file__)[_handler](None)


class UnreasonableImageError(OSError):
    """No camera or program makes such an image; the message completes a sentence that begins with its name."""


class _Source(io.BufferedReader):
    """A file's bytes, which are read a limited number of times: what is made of millions of pieces takes minutes."""

    def __init__(self, raw: io.RawIOBase | io.BytesIO, most_reads: float) -> None:
        super().__init__(raw)
        self._left = most_reads

    def read(self, size: int | None = -1, /) -> bytes:
        """As the base class does. Raises UnreasonableImageError."""
        self._left -= 1
        if self._left < 0:
            raise UnreasonableImageError(f"is made of more than {MAX_READS:,} pieces, as no photo is")
        if size is None or size < 0:
            data = super().read(MAX_BYTES_AT_ONCE + 1)
            if len(data) > MAX_BYTES_AT_ONCE:
                raise UnreasonableImageError(f"has more than {MAX_BYTES_AT_ONCE // 1_000_000} MB: export it as JPEG")
            return data
        return super().read(size)


@contextlib.contextmanager
def open_image(source: Path | bytes, *, most_reads: float = MAX_READS) -> Iterator[ImageFile.ImageFile]:
    """Open an image of a promised format, for its header; the one place where Pillow opens anything.

    `most_reads`: infinite for files that this program made. Raises FileError, UnreasonableImageError, and what Pillow
    does.
    """
    raw = open_input(source).detach() if isinstance(source, Path) else io.BytesIO(source)
    with _Source(raw, most_reads) as file, _opened(file) as image:
        yield image


def _opened(file: _Source) -> ImageFile.ImageFile:
    return Image.open(file, formats=FORMATS)


def check_image(image: Image.Image, file_bytes: int) -> None:
    """Raise UnreasonableImageError for what is too large to be decoded, or made to keep a decoder busy."""
    width, height = image.size
    most = MAX_PIXELS if isinstance(image, JpegImageFile) else MAX_WHOLE_PIXELS
    if width * height > most:
        raise UnreasonableImageError(
            f"has {width} × {height} pixels, more than {most // 1_000_000} million: scale it down"
        )
    if max(width, height) > MAX_SIDE:
        raise UnreasonableImageError(f"has {width} × {height} pixels, more than {MAX_SIDE:,} on a side: cut it")
    if file_bytes > MAX_BYTES:
        raise UnreasonableImageError(
            f"has {file_bytes / 1e9:.1f} GB, more than {MAX_BYTES // 1_000_000_000}: scale it down"
        )
    if _scans(image) > MAX_SCANS:
        raise UnreasonableImageError(f"has more than {MAX_SCANS} scans, as no photo has")


def is_demanding(image: Image.Image) -> bool:
    """Whether decoding an image may take a gigabyte, or several seconds; told by its header."""
    pixels = image.width * image.height
    if isinstance(image, JpegImageFile):
        # One scan is decoded row by row; of several, all coefficients are in memory.
        scans = _scans(image)
        return scans > _USUAL_SCANS or pixels > (LARGE_PIXELS if scans > 1 else MAX_WHOLE_PIXELS)
    if isinstance(image, TiffImageFile):
        # libtiff makes room for a whole block of the file, which may be larger than the picture.
        across, along = image.tag_v2.get(_TILE_WIDTH, 1), image.tag_v2.get(_TILE_LENGTH, 1)
        if isinstance(across, int) and isinstance(along, int):
            pixels = max(pixels, across * along)
    return pixels > LARGE_PIXELS


_TILE_WIDTH, _TILE_LENGTH = 322, 323  # TIFF 6.0


def _scans(image: Image.Image) -> int:
    """How many scans a JPEG has, up to one more than are allowed; 1 for other formats. Counted once an image."""
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
            if head[1] == 0xFF:  # fill bytes, few: the header has been read already
                file.seek(-3, io.SEEK_CUR)
            elif head[1] == 0xDA:  # SOS; what follows is its length and its number of components
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
    """One more than the SOS markers before the first EOI marker; coded data hold neither (ITU T.81, B.1.1.5)."""
    markers = (found[0] for found in re.finditer(rb"\xff[\xd9\xda]", data))
    scans = itertools.takewhile(lambda marker: marker == b"\xff\xda", markers)
    return 1 + sum(1 for _ in itertools.islice(scans, MAX_SCANS))


# -- As far as it goes ---------------------------------------------------------------------------------------------


def load_upper(image: ImageFile.ImageFile, draft: tuple[int, int] | None) -> tuple[ImageFile.ImageFile, float]:
    """Decode an image, at the smallest of its decoder's scales that has the size `draft`, if that is given.

    One that is cut off or damaged further down is cut below its last good row, if at least half of its rows are good.
    Returns the decoded image, which may be another object, and the share of rows that is left: 1 of a whole one.
    Raises what Pillow does, UnreasonableImageError, and MemoryError also where the decoder calls it damage.
    """
    if draft is not None:
        image.draft("RGB", draft)
    file = image.fp
    try:
        image.load()
    except Exception as error:
        if file is None or is_transient(error) or isinstance(error, UnreasonableImageError | TiffError):
            raise
        if not _has_memory(image.width * image.height * _BYTES_A_PIXEL):
            raise MemoryError from error
        file.seek(0)
        upper, rows = _good_rows(file.read(), draft)
        share = rows / upper.height
        if share < _MIN_SAID:
            raise
        if share < _MIN_SHARE:
            raise UnreasonableImageError(f"is damaged: only the upper {share:.0%} of it can be read") from error
    else:
        return image, 1.0
    if rows < upper.height:
        upper.im = upper.im.crop((0, 0, upper.width, rows))
        upper._size = (upper.width, rows)  # as Pillow's own functions do that change an image in place
    if isinstance(upper, TiffImageFile):
        TiffImageFile.load_end(upper)  # turns it
    return upper, share


_MIN_SHARE: Final = 0.5
"""Of its rows: a damaged picture of which fewer can be read is refused."""

_MIN_SAID: Final = 0.01  # of its rows: with fewer, the decoder's own words say more

_BYTES_A_PIXEL: Final = 16  # of memory that decoders take: coefficients, a row's copies, and the picture itself

_PASSING_WORDS: Final = ("out of memory", "memory allocation", "memory_allocation", "not enough memory")

_DAMAGE: Final = frozenset([None, errno.EINVAL, errno.EOVERFLOW, errno.ESPIPE])
"""Error numbers of what decoders raise themselves, and of seeking to where a damaged header points."""


def is_transient(error: BaseException) -> bool:
    """Whether an error of a decoder or of the file system says nothing about the bytes of the file."""
    if isinstance(error, OSError) and not isinstance(error, UnidentifiedImageError) and error.errno not in _DAMAGE:
        return True
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _PASSING_WORDS)


def _has_memory(count: int) -> bool:
    """Whether so many bytes can be had now: libjpeg says of a lack of memory what it says of damage."""
    try:
        np.empty(count, np.uint8)
    except MemoryError:
        return False
    return True


def _good_rows(data: bytes, draft: tuple[int, int] | None) -> tuple[ImageFile.ImageFile, int]:
    """A damaged image decoded as far as it goes, and how many of its rows, from the top, are whole."""
    is_jpeg = data.startswith(b"\xff\xd8")
    # libjpeg keeps the last rows back until it has seen the end marker, and with that fills what is missing with grey.
    image, done = _decoded(data + _EOI if is_jpeg else data, draft, 0)
    if is_jpeg and done:
        # More data changes nothing where none is missing. (1 KiB: several blocks of 16 × 16 pixels.)
        other, _ = _decoded(data + b"\x55" * 1024 + _EOI, draft, 0)
        if np.array_equal(np.asarray(image), np.asarray(other)):
            return image, image.height
        ends = np.asarray(image)[:, -1].reshape(image.height, -1).astype(int)
        present = (np.abs(ends - 128) > 1).any(axis=1).nonzero()[0]
        rows = int(present[-1]) + 1 if len(present) else 0
        return image, rows if rows == image.height else max(rows - 1, 0)  # the last has colours of the grey below
    # What was not decoded is what was there before.
    other, _ = _decoded(data, draft, 255)
    differs = np.asarray(image)[:, -1] != np.asarray(other)[:, -1]
    missing = differs.reshape(image.height, -1).any(axis=1).nonzero()[0]
    return image, int(missing[0]) if len(missing) else image.height


_EOI: Final = b"\xff\xd9"  # the end of a JPEG


def _decoded(data: bytes, draft: tuple[int, int] | None, before: int) -> tuple[ImageFile.ImageFile, bool]:
    """What of an image can be decoded, not turned, over pixels of a value `before`; and whether that was all of it."""
    image = _opened(_Source(io.BytesIO(data), MAX_READS))
    if draft is not None:
        image.draft("RGB", draft)
    bands = len(image.getbands())
    image._size = getattr(image, "_tile_size", image.size)  # of a TIFF, before it is turned
    image.im = _imaging.fill(image.mode, image.size, before if bands == 1 else (before,) * bands)
    image.load_end = lambda: None  # type: ignore[method-assign]  # it would turn a TIFF
    try:
        image.load()
    except Exception:  # whatever decoders raise
        image.tile = []  # so that nothing tries again
        return image, False
    return image, True
