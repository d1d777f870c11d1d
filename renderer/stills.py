"""Write stills in strips: PNG, JPEG and TIFF of any size that the format allows, WebP up to a memory limit.

A picture is passed as strips of rows from top to bottom. Several strips are encoded at a time, in threads, and written
in order, so that neither the picture nor the file is ever completely in memory. Files are tagged as sRGB and contain no
other metadata: no date, no location, no software.
"""

from __future__ import annotations

import io
import shutil
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from renderer.errors import InputError
from renderer.messages import named
from renderer.output_files import new_file
from renderer.paths import existing_folder
from renderer.pictures import Pixels
from renderer.threads import in_order

JPEG_QUALITY: Final = 95
"""Used with full chroma resolution, so that prints show no compression artefacts."""

MAX_WEBP_PIXELS: Final = 40_000_000
"""WebP is encoded in memory, 12 bytes per pixel: 480 MB for this many."""

_STRIP_PIXELS: Final = 4_000_000
_ALIGNED_ROWS: Final = 64  # restart markers are numbered 0 to 7, one per 8 rows of a JPEG

Shape = tuple[int, int, int]
"""Width, height and channels: 3 (RGB) or 4 (RGB and straight alpha)."""

Write = Callable[[Path, Shape, Iterable[Pixels], float | None], None]


@dataclass(frozen=True)
class _Format:
    name: str
    max_side: int  # pixels
    write: Write
    max_pixels: int = 2**62  # width × height


