"""TIFFs that Pillow doesn't read or reads wrong: raw files, thumbnails before pictures, deep and planar samples."""

from __future__ import annotations

import itertools
import logging
from typing import IO, TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

if TYPE_CHECKING:
    from PIL._imaging import PixelAccess
    from tifffile import TiffPage

RAW_FILE: Final = "is a camera's raw file: export it as JPEG"

_RAW_BEGINNINGS: Final = (
    (0, b"IIRO"), (0, b"IIRS"), (0, b"MMOR"),  # Olympus
    (0, b"IIU\0"),  # Panasonic, Leica
    (0, b"FUJIFILMCCD-RAW"), (0, b"FOVb"), (0, b"\0MRM"),  # Fujifilm, Sigma, Minolta
    (4, b"ftypcrx "), (6, b"HEAPCCDR"), (8, b"CR\2"),  # Canon: CR3, CRW, CR2
    (8, b"IIII"), (8, b"MMMM"),  # Phase One
)  # fmt: skip
"""Offsets and bytes by which raw files are known that are not told by their TIFF tags."""

_NEW_SUBFILE, _SUBFILE, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 255, 258, 259, 262  # TIFF 6.0
_PLANAR, _SUB_PAGES, _SAMPLE_FORMAT, _DNG_VERSION = 284, 330, 339, 50706
_KEPT: Final = (0x0112, 0x013B, 0x8298)  # orientation, artist, copyright

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK = 0, 1, 2, 5  # values of PhotometricInterpretation
_SENSOR: Final = (32803, 34892)  # a colour filter array, linear raw: TIFF/EP, DNG 1.6

_REDUCED_OR_MASK: Final = 0b101  # bits of NewSubfileType

_MAX_PAGES: Final = 32  # that are looked at

_MAX_BYTES: Final = 1_200_000_000
"""Of samples: as much as the largest picture that Pillow is given takes on its way."""

_READ_HERE: Final = (1, 8, 32773, 32946)  # no compression, Deflate, PackBits; tifffile needs a library for the others


class TiffError(ValueError):
    """A TIFF is not a picture that can be used; the message says why, without the path."""


def is_raw(beginning: bytes) -> bool:
    """Whether a file with these first 16 bytes is a camera's raw file that is no ordinary TIFF."""
    return any(beginning[at : at + len(mark)] == mark for at, mark in _RAW_BEGINNINGS)


def open_tiff(file: IO[bytes], name: str | bytes = "") -> ImageFile.ImageFile:
    """Open a TIFF at its first full-sized page: by Pillow, or by tifffile where Pillow can't or would read it wrong.

    Raises TiffError for what is recognised and no usable picture, and what Pillow raises.
    """
    file.seek(0)
    if is_raw(file.read(16)):
        raise TiffError(RAW_FILE)
    try:
        file.seek(0)
        image = TiffImageFile(file, name)
        tags = image.tag_v2
        if not (
            _DNG_VERSION in tags or _SUB_PAGES in tags or _is_reduced(tags.get(_NEW_SUBFILE), tags.get(_SUBFILE))
        ) and _reads_right(image):
            return image
    except SyntaxError:  # layouts that Pillow doesn't know
        pass
    number, page = _full_page(file)
    if number is not None:
        try:
            file.seek(0)
            image = TiffImageFile(file, name)
            image.seek(number)
            if _reads_right(image):
                return image
        except SyntaxError:
            pass
    return _DeepTiff(file, page)


def _is_reduced(new: int | None, old: int | None) -> bool:
    return bool((new or 0) & _REDUCED_OR_MASK) or old == 2


def _reads_right(image: TiffImageFile) -> bool:
    """Whether Pillow decodes a page as it is meant."""
    tags = image.tag_v2
    bits, kinds = tags.get(_BITS, (1,)), set(tags.get(_SAMPLE_FORMAT, (1,)))
    photometric, compressed = tags.get(_PHOTOMETRIC, _WHITE_IS_ZERO), tags.get(_COMPRESSION, 1) != 1
    if kinds == {3}:  # floats; compressed ones are decoded in this machine's order of bytes, and read in the file's
        return photometric == _BLACK_IS_ZERO and (tags.prefix == b"II" or not compressed)
    if kinds != {1} or max(bits) > 16 or (max(bits) > 8 and photometric == _WHITE_IS_ZERO):
        return False
    return len(bits) == 1 or tags.get(_PLANAR, 1) == 1 or (compressed and photometric in (_RGB, _CMYK))


def _full_page(file: IO[bytes]) -> tuple[int | None, TiffPage]:
    """A TIFF's first page that is a picture of full size, with its number if it is no page's subpage."""
    from tifffile import TiffFile, TiffPage  # 0.1 s, which only such a TIFF needs

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what is odd in a file is for nobody to read
    file.seek(0)
    tiff = TiffFile(file)
    pages = [page for page in itertools.islice(tiff.pages, _MAX_PAGES) if isinstance(page, TiffPage)]
    numbered: list[tuple[int | None, TiffPage]] = list(enumerate(pages))
    for page in pages:
        if page.subifds:
            numbered += [
                (None, each) for each in itertools.islice(page.pages or (), _MAX_PAGES) if isinstance(each, TiffPage)
            ]
    if any(_DNG_VERSION in page.tags or page.photometric in _SENSOR for _, page in numbered):
        raise TiffError(RAW_FILE)
    for number, page in numbered:
        if not _is_reduced(page.subfiletype, page.tags.valueof(_SUBFILE)):
            return number, page
    raise TiffError("holds only a thumbnail (its page is marked as reduced): export the picture itself")


