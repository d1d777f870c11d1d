"""TIFF files that Pillow can't read or misreads: raw files, leading thumbnails, deep and planar samples."""

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

RAW_FILE: Final = "is a raw file of a camera: export it as JPEG"

_RAW_SIGNATURES: Final = (
    (0, b"IIRO"), (0, b"IIRS"), (0, b"MMOR"),  # Olympus
    (0, b"IIU\0"),  # Panasonic, Leica
    (0, b"FUJIFILMCCD-RAW"), (0, b"FOVb"), (0, b"\0MRM"),  # Fujifilm, Sigma, Minolta
    (4, b"ftypcrx "), (6, b"HEAPCCDR"), (8, b"CR\2"),  # Canon: CR3, CRW, CR2
    (8, b"IIII"), (8, b"MMMM"),  # Phase One
)  # fmt: skip
"""Offsets and bytes of raw files that can't be recognized by their TIFF tags."""

_NEW_SUBFILE, _SUBFILE, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 255, 258, 259, 262  # TIFF 6.0
_PLANAR, _SUB_PAGES, _SAMPLE_FORMAT, _DNG_VERSION = 284, 330, 339, 50706
_COPIED_TAGS: Final = (0x0112, 0x013B, 0x8298)  # orientation, artist, copyright

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK = 0, 1, 2, 5  # values of PhotometricInterpretation
_SENSOR: Final = (32803, 34892)  # a colour filter array, linear raw: TIFF/EP, DNG 1.6

_REDUCED_OR_MASK: Final = 0b101  # bits of NewSubfileType

_MAX_PAGES: Final = 32  # pages that are examined

_MAX_BYTES: Final = 1_200_000_000
"""Maximum size of the samples: the memory that Pillow takes for the largest picture it decodes."""

_COMPRESSIONS: Final = (1, 8, 32773, 32946)  # none, Deflate, PackBits; tifffile needs a library for the others


class TiffError(ValueError):
    """A TIFF can't be used as a picture; the message says why, without the path."""


def is_raw(start: bytes) -> bool:
    """Return whether the first 16 bytes of a file are those of a raw file that is not an ordinary TIFF."""
    return any(start[offset : offset + len(signature)] == signature for offset, signature in _RAW_SIGNATURES)


def open_tiff(file: IO[bytes], name: str | bytes = "") -> ImageFile.ImageFile:
    """Open a TIFF at its first full-sized page: with Pillow, or with tifffile if Pillow can't read it or misreads it.

    Raises TiffError for a recognized file that is not a usable picture, and what Pillow raises.
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
        ) and _is_read_correctly(image):
            return image
    except SyntaxError:  # a layout that Pillow does not support
        pass
    number, page = _full_page(file)
    if number is not None:
        try:
            file.seek(0)
            image = TiffImageFile(file, name)
            image.seek(number)
            if _is_read_correctly(image):
                return image
        except SyntaxError:
            pass
    return _DeepTiff(file, page)


def _is_reduced(new: int | None, old: int | None) -> bool:
    return bool((new or 0) & _REDUCED_OR_MASK) or old == 2


def _is_read_correctly(image: TiffImageFile) -> bool:
    """Return whether Pillow decodes a page correctly."""
    tags = image.tag_v2
    bits, kinds = tags.get(_BITS, (1,)), set(tags.get(_SAMPLE_FORMAT, (1,)))
    photometric, compressed = tags.get(_PHOTOMETRIC, _WHITE_IS_ZERO), tags.get(_COMPRESSION, 1) != 1
    if kinds == {3}:  # floats; Pillow decodes compressed ones in native byte order, but reads them in the file's
        return photometric == _BLACK_IS_ZERO and (tags.prefix == b"II" or not compressed)
    if kinds != {1} or max(bits) > 16 or (max(bits) > 8 and photometric == _WHITE_IS_ZERO):
        return False
    return len(bits) == 1 or tags.get(_PLANAR, 1) == 1 or (compressed and photometric in (_RGB, _CMYK))


def _full_page(file: IO[bytes]) -> tuple[int | None, TiffPage]:
    """Return a TIFF's first full-sized page, and its number unless it is a subpage."""
    from tifffile import TiffFile, TiffPage  # takes 0.1 s, and only such a TIFF needs it

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # oddities of a file are not worth reporting
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
    raise TiffError("contains only a thumbnail (its page is marked as reduced): export the full picture")