def strip_rows(width: int) -> int:
    """Return the rows of a strip of a picture `width` pixels wide: about 4 megapixels, a multiple of 64 rows."""
    return max(_STRIP_PIXELS // width // _ALIGNED_ROWS, 1) * _ALIGNED_ROWS


def in_strips(pixels: Pixels) -> Iterator[Pixels]:
    """Split a picture into the strips that `write_still` takes."""
    rows = strip_rows(pixels.shape[1])
    return (pixels[top : top + rows] for top in range(0, len(pixels), rows))


def check_size(path: Path, size: tuple[int, int]) -> None:
    """Raise InputError if the format of a path does not support a picture of a size."""
    form, (width, height) = _format_of(path), size
    if max(size) > form.max_side:
        limit = f"{form.max_side:,} pixels per side"
    elif width * height > form.max_pixels:
        limit = f"{form.max_pixels // 1_000_000} megapixels, since it is encoded in memory"
    else:
        return
    larger = ".tif" if max(size) > JPEG.max_side else ".jpg, .png or .tif"
    raise InputError(
        f"{path} can't have {width} × {height} pixels, because {form.name} is limited to {limit}: use another format, "
        f"such as {larger}"
    )


def write_still(
    path: Path,
    size: tuple[int, int],
    strips: Iterable[Pixels],
    *,
    dpi: float | None = None,
    transparent: bool = False,
    overwrite: bool = False,
) -> None:
    """Write a picture in the format of its extension; the file appears under its name only when it is complete.

    `size`: width and height. `strips`: its rows from top to bottom, (`strip_rows(width)`, width, 3) sRGB each, or with
    straight alpha, (`strip_rows(width)`, width, 4), if `transparent`; the last one is shorter. They may be generated
    while the file is written, and must not be changed afterwards. `dpi` is stored in the file, except in WebP. Memory:
    55 MB for each of at most 5 strips. Raises InputError for a size that the format does not support, or transparency,
    and what `new_file` raises.
    """
    check_size(path, size)
    if transparent:
        check_transparency(path)
    channels = 4 if transparent else 3
    with new_file(path, overwrite=overwrite) as temporary:
        _format_of(path).write(temporary, (*size, channels), _checked(strips, (*size, channels)), dpi)


_MIN_BYTES: Final = {".jpg": 0.15, ".jpeg": 0.15, ".webp": 0.1}
"""Bytes per pixel of a mosaic, slightly less than measured; other formats take 0.6 or more."""


def check_disk_space(path: Path, size: tuple[int, int]) -> None:
    """Raise InputError if a picture of a size does not fit on the disk. Drawing it may take hours, so check first."""
    needed = size[0] * size[1] * _MIN_BYTES.get(path.suffix.lower(), 0.6)
    check_free_space(path, size, needed, f"a smaller {named('paper')}, {named('dpi')} or {named('tile_pixels')}")


def check_free_space(path: Path, size: tuple[int, int], needed: float, smaller: str) -> None:
    """Raise InputError if the disk of a path has less than `needed` bytes free for a picture of a size.

    `smaller`: what the user can change to need less, for the message.
    """
    free = shutil.disk_usage(existing_folder(path)).free
    if needed > free:
        raise InputError(
            f"{path} of {size[0]} × {size[1]} pixels takes at least {needed / 1e6:,.1f} MB, and {free / 1e6:,.1f} MB "
            f"are free: use {smaller}, or another disk"
        )


TRANSPARENT: Final = (".png", ".webp", ".tif", ".tiff")
"""Extensions of stills that support transparency."""


def check_transparency(path: Path) -> None:
    """Raise InputError if the format of a path does not support transparency."""
    if path.suffix.lower() not in TRANSPARENT:
        raise InputError(f"A transparent background is not possible in {path.name}: use .png or .webp")


def write_picture(path: Path, pixels: Pixels, *, overwrite: bool = False) -> None:
    """Write a picture as `write_still` does: (H, W, 3), or with straight alpha (H, W, 4) if the format supports it."""
    height, width, channels = pixels.shape
    write_still(path, (width, height), in_strips(pixels), transparent=channels == 4, overwrite=overwrite)


def _format_of(path: Path) -> _Format:
    return _FORMATS[path.suffix.lower()]


def _checked(strips: Iterable[Pixels], shape: Shape) -> Iterator[Pixels]:
    """Yield the strips unchanged. Raises ValueError if they do not make up a picture of that shape."""
    (width, height, channels), rows, top = shape, strip_rows(shape[0]), 0
    for strip in strips:
        if strip.shape != (min(rows, height - top), width, channels) or strip.dtype != np.uint8:
            raise ValueError(f"a strip of {strip.shape} at row {top} of {height}: expected {rows} rows of {width}")
        top += len(strip)
        yield strip
    if top != height:
        raise ValueError(f"strips have {top} rows in total, expected {height}")


@cache
def _srgb_profile() -> bytes:
    """Return an sRGB ICC profile with a fixed creation date, so that it is always the same."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + profile[36:]


def _deflate(data: npt.NDArray[np.uint8], flush: int, *, wrapped: bool) -> bytes:
    """Return deflated bytes: a zlib stream if `wrapped`, otherwise raw.

    Only runs are searched: the residual of the prediction is noise for photos, where longer matches save 0.5 % and take
    three times as long.
    """
    packer = zlib.compressobj(1, zlib.DEFLATED, 15 if wrapped else -15, 9, zlib.Z_RLE)
    return packer.compress(data.data) + packer.flush(flush)


# -- PNG: ISO/IEC 15948 --------------------------------------------------------------------------------------------

_PNG_COLOURS: Final = {3: 2, 4: 6}  # colour types by number of channels

_PAETH: Final = 4  # the filter type that is best for nearly every row of photos


def _write_png(path: Path, shape: Shape, strips: Iterable[Pixels], dpi: float | None) -> None:
    checksum = zlib.adler32(b"")

    def predicted() -> Iterator[tuple[Pixels, Pixels | None]]:
        above: Pixels | None = None
        for strip in strips:
            yield strip, above
            above = strip[-1:]

    def encode(strip: tuple[Pixels, Pixels | None]) -> bytes:
        rows = _paeth(*strip)
        # Raw parts that end on a byte boundary can be concatenated; each part is preceded by its checksum and length.
        return struct.pack(">II", zlib.adler32(rows.data), rows.size) + _deflate(rows, zlib.Z_SYNC_FLUSH, wrapped=False)

    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        _png_chunk(file, b"IHDR", struct.pack(">IIBBBBB", *shape[:2], 8, _PNG_COLOURS[shape[2]], 0, 0, 0))
        _png_chunk(file, b"sRGB", b"\0")  # perceptual intent
        if dpi is not None:
            pixels_per_metre = round(dpi / 0.0254)
            _png_chunk(file, b"pHYs", struct.pack(">IIB", pixels_per_metre, pixels_per_metre, 1))
        _png_chunk(file, b"IDAT", b"\x78\x01")  # zlib's header
        for part in in_order(encode, predicted()):
            checksum = _combined_adler32(checksum, *struct.unpack(">II", part[:8]))
            _png_chunk(file, b"IDAT", part[8:])
        _png_chunk(file, b"IDAT", b"\x03\x00" + struct.pack(">I", checksum))  # an empty final block
        _png_chunk(file, b"IEND", b"")


def _png_chunk(file: io.BufferedWriter, name: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + name)
    file.write(data)
    file.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(name))))


def _paeth(rows: Pixels, above: Pixels | None) -> npt.NDArray[np.uint8]:
    """Return the Paeth residuals of rows (H, W, C), each preceded by its filter type: (H, 1 + C W)."""
    height, width, left = rows.shape  # a pixel's left neighbour is as many bytes before it as it has channels
    filtered = np.empty((height, 1 + width * left), np.uint8)
    filtered[:, 0] = _PAETH
    line = np.zeros(left + width * left, np.int16)  # a row and the one above, each preceded by a black pixel
    upper = np.zeros_like(line)
    if above is not None:
        upper[left:] = above.reshape(-1)
    for row, left_of in zip(rows.reshape(height, -1), filtered[:, 1:], strict=True):
        line[left:] = row
        a, b, c = line[:-left], upper[left:], upper[:-left]
        from_a, from_b = b - c, a - c
        from_c = np.abs(from_a + from_b)
        np.abs(from_a, out=from_a)
        np.abs(from_b, out=from_b)
        nearest = np.where(from_b <= from_c, b, c)
        np.copyto(nearest, a, where=(from_a <= from_b) & (from_a <= from_c))
        np.subtract(line[left:], nearest, out=nearest)
        left_of[:] = nearest.view(np.uint16)
        line, upper = upper, line
    return filtered


def _combined_adler32(first: int, second: int, length: int) -> int:
    """Return the Adler-32 checksum (RFC 1950) of two parts, from theirs and the length in bytes of the second."""
    prime = 65521
    low = ((first & 0xFFFF) + (second & 0xFFFF) - 1) % prime
    high = ((first >> 16) + (second >> 16) + length * ((first & 0xFFFF) - 1)) % prime
    return high << 16 | low


# -- JPEG: ITU-T T.81 ----------------------------------------------------------------------------------------------


def _write_jpeg(path: Path, shape: Shape, strips: Iterable[Pixels], dpi: float | None) -> None:
    """Encode each strip as a separate JPEG with the same tables, and concatenate the scans.

    A restart marker after each row of blocks makes this possible: decoding restarts at each row, and since a strip has
    a multiple of eight rows of blocks, the marker numbers (0 to 7, cyclic) continue from one strip to the next.
    """
    density = {} if dpi is None else {"dpi": (round(dpi), round(dpi))}

    def encode(strip: Pixels) -> bytes:
        encoded = io.BytesIO()
        Image.fromarray(strip).save(
            encoded, "JPEG", quality=JPEG_QUALITY, subsampling=0, restart_marker_rows=1,
            icc_profile=_srgb_profile(), **density,
        )  # fmt: skip
        return encoded.getvalue()

    with path.open("wb") as file:
        for number, strip in enumerate(in_order(encode, strips)):
            frame, scan = _jpeg_parts(strip)
            if number == 0:
                file.write(strip[: frame + 5] + struct.pack(">H", shape[1]) + strip[frame + 7 : scan])
            else:
                file.write(b"\xff\xd7")  # the restart marker of number 7
            file.write(strip[scan:-2])
        file.write(b"\xff\xd9")  # the end


def _jpeg_parts(jpeg: bytes) -> tuple[int, int]:
    """Return the offsets of the frame header and of the coded data."""
    offset, frame = 2, 0
    while True:
        marker, length = struct.unpack_from(">HH", jpeg, offset)
        if marker == 0xFFC0:
            frame = offset
        offset += 2 + length
        if marker == 0xFFDA:
            return frame, offset


# -- TIFF and WebP -------------------------------------------------------------------------------------------------


def _write_tiff(path: Path, shape: Shape, strips: Iterable[Pixels], dpi: float | None) -> None:
    from tifffile import TiffWriter  # takes a fifth of a second to import

    def encode(strip: Pixels) -> bytes:
        residual = strip.copy()
        residual[:, 1:] -= strip[:, :-1]
        return _deflate(residual, zlib.Z_FINISH, wrapped=True)

    width, height, channels = shape
    with TiffWriter(path, bigtiff=width * height * channels > 4_000_000_000) as file:
        file.write(
            in_order(encode, strips), shape=(height, width, channels), dtype=np.uint8, photometric="rgb",
            extrasamples=["unassalpha"] * (channels - 3),
            rowsperstrip=strip_rows(width), compression="zlib", predictor=True, iccprofile=_srgb_profile(),
            resolution=None if dpi is None else (dpi, dpi), resolutionunit="INCH" if dpi is not None else None,
            metadata=None, software=False,
        )  # fmt: skip


def _write_webp(path: Path, shape: Shape, strips: Iterable[Pixels], _dpi: float | None) -> None:
    whole = np.empty((shape[1], shape[0], shape[2]), np.uint8)
    top = 0
    for strip in strips:
        whole[top : top + len(strip)] = strip
        top += len(strip)
    Image.fromarray(whole).save(path, "WEBP", quality=95, icc_profile=_srgb_profile())


PNG: Final = _Format("PNG", 2**31 - 1, _write_png)
JPEG: Final = _Format("JPEG", 65_500, _write_jpeg)
TIFF: Final = _Format("TIFF", 2**31 - 1, _write_tiff)
WEBP: Final = _Format("WebP", 16_383, _write_webp, MAX_WEBP_PIXELS)

_FORMATS: Final = {".png": PNG, ".jpg": JPEG, ".jpeg": JPEG, ".webp": WEBP, ".tif": TIFF, ".tiff": TIFF}

STILL_SUFFIXES: Final = tuple(_FORMATS)
"""Extensions of stills."""