class _DeepTiff(ImageFile.ImageFile):
    """A page that tifffile reads, as a picture of eight bits in the order of the file: not yet upright."""

    format = "TIFF"
    format_description = "TIFF of samples that Pillow does not read"

    def __init__(self, file: IO[bytes], page: TiffPage) -> None:
        self._page: TiffPage | None = page
        super().__init__(file)

    def _open(self) -> None:
        page = self._page
        if page is None or page.dtype is None:
            raise TiffError("holds no picture")
        ink = page.photometric
        colours = {_WHITE_IS_ZERO: "L", _BLACK_IS_ZERO: "L", _RGB: "RGB", _CMYK: "CMYK"}.get(ink)
        samples, bits = page.samplesperpixel, 8 * page.dtype.itemsize
        if (
            colours is None
            or page.axes not in ("YX", "YXS", "SYX")
            or samples < len(colours)
            or page.dtype.kind not in "uf"
            or page.bitspersample != bits
            or page.compression not in _READ_HERE
            or page.predictor not in (1, 2)
        ):
            kind = {"u": "whole", "i": "signed", "f": "floating-point", "c": "complex"}.get(page.dtype.kind, "other")
            raise TiffError(
                f"holds {page.bitspersample}-bit {kind} numbers in a form that can't be read "
                f"({samples} a pixel, compression {page.compression}): save it with 8 or 16 bits a channel"
            )
        if page.nbytes > _MAX_BYTES:
            raise TiffError(f"takes {page.nbytes / 1e9:.1f} GB of memory: save it with 8 bits a channel")
        extra = page.extrasamples[0] if page.extrasamples and ink != _CMYK else 0
        self._premultiplied = extra == 1
        self._mode = colours + ("A" if extra in (1, 2) else "")
        self._size = (page.imagewidth, page.imagelength)
        self.tile = []
        exif = Image.Exif()
        for tag in _KEPT:
            if (value := page.tags.valueof(tag)) is not None:
                exif[tag] = int(value) if isinstance(value, int) else value
        if isinstance(block := page.tags.valueof(0x8769), dict) and "DateTimeOriginal" in block:
            exif.get_ifd(0x8769)[0x9003] = block["DateTimeOriginal"]
        self.info["exif"] = exif.tobytes()
        if isinstance(profile := page.tags.valueof(34675), bytes):
            self.info["icc_profile"] = profile

    def load(self) -> PixelAccess | None:
        """Decode the page, once."""
        if self._page is not None:
            page, self._page = self._page, None
            values = to_bytes(page.asarray(maxworkers=1))
            if page.axes == "SYX":
                values = np.moveaxis(values, 0, -1)
            values = np.ascontiguousarray(values.reshape(*values.shape[:2], -1)[..., : len(self.getbands())])
            if page.photometric == _WHITE_IS_ZERO:
                np.subtract(255, values[..., 0], out=values[..., 0])
            stored = self.mode.replace("A", "a") if self._premultiplied else self.mode
            self.im = Image.frombuffer(stored, self.size, values, "raw", stored, 0, 1).convert(self.mode).im
        return super().load()


def to_bytes(samples: npt.NDArray[np.generic], highest: float | None = None) -> npt.NDArray[np.uint8]:
    """Samples of whole numbers or floats as eight bits, same shape; what is no number is 0.

    `highest`: the sample that is white. Without it that is the largest number of up to 16 bits; of 32 bits and of
    floats, whose range no tag tells, it is the least of the usual ones that fits: 1 for floats of which most are not
    above it (the rest are highlights), else 255 or 65535, or all 32 bits. Raises TiffError if none fits.
    """
    if samples.dtype == np.uint8:
        return samples.astype(np.uint8, copy=False)
    white = highest or _highest(samples)
    values = np.empty(samples.shape, np.uint8)
    for band, out in zip(samples, values, strict=True):  # a row or a plane, so that there is no float copy of the whole
        row = np.nan_to_num(band.astype(np.float32), copy=False, nan=0, posinf=white, neginf=0)
        out[...] = np.clip(row * np.float32(255 / white) + np.float32(0.5), 0, 255)
    return values


def _highest(samples: npt.NDArray[np.generic]) -> float:
    if samples.dtype == np.uint16:
        return 65535.0
    some = samples.reshape(-1)[:: max(samples.size // 1_000_000, 1)].astype(np.float64)
    some = some[np.isfinite(some)]
    if not some.size:
        raise TiffError("holds no numbers: export it anew")
    some = some[some > 0]
    if samples.dtype.kind == "f" and (not some.size or np.median(some) <= 1):
        return 1.0
    peak = float(some.max(initial=0))
    ranges = (255.0, 65535.0, float(2**32 - 1))[: 3 if samples.dtype.kind == "u" else 2]
    slack = 1.05 if samples.dtype.kind == "f" else 1.0  # resampling overshoots
    for white in ranges:
        if peak <= white * slack:
            if samples.dtype.kind == "f" and peak < white / 16:  # neither bytes nor 16 bits: it would be nearly black
                break
            return white
    raise TiffError(f"holds values up to {peak:.3g}: scale them to 0…1")