class _DeepTiff(ImageFile.ImageFile):
    """A page that tifffile reads, as an 8-bit picture in the orientation of the file."""

    format = "TIFF"
    format_description = "TIFF with samples that Pillow does not read"

    def __init__(self, file: IO[bytes], page: TiffPage) -> None:
        self._page: TiffPage | None = page
        super().__init__(file)

    def _open(self) -> None:
        page = self._page
        if page is None or page.dtype is None:
            raise TiffError("contains no picture")
        photometric = page.photometric
        colours = {_WHITE_IS_ZERO: "L", _BLACK_IS_ZERO: "L", _RGB: "RGB", _CMYK: "CMYK"}.get(photometric)
        samples, bits = page.samplesperpixel, 8 * page.dtype.itemsize
        if (
            colours is None
            or page.axes not in ("YX", "YXS", "SYX")
            or samples < len(colours)
            or page.dtype.kind not in "uf"
            or page.bitspersample != bits
            or page.compression not in _COMPRESSIONS
            or page.predictor not in (1, 2)
        ):
            kind = {"u": "integer", "i": "signed", "f": "floating-point", "c": "complex"}.get(page.dtype.kind, "other")
            raise TiffError(
                f"has {page.bitspersample}-bit {kind} samples in an unsupported form "
                f"({samples} per pixel, compression {page.compression}): save it with 8 or 16 bits per channel"
            )
        if page.nbytes > _MAX_BYTES:
            raise TiffError(f"takes {page.nbytes / 1e9:.1f} GB of memory: save it with 8 bits per channel")
        extra = page.extrasamples[0] if page.extrasamples and photometric != _CMYK else 0
        self._premultiplied = extra == 1
        self._mode = colours + ("A" if extra in (1, 2) else "")
        self._size = (page.imagewidth, page.imagelength)
        self.tile = []
        exif = Image.Exif()
        for tag in _COPIED_TAGS:
            if (value := page.tags.valueof(tag)) is not None:
                exif[tag] = int(value) if isinstance(value, int) else value
        if isinstance(block := page.tags.valueof(0x8769), dict) and "DateTimeOriginal" in block:
            exif.get_ifd(0x8769)[0x9003] = block["DateTimeOriginal"]
        self.info["exif"] = exif.tobytes()
        if isinstance(profile := page.tags.valueof(34675), bytes):
            self.info["icc_profile"] = profile

    def load(self) -> PixelAccess | None:
        """Decode the page, on the first call only."""
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
    """Convert integer or float samples to 8 bits, same shape; NaN becomes 0.

    `highest`: the sample value of white. By default, the largest number of 8 or 16 bits. No tag states the range of
    32-bit integers and floats; for them, it is the smallest usual value that fits: 1 for floats whose median is at most
    1 (the rest are highlights), else 255, 65535 or the largest 32-bit number. Raises TiffError if none fits.
    """
    if samples.dtype == np.uint8:
        return samples.astype(np.uint8, copy=False)
    white = highest or _white_value(samples)
    values = np.empty(samples.shape, np.uint8)
    # Row by row or plane by plane, to avoid a float copy of everything.
    for band, out in zip(samples, values, strict=True):
        row = np.nan_to_num(band.astype(np.float32), copy=False, nan=0, posinf=white, neginf=0)
        out[...] = np.clip(row * np.float32(255 / white) + np.float32(0.5), 0, 255)
    return values


def _white_value(samples: npt.NDArray[np.generic]) -> float:
    if samples.dtype == np.uint16:
        return 65535.0
    sample = samples.reshape(-1)[:: max(samples.size // 1_000_000, 1)].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        raise TiffError("contains no finite numbers: export it again")
    sample = sample[sample > 0]
    if samples.dtype.kind == "f" and (not sample.size or np.median(sample) <= 1):
        return 1.0
    peak = float(sample.max(initial=0))
    ranges = (255.0, 65535.0, float(2**32 - 1))[: 3 if samples.dtype.kind == "u" else 2]
    slack = 1.05 if samples.dtype.kind == "f" else 1.0  # resampling may overshoot
    for white in ranges:
        if peak <= white * slack:
            if samples.dtype.kind == "f" and peak < white / 16:  # neither 8 nor 16 bits: it would be nearly black
                break
            return white
    raise TiffError(f"has values up to {peak:.3g}: scale them to 0…1")
